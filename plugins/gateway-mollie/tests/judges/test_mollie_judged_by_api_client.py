"""``mollie-api-python``, Mollie's client of the Payments API, tells the same story as we do at the emulator."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core import CaptureRequest, Gateway, InvoiceRequest, InvoiceStatus, Money, RefundRequest
from gateway_core.errors import GatewayError
from gateway_mollie.emulator import MollieEmulator

if TYPE_CHECKING:
    from gateway_sandbox.server import Serving

ORDER: dict[str, Any] = {
    "amount": {"currency": "EUR", "value": "49.90"},
    "description": "Order 1042",
    "redirectUrl": "https://shop.example/back",
    "metadata": {"order_id": "1042"},
}
REQUEST = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))


@pytest.fixture
def client(served: Serving) -> Any:
    """Give Mollie's client to the account."""
    from mollie.api.client import Client

    client = Client(api_endpoint=served.url)
    client.set_api_key(served.settings["api_key"])
    return client


def pay(mollie: MollieEmulator, payment: Any) -> None:
    """Pay what the client reads."""
    mollie.pay(payment.checkout_url.rpartition("/")[2])


def amount_of(told: Any) -> Money:
    """Return an amount that the client reads; absent is zero."""
    return Money(Decimal(told["value"]), told["currency"]) if told else Money(0, "EUR")


def check_same(client: Any, gateway: Gateway, payment_id: str) -> None:
    """Fail unless both read the same facts of a payment."""
    theirs, ours = client.payments.get(payment_id, embed="refunds,chargebacks"), gateway.get_status(payment_id)
    refunds = [(each.id, amount_of(each.amount)) for each in theirs.refunds.list() if each.is_refunded()]
    disputes = [amount_of(each.amount) for each in theirs.chargebacks.list() if each.reversed_at is None]

    assert (ours.invoice_id, ours.provider_status, ours.expected) == (
        theirs.id,
        theirs.status,
        amount_of(theirs.amount),
    )
    assert ours.order_id == theirs.metadata["order_id"]
    assert ours.status.is_paid is (theirs.is_paid() and not refunds) or refunds
    assert ours.refunded == sum((each for _, each in refunds), Money(0, "EUR"))
    assert {each.id for each in ours.refunds} == {each.id for each in theirs.refunds.list()}
    assert ours.disputed == sum(disputes, Money(0, "EUR"))


def test_they_create_and_both_read(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """A payment of theirs is an invoice of ours, open and paid."""
    payment = client.payments.create(ORDER)
    check_same(client, gateway, payment.id)
    assert (payment.is_open(), payment.is_cancelable) == (True, False)

    pay(mollie, payment)

    check_same(client, gateway, payment.id)
    assert client.payments.get(payment.id).can_be_refunded()
    assert gateway.get_status(payment.id).status is InvoiceStatus.PAID


def test_we_create_and_they_read(client: Any, gateway: Gateway) -> None:
    """What we send is what they see."""
    invoice = gateway.create_invoice(REQUEST)

    payment = client.payments.get(invoice.id)

    assert (payment.checkout_url, payment.amount, payment.metadata) == (
        invoice.payment_url,
        {"value": "49.90", "currency": "EUR"},
        {"order_id": "1042"},
    )
    assert invoice.expires_at == datetime.fromisoformat(payment.expires_at)
    assert payment.webhook_url == "https://shop.example/webhooks/mollie"


def test_they_refund_and_both_read(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """A part, then the rest."""
    payment = client.payments.create(ORDER)
    pay(mollie, payment)
    for value in ("9.90", "40.00"):
        refund = client.payments.get(payment.id).refunds.create({"amount": {"currency": "EUR", "value": value}})
        assert refund.is_pending()
        check_same(client, gateway, payment.id)

    assert gateway.get_status(payment.id).status is InvoiceStatus.REFUNDED


def test_we_refund_and_they_read(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """By the id that we were given."""
    invoice = gateway.create_invoice(REQUEST)
    pay(mollie, client.payments.get(invoice.id))
    refund = gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("5", "EUR")))

    theirs = client.payments.get(invoice.id).refunds.get(refund.id)

    assert (theirs.amount["value"], theirs.metadata, theirs.payment_id) == ("5.00", {"refund_id": "r-1"}, invoice.id)
    check_same(client, gateway, invoice.id)


def test_both_capture(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """What is held is authorized for both, and paid after either captured it."""
    theirs, ours = (client.payments.create({**ORDER, "captureMode": "manual"}) for _ in range(2))
    for each in (theirs, ours):
        pay(mollie, each)
        assert client.payments.get(each.id).is_authorized()
        assert gateway.get_status(each.id).status is InvoiceStatus.AUTHORIZED

    client.payments.get(theirs.id).captures.create({"amount": {"currency": "EUR", "value": "49.90"}})
    gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=ours.id, amount=Money("49.90", "EUR")))

    for each in (theirs, ours):
        check_same(client, gateway, each.id)
        assert [c.amount["value"] for c in client.payments.get(each.id).captures.list()] == ["49.90"]


def test_both_cancel(client: Any, gateway: Gateway) -> None:
    """An open bank transfer; another method is refused to both in the same words."""
    from mollie.api.error import UnprocessableEntityError

    theirs, ours, neither = (
        client.payments.create({**ORDER, "method": method}) for method in ("banktransfer", "banktransfer", "ideal")
    )
    assert client.payments.delete(theirs.id).is_canceled()
    gateway.cancel_invoice(ours.id)

    for each in (theirs, ours):
        check_same(client, gateway, each.id)
    with pytest.raises(UnprocessableEntityError) as refused:
        client.payments.delete(neither.id)
    with pytest.raises(GatewayError, match=str(refused.value)):
        gateway.cancel_invoice(neither.id)


def test_both_read_disputes(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """Received, and reversed."""
    payment = client.payments.create(ORDER)
    pay(mollie, payment)
    chargeback = mollie.charge_back(payment.id)
    check_same(client, gateway, payment.id)
    assert client.payments.get(payment.id).has_chargebacks()

    mollie.reverse_chargeback(payment.id, chargeback)

    check_same(client, gateway, payment.id)


@pytest.mark.parametrize("end", ["decline", "cancel"])
def test_both_read_how_it_ended(client: Any, gateway: Gateway, mollie: MollieEmulator, end: str) -> None:
    """Failed and canceled payments."""
    payment = client.payments.create(ORDER)
    getattr(mollie, end)(payment.checkout_url.rpartition("/")[2])

    check_same(client, gateway, payment.id)


def test_both_walk_the_list(client: Any, gateway: Gateway, mollie: MollieEmulator) -> None:
    """Page by page, along the addresses that the emulator gives."""
    for _ in range(7):
        pay(mollie, client.payments.create(ORDER))

    page, theirs = client.payments.list(limit=3), []
    while page is not None:
        theirs += [each.id for each in page]
        page = page.get_next()

    assert theirs == [each.id for each in gateway.list_payments()]
    assert len(theirs) == 7


@pytest.mark.parametrize(
    "changes", [{"amount": {"currency": "EUR", "value": "16.1"}}, {"description": None}, {"method": "cash"}]
)
def test_they_are_refused_as_documented(client: Any, changes: dict[str, Any]) -> None:
    """Their client reads the emulator's refusals: status, text and field."""
    from mollie.api.error import UnprocessableEntityError

    with pytest.raises(UnprocessableEntityError) as refused:
        client.payments.create({**ORDER, **changes})

    assert refused.value.field in {"amount.value", "description", "method"}


def test_they_see_a_repeated_answer(client: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Under one key there is one payment, and their client is told that the answer came again."""
    first, again = (client.payments.create(ORDER, idempotency_key="0-key") for _ in range(2))

    assert first.id == again.id
    assert "Idempotent-Replayed" in caplog.text


def test_unknown_payment_is_not_found_for_both(client: Any, gateway: Gateway) -> None:
    """In the same words."""
    from mollie.api.error import NotFoundError

    with pytest.raises(NotFoundError) as theirs:
        client.payments.get("tr_none1")
    with pytest.raises(GatewayError, match=str(theirs.value)):
        gateway.get_status("tr_none1")
