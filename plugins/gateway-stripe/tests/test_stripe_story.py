"""Whole stories with an emulated account: what a shop sees from the order to the last dispute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
)
from gateway_core.errors import OutcomeUnknownError, OutOfReachError, RejectedError, UnexpectedResponseError
from gateway_core.testing import AnswerLost, EmulatedAccount, changing
from gateway_stripe.emulator import StripeEmulator

_S = InvoiceStatus
Order = Callable[..., Invoice]


def _heard(account: EmulatedAccount) -> list[tuple[str, InvoiceStatus | None]]:
    """Return kinds and statuses of the events that are due, each verified."""
    deliveries = [account.gateway.verify_webhook(request) for request in account.webhooks()]
    return [(event.kind, event.report.status if event.report else None) for each in deliveries for event in each.events]


def test_card(account: EmulatedAccount, order: Order) -> None:
    """Declined once, then paid, refunded in two parts; each step is told by webhook and by status."""
    invoice = order()
    account.decline(invoice.id)
    assert _heard(account) == [("payment_intent.payment_failed", _S.PENDING)]

    account.pay(invoice.id)
    assert _heard(account) == [("payment_intent.succeeded", _S.PAID), ("checkout.session.completed", _S.PAID)]

    first = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("9.90", "EUR"))
    assert account.gateway.refund_payment(first).status is RefundStatus.DONE
    assert _heard(account) == [("refund.created", _S.PARTIALLY_REFUNDED), ("charge.refunded", _S.PARTIALLY_REFUNDED)]
    account.gateway.refund_payment(RefundRequest(refund_id="r-2", invoice_id=invoice.id, amount=Money("40", "EUR")))

    report = account.gateway.get_status(invoice.id)
    assert (report.status, report.received, report.refunded) == (
        _S.REFUNDED,
        Money("49.90", "EUR"),
        Money("49.90", "EUR"),
    )
    assert [refund.refund_id for refund in report.refunds] == ["r-2", "r-1"]
    [payment] = account.gateway.list_payments()
    assert payment.status is PaymentStatus.REFUNDED


def test_refund_is_the_same_after_the_key_is_forgotten(account: EmulatedAccount, order: Order) -> None:
    """Two days after a lost answer the same refund_id still makes one refund."""
    invoice = order()
    account.pay(invoice.id)
    request = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("10", "EUR"))
    account.faults.script(AnswerLost(), where=changing, times=10)
    with pytest.raises(OutcomeUnknownError):
        account.gateway.refund_payment(request)
    account.faults.script(AnswerLost(), where=changing, times=1)
    account.advance(days=2)

    account.gateway.refund_payment(request)

    assert account.gateway.get_status(invoice.id).refunded == Money("10", "EUR")


@pytest.mark.parametrize("comes_in", [True, False])
def test_bank_debit(account: EmulatedAccount, emulator: StripeEmulator, order: Order, comes_in: bool) -> None:
    """The payer is done at once, and the money comes days later or never."""
    invoice = order()
    emulator.pay(account.invoice(invoice.id).token, way="sepa_debit")
    assert _heard(account) == [("checkout.session.completed", _S.PENDING)]
    [payment] = account.gateway.list_payments()
    assert payment.status is PaymentStatus.PENDING
    account.advance(days=3)
    assert account.gateway.get_status(invoice.id).status is _S.PENDING

    if comes_in:
        emulator.settle_debit(invoice.id)
        kinds = ["payment_intent.succeeded", "checkout.session.async_payment_succeeded"]
    else:
        emulator.fail_debit(invoice.id)
        kinds = ["payment_intent.payment_failed", "checkout.session.async_payment_failed"]

    expected = _S.PAID if comes_in else _S.FAILED
    assert _heard(account) == [(kind, expected) for kind in kinds]
    assert account.gateway.get_status(invoice.id).status is expected


def test_refund_of_a_debit_fails(account: EmulatedAccount, emulator: StripeEmulator, order: Order) -> None:
    """A refund is pending, done, and can still fail: then the money is the shop's again."""
    invoice = order()
    emulator.pay(account.invoice(invoice.id).token, way="sepa_debit")
    emulator.settle_debit(invoice.id)
    request = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("9.90", "EUR"))
    refund = account.gateway.refund_payment(request)
    assert (refund.status, account.gateway.get_status(invoice.id).status) == (RefundStatus.PENDING, _S.PAID)

    emulator.finish_refund(refund.id, "succeeded")
    assert account.gateway.get_status(invoice.id).status is _S.PARTIALLY_REFUNDED
    account.webhooks()

    emulator.finish_refund(refund.id, "failed")
    report = account.gateway.get_status(invoice.id)
    assert (report.status, report.refunded, report.refunds[0].status) == (
        _S.PAID,
        Money("0", "EUR"),
        RefundStatus.FAILED,
    )
    assert _heard(account) == [("refund.updated", _S.PAID), ("refund.failed", _S.PAID)]


def test_reserved_and_taken(account: EmulatedAccount, order: Order) -> None:
    """Money is reserved, a part is taken, and the rest released; the same capture is made once."""
    invoice = order(options={"capture_method": "manual"})
    account.pay(invoice.id)
    assert _heard(account) == [
        ("payment_intent.amount_capturable_updated", _S.AUTHORIZED),
        ("checkout.session.completed", _S.AUTHORIZED),
    ]
    request = CaptureRequest(capture_id="c-1", invoice_id=invoice.id, amount=Money("20", "EUR"))

    for _ in range(2):
        capture = account.gateway.capture_payment(request)
        assert (capture.status, capture.amount) == (CaptureStatus.DONE, Money("20", "EUR"))

    assert account.gateway.get_status(invoice.id).status is _S.PARTIALLY_PAID
    other = CaptureRequest(capture_id="c-2", invoice_id=invoice.id)
    with pytest.raises(RejectedError, match="could not be captured"):
        account.gateway.capture_payment(other)


def test_reserved_and_released(account: EmulatedAccount, order: Order) -> None:
    """The shop releases one hold, and another lapses after a week."""
    released, lapsing = (order(options={"capture_method": "manual"}) for _ in range(2))
    account.pay(released.id)
    account.pay(lapsing.id)

    assert account.gateway.cancel_invoice(released.id).status is _S.CANCELED
    account.advance(days=7)

    assert account.gateway.get_status(lapsing.id).status is _S.EXPIRED
    assert account.gateway.get_status(released.id).status is _S.CANCELED
    assert account.gateway.cancel_invoice(lapsing.id).status is _S.EXPIRED
    assert {payment.status for payment in account.gateway.list_payments()} == {PaymentStatus.FAILED}


def test_dispute(account: EmulatedAccount, emulator: StripeEmulator, order: Order) -> None:
    """A dispute is told, keeps refunds away, and is won or lost."""
    invoice = order()
    account.pay(invoice.id)
    account.webhooks()
    emulator.dispute(invoice.id)

    assert _heard(account) == [("charge.dispute.created", _S.PAID)]
    assert account.gateway.get_status(invoice.id).disputed == Money("49.90", "EUR")
    with pytest.raises(RejectedError, match="charged back"):
        account.gateway.refund_payment(RefundRequest(refund_id="r", invoice_id=invoice.id, amount=Money(1, "EUR")))

    emulator.close_dispute(invoice.id, "lost")
    assert account.gateway.get_status(invoice.id).disputed == Money("49.90", "EUR")
    emulator.close_dispute(invoice.id, "won")
    assert account.gateway.get_status(invoice.id).disputed == Money("0", "EUR")


def test_cancel(account: EmulatedAccount, order: Order) -> None:
    """An open session is called off, once and for all; a paid one is not."""
    invoice, paid = order(), order()
    account.pay(paid.id)
    account.webhooks()

    assert account.gateway.cancel_invoice(invoice.id).status is _S.CANCELED
    assert account.gateway.cancel_invoice(invoice.id).status is _S.CANCELED
    assert _heard(account) == [("checkout.session.expired", _S.CANCELED)]
    with pytest.raises(RejectedError, match="refund the payment"):
        account.gateway.cancel_invoice(paid.id)
    assert account.gateway.get_status(paid.id).status is _S.PAID


def test_expiry(account: EmulatedAccount, order: Order) -> None:
    """A session lives for a day, or as long as asked for; then the payer comes too late."""
    short, usual = order(expires_in=timedelta(hours=1)), order()
    assert short.expires_at is not None
    assert usual.expires_at is not None
    assert usual.expires_at - short.expires_at == timedelta(hours=23)

    account.advance(hours=1)

    assert account.gateway.get_status(short.id).status is _S.EXPIRED
    assert account.gateway.get_status(usual.id).status is _S.PENDING
    with pytest.raises(RejectedError):
        account.pay(short.id)
    assert account.gateway.cancel_invoice(short.id).status is _S.EXPIRED


def test_lost_answer_to_a_creation(account: EmulatedAccount) -> None:
    """The same order, asked for again, is the same session; what was paid meanwhile is told."""
    request = InvoiceRequest(order_id="A-1", amount=Money("49.90", "EUR"))
    account.drop_next_answer()
    with pytest.raises(OutcomeUnknownError):
        account.gateway.create_invoice(request)
    found = account.gateway.find_invoice("A-1")
    assert found is not None
    account.pay(found.id)

    again = account.gateway.create_invoice(request)

    assert (again.id, again.replayed, again.status) == (found.id, True, _S.PAID)


def test_other_content_under_the_same_order_is_refused(account: EmulatedAccount) -> None:
    """An order has one session in a day: another amount for it is told as such."""
    account.gateway.create_invoice(InvoiceRequest(order_id="A-1", amount=Money("49.90", "EUR")))

    with pytest.raises(RejectedError, match="same parameters"):
        account.gateway.create_invoice(InvoiceRequest(order_id="A-1", amount=Money("59.90", "EUR")))


def test_find(account: EmulatedAccount, order: Order) -> None:
    """An order and its later attempts are found by their reference, and what was never made is not."""
    invoices = [order() for _ in range(3)]
    later = account.gateway.create_invoice(InvoiceRequest(order_id="A-2", amount=Money("1", "EUR"), attempt=2))
    account.pay(invoices[1].id)

    found = account.gateway.find_invoice("A-2")
    assert found is not None
    assert (found.id, found.attempt, found.status) == (invoices[1].id, 1, _S.PAID)
    second = account.gateway.find_invoice("A-2", attempt=2)
    assert second is not None
    assert (second.id, second.order_id) == (later.id, "A-2")
    assert account.gateway.find_invoice("A-9") is None


def test_find_in_a_long_list(order: Order, account: EmulatedAccount) -> None:
    """What lies beyond the pages that are read may exist: that is said, and not that it does not."""
    for _ in range(101):
        order()
    with EmulatedAccount("stripe", settings={"search_pages": 1}) as narrow:
        for number in range(101):
            narrow.gateway.create_invoice(InvoiceRequest(order_id=f"A-{number}", amount=Money(1, "EUR")))
        with pytest.raises(OutOfReachError):
            narrow.gateway.find_invoice("A-0")

    found = account.gateway.find_invoice("A-1")
    assert found is not None


def test_find_two(account: EmulatedAccount) -> None:
    """Two sessions of one order, made when the key was forgotten, are an error and no choice."""
    request = InvoiceRequest(order_id="A-1", amount=Money("1", "EUR"))
    account.gateway.create_invoice(request)
    account.advance(hours=25)
    account.gateway.create_invoice(request)

    with pytest.raises(UnexpectedResponseError):
        account.gateway.find_invoice("A-1")


def test_list_over_days(account: EmulatedAccount, order: Order) -> None:
    """Payments are listed by when they were made, though Stripe filters by when the session was."""
    start = account.clock()
    invoices = [order() for _ in range(5)]
    for invoice in invoices:
        account.advance(hours=4)
        account.pay(invoice.id)

    found = account.gateway.list_payments(since=start + timedelta(hours=9), until=start + timedelta(hours=17))

    assert {payment.invoice_id for payment in found} == {invoices[2].id, invoices[3].id}
    [only] = account.gateway.list_payments(invoice_id=invoices[0].id)
    assert only.invoice_id == invoices[0].id
    assert list(account.gateway.list_payments(invoice_id=order().id)) == []


def test_webhook_is_sent_again(account: EmulatedAccount, order: Order) -> None:
    """What the shop does not accept comes again with the same id and a new signature, three times."""
    invoice = order()
    account.pay(invoice.id)
    seen: list[tuple[str, str]] = []
    for hours in (0, 1, 2, 4, 8):
        account.advance(hours=hours)

        def refuse(request: object) -> int:
            [event] = account.gateway.verify_webhook(request).events  # type: ignore[arg-type]  # a WebhookRequest
            seen.append((event.id, request.headers["Stripe-Signature"]))  # type: ignore[attr-defined]  # as above
            return 500

        account.deliver(refuse)

    assert len(seen) == 8
    assert len({event_id for event_id, _ in seen}) == 2
    assert len({signature for _, signature in seen}) == 8


def test_register_webhook(account: EmulatedAccount) -> None:
    """An endpoint is added for each event that is read, and tells its secret once."""
    made = account.gateway.register_webhook("https://shop.test/stripe")

    assert made.secret is not None
    assert made.secret.reveal() == account.settings["webhook_secret"]
    assert "checkout.session.completed" in made.events
    assert account.emulator.webhook_url == "https://shop.test/stripe"


def test_account_is_checked(account: EmulatedAccount) -> None:
    """A read with the real key, of what is needed anyway."""
    account.gateway.check_account()

    assert [each.request.safe for each in account.faults.exchanges] == [True]
