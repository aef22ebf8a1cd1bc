"""R7, S1 on Redis: what only a server on the network can do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from gateway_core.errors import ConfigurationError
from gateway_core.provider import RateLimit
from gateway_core.transport._rate_limit import Limiter, Where
from tests.transport.permits import WINDOW, drive, refusal, take, use
from tests.transport.redis_server import RedisServer

Make = Callable[..., Limiter]


def test_redis_that_hangs_costs_a_bounded_time(redis: RedisServer, process: Make) -> None:
    """R1: a server that takes the question and says nothing is given up after a second."""
    one = process(redis.url)
    use(one)
    with redis.frozen():
        started = time.monotonic()

        error = refusal(one, 10)

        assert (time.monotonic() - started < 3, "TimeoutError" in error.message) == (True, True)


def test_redis_that_was_started_anew_is_used_again(redis: RedisServer, process: Make) -> None:
    """R7: a server that has forgotten everything, the engine's script too, is a new beginning."""
    one = process(redis.url, RateLimit(requests=3, seconds=5))
    use(one)
    redis.stop()
    redis.start()

    assert use(one) > 0


def test_nothing_stays_in_redis_for_ever(redis: RedisServer, process: Make) -> None:
    """An account that is no longer used leaves nothing behind."""
    one = process(redis.url, WINDOW, RateLimit(requests=3, seconds=5))
    drive(one.hold_off(0.01))
    take(one)

    lives = {key.decode(): redis.client.pttl(key) for key in redis.client.scan_iter()}

    assert {key: 0 < life <= 120_000 for key, life in lives.items()} == {
        "gateway_core:{account}:turn": True,
        "gateway_core:{account}:log": True,
    }


def test_clock_of_redis_that_was_set_back_stops_nobody(redis: RedisServer, process: Make) -> None:
    """R7: a moment further ahead than is possible has passed."""
    one = process(redis.url)
    use(one)
    for name in ("until", "closed"):
        redis.client.hset("gateway_core:{account}:turn", name, str(10**16))

    assert take(process(redis.url)).waited < 0.2


def test_address_of_redis_is_told_to_nobody(redis: RedisServer, process: Make) -> None:
    """S1: the password in the address is in no text: not of the store, not of an error, not of a bad address."""
    secret = RedisServer.password
    wrong = redis.url.replace(secret, "wrong-password")
    one = process(wrong)
    error = refusal(one)
    with pytest.raises(ConfigurationError) as unreadable:
        Where.of(f"redis://:{secret}@host:port/0")

    texts = [repr(Where.of(redis.url)), repr(one), repr(one.store), repr(error), str(error), repr(unreadable.value)]

    assert "AuthenticationError" in error.message
    assert not any("wrong-password" in text or secret in text for text in texts)
    assert [(each.__cause__, each.__context__) for each in (error, unreadable.value)] == [(None, None)] * 2
