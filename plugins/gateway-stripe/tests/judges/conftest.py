"""Stripe's own SDK, pointed at the emulator. Without the SDK these tests are not collected."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gateway_core import Gateway, HttpRequest
from gateway_core.testing import EmulatorTransport, HttpClient
from gateway_stripe.emulator import StripeEmulator

collect_ignore_glob = [] if importlib.util.find_spec("stripe") else ["test_*.py"]


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the emulator."""

    emulator: StripeEmulator

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = HttpRequest(
            method=self.command, url=f"http://127.0.0.1{self.path}", headers=list(self.headers.items()), body=body
        )
        answer = self.emulator.handle(asked)
        self.send_response(answer.status)
        for name, value in answer.headers.pairs:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = _serve  # noqa: N815  # the names that http.server looks for

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def emulator() -> StripeEmulator:
    """Give an emulator whose shop has a webhook address."""
    return StripeEmulator(webhook_url="http://127.0.0.1/webhooks/stripe")


@pytest.fixture
def address(emulator: StripeEmulator) -> Iterator[str]:
    """Serve the emulator, and give its address."""
    handler = type("Handler", (_Handler,), {"emulator": emulator})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def sdk(emulator: StripeEmulator, address: str) -> Any:
    """Give Stripe's client for the emulated account."""
    import stripe

    key = emulator.credentials["api_key"]
    return stripe.StripeClient(key, base_addresses={"api": address}, max_network_retries=0)


@pytest.fixture
def gateway(emulator: StripeEmulator, address: str) -> Iterator[Gateway]:
    """Give a gateway to the same account, over the same server."""
    with Gateway.connect("stripe", transport=HttpClient(address), **emulator.settings(address)) as gateway:
        yield gateway


@pytest.fixture
def direct(emulator: StripeEmulator) -> Iterator[Gateway]:
    """Give a gateway to the same account without a server."""
    settings = emulator.settings("http://127.0.0.1")
    with Gateway.connect("stripe", transport=EmulatorTransport(emulator), **settings) as gateway:
        yield gateway
