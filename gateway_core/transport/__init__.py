"""Sending one request and reading one response, with every bound that a payment needs."""

from __future__ import annotations

import time
from typing import Any, Protocol

import attrs

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import ProviderInfo


@attrs.frozen
class Deadline:
    """The moment after which a call is over, on a clock that cannot be set.

    Attributes:
        at: That moment, in seconds of `time.monotonic`.
    """

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds that are left; zero or less when it has passed."""
        return self.at - time.monotonic()


class Transport(Protocol):
    """Sends requests. The real one speaks HTTP; one for tests may answer by itself."""

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
        connect_timeout: Seconds for opening a connection.
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
    """Return the transport of one account: its own connections, behind its provider's rate limits."""
    from gateway_core.transport._limits import RateLimited
    from gateway_core.transport._requests import RequestsTransport

    base_url = getattr(provider_settings, "base_url", None) or info.base_url
    transport: Transport = RequestsTransport(settings, base_url=base_url, hosts=info.hosts)
    if info.rate_limits:
        transport = RateLimited(transport, info.rate_limits, account=(info.title, provider_settings))
    return transport
