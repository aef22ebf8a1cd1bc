"""The whole story through the gateway, with the emulator in the server's place."""

from __future__ import annotations

import json

import attrs
import pytest

from gateway_btcpay.emulator import BTCPayEmulator
from gateway_core import (
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentQuery,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
    WebhookRequest,
)
from gateway_core.errors import GatewayError, NotFoundError, RejectedError
from gateway_core.models import AmountVerdict
from gateway_core.testing import EmulatedAccount, QueuedDelivery, pages


def order(account: EmulatedAccount, order_id: str = "1042", **options: str) -> Invoice:
    """Create an invoice."""
    return account.gateway.create_invoice(
        InvoiceRequest(order_id=order_id, amount=Money("49.90", "EUR"), options=options)
    )


def kinds(account: EmulatedAccount) -> list[str]:
    """Return the events that the shop receives now, with what each report says, after verifying each."""
    told = []
    for request in account.webhooks():
        [event] = account.gateway.verify_webhook(request).events
        assert event.report is not None
        told.append(f"{event.kind} {event.report.status}")
    return told


def test_paid_by_lightning(account: EmulatedAccount, emulator: BTCPayEmulator) -> None:
    """It settles at once."""
    invoice = order(account)
    emulator.pay(account.invoice(invoice.id).token, way="BTC-LN")

    report = account.gateway.get_status(invoice.id)

    assert (report.status, report.received) == (InvoiceStatus.PAID, Money("49.90", "EUR"))
    assert kinds(account) == [
        "InvoiceCreated paid",
        "InvoiceReceivedPayment paid",
        "InvoicePaymentSettled paid",
        "InvoiceSettled paid",
    ]
    [payment] = account.gateway.list_payments()
    assert (payment.invoice_id, payment.status, payment.amount) == (
        invoice.id,
        PaymentStatus.CONFIRMED,
        Money("0.00099800", "BTC"),
    )


def test_paid_on_chain_counts_when_it_is_confirmed(account: EmulatedAccount) -> None:
    """Nothing is delivered for a payment that waits for its confirmations."""
    invoice = order(account, speed_policy="LowSpeed")
    account.pay(invoice.id)
    waiting = account.gateway.get_status(invoice.id)
    account.advance(minutes=61)
    settled = account.gateway.get_status(invoice.id)

    assert (waiting.status, waiting.provider_status, waiting.received) == (InvoiceStatus.PENDING, "Processing", None)
    assert settled.status is InvoiceStatus.PAID


def test_double_spent_payment_opens_the_invoice_again(account: EmulatedAccount, emulator: BTCPayEmulator) -> None:
    """A payment that was replaced never came, and the list says so."""
    invoice = order(account, speed_policy="MediumSpeed")
    payment = account.pay(invoice.id)
    emulator.double_spend(payment.id)

    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.PENDING
    [listed] = account.gateway.list_payments(invoice_id=invoice.id)
    assert listed.status is PaymentStatus.FAILED
    with pytest.raises(RejectedError):
        emulator.confirm(payment.id)


def test_part_that_waits_has_not_come(account: EmulatedAccount, emulator: BTCPayEmulator) -> None:
    """A part is PARTIALLY_PAID once it has settled."""
    invoice = order(account, speed_policy="MediumSpeed")
    payment = account.pay(invoice.id, Money("10", "EUR"))
    waiting = account.gateway.get_status(invoice.id)
    emulator.confirm(payment.id)
    settled = account.gateway.get_status(invoice.id)

    assert (waiting.status, waiting.received) == (InvoiceStatus.PENDING, Money("0", "EUR"))
    assert (settled.status, settled.received) == (InvoiceStatus.PARTIALLY_PAID, Money("10", "EUR"))


def test_paid_in_two_parts_and_more(account: EmulatedAccount) -> None:
    """The sum decides."""
    invoice = order(account)
    account.pay(invoice.id, Money("10", "EUR"))
    account.pay(invoice.id, Money("40", "EUR"))

    report = account.gateway.get_status(invoice.id)

    assert (report.status, report.verdict) == (InvoiceStatus.OVERPAID, AmountVerdict.OVER)
    assert len(list(account.gateway.list_payments())) == 2


def test_paid_late_needs_somebody(account: EmulatedAccount, emulator: BTCPayEmulator) -> None:
    """Money after the time is no PAID; the server's owner marks the invoice, and it is."""
    invoice = order(account)
    account.expire(invoice.id)
    account.pay(invoice.id)
    late = account.gateway.get_status(invoice.id)
    emulator.mark(invoice.id, "Settled")
    marked = account.gateway.get_status(invoice.id)

    assert (late.status, late.verdict) == (InvoiceStatus.EXPIRED, AmountVerdict.UNKNOWN)
    assert (marked.status, marked.verdict) == (InvoiceStatus.PAID, AmountVerdict.UNKNOWN)
    assert [each.rpartition(" ")[0] for each in kinds(account)] == [
        "InvoiceCreated",
        "InvoiceExpired",
        "InvoiceReceivedPayment",
        "InvoicePaymentSettled",
        "InvoicePaidAfterExpiration",
        "InvoiceSettled",
    ]


def test_too_little_at_the_end(account: EmulatedAccount) -> None:
    """It expires, and the report says that something came."""
    invoice = order(account)
    account.pay(invoice.id, Money("10", "EUR"))
    account.expire(invoice.id)

    report = account.gateway.get_status(invoice.id)

    assert (report.status, report.verdict) == (InvoiceStatus.EXPIRED, AmountVerdict.UNDER)


def test_never_confirmed_fails(account: EmulatedAccount, emulator: BTCPayEmulator) -> None:
    """A payment that is not confirmed until the server stops watching ends in Invalid."""
    invoice = order(account, speed_policy="LowSpeed")
    payment = account.pay(invoice.id)
    never = {**payment.data, "confirmed_at": "2999-01-01T00:00:00+00:00"}
    emulator.ledger.save(attrs.evolve(payment, data=never))
    account.advance(minutes=15 + 1440)

    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.FAILED


def test_canceled_is_found_and_followed_by_a_second_try(account: EmulatedAccount) -> None:
    """A dead invoice is followed by the next attempt, under a reference of its own."""
    first = order(account)
    canceled = account.gateway.cancel_invoice(first.id)
    second = account.gateway.create_invoice(InvoiceRequest(order_id="1042", attempt=2, amount=Money("49.90", "EUR")))

    assert canceled.status is InvoiceStatus.CANCELED
    assert account.gateway.cancel_invoice(first.id).status is InvoiceStatus.CANCELED
    found = account.gateway.find_invoice("1042", attempt=2)
    assert found is not None
    assert found.id == second.id != first.id


def test_lost_answer_is_found_again(account: EmulatedAccount) -> None:
    """There are no idempotency keys: whoever looks first makes no second invoice."""
    account.drop_next_answer()
    with pytest.raises(GatewayError) as caught:
        order(account)

    assert caught.value.effect == "unknown"
    found = account.gateway.find_invoice("1042")
    assert found is not None
    assert found.amount == Money("49.90", "EUR")


def test_refund(account: EmulatedAccount) -> None:
    """Two refunds of one invoice are two pages to claim; an open invoice has none."""
    invoice = order(account)
    with pytest.raises(RejectedError, match="Cannot refund"):
        account.gateway.refund_payment(RefundRequest(refund_id="r0", invoice_id=invoice.id, amount=Money("1", "EUR")))
    account.pay(invoice.id)
    refunds = [
        account.gateway.refund_payment(RefundRequest(refund_id=name, invoice_id=invoice.id, amount=Money("10", "EUR")))
        for name in ("r1", "r2")
    ]

    assert [each.status for each in refunds] == [RefundStatus.PENDING] * 2
    assert refunds[0].id != refunds[1].id
    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.PAID
    assert "InvoiceRefund paid" in kinds(account)


def test_unknown_invoice_is_not_found(account: EmulatedAccount) -> None:
    """The server says that a permission is missing; the list shows that the key is good."""
    with pytest.raises(NotFoundError) as caught:
        account.gateway.get_status("Nowhere")

    assert caught.value.gone
    account.gateway.check_account()


def test_list_goes_on_over_pages(account: EmulatedAccount) -> None:
    """Invoices without money make pages without payments, and end no list."""
    paid = set()
    for number in range(7):
        invoice = order(account, f"order-{number}")
        if number % 3 == 0:
            paid.add(account.pay(invoice.id).id)

    listed = [payment for page in pages(account.gateway, PaymentQuery(page_size=2)) for payment in page]

    assert {each.id for each in listed} == paid


def test_webhook_is_sent_again_after_a_fault_and_not_after_a_refusal(
    account: EmulatedAccount, emulator: BTCPayEmulator
) -> None:
    """The server sends again after 5xx, 408, 429 and silence, each time in a new delivery of the same event."""
    order(account)
    seen: list[dict[str, object]] = []

    def shop(request: WebhookRequest) -> int:
        account.gateway.verify_webhook(request)
        seen.append(json.loads(request.body))
        return (503, 429, 400)[len(seen) - 1]

    for wait in (0, 11, 61, 601):
        account.advance(seconds=wait)
        account.deliver(shop)

    [(_, delivery)] = emulator.ledger.select(QueuedDelivery)
    assert [attempt.status for attempt in delivery.attempts] == [503, 429, 400]
    assert delivery.due_at is None
    assert [each["isRedelivery"] for each in seen] == [False, True, True]
    assert len({each["deliveryId"] for each in seen}) == 3
    assert len({each["originalDeliveryId"] for each in seen}) == 1
