"""What the emulator sends, field by field as the API has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from gateway_core import HttpResponse
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, EmulatedRefund
from gateway_core.wire import dumps
from gateway_paypal import mapping

#: What a refusal is called, by its HTTP status.
NAMES: Mapping[int, str] = {
    400: "INVALID_REQUEST",
    401: "AUTHENTICATION_FAILURE",
    403: "NOT_AUTHORIZED",
    404: "RESOURCE_NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    422: "UNPROCESSABLE_ENTITY",
}


#: The letters of the transaction search for a capture's status.
_WORDS: Mapping[str, str] = {
    "COMPLETED": "S",
    "PARTIALLY_REFUNDED": "S",
    "REFUNDED": "V",
    "PENDING": "P",
    "DECLINED": "D",
}


class RefusedError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        issue: PayPal's word for what is wrong.
        field: The field that is wrong, as a JSON pointer.
    """

    def __init__(self, status: int, issue: str, field: str | None = None) -> None:
        super().__init__(issue)
        detail = {"issue": issue, "description": f"{issue.replace('_', ' ').capitalize()}."}
        self.status = status
        self.document = {
            "name": NAMES[status],
            "message": "The requested action could not be performed.",
            "debug_id": "f00d1234abcd",
            "details": [detail | ({} if field is None else {"field": field})],
            "links": [],
        }


def answer(status: int, value: Any, now: datetime) -> HttpResponse:
    """Return an answer in JSON, with the time of the emulator's clock as every server gives it."""
    headers = {"Content-Type": "application/json", "Date": format_datetime(now.astimezone(UTC), usegmt=True)}
    return HttpResponse(status=status, headers=headers, body=b"" if value is None else dumps(value))


def order(
    invoice: EmulatedInvoice,
    payments: Iterable[EmulatedPayment],
    refunds: Iterable[EmulatedRefund],
    base_url: str,
    page_url: str,
) -> dict[str, Any]:
    """Return an order with everything that has happened to its money."""
    asked = invoice.data["asked"]
    money = {
        "authorizations": [authorization(each) for each in invoice.data["authorizations"]],
        "captures": [capture(each, base_url) for each in payments],
        "refunds": [refund(each, base_url) for each in refunds],
    }
    told = {name: several for name, several in money.items() if several}
    [unit] = asked["purchase_units"]
    here = f"{base_url}/v2/checkout/orders/{invoice.id}"
    return {
        "id": invoice.id,
        "status": invoice.data["status"],
        "intent": asked["intent"],
        "purchase_units": [{"reference_id": "default", **unit, **({"payments": told} if told else {})}],
        "create_time": time_text(invoice.created_at),
        "links": [
            {"href": here, "rel": "self", "method": "GET"},
            {"href": page_url, "rel": "payer-action", "method": "GET"},
        ],
    }


def capture(payment: EmulatedPayment, base_url: str) -> dict[str, Any]:
    """Return a capture, as it stands in its order."""
    return {
        "id": payment.id,
        "status": payment.data["status"],
        "amount": mapping.amount(payment.amount),
        "custom_id": payment.data["custom_id"],
        "final_capture": True,
        "create_time": time_text(payment.paid_at),
        "links": [
            {"href": f"{base_url}/v2/payments/captures/{payment.id}", "rel": "self", "method": "GET"},
            {"href": f"{base_url}/v2/checkout/orders/{payment.invoice_id}", "rel": "up", "method": "GET"},
        ],
    }


def capture_alone(payment: EmulatedPayment, base_url: str) -> dict[str, Any]:
    """Return a capture by itself, which names its order."""
    related = {"order_id": payment.invoice_id}
    return {**capture(payment, base_url), "supplementary_data": {"related_ids": related}}


def authorization(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return an authorization."""
    return dict(told)


def refund(made: EmulatedRefund, base_url: str) -> dict[str, Any]:
    """Return a refund."""
    document = {
        "id": made.id,
        "status": made.data["status"],
        "amount": mapping.amount(made.amount),
        "create_time": time_text(made.created_at),
        "links": [
            {"href": f"{base_url}/v2/payments/refunds/{made.id}", "rel": "self", "method": "GET"},
            {"href": f"{base_url}/v2/payments/captures/{made.data['capture']}", "rel": "up", "method": "GET"},
        ],
    }
    return document if made.refund_id is None else {**document, "custom_id": made.refund_id}


def transaction(made: EmulatedPayment | EmulatedRefund) -> dict[str, Any]:
    """Return a line of the transaction search."""
    info: dict[str, Any] = {"transaction_id": made.id}
    if isinstance(made, EmulatedPayment):
        told, at, word = mapping.amount(made.amount), made.paid_at, _WORDS[made.data["status"]]
        info |= {"transaction_event_code": "T0006", "transaction_amount": told}
        info |= {"paypal_reference_id": made.invoice_id, "paypal_reference_id_type": "ODR"}
    else:
        told, at, word = mapping.amount(made.amount), made.created_at, "S"
        info |= {"transaction_event_code": "T1107", "transaction_amount": {**told, "value": f"-{told['value']}"}}
    return {"transaction_info": {**info, "transaction_initiation_date": time_text(at), "transaction_status": word}}


def time_text(at: datetime) -> str:
    """Return a time as PayPal writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
