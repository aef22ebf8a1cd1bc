"""What becomes of money after the payer has agreed: captures, slow refunds and disputes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Gateway,
    HttpRequest,
    HttpResponse,
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
from gateway_core.errors import ConfigurationError, NotFoundError, RejectedError
from gateway_core.testing import ManualClock
from gateway_core.wire import loads
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


def _capture(gateway: Gateway, invoice: Invoice, amount: Money | None = None, key: str = "c-1") -> Any:
    return gateway.capture_payment(CaptureRequest(capture_id=key, invoice_id=invoice.id, amount=amount))


def _refund(gateway: Gateway, invoice: Invoice, amount: str, key: str = "r-1") -> Any:
    return gateway.refund_payment(RefundRequest(refund_id=key, invoice_id=invoice.id, amount=Money(amount, "EUR")))


def test_manual_capture_reserves_first(gateway: Gateway, emulator: SandboxEmulator, webhooks: Webhooks) -> None:
    """The payer's money is held, not here: nothing is received, and no payment is confirmed."""
    invoice = _bill(gateway, "manual")
    emulator.pay(_token(invoice))

    report, (payment,) = gateway.get_status(invoice.id), gateway.list_payments()

    assert (report.status, report.received) == (InvoiceStatus.AUTHORIZED, Money(0, "EUR"))
    assert (payment.status, payment.amount) == (PaymentStatus.PENDING, _PRICE)
    assert _statuses(_told(gateway, webhooks)) == [("invoice.authorized", InvoiceStatus.AUTHORIZED)]


@pytest.mark.parametrize(
    "amount, taken, status",
    [
        (None, _PRICE, InvoiceStatus.PAID),
        (_PRICE, _PRICE, InvoiceStatus.PAID),
        (Money(20, "EUR"), Money(20, "EUR"), InvoiceStatus.PARTIALLY_PAID),
    ],
    ids=["all", "the whole", "a part"],
)
def test_capture_takes_the_money(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway,
    emulator: SandboxEmulator,
    webhooks: Webhooks,
    clock: ManualClock,
    amount: Money | None,
    taken: Money,
    status: InvoiceStatus,
) -> None:
    """The shop is told, the payment is confirmed, and the invoice takes no more money and never expires."""
    invoice = _bill(gateway, "manual")
    emulator.pay(_token(invoice))
    webhooks()

    captured = _capture(gateway, invoice, amount)

    told = _told(gateway, webhooks)
    clock.move(timedelta(days=1))
    report, (payment,) = gateway.get_status(invoice.id), gateway.list_payments()
    assert (captured.amount, captured.status, captured.capture_id) == (taken, CaptureStatus.DONE, "c-1")
    assert (report.status, report.received) == (status, taken)
    assert (payment.status, payment.amount) == (PaymentStatus.CONFIRMED, taken)
    assert _statuses(told) == [(f"invoice.{status.value}", status)]
    with pytest.raises(RejectedError):
        emulator.pay(_token(invoice))


def test_repeated_capture_takes_the_money_once(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """The key is made of the shop's own; another one finds nothing left."""
    invoice = _bill(gateway, "manual")
    emulator.pay(_token(invoice))

    first, second = (_capture(gateway, invoice, Money(20, "EUR")) for _ in range(2))

    assert first.id == second.id
    with pytest.raises(RejectedError, match="no authorized money"):
        _capture(gateway, invoice, key="c-2")


@pytest.mark.parametrize("amount", ["50.01", "100"])
def test_no_more_is_captured_than_is_authorized(gateway: Gateway, emulator: SandboxEmulator, amount: str) -> None:
    """The refusal is definite, and the money stays authorized."""
    invoice = _bill(gateway, "manual")
    emulator.pay(_token(invoice))

    with pytest.raises(RejectedError, match=r"At most 50\.00 EUR"):
        _capture(gateway, invoice, Money(amount, "EUR"))

    assert gateway.get_status(invoice.id).status is InvoiceStatus.AUTHORIZED


def test_capture_before_the_payer_has_agreed_is_refused(gateway: Gateway) -> None:
    """There is nothing to take."""
    with pytest.raises(RejectedError, match="no authorized money"):
        _capture(gateway, _bill(gateway, "manual"))


def test_part_is_not_authorized(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """An authorization is of the whole amount, and a refused one leaves no payment."""
    with pytest.raises(RejectedError, match="whole amount"):
        emulator.pay(_token(_bill(gateway, "manual")), Money(20, "EUR"))

    assert list(gateway.list_payments()) == []


def test_authorized_money_is_released_by_canceling(
    gateway: Gateway, emulator: SandboxEmulator, webhooks: Webhooks
) -> None:
    """Voiding takes nothing: the payment has failed, and there is nothing to capture."""
    invoice = _bill(gateway, "manual")
    emulator.pay(_token(invoice))
    webhooks()

    report = gateway.cancel_invoice(invoice.id)

    (payment,) = gateway.list_payments()
    assert (report.status, payment.status) == (InvoiceStatus.CANCELED, PaymentStatus.FAILED)
    assert _statuses(_told(gateway, webhooks)) == [("invoice.canceled", InvoiceStatus.CANCELED)]
    with pytest.raises(RejectedError):
        _capture(gateway, invoice)


def test_unknown_option_is_refused(gateway: Gateway) -> None:
    """A misspelt word would else take money that the shop wanted to hold."""
    with pytest.raises(ConfigurationError, match="capture"):
        _bill(gateway, "by hand")


@pytest.mark.parametrize(
    "amount, ended, refunded, kind",
    [
        ("3.01", RefundStatus.DONE, "3.01", "invoice.partially_refunded"),
        ("3.02", RefundStatus.FAILED, "0", "refund.failed"),
    ],
)
def test_slow_refund_moves_no_money_before_its_end(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway,
    emulator: SandboxEmulator,
    webhooks: Webhooks,
    clock: ManualClock,
    amount: str,
    ended: RefundStatus,
    refunded: str,
    kind: str,
) -> None:
    """3.01 and 3.02: first pending, then done or failed; the shop is told of either."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    webhooks()

    pending = _refund(gateway, invoice, amount)
    before = gateway.get_status(invoice.id).refunded
    clock.move(timedelta(seconds=5))
    told = _told(gateway, webhooks)

    now = gateway.run(gateway.provider.get_refund(pending.id))
    assert (pending.status, before) == (RefundStatus.PENDING, Money(0, "EUR"))
    assert (now.status, now.refund_id, gateway.get_status(invoice.id).refunded) == (
        ended,
        "r-1",
        Money(refunded, "EUR"),
    )
    assert [(event.kind, event.invoice_id) for event in told] == [(kind, invoice.id)]


def test_pending_refund_is_not_given_twice(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """What is on its way back cannot be refunded once more."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice))
    _refund(gateway, invoice, "3.01")

    with pytest.raises(RejectedError, match=r"At most 46\.99 EUR"):
        _refund(gateway, invoice, "47", "r-2")

    assert _refund(gateway, invoice, "46.99", "r-2").status is RefundStatus.DONE


def test_unknown_refund_is_not_found(gateway: Gateway) -> None:
    """As an unknown invoice is not."""
    with pytest.raises(NotFoundError):
        gateway.run(gateway.provider.get_refund("re_none"))


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"capture": "later"}, (422, "invalid_field", "capture")),
        ({"capture": 7}, (422, "invalid_field", "capture")),
    ],
    ids=str,
)
def test_wrong_capture_of_an_invoice_is_named(
    call: Callable[..., HttpResponse], change: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    """Its fields are checked as all are."""
    content = {"order_id": "1042", "amount": {"amount": "50", "currency": "EUR"}, **change}

    response = call("POST", "/v1/invoices", content)

    error = loads(response.body)["error"]
    assert (response.status, error["code"], error["field"]) == expected


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"invoice_id": None}, (422, "missing_field", "invoice_id")),
        ({"invoice_id": "inv_none"}, (404, "not_found", None)),
        ({"amount": {"amount": "1", "currency": "USD"}}, (422, "invalid_field", "amount.currency")),
        ({"amount": {"amount": "0", "currency": "EUR"}}, (422, "invalid_field", "amount")),
        ({"amount": "10"}, (422, "invalid_field", "amount")),
        ({"amounts": 1}, (422, "unknown_field", "amounts")),
    ],
    ids=str,
)
def test_wrong_capture_is_named(
    gateway: Gateway,
    emulator: SandboxEmulator,
    call: Callable[..., HttpResponse],
    change: dict[str, Any],
    expected: tuple[int, str, str | None],
) -> None:
    """As above."""
    invoice = _bill(gateway, "manual")
    emulator.pay(_token(invoice))

    response = call("POST", "/v1/captures", {"invoice_id": invoice.id, **change})

    error = loads(response.body)["error"]
    assert (response.status, error["code"], error.get("field")) == expected
