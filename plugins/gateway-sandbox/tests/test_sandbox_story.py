"""What an application lives through with the sandbox, from the first invoice to the last refund."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from gateway_core import (
    AmountVerdict,
    Currency,
    Gateway,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    WebhookRequest,
)
from gateway_core.errors import (
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.testing import EmulatorTransport, Ledger, ManualClock
from gateway_sandbox.emulator import SandboxEmulator

_PRICE = Money("50.00", "EUR")


def _bill(gateway: Gateway, order_id: str = "1042", amount: Money = _PRICE) -> Invoice:
    return gateway.create_invoice(InvoiceRequest(order_id=order_id, amount=amount))


def _token(invoice: Invoice) -> str:
    assert invoice.payment_url is not None
    return invoice.payment_url.rpartition("/")[2]


def _told(gateway: Gateway, request: HttpRequest) -> tuple[str, InvoiceStatus | None]:
    at = datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    received = WebhookRequest(body=request.body, headers=request.headers, received_at=at)
    (event,) = gateway.verify_webhook(received).events
    return event.kind, None if event.report is None else event.report.status


def test_invoice_is_created_paid_told_and_listed(
    gateway: Gateway, emulator: SandboxEmulator, webhooks: Callable[[], list[HttpRequest]]
) -> None:
    """The whole path: an invoice, a payment, a webhook that is verified, the status, and the list."""
    invoice = _bill(gateway)
    payment = emulator.pay(_token(invoice))

    (webhook,) = webhooks()

    delivery = gateway.verify_webhook(WebhookRequest(body=webhook.body, headers=webhook.headers))
    (event,) = delivery.events
    (listed,) = gateway.list_payments()
    assert invoice.status is InvoiceStatus.PENDING
    assert (delivery.verified_by, event.kind, event.invoice_id) == ("signature", "invoice.paid", invoice.id)
    assert event.id == webhook.headers["webhook-id"]
    assert event.report == gateway.get_status(invoice.id)
    assert event.report is not None
    assert (event.report.status, event.report.verdict, event.report.order_id) == (
        InvoiceStatus.PAID,
        AmountVerdict.EXACT,
        "1042",
    )
    assert (listed.id, listed.invoice_id, listed.amount) == (payment.id, invoice.id, _PRICE)
    assert (listed.status, listed.paid_at) == (PaymentStatus.CONFIRMED, payment.paid_at)


def test_everything_asked_for_reaches_the_sandbox(gateway: Gateway, clock: ManualClock) -> None:
    """Description, return address, life and metadata are passed on, and come back."""
    request = InvoiceRequest(
        order_id="Bestellung № 7 / a",
        amount=Money("12.34", "EUR"),
        description="Zwei Bücher 📚",
        return_url="https://shop.example/done?order=7",
        expires_in=timedelta(minutes=20),
        metadata={"customer": "K-9", "note": ""},
    )

    invoice = gateway.create_invoice(request)

    assert (invoice.order_id, invoice.amount) == (request.order_id, request.amount)
    assert (invoice.created_at, invoice.expires_at) == (clock(), clock() + timedelta(minutes=20))
    sent_back = {name: invoice.raw[name] for name in ("description", "return_url", "metadata")}
    assert sent_back == {
        "description": request.description,
        "return_url": request.return_url,
        "metadata": {"customer": "K-9", "note": ""},
    }


@pytest.mark.parametrize(
    "amount",
    [
        Money("1", "JPY"),
        Money("0.001", "BHD"),
        Money("999999999999999999999999999999", "JPY"),
        Money("0.00000001", "BTC"),
        Money("1.000000000000000001", "ETH", network="base"),
        Money("5.25", "USDT", network="tron"),
        Money("5.25", "USDT", network="bsc"),
    ],
    ids=str,
)
def test_amounts_of_any_currency_come_back_exactly(gateway: Gateway, emulator: SandboxEmulator, amount: Money) -> None:
    """M3, M5: no digit and no network is lost on the way there and back."""
    invoice = _bill(gateway, amount=amount)
    emulator.pay(_token(invoice))

    report = gateway.get_status(invoice.id)

    assert invoice.amount == amount
    assert (report.expected, report.received, report.status) == (amount, amount, InvoiceStatus.PAID)


@pytest.mark.parametrize("amount", [Money("1", Currency("WIDG", 4, "widgetchain"))])
def test_unknown_currency_is_refused_by_the_sandbox(gateway: Gateway, amount: Money) -> None:
    """A currency that the sandbox does not know is its refusal, and names the field."""
    with pytest.raises(RejectedError, match=r"amount: ") as caught:
        _bill(gateway, amount=amount)

    assert (caught.value.http_status, caught.value.code, caught.value.effect) == (422, "invalid_field", "none")


@pytest.mark.parametrize(
    "parts,status,verdict",
    [
        (["49.99"], InvoiceStatus.PARTIALLY_PAID, AmountVerdict.UNDER),
        (["20", "30"], InvoiceStatus.PAID, AmountVerdict.EXACT),
        (["20", "30.01"], InvoiceStatus.OVERPAID, AmountVerdict.OVER),
        (["50.01"], InvoiceStatus.OVERPAID, AmountVerdict.OVER),
    ],
)
def test_what_came_decides(
    gateway: Gateway, emulator: SandboxEmulator, parts: list[str], status: InvoiceStatus, verdict: AmountVerdict
) -> None:
    """An invoice is what its payments make of it, in parts or at once."""
    invoice = _bill(gateway)

    for part in parts:
        emulator.pay(_token(invoice), Money(part, "EUR"))

    report = gateway.get_status(invoice.id)
    assert (report.status, report.verdict, report.provider_status) == (status, verdict, status.value)
    assert report.received == sum((Money(part, "EUR") for part in parts), start=Money(0, "EUR"))
    assert len(list(gateway.list_payments(invoice_id=invoice.id))) == len(parts)


def test_declined_payer_may_try_again(
    gateway: Gateway, emulator: SandboxEmulator, webhooks: Callable[[], list[HttpRequest]]
) -> None:
    """A decline is told, and does not freeze the invoice: the next payment counts."""
    invoice = _bill(gateway)

    emulator.decline(_token(invoice))
    declined = gateway.get_status(invoice.id).status
    emulator.pay(_token(invoice))

    told = [_told(gateway, request) for request in webhooks()]
    assert declined is InvoiceStatus.FAILED
    assert told == [("invoice.failed", InvoiceStatus.FAILED), ("invoice.paid", InvoiceStatus.PAID)]


def test_decline_takes_no_money_away(
    gateway: Gateway, emulator: SandboxEmulator, webhooks: Callable[[], list[HttpRequest]]
) -> None:
    """A decline after a part was paid leaves that part where it is."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice), Money("20", "EUR"))

    emulator.decline(_token(invoice))

    report = gateway.get_status(invoice.id)
    assert (report.status, report.received) == (InvoiceStatus.PARTIALLY_PAID, Money("20", "EUR"))
    assert _told(gateway, webhooks()[-1]) == ("invoice.failed", InvoiceStatus.PARTIALLY_PAID)


def test_declined_invoice_cannot_be_paid_too_late(
    gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock
) -> None:
    """A declined invoice stays failed when its time is over."""
    invoice = _bill(gateway)
    emulator.decline(_token(invoice))
    clock.move(timedelta(hours=1))

    with pytest.raises(RejectedError, match="failed"):
        emulator.pay(_token(invoice))

    assert gateway.get_status(invoice.id).status is InvoiceStatus.FAILED


def test_invoice_expires(
    gateway: Gateway,
    emulator: SandboxEmulator,
    clock: ManualClock,
    webhooks: Callable[[], list[HttpRequest]],
) -> None:
    """An invoice expires after an hour, is told once, and keeps the part that was paid."""
    invoice = _bill(gateway)
    emulator.pay(_token(invoice), Money("20", "EUR"))
    clock.move(timedelta(minutes=59, seconds=59))
    before = gateway.get_status(invoice.id).status
    clock.move(timedelta(seconds=1))

    report = gateway.get_status(invoice.id)

    told = [_told(gateway, request)[0] for request in webhooks()]
    assert before is InvoiceStatus.PARTIALLY_PAID
    assert (report.status, report.received) == (InvoiceStatus.EXPIRED, Money("20", "EUR"))
    assert told == ["invoice.partially_paid", "invoice.expired"]


def test_expired_invoice_is_found_expired(gateway: Gateway, clock: ManualClock) -> None:
    """An invoice that nobody looked at since its time was over is found as it stands now."""
    _bill(gateway)
    clock.move(timedelta(hours=1))

    found = gateway.find_invoice("1042")

    assert found is not None
    assert found.status is InvoiceStatus.EXPIRED


def test_same_order_is_billed_once(gateway: Gateway) -> None:
    """I2: a repeated request is the first invoice again, even after a restart of the application."""
    first, second = _bill(gateway), _bill(gateway)

    assert (first, first.replayed, second.replayed) == (second, False, True)


def test_same_order_with_other_content_is_refused(gateway: Gateway) -> None:
    """I2: another amount for the same order is a conflict, and says what to do."""
    _bill(gateway)

    with pytest.raises(RejectedError, match="same id was used before") as caught:
        _bill(gateway, amount=Money("50.01", "EUR"))

    assert (caught.value.http_status, caught.value.code) == (422, "idempotency_conflict")


def test_lost_answer_is_found_again(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """An invoice is found by the shop's key as it stands now; an order without one has none."""
    invoice = _bill(gateway, order_id="7 / ä")
    emulator.pay(_token(invoice))

    found = gateway.find_invoice("7 / ä")

    assert found is not None
    assert (found.id, found.status) == (invoice.id, InvoiceStatus.PAID)
    assert gateway.find_invoice("8") is None


def test_second_attempt_is_another_invoice(gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock) -> None:
    """A buyer who comes back after the end gets a page that can be paid, and each attempt is found again."""
    first = _bill(gateway)
    clock.move(timedelta(hours=2))
    second = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=_PRICE, attempt=2))
    emulator.pay(_token(second))

    found = [gateway.find_invoice("1042", attempt=number) for number in (1, 2, 3)]

    assert [each and (each.id, each.order_id, each.attempt, each.status) for each in found] == [
        (first.id, "1042", 1, InvoiceStatus.EXPIRED),
        (second.id, "1042", 2, InvoiceStatus.PAID),
        None,
    ]


def test_several_invoices_of_one_order_are_not_chosen_from(gateway: Gateway, call: Callable[..., HttpResponse]) -> None:
    """I4: where somebody made two invoices for an order, none is picked silently."""
    for _ in range(2):
        call("POST", "/v1/invoices", {"order_id": "1042", "amount": {"amount": "50", "currency": "EUR"}})

    with pytest.raises(UnexpectedResponseError, match="several invoices"):
        gateway.find_invoice("1042")


@pytest.mark.parametrize("operation", ["get_status", "cancel_invoice"])
def test_unknown_invoice_is_not_found(gateway: Gateway, operation: str) -> None:
    """An invoice that the sandbox does not know is NotFoundError, whatever its id is made of."""
    with pytest.raises(NotFoundError):
        getattr(gateway, operation)("inv_no/../such?one#ä")


def test_refund_for_unknown_invoice_is_not_found(gateway: Gateway) -> None:
    """A refund needs an invoice."""
    with pytest.raises(NotFoundError):
        gateway.refund_payment(RefundRequest(refund_id="r", invoice_id="inv_none", amount=_PRICE))


def test_fraction_of_a_second_is_refused_before_anything_is_sent(gateway: Gateway) -> None:
    """The sandbox counts the life of an invoice in whole seconds."""
    with pytest.raises(InvalidRequestError, match="whole number of seconds"):
        gateway.create_invoice(InvoiceRequest(order_id="1", amount=_PRICE, expires_in=timedelta(milliseconds=1500)))

    assert gateway.find_invoice("1") is None


def test_account_is_checked_by_its_key(gateway: Gateway, emulator: SandboxEmulator) -> None:
    """The right key passes; a wrong one is AuthenticationError and appears nowhere."""
    wrong = {**emulator.settings("http://127.0.0.1:4010"), "api_key": "sk_sandbox_wrong-key-1234567890"}
    stranger = Gateway.connect("sandbox", transport=EmulatorTransport(emulator), **wrong)

    gateway.check_account()
    with pytest.raises(AuthenticationError) as caught:
        stranger.check_account()

    assert caught.value.code == "unauthorized"
    assert "wrong-key" not in repr(caught.value)


def test_state_survives_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    """Keys, invoices, payments, idempotency keys and webhooks on their way are found again in the state file."""
    path = tmp_path / "sandbox.sqlite"
    hook = "http://127.0.0.1:8000/webhook"
    first = SandboxEmulator(Ledger(path), webhook_url=hook, clock=clock)
    settings = first.settings("http://127.0.0.1:4010")
    invoice = _bill(Gateway.connect("sandbox", transport=EmulatorTransport(first), **settings))
    first.pay(_token(invoice))
    first.ledger.close()

    second = SandboxEmulator(Ledger(path), webhook_url=hook, clock=clock)

    gateway = Gateway.connect("sandbox", transport=EmulatorTransport(second), **settings)
    sent: list[str] = []

    def take(request: HttpRequest) -> int:
        sent.append(_told(gateway, request)[0])
        return 200

    second.deliver(take)
    assert _bill(gateway) == attrs.evolve(invoice, status=InvoiceStatus.PAID)
    assert gateway.get_status(invoice.id).status is InvoiceStatus.PAID
    assert len(list(gateway.list_payments())) == 1
    assert sent == ["invoice.paid"]
