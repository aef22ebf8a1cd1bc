"""Short ways to ask in the tests of the transport."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_core._engine.sync_driver import SyncDriver
from gateway_core.errors import GatewayError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.observers import CallEvents, Observers
from gateway_core.transport import Deadline, Transport
from gateway_core.transport._pipeline import DirectPipeline, Pipeline

#: Long enough for any machine, so that only what a test is about can be the reason of a failure.
PATIENT = 15.0


def get(url: str, **more: Any) -> HttpRequest:
    """Return a request that changes nothing."""
    return HttpRequest(method="GET", url=url, **more)


def post(url: str, body: bytes = b'{"amount": "10.00"}', **more: Any) -> HttpRequest:
    """Return a request that changes something."""
    return HttpRequest(method="POST", url=url, body=body, **more)


def quiet() -> CallEvents:
    """Return a call that nobody watches."""
    return Observers().call("example", "run")


class Through:
    """A pipeline and its transport, asked as a transport is."""

    def __init__(self, pipeline: Pipeline | DirectPipeline, transport: Transport) -> None:
        self._pipeline = pipeline
        self._transport = transport

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Carry the actions out in this thread."""
        return SyncDriver(self._transport).run(self._pipeline.send(request, deadline, quiet()), deadline)

    def close(self) -> None:
        """Close it."""
        self._transport.close()


def ask(transport: Transport, request: HttpRequest, seconds: float = PATIENT) -> HttpResponse:
    """Send a request with a deadline so many seconds from now."""
    return transport.send(request, Deadline.after(seconds))


def failure(transport: Transport, request: HttpRequest, seconds: float = PATIENT) -> GatewayError:
    """Send a request that fails, and return the error."""
    with pytest.raises(GatewayError) as caught:
        ask(transport, request, seconds)
    return caught.value
