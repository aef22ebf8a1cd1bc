"""The base of emulators: paying, expiry, and webhooks that are sent until they are taken."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core import HttpRequest, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import (
    EXPIRE,
    EmulatedInvoice,
    EmulatedPayment,
    EmulatorTransport,
    InvoiceAction,
    Ledger,
    ManualClock,
    WayToPay,
)
from gateway_core.transport import Deadline
from tests.testing.shoestring import Receiver, Shoestring, bill, deliveries


@pytest.mark.parametrize(
    "paid,status",
    [
        (None, InvoiceStatus.PAID),
        (Money("50", "EUR"), InvoiceStatus.PAID),
        (Money("49.99", "EUR"), InvoiceStatus.PARTIALLY_PAID),
        (Money("50.01", "EUR"), InvoiceStatus.OVERPAID),
    ],
)
def test_payment_moves_the_invoice(emulator: Shoestring, paid: Money | None, status: InvoiceStatus) -> None:
    """What was paid decides what the invoice is, and the shop is told of it with the payment."""
    token = bill(emulator).token
    receiver = Receiver()

    payment = emulator.pay(token, paid)

    emulator.deliver(receiver)
    assert emulator.invoice(token).status is status
    assert emulator.invoice(token).received == payment.amount
    assert receiver.kinds == [status.value]
    assert json.loads(receiver.requests[0].body)["payment"] == payment.id


def test_second_payment_is_of_what_is_open(emulator: Shoestring) -> None:
    """After a part, the usual payment is the rest."""
    token = bill(emulator).token
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
def test_what_is_over_is_not_paid(emulator: Shoestring, status: InvoiceStatus) -> None:
    """An invoice that is over takes neither money nor a refusal, and nothing is queued."""
    invoice = bill(emulator, status=status)

    with pytest.raises(RejectedError, match=status.value):
        emulator.pay(invoice.token)
    with pytest.raises(RejectedError, match=status.value):
        emulator.decline(invoice.token)

    assert emulator.ledger.select(EmulatedPayment) == []
    assert deliveries(emulator) == []


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(-1, "EUR"), Money("50", "USD")])
def test_impossible_payment_leaves_nothing(emulator: Shoestring, amount: Money) -> None:
    """A payment of nothing, of less, or in another currency is refused and not recorded."""
    token = bill(emulator).token

    with pytest.raises(InvalidRequestError):
        emulator.pay(token, amount)

    assert emulator.ledger.select(EmulatedPayment) == []
    assert emulator.invoice(token).status is InvoiceStatus.PENDING


@pytest.mark.parametrize("token,way", [("nobody", None), (None, "barter")])
def test_unknown_page_or_way_is_not_found(emulator: Shoestring, token: str | None, way: str | None) -> None:
    """A checkout token or way to pay that does not exist is not found."""
    invoice = bill(emulator)

    with pytest.raises(NotFoundError):
        emulator.pay(token or invoice.token, way=way)


def test_chosen_way_sets_the_amount(emulator: Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are several ways to pay, the chosen one counts."""
    ways = (
        WayToPay(id="a", label="A", amount=Money("1", "EUR")),
        WayToPay(id="b", label="B", amount=Money("2", "EUR")),
    )
    monkeypatch.setattr(emulator, "ways_to_pay", lambda invoice: ways)

    payment = emulator.pay(bill(emulator).token, way="b")

    assert (payment.amount, payment.reference) == (Money("2", "EUR"), "B")


@pytest.mark.parametrize("switch, amount", [("partial_payments", "49.99"), ("overpayments", "50.01")])
def test_amount_that_the_provider_does_not_take_is_refused(
    emulator: Shoestring, monkeypatch: pytest.MonkeyPatch, switch: str, amount: str
) -> None:
    """A provider that takes all or nothing refuses another amount, and still takes the whole one."""
    monkeypatch.setattr(Shoestring, switch, False)
    token = bill(emulator).token

    with pytest.raises(RejectedError):
        emulator.pay(token, Money(amount, "EUR"))
    assert emulator.pay(token, Money("50", "EUR")).amount == Money("50", "EUR")


def test_retryable_decline_leaves_the_invoice_open(emulator: Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the payer may try again, a decline ends nothing."""
    monkeypatch.setattr(Shoestring, "declines", Declines.RETRYABLE)
    token = bill(emulator).token

    declined = emulator.decline(token)

    assert declined.status is InvoiceStatus.PENDING
    emulator.pay(token)
    assert emulator.invoice(token).status is InvoiceStatus.PAID


def test_provider_without_declines_refuses_one(emulator: Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where money is transferred or not, nobody declines."""
    monkeypatch.setattr(Shoestring, "declines", Declines.NONE)

    with pytest.raises(RejectedError, match="never declined"):
        emulator.decline(bill(emulator).token)


def test_refusal_is_announced(emulator: Shoestring) -> None:
    """A declined invoice has failed, and the shop hears of it."""
    receiver = Receiver()

    declined = emulator.decline(bill(emulator).token)

    emulator.deliver(receiver)
    assert declined.status is InvoiceStatus.FAILED
    assert receiver.kinds == ["failed"]


def test_money_ends_a_failure_where_a_provider_takes_it(emulator: Shoestring, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a failed invoice may still be paid, the money decides and not the failure before it."""
    monkeypatch.setattr(emulator, "payable", lambda invoice: True)
    token = bill(emulator).token
    emulator.decline(token)

    emulator.pay(token)

    assert emulator.invoice(token).status is InvoiceStatus.PAID


@pytest.mark.parametrize("minutes,status", [(14.99, InvoiceStatus.PENDING), (15, InvoiceStatus.EXPIRED)])
def test_invoice_expires_by_the_clock(
    emulator: Shoestring, clock: ManualClock, minutes: float, status: InvoiceStatus
) -> None:
    """An invoice is expired from the very moment at which its time is over."""
    token = bill(emulator).token

    clock.move(timedelta(minutes=minutes))

    assert emulator.invoice(token).status is status


def test_expiry_is_announced_without_anybody_looking(emulator: Shoestring, clock: ManualClock) -> None:
    """A delivery run finds what has expired, and announces it once."""
    bill(emulator)
    receiver = Receiver()
    clock.move(timedelta(hours=1))

    emulator.deliver(receiver)
    emulator.deliver(receiver)

    assert receiver.kinds == ["expired"]


def test_expired_invoice_is_not_paid(emulator: Shoestring, clock: ManualClock) -> None:
    """Who comes too late does not pay, and the expiry is still announced."""
    token = bill(emulator).token
    receiver = Receiver()
    clock.move(timedelta(hours=1))

    with pytest.raises(RejectedError, match="expired"):
        emulator.pay(token)

    emulator.deliver(receiver)
    assert receiver.kinds == ["expired"]


def test_credentials_are_random_and_kept(tmp_path: Path) -> None:
    """Each account has keys of its own, which its ledger remembers."""
    path = tmp_path / "ledger.sqlite"
    first = Shoestring(Ledger(path))
    first.ledger.close()

    second = Shoestring(Ledger(path))

    assert second.credentials == first.credentials
    assert Shoestring().credentials != first.credentials


def test_given_credentials_win(tmp_path: Path) -> None:
    """A key that is given replaces the one that was kept, and is kept in its place."""
    path = tmp_path / "ledger.sqlite"
    first = Shoestring(Ledger(path))

    second = Shoestring(Ledger(path), credentials={"api_key": "given"})

    expected = {"api_key": "given", "webhook_secret": first.credentials["webhook_secret"]}
    assert second.credentials == expected
    assert Shoestring(Ledger(path)).credentials == expected


def test_settings_reach_the_emulator() -> None:
    """The plugin's settings are the account's keys and the address."""
    emulator = Shoestring()

    assert emulator.settings("http://127.0.0.1:4010") == {"base_url": "http://127.0.0.1:4010", **emulator.credentials}


def test_transport_answers_from_the_emulator() -> None:
    """A gateway can speak to an emulator without a socket."""
    transport = EmulatorTransport(Shoestring())
    request = HttpRequest(method="POST", url="http://127.0.0.1/", body=b"hello")

    response = transport.send(request, Deadline.after(1))

    transport.close()
    assert response.body == b"hello"


_TIP = InvoiceAction(id="tip", label="Tip", hint="Add a tip.", amount=Money(1, "EUR"))


class _Tipping(Shoestring):
    """A provider whose payers may give a tip, once."""

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        return (*(() if invoice.data else (_TIP,)), *super().actions(invoice))

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        if action == _TIP.id:
            self.ledger.save(attrs.evolve(invoice, data={"tip": str(amount)}))
        else:
            super().perform(invoice, action, amount)


@pytest.mark.parametrize(
    "changes, possible",
    [
        ({}, (EXPIRE,)),
        ({"expires_at": None}, ()),
        ({"status": InvoiceStatus.PAID}, ()),
        ({"status": InvoiceStatus.CANCELED}, ()),
    ],
    ids=str,
)
def test_open_invoice_can_be_let_expire(
    emulator: Shoestring, changes: dict[str, Any], possible: tuple[InvoiceAction, ...]
) -> None:
    """Where its time is ever over; nothing else is known to be possible everywhere."""
    assert emulator.actions(bill(emulator, **changes)) == possible


def test_expiry_is_told(emulator: Shoestring) -> None:
    """As if the time had passed."""
    token = bill(emulator).token
    receiver = Receiver()

    emulator.act(token, "expire")

    emulator.deliver(receiver)
    assert (emulator.invoice(token).status, receiver.kinds) == (InvoiceStatus.EXPIRED, ["expired"])


@pytest.mark.parametrize("amount, given", [(None, "1.00 EUR"), (Money(3, "EUR"), "3.00 EUR")], ids=str)
def test_action_takes_the_amount_that_is_given_or_proposed(
    clock: ManualClock, amount: Money | None, given: str
) -> None:
    """A provider's own actions come beside the usual one, and what was done is not possible twice."""
    emulator = _Tipping(clock=clock)
    token = bill(emulator).token

    emulator.act(token, "tip", amount)

    assert emulator.invoice(token).data == {"tip": given}
    with pytest.raises(RejectedError, match="as it stands"):
        emulator.act(token, "tip")


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(-1, "EUR")], ids=str)
def test_action_takes_an_amount_above_zero(emulator: Shoestring, amount: Money) -> None:
    """Less would turn what it does round."""
    with pytest.raises(InvalidRequestError, match="above zero"):
        emulator.act(bill(emulator).token, "expire", amount)
