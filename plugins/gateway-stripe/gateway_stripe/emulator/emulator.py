"""The emulated account: what payers, their banks and time do to it, its webhooks, and its door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money, PaymentStatus
from gateway_core.errors import NotFoundError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Emulator,
    InvoiceAction,
    QueuedDelivery,
    WayToPay,
)
from gateway_core.webhooks import sign
from gateway_stripe.emulator import actions, changes, documents
from gateway_stripe.emulator.api import Api


class StripeEmulator(Emulator):
    """Stripe as its documentation describes it, in test mode unless the account's key is a live one."""

    title: ClassVar[str] = "Stripe"
    partial_payments: ClassVar[bool] = False
    overpayments: ClassVar[bool] = False
    declines: ClassVar[Declines] = Declines.RETRYABLE
    #: In a sandbox "three times in a few hours" (docs.stripe.com/webhooks); the hours themselves are assumed.
    redelivery: ClassVar[tuple[timedelta, ...]] = (timedelta(hours=1), timedelta(hours=2), timedelta(hours=4))

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random test key and a random signing secret."""
        return {"api_key": f"sk_test_{self.new_token(48)}", "webhook_secret": f"whsec_{self.new_token(32)}"}

    def settings(self, base_url: str) -> dict[str, str]:
        """Return the settings with which the plugin reaches this emulator at an address."""
        return {**super().settings(base_url), "return_url": "https://shop.example/thanks"}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        with self.ledger.transaction():
            return Api(self).answer(request)

    def in_mode(self, document: Any) -> Any:
        """Return a document as the mode of the account's key has it."""
        match document:
            case {**members}:
                live = "_live_" in self.credentials["api_key"]
                return {name: live if name == "livemode" else self.in_mode(each) for name, each in members.items()}
            case [*items]:
                return [self.in_mode(each) for each in items]
        return document

    def new_id(self, prefix: str) -> str:
        """Return a new id: the prefix, an underscore and random letters."""
        return f"{prefix}_{self.new_token(24)}"

    def save(self, invoice: EmulatedInvoice, *kinds: str, about: str | None = None) -> EmulatedInvoice:
        """Keep an invoice after a change, and tell the shop.

        Args:
            invoice: The invoice.
            kinds: The types of the events that this brings.
            about: The id of the refund or dispute that these events are about.
        """
        self.ledger.save(invoice)
        intent = invoice.data["intent"]
        payment = intent and self.ledger.get(EmulatedPayment, intent["id"])
        if payment:
            self.ledger.save(attrs.evolve(payment, status=_payment_status(invoice), amount=_came(invoice)))
        for kind in kinds:
            self.announce(kind, attrs.evolve(invoice, data={**invoice.data, "about": about}))
        return invoice

    # What the payer, the payer's bank and time do.

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether the session is open."""
        return bool(invoice.data["session"]["status"] == "open")

    def current(self, invoice: EmulatedInvoice) -> EmulatedInvoice:
        """Return an invoice as it stands now: sessions expire, and the holds on cards lapse."""
        now, intent = self.clock(), invoice.data["intent"]
        if self.payable(invoice) and invoice.expires_at is not None and invoice.expires_at <= now:
            return self.save(changes.expired(invoice, by_the_shop=False), "checkout.session.expired")
        if intent is not None and intent["status"] == "requires_capture":
            card = invoice.data["charges"][-1]["payment_method_details"]["card"]
            if card["capture_before"] <= documents.seconds(now):
                lapsed = changes.released(invoice, "automatic", now, self.new_id("re"))
                return self.save(lapsed, "payment_intent.canceled", "charge.expired")
        return invoice

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return a card, and for euros that are taken at once a bank debit, which takes days."""
        card = WayToPay(id="card", label="Card 4242 4242 4242 4242", amount=self.open_amount(invoice))
        asked = invoice.data["session"]["payment_intent_data"]
        if invoice.amount.currency != "EUR" or asked["capture_method"] == "manual":
            return (card,)
        return (card, attrs.evolve(card, id="sepa_debit", label="SEPA direct debit, settled days later"))

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return the record of a payment, which bears the id of the PaymentIntent."""
        intent = invoice.data["intent"]
        return EmulatedPayment(
            id=intent["id"] if intent else self.new_id("pi"),
            invoice_id=invoice.id,
            amount=amount,
            paid_at=self.clock(),
            reference=self.new_id("ch"),
            data={"way": way.id},
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Complete the session, and tell the shop."""
        way = payment.data["way"]
        done = changes.confirmed(invoice, payment.id, payment.reference or "", way, payment.paid_at)
        kinds = {
            "succeeded": ("payment_intent.succeeded",),
            "requires_capture": ("payment_intent.amount_capturable_updated",),
        }
        self.save(done, *kinds.get(done.data["intent"]["status"], ()), "checkout.session.completed")

    def decline(self, token: str) -> EmulatedInvoice:
        """Decline the card: the session stays open, and the payer may try another one.

        Raises:
            NotFoundError: If there is no such session.
            RejectedError: If it can no longer be paid.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            tried = changes.declined(invoice, self.new_id("pi"), self.new_id("ch"), self.clock())
            return self.save(tried, "payment_intent.payment_failed")

    def settle_debit(self, invoice_id: str) -> EmulatedInvoice:
        """Let a bank debit come in.

        Raises:
            NotFoundError: If there is no such session.
            RejectedError: If no debit is under way.
        """
        with self.ledger.transaction():
            done = changes.debit_settled(self._processing(invoice_id))
            return self.save(done, "payment_intent.succeeded", "checkout.session.async_payment_succeeded")

    def fail_debit(self, invoice_id: str) -> EmulatedInvoice:
        """Let a bank debit come back.

        Raises:
            NotFoundError: If there is no such session.
            RejectedError: If no debit is under way.
        """
        with self.ledger.transaction():
            failed = changes.debit_failed(self._processing(invoice_id))
            return self.save(failed, "payment_intent.payment_failed", "checkout.session.async_payment_failed")

    def dispute(self, invoice_id: str, *, inquiry: bool = False, amount: Money | None = None) -> EmulatedInvoice:
        """Let the payer's bank dispute a payment.

        Args:
            invoice_id: The session's id.
            inquiry: Whether it only asks so far, and no money moves.
            amount: The amount; None for all that was taken.

        Raises:
            NotFoundError: If there is no such session.
            RejectedError: If nothing was taken.
        """
        with self.ledger.transaction():
            invoice = self.known(invoice_id)
            charge = invoice.data["charges"][-1] if invoice.data["charges"] else {"captured": False}
            if not charge["captured"]:
                raise RejectedError("nothing was taken that could be disputed")
            units = charge["amount_captured"] if amount is None else documents.units(amount)
            word = "warning_needs_response" if inquiry else "needs_response"
            made = documents.dispute(self.new_id("dp"), charge, amount=units, at=self.clock(), status=word)
            return self.save(changes.disputed(invoice, made), "charge.dispute.created", about=made["id"])

    def close_dispute(self, invoice_id: str, status: str) -> EmulatedInvoice:
        """Let the newest dispute of a payment be decided.

        Args:
            invoice_id: The session's id.
            status: Stripe's word: ``won``, ``lost``, ``warning_closed``.

        Raises:
            NotFoundError: If there is no such session, or no dispute.
        """
        with self.ledger.transaction():
            invoice = self.known(invoice_id)
            if not invoice.data["disputes"]:
                raise NotFoundError("this payment is not disputed")
            closed = {**invoice.data["disputes"][-1], "status": status}
            return self.save(changes.disputed(invoice, closed), "charge.dispute.closed", about=closed["id"])

    def finish_refund(self, refund_id: str, status: str) -> EmulatedInvoice:
        """Let a refund come to its end; one that has succeeded can still fail.

        Args:
            refund_id: The refund's id at Stripe.
            status: Stripe's word: ``succeeded`` or ``failed``.

        Raises:
            NotFoundError: If there is no such refund.
        """
        with self.ledger.transaction():
            for invoice in self.invoices():
                for refund in invoice.data["refunds"]:
                    if refund["id"] == refund_id:
                        ended = {**refund, "status": status, "pending_reason": None}
                        kinds = ["refund.updated"] + (["refund.failed"] if status == "failed" else [])
                        return self.save(changes.refunded(invoice, ended), *kinds, about=refund_id)
        raise NotFoundError("there is no such refund")

    # What the shop does: by the API, or in the dashboard.

    def capture(self, invoice: EmulatedInvoice, amount: int) -> EmulatedInvoice:
        """Take reserved money, so many of Stripe's units."""
        return self.save(changes.captured(invoice, amount), "payment_intent.succeeded")

    def release(self, invoice: EmulatedInvoice, reason: str | None) -> EmulatedInvoice:
        """Release reserved money."""
        return self.save(changes.released(invoice, reason, self.clock()), "payment_intent.canceled")

    def refund(
        self, invoice: EmulatedInvoice, amount: int, *, reason: str | None, metadata: Mapping[str, str]
    ) -> dict[str, Any]:
        """Give money back, so many of Stripe's units: of a card at once, of a bank debit days later."""
        charge, at = invoice.data["charges"][-1], self.clock()
        made = documents.refund(
            self.new_id("re"),
            charge,
            amount=amount,
            at=at,
            status="succeeded" if charge["payment_method_details"]["type"] == "card" else "pending",
            reason=reason,
            metadata=metadata,
        )
        self.save(changes.refunded(invoice, made), "refund.created", "charge.refunded", about=made["id"])
        money = documents.money(amount, charge["currency"])
        record = EmulatedRefund(
            id=made["id"], refund_id=metadata.get("refund_id"), invoice_id=invoice.id, amount=money, created_at=at
        )
        self.ledger.save(record)
        return made

    # What the dashboard offers.

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what can be done to an invoice as it stands now, beside paying it."""
        return super().actions(invoice) + actions.possible(invoice)

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        """Do one of the `actions` that are possible now."""
        if not actions.perform(self, invoice, action, amount):
            super().perform(invoice, action, amount)

    def invoices(self) -> list[EmulatedInvoice]:
        """Return every invoice as it stands now, the newest first."""
        return [self.current(invoice) for _, invoice in self.ledger.select(EmulatedInvoice, order="newest")]

    def known(self, invoice_id: str) -> EmulatedInvoice:
        """Return an invoice as it stands now.

        Raises:
            NotFoundError: If there is none.
        """
        found = self.ledger.get(EmulatedInvoice, invoice_id)
        if found is None:
            raise NotFoundError("there is no such session")
        return self.current(found)

    def _processing(self, invoice_id: str) -> EmulatedInvoice:
        invoice = self.known(invoice_id)
        if not invoice.data["intent"] or invoice.data["intent"]["status"] != "processing":
            raise RejectedError("no bank debit is under way")
        return invoice

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Tell nothing: `save` tells what each change brings."""

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:  # noqa: ARG002  # the invoice holds it
        """Return an event, indented as Stripe writes it: parsed and written anew, it has another signature."""
        data: Mapping[str, Any] = invoice.data
        if kind.startswith("checkout.session."):
            about = documents.session(invoice, self.page_url(invoice))
        elif kind.startswith("payment_intent."):
            about = data["intent"]
        elif kind.startswith(("refund.", "charge.dispute.")):
            about = next(each for each in (*data["refunds"], *data["disputes"]) if each["id"] == data["about"])
        else:
            about = data["charges"][-1]
        made = documents.event(self.new_id("evt"), kind, about, self.clock())
        return json.dumps(self.in_mode(made), indent=2, ensure_ascii=False).encode("utf-8")

    def event_key(self, body: bytes) -> str:
        """Return the event's id."""
        return str(json.loads(body)["id"])

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> dict[str, str]:
        """Sign a delivery with the time of this attempt."""
        time = str(documents.seconds(at))
        signed = time.encode("ascii") + b"." + delivery.body
        signature = sign(self.credentials["webhook_secret"].encode("utf-8"), signed).decode("ascii")
        return {"Stripe-Signature": f"t={time},v1={signature}"}


def _payment_status(invoice: EmulatedInvoice) -> PaymentStatus:
    if invoice.status is InvoiceStatus.REFUNDED:
        return PaymentStatus.REFUNDED
    return {
        "succeeded": PaymentStatus.CONFIRMED,
        "canceled": PaymentStatus.FAILED,
        "requires_payment_method": PaymentStatus.FAILED,
    }.get(invoice.data["intent"]["status"], PaymentStatus.PENDING)


def _came(invoice: EmulatedInvoice) -> Money:
    return invoice.received or invoice.amount
