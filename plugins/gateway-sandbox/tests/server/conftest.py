"""An emulator whose time stands still, and a way to call its pages without a socket."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlencode

import attrs
import pytest

from gateway_core import HttpResponse, InvoiceStatus, Money
from gateway_core.testing import EmulatedInvoice, Emulator, WayToPay
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server import make_app

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
HOST = "127.0.0.1:4010"


class TwoWays(SandboxEmulator):
    """A sandbox whose invoices can be paid in two assets, each at an address."""

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return the two ways, each with the amount that is open, as if one coin were one unit of the invoice."""
        return (
            WayToPay(id="first", label="First coin", amount=self.open_amount(invoice), address="address-one"),
            WayToPay(id="second & last", label="Second coin", amount=self.open_amount(invoice), address="address-two"),
        )


@attrs.define
class Site:
    """The pages and the API of an emulator, called as a browser on this machine does.

    Attributes:
        emulator: The emulator.
        now: Its time.
    """

    emulator: Emulator
    now: datetime

    def invoice(self, **changes: Any) -> EmulatedInvoice:
        """Add an open invoice of 49.90 EUR, due in 15 minutes."""
        amount = changes.pop("amount", Money("49.90", "EUR"))
        defaults: dict[str, Any] = {
            "id": "inv_1",
            "token": "token1",
            "order_id": "1042",
            "amount": amount,
            "description": "A book",
            "created_at": self.now,
            "expires_at": self.now + timedelta(minutes=15),
            "received": Money(0, amount.unit),
            "refunded": Money(0, amount.unit),
            "data": {"metadata": {}},
        }
        invoice = EmulatedInvoice(**{**defaults, **changes})
        self.emulator.ledger.save(invoice)
        return invoice

    def status(self) -> InvoiceStatus:
        """Return how the invoice stands."""
        return self.emulator.invoice("token1").status

    def get(self, path: str, **more: Any) -> HttpResponse:
        """Get a page."""
        return self.call("GET", path, **more)

    def post(self, path: str, fields: dict[str, str], **more: Any) -> HttpResponse:
        """Send a form."""
        return self.call("POST", path, parts=[urlencode(fields).encode()], **more)

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        hosts: Iterable[str] = (HOST,),
        parts: Iterable[bytes] = (b"",),
    ) -> HttpResponse:
        """Call the application and return its answer."""
        raw, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in [*(("host", each) for each in hosts), *headers]
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 4010),
        }
        # In a thread of its own, since a browser under test keeps an event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(_call(make_app(self.emulator), scope, list(parts)))).result()


async def _call(app: Any, scope: dict[str, Any], parts: list[bytes]) -> HttpResponse:
    incoming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    incoming.append({"type": "http.request", "body": b"", "more_body": False})
    outgoing: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        outgoing.append(message)

    await app(scope, receive, send)
    start = outgoing[0]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    body = b"".join(message.get("body", b"") for message in outgoing[1:])
    return HttpResponse(status=start["status"], headers=headers, body=body)


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site() -> MakeSite:
    """Make the site of a class of emulators."""

    def make(emulator_class: type[Emulator] = SandboxEmulator, webhook_url: str | None = None) -> Site:
        site: Site
        emulator = emulator_class(
            checkout_url=f"http://{HOST}/pay",
            webhook_url=webhook_url,
            clock=lambda: site.now,
            randomness=random.Random(1),  # noqa: S311  # the same ids in each run
        )
        site = Site(emulator, NOW)
        return site

    return make


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    """Give a sandbox whose shop has an address for webhooks."""
    return make_site(webhook_url="http://127.0.0.1:9/webhooks")


@pytest.fixture
def two_ways(make_site: MakeSite) -> Site:
    """Give a site whose invoices can be paid in two ways."""
    return make_site(TwoWays)
