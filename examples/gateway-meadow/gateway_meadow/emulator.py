"""A stand-in for Meadow: its API, its rules for payments, and its signed webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import attrs
from gateway_core import Currency, HttpRequest, HttpResponse, InvoiceStatus, Money, PaymentStatus
from gateway_core.errors import GatewayError
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Emulator,
    InvoiceAction,
    QueuedDelivery,
    fields_of,
    nested,
    query_of,
)
from gateway_core.webhooks import sign
from gateway_core.wire import dumps, loads

# The emulator knows Meadow from the documentation and not from the plugin's tables: what both read from one table, both
# would read wrong in the same way, and no test would see it.
_WORDS = {
    InvoiceStatus.PENDING: "open",
    InvoiceStatus.PARTIALLY_PAID: "open",
    InvoiceStatus.AUTHORIZED: "processing",
    InvoiceStatus.PAID: "settled",
    InvoiceStatus.OVERPAID: "settled",
    InvoiceStatus.EXPIRED: "expired",
    InvoiceStatus.CANCELED: "void",
    InvoiceStatus.FAILED: "declined",
    InvoiceStatus.PARTIALLY_REFUNDED: "refunded",
    InvoiceStatus.REFUNDED: "refunded",
}
_PAYMENT_WORDS = {
    PaymentStatus.PENDING: "pending",
    PaymentStatus.CONFIRMED: "confirmed",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.REFUNDED: "refunded",
}
_DECIMALS = {"BTC": 8, "EUR": 2, "GBP": 2, "ISK": 2, "JPY": 0, "KWD": 3, "USD": 2}
_KEYS_LIVE = timedelta(hours=24)
_RESERVE = InvoiceAction(id="reserve", label="Reserve", hint="Have the payer's bank reserve the money.")


class MeadowEmulator(Emulator):
    """Meadow, as its documentation describes it."""

    title: ClassVar[str] = "Meadow"
    redelivery: ClassVar[tuple[timedelta, ...]] = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key and a random webhook secret."""
        return {"api_key": f"mk_{self.new_token(32)}", "webhook_secret": self.new_token(32)}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        if request.headers.get_all("Authorization") != (f"Bearer {self.credentials['api_key']}",):
            return _refusal(401, "unauthorized", "the key is wrong")
        path = [unquote(segment) for segment in urlsplit(request.url).path.split("/")]
        with self.ledger.transaction():
            match request.method, path:
                case "POST", ["", "v1", "invoices" | "refunds" as what]:
                    return self._once(request, self._create_invoice if what == "invoices" else self._create_refund)
                case "GET", ["", "v1", "invoices"]:
                    found = self.ledger.select(EmulatedInvoice, parent=query_of(request).get("reference"))
                    return _answer({"data": [self._invoice_json(invoice) for _, invoice in found]})
                case "GET", ["", "v1", "invoices", invoice_id]:
                    invoice = self.ledger.get(EmulatedInvoice, invoice_id)
                    return _answer(self._invoice_json(invoice)) if invoice else _not_found()
                case "GET", ["", "v1", "payments"]:
                    try:
                        return self._list_payments(query_of(request))
                    except (ValueError, OverflowError):
                        return _refusal(422, "field_invalid", "this is no number, or no time")
                case "GET", ["", "v1", "account"]:
                    return _answer({"id": "acc_4fP0", "name": "A small shop"})
        return _not_found()

    def _once(self, request: HttpRequest, create: Callable[[Any], HttpResponse]) -> HttpResponse:
        """Carry a request out, or give the first answer again if its idempotency key was seen within 24 hours."""
        note = f"key {request.headers.get('Idempotency-Key', self.new_uuid())}"
        at, asked, answered = json.loads(self.ledger.note(note) or "[0, null, null]")
        if self.clock().timestamp() - at >= _KEYS_LIVE.total_seconds():
            try:
                answer = create(nested(fields_of(request)))
            except GatewayError as error:
                return _refusal(422, "amount_invalid", error.message)
            except (KeyError, TypeError, ValueError, OverflowError):
                return _refusal(422, "field_invalid", "a field is missing, or of the wrong kind")
            if answer.ok:
                kept = (self.clock().timestamp(), request.body.decode("ascii"), answer.body.decode("utf-8"))
                self.ledger.set_note(note, json.dumps(kept))
            return answer
        if asked != request.body.decode("ascii"):
            return _refusal(422, "key_reused", "the idempotency key was used before, with other content")
        return HttpResponse(status=201, headers={"Content-Type": "application/json"}, body=answered.encode("utf-8"))

    def _create_invoice(self, asked: Any) -> HttpResponse:
        amount = _money(int(asked["amount"]), asked["currency"])
        life = timedelta(seconds=int(asked.get("expires_in", 86400)))
        reference = asked["reference"]
        if amount.amount <= 0:
            return _refusal(422, "amount_invalid", "amount must be above zero")
        token = self.new_token(8)
        invoice = EmulatedInvoice(
            id=f"inv_{token}",
            token=token,
            order_id=reference,
            amount=amount,
            description=asked.get("description", ""),
            created_at=self.clock(),
            expires_at=self.clock() + life,
            return_url=asked.get("return_url"),
            received=amount * 0,
            refunded=amount * 0,
            data={"metadata": asked.get("metadata", {})},
        )
        self.ledger.save(invoice)
        return _answer(self._invoice_json(invoice), 201)

    def _create_refund(self, asked: Any) -> HttpResponse:
        charge, amount = asked["charge"], _money(int(asked["amount"]), asked["currency"])
        invoice = self.ledger.get(EmulatedInvoice, charge.replace("ch_", "inv_"))
        if invoice is None or not invoice.received:
            return _refusal(422, "field_invalid", "there is no such charge")
        left = invoice.received - invoice.refunded
        if not _money(0, amount.currency) < amount <= left:
            return _refusal(422, "amount_invalid", "amount must be above zero, and no more than is left")
        refund = EmulatedRefund(
            id=f"ref_{self.new_token(8)}",
            refund_id=asked.get("reference"),
            invoice_id=invoice.id,
            amount=amount,
            created_at=self.clock(),
        )
        self.ledger.save(refund)
        status = InvoiceStatus.REFUNDED if amount == left else InvoiceStatus.PARTIALLY_REFUNDED
        changed = attrs.evolve(invoice, refunded=invoice.refunded + amount, status=status)
        self.ledger.save(changed)
        self.on_change(changed, None)
        return _answer(_refund_json(refund), 201)

    def _list_payments(self, query: Mapping[str, str]) -> HttpResponse:
        limit = min(int(query.get("limit", 20)), 100)
        found = self.ledger.select(
            EmulatedPayment,
            parent=query.get("invoice"),
            since=_time(query.get("since")),
            until=_time(query.get("until")),
            after=int(query.get("cursor", 0)),
            limit=limit + 1,
        )
        page = found[:limit]
        more = str(page[-1][0]) if len(found) > limit else None
        return _answer({"data": [_payment_json(payment) for _, payment in page], "next_cursor": more})

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what else can become of an invoice: the payer's bank may reserve the money first."""
        reserve = (_RESERVE,) if invoice.status is InvoiceStatus.PENDING else ()
        return (*super().actions(invoice), *reserve)

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        """Do it."""
        if action != _RESERVE.id:
            super().perform(invoice, action, amount)
            return
        reserved = attrs.evolve(invoice, status=InvoiceStatus.AUTHORIZED)
        self.ledger.save(reserved)
        self.on_change(reserved, None)

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Tell the shop of an invoice's new status."""
        self.announce(f"invoice.{_WORDS[invoice.status]}", invoice, payment)

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:  # noqa: ARG002  # Meadow tells of the invoice only
        """Return an event about an invoice."""
        event = {"id": f"evt_{self.new_token()}", "type": kind, "created_at": _seconds(self.clock())}
        return dumps({**event, "invoice": self._invoice_json(invoice)})

    def event_key(self, body: bytes) -> str:
        """Return the event's id, which is the same in every repetition."""
        return str(loads(body)["id"])

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> dict[str, str]:
        """Sign a delivery with the time of this attempt."""
        time = str(int(at.timestamp()))
        signature = sign(self.credentials["webhook_secret"].encode("utf-8"), f"{time}.".encode() + delivery.body)
        return {"Meadow-Signature": f"t={time},v1={signature.decode('ascii')}"}

    def _invoice_json(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        invoice = self.current(invoice)
        return {
            "id": invoice.id,
            "reference": invoice.order_id,
            "status": _WORDS[invoice.status],
            "amount": _units(invoice.amount),
            "currency": invoice.amount.currency,
            "paid": _units(invoice.received),
            "refunded": _units(invoice.refunded),
            "metadata": invoice.data.get("metadata", {}),
            "charge": invoice.id.replace("inv_", "ch_") if invoice.received else None,
            "pay_url": self.page_url(invoice),
            "created_at": _seconds(invoice.created_at),
            "expires_at": invoice.expires_at and _seconds(invoice.expires_at),
        }


def _payment_json(payment: EmulatedPayment) -> dict[str, Any]:
    return {
        "id": payment.id,
        "invoice": payment.invoice_id,
        "amount": _units(payment.amount),
        "currency": payment.amount.currency,
        "status": _PAYMENT_WORDS[payment.status],
        "reference": payment.reference,
        "received_at": _seconds(payment.paid_at),
    }


def _refund_json(refund: EmulatedRefund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "invoice": refund.invoice_id,
        "reference": refund.refund_id,
        "amount": _units(refund.amount),
        "currency": refund.amount.currency,
        "status": "done",
        "created_at": _seconds(refund.created_at),
    }


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _time(seconds: str | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def _money(units: int, code: str) -> Money:
    return Money.from_minor(units, Currency(code, _DECIMALS[code], "bitcoin" if code == "BTC" else None))


def _units(amount: Money) -> int:
    return amount.to_minor(_DECIMALS[amount.currency])


def _answer(content: Mapping[str, Any], status: int = 200) -> HttpResponse:
    headers = {"Content-Type": "application/json", "X-Request-Id": "req_9wBe"}
    return HttpResponse(status=status, headers=headers, body=dumps(content))


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    return _answer({"error": {"code": code, "message": message}}, status)


def _not_found() -> HttpResponse:
    return _refusal(404, "not_found", "there is nothing at this address")
