"""A stateful stand-in for one provider: its API, its checkout page's actions and its webhooks, without any I/O.

An emulator answers an `HttpRequest` with an `HttpResponse`, and hands out the webhooks that are due as requests to
send. So it runs in a test without a socket, and behind a real server, with the same behaviour.
"""

from __future__ import annotations

import abc
import json
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

import attrs

from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.headers import Headers, HeadersLike
from gateway_core.models.money import Money
from gateway_core.models.status import InvoiceStatus, derive
from gateway_core.provider import Declines
from gateway_core.testing.clock import utc_now
from gateway_core.testing.ledger import OPEN, Attempt, EmulatedInvoice, EmulatedPayment, Ledger, QueuedDelivery


@attrs.frozen(kw_only=True)
class WayToPay:
    """One way in which the payer can pay.

    Attributes:
        id: Its key.
        label: What the payer reads.
        amount: What is to be paid this way.
        address: Where to send the money, shown as text and QR code; None if the page's button is all there is.
    """

    id: str
    label: str
    amount: Money
    address: str | None = None


#: Changes every digit, in amounts and ids alike.
_NEXT_DIGIT = bytes.maketrans(b"0123456789", b"1234567890")


class Emulator(abc.ABC):
    """The base of all emulators.

    A subclass answers the provider's API in `handle`, writes its webhooks in `webhook_body` and, where they are signed,
    in `webhook_headers`. All that is remembered is in the ledger. What is done in ``with self.ledger.transaction():``
    is done by one thread at a time; with `handle` written so, threads may share an emulator.

    Args:
        ledger: Its memory; a new one in memory by default.
        checkout_url: The address below which the checkout pages are; a page's own is that and the invoice's token.
        webhook_url: Where the shop receives webhooks; None sends none.
        credentials: The keys of the account, by the names of the plugin's settings; those that are not given are
            random. The ledger keeps them.
        clock: Gives the time.
        randomness: Gives the ids.
    """

    #: The provider's name for people.
    title: ClassVar[str]
    #: What the buttons of the checkout page say.
    pay_label: ClassVar[str] = "Pay"
    decline_label: ClassVar[str] = "Decline"
    #: Whether the payer can pay a part of the amount, and more than the amount. Switch both off for all or nothing; the
    #: checkout page then asks for no amount.
    partial_payments: ClassVar[bool] = True
    overpayments: ClassVar[bool] = True
    #: What becomes of an invoice whose payment was declined.
    declines: ClassVar[Declines] = Declines.FINAL
    #: The waits before a webhook that was not accepted is sent again.
    redelivery: ClassVar[tuple[timedelta, ...]] = ()

    def __init__(  # noqa: PLR0913  # all but the ledger by name
        self,
        ledger: Ledger | None = None,
        *,
        checkout_url: str = "http://127.0.0.1/pay",
        webhook_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
        randomness: random.Random | None = None,
    ) -> None:
        self.ledger = ledger or Ledger()
        self.checkout_url = checkout_url
        self.webhook_url = webhook_url
        self.clock = clock
        self.random = randomness or random.SystemRandom()
        self._delivering = threading.Lock()
        self.credentials = self._remember_credentials(credentials or {})

    @abc.abstractmethod
    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the provider's API."""

    @abc.abstractmethod
    def new_credentials(self) -> Mapping[str, str]:
        """Return random keys for a new account, by the names of the plugin's settings."""

    @abc.abstractmethod
    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return what is sent to the shop about an event."""

    def event_key(self, body: bytes) -> str:  # noqa: ARG002  # for subclasses
        """Return the key of the event that a new webhook tells of; a random one by default."""
        return self.new_uuid()

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> HeadersLike:  # noqa: ARG002  # for subclasses
        """Return the headers that sign a delivery at the moment it is sent; none by default.

        A ``Content-Type`` among them takes the place of JSON's.
        """
        return ()

    def webhook_address(self, delivery: QueuedDelivery) -> str | None:  # noqa: ARG002  # for subclasses
        """Return where a delivery goes; None if nowhere. That is `webhook_url` by default."""
        return self.webhook_url

    def webhook_accepted(self, status: int) -> bool:
        """Return whether the shop's answer means that it has the webhook: any 2xx by default."""
        return 200 <= status < 300

    def webhook_retried(self, status: int | None) -> bool:  # noqa: ARG002  # for subclasses
        """Return whether a delivery that was not accepted is sent again; any by default.

        Args:
            status: The shop's answer; None if there was none.
        """
        return True

    def settings(self, base_url: str) -> dict[str, str]:
        """Return the settings with which the plugin reaches this emulator at an address."""
        return {"base_url": base_url, **self.credentials}

    # What the payer can do.

    def invoice(self, token: str) -> EmulatedInvoice:
        """Return the invoice with this checkout token, as it stands now.

        Raises:
            NotFoundError: If there is none.
        """
        with self.ledger.transaction():
            for _, invoice in self.ledger.select(EmulatedInvoice, token=token):
                return self.current(invoice)
        raise NotFoundError("there is no such checkout page")

    def opened(self, token: str) -> EmulatedInvoice:
        """Return the invoice of a checkout page that the payer opens; override it where the provider counts views.

        Raises:
            NotFoundError: If there is none.
        """
        return self.invoice(token)

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return the ways to pay what is still open; one button by default."""
        return (WayToPay(id="test", label="Test payment", amount=self.open_amount(invoice)),)

    def open_amount(self, invoice: EmulatedInvoice) -> Money:
        """Return what is still to be paid."""
        missing = invoice.amount - invoice.received
        return missing if missing.amount > 0 else invoice.amount

    def pay(self, token: str, amount: Money | None = None, way: str | None = None) -> EmulatedPayment:
        """Pay an invoice, as the payer does.

        Args:
            token: The checkout token.
            amount: What to pay; None for what is open.
            way: The key of a `WayToPay`; None for the first.

        Raises:
            NotFoundError: If there is no such invoice or way.
            RejectedError: If it can no longer be paid, or not with this amount.
            InvalidRequestError: If the amount is not above zero, or in another currency.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            chosen = self._way(invoice, way)
            paid = chosen.amount if amount is None else amount
            if paid.amount <= 0:
                raise InvalidRequestError("pay an amount above zero")
            if not self.partial_payments and paid < chosen.amount:
                raise RejectedError("this provider takes no part of an amount")
            if not self.overpayments and paid > chosen.amount:
                raise RejectedError("this provider takes no more than the amount")
            payment = self.new_payment(invoice, paid, chosen)
            self.ledger.save(payment)
            self.settle(invoice, payment)
            return payment

    def decline(self, token: str) -> EmulatedInvoice:
        """Refuse to pay, as the payer or the payer's bank does. What becomes of the invoice, `declines` says.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it can no longer be paid, or nothing is ever declined.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            if self.declines is Declines.NONE:
                raise RejectedError("a payment is made here or not made, never declined")
            if self.declines is Declines.RETRYABLE:
                return invoice
            failed = attrs.evolve(invoice, status=InvoiceStatus.FAILED)
            self.ledger.save(failed)
            self.on_change(failed, None)
            return failed

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether an invoice, as it stands now, can be paid."""
        return invoice.status in OPEN

    def check_payable(self, invoice: EmulatedInvoice) -> None:
        """Raise a `RejectedError` if the invoice can no longer be paid."""
        if not self.payable(invoice):
            raise RejectedError(f"this invoice is {invoice.status.value.replace('_', ' ')}")

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return the record of a payment of this invoice."""
        return EmulatedPayment(
            id=self.new_uuid(), invoice_id=invoice.id, amount=amount, paid_at=self.clock(), reference=way.label
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Count a payment towards its invoice and tell the shop."""
        received = invoice.received + payment.amount
        # A word that means failure would stand against the money.
        word = InvoiceStatus.PENDING if invoice.status is InvoiceStatus.FAILED else invoice.status
        status, _ = derive(word, invoice.amount, received, invoice.refunded)
        changed = attrs.evolve(invoice, received=received, status=status)
        self.ledger.save(changed)
        self.on_change(changed, payment)

    def current(self, invoice: EmulatedInvoice) -> EmulatedInvoice:
        """Return an invoice as it stands now: one whose time is over has expired."""
        if invoice.status in OPEN and invoice.expires_at is not None and invoice.expires_at <= self.clock():
            with self.ledger.transaction():
                invoice = attrs.evolve(invoice, status=InvoiceStatus.EXPIRED)
                self.ledger.save(invoice)
                self.on_change(invoice, None)
        return invoice

    def expire_due(self) -> None:
        """Let every invoice expire whose time is over, and tell the shop."""
        with self.ledger.transaction():
            for _, invoice in self.ledger.select(EmulatedInvoice, due=self.clock()):
                self.current(invoice)

    @abc.abstractmethod
    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Queue the webhooks that the provider sends when an invoice has changed; `announce` queues one."""

    # The webhooks.

    def announce(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None = None) -> None:
        """Queue a webhook, if the shop has an address for them."""
        if self.webhook_url is not None:
            self.enqueue(kind, invoice.id, self.webhook_body(kind, invoice, payment))

    def enqueue(self, kind: str, about: str, body: bytes) -> None:
        """Queue a webhook with this body, if the shop has an address for them.

        Args:
            kind: The provider's name of the event.
            about: The id of what it is about, an invoice's in most cases.
            body: What is sent.
        """
        if self.webhook_url is None:
            return
        now = self.clock()
        self.ledger.save(
            QueuedDelivery(
                id=self.new_uuid(),
                event_id=self.event_key(body),
                invoice_id=about,
                kind=kind,
                body=body,
                created_at=now,
                due_at=now,
            )
        )

    def deliver(self, send: Callable[[HttpRequest], int | None]) -> int:
        """Send every webhook that is due, and return how many were.

        Nothing is locked while one is sent, so that the shop may ask the provider before it answers. Calls wait for
        each other.

        Args:
            send: Sends one request; returns the answer's status, or None if there was no answer.
        """
        sent = 0
        with self._delivering:
            for delivery in self.waiting():
                request = self.webhook_request(delivery)
                if request is not None:
                    self._record(delivery, send(request))
                    sent += 1
        return sent

    def waiting(self) -> tuple[QueuedDelivery, ...]:
        """Return the deliveries that are due, in the order in which they are sent."""
        with self.ledger.transaction():
            self.expire_due()
            return tuple(delivery for _, delivery in self.ledger.select(QueuedDelivery, due=self.clock()))

    def webhook_request(self, delivery: QueuedDelivery) -> HttpRequest | None:
        """Return a delivery as the request that goes to the shop; None if the shop has no address."""
        address = self.webhook_address(delivery)
        if address is None:
            return None
        headers = Headers(self.webhook_headers(delivery, self.clock()))
        if "Content-Type" not in headers:
            headers = Headers([("Content-Type", "application/json"), *headers.pairs])
        body = delivery.body.translate(_NEXT_DIGIT) if delivery.tampered else delivery.body
        return HttpRequest(method="POST", url=address, headers=headers, body=body)

    def resend(self, delivery_id: str) -> None:
        """Send a delivery once more, now."""
        with self.ledger.transaction():
            self.ledger.save(attrs.evolve(self._delivery(delivery_id), due_at=self.clock()))

    def duplicate(self, delivery_id: str) -> None:
        """Send the same event in a second delivery, now."""
        self._send_again(delivery_id, tampered=False)

    def delay(self, delivery_id: str, wait: timedelta) -> None:
        """Send a delivery after a wait."""
        with self.ledger.transaction():
            self.ledger.save(attrs.evolve(self._delivery(delivery_id), due_at=self.clock() + wait))

    def tamper(self, delivery_id: str) -> None:
        """Send the event in a second delivery whose body is changed after it was signed."""
        self._send_again(delivery_id, tampered=True)

    def reorder(self) -> None:
        """Send what is due in the reverse order: the deliveries change places, and each place keeps its key."""
        with self.ledger.transaction():
            waiting = self.waiting()
            for place, delivery in zip(waiting, reversed(waiting), strict=True):
                self.ledger.save(attrs.evolve(delivery, id=place.id))

    def lose(self, delivery_id: str) -> None:
        """Lose a delivery on its way: there is no answer, so it is sent again as any that was not accepted."""
        self._record(self._delivery(delivery_id), None)

    # Small things that subclasses need.

    def new_uuid(self) -> str:
        """Return a new random UUID."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def new_token(self, length: int = 12) -> str:
        """Return a new random code of letters and digits."""
        return "".join(self.random.choices("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=length))

    def page_url(self, invoice: EmulatedInvoice) -> str:
        """Return the address of an invoice's checkout page."""
        return f"{self.checkout_url}/{invoice.token}"

    def _remember_credentials(self, given: Mapping[str, str]) -> dict[str, str]:
        with self.ledger.transaction():
            kept = json.loads(self.ledger.note("credentials") or "null") or dict(self.new_credentials())
            merged: dict[str, str] = {**kept, **given}
            self.ledger.set_note("credentials", json.dumps(merged))
        return merged

    def _way(self, invoice: EmulatedInvoice, way: str | None) -> WayToPay:
        ways = self.ways_to_pay(invoice)
        for each in ways:
            if way in (None, each.id):
                return each
        raise NotFoundError("there is no such way to pay")

    def _send_again(self, delivery_id: str, *, tampered: bool) -> None:
        with self.ledger.transaction():
            now = self.clock()
            first = self._delivery(delivery_id)
            again = attrs.evolve(first, id=self.new_uuid(), created_at=now, due_at=now, attempts=(), tampered=tampered)
            self.ledger.save(again)

    def _delivery(self, delivery_id: str) -> QueuedDelivery:
        delivery = self.ledger.get(QueuedDelivery, delivery_id)
        if delivery is None:
            raise NotFoundError("there is no such delivery")
        return delivery

    def _record(self, sent: QueuedDelivery, status: int | None) -> None:
        with self.ledger.transaction():
            delivery = self._delivery(sent.id)
            accepted = status is not None and self.webhook_accepted(status)
            tried = len(delivery.attempts)
            repeatable = not delivery.tampered and tried < len(self.redelivery)
            again = not accepted and repeatable and self.webhook_retried(status)
            note = "accepted" if accepted else "not accepted" if status is not None else "no answer"
            due_at = self.clock() + self.redelivery[tried] if again else None
            if delivery.due_at != sent.due_at:
                due_at = delivery.due_at  # somebody asked for another one meanwhile
            attempts = (*delivery.attempts, Attempt(at=self.clock(), status=status, note=note))
            self.ledger.save(attrs.evolve(delivery, attempts=attempts, due_at=due_at))
