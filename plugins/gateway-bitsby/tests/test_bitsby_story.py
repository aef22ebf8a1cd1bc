"""The whole story through the gateway, with the emulator in the provider's place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway_bitsby.emulator import BitsbyEmulator
from gateway_core import (
    Gateway,
    HttpRequest,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    WebhookDelivery,
    WebhookRequest,
)
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    RateLimitedError,
    UnsupportedOperationError,
    WebhookError,
)
from gateway_core.testing import EmulatedInvoice, EmulatorTransport, QueuedDelivery

REQUEST = InvoiceRequest(
    order_id="1042", amount=Money("49.90", "EUR"), description="Käse", expires_in=timedelta(hours=3)
)
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def receive(emulator: BitsbyEmulator, shop: Gateway) -> Callable[[], list[WebhookDelivery | str]]:
    """Give what lets the shop receive the webhooks that are due, and returns what it made of each."""

    def receive() -> list[WebhookDelivery | str]:
        made: list[WebhookDelivery | str] = []

        def answer(request: HttpRequest) -> int:
            try:
                received = WebhookRequest(body=request.body, headers=request.headers, url=request.url)
                made.append(shop.verify_webhook(received))
            except WebhookError as error:
                made.append(error.reason)
                return error.http_status
            return 200

        emulator.deliver(answer)
        return made

    return receive


def token_of(url: str | None) -> str:
    """Return the token in the address of a pay page."""
    assert url is not None
    return url.rsplit("/", 1)[1]


def test_invoice_becomes_paid(
    shop: Gateway, emulator: BitsbyEmulator, receive: Callable[[], list[WebhookDelivery | str]]
) -> None:
    """Created, shown, paid, told by a webhook, confirmed by asking, listed, and found again."""
    invoice = shop.create_invoice(REQUEST)
    token = token_of(invoice.payment_url)
    before = shop.get_status(invoice.id).status
    emulator.opened(token)
    payment = emulator.pay(token)

    (delivery,) = receive()

    assert isinstance(delivery, WebhookDelivery)
    (event,) = delivery.events
    assert event.report is not None
    assert (before, event.report.status, event.report.order_id, event.id) == (
        InvoiceStatus.PENDING,
        InvoiceStatus.PAID,
        "1042",
        payment.id,
    )
    (listed,) = shop.list_payments(invoice_id=invoice.id)
    found = shop.find_invoice("1042")
    assert found is not None
    assert (listed.id, listed.amount, found.id, found.payment_url) == (
        payment.id,
        Money("53.89", "USDT", network="tron"),
        invoice.id,
        invoice.payment_url,
    )


def test_tampered_and_duplicated_webhooks(
    shop: Gateway, emulator: BitsbyEmulator, receive: Callable[[], list[WebhookDelivery | str]]
) -> None:
    """A duplicate is known by its event's id; a changed message is refused."""
    invoice = shop.create_invoice(REQUEST)
    emulator.pay(token_of(invoice.payment_url))
    ((_, queued),) = emulator.ledger.select(QueuedDelivery)
    emulator.duplicate(queued.id)
    emulator.tamper(queued.id)

    made = receive()

    events = {event.id for each in made if isinstance(each, WebhookDelivery) for event in each.events}
    assert (len(made), events, [each for each in made if isinstance(each, str)]) == (
        3,
        {queued.event_id},
        ["for another account"],
    )


def test_stray_payment_is_seen_and_bound(shop: Gateway, emulator: BitsbyEmulator) -> None:
    """What came in another amount is a payment of nobody, until the merchant says whose it is."""
    invoice = shop.create_invoice(REQUEST)
    emulator.pay(token_of(invoice.payment_url), Money("40", "EUR"))
    (stray,) = shop.list_payments()

    report = shop.run(shop.provider.bind_payment(invoice.id, stray.id))

    assert (stray.invoice_id, stray.amount, report.status) == (None, None, InvoiceStatus.PAID)


def test_invoice_expires(shop: Gateway, wait: Callable[..., None]) -> None:
    """After the time that was asked for."""
    invoice = shop.create_invoice(REQUEST)
    wait(hours=2, minutes=59)
    before = shop.get_status(invoice.id).status
    wait(minutes=1)

    assert (before, shop.get_status(invoice.id).status) == (InvoiceStatus.PENDING, InvoiceStatus.EXPIRED)


def test_unknown_invoice_is_not_found(shop: Gateway) -> None:
    """By status and by order alike; a cancellation is refused in the provider's words."""
    with pytest.raises(NotFoundError):
        shop.get_status(NOWHERE)
    with pytest.raises(GatewayError, match="Invoice not found"):
        shop.cancel_invoice(NOWHERE)

    assert shop.find_invoice("1042") is None


def test_long_lists_are_read_whole(shop: Gateway, emulator: BitsbyEmulator) -> None:
    """Page by page, one request a second."""
    for number in range(25):
        invoice = shop.create_invoice(InvoiceRequest(order_id=f"order-{number}", amount=Money("10", "USD")))
        emulator.pay(token_of(invoice.payment_url))

    payments = list(shop.list_payments())

    assert (len({payment.id for payment in payments}), len(payments)) == (25, 25)
    assert [getattr(shop.find_invoice(f"order-{number}"), "order_id", None) for number in (0, 24, 25)] == [
        "order-0",
        "order-24",
        None,
    ]


def test_impatient_shop_is_told_so(emulator: BitsbyEmulator) -> None:
    """Without the core's rate limit, the second request within a second is refused, and nothing is made by it."""
    settings = emulator.settings("http://127.0.0.1")
    with Gateway.connect("bitsby", transport=EmulatorTransport(emulator), **settings) as gateway:
        gateway.check_account()
        with pytest.raises(RateLimitedError):
            gateway.create_invoice(REQUEST)

    assert emulator.ledger.select(EmulatedInvoice) == []


def test_wrong_key_is_an_authentication_error(emulator: BitsbyEmulator) -> None:
    """What `gateway doctor` is for."""
    settings = {**emulator.settings("http://127.0.0.1"), "api_key": "another-key-0123456789"}

    with (
        Gateway.connect("bitsby", transport=EmulatorTransport(emulator), **settings) as gateway,
        pytest.raises(AuthenticationError),
    ):
        gateway.check_account()


def test_refund_is_refused_with_the_reason(shop: Gateway, emulator: BitsbyEmulator) -> None:
    """Bitsby never has the money, so that nothing is asked."""
    refund = RefundRequest(refund_id="r-7", invoice_id=NOWHERE, amount=Money("1", "EUR"))

    with pytest.raises(UnsupportedOperationError, match="in the merchant's wallet"):
        shop.refund_payment(refund)

    assert emulator.ledger.note("last request") is None


def test_gateway_tells_what_it_can_and_what_not(shop: Gateway) -> None:
    """Every operation but refunds, which Bitsby does not have; the rest is said for people."""
    operations = ("create_invoice", "get_status", "list_payments", "verify_webhook", "find_invoice", "cancel_invoice")

    assert [shop.supports(each) for each in (*operations, "check_account", "refund_payment")] == [True] * 7 + [False]
    assert (str(shop.info.rate_limits[0]), shop.info.webhook_authentication, shop.info.idempotency) == (
        "1 per 1 s",
        "callback",
        None,
    )
