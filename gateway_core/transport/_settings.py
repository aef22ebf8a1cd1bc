"""The bounds on every call, and how an account's rate limits are kept."""

from __future__ import annotations

from typing import Literal

import attrs

from gateway_core.models._fields import tupled
from gateway_core.models.secret import Secret
from gateway_core.provider import RateLimit, secret_field


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
    """

    deadline: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    connect_timeout: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    read_timeout: float = attrs.field(default=20.0, validator=attrs.validators.gt(0))
    max_response_bytes: int = attrs.field(default=1 << 20, validator=attrs.validators.gt(0))
    pool_size: int = attrs.field(default=10, validator=attrs.validators.gt(0))
    attempts: int = attrs.field(default=4, validator=attrs.validators.gt(0))
    backoff: float = attrs.field(default=0.5, validator=attrs.validators.ge(0))
    longest_backoff: float = attrs.field(default=20.0, validator=attrs.validators.ge(0))
    breaker_failures: int = attrs.field(default=20, validator=attrs.validators.gt(0))
    breaker_seconds: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))


@attrs.frozen(kw_only=True)
class LimitSettings:
    """How an account's rate limits are kept: keys of its table itself.

    Attributes:
        rate_limits: The limits, in place of those that the plugin declares; empty for none.
        limiter: Where they are counted: None for each process by itself, the full path of a file for all processes of
            this machine, ``redis://...`` for all machines. The address of a store may hold its password.
        limiter_fallback: What to do while that cannot be reached: ``"error"`` sends nothing, ``"process"`` counts in
            each process by itself.
    """

    rate_limits: tuple[RateLimit, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    limiter: Secret | None = secret_field(default=None)
    limiter_fallback: Literal["error", "process"] = "error"

    @limiter.validator
    def _check_limiter(self, _: object, limiter: Secret | None) -> None:
        if limiter is not None:  # few gateways have one, and its stores take time to import
            from gateway_core.transport._rate_limit import Where

            Where.of(limiter.reveal())
