"""The full story of an invoice at each of the providers, over real HTTP against the plugins' emulators.

How the providers differ is data in `STORIES`; the story is told once.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest
import requests

from gateway_azothpay.emulator import AzothPayEmulator
from gateway_billoget.emulator import BillogetEmulator
from gateway_bitsby.emulator import BitsbyEmulator
from gateway_core import (
    AmountVerdict,
    Gateway,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import GatewayError, UnsupportedOperationError, WebhookError
from gateway_core.testing import Emulator, QueuedDelivery
from gateway_mollie.emulator import MollieEmulator
from gateway_sandbox.server import Serving, serving

PATIENCE = 30.0


@attrs.frozen(kw_only=True)
class Story:
    """What is special about one provider.

    Attributes:
        backend: Its backend's name.
        emulator: Its emulator.
        amount: What is asked for.
        options: What an invoice needs beyond the ordinary.
        done: Where the invoice stands when the payer has pressed the button.
        kind: The provider's name of the event that tells so.
        verified_by: How its webhooks are known to be genuine.
        provider_status: The provider's own word for it.
        received: What the provider says that came, if it tells.
        paid: What the list of payments shows as the amount, where there is a list.
        tells_invoice: Whether that list tells the invoice.
        unsupported: The operations that it does not have.
    """

    backend: str
    emulator: type[Emulator]
    amount: Money
    options: dict[str, Any] = attrs.field(factory=dict)
    done: InvoiceStatus = InvoiceStatus.PAID
    kind: str
    verified_by: str
    provider_status: str
    received: Money | None = None
    paid: Money | None = None
    tells_invoice: bool = False
    unsupported: frozenset[str]

    def request(self, order_id: str) -> InvoiceRequest:
        """Return a request for an invoice of this order."""
        return InvoiceRequest(order_id=order_id, amount=self.amount, description="Käse", options=self.options)


STORIES = (
    Story(
        backend="bitsby",
        emulator=BitsbyEmulator,
        amount=Money("49.90", "EUR"),
        kind="paid",
        verified_by="callback",
        provider_status="paid",
        paid=Money("53.89", "USDT", network="tron"),
        tells_invoice=True,
        unsupported=frozenset({"refund_payment"}),
    ),
    Story(
        backend="billoget",
        emulator=BillogetEmulator,
        amount=Money("49.90", "EUR"),
        done=InvoiceStatus.APPROVED,
        kind="budget.approved",
        verified_by="signature",
        provider_status="1",
        unsupported=frozenset({"list_payments", "cancel_invoice", "refund_payment"}),
    ),
    Story(
        backend="azothpay",
        emulator=AzothPayEmulator,
        amount=Money("49.90", "USD"),
        options={"period": "PerMonth"},
        kind="stream_created",
        verified_by="signature+callback",
        provider_status="isPaid: true",
        unsupported=frozenset({"find_invoice", "cancel_invoice", "refund_payment"}),
    ),
    Story(
        backend="mollie",
        emulator=MollieEmulator,
        amount=Money("49.90", "EUR"),
        options={"method": "banktransfer"},
        kind="paid",
        verified_by="callback",
        provider_status="paid",
        received=Money("49.90", "EUR"),
        paid=Money("49.90", "EUR"),
        tells_invoice=True,
        unsupported=frozenset(),
    ),
)

each_provider = pytest.mark.parametrize("story", STORIES, ids=[story.backend for story in STORIES])

#: Each operation that not everybody has, called with something that everybody who has it could be asked for.
OPERATIONS: dict[str, Any] = {
    "list_payments": lambda gateway, _: list(gateway.list_payments()),
    "find_invoice": lambda gateway, _: gateway.find_invoice("1042"),
    "cancel_invoice": lambda gateway, invoice: gateway.cancel_invoice(invoice.id),
    "refund_payment": lambda gateway, invoice: gateway.refund_payment(
        RefundRequest(refund_id="r-7", invoice_id=invoice.id, amount=invoice.amount)
    ),
}


class Shop:
    """A shop's webhook address, on a socket: it answers by what the gateway makes of each message."""

    def __init__(self) -> None:
        self.gateway: Gateway | None = None
        self.deliveries: queue.Queue[WebhookDelivery | GatewayError] = queue.Queue()
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(shop.receive(body, list(self.headers.items()), self.path))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks"

    def receive(self, body: bytes, headers: list[tuple[str, str]], path: str) -> int:
        """Verify a message and return the status to answer with."""
        assert self.gateway is not None
        try:
            delivery = self.gateway.verify_webhook(WebhookRequest(body=body, headers=headers, url=path))
        except GatewayError as error:
            self.deliveries.put(error)
            return error.http_status if isinstance(error, WebhookError) else 500
        self.deliveries.put(delivery)
        return delivery.acknowledgement.status

    def wait_for(self, kind: str) -> tuple[WebhookDelivery, WebhookEvent]:
        """Return the delivery that tells of this event, and the event; what is refused is raised."""
        while True:
            delivery = self.deliveries.get(timeout=PATIENCE)
            if isinstance(delivery, GatewayError):
                raise delivery
            for event in delivery.events:
                if event.kind == kind:
                    return delivery, event


@attrs.frozen
class Scene:
    """A shop, its gateway, the provider that it is connected to, and the requests that reached the provider."""

    shop: Shop
    gateway: Gateway
    provider: Serving
    requests: list[HttpRequest]


@contextlib.contextmanager
def _scene(story: Story, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    shop, seen = Shop(), list[HttpRequest]()
    thread = threading.Thread(target=shop.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        with serving(story.emulator, webhook_url=shop.url) as provider:
            handle = provider.emulator.handle

            def counted(request: HttpRequest) -> HttpResponse:
                seen.append(request)
                return handle(request)

            monkeypatch.setattr(provider.emulator, "handle", counted)
            with Gateway.connect(story.backend, **provider.settings) as gateway:
                shop.gateway = gateway
                yield Scene(shop, gateway, provider, seen)
    finally:
        shop.server.shutdown()
        shop.server.server_close()
        thread.join()


@pytest.fixture
def scene(story: Story, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Give a shop that is connected to the provider of the story."""
    with _scene(story, monkeypatch) as scene:
        yield scene


@each_provider
def test_full_story(story: Story, scene: Scene) -> None:
    """Created, looked at, paid on the page, told by a webhook, reported, listed, looked up; and one is canceled."""
    gateway = scene.gateway
    invoice = gateway.create_invoice(story.request("1042"))
    assert (invoice.order_id, invoice.amount, invoice.status) == ("1042", story.amount, InvoiceStatus.PENDING)

    before = gateway.get_status(invoice.id)
    assert (before.status, before.expected, before.order_id) == (InvoiceStatus.PENDING, story.amount, "1042")

    _pay(invoice)

    delivery, event = scene.shop.wait_for(story.kind)
    assert event.report is not None
    told = (delivery.verified_by, event.invoice_id, event.report.status, event.report.expected)
    assert told == (story.verified_by, invoice.id, story.done, story.amount)

    after = gateway.get_status(invoice.id)
    known = (after.status, after.order_id, after.expected, after.provider_status)
    assert known == (story.done, "1042", story.amount, story.provider_status)
    verdict = AmountVerdict.UNKNOWN if story.received is None else AmountVerdict.EXACT
    assert (after.received, after.verdict) == (story.received, verdict)

    if "list_payments" not in story.unsupported:
        (payment,) = gateway.list_payments()
        invoice_id = invoice.id if story.tells_invoice else None
        listed = (payment.invoice_id, payment.amount, payment.status)
        assert listed == (invoice_id, story.paid, PaymentStatus.CONFIRMED)
        assert payment.reference is not None

    if "find_invoice" not in story.unsupported:
        found = gateway.find_invoice("1042")
        assert found is not None
        assert (found.id, found.status, gateway.find_invoice("1043")) == (invoice.id, story.done, None)

    if "cancel_invoice" not in story.unsupported:
        other = gateway.create_invoice(story.request("1043"))
        assert gateway.cancel_invoice(other.id).status is InvoiceStatus.CANCELED

    gateway.check_account()


@each_provider
def test_what_a_provider_does_not_have_is_not_asked_of_it(story: Story, scene: Scene) -> None:
    """`supports` and the error agree, and no request is sent to find out."""
    invoice = scene.gateway.create_invoice(story.request("1042"))
    count = len(scene.requests)

    for operation in story.unsupported:
        with pytest.raises(UnsupportedOperationError):
            OPERATIONS[operation](scene.gateway, invoice)

    assert {name for name in OPERATIONS if not scene.gateway.supports(name)} == story.unsupported
    assert len(scene.requests) == count


@each_provider
def test_message_that_comes_again_is_known_and_one_that_was_changed_is_refused(story: Story, scene: Scene) -> None:
    """W1, W8: whatever protects the provider's messages, a changed one tells the shop nothing."""
    emulator = scene.provider.emulator
    invoice = scene.gateway.create_invoice(story.request("1042"))
    _pay(invoice)
    _, event = scene.shop.wait_for(story.kind)
    (queued,) = (each for _, each in emulator.ledger.select(QueuedDelivery) if each.kind == story.kind)

    emulator.duplicate(queued.id)
    _, again = scene.shop.wait_for(story.kind)
    emulator.tamper(queued.id)
    with pytest.raises(WebhookError) as caught:
        scene.shop.wait_for(story.kind)

    assert (again.id, again.report) == (event.id, event.report)
    assert caught.value.http_status >= 400


def _pay(invoice: Invoice) -> None:
    """Open the page and press the button, as the payer does in a browser."""
    assert invoice.payment_url is not None
    assert requests.get(invoice.payment_url, timeout=PATIENCE).ok
    assert requests.post(invoice.payment_url, data={"action": "pay"}, timeout=PATIENCE).ok
