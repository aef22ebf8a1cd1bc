"""The whole story through the gateway, with the emulator in Adyen's place."""

from __future__ import annotations

import pytest

from gateway_adyen.emulator import AdyenEmulator
from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    RefundStatus,
    WebhookEvent,
)
from gateway_core.errors import GatewayError, RejectedError
from gateway_core.testing import EmulatedAccount

PRICE = Money("49.90", "EUR")


def order(account: EmulatedAccount, order_id: str = "1042", **options: bool) -> Invoice:
    """Create an invoice."""
    return account.gateway.create_invoice(InvoiceRequest(order_id=order_id, amount=PRICE, options=options))


def events(account: EmulatedAccount) -> list[WebhookEvent]:
    """Return the events that the shop receives now."""
    return [event for request in account.webhooks() for event in account.gateway.verify_webhook(request).events]


def statuses(account: EmulatedAccount) -> list[str]:
    """Return the events that the shop receives now, and what each report says."""
    return [f"{event.kind} {event.report.status if event.report else None}" for event in events(account)]


def test_declined_and_paid(account: EmulatedAccount) -> None:
    """A refused attempt leaves the link payable."""
    invoice = order(account)
    account.decline(invoice.id)
    declined = statuses(account)
    account.pay(invoice.id)

    assert declined == ["AUTHORISATION pending"]
    assert statuses(account) == ["AUTHORISATION paid"]
    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.PAID


def test_direct_debit_is_paid_when_its_money_comes(account: EmulatedAccount, emulator: AdyenEmulator) -> None:
    """A link whose payment is under way is not paid."""
    invoice = order(account)
    payment = emulator.pay(account.invoice(invoice.id).token, way="sepa")
    waiting = account.gateway.get_status(invoice.id)
    emulator.arrive(payment.id)

    assert (waiting.status, waiting.provider_status) == (InvoiceStatus.PENDING, "paymentPending")
    assert statuses(account) == ["AUTHORISATION paid"]


def test_captured_by_hand(account: EmulatedAccount) -> None:
    """AUTHORIZED until the capture's webhook; a second capture fails, by its webhook too."""
    invoice = order(account, manual_capture=True)
    payment = account.pay(invoice.id)
    [authorised] = events(account)
    assert authorised.report is not None
    references = authorised.report.references
    captures = [
        account.gateway.capture_payment(CaptureRequest(capture_id=name, invoice_id=invoice.id, references=references))
        for name in ("c1", "c2")
    ]

    assert references == {"payment": payment.id}
    assert authorised.report.status is InvoiceStatus.AUTHORIZED
    assert [each.status for each in captures] == [CaptureStatus.PENDING] * 2
    assert statuses(account) == ["CAPTURE paid", "CAPTURE authorized"]


def test_voided(account: EmulatedAccount) -> None:
    """An authorization is given free: CANCELED by its webhook."""
    invoice = order(account, manual_capture=True)
    account.pay(invoice.id)
    [authorised] = events(account)
    assert authorised.report is not None
    account.gateway.cancel_invoice(invoice.id, references=authorised.report.references)

    assert statuses(account) == ["CANCELLATION canceled"]


def test_open_link_is_called_off(account: EmulatedAccount) -> None:
    """It ends as EXPIRED, which is Adyen's word; a completed one is not."""
    invoice = order(account)
    assert account.gateway.cancel_invoice(invoice.id).status is InvoiceStatus.EXPIRED
    assert account.gateway.cancel_invoice(invoice.id).status is InvoiceStatus.EXPIRED
    paid = order(account, "1043")
    account.pay(paid.id)

    with pytest.raises(RejectedError, match="completed"):
        account.gateway.cancel_invoice(paid.id)


def test_refunds(account: EmulatedAccount, emulator: AdyenEmulator) -> None:
    """Two parts, each with its own outcome; one comes back later, and one too much fails."""
    invoice = order(account)
    account.pay(invoice.id)
    [paid] = events(account)
    assert paid.report is not None
    made = [
        account.gateway.refund_payment(
            RefundRequest(
                refund_id=name, invoice_id=invoice.id, amount=Money(amount, "EUR"), references=paid.report.references
            )
        )
        for name, amount in (("r1", "10"), ("r2", "39.90"), ("r3", "1"), ("r1", "10"))
    ]
    told = {event.refund.refund_id: event.refund.status for event in events(account) if event.refund}
    emulator.refund_failed(made[1].id)
    later = {event.refund.refund_id: event.refund.status for event in events(account) if event.refund}

    assert [each.status for each in made] == [RefundStatus.PENDING] * 4
    assert made[0].id == made[3].id, "the same key is the same refund"
    assert told == {"r1": RefundStatus.DONE, "r2": RefundStatus.DONE, "r3": RefundStatus.FAILED}
    assert later == {"r2": RefundStatus.FAILED}


def test_capture_that_fails_later_undoes_the_payment(account: EmulatedAccount, emulator: AdyenEmulator) -> None:
    """The scheme rejects what was accepted."""
    invoice = order(account)
    payment = account.pay(invoice.id)
    emulator.capture_failed(payment.id)

    assert statuses(account) == ["AUTHORISATION paid", "CAPTURE_FAILED failed"]


def test_chargeback_names_no_link(account: EmulatedAccount, emulator: AdyenEmulator) -> None:
    """It is told, with the payment in its raw form; which link it is about is not in it."""
    payment = account.pay(order(account).id)
    events(account)
    emulator.chargeback(payment.id)

    [event] = events(account)
    assert (event.kind, event.invoice_id, event.report) == ("CHARGEBACK", None, None)
    assert event.raw["originalReference"] == payment.id


def test_lost_answer_is_repeated_with_its_key(account: EmulatedAccount) -> None:
    """The same order asked for again is the same link, as it stands now."""
    account.drop_next_answer()
    with pytest.raises(GatewayError) as caught:
        order(account)
    again = order(account)
    account.pay(again.id)
    third = order(account)

    assert caught.value.effect == "unknown"
    assert (again.id, again.replayed) == (third.id, True)
    assert third.status is InvoiceStatus.PAID


def test_second_attempt_is_another_link(account: EmulatedAccount) -> None:
    """After an expired link the next attempt makes a new one."""
    first = order(account)
    account.expire(first.id)
    second = account.gateway.create_invoice(InvoiceRequest(order_id="1042", attempt=2, amount=PRICE))

    assert account.gateway.get_status(first.id).status is InvoiceStatus.EXPIRED
    assert second.id != first.id
    assert (second.order_id, second.attempt) == ("1042", 2)
