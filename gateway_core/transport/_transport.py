"""What sends requests."""

from __future__ import annotations

from typing import Protocol

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.transport._deadline import Deadline


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
