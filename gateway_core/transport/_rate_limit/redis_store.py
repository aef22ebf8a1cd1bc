"""The turns of one account for processes on any machine, on a Redis server."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from pyrate_limiter import RateItem, RedisBucket
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from gateway_core.errors import ConfigurationError
from gateway_core.transport._rate_limit.rules import LEASE, Rules, StoreError

#: How many seconds the server may take to accept a connection, and to answer: it needs less than a millisecond.
_TIMEOUT = 1.0

#: What each script begins with. Moments are microseconds of the server's clock; written by `%.0f`, since Lua would
#: round them to fourteen digits. One that is further ahead than possible, as the clock was set back, has passed.
_BEGIN = """
local turn, log, owner, seconds, furthest = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', turn, 'owner', 'left', 'until', 'closed')
local mine, left = state[1] == owner, state[2] ~= '0'
local function moment(text)
    local at = tonumber(text or '0')
    return at <= now + furthest and at or 0
end
local function write(name, at)
    redis.call('HSET', turn, name, string.format('%.0f', at))
end
local function keep()
    redis.call('PEXPIRE', turn, math.ceil(furthest / 500))
    redis.call('PEXPIRE', log, math.ceil(furthest / 500))
end
local function newest()
    local entry = redis.call('ZRANGE', log, -1, -1)[1]
    return entry and string.sub(entry, 1, #owner) == owner and entry
end
"""

#: {microseconds to wait or 0, milliseconds now, whether the log has this owner's request already}
_TAKE = f"""{_BEGIN}
if not mine or left then
    local till, closed, nap = moment(state[3]), moment(state[4]), tonumber(ARGV[4])
    if now < till then return {{left and till - now or math.min(till - now, nap), 0, 0}} end
    if now < closed then return {{closed - now, 0, 0}} end
end
redis.call('HSET', turn, 'owner', owner, 'left', '0')
write('until', now + seconds)
keep()
return {{0, math.floor(now / 1000), newest() and 1 or 0}}
"""

_HOLD = f"""{_BEGIN}
if not mine then return 0 end
redis.call('HSET', turn, 'left', '1')
write('until', now + seconds)
local entry = newest()
if entry then redis.call('ZADD', log, math.floor(now / 1000), entry) end
keep()
return 1
"""

_FREE = f"""{_BEGIN}
if mine and not left then
    redis.call('HDEL', turn, 'owner', 'left', 'until')
    local entry = newest()
    if entry then redis.call('ZREM', log, entry) end
end
"""

_BLOCK = f"""{_BEGIN}
write('closed', math.max(moment(state[4]), now + seconds))
keep()
"""


class RedisStore:
    """A store on a Redis server, and by its clock.

    Args:
        rules: The limits.
        key: The account's name on the server.
        url: The server's address, as `redis` reads it.
    """

    blocks = True

    def __init__(self, rules: Rules, key: str, url: str) -> None:
        self._rules = rules
        self._keys = [f"gateway_core:{{{key}}}:turn", f"gateway_core:{{{key}}}:log"]
        self._client = _client(url)
        self._take, self._hold, self._free, self._block = (
            self._client.register_script(text) for text in (_TAKE, _HOLD, _FREE, _BLOCK)
        )
        self._lock = threading.Lock()
        self._log: RedisBucket | None = None

    def admit(self, owner: str) -> float:
        """As `Store.admit`."""
        with self._lock:
            wait, now, counted = self._run(self._take, owner, LEASE, round(self._rules.nap * 1e6))
            if wait or counted or not self._rules.logged:
                return float(wait) / 1e6
            seconds = self._put(RateItem(owner, now))
            if seconds:
                self._run(self._free, owner)
            return seconds

    def hold(self, owner: str, seconds: float) -> bool:
        """As `Store.hold`."""
        return bool(self._run(self._hold, owner, seconds))

    def release(self, owner: str) -> None:
        """As `Store.release`."""
        self._run(self._free, owner)

    def block(self, seconds: float) -> None:
        """As `Store.block`."""
        self._run(self._block, "", seconds)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _run(self, script: Any, owner: str, seconds: float = 0.0, *more: int) -> Any:
        arguments = [owner, round(seconds * 1e6), round(self._rules.furthest * 1e6), *more]
        try:
            return script(keys=self._keys, args=arguments)
        except (RedisError, OSError) as error:
            why = type(error).__name__
        raise StoreError(_reason(why))

    def _put(self, item: RateItem) -> float:
        """Write a request into the log, or say how long the log is full."""
        try:
            with contextlib.suppress(NoScriptError):
                return self._put_now(item)
            # The server was started anew and has forgotten the engine's script.
            self._log = None
            return self._put_now(item)
        except (RedisError, OSError) as error:
            why = type(error).__name__
        raise StoreError(_reason(why))

    def _put_now(self, item: RateItem) -> float:
        log: Any = self._log
        if log is None:
            log = self._log = RedisBucket.init(list(self._rules.logged), self._client, self._keys[1])
        log.leak(item.timestamp)
        if log.put(item):
            self._client.pexpire(self._keys[1], round(self._rules.furthest * 2000))
            return 0.0
        return float(log.waiting(item)) / 1000


def check(url: str) -> None:
    """Read an address, without connecting.

    Raises:
        ConfigurationError: If it is not one.
    """
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        _client(url).close()
        return
    raise ConfigurationError("the limiter's Redis address cannot be read: redis://:password@host:6379/0 is one")


def _client(url: str) -> Redis:
    return Redis.from_url(
        url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT, retry=Retry(NoBackoff(), 0), client_name=None
    )


def _reason(why: str) -> str:
    """Return what is said of a failure of the client: its text may hold the address, and so a password."""
    return f"Redis: {why}"
