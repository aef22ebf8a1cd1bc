"""Sending one request and reading one response, with every bound that a payment needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, Protocol, Self, cast

import attrs

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import ProviderInfo


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
    """

    deadline: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    connect_timeout: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    read_timeout: float = attrs.field(default=20.0, validator=attrs.validators.gt(0))
    max_response_bytes: int = attrs.field(default=1 << 20, validator=attrs.validators.gt(0))
    pool_size: int = attrs.field(default=10, validator=attrs.validators.gt(0))


def build(settings: TransportSettings, info: ProviderInfo, provider_settings: Any) -> Transport:
    """Return the transport of one account: its own connections, behind its provider's rate limits.

    This is the one place where what stands between a flow and the provider is put together, from the inside out.

    Raises:
        ConfigurationError: If the base address is not https and not on the loopback range, or the environment names a
            proxy or an authority that cannot be used.
    """
    from gateway_core.transport._requests import RequestsTransport

    base_url = getattr(provider_settings, "base_url", None) or info.base_url
    transport = RequestsTransport(settings, base_url=base_url, hosts=info.hosts)
    if not info.rate_limits:
        return transport
    from gateway_core.transport._limits import RateLimited

    return RateLimited(transport, info.rate_limits, account=(info.title, _identity(provider_settings)))


def _identity(provider_settings: Any) -> Hashable:
    """Return what tells an account from others; where the settings cannot be hashed, how they print must do."""
    try:
        hash(provider_settings)
    except TypeError:
        return repr(provider_settings)
    return cast(Hashable, provider_settings)


def connect(settings: TransportSettings, *, base_url: str | None = None, hosts: tuple[str, ...] = ()) -> Transport:
    """Return a transport to the server of a base address, and to further hosts by https; without rate limits.

    Raises:
        ConfigurationError: If an address is not https and not on the loopback range, or the environment is wrong.
    """
    from gateway_core.transport._requests import RequestsTransport

    return RequestsTransport(settings, base_url=base_url, hosts=hosts)
