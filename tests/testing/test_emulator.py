"""The base of emulators: paying, expiry, and webhooks that are sent until they are taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    Emulator,
    EmulatorTransport,
    Ledger,
    ManualClock,
    QueuedDelivery,
    WayToPay,
)
from gateway_core.transport import Deadline

_HOOK = "http://127.0.0.1:8000/webhook"
_ZERO = Money(0, "EUR")


class _Shoestring(Emulator):
    """The smallest provider."""

    title = "Shoestring"
    redelivery = (timedelta(seconds=5), timedelta(minutes=1))

    def handle(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(status=200, body=request.body)

    def new_credentials(self) -> Mapping[str, str]:
        return {"api_key": self.new_token(), "webhook_secret": self.new_token()}

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        return json.dumps({"kind": kind, "invoice": invoice.id, "payment": payment and payment.id}).encode()

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> list[tuple[str, str]]:
        return [("signature", f"{len(delivery.body)} at {at:%H:%M:%S}")]

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        self.announce(invoice.status.value, invoice, payment)


class _Receiver:
    """A shop's webhook address."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> int | None:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else 200

    @property
    def kinds(self) -> list[str]:
        return [json.loads(request.body)["kind"] for request in self.requests]


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands at eight o'clock."""
    return ManualClock(datetime(2026, 11, 21, 8, 0, tzinfo=UTC))


@pytest.fixture
def emulator(clock: ManualClock) -> _Shoestring:
    """Give an emulator whose shop receives webhooks."""
    return _Shoestring(webhook_url=_HOOK, clock=clock)


def _bill(emulator: _Shoestring, **changes: Any) -> EmulatedInvoice:
    made = EmulatedInvoice(
        id=emulator.new_uuid(),
        token=emulator.new_token(),
        amount=Money("50", "EUR"),
        created_at=emulator.clock(),
        expires_at=emulator.clock() + timedelta(minutes=15),
        received=_ZERO,
        refunded=_ZERO,
    )
    invoice = attrs.evolve(made, **changes)
    emulator.ledger.save(invoice)
    return invoice


def _deliveries(emulator: _Shoestring) -> list[QueuedDelivery]:
    return [delivery for _, delivery in emulator.ledger.select(QueuedDelivery)]


@pytest.mark.parametrize(
    "paid,status",
    [
        (None, InvoiceStatus.PAID),
        (Money("50", "EUR"), InvoiceStatus.PAID),
        (Money("49.99", "EUR"), InvoiceStatus.PARTIALLY_PAID),
        (Money("50.01", "EUR"), InvoiceStatus.OVERPAID),
    ],
)
def test_payment_moves_the_invoice(emulator: _Shoestring, paid: Money | None, status: InvoiceStatus) -> None:
    """What was paid decides what the invoice is, and the shop is told of it with the payment."""
    token = _bill(emulator).token
    receiver = _Receiver()

    payment = emulator.pay(token, paid)

    emulator.deliver(receiver)
    assert emulator.invoice(token).status is status
    assert emulator.invoice(token).received == payment.amount
    assert receiver.kinds == [status.value]
    assert json.loads(receiver.requests[0].body)["payment"] == payment.id


def test_second_payment_is_of_what_is_open(emulator: _Shoestring) -> None:
    """After a part, the usual payment is the rest."""
    token = _bill(emulator).token
    emulator.pay(token, Money("20", "EUR"))

    payment = emulator.pay(token)

    assert payment.amount == Money("30", "EUR")
    assert emulator.invoice(token).status is InvoiceStatus.PAID


@pytest.mark.parametrize(
    "status",
    [
        InvoiceStatus.PAID,
        InvoiceStatus.OVERPAID,
        InvoiceStatus.EXPIRED,
        InvoiceStatus.CANCELED,
        InvoiceStatus.FAILED,
        InvoiceStatus.REFUNDED,
    ],
)
def test_what_is_over_is_not_paid(emulator: _Shoestring, status: InvoiceStatus) -> None:
    """An invoice that is over takes neither money nor a refusal, and nothing is queued."""
    invoice = _bill(emulator, status=status)

    with pytest.raises(RejectedError, match=status.value):
        emulator.pay(invoice.token)
    with pytest.raises(RejectedError, match=status.value):
        emulator.decline(invoice.token)

    assert emulator.ledger.select(EmulatedPayment) == []
    assert _deliveries(emulator) == []


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(-1, "EUR"), Money("50", "USD")])
def test_impossible_payment_leaves_nothing(emulator: _Shoestring, amount: Money) -> None:
    """A payment of nothing, of less, or in another currency is refused and not recorded."""
    token = _bill(emulator).token

    with pytest.raises(InvalidRequestError):
        emulator.pay(token, amount)

    assert emulator.ledger.select(EmulatedPayment) == []
    assert emulator.invoice(token).status is InvoiceStatus.PENDING


@pytest.mark.parametrize("token,way", [("nobody", None), (None, "barter")])
def test_unknown_page_or_way_is_not_found(emulator: _Shoestring, token: str | None, way: str | None) -> None:
    """A checkout token or way to pay that does not exist is not found."""
    invoice = _bill(emulator)

    with pytest.raises(NotFoundError):
        emulator.pay(token or invoice.token, way=way)


def test_chosen_way_sets_the_amount(emulator: _Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are several ways to pay, the chosen one counts."""
    ways = (
        WayToPay(id="a", label="A", amount=Money("1", "EUR")),
        WayToPay(id="b", label="B", amount=Money("2", "EUR")),
    )
    monkeypatch.setattr(emulator, "ways_to_pay", lambda invoice: ways)

    payment = emulator.pay(_bill(emulator).token, way="b")

    assert (payment.amount, payment.reference) == (Money("2", "EUR"), "B")


@pytest.mark.parametrize("switch, amount", [("partial_payments", "49.99"), ("overpayments", "50.01")])
def test_amount_that_the_provider_does_not_take_is_refused(
    emulator: _Shoestring, monkeypatch: pytest.MonkeyPatch, switch: str, amount: str
) -> None:
    """A provider that takes all or nothing refuses another amount, and still takes the whole one."""
    monkeypatch.setattr(_Shoestring, switch, False)
    token = _bill(emulator).token

    with pytest.raises(RejectedError):
        emulator.pay(token, Money(amount, "EUR"))
    assert emulator.pay(token, Money("50", "EUR")).amount == Money("50", "EUR")


def test_retryable_decline_leaves_the_invoice_open(emulator: _Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the payer may try again, a decline ends nothing."""
    monkeypatch.setattr(_Shoestring, "declines", Declines.RETRYABLE)
    token = _bill(emulator).token

    declined = emulator.decline(token)

    assert declined.status is InvoiceStatus.PENDING
    emulator.pay(token)
    assert emulator.invoice(token).status is InvoiceStatus.PAID


def test_provider_without_declines_refuses_one(emulator: _Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where money is transferred or not, nobody declines."""
    monkeypatch.setattr(_Shoestring, "declines", Declines.NONE)

    with pytest.raises(RejectedError, match="never declined"):
        emulator.decline(_bill(emulator).token)


def test_refusal_is_announced(emulator: _Shoestring) -> None:
    """A declined invoice has failed, and the shop hears of it."""
    receiver = _Receiver()

    declined = emulator.decline(_bill(emulator).token)

    emulator.deliver(receiver)
    assert declined.status is InvoiceStatus.FAILED
    assert receiver.kinds == ["failed"]


def test_money_ends_a_failure_where_a_provider_takes_it(emulator: _Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a failed invoice may still be paid, the money decides and not the failure before it."""
    monkeypatch.setattr(emulator, "payable", lambda invoice: True)
    token = _bill(emulator).token
    emulator.decline(token)

    emulator.pay(token)

    assert emulator.invoice(token).status is InvoiceStatus.PAID


@pytest.mark.parametrize("minutes,status", [(14.99, InvoiceStatus.PENDING), (15, InvoiceStatus.EXPIRED)])
def test_invoice_expires_by_the_clock(
    emulator: _Shoestring, clock: ManualClock, minutes: float, status: InvoiceStatus
) -> None:
    """An invoice is expired from the very moment at which its time is over."""
    token = _bill(emulator).token

    clock.move(timedelta(minutes=minutes))

    assert emulator.invoice(token).status is status


def test_expiry_is_announced_without_anybody_looking(emulator: _Shoestring, clock: ManualClock) -> None:
    """A delivery run finds what has expired, and announces it once."""
    _bill(emulator)
    receiver = _Receiver()
    clock.move(timedelta(hours=1))

    emulator.deliver(receiver)
    emulator.deliver(receiver)

    assert receiver.kinds == ["expired"]


def test_expired_invoice_is_not_paid(emulator: _Shoestring, clock: ManualClock) -> None:
    """Who comes too late does not pay, and the expiry is still announced."""
    token = _bill(emulator).token
    receiver = _Receiver()
    clock.move(timedelta(hours=1))

    with pytest.raises(RejectedError, match="expired"):
        emulator.pay(token)

    emulator.deliver(receiver)
    assert receiver.kinds == ["expired"]


def test_webhook_is_sent_until_it_is_taken(emulator: _Shoestring, clock: ManualClock) -> None:
    """After a refusal and after silence a webhook waits for its time, and after a success it is over."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver(500, None, 204)
    sent = []

    for wait in (0, 4, 1, 59, 1, 3600):
        clock.move(timedelta(seconds=wait))
        sent.append(emulator.deliver(receiver))

    assert sent == [1, 0, 1, 0, 1, 0]
    assert [(attempt.status, attempt.note) for attempt in _deliveries(emulator)[0].attempts] == [
        (500, "not accepted"),
        (None, "no answer"),
        (204, "accepted"),
    ]


def test_webhook_is_given_up_after_its_last_wait(emulator: _Shoestring, clock: ManualClock) -> None:
    """There is one attempt more than there are waits."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver(500, 500, 500, 500)

    for _ in range(10):
        clock.move(timedelta(hours=1))
        emulator.deliver(receiver)

    assert len(receiver.requests) == 3
    assert _deliveries(emulator)[0].due_at is None


def test_each_attempt_is_signed_anew(emulator: _Shoestring, clock: ManualClock) -> None:
    """The signature bears the time of the attempt, and the body stays as it is."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver(500)

    emulator.deliver(receiver)
    clock.move(timedelta(seconds=5))
    emulator.deliver(receiver)

    first, second = receiver.requests
    assert (first.headers["signature"][-8:], second.headers["signature"][-8:]) == ("08:00:00", "08:00:05")
    assert first.body == second.body


def test_provider_may_send_what_is_no_json_to_an_address_of_the_invoice(
    emulator: _Shoestring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its headers say what the body is, once, and each delivery has its own address, or none."""
    form = "application/x-www-form-urlencoded"
    addresses = {"first": "http://127.0.0.1:8000/first", "second": None}
    monkeypatch.setattr(_Shoestring, "webhook_headers", lambda *_: {"content-type": form})
    monkeypatch.setattr(_Shoestring, "webhook_address", lambda _, delivery: addresses[delivery.invoice_id])
    receiver = _Receiver()
    for name in addresses:
        emulator.pay(_bill(emulator, id=name).token)

    emulator.deliver(receiver)

    assert [(each.url, each.headers.get_all("Content-Type")) for each in receiver.requests] == [
        (addresses["first"], (form,))
    ]


def test_shop_without_an_address_is_sent_nothing(clock: ManualClock) -> None:
    """Without an address nothing is queued; one that is taken away leaves nothing to send."""
    emulator = _Shoestring(clock=clock)
    emulator.pay(_bill(emulator).token)
    emulator.webhook_url = _HOOK
    emulator.pay(_bill(emulator).token)
    emulator.webhook_url = None

    sent = emulator.deliver(_Receiver())

    assert sent == 0
    assert len(_deliveries(emulator)) == 1


def test_nothing_is_locked_while_a_webhook_is_sent(emulator: _Shoestring) -> None:
    """A shop that looks an invoice up before it answers is not kept waiting."""
    token = _bill(emulator).token
    emulator.pay(token)
    found: list[EmulatedInvoice] = []

    def send(request: HttpRequest) -> int:
        looking = threading.Thread(target=lambda: found.append(emulator.invoice(token)), daemon=True)
        looking.start()
        looking.join(timeout=10)
        return 200

    emulator.deliver(send)

    assert [invoice.status for invoice in found] == [InvoiceStatus.PAID]


def test_two_delivery_runs_send_each_webhook_once(emulator: _Shoestring) -> None:
    """A second run waits for the first, and finds nothing left."""
    for _ in range(5):
        emulator.pay(_bill(emulator).token)
    receiver = _Receiver()
    second = threading.Thread(target=lambda: emulator.deliver(receiver))

    def send(request: HttpRequest) -> int | None:
        if not receiver.requests:
            second.start()
            second.join(timeout=0.2)
        return receiver(request)

    emulator.deliver(send)
    second.join()

    assert len(receiver.requests) == 5


def test_resend_while_it_is_sent_is_not_lost(emulator: _Shoestring, clock: ManualClock) -> None:
    """Who asks for another attempt during one gets it."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver()

    def send(request: HttpRequest) -> int | None:
        clock.move(timedelta(seconds=1))
        if not receiver.requests:
            emulator.resend(_deliveries(emulator)[0].id)
        return receiver(request)

    emulator.deliver(send)
    emulator.deliver(send)

    assert len(receiver.requests) == 2


def test_resent_delivery_keeps_its_event(emulator: _Shoestring) -> None:
    """A delivery that is resent goes out again, though it was accepted."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver()
    emulator.deliver(receiver)

    emulator.resend(_deliveries(emulator)[0].id)
    emulator.deliver(receiver)

    assert len(receiver.requests) == 2
    assert len(_deliveries(emulator)) == 1


def test_duplicate_has_the_same_event(emulator: _Shoestring) -> None:
    """A duplicate is another delivery of the same event, with the same bytes."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver()
    emulator.deliver(receiver)

    emulator.duplicate(_deliveries(emulator)[0].id)
    emulator.deliver(receiver)

    first, second = _deliveries(emulator)
    assert first.id != second.id
    assert first.event_id == second.event_id
    assert len({request.body for request in receiver.requests}) == 1


def test_delayed_delivery_waits(emulator: _Shoestring, clock: ManualClock) -> None:
    """A delayed delivery goes out when its wait is over."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver()

    emulator.delay(_deliveries(emulator)[0].id, timedelta(minutes=1))

    before = emulator.deliver(receiver)
    clock.move(timedelta(minutes=1))
    assert (before, emulator.deliver(receiver)) == (0, 1)


def test_tampered_delivery_is_changed_after_signing(emulator: _Shoestring, clock: ManualClock) -> None:
    """A tampered delivery bears the signature of the genuine one, other bytes, and is tried once."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver(200, 400)
    emulator.deliver(receiver)

    emulator.tamper(_deliveries(emulator)[0].id)
    emulator.deliver(receiver)

    genuine, tampered = receiver.requests
    clock.move(timedelta(days=1))
    assert genuine.headers == tampered.headers
    assert genuine.body != tampered.body
    assert emulator.deliver(receiver) == 0


@pytest.mark.parametrize("action", ["resend", "duplicate", "tamper"])
def test_unknown_delivery_is_not_found(emulator: _Shoestring, action: str) -> None:
    """What was never queued cannot be sent again."""
    with pytest.raises(NotFoundError):
        getattr(emulator, action)("nobody")


def test_credentials_are_random_and_kept(tmp_path: Path) -> None:
    """Each account has keys of its own, which its ledger remembers."""
    path = tmp_path / "ledger.sqlite"
    first = _Shoestring(Ledger(path))
    first.ledger.close()

    second = _Shoestring(Ledger(path))

    assert second.credentials == first.credentials
    assert _Shoestring().credentials != first.credentials


def test_given_credentials_win(tmp_path: Path) -> None:
    """A key that is given replaces the one that was kept, and is kept in its place."""
    path = tmp_path / "ledger.sqlite"
    first = _Shoestring(Ledger(path))

    second = _Shoestring(Ledger(path), credentials={"api_key": "given"})

    expected = {"api_key": "given", "webhook_secret": first.credentials["webhook_secret"]}
    assert second.credentials == expected
    assert _Shoestring(Ledger(path)).credentials == expected


def test_settings_reach_the_emulator() -> None:
    """The plugin's settings are the account's keys and the address."""
    emulator = _Shoestring()

    assert emulator.settings("http://127.0.0.1:4010") == {"base_url": "http://127.0.0.1:4010", **emulator.credentials}


def test_transport_answers_from_the_emulator() -> None:
    """A gateway can speak to an emulator without a socket."""
    transport = EmulatorTransport(_Shoestring())
    request = HttpRequest(method="POST", url="http://127.0.0.1/", body=b"hello")

    response = transport.send(request, Deadline.after(1))

    transport.close()
    assert response.body == b"hello"


def test_what_waits_is_told_in_its_order(emulator: _Shoestring, clock: ManualClock) -> None:
    """What is due now waits, what expires by being looked at included; what is due later does not."""
    token = _bill(emulator).token
    emulator.pay(token, Money("10", "EUR"))
    emulator.delay(_deliveries(emulator)[0].id, timedelta(hours=1))
    emulator.pay(token, Money("10", "EUR"))
    clock.move(timedelta(minutes=15))

    assert [json.loads(delivery.body)["kind"] for delivery in emulator.waiting()] == ["partially_paid", "expired"]


def test_reordered_webhooks_arrive_the_other_way_round(emulator: _Shoestring) -> None:
    """Each is sent once, with its own event, and what is due later keeps its time."""
    tokens = [_bill(emulator).token for _ in range(4)]
    for token in tokens:
        emulator.pay(token)
    first, *rest = _deliveries(emulator)
    emulator.delay(first.id, timedelta(hours=1))
    receiver = _Receiver()

    emulator.reorder()

    emulator.deliver(receiver)
    assert [request.body for request in receiver.requests] == [delivery.body for delivery in reversed(rest)]
    assert emulator.deliver(receiver) == 0


def test_lost_webhook_is_sent_again_as_one_without_an_answer(emulator: _Shoestring, clock: ManualClock) -> None:
    """The provider keeps to its schedule, and the attempt is on record."""
    emulator.pay(_bill(emulator).token)
    receiver = _Receiver()

    emulator.lose(_deliveries(emulator)[0].id)

    counts = [emulator.deliver(receiver)]
    clock.move(timedelta(seconds=5))
    counts.append(emulator.deliver(receiver))
    assert counts == [0, 1]
    assert [(attempt.status, attempt.note) for attempt in _deliveries(emulator)[0].attempts] == [
        (None, "no answer"),
        (200, "accepted"),
    ]


def test_unknown_webhook_cannot_be_lost(emulator: _Shoestring) -> None:
    """A key that is no delivery's is told."""
    with pytest.raises(NotFoundError, match="no such delivery"):
        emulator.lose("7")
