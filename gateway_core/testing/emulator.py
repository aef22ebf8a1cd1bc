"""A stateful stand-in for one provider: its API, its checkout page's actions and its webhooks, without any I/O.

An emulator answers an `HttpRequest` with an `HttpResponse`, and hands out the webhooks that are due as requests to
send. So it runs in a test without a socket, and behind a real server, with the same behaviour.
"""

from __future__ import annotations

import abc
import json
import random
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar

import attrs

from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.money import Money
from gateway_core.models.status import InvoiceStatus, derive
from gateway_core.provider import Declines
from gateway_core.testing.clock import utc_now
from gateway_core.testing.ledger import OPEN, EmulatedInvoice, EmulatedPayment, Ledger
from gateway_core.testing.offers import EXPIRE, InvoiceAction, WayToPay
from gateway_core.testing.webhook_queue import WebhookQueue


class Emulator(WebhookQueue):
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
        merchant: The shop's name, as the payer reads it.
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

    def __init__(  # noqa: PLR0913  # all but the ledger by name
        self,
        ledger: Ledger | None = None,
        *,
        checkout_url: str = "http://127.0.0.1/pay",
        webhook_url: str | None = None,
        credentials: Mapping[str, str] | None = None,
        merchant: str = "Example Shop",
        clock: Callable[[], datetime] = utc_now,
        randomness: random.Random | None = None,
    ) -> None:
        super().__init__(ledger or Ledger(), webhook_url, clock, randomness or random.SystemRandom())
        self.checkout_url = checkout_url
        self.merchant = merchant
        self.credentials = self._remember_credentials(credentials or {})

    @abc.abstractmethod
    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the provider's API."""

    @abc.abstractmethod
    def new_credentials(self) -> Mapping[str, str]:
        """Return random keys for a new account, by the names of the plugin's settings."""

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

    # What else can become of an invoice.

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what can be done to an invoice as it stands now, beside paying it; override it with `perform`."""
        return (EXPIRE,) if self.payable(invoice) and invoice.expires_at is not None else ()

    def act(self, token: str, action: str, amount: Money | None = None) -> None:
        """Do one of the `actions` of an invoice.

        Args:
            token: The checkout token.
            action: The key of an `InvoiceAction`.
            amount: How much, where it takes an amount; None for the one that is proposed.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If this cannot be done to it now, or not with this amount.
            InvalidRequestError: If the amount is not above zero.
        """
        if amount is not None and amount.amount <= 0:
            raise InvalidRequestError("give an amount above zero")
        with self.ledger.transaction():
            invoice = self.invoice(token)
            for each in self.actions(invoice):
                if each.id == action:
                    self.perform(invoice, action, amount or each.amount)
                    return
            raise RejectedError("this cannot be done to the invoice as it stands")

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:  # noqa: ARG002  # see above
        """Do one of the `actions` that are possible now. Here it is the end of the time to pay."""
        ended = attrs.evolve(invoice, expires_at=self.clock())
        self.ledger.save(ended)
        self.current(ended)

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

    # Small things that subclasses need.

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
