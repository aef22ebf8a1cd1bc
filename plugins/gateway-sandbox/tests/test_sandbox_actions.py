"""What the shop does on the provider's own pages, and the payer's bank: disputes, and every other action."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

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
    RefundStatus,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import RejectedError
from gateway_core.testing import ManualClock
from gateway_sandbox.emulator import SandboxEmulator

_PRICE = Money("50.00", "EUR")

Webhooks = Callable[[], list[HttpRequest]]


def _bill(gateway: Gateway, capture: str = "automatic") -> Invoice:
    request = InvoiceRequest(order_id="1042", amount=_PRICE, options={"capture": capture})
    return gateway.create_invoice(request)


def _token(invoice: Invoice) -> str:
    assert invoice.payment_url is not None
    return invoice.payment_url.rpartition("/")[2]


def _told(gateway: Gateway, webhooks: Webhooks) -> list[WebhookEvent]:
    events: list[WebhookEvent] = []
    for request in webhooks():
        at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
        received = WebhookRequest(body=request.body, headers=request.headers, received_at=at)
        events += gateway.verify_webhook(received).events
    return events


def _statuses(events: list[WebhookEvent]) -> list[tuple[str, InvoiceStatus | None]]:
    return [(event.kind, None if event.report is None else event.report.status) for event in events]


def _refund(gateway: Gateway, invoice: Invoice, amount: str, key: str = "r-1") -> Any:
    return gateway.refund_payment(RefundRequest(refund_id=key, invoice_id=invoice.id, amount=Money(amount, "EUR")))


@pytest.mark.parametrize(
    "won, status, payment_status, kind",
    [
        (True, InvoiceStatus.PAID, PaymentStatus.CONFIRMED, "invoice.dispute_won"),
        (False, InvoiceStatus.REFUNDED, PaymentStatus.FAILED, "invoice.dispute_lost"),
    ],
)
def test_dispute_is_told_and_decided(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway,
    emulator: SandboxEmulator,
    webhooks: Webhooks,
    won: bool,
    status: InvoiceStatus,
    payment_status: PaymentStatus,
    kind: str,
) -> None:
    """An open dispute changes nothing yet; a lost one takes the money back from the shop."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    webhooks()

    emulator.act(_token(invoice), "dispute")
    opened = _told(gateway, webhooks)
    emulator.act(_token(invoice), "win" if won else "lose")
    closed = _told(gateway, webhooks)

    report, (payment,) = gateway.get_status(invoice.id), gateway.list_payments()
    assert _statuses(opened) == [("invoice.disputed", InvoiceStatus.PAID)]
    assert _statuses(closed) == [(kind, status)]
    assert (report.status, payment.status) == (status, payment_status)
    assert report.refunded == Money(0 if won else 50, "EUR")


def test_disputed_payment_cannot_be_refunded(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """Else the payer would have the money twice; after a won dispute it can."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    emulator.act(_token(invoice), "dispute")

    with pytest.raises(RejectedError, match="disputes"):
        _refund(gateway, invoice, "10")

    emulator.act(_token(invoice), "win")
    assert _refund(gateway, invoice, "10", "r-2").status is RefundStatus.DONE


def test_refund_that_a_lost_dispute_outran_fails(
    gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock
) -> None:
    """No money goes back twice."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    pending = _refund(gateway, invoice, "3.01")
    emulator.act(_token(invoice), "dispute")
    emulator.act(_token(invoice), "lose")

    clock.move(timedelta(seconds=5))

    assert gateway.run(gateway.provider.get_refund(pending.id)).status is RefundStatus.FAILED
    assert gateway.get_status(invoice.id).refunded == _PRICE


def test_dispute_needs_money_and_comes_once(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """Nothing is disputed that was not paid, or twice; and nothing is decided that is not open."""
    invoice = _bill(gateway)
    unpaid = _possible(emulator, invoice)
    emulator.pay(_token(invoice))
    paid = _possible(emulator, invoice)
    emulator.act(_token(invoice), "dispute")
    disputed = _possible(emulator, invoice)
    emulator.act(_token(invoice), "win")

    assert (unpaid, paid, disputed, _possible(emulator, invoice)) == (
        ["cancel", "expire"],
        ["refund", "dispute"],
        ["win", "lose"],
        ["refund"],
    )
    with pytest.raises(RejectedError, match="as it stands"):
        emulator.act(_token(invoice), "dispute")


def _possible(emulator: SandboxEmulator, invoice: Invoice) -> list[str]:
    return [each.id for each in emulator.actions(emulator.invoice(_token(invoice)))]


@pytest.mark.parametrize(
    "capture, action, amount, status",
    [
        ("automatic", "refund", None, InvoiceStatus.REFUNDED),
        ("automatic", "refund", Money(10, "EUR"), InvoiceStatus.PARTIALLY_REFUNDED),
        ("manual", "capture", None, InvoiceStatus.PAID),
        ("manual", "capture", Money(10, "EUR"), InvoiceStatus.PARTIALLY_PAID),
        ("manual", "cancel", None, InvoiceStatus.CANCELED),
    ],
)
def test_shop_acts_in_the_back_office(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway,
    emulator: SandboxEmulator,
    webhooks: Webhooks,
    capture: str,
    action: str,
    amount: Money | None,
    status: InvoiceStatus,
) -> None:
    """What is done on the provider's own pages is told to the shop as if it had asked for it."""
    invoice = _bill(gateway, capture)
    emulator.pay(_token(invoice))
    webhooks()

    emulator.act(_token(invoice), action, amount)

    assert gateway.get_status(invoice.id).status is status
    assert _statuses(_told(gateway, webhooks)) == [(f"invoice.{status.value}", status)]


def test_time_can_be_over_at_once(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """An end need not be waited for."""
    invoice = _bill(gateway)

    emulator.act(_token(invoice), "expire")

    assert gateway.get_status(invoice.id).status is InvoiceStatus.EXPIRED


@pytest.mark.parametrize("amount", [Money("50.01", "EUR"), Money(10, "USD")], ids=str)
def test_amount_that_does_not_fit_is_rejected(gateway: Gateway, emulator: SandboxEmulator, amount: Money) -> None:
    """The page says why, and nothing moves."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))

    with pytest.raises(RejectedError):
        emulator.act(_token(invoice), "refund", amount)

    assert gateway.get_status(invoice.id).status is InvoiceStatus.PAID
