"""Stripe at its address, answering as a test says; an emulated account; and one for Stripe's own SDK."""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from gateway_core import Gateway, HttpRequest, Invoice, InvoiceRequest, Money
from gateway_core.testing import EmulatedAccount, EmulatorTransport, HttpClient
from gateway_stripe.emulator import StripeEmulator

#: Without the SDK, what it judges is not collected.
collect_ignore = [] if importlib.util.find_spec("stripe") else ["judges"]

BASE = "https://api.stripe.com"
KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc0123456789"
SECRET = "whsec_test_secret"  # that of the tests of stripe-python
DATA = Path(__file__).parent / "data"


@pytest.fixture
def example() -> Callable[[str], Any]:
    """Give a reader of the documented examples; each call gives a new copy."""
    return lambda name: json.loads((DATA / f"{name}.json").read_bytes())


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; nothing is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def answers(mocker: requests_mock.Mocker) -> Callable[..., None]:
    """Give what answers requests to a path with these values in turn, and with the last one for ever."""

    def answers(path: str, *values: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        made = [{"json": value, "status_code": status, "headers": headers or {}} for value in values]
        mocker.register_uri(requests_mock.ANY, f"{BASE}/v1/{path}", made)

    return answers


@pytest.fixture
def sent(mocker: requests_mock.Mocker) -> Callable[[], list[HttpRequest]]:
    """Give what tells the requests that were sent."""

    def sent() -> list[HttpRequest]:
        return [
            HttpRequest(method=each.method, url=each.url, headers=dict(each.headers), body=each.body or b"")
            for each in mocker.request_history
        ]

    return sent


@pytest.fixture
def connect(mocker: requests_mock.Mocker) -> Iterator[Callable[..., Gateway]]:
    """Give a maker of gateways whose requests wait for no rate limit."""
    made: list[Gateway] = []

    def connect(**settings: Any) -> Gateway:
        known = {"api_key": KEY, "webhook_secret": SECRET, "return_url": "https://shop.test/thanks", **settings}
        given = {name: value for name, value in known.items() if value is not None}
        made.append(Gateway.connect("stripe", transport=HttpClient(BASE), **given))
        return made[-1]

    yield connect
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(connect: Callable[..., Gateway]) -> Gateway:
    """Give a gateway with no more settings than are needed."""
    return connect()


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """Give an emulated account."""
    with EmulatedAccount("stripe") as account:
        yield account


@pytest.fixture
def emulator(account: EmulatedAccount) -> StripeEmulator:
    """Give the emulated provider."""
    assert isinstance(account.emulator, StripeEmulator)
    return account.emulator


@pytest.fixture
def order(account: EmulatedAccount) -> Callable[..., Invoice]:
    """Give what makes the invoice of a new order."""
    numbers = iter(range(1, 1000))

    def order(amount: str = "49.90", currency: str = "EUR", **more: Any) -> Invoice:
        request = InvoiceRequest(order_id=f"A-{next(numbers)}", amount=Money(amount, currency), **more)
        return account.gateway.create_invoice(request)

    return order


# For the judges: Stripe's own SDK, pointed at the emulator.


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
def judged() -> StripeEmulator:
    """Give an emulator of its own for the judges, whose clock is the real one."""
    return StripeEmulator(webhook_url="http://127.0.0.1/webhooks/stripe")


@pytest.fixture
def address(judged: StripeEmulator) -> Iterator[str]:
    """Serve the judges' emulator, and give its address."""
    handler = type("Handler", (_Handler,), {"emulator": judged})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def sdk(judged: StripeEmulator, address: str) -> Any:
    """Give Stripe's client for the emulated account."""
    import stripe

    key = judged.credentials["api_key"]
    return stripe.StripeClient(key, base_addresses={"api": address}, max_network_retries=0)


@pytest.fixture
def served(judged: StripeEmulator, address: str) -> Iterator[Gateway]:
    """Give a gateway to the same account, over the same server."""
    with Gateway.connect("stripe", transport=HttpClient(address), **judged.settings(address)) as gateway:
        yield gateway


@pytest.fixture
def direct(judged: StripeEmulator) -> Iterator[Gateway]:
    """Give a gateway to the same account without a server."""
    settings = judged.settings("http://127.0.0.1")
    with Gateway.connect("stripe", transport=EmulatorTransport(judged), **settings) as gateway:
        yield gateway
