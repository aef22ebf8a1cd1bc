"""The whole story through the gateway, with the emulator in Mollie's place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Gateway,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    PaymentStatus,
    RefundRequest,
    RefundStatus,
    WebhookDelivery,
    WebhookEvent,
)
from gateway_core.errors import AuthenticationError, GatewayError, NotFoundError, RejectedError, WebhookError
from gateway_core.testing import EmulatedAccount
from gateway_mollie.emulator import MollieEmulator

ORDER = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
HOLD = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), options={"capture_mode": "manual"})


@pytest.fixture
def mollie(account: EmulatedAccount) -> MollieEmulator:
    """Give the emulator of the account."""
    assert isinstance(account.emulator, MollieEmulator)
    return account.emulator


@pytest.fixture
def events(account: EmulatedAccount) -> Callable[[], list[WebhookEvent]]:
    """Give what lets the shop receive the webhooks that are due, and returns what they tell."""

    def events() -> list[WebhookEvent]:
        deliveries: list[WebhookDelivery] = [account.gateway.verify_webhook(each) for each in account.webhooks()]
        return [event for delivery in deliveries for event in delivery.events]

    return events


Events = Callable[[], list[WebhookEvent]]


def status_in(event: WebhookEvent) -> InvoiceStatus | None:
    """Return the status that an event tells."""
    return None if event.report is None else event.report.status


def test_invoice_becomes_paid(account: EmulatedAccount, events: Events) -> None:
    """Created, paid, told by a webhook, listed, and found again."""
    invoice = account.gateway.create_invoice(ORDER)
    before = account.gateway.get_status(invoice.id).status
    account.pay(invoice.id)

    (event,) = events()

    assert (before, status_in(event), event.invoice_id) == (InvoiceStatus.PENDING, InvoiceStatus.PAID, invoice.id)
    (payment,) = account.gateway.list_payments()
    found = account.gateway.find_invoice("1042")
    assert (payment.id, payment.amount, payment.status) == (invoice.id, ORDER.amount, PaymentStatus.CONFIRMED)
    assert found is not None
    assert (found.id, found.payment_url) == (invoice.id, None)


def test_duplicate_and_forgery(account: EmulatedAccount) -> None:
    """A duplicate has the same event; one about another payment is not confirmed."""
    invoice = account.gateway.create_invoice(ORDER)
    account.pay(invoice.id)
    account.duplicate()
    account.tamper()
    first, again, forged = account.webhooks()

    ids = {event.id for each in (first, again) for event in account.gateway.verify_webhook(each).events}
    with pytest.raises(WebhookError):
        account.gateway.verify_webhook(forged)

    assert len(ids) == 1


def test_payment_fails(account: EmulatedAccount, events: Events) -> None:
    """Trap: `failed` after `open` is final."""
    invoice = account.gateway.create_invoice(ORDER)
    account.decline(invoice.id)

    (event,) = events()

    assert status_in(event) is InvoiceStatus.FAILED
    with pytest.raises(RejectedError):
        account.pay(invoice.id)


def test_payment_fails_days_later(account: EmulatedAccount, mollie: MollieEmulator, events: Events) -> None:
    """Trap: what a bank is at is `pending`, long after the invoice's time, and no money yet."""
    invoice = account.gateway.create_invoice(ORDER)
    mollie.begin(account.invoice(invoice.id).token, "banktransfer")
    account.advance(days=3)
    pending = account.gateway.get_status(invoice.id)
    account.decline(invoice.id)

    (event,) = events()

    assert (pending.status, pending.received, pending.provider_status) == (
        InvoiceStatus.PENDING,
        Money(0, "EUR"),
        "pending",
    )
    assert status_in(event) is InvoiceStatus.FAILED


def test_payer_turns_back(account: EmulatedAccount, mollie: MollieEmulator, events: Events) -> None:
    """One l at Mollie, too."""
    invoice = account.gateway.create_invoice(ORDER)
    mollie.cancel(account.invoice(invoice.id).token)

    assert [status_in(event) for event in events()] == [InvoiceStatus.CANCELED]


def test_invoice_expires(account: EmulatedAccount, events: Events) -> None:
    """After a quarter of an hour, unless a slower method was chosen."""
    invoice = account.gateway.create_invoice(ORDER)
    account.expire(invoice.id)

    assert [status_in(event) for event in events()] == [InvoiceStatus.EXPIRED]
    assert invoice.expires_at is not None
    assert invoice.created_at is not None
    assert invoice.expires_at - invoice.created_at == timedelta(minutes=15)


def test_part_of_what_is_held_is_captured(account: EmulatedAccount, events: Events) -> None:
    """Authorized, captured in part, and so much is paid."""
    invoice = account.gateway.create_invoice(HOLD)
    account.pay(invoice.id)
    held = account.gateway.get_status(invoice.id)

    capture = account.gateway.capture_payment(
        CaptureRequest(capture_id="c-1", invoice_id=invoice.id, amount=Money("40", "EUR"))
    )

    report = account.gateway.get_status(invoice.id)
    assert (held.status, held.received, capture.status) == (
        InvoiceStatus.AUTHORIZED,
        Money(0, "EUR"),
        CaptureStatus.PENDING,
    )
    assert (report.status, report.received) == (InvoiceStatus.PARTIALLY_PAID, Money("40", "EUR"))
    # Both are told by the payment's state when the shop asks: the first webhook comes late, and tells the same.
    assert {status_in(event) for event in events()} == {InvoiceStatus.PARTIALLY_PAID}
    assert [each.amount for each in account.gateway.list_payments()] == [Money("40", "EUR")]


def test_capture_is_made_once(account: EmulatedAccount) -> None:
    """By its key; under another key, nothing is left to be captured."""
    invoice = account.gateway.create_invoice(HOLD)
    account.pay(invoice.id)
    first, again = (
        account.gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=invoice.id)) for _ in range(2)
    )

    with pytest.raises(RejectedError, match="cannot be captured"):
        account.gateway.capture_payment(CaptureRequest(capture_id="c-2", invoice_id=invoice.id))

    assert first.id == again.id
    assert account.gateway.get_status(invoice.id).status is InvoiceStatus.PAID


def test_hold_is_released(account: EmulatedAccount) -> None:
    """Cancellation voids what is authorized, whatever the method."""
    invoice = account.gateway.create_invoice(HOLD)
    account.pay(invoice.id)

    assert account.gateway.cancel_invoice(invoice.id).status is InvoiceStatus.CANCELED


def test_only_some_methods_can_be_canceled(account: EmulatedAccount) -> None:
    """An open bank transfer can; a payment whose method is not chosen cannot."""
    transfer = InvoiceRequest(order_id="1", amount=Money("49.90", "EUR"), options={"method": "banktransfer"})
    canceled = account.gateway.cancel_invoice(account.gateway.create_invoice(transfer).id)

    with pytest.raises(RejectedError, match="cannot be cancelled"):
        account.gateway.cancel_invoice(account.gateway.create_invoice(ORDER).id)

    assert canceled.status is InvoiceStatus.CANCELED


def test_refund_waits_and_is_carried_out(account: EmulatedAccount, mollie: MollieEmulator, events: Events) -> None:
    """Pending for two hours: nothing has gone back until then."""
    mollie.refund_delay = timedelta(hours=2)
    invoice = account.gateway.create_invoice(ORDER)
    account.pay(invoice.id)
    events()
    request = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("10", "EUR"))
    refund = account.gateway.refund_payment(request)
    before = account.gateway.get_status(invoice.id)
    account.advance(hours=2)

    (event,) = events()

    assert (refund.status, before.refunded, before.status) == (
        RefundStatus.PENDING,
        Money(0, "EUR"),
        InvoiceStatus.PAID,
    )
    assert event.report is not None
    assert (event.report.refunded, event.report.status) == (Money("10", "EUR"), InvoiceStatus.PARTIALLY_REFUNDED)
    assert [(each.refund_id, each.status) for each in event.report.refunds] == [("r-1", RefundStatus.DONE)]


def test_failed_refund_can_be_made_again(account: EmulatedAccount, mollie: MollieEmulator) -> None:
    """The money came back to the shop: the whole is there to be refunded."""
    invoice = account.gateway.create_invoice(ORDER)
    account.pay(invoice.id)
    first = account.gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=ORDER.amount))
    mollie.fail_refund(first.id)
    failed = account.gateway.get_status(invoice.id)
    account.gateway.refund_payment(RefundRequest(refund_id="r-2", invoice_id=invoice.id, amount=ORDER.amount))
    done = account.gateway.get_status(invoice.id)

    assert (failed.status, failed.refunded) == (InvoiceStatus.PAID, Money(0, "EUR"))
    assert (done.status, done.refunded) == (InvoiceStatus.REFUNDED, ORDER.amount)


def test_refunds_that_mollie_refuses(account: EmulatedAccount) -> None:
    """The same amount again within the hour, which may have been made; more than is there; of what nobody paid."""
    paid, unpaid = (
        account.gateway.create_invoice(InvoiceRequest(order_id=each, amount=Money("49.90", "EUR"))) for each in "12"
    )
    account.pay(paid.id)
    account.gateway.refund_payment(RefundRequest(refund_id="r-1", invoice_id=paid.id, amount=Money("15", "EUR")))

    refused = []
    for number, (invoice, amount) in enumerate([(paid, "15"), (paid, "34.91"), (unpaid, "1")]):
        with pytest.raises(RejectedError) as caught:
            account.gateway.refund_payment(
                RefundRequest(refund_id=f"x-{number}", invoice_id=invoice.id, amount=Money(amount, "EUR"))
            )
        refused.append((caught.value.http_status, caught.value.effect))

    assert refused == [(409, "unknown"), (422, "none"), (422, "none")]


def test_bank_takes_the_money_back(account: EmulatedAccount, mollie: MollieEmulator, events: Events) -> None:
    """Trap: the invoice stays paid, and its dispute is told; the reversal, too."""
    invoice = account.gateway.create_invoice(ORDER)
    account.pay(invoice.id)
    events()
    chargeback = mollie.charge_back(invoice.id)
    disputed = events()
    mollie.reverse_chargeback(invoice.id, chargeback)
    reversed_ = events()

    told = [(each.report.status, each.report.disputed) for each in [*disputed, *reversed_] if each.report]
    assert told == [(InvoiceStatus.PAID, ORDER.amount), (InvoiceStatus.PAID, Money(0, "EUR"))]
    assert disputed[0].id != reversed_[0].id


def test_lost_answer_makes_no_second_payment(account: EmulatedAccount) -> None:
    """The key is the order's: the first answer comes again."""
    account.drop_next_answer()
    first = None
    for _ in range(3):
        try:
            first = account.gateway.create_invoice(ORDER)
            break
        except GatewayError:
            continue

    assert first is not None
    assert account.gateway.find_invoice("1042") is not None
    again = account.gateway.create_invoice(ORDER)
    assert (again.id, again.replayed) == (first.id, True)


def test_webhook_comes_again_as_mollie_sends_it(account: EmulatedAccount) -> None:
    """Ten calls in all, within 26 hours and the minutes before; only HTTP 200 ends them."""
    invoice = account.gateway.create_invoice(ORDER)
    account.pay(invoice.id)
    waited, calls = timedelta(), []

    def refuse(_: object) -> int:
        calls.append(waited)
        return 201

    for _ in range(27 * 60):
        account.deliver(refuse)
        account.advance(minutes=1)
        waited += timedelta(minutes=1)

    minutes = [each // timedelta(minutes=1) for each in calls]
    assert minutes == [0, 1, 3, 7, 15, 31, 60, 120, 240, 26 * 60]


@pytest.fixture
def organization() -> Iterator[EmulatedAccount]:
    """Give an account with an organization's access token."""
    token = "access_abcdefghij0123456789"
    with EmulatedAccount("mollie", settings={"api_key": token}) as account:
        account.emulator.credentials["api_key"] = token
        yield account


def test_signed_webhooks_of_a_subscription(organization: EmulatedAccount) -> None:
    """Both generations come: the classic one to the payment's address, the signed one to the subscription's."""
    registration = organization.gateway.register_webhook("https://shop.invalid/signed")
    invoice = organization.gateway.create_invoice(ORDER)
    organization.pay(invoice.id)

    deliveries = [organization.gateway.verify_webhook(each) for each in organization.webhooks()]

    assert registration.secret is not None
    assert [(each.verified_by, each.events[0].kind) for each in deliveries] == [
        ("callback", "paid"),
        ("signature+callback", "payment.paid"),
    ]


def test_signed_body_that_was_written_anew_is_refused(organization: EmulatedAccount) -> None:
    """A shop whose framework parses first learns it here."""
    organization.gateway.register_webhook("https://shop.invalid/signed")
    organization.pay(organization.gateway.create_invoice(ORDER).id)
    (message,) = (each for each in organization.webhooks() if each.body.startswith(b"{"))

    for separators in ((", ", ": "), (",", ":")):
        anew = json.dumps(json.loads(message.body), separators=separators).encode()
        with pytest.raises(WebhookError):
            organization.gateway.verify_webhook(attrs.evolve(message, body=anew))


def test_wrong_key_is_an_authentication_error(account: EmulatedAccount) -> None:
    """What `gateway doctor` is for."""
    settings = {**account.settings, "api_key": "test_another0123456789"}

    with (
        Gateway.connect("mollie", transport=account.faults, **settings) as gateway,
        pytest.raises(AuthenticationError),
    ):
        gateway.check_account()


def test_payment_of_the_other_mode_is_not_found(organization: EmulatedAccount) -> None:
    """Test objects cannot be retrieved in live mode."""
    invoice = organization.gateway.create_invoice(ORDER)
    live = {**organization.settings, "mode": "live"}

    with (
        Gateway.connect("mollie", transport=organization.faults, **live) as gateway,
        pytest.raises(NotFoundError),
    ):
        gateway.get_status(invoice.id)
