"""HTTP for what stands around a gateway: an emulator's webhooks, a payer's browser, a test that watches."""

from __future__ import annotations

from collections.abc import Callable

from gateway_core.errors import ConfigurationError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.transport import Deadline, TransportSettings, connect


class HttpClient:
    """A transport to one server, by the rules of all transports: no redirects, bounded, https except on loopback.

    It serves as a gateway's transport too, and then its observer sees what the gateway sends.

    Args:
        base_url: An address of the server.
        timeout: Seconds for a request and its answer, where no deadline is given.
        observe: Told of each request that was answered.

    Raises:
        ConfigurationError: If the address is none that may be contacted.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout: float = 10.0,
        observe: Callable[[HttpRequest, HttpResponse], None] = lambda _, __: None,
    ) -> None:
        if not base_url:
            raise ConfigurationError("an address to contact must not be empty")
        self._timeout = timeout
        self._observe = observe
        self._transport = connect(TransportSettings(deadline=timeout, read_timeout=timeout), base_url=base_url)

    def send(self, request: HttpRequest, deadline: Deadline | None = None) -> HttpResponse:
        """Send one request and return the answer, whatever its status.

        Raises:
            InvalidRequestError: If it cannot be sent, or is for another server.
            TransportError: If there is no usable answer in time.
        """
        response = self._transport.send(request, deadline or Deadline.after(self._timeout))
        self._observe(request, response)
        return response

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()
