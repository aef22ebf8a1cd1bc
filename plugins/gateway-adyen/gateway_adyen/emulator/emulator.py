"""Adyen's payment links, payers, modifications and webhooks, emulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import attrs

from gateway_adyen.emulator import documents
from gateway_adyen.emulator.api import Api, RefusedError
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money, PaymentStatus, RefundStatus
from gateway_core.errors import NotFoundError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Emulator,
    QueuedDelivery,
    WayToPay,
)
from gateway_core.wire import loads

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_HEX = "0123456789ABCDEF"


class AdyenEmulator(Emulator):
    """One merchant account of Adyen's test system: payment links, paid by a card.

    A link can be refused and tried again until its time is over. What happens to a payment afterwards, a capture that
    fails, a refund that comes back, a chargeback, is done by `capture_failed`, `refund_failed` and `chargeback`.

    Attributes:
        refuse_refunds: Whether refunds that are received fail.
    """

    title: ClassVar[str] = "Adyen"
    partial_payments: ClassVar[bool] = False
    overpayments: ClassVar[bool] = False
    declines: ClassVar[Declines] = Declines.RETRYABLE
    redelivery: ClassVar[tuple[timedelta, ...]] = (
        *(timedelta(seconds=seconds) for seconds in (9, 18, 27)),
        *(timedelta(minutes=minutes) for minutes in (2, 5, 10, 15, 30)),
        *(timedelta(hours=hours) for hours in (1, 2, 4, 8)),
        *(timedelta(hours=8),) * 87,  # for 30 days in all
    )
    refuse_refunds: bool = False

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key, account and HMAC key."""
        return {
            "api_key": f"AQE{self.new_token(60)}",
            "merchant_account": f"Shop{self.new_token(6)}",
            "webhook_hmac_key": "".join(self.random.choices(_HEX, k=64)),
        }

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        with self.ledger.transaction():
            try:
                return Api(self).answer(request)
            except RefusedError as refused:
                return documents.refusal(refused.status, refused.code, str(refused), refused.kind, self.new_psp())

    # What the payer can do.

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return a card, and a method whose money comes later."""
        return (
            WayToPay(id="visa", label="Card", amount=invoice.amount),
            WayToPay(id="sepa", label="Direct debit, which takes a day", amount=invoice.amount),
        )

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether a link is active."""
        return bool(invoice.data["status"] == "active")

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return a payment with a pspReference of its own."""
        return EmulatedPayment(
            id=self.new_psp(),
            invoice_id=invoice.id,
            amount=amount,
            status=PaymentStatus.PENDING,
            paid_at=self.clock(),
            reference=way.label,
            data={"captured": 0, "state": "waiting" if way.id == "sepa" else "authorised"},
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Authorise a payment, and capture it at once unless that is done by hand."""
        if payment.data["state"] == "waiting":
            waiting = attrs.evolve(invoice, data={**invoice.data, "status": "paymentPending"})
            self.ledger.save(waiting)
            return
        self._authorise(invoice, payment)

    def arrive(self, payment_id: str) -> None:
        """Let the money of a direct debit arrive.

        Raises:
            NotFoundError: If there is no such payment.
            RejectedError: If it does not wait.
        """
        with self.ledger.transaction():
            payment, invoice = self.payment(payment_id)
            if payment.data["state"] != "waiting":
                raise RejectedError("this payment does not wait for its money")
            self._authorise(invoice, payment)

    def decline(self, token: str) -> EmulatedInvoice:
        """Refuse an attempt: the shop is told, and the link stays active.

        Raises:
            NotFoundError: If there is no such link.
            RejectedError: If it can no longer be paid.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            self.notify(invoice, "AUTHORISATION", success=False, psp=self.new_psp(), reason="Refused")
            return invoice

    # What happens to a payment afterwards.

    def capture_failed(self, payment_id: str) -> None:
        """Let a capture that was accepted be rejected by the card's scheme.

        Raises:
            NotFoundError: If there is no such payment.
        """
        with self.ledger.transaction():
            payment, invoice = self.payment(payment_id)
            failed = attrs.evolve(payment, status=PaymentStatus.FAILED, data={**payment.data, "state": "failed"})
            self.ledger.save(failed)
            zero = invoice.amount - invoice.amount
            self.ledger.save(attrs.evolve(invoice, status=InvoiceStatus.FAILED, received=zero))
            self.notify(
                invoice, "CAPTURE_FAILED", psp=self.new_psp(), original=payment.id, amount=payment.amount, linked=True
            )

    def chargeback(self, payment_id: str) -> None:
        """Let the payer's bank take the money back.

        Raises:
            NotFoundError: If there is no such payment.
        """
        with self.ledger.transaction():
            payment, invoice = self.payment(payment_id)
            self.notify(invoice, "CHARGEBACK", psp=self.new_psp(), original=payment.id, amount=payment.amount)

    def refund_failed(self, refund_id: str) -> None:
        """Let a refund that was carried out fail later: the money is the shop's again.

        Raises:
            NotFoundError: If there is no such refund.
        """
        with self.ledger.transaction():
            refund = self.ledger.get(EmulatedRefund, refund_id)
            if refund is None:
                raise NotFoundError("there is no such refund")
            invoice = self.ledger.get(EmulatedInvoice, refund.invoice_id)
            assert invoice is not None  # noqa: S101  # a refund belongs to an invoice
            self.ledger.save(attrs.evolve(refund, status=RefundStatus.FAILED))
            self.ledger.save(
                attrs.evolve(invoice, refunded=invoice.refunded - refund.amount, status=InvoiceStatus.PAID)
            )
            self.notify(
                invoice,
                "REFUND_FAILED",
                psp=refund.id,
                original=refund.data["payment"],
                amount=refund.amount,
                reference=refund.data["reference"],
            )

    # Modifications, which the API receives.

    def capture(self, payment: EmulatedPayment, invoice: EmulatedInvoice, amount: Money, reference: str) -> str:
        """Capture, or fail to; return the pspReference of the modification."""
        psp = self.new_psp()
        possible = payment.data["state"] == "authorised" and not payment.data["captured"]
        if possible:
            self._captured(invoice, payment, amount)
        reason = "" if possible else "Capture not possible"
        self.notify(invoice, "CAPTURE", success=possible, psp=psp, original=payment.id, amount=amount,
                    reference=reference, reason=reason, linked=True)  # fmt: skip
        return psp

    def void(self, payment: EmulatedPayment, invoice: EmulatedInvoice, reference: str) -> str:
        """Void an authorisation, or fail to; return the pspReference of the modification."""
        psp = self.new_psp()
        possible = payment.data["state"] == "authorised" and not payment.data["captured"]
        if possible:
            self.ledger.save(attrs.evolve(payment, status=PaymentStatus.FAILED, data={**payment.data, "state": "void"}))
            self.ledger.save(attrs.evolve(invoice, status=InvoiceStatus.CANCELED))
        self.notify(invoice, "CANCELLATION", success=possible, psp=psp, original=payment.id, amount=payment.amount,
                    reference=reference)  # fmt: skip
        return psp

    def refund(self, payment: EmulatedPayment, invoice: EmulatedInvoice, amount: Money, reference: str) -> str:
        """Refund, or fail to; return the pspReference of the modification."""
        psp = self.new_psp()
        captured = Money.from_minor(payment.data["captured"], payment.amount.unit)
        possible = amount <= captured - invoice.refunded and not self.refuse_refunds
        self.ledger.save(
            EmulatedRefund(
                id=psp,
                invoice_id=invoice.id,
                amount=amount,
                created_at=self.clock(),
                status=RefundStatus.DONE if possible else RefundStatus.FAILED,
                data={"payment": payment.id, "reference": reference},
            )
        )
        if possible:
            refunded = invoice.refunded + amount
            whole = refunded >= captured
            status = InvoiceStatus.REFUNDED if whole else InvoiceStatus.PARTIALLY_REFUNDED
            self.ledger.save(attrs.evolve(invoice, refunded=refunded, status=status))
        reason = "" if possible else "Transaction hasn't been captured, refund not possible"
        self.notify(invoice, "REFUND", success=possible, psp=psp, original=payment.id, amount=amount,
                    reference=reference, reason=reason, linked=True)  # fmt: skip
        return psp

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:  # noqa: ARG002  # as the base has it
        """Announce nothing: no event tells that a link has expired, and all others stand in `notify`."""
        if invoice.status is InvoiceStatus.EXPIRED:
            self.ledger.save(attrs.evolve(invoice, data={**invoice.data, "status": "expired"}))

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return an event about a link's payment."""
        psp = payment.id if payment else self.new_psp()
        return self._body(invoice, kind, psp=psp, linked=True)

    def notify(self, invoice: EmulatedInvoice, event_code: str, **fields: Any) -> None:
        """Queue an event about a link, with the fields that `_body` takes."""
        self.enqueue(event_code, invoice.id, self._body(invoice, event_code, **fields))

    def event_key(self, body: bytes) -> str:
        """Return what makes an event one of its own."""
        item = json.loads(body)["notificationItems"][0]["NotificationRequestItem"]
        return f"{item['eventCode']}:{item['pspReference']}:{item['success']}"

    def _signed(self, items: list[dict[str, Any]]) -> bytes:
        live = self.credentials.get("mode") == "live"
        return documents.notification(items, self.credentials["webhook_hmac_key"], live=live)

    def webhook_request(self, delivery: QueuedDelivery) -> HttpRequest | None:
        """Return a delivery as the request that goes to the shop, each item signed as it stands."""
        found = loads(delivery.body)
        items = [each["NotificationRequestItem"] for each in found["notificationItems"]]
        body = self._signed(items)
        return super().webhook_request(attrs.evolve(delivery, body=body))

    # Small things.

    def payment(self, payment_id: str) -> tuple[EmulatedPayment, EmulatedInvoice]:
        """Return a payment and the link that it belongs to.

        Raises:
            NotFoundError: If there is none.
        """
        payment = self.ledger.get(EmulatedPayment, payment_id)
        invoice = payment and payment.invoice_id and self.ledger.get(EmulatedInvoice, payment.invoice_id)
        if not payment or not invoice:
            raise NotFoundError("there is no such payment")
        return payment, invoice

    def new_psp(self) -> str:
        """Return a new pspReference."""
        return "".join(self.random.choices(_LETTERS, k=16))

    def new_link_id(self) -> str:
        """Return a new id of a link."""
        return "PL" + "".join(self.random.choices(_HEX, k=16))

    def _authorise(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        payment = attrs.evolve(payment, data={**payment.data, "state": "authorised"})
        invoice = attrs.evolve(invoice, status=InvoiceStatus.AUTHORIZED, data={**invoice.data, "status": "completed"})
        self.ledger.save(payment)
        self.ledger.save(invoice)
        if not invoice.data["asked"].get("manualCapture"):
            invoice = self._captured(invoice, payment, payment.amount)
        self.announce("AUTHORISATION", invoice, payment)

    def _captured(self, invoice: EmulatedInvoice, payment: EmulatedPayment, amount: Money) -> EmulatedInvoice:
        data = {**payment.data, "captured": amount.to_minor()}
        self.ledger.save(attrs.evolve(payment, status=PaymentStatus.CONFIRMED, data=data))
        paid = attrs.evolve(invoice, received=amount, status=InvoiceStatus.PAID)
        self.ledger.save(paid)
        return paid

    def _body(  # noqa: PLR0913  # all by name: what differs between events
        self,
        invoice: EmulatedInvoice,
        event_code: str,
        *,
        psp: str,
        success: bool = True,
        original: str | None = None,
        amount: Money | None = None,
        reference: str | None = None,
        reason: str = "",
        linked: bool | None = None,
    ) -> bytes:
        additional = {f"metadata.{key}": value for key, value in invoice.data["asked"].get("metadata", {}).items()}
        if linked or event_code == "AUTHORISATION":
            additional["paymentLinkId"] = invoice.id
        item = documents.item(
            event_code=event_code,
            success=success,
            psp_reference=psp,
            original_reference=original,
            merchant_account=self.credentials["merchant_account"],
            merchant_reference=invoice.order_id or "" if reference is None else reference,
            amount=amount or invoice.amount,
            at=self.clock(),
            reason=reason,
            additional=additional,
        )
        return self._signed([item])
