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
    """R7: a server that has forgotten everything, the scripts too, is a new beginning."""
    one = process(redis.url, RateLimit(requests=3, seconds=5))
    use(one)
    redis.stop()
    redis.start()

    assert use(one) > 0


def test_nothing_stays_in_redis_for_ever(redis: RedisServer, process: Make) -> None:
    """An account that is no longer used leaves nothing behind."""
    one = process(redis.url, WINDOW, RateLimit(requests=3, seconds=5))
    drive(one.pause(0.01))
    use(one)
    take(one)

    lives = {key.decode(): redis.client.pttl(key) for key in redis.client.scan_iter()}

    assert {key: 0 < life <= 2 * 3_600_000 for key, life in lives.items()} == {
        "gateway_core:{account}:lease": True,
        "gateway_core:{account}:requests": True,
    }


def _set_back(redis: RedisServer, seconds: float) -> None:
    """Let it look as if the server's clock had been set back: everything that it holds lies so far in the future."""
    lease, log = "gateway_core:{account}:lease", "gateway_core:{account}:requests"
    for name in (b"leased_at", b"paused_at"):
        if (at := redis.client.hget(lease, name)) is not None:
            redis.client.hset(lease, name, str(int(at) + round(seconds * 1e6)))
    for member in redis.client.zrange(log, 0, -1):
        assert isinstance(member, bytes)
        redis.client.zincrby(log, seconds * 1e6, member)


@pytest.mark.parametrize("seconds", [5.0, 90.0, 86_400.0])
def test_clock_of_redis_that_was_set_back_lets_nothing_more_through(
    redis: RedisServer, process: Make, seconds: float
) -> None:
    """R7, I8: what lies in the future was sent a moment ago, so the window is full, and for no longer than it is."""
    limit = RateLimit(requests=3, seconds=1)
    one, other = process(redis.url, limit), process(redis.url, limit)
    for _ in range(3):
        use(one)
    _set_back(redis, seconds)
    began = time.monotonic()

    refused = refusal(other, 0.5)
    left = use(other)

    assert "rate limit" in refused.message
    assert 0.9 <= left - began < 4.5  # not what the clock was set back by


def test_clock_of_redis_that_was_set_back_makes_no_pause_longer(redis: RedisServer, process: Make) -> None:
    """R4, I8: a pause counts from now at most, and a lease too."""
    one = process(redis.url)
    drive(one.pause(0.4))
    _set_back(redis, 86_400.0)

    waited = take(process(redis.url)).waited

    assert 0.39 <= waited < 60.0  # not a day


def test_last_requests_only_are_remembered(redis: RedisServer, process: Make) -> None:
    """The log holds no more than what the limits ask for."""
    one = process(redis.url, RateLimit(requests=3, seconds=0.1))
    for _ in range(10):
        use(one)

    assert redis.client.zcard("gateway_core:{account}:requests") == 3


def test_address_of_redis_is_told_to_nobody(redis: RedisServer, process: Make) -> None:
    """S1: the password in the address is in no text: not of the store, not of an error, not of a bad address."""
    secret = RedisServer.password
    wrong = redis.url.replace(secret, "wrong-password")
    one = process(wrong)
    error = refusal(one)
    with pytest.raises(ConfigurationError) as unreadable:
        Where.of(f"redis://:{secret}@host:port/0")

    texts = [repr(Where.of(redis.url)), repr(one), repr(one.shared), repr(error), str(error), repr(unreadable.value)]

    assert "AuthenticationError" in error.message
    assert not any("wrong-password" in text or secret in text for text in texts)
    assert [(each.__cause__, each.__context__) for each in (error, unreadable.value)] == [(None, None)] * 2
