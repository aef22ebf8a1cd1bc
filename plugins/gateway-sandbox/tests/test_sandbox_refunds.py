"""What an application lives through when it calls off, and gives money back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway_core import (
    Gateway,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    WebhookRequest,
)
from gateway_core.errors import (
    RejectedError,
)
from gateway_core.testing import ManualClock
from gateway_sandbox.emulator import SandboxEmulator

_PRICE = Money("50.00", "EUR")


def _bill(gateway: Gateway, order_id: str = "1042", amount: Money = _PRICE) -> Invoice:
    return gateway.create_invoice(InvoiceRequest(order_id=order_id, amount=amount))


def _token(invoice: Invoice) -> str:
    assert invoice.payment_url is not None
    return invoice.payment_url.rpartition("/")[2]


def _refund(gateway: Gateway, invoice: Invoice, refund_id: str, amount: Money) -> None:
    gateway.refund_payment(RefundRequest(refund_id=refund_id, invoice_id=invoice.id, amount=amount))


def _told(gateway: Gateway, request: HttpRequest) -> tuple[str, InvoiceStatus | None]:
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    received = WebhookRequest(body=request.body, headers=request.headers, received_at=at)
    (event,) = gateway.verify_webhook(received).events
    return event.kind, None if event.report is None else event.report.status


def test_invoice_is_canceled_once(gateway: Gateway, webhooks: Callable[[], list[HttpRequest]]) -> None:
    """Canceling again changes nothing and tells nothing."""
    invoice = _bill(gateway)

    first = gateway.cancel_invoice(invoice.id)
    second = gateway.cancel_invoice(invoice.id)

    assert first == second
    assert first.status is InvoiceStatus.CANCELED
    assert [_told(gateway, request)[0] for request in webhooks()] == ["invoice.canceled"]


@pytest.mark.parametrize("paid", ["20", "50", "60"])
def test_invoice_that_money_came_for_is_not_canceled(gateway: Gateway, emulator: SandboxEmulator, paid: str) -> None:
    """Money is given back by a refund, never by canceling; the refusal is definite."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice), Money(paid, "EUR"))
    before = gateway.get_status(invoice.id)

    with pytest.raises(RejectedError, match="paid") as caught:
        gateway.cancel_invoice(invoice.id)

    assert (caught.value.code, caught.value.effect) == ("not_cancelable", "none")
    assert gateway.get_status(invoice.id) == before


def test_refund_in_parts_then_whole(
    gateway: Gateway, emulator: SandboxEmulator, webhooks: Callable[[], list[HttpRequest]]
) -> None:
    """Refunds add up; when all is back the invoice and its payments are refunded."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    webhooks()

    _refund(gateway, invoice, "r-1", Money("10", "EUR"))
    partly = gateway.get_status(invoice.id)
    _refund(gateway, invoice, "r-2", Money("40", "EUR"))

    wholly = gateway.get_status(invoice.id)
    assert (partly.status, partly.refunded) == (InvoiceStatus.PARTIALLY_REFUNDED, Money("10", "EUR"))
    assert (wholly.status, wholly.refunded) == (InvoiceStatus.REFUNDED, _PRICE)
    assert [payment.status for payment in gateway.list_payments()] == [PaymentStatus.REFUNDED]
    assert [_told(gateway, request)[0] for request in webhooks()] == [
        "invoice.partially_refunded",
        "invoice.refunded",
    ]


def test_refund_of_what_came_for_an_expired_invoice(
    gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock
) -> None:
    """A part that was paid before the expiry can be given back."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice), Money("20", "EUR"))
    clock.move(timedelta(days=1))

    _refund(gateway, invoice, "r-1", Money("20", "EUR"))

    assert gateway.get_status(invoice.id).status is InvoiceStatus.REFUNDED


@pytest.mark.parametrize(
    "paid,refunds,amount",
    [
        (None, [], "0.01"),
        ("50", [], "50.01"),
        ("50", ["40"], "10.01"),
        ("50", ["50"], "0.01"),
        ("20", [], "50"),
    ],
)
def test_refund_is_never_more_than_came(
    gateway: Gateway, emulator: SandboxEmulator, paid: str | None, refunds: list[str], amount: str
) -> None:
    """No refund, nor all of them together, gives back more than was received."""
    invoice = _bill(gateway)
    if paid:
        emulator.pay(_token(invoice), Money(paid, "EUR"))
    for number, part in enumerate(refunds):
        _refund(gateway, invoice, f"r-{number}", Money(part, "EUR"))
    before = gateway.get_status(invoice.id)

    with pytest.raises(RejectedError) as caught:
        _refund(gateway, invoice, "too-much", Money(amount, "EUR"))

    assert (caught.value.code, caught.value.effect) == ("refund_too_large", "none")
    assert gateway.get_status(invoice.id) == before


def test_refund_in_another_currency_is_refused(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """M4: dollars are not given back for euros."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))

    with pytest.raises(RejectedError, match=r"amount\.currency"):
        _refund(gateway, invoice, "r-1", Money("1", "USD"))


def test_same_refund_goes_back_once(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """The shop's refund id is the key: a repeated refund is the first one again, and another one needs another id."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    request = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("10", "EUR"), reason="late")

    first, second = gateway.refund_payment(request), gateway.refund_payment(request)

    assert first == second
    assert (first.refund_id, first.raw["reason"]) == ("r-1", "late")
    assert gateway.get_status(invoice.id).refunded == Money("10", "EUR")
    with pytest.raises(RejectedError, match="same id was used before"):
        _refund(gateway, invoice, "r-1", Money("11", "EUR"))
