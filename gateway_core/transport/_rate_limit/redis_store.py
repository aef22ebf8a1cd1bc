"""The requests of one account, for processes on any machine, on a Redis server."""

from __future__ import annotations

import contextlib
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from gateway_core.errors import ConfigurationError
from gateway_core.transport._rate_limit.rules import LEASE, LONGEST_PAUSE, Rules, StoreError

#: How many seconds the server may take to accept a connection, and to answer: it needs less than a millisecond.
_TIMEOUT = 1.0

#: What each script begins with. Moments are microseconds of the server's clock; written by `%.0f`, since Lua would
#: round them to fourteen digits. Those in the future, since the clock was set back, become now.
_BEGIN = """
local lease, log, life = KEYS[1], KEYS[2], ARGV[1]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function digits(number) return string.format('%.0f', number) end
local function field(name) return tonumber(redis.call('HGET', lease, name) or '0') end
local function write(...)
    redis.call('HSET', lease, ...)
    redis.call('PEXPIRE', lease, life)
end
local function count(id, at)
    redis.call('ZADD', log, digits(at), id)
    redis.call('PEXPIRE', log, life)
end
for _, name in ipairs({'leased_at', 'paused_at'}) do
    if field(name) > now then write(name, digits(now)) end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', log, '(' .. digits(now), '+inf')) do count(id, now) end
"""

#: Arguments: process, lease, nap, and the requests and the length of each window. Returns how long to wait, or 0.
_ACQUIRE = f"""{_BEGIN}
local owner = redis.call('HGET', lease, 'owner')
local leased_until = field('leased_at') + ARGV[3]
if owner and owner ~= ARGV[2] and now < leased_until then return math.min(leased_until - now, tonumber(ARGV[4])) end
local wait = field('paused_at') + field('paused_for') - now
for place = 5, #ARGV, 2 do
    local nth = redis.call('ZREVRANGE', log, ARGV[place] - 1, ARGV[place] - 1, 'WITHSCORES')
    if nth[2] then wait = math.max(wait, nth[2] + ARGV[place + 1] - now) end
end
if wait > 0 then return wait end
write('owner', ARGV[2], 'leased_at', digits(now))
return 0
"""

#: Arguments: process, request, and how many requests have to be remembered. Returns whether it may leave.
_LEAVE = f"""{_BEGIN}
if redis.call('HGET', lease, 'owner') ~= ARGV[2] then return 0 end
redis.call('HDEL', lease, 'owner')
count(ARGV[3], now)
redis.call('ZREMRANGEBYRANK', log, 0, -ARGV[4] - 1)
return 1
"""

#: Arguments: request, and how long ago it was answered.
_ANSWERED = f"""{_BEGIN}
local newest = redis.call('ZRANGE', log, -1, -1, 'WITHSCORES')
if newest[1] == ARGV[2] then count(ARGV[2], math.max(newest[2], now - ARGV[3])) end
"""

#: Argument: process.
_RELEASE = f"""{_BEGIN}
if redis.call('HGET', lease, 'owner') == ARGV[2] then redis.call('HDEL', lease, 'owner') end
"""

#: Argument: for how long.
_PAUSE = f"""{_BEGIN}
if field('paused_at') + field('paused_for') < now + ARGV[2] then
    write('paused_at', digits(now), 'paused_for', ARGV[2])
end
"""


class RedisStore:
    """A store on a Redis server, and by its clock.

    Args:
        rules: The limits.
        key: The account's name on the server.
        url: The server's address, as `redis` reads it.
    """

    def __init__(self, rules: Rules, key: str, url: str) -> None:
        self._rules = rules
        self._keys = [f"gateway_core:{{{key}}}:lease", f"gateway_core:{{{key}}}:requests"]
        self._life = round(2000 * max(rules.longest, LONGEST_PAUSE))
        self._client = _client(url)
        self._acquire, self._leave, self._answered, self._release, self._pause = (
            self._client.register_script(text) for text in (_ACQUIRE, _LEAVE, _ANSWERED, _RELEASE, _PAUSE)
        )

    def acquire(self, process: str) -> float:
        """As `Store.acquire`."""
        windows = [number for requests, seconds in self._rules.windows for number in (requests, _micro(seconds))]
        wait: int = self._run(self._acquire, process, _micro(LEASE), _micro(self._rules.nap), *windows)
        return wait / 1e6

    def leave(self, process: str, request: str) -> bool:
        """As `Store.leave`."""
        return bool(self._run(self._leave, process, request, self._rules.most))

    def answered(self, request: str, ago: float) -> None:
        """As `Store.answered`."""
        self._run(self._answered, request, _micro(ago))

    def release(self, process: str) -> None:
        """As `Store.release`."""
        self._run(self._release, process)

    def pause(self, seconds: float) -> None:
        """As `Store.pause`."""
        self._run(self._pause, _micro(seconds))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _run(self, script: Any, *arguments: str | int) -> Any:
        try:
            return script(keys=self._keys, args=[self._life, *arguments])
        except (RedisError, OSError) as error:
            why = type(error).__name__
        # What the client says may hold the address, and so a password.
        raise StoreError(f"Redis: {why}")


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


def _micro(seconds: float) -> int:
    return round(seconds * 1e6)
