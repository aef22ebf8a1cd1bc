"""The keys of an account's table that are the core's own: rate limits, where they are counted, and observers."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_core import RateLimit
from gateway_core.config import load_account
from gateway_core.errors import ConfigurationError
from gateway_core.transport import LimitSettings
from tests.config.shoply import CANARY, account, refusal


@pytest.mark.parametrize(
    "written, expected",
    [
        ("1/s", RateLimit(requests=1, seconds=1)),
        ("5/10s", RateLimit(requests=5, seconds=10)),
        ("100/m", RateLimit(requests=100, seconds=60)),
        ("1000/h", RateLimit(requests=1000, seconds=3600)),
        ("10000/d", RateLimit(requests=10000, seconds=86400)),
    ],
)
def test_rate_limit_is_written_as_people_say_it(written: str, expected: RateLimit) -> None:
    """A number of requests, a slash, and a time with its unit."""
    account(f'rate_limits = ["{written}"]')

    assert load_account().limits.rate_limits == (expected,)


@pytest.mark.parametrize(
    "written", ["", "1", "/s", "0/s", "1/0s", "-1/s", "1.5/s", "1/w", "1 / s", "٣/s", "1/s ", "9" * 40]
)
def test_what_is_no_rate_limit_is_refused(written: str) -> None:
    """A limit that is misread would be broken or cost the allowance."""
    with pytest.raises(ConfigurationError, match="a rate limit is written like"):
        RateLimit.parse(written)


def test_rate_limits_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other setting; several are parted by a blank."""
    account("")
    monkeypatch.setenv("GATEWAY_SHOP_EU_RATE_LIMITS", "1/s 1000/h")

    actual = load_account().limits.rate_limits

    assert actual == (RateLimit(requests=1, seconds=1), RateLimit(requests=1000, seconds=3600))


@pytest.mark.parametrize("text, expected", [("", None), ("rate_limits = []", ())])
def test_no_rate_limits_is_another_thing_than_those_of_the_plugin(text: str, expected: Any) -> None:
    """Nothing said leaves the plugin's limits; an empty list removes them."""
    account(text)

    assert load_account().limits.rate_limits == expected


def test_limiter_is_a_secret() -> None:
    """S1: the address of a store may hold its password."""
    account(f'limiter = "redis://:{CANARY}@127.0.0.1/0"')

    actual = load_account().limits

    assert (CANARY in repr(actual), actual.limiter and actual.limiter.reveal()) == (
        False,
        f"redis://:{CANARY}@127.0.0.1/0",
    )


@pytest.mark.parametrize(
    "text, expected",
    [
        ('limiter_fallback = "none"', "limiter_fallback: must be one of error, process"),
        ('rate_limits = ["1 a second"]', 'rate_limits[0]: a rate limit is written like "1/s", "5/10s"'),
        ("rate_limits = 1", "rate_limits: must be a list"),
        ("observers = [1]", "observers[0]: must be text"),
        ('limitr = "x"', "limitr: unknown, did you mean limiter?"),
    ],
)
def test_fault_is_told_by_its_key(text: str, expected: str) -> None:
    """What is wrong in the core's keys is told with the plugin's."""
    account(text)

    assert f"[gateways.shop-eu] {expected}" in refusal(load_account)


def test_defaults() -> None:
    """Each process counts by itself, the plugin's limits hold, and the log is told what happens."""
    account("")

    loaded = load_account()

    assert (loaded.limits, loaded.observers) == (LimitSettings(), ("logging",))


@pytest.mark.parametrize(
    "written", ["", "limits.sqlite", "http://127.0.0.1", "redis:/127.0.0.1", f"redis://:{CANARY}@h:99999"]
)
def test_what_is_no_limiter_is_refused(written: str) -> None:
    """A mistake is told when the file is read, not when the first request waits; and without the value (S1)."""
    account(f'limiter = "{written}"')

    actual = refusal(load_account)

    assert ("[gateways.shop-eu] limiter: " in actual, CANARY in actual) == (True, False)
