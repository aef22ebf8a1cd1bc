"""The bounds on calls are checked where they are made, and refused by an error of the library."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_core import HttpRequest, HttpResponse, RateLimit
from gateway_core.errors import ConfigurationError, InvalidRequestError
from gateway_core.transport import Deadline, LimitSettings, TransportSettings, connect

SECONDS = ["deadline", "connect_timeout", "read_timeout", "backoff", "longest_backoff", "breaker_seconds"]
WHOLE = ["max_response_bytes", "pool_size", "attempts", "breaker_failures"]


@pytest.mark.parametrize("name", SECONDS)
@pytest.mark.parametrize("value", [-1, -0.5, "1", None, True, float("nan"), float("inf"), 1e300])
def test_seconds_are_a_number(name: str, value: Any) -> None:
    """No clock and no socket knows anything else."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        TransportSettings(**{name: value})


@pytest.mark.parametrize("name", ["deadline", "connect_timeout", "read_timeout", "breaker_seconds"])
def test_no_time_at_all_is_refused(name: str) -> None:
    """Nothing can be sent in it."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be > 0$"):
        TransportSettings(**{name: 0})


def test_repetitions_may_come_at_once() -> None:
    """A wait may be none."""
    settings = TransportSettings(backoff=0, longest_backoff=0.0)

    assert (settings.backoff, settings.longest_backoff) == (0, 0)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("value", [0, -1, 2.5, 2.0, "1", None, True])
def test_numbers_of_things_are_whole(name: str, value: Any) -> None:
    """There are no two and a half connections."""
    with pytest.raises(ConfigurationError, match=f"^{name} must be a whole number, 1 or more$"):
        TransportSettings(**{name: value})


@pytest.mark.parametrize(
    "settings",
    [
        {"rate_limits": ["1/s"]},
        {"limiter": 3},
        {"limiter": "ftp://host"},
        {"limiter_fallback": "none"},
        {"limiter_fallback": None},
    ],
    ids=str,
)
def test_limits_are_checked(settings: dict[str, Any]) -> None:
    """What is no limit, no place and no way out is refused."""
    with pytest.raises(ConfigurationError):
        LimitSettings(**settings)


@pytest.mark.parametrize(
    "base_url", ["https://api.example.com:0", "http://127.0.0.1:0/v1", "https://api.example.com:99999", 5, b"https://a"]
)
def test_address_must_be_one(base_url: Any) -> None:
    """Nobody listens on port 0."""
    with pytest.raises(ConfigurationError, match="an address to contact"):
        connect(TransportSettings(), base_url=base_url)


def test_proxy_has_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens on port 0."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:0")

    with pytest.raises(ConfigurationError, match="proxy"):
        connect(TransportSettings(), base_url="https://api.example.com")


def test_transport_needs_settings() -> None:
    """A dict of them is none."""
    settings: Any = {"deadline": 5}

    with pytest.raises(ConfigurationError, match="TransportSettings"):
        connect(settings, base_url="https://api.example.com")


@pytest.mark.parametrize("parts", [{"method": 5}, {"url": None}, {"body": "text"}, {"body": None}], ids=str)
def test_request_is_text_and_bytes(parts: dict[str, Any]) -> None:
    """What is something else would fail on its way."""
    with pytest.raises(InvalidRequestError):
        HttpRequest(**{"method": "GET", "url": "https://api.example.com", **parts})


@pytest.mark.parametrize("parts", [{"status": "200"}, {"body": "text"}], ids=str)
def test_response_is_a_number_and_bytes(parts: dict[str, Any]) -> None:
    """What stands in for a transport is held to what it is to return."""
    with pytest.raises(InvalidRequestError):
        HttpResponse(**{"status": 200, **parts})


def test_deadline_is_a_number_of_seconds() -> None:
    """A date is none."""
    seconds: Any = "2026-12-01"

    with pytest.raises(InvalidRequestError):
        Deadline.after(seconds)


def test_rate_limit_is_read_from_text() -> None:
    """A number says nothing of the time."""
    written: Any = 5

    with pytest.raises(ConfigurationError, match="is written like"):
        RateLimit.parse(written)
