"""PayPal's orders, buyers and webhooks, emulated."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money, PaymentStatus, RefundStatus
from gateway_core.errors import NotFoundError, RejectedError
from gateway_core.http import is_loopback
from gateway_core.provider import Declines
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Emulator,
    QueuedDelivery,
    WayToPay,
)
from gateway_paypal import mapping
from gateway_paypal.emulator import documents
from gateway_paypal.emulator.api import Api
from gateway_paypal.emulator.certificate import CERTIFICATE, SigningKey, new_signing_key
from gateway_paypal.emulator.documents import RefusedError
from gateway_paypal.webhook import ALGORITHM, HEADERS

#: How long an order waits for the buyer, and then for its capture.
LIFE = timedelta(hours=3)

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class PayPalEmulator(Emulator):
    """One PayPal account with one application.

    The buyer approves an order, and the shop captures it. `decide` ends a capture or refund that waits, `dispute` lets
    the buyer complain.

    Attributes:
        review_captures: Whether PayPal looks at captures first, so that they are PENDING.
        decline_captures: Whether the buyer's bank refuses captures, so that they are DECLINED.
        slow_refunds: Whether refunds take their time, so that they are PENDING.
    """

    title: ClassVar[str] = "PayPal"
    pay_label: ClassVar[str] = "Approve"
    decline_label: ClassVar[str] = "Turn back"
    partial_payments: ClassVar[bool] = False
    overpayments: ClassVar[bool] = False
    declines: ClassVar[Declines] = Declines.RETRYABLE
    redelivery: ClassVar[tuple[timedelta, ...]] = (
        *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30)),
        *(timedelta(hours=1),) * 4,
        *(timedelta(hours=4),) * 17,
    )
    review_captures: bool = False
    decline_captures: bool = False
    slow_refunds: bool = False
    base_url: str = "https://api-m.sandbox.paypal.com"

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random client, webhook, and the authority that the emulated certificate is from."""
        return {
            "client_id": self.new_token(80),
            "client_secret": self.new_token(80),
            "webhook_id": self.new_id(),
            "webhook_roots": new_signing_key().root,
        }

    def settings(self, base_url: str) -> dict[str, str]:
        """Return the settings with which the plugin reaches this emulator at an address."""
        self.base_url = base_url
        return super().settings(base_url)

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        with self.ledger.transaction():
            try:
                return Api(self).answer(request)
            except RefusedError as refused:
                return documents.answer(refused.status, refused.document, self.clock())

    # What the buyer can do.

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return the buyer's wallet."""
        return (WayToPay(id="paypal", label="PayPal", amount=invoice.amount),)

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether an order waits for its buyer."""
        waits = invoice.data["status"] in ("CREATED", "PAYER_ACTION_REQUIRED")
        return waits and self.clock() < invoice.created_at + LIFE

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return the capture that an approval makes possible: no money has moved yet."""
        return EmulatedPayment(
            id=self.new_id(),
            invoice_id=invoice.id,
            amount=amount,
            status=PaymentStatus.PENDING,
            paid_at=self.clock(),
            reference=way.label,
            data={"status": None, "custom_id": invoice.order_id},
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:  # noqa: ARG002  # as the base has it
        """Note that the buyer approved the order, and tell the shop."""
        approved = self.change(invoice, "APPROVED", InvoiceStatus.APPROVED)
        self.tell("CHECKOUT.ORDER.APPROVED", approved, self.document(approved))

    # What happens to the money.

    def capture(self, invoice: EmulatedInvoice, amount: Money) -> EmulatedPayment:
        """Take the money of an approved order, or of its authorization."""
        payment = next(each for each in self.approved(invoice) if each.data["status"] is None)
        word = "DECLINED" if self.decline_captures else "PENDING" if self.review_captures else "COMPLETED"
        taken = attrs.evolve(payment, amount=amount, paid_at=self.clock(), data={**payment.data, "status": "PENDING"})
        self.ledger.save(taken)
        self.change(invoice, "COMPLETED", InvoiceStatus.PENDING)
        return self.decide(taken.id, word)

    def decide(self, payment_id: str, word: str) -> EmulatedPayment:
        """Let a capture become ``COMPLETED``, ``DECLINED`` or ``PENDING``, and tell the shop.

        Raises:
            NotFoundError: If there is no such capture.
            RejectedError: If it was decided before.
        """
        with self.ledger.transaction():
            payment, invoice = self.payment(payment_id)
            if payment.data["status"] != "PENDING":
                raise RejectedError(f"this capture is {payment.data['status']}")
            status = mapping.CAPTURE_STATUSES[word]
            decided = attrs.evolve(payment, status=status, data={**payment.data, "status": word})
            self.ledger.save(decided)
            if word == "COMPLETED":
                self.ledger.save(attrs.evolve(invoice, received=payment.amount, status=InvoiceStatus.PAID))
            elif word == "DECLINED":
                self.ledger.save(attrs.evolve(invoice, status=InvoiceStatus.FAILED))
            self.tell(f"PAYMENT.CAPTURE.{word}", invoice, documents.capture_alone(decided, self.base_url))
            return decided

    def refund(self, payment: EmulatedPayment, amount: Money, refund_id: str | None) -> EmulatedRefund:
        """Give money of a capture back."""
        invoice = self.payment(payment.id)[1]
        made = EmulatedRefund(
            id=self.new_id(),
            refund_id=refund_id,
            invoice_id=invoice.id,
            amount=amount,
            created_at=self.clock(),
            status=RefundStatus.PENDING if self.slow_refunds else RefundStatus.DONE,
            data={"status": "PENDING" if self.slow_refunds else "COMPLETED", "capture": payment.id},
        )
        self.ledger.save(made)
        if not self.slow_refunds:
            self._refunded(made, payment, invoice)
        return made

    def finish_refund(self, refund_id: str, word: str) -> None:
        """Let a refund that waits become ``COMPLETED`` or ``FAILED``.

        Raises:
            NotFoundError: If there is no such refund.
        """
        with self.ledger.transaction():
            found = self.ledger.get(EmulatedRefund, refund_id)
            if found is None:
                raise NotFoundError("there is no such refund")
            done = attrs.evolve(found, status=mapping.REFUND_STATUSES[word], data={**found.data, "status": word})
            self.ledger.save(done)
            if word == "COMPLETED":
                self._refunded(done, *self.payment(found.data["capture"]))

    def dispute(self, payment_id: str, *, resolved: bool = False) -> None:
        """Let the buyer dispute a capture, or let the dispute end in the shop's favour.

        Raises:
            NotFoundError: If there is no such capture.
        """
        with self.ledger.transaction():
            payment, invoice = self.payment(payment_id)
            document = {
                "dispute_id": f"PP-{payment.id}",
                "status": "RESOLVED" if resolved else "OPEN",
                "dispute_amount": mapping.amount(payment.amount),
                "disputed_transactions": [{"seller_transaction_id": payment.id}],
            }
            self.ledger.set_note(f"dispute PP-{payment.id}", json.dumps(document))
            self.tell(f"CUSTOMER.DISPUTE.{'RESOLVED' if resolved else 'CREATED'}", invoice, document)

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Announce nothing: what is announced stands in `tell`."""

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return an event about an order, or about its capture."""
        resource = self.document(invoice) if payment is None else documents.capture_alone(payment, self.base_url)
        return self._event(kind, resource)

    def tell(self, kind: str, invoice: EmulatedInvoice, resource: Mapping[str, Any]) -> None:
        """Queue an event about something."""
        self.enqueue(kind, invoice.id, self._event(kind, resource))

    def event_key(self, body: bytes) -> str:
        """Return an event's id."""
        return str(json.loads(body)["id"])

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> dict[str, str]:
        """Return the headers that sign a delivery."""
        sent, number = documents.time_text(at), f"{delivery.id}-{len(delivery.attempts)}"
        text = f"{number}|{sent}|{self.credentials['webhook_id']}|{zlib.crc32(delivery.body)}"
        host = self.base_url if is_loopback(self.base_url) else "https://api.sandbox.paypal.com"
        values = {
            "auth_algo": ALGORITHM,
            "cert_url": f"{host}/v1/notifications/certs/{CERTIFICATE}",
            "transmission_id": number,
            "transmission_sig": self.signing_key.sign(text.encode()),
            "transmission_time": sent,
        }
        return {HEADERS[field]: value for field, value in values.items()}

    # Small things.

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs webhooks; the ledger keeps it, for the settings name its authority."""
        kept = self.ledger.note("signing key")
        if kept is None:
            made = new_signing_key()
            self.ledger.set_note("signing key", json.dumps(attrs.asdict(made)))
            return made
        return SigningKey(**json.loads(kept))

    def payment(self, payment_id: str) -> tuple[EmulatedPayment, EmulatedInvoice]:
        """Return a capture and its order.

        Raises:
            NotFoundError: If there is none.
        """
        payment = self.ledger.get(EmulatedPayment, payment_id)
        invoice = payment and payment.invoice_id and self.ledger.get(EmulatedInvoice, payment.invoice_id)
        if not payment or not invoice:
            raise NotFoundError("there is no such capture")
        return payment, invoice

    def approved(self, invoice: EmulatedInvoice) -> list[EmulatedPayment]:
        """Return the captures of an order, that which its approval makes possible included."""
        return [payment for _, payment in self.ledger.select(EmulatedPayment, parent=invoice.id)]

    def document(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        """Return an order as the API gives it."""
        captures = [each for each in self.approved(invoice) if each.data["status"] is not None]
        refunds = [refund for _, refund in self.ledger.select(EmulatedRefund, parent=invoice.id)]
        return documents.order(invoice, captures, refunds, self.base_url, self.page_url(invoice))

    def change(self, invoice: EmulatedInvoice, word: str, status: InvoiceStatus, **data: Any) -> EmulatedInvoice:
        """Set an order's status."""
        changed = attrs.evolve(invoice, status=status, data={**invoice.data, "status": word, **data})
        self.ledger.save(changed)
        return changed

    def new_id(self) -> str:
        """Return a new id of 17 capital letters and digits, which is what all ids are here."""
        return "".join(self.random.choices(_LETTERS, k=17))

    def _refunded(self, made: EmulatedRefund, payment: EmulatedPayment, invoice: EmulatedInvoice) -> None:
        refunded = invoice.refunded + made.amount
        whole = refunded >= payment.amount
        word = "REFUNDED" if whole else "PARTIALLY_REFUNDED"
        status = mapping.CAPTURE_STATUSES[word]
        self.ledger.save(attrs.evolve(payment, status=status, data={**payment.data, "status": word}))
        after = InvoiceStatus.REFUNDED if whole else InvoiceStatus.PARTIALLY_REFUNDED
        self.ledger.save(attrs.evolve(invoice, refunded=refunded, status=after))
        self.tell("PAYMENT.CAPTURE.REFUNDED", invoice, documents.refund(made, self.base_url))

    def _event(self, kind: str, resource: Mapping[str, Any]) -> bytes:
        document: dict[str, Any] = {
            "id": f"WH-{self.new_id()}",
            "event_version": "1.0",
            "create_time": documents.time_text(self.clock()),
            "resource_type": "checkout-order" if kind.startswith("CHECKOUT") else "capture",
            "event_type": kind,
            "summary": kind,
            "resource": resource,
            "links": [],
        }
        # As no parser writes it anew: the checksum is over these very bytes.
        return json.dumps(document, separators=(",", ":"), default=str).encode("utf-8") + b"\n"
