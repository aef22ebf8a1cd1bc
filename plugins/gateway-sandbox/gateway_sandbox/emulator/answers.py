"""What the sandbox answers: its words, its records in JSON, and its errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway_core import HttpResponse, InvoiceStatus, Money, PaymentStatus
from gateway_core.models import RefundStatus
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, EmulatedRefund, Emulator
from gateway_core.wire import dumps

#: The words of this API. An event about an invoice is named after the word for its new status.
WORDS: Mapping[InvoiceStatus, str] = {
    InvoiceStatus.PENDING: "open",
    InvoiceStatus.AUTHORIZED: "authorized",
    InvoiceStatus.PARTIALLY_PAID: "partially_paid",
    InvoiceStatus.PAID: "paid",
    InvoiceStatus.OVERPAID: "overpaid",
    InvoiceStatus.EXPIRED: "expired",
    InvoiceStatus.CANCELED: "canceled",
    InvoiceStatus.FAILED: "failed",
    InvoiceStatus.PARTIALLY_REFUNDED: "partially_refunded",
    InvoiceStatus.REFUNDED: "refunded",
}
PAYMENT_WORDS: Mapping[PaymentStatus, str] = {
    PaymentStatus.PENDING: "authorized",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.CONFIRMED: "succeeded",
    PaymentStatus.REFUNDED: "refunded",
}
REFUND_WORDS: Mapping[RefundStatus, str] = {
    RefundStatus.PENDING: "pending",
    RefundStatus.DONE: "succeeded",
    RefundStatus.FAILED: "failed",
}


class RefusedError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        code: The error's name, for programs.
        message: The error, for people.
        field: The field of the request that is wrong.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        fault = {"code": code, "message": message} | ({} if field is None else {"field": field})
        self.answer = json_response(status, {"error": fault}, headers)


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an answer in JSON."""
    return HttpResponse(
        status=status, headers={"Content-Type": "application/json", **(headers or {})}, body=dumps(value)
    )


def invoice_json(invoice: EmulatedInvoice, checkout_url: str) -> dict[str, Any]:
    """Write an invoice."""
    return {
        "id": invoice.id,
        "order_id": invoice.order_id,
        "status": WORDS[invoice.status],
        "amount": amount_json(invoice.amount),
        "received": amount_json(invoice.received),
        "refunded": amount_json(invoice.refunded),
        "description": invoice.description,
        "return_url": invoice.return_url,
        "metadata": invoice.data["metadata"],
        "capture": invoice.data.get("capture"),
        "dispute": invoice.data.get("dispute"),
        "checkout_url": checkout_url,
        "created_at": time_text(invoice.created_at),
        "expires_at": invoice.expires_at and time_text(invoice.expires_at),
    }


def payment_json(payment: EmulatedPayment) -> dict[str, Any]:
    """Write a payment."""
    return {
        "id": payment.id,
        "invoice_id": payment.invoice_id,
        "amount": amount_json(payment.amount),
        "status": PAYMENT_WORDS[payment.status],
        "reference": payment.reference,
        "created_at": time_text(payment.paid_at),
    }


def capture_json(invoice: EmulatedInvoice) -> dict[str, Any]:
    """Write the capture of an invoice."""
    captured = invoice.data["captured"]
    return {
        "id": captured["id"],
        "invoice_id": invoice.id,
        "amount": amount_json(Money(captured["amount"], invoice.amount.unit)),
        "status": "succeeded",
        "reference": captured["reference"],
        "created_at": time_text(datetime.fromisoformat(captured["at"])),
    }


def refund_json(refund: EmulatedRefund) -> dict[str, Any]:
    """Write a refund."""
    return {
        "id": refund.id,
        "invoice_id": refund.invoice_id,
        "amount": amount_json(refund.amount),
        "status": REFUND_WORDS[refund.status],
        "reference": refund.refund_id,
        "reason": refund.data["reason"],
        "created_at": time_text(refund.created_at),
    }


def event_body(emulator: Emulator, kind: str, data: Mapping[str, Any]) -> bytes:
    """Write a webhook, with an id of its own."""
    now = time_text(emulator.clock())
    event = {"id": f"evt_{emulator.new_token(24)}", "type": kind, "created_at": now, "data": data}
    return dumps(event) + b"\n"  # a body that was parsed and written anew lacks it: such a shop fails here, too


def amount_json(amount: Money) -> dict[str, str]:
    """Write an amount: digits as text, and never a float."""
    network = {} if amount.network is None else {"network": amount.network}
    return {"amount": f"{amount.amount:f}", "currency": amount.currency, **network}


def time_text(moment: datetime) -> str:
    """Write a time as RFC 3339 does, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def page_json(rows: list[tuple[int, dict[str, Any]]], limit: int) -> HttpResponse:
    """Answer a page. One row more than the limit was read, to know whether there is another page."""
    shown = rows[:limit]
    more = f"after-{shown[-1][0]}" if len(rows) > limit else None
    return json_response(200, {"data": [row for _, row in shown], "next_cursor": more})
