"""A store of a BTCPay Server: its API, payers, confirmations and webhooks, emulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import attrs

from gateway_btcpay import mapping
from gateway_btcpay.emulator import documents
from gateway_btcpay.emulator.api import Api
from gateway_btcpay.emulator.reading import RefusedError
from gateway_btcpay.settings import SPEED_POLICIES
from gateway_btcpay.webhook import PREFIX, SIGNATURE_HEADER
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money, PaymentStatus
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Emulator, QueuedDelivery, WayToPay
from gateway_core.webhooks import sign

#: How many confirmations each speed policy waits for, and how long one takes here.
_CONFIRMATIONS: Mapping[str, int] = dict(zip(SPEED_POLICIES, (0, 1, 2, 6), strict=True))
_BLOCK = timedelta(minutes=10)


class BTCPayEmulator(Emulator):
    """A BTCPay Server with one store, paid in bitcoin on chain or by Lightning.

    The store's speed policy is ``HighSpeed``: what is paid on chain settles at once unless the invoice asks for another
    policy. A payment that waits can be confirmed by `confirm`, by the clock, or be replaced by `double_spend`.
    """

    title: ClassVar[str] = "BTCPay Server"
    declines: ClassVar[Declines] = Declines.NONE
    redelivery: ClassVar[tuple[timedelta, ...]] = (
        timedelta(seconds=10),
        timedelta(minutes=1),
        *(timedelta(minutes=10),) * 6,
    )

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key, store and webhook secret."""
        return {
            "api_key": self.new_token(40),
            "store_id": self.new_token(44),
            "webhook_secret": self.new_token(28),
        }

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        with self.ledger.transaction():
            try:
                return Api(self).answer(request)
            except RefusedError as refused:
                return refused.answer

    # What the payer, the chain and the shop's owner can do.

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return each payment method of the invoice, with what is still open in bitcoin."""
        due = documents.in_bitcoin(self.open_amount(invoice))
        return tuple(
            WayToPay(id=method, label=documents.METHODS[method], amount=due, address=documents.ADDRESSES[method])
            for method in invoice.data["checkout"]["paymentMethods"]
        )

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether money that comes is counted: until an invoice is settled, or watched no more."""
        assert invoice.expires_at is not None  # noqa: S101  # every invoice has its time to pay
        watched = self.clock() < invoice.expires_at + timedelta(minutes=invoice.data["monitoring"])
        return invoice.data["status"] in ("New", "Expired") and not invoice.data["marked"] and watched

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return a payment in bitcoin; an amount in the invoice's currency is changed at the fixed rate.

        Raises:
            InvalidRequestError: If it is in another currency.
        """
        if amount == way.amount:
            counted, bitcoin = self.open_amount(invoice), way.amount
        elif amount.unit == invoice.amount.unit:
            counted, bitcoin = amount, documents.in_bitcoin(amount)
        elif amount.unit == way.amount.unit:
            counted, bitcoin = documents.in_currency(amount, invoice.amount.unit), amount
        else:
            raise InvalidRequestError(f"pay in BTC or {invoice.amount.currency}")
        speed = invoice.data["checkout"]["speedPolicy"]
        confirmations = 0 if way.id == documents.LIGHTNING else _CONFIRMATIONS[speed]
        waits = confirmations > 0
        return EmulatedPayment(
            id=f"{self.random.getrandbits(256):064x}-0",
            invoice_id=invoice.id,
            amount=bitcoin,
            status=PaymentStatus.PENDING if waits else PaymentStatus.CONFIRMED,
            paid_at=self.clock(),
            data={
                "method": way.id,
                "counted": f"{counted.amount:f}",
                "status": "Processing" if waits else "Settled",
                "confirmed_at": (self.clock() + _BLOCK * confirmations).isoformat(),
            },
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Count a payment towards its invoice, and tell the shop."""
        self.announce("InvoiceReceivedPayment", invoice, payment)
        if payment.data["status"] == "Settled":
            self.announce("InvoicePaymentSettled", invoice, payment)
        else:
            self._remember_waiting(payment.id)
        self._restate(invoice)

    def decline(self, token: str) -> EmulatedInvoice:
        """Refuse: nobody declines an invoice that is paid in bitcoin.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: Always.
        """
        self.check_payable(self.invoice(token))
        raise RejectedError("an invoice is paid here or not paid, never declined")

    def confirm(self, payment_id: str) -> None:
        """Let a payment get its confirmations now.

        Raises:
            NotFoundError: If there is no such payment.
            RejectedError: If it does not wait for any.
        """
        self._end_waiting(payment_id, "Settled")

    def double_spend(self, payment_id: str) -> None:
        """Let a payment that waits be replaced by another transaction: its invoice is open again.

        Raises:
            NotFoundError: If there is no such payment.
            RejectedError: If it is confirmed already.
        """
        self._end_waiting(payment_id, "Invalid")

    def mark(self, invoice_id: str, status: str) -> EmulatedInvoice:
        """Set an invoice to ``Settled`` or ``Invalid`` by hand, as the shop's owner does at the server.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it cannot be set to this status.
        """
        with self.ledger.transaction():
            found = self.ledger.get(EmulatedInvoice, invoice_id)
            if found is None:
                raise NotFoundError("there is no such invoice")
            invoice = self.current(found)
            if status not in documents.markable(invoice.data["status"], invoice.data["additional"]):
                raise RejectedError(f"an invoice that is {invoice.data['status']} cannot be marked {status}")
            return self._restate(attrs.evolve(invoice, data={**invoice.data, "marked": status}))

    def current(self, invoice: EmulatedInvoice) -> EmulatedInvoice:
        """Return an invoice as it stands now: confirmed, expired, or watched no more."""
        with self.ledger.transaction():
            self._confirm_due()
            return self._restate(self.ledger.get(EmulatedInvoice, invoice.id) or invoice)

    def expire_due(self) -> None:
        """Let time do its work on every invoice that is open."""
        with self.ledger.transaction():
            self._confirm_due()
            super().expire_due()

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Announce nothing: what is announced depends on both words of the status, and stands in `_tell`."""

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return an event about an invoice."""
        delivery_id = self.new_token(22)
        status, additional = invoice.data["status"], invoice.data["additional"]
        fields: dict[str, Any] = {
            "deliveryId": delivery_id,
            "webhookId": self.webhook_id,
            "originalDeliveryId": delivery_id,
            "isRedelivery": False,
            "type": kind,
            "timestamp": documents.seconds(self.clock()),
            "storeId": self.credentials["store_id"],
            "invoiceId": invoice.id,
            "metadata": invoice.data["metadata"],
        }
        more: dict[str, Any] = {}
        match kind:
            case "InvoiceReceivedPayment" | "InvoicePaymentSettled" if payment is not None:
                more = {
                    "afterExpiration": status == "Expired",
                    "paymentMethodId": payment.data["method"],
                    "payment": documents.payment_document(payment),
                }
            case "InvoiceProcessing":
                more = {"overPaid": additional == "PaidOver"}
            case "InvoiceSettled":
                more = {"manuallyMarked": additional == "Marked", "overPaid": invoice.received > invoice.amount}
            case "InvoiceExpired":
                more = {"partiallyPaid": additional == "PaidPartial"}
            case "InvoiceInvalid":
                more = {"manuallyMarked": additional == "Marked"}
            case "InvoiceRefund":
                more = {"pullPaymentId": self.ledger.note(f"refund of {invoice.id}")}
        return documents.event_body({**fields, **more})

    def event_key(self, body: bytes) -> str:
        """Return the id of the first delivery of an event."""
        return str(json.loads(body)["originalDeliveryId"])

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> dict[str, str]:  # noqa: ARG002  # not signed
        """Return the header that signs a delivery."""
        signature = sign(self.credentials["webhook_secret"].encode("utf-8"), delivery.body).decode("ascii")
        return {SIGNATURE_HEADER: f"{PREFIX}{signature}"}

    def webhook_request(self, delivery: QueuedDelivery) -> HttpRequest | None:
        """Return a delivery as the request that goes to the shop: a repeated one has an id of its own."""
        if delivery.attempts:
            fields = json.loads(delivery.body)
            fields |= {"deliveryId": f"{fields['deliveryId']}R{len(delivery.attempts)}", "isRedelivery": True}
            delivery = attrs.evolve(delivery, body=documents.event_body(fields))
        return super().webhook_request(delivery)

    def webhook_retried(self, status: int | None) -> bool:
        """Return whether a delivery with this answer is sent again (source: the server's WebhookSender, 2.3.4)."""
        return status is None or status in (408, 429) or status >= 500

    # Small things.

    @property
    def webhook_id(self) -> str:
        """The id of the store's webhook."""
        found = self.ledger.note("webhook")
        if found is None:
            found = self.new_token(22)
            self.ledger.set_note("webhook", found)
        return found

    def payments(self, invoice: EmulatedInvoice) -> list[EmulatedPayment]:
        """Return every payment of an invoice."""
        return [payment for _, payment in self.ledger.select(EmulatedPayment, parent=invoice.id)]

    def _restate(self, invoice: EmulatedInvoice) -> EmulatedInvoice:
        """Work out both words of an invoice's status from its payments and the clock; tell the shop if they changed."""
        before = (invoice.data["status"], invoice.data["additional"])
        now, amount = self.clock(), invoice.amount
        counted = [each for each in self.payments(invoice) if each.data["status"] != "Invalid"]
        zero = amount - amount
        paid = sum((Money(each.data["counted"], amount.unit) for each in counted), zero)
        settled = sum(
            (Money(each.data["counted"], amount.unit) for each in counted if each.data["status"] == "Settled"), zero
        )
        words = _words(invoice, paid, settled, now)
        data = {**invoice.data, "status": words[0], "additional": words[1]}
        status = InvoiceStatus.PARTIALLY_PAID if words == ("New", "PaidPartial") else mapping.STATUSES[words]
        changed = attrs.evolve(invoice, data=data, received=paid, status=status)
        if changed != invoice or before != words:
            self.ledger.save(changed)
        if before != words:
            self._tell(changed)
        return changed

    def _tell(self, invoice: EmulatedInvoice) -> None:
        match (invoice.data["status"], invoice.data["additional"]):
            case ("Processing" | "Settled" | "Invalid" as status, _):
                self.announce(f"Invoice{status}", invoice)
            case ("Expired", "PaidLate"):
                self.announce("InvoicePaidAfterExpiration", invoice)
            case ("Expired", additional):
                self.announce("InvoiceExpired", invoice)
                if additional == "PaidPartial":
                    self.announce("InvoiceExpiredPaidPartial", invoice)

    def _remember_waiting(self, payment_id: str) -> None:
        self.ledger.set_note("waiting", json.dumps([*self._waiting_payments(), payment_id]))

    def _waiting_payments(self) -> list[str]:
        found: list[str] = json.loads(self.ledger.note("waiting") or "[]")
        return found

    def _confirm_due(self) -> None:
        for payment_id in self._waiting_payments():
            payment = self.ledger.get(EmulatedPayment, payment_id)
            if payment and datetime.fromisoformat(payment.data["confirmed_at"]) <= self.clock():
                self._end_waiting(payment_id, "Settled")

    def _end_waiting(self, payment_id: str, word: str) -> None:
        with self.ledger.transaction():
            payment = self.ledger.get(EmulatedPayment, payment_id)
            invoice = payment and payment.invoice_id and self.ledger.get(EmulatedInvoice, payment.invoice_id)
            if not payment or not invoice:
                raise NotFoundError("there is no such payment")
            if payment.data["status"] != "Processing":
                raise RejectedError(f"this payment is {payment.data['status']}")
            self.ledger.set_note(
                "waiting", json.dumps([each for each in self._waiting_payments() if each != payment_id])
            )
            ended = attrs.evolve(payment, status=mapping.PAYMENT_STATUSES[word], data={**payment.data, "status": word})
            self.ledger.save(ended)
            if word == "Settled":
                self.announce("InvoicePaymentSettled", invoice, ended)
            self._restate(invoice)


def _words(invoice: EmulatedInvoice, paid: Money, settled: Money, now: datetime) -> tuple[str, str]:
    """Return `status` and `additionalStatus` of an invoice with these payments at this moment."""
    assert invoice.expires_at is not None  # noqa: S101  # every invoice has its time to pay
    if invoice.data["marked"]:
        return invoice.data["marked"], "Marked"
    amount, status = invoice.amount, invoice.data["status"]
    late = status == "Expired" or (status == "New" and now >= invoice.expires_at)
    if paid < amount:
        return "Expired" if late and status != "Processing" else "New", "PaidPartial" if paid else "None"
    if status == "Expired":
        return "Expired", "PaidLate"
    over = "PaidOver" if paid > amount else "None"
    if settled >= amount:
        return "Settled", over
    unwatched = invoice.expires_at + timedelta(minutes=invoice.data["monitoring"]) <= now
    return "Invalid" if unwatched else "Processing", over
