"""A sandbox in this process, a gateway that speaks to it, and its API as a stranger calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway_core import Gateway, HttpRequest, HttpResponse
from gateway_core.testing import EmulatorTransport, ManualClock
from gateway_core.wire import dumps
from gateway_sandbox.emulator import SandboxEmulator

_BASE_URL = "http://127.0.0.1:4010"


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands at the real time."""
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> SandboxEmulator:
    """Give a sandbox whose shop receives webhooks."""
    return SandboxEmulator(webhook_url="http://127.0.0.1:8000/webhook", clock=clock)


@pytest.fixture
def gateway(emulator: SandboxEmulator) -> Iterator[Gateway]:
    """Give a gateway to that sandbox."""
    settings = emulator.settings(_BASE_URL)
    with Gateway.connect("sandbox", transport=EmulatorTransport(emulator), **settings) as gateway:
        yield gateway


@pytest.fixture
def call(emulator: SandboxEmulator) -> Callable[..., HttpResponse]:
    """Give a function that calls the API: ``call("POST", "/v1/invoices", {...}, idempotency_key="k")``."""

    def call(method: str, path: str, content: Any = None, **more: Any) -> HttpResponse:
        headers = {"Authorization": f"Bearer {emulator.credentials['api_key']}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        if "idempotency_key" in more:
            headers["Idempotency-Key"] = more["idempotency_key"]
        query = f"?{urlencode(more['query'])}" if "query" in more else ""
        body = content if isinstance(content, bytes) else b"" if content is None else dumps(content)
        return emulator.handle(HttpRequest(method=method, url=f"{_BASE_URL}{path}{query}", headers=headers, body=body))

    return call


@pytest.fixture
def webhooks(emulator: SandboxEmulator, clock: ManualClock) -> Callable[[], list[HttpRequest]]:
    """Give a function that delivers what is due, and returns what was sent."""

    def deliver() -> list[HttpRequest]:
        sent: list[HttpRequest] = []

        def take(request: HttpRequest) -> int:
            sent.append(request)
            return 200

        emulator.deliver(take)
        clock.move(timedelta(milliseconds=1))
        return sent

    return deliver
