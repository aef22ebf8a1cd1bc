"""The bounds on every call, and how an account's rate limits are kept."""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs

from gateway_core.errors import ConfigurationError
from gateway_core.models._fields import tupled
from gateway_core.models.secret import Secret
from gateway_core.provider import RateLimit, secret_field

#: Some thirty years: what is more, the clocks and locks of an operating system do not take.
_LONGEST = 1_000_000_000

_FALLBACKS = ("error", "process")


def _seconds(default: float, *, zero: bool = False) -> Any:
    """Return an attrs field for seconds above zero, or for zero, too."""

    def check(_: object, field: attrs.Attribute[float], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigurationError(f"{field.name} must be a number of seconds")
        if value < 0 or (value == 0 and not zero):
            raise ConfigurationError(f"{field.name} must be {'>= 0' if zero else '> 0'}")
        if value > _LONGEST:
            raise ConfigurationError(f"{field.name} must be at most {_LONGEST} seconds")

    return attrs.field(default=default, validator=check)


def _whole(default: int) -> Any:
    """Return an attrs field for a number of things, 1 or more."""

    def check(_: object, field: attrs.Attribute[int], value: object) -> None:
        if type(value) is not int or value < 1:
            raise ConfigurationError(f"{field.name} must be a whole number, 1 or more")

    return attrs.field(default=default, validator=check)


@attrs.frozen(kw_only=True)
class TransportSettings:
    """Bounds on every call, the table ``[gateways.<account>.transport]``.

    Attributes:
        deadline: Seconds for a whole call: waiting for the rate limit, connecting, all requests, reading the answers.
        connect_timeout: Seconds for opening a connection, for each address that the host's name stands for.
        read_timeout: Seconds for each wait for a part of the answer.
        max_response_bytes: The largest decoded body that is read, in bytes.
        pool_size: Connections that are kept open.
        attempts: How often a request is sent at most, where it may be repeated; 1 repeats nothing.
        backoff: Seconds before the first repetition at most; the bound doubles with each further one.
        longest_backoff: Where that ends, in seconds. What the provider asks for may be longer.
        breaker_failures: After how many failures in a row the provider is left alone.
        breaker_seconds: For how many seconds.

    Raises:
        ConfigurationError: If one of them cannot be so.
    """

    deadline: float = _seconds(30.0)
    connect_timeout: float = _seconds(5.0)
    read_timeout: float = _seconds(20.0)
    max_response_bytes: int = _whole(1 << 20)
    pool_size: int = _whole(10)
    attempts: int = _whole(4)
    backoff: float = _seconds(0.5, zero=True)
    longest_backoff: float = _seconds(20.0, zero=True)
    breaker_failures: int = _whole(20)
    breaker_seconds: float = _seconds(10.0)


@attrs.frozen(kw_only=True)
class LimitSettings:
    """How an account's rate limits are kept: keys of its table itself.

    Attributes:
        rate_limits: The limits, in place of those that the plugin declares; empty for none.
        limiter: Where they are counted: None for each process by itself, the full path of a file for all processes of
            this machine, ``redis://...`` for all machines. The address of a store may hold its password.
        limiter_fallback: What to do while that cannot be reached: ``"error"`` sends nothing, ``"process"`` counts in
            each process by itself.

    Raises:
        ConfigurationError: If one of them is something else.
    """

    rate_limits: tuple[RateLimit, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    limiter: Secret | None = secret_field(default=None)
    limiter_fallback: Literal["error", "process"] = attrs.field(default="error")

    @rate_limits.validator
    def _check_rate_limits(self, _: object, limits: tuple[RateLimit, ...] | None) -> None:
        if not all(isinstance(limit, RateLimit) for limit in limits or ()):
            raise ConfigurationError("rate_limits must be a tuple of RateLimit")

    @limiter_fallback.validator
    def _check_fallback(self, _: object, fallback: str) -> None:
        if fallback not in _FALLBACKS:
            raise ConfigurationError(f"limiter_fallback must be one of {', '.join(_FALLBACKS)}")

    @limiter.validator
    def _check_limiter(self, _: object, limiter: Secret | None) -> None:
        if limiter is not None:  # few gateways have one, and its stores take time to import
            from gateway_core.transport._rate_limit import Where

            Where.of(limiter.reveal())
