"""Sending one request and reading one response, with every bound that a payment needs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import attrs

from gateway_core.errors import ConfigurationError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models._fields import tupled
from gateway_core.models.secret import Secret
from gateway_core.provider import ProviderInfo, RateLimit, secret_field, secrets_of

if TYPE_CHECKING:
    from gateway_core.transport._pipeline import Channel
    from gateway_core.transport._rate_limit import Where


@attrs.frozen
class Deadline:
    """The moment after which a call is over, on a clock that cannot be set.

    Attributes:
        at: That moment, in seconds of the clock.
        clock: The clock.
    """

    at: float
    clock: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return the deadline so many seconds from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Return the seconds that are left; zero or less when it has passed."""
        return self.at - self.clock()

    def leave(self) -> bool:
        """Return whether a request may leave now; asked right before its first byte does."""
        return self.remaining() > 0


class Transport(Protocol):
    """Sends requests. The real one speaks HTTP; one for tests may answer by itself.

    A transport that asks `Deadline.leave` before each request says so by an attribute ``asks_to_leave = True``. Of any
    other, async code takes a request to have left as soon as `send` is called.
    """

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Send one request and return the response, whatever its status.

        Raises:
            NotSentError: If the request surely never reached the provider.
            OutcomeUnknownError: If it may have, and no usable answer came back before the deadline.
        """

    def close(self) -> None:
        """Give connections back. Further requests may open new ones."""


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
        if limiter is not None:  # this costs 30 ms of imports, and few gateways have one
            _where(limiter)


def build(settings: TransportSettings, limits: LimitSettings, info: ProviderInfo, provider_settings: Any) -> Channel:
    """Return the way from one account to its provider: its rate limits, retries and breaker before its own connections.

    This is the one place where what stands between a flow and the provider is put together.

    Raises:
        ConfigurationError: If the base address is not https and not on the loopback range, the environment names a
            proxy or an authority that cannot be used, or the limiter is none.
    """
    from gateway_core.transport._circuit_breaker import Health
    from gateway_core.transport._pipeline import Pipeline
    from gateway_core.transport._requests_transport import RequestsTransport

    base_url = getattr(provider_settings, "base_url", None) or info.base_url
    account = _identity(info, provider_settings, base_url)
    declared = info.rate_limits if limits.rate_limits is None else limits.rate_limits
    limiter = None
    if declared:
        from gateway_core.transport._rate_limit import Limiter

        limiter = Limiter.of(account, declared, _where(limits.limiter), limits.limiter_fallback)
    return Pipeline(
        wire=RequestsTransport(settings, base_url=base_url, hosts=info.hosts),
        info=info,
        settings=settings,
        health=Health.of(account, settings.breaker_failures, settings.breaker_seconds),
        limiter=limiter,
    )


def plain(transport: Transport) -> Channel:
    """Return the way through a transport of the application's own, which sends each request once.

    Raises:
        ConfigurationError: If it is none.
    """
    if not all(callable(getattr(transport, name, None)) for name in ("send", "close")):
        raise ConfigurationError("a transport is TransportSettings, or an object with the methods send and close")
    from gateway_core.transport._pipeline import DirectPipeline

    return DirectPipeline(transport)


def _where(limiter: Secret | None) -> Where:
    from gateway_core.transport._rate_limit import Where

    return Where.of(None if limiter is None else limiter.reveal())


def _identity(info: ProviderInfo, provider_settings: Any, base_url: str | None) -> str:
    """Return what tells an account from others, in this process and in a store that others share, as a digest."""
    names = info.account_settings
    if names is None:
        names = tuple(field.name for field in attrs.fields(type(provider_settings)))
    values = [(name, getattr(provider_settings, name, None)) for name in names]
    told = [info.title, base_url, *((name, repr(value), secrets_of(value)) for name, value in values)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def connect(settings: TransportSettings, *, base_url: str | None = None, hosts: tuple[str, ...] = ()) -> Transport:
    """Return a transport to the server of a base address, and to further hosts by https; each request is sent once.

    Raises:
        ConfigurationError: If an address is not https and not on the loopback range, or the environment is wrong.
    """
    from gateway_core.transport._requests_transport import RequestsTransport

    return RequestsTransport(settings, base_url=base_url, hosts=hosts)
