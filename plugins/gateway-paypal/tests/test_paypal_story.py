"""The whole story through the gateway, with the emulator in PayPal's place."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentQuery,
    RefundRequest,
    RefundStatus,
)
from gateway_core.errors import GatewayError, NotFoundError, RejectedError
from gateway_core.testing import EmulatedAccount, pages
from gateway_paypal import PayPal
from gateway_paypal.emulator import PayPalEmulator

PRICE = Money("49.90", "EUR")


def order(account: EmulatedAccount, order_id: str = "1042", **options: str) -> Invoice:
    """Create an order."""
    return account.gateway.create_invoice(InvoiceRequest(order_id=order_id, amount=PRICE, options=options))


def capture(account: EmulatedAccount, invoice: Invoice) -> CaptureStatus:
    """Capture an order that is approved."""
    return account.gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=invoice.id)).status


def status(account: EmulatedAccount, invoice: Invoice) -> InvoiceStatus:
    """Return how an order stands."""
    return account.gateway.get_status(invoice.id).status


def test_approved_is_not_paid(account: EmulatedAccount) -> None:
    """No money moves before the shop captures it."""
    invoice = order(account)
    account.pay(invoice.id)
    approved = account.gateway.get_status(invoice.id)
    captured = capture(account, invoice)

    assert (approved.status, approved.received) == (InvoiceStatus.APPROVED, Money("0", "EUR"))
    assert captured is CaptureStatus.DONE
    assert status(account, invoice) is InvoiceStatus.PAID
    assert capture(account, invoice) is CaptureStatus.DONE, "the same key takes nothing twice"
    assert len(list(account.gateway.list_payments())) == 1


def test_not_approved_is_not_captured(account: EmulatedAccount) -> None:
    """PayPal refuses, in its own word."""
    with pytest.raises(RejectedError) as caught:
        capture(account, order(account))

    assert caught.value.code == "ORDER_NOT_APPROVED"


def test_reviewed_capture(account: EmulatedAccount, emulator: PayPalEmulator) -> None:
    """A COMPLETED order with a PENDING capture is not to be shipped."""
    emulator.review_captures = True
    invoice = order(account)
    payment = account.pay(invoice.id)
    captured = capture(account, invoice)
    waiting = account.gateway.get_status(invoice.id)
    emulator.decide(payment.id, "COMPLETED")

    assert captured is CaptureStatus.PENDING
    assert (waiting.status, waiting.provider_status) == (InvoiceStatus.PENDING, "PENDING")
    assert status(account, invoice) is InvoiceStatus.PAID


def test_declined_capture(account: EmulatedAccount, emulator: PayPalEmulator) -> None:
    """The order is COMPLETED, and nothing was paid; the next attempt is another order."""
    emulator.decline_captures = True
    invoice = order(account)
    account.pay(invoice.id)

    assert capture(account, invoice) is CaptureStatus.FAILED
    assert status(account, invoice) is InvoiceStatus.FAILED
    second = account.gateway.create_invoice(InvoiceRequest(order_id="1042", attempt=2, amount=PRICE))
    assert second.id != invoice.id


def test_authorized_captured_in_part_and_voided(account: EmulatedAccount) -> None:
    """What is reserved is AUTHORIZED; it is taken, or given free."""
    plugin = account.gateway.provider
    assert isinstance(plugin, PayPal)
    taken, freed = (order(account, name, intent="AUTHORIZE") for name in ("a", "b"))
    for each in (taken, freed):
        account.pay(each.id)
        with pytest.raises(RejectedError, match="authorize"):
            capture(account, each)
        assert account.gateway.run(plugin.authorize(each.id)).status is InvoiceStatus.AUTHORIZED
    request = CaptureRequest(capture_id="c-1", invoice_id=taken.id, amount=Money("10", "EUR"))
    made = account.gateway.capture_payment(request)
    voided = account.gateway.run(plugin.void(freed.id))

    assert (made.status, made.amount) == (CaptureStatus.DONE, Money("10", "EUR"))
    assert status(account, taken) is InvoiceStatus.PARTIALLY_PAID
    assert voided.status is InvoiceStatus.CANCELED


def test_refunds(account: EmulatedAccount, emulator: PayPalEmulator) -> None:
    """Two parts, one more than there is, and one that fails later."""
    invoice = order(account)
    account.pay(invoice.id)
    capture(account, invoice)

    def refund(key: str, amount: str) -> RefundStatus:
        request = RefundRequest(refund_id=key, invoice_id=invoice.id, amount=Money(amount, "EUR"))
        return account.gateway.refund_payment(request).status

    assert [refund("r1", "10"), refund("r1", "10")] == [RefundStatus.DONE] * 2
    with pytest.raises(RejectedError) as caught:
        refund("r2", "40")
    assert caught.value.code == "REFUND_AMOUNT_EXCEEDED"
    emulator.slow_refunds = True
    assert refund("r3", "39.90") is RefundStatus.PENDING
    waiting = account.gateway.get_status(invoice.id)
    emulator.finish_refund(waiting.refunds[-1].id, "FAILED")
    failed = account.gateway.get_status(invoice.id)

    assert (waiting.status, waiting.refunded) == (InvoiceStatus.PARTIALLY_REFUNDED, Money("10", "EUR"))
    assert [each.status for each in failed.refunds] == [RefundStatus.DONE, RefundStatus.FAILED]
    assert failed.refunded == Money("10", "EUR")


def test_lost_answer_is_repeated_with_its_id(account: EmulatedAccount) -> None:
    """The same order asked for again is the same order, as it stands now."""
    account.drop_next_answer()
    with pytest.raises(GatewayError) as caught:
        order(account)
    again = order(account)
    account.pay(again.id)
    capture(account, again)
    third = order(account)

    assert caught.value.effect == "unknown"
    assert (third.id, third.status, third.replayed) == (again.id, InvoiceStatus.PAID, True)


def test_one_order_is_paid_once(account: EmulatedAccount) -> None:
    """PayPal takes one payment for an `invoice_id`, whoever made the second order."""
    first = order(account)
    account.pay(first.id)
    capture(account, first)
    # After six hours PayPal has forgotten the id of the request.
    account.emulator.ledger._db.execute("DELETE FROM notes WHERE name LIKE 'request %'")
    second = order(account)
    account.pay(second.id)

    with pytest.raises(RejectedError) as caught:
        capture(account, second)

    assert second.id != first.id
    assert caught.value.code == "DUPLICATE_INVOICE_ID"


def test_abandoned_order_is_forgotten(account: EmulatedAccount) -> None:
    """It is not found, which does not prove that it never was."""
    invoice = order(account)
    account.advance(hours=7)

    with pytest.raises(NotFoundError) as caught:
        account.gateway.get_status(invoice.id)

    assert caught.value.gone


def test_token_is_kept(account: EmulatedAccount) -> None:
    """One for each call would be limited."""
    for name in "abcde":
        order(account, name)

    assert sum("oauth2" in each.request.url for each in account.faults.exchanges) == 1


def test_list_over_windows_of_a_month(account: EmulatedAccount) -> None:
    """A range longer than 31 days is read piece by piece, and its ends are exact."""
    paid = []
    begin = account.clock()
    for number in range(4):
        invoice = order(account, f"order-{number}")
        account.pay(invoice.id)
        capture(account, invoice)
        paid.append(account.clock())
        account.advance(days=40)
    query = PaymentQuery(since=paid[1], until=paid[3], page_size=1)

    listed = [payment.paid_at for page in pages(account.gateway, query) for payment in page]

    assert listed == paid[1:3]
    everything = [payment.paid_at for payment in account.gateway.list_payments(since=begin - timedelta(days=1))]
    assert everything == paid
