"""The objects that the emulator keeps and sends, field by field as Stripe documents them. Ids stand for objects."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError
from gateway_core.testing import EmulatedInvoice
from gateway_stripe.emulator.requests import RefusedError

API_VERSION = "2026-10-28.endive"

#: docs.stripe.com/currencies
_NO_DECIMALS = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"}
)
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
#: Counted in hundredths that are always 00.
_WHOLE = frozenset({"ISK", "UGX"})

#: Stripe's limit is 8 digits, and for some currencies more: 12 for IDR.
_LARGEST = 999_999_999_999

#: How long the money of a card stays reserved.
HOLD = timedelta(days=7)


def money(count: int, code: str) -> Money:
    """Return an amount that Stripe counts.

    Raises:
        RefusedError: If Stripe takes none such.
    """
    upper = code.upper()
    try:
        Currency.find(upper)
    except InvalidRequestError:
        raise RefusedError(f"Invalid currency: {code}.", param="currency") from None
    if count > _LARGEST:
        raise RefusedError("The amount is too large.", code="amount_too_large")
    decimals = _decimals(upper)
    if (upper in _WHOLE and count % 100) or (decimals == 3 and count % 10):
        raise RefusedError(f"Invalid amount for {code}: its last digits must be 0.", param="unit_amount")
    return Money.from_minor(count, Currency(upper, decimals))


def units(amount: Money) -> int:
    """Return an amount as Stripe counts it."""
    return amount.to_minor(_decimals(amount.currency))


def _decimals(code: str) -> int:
    return 0 if code in _NO_DECIMALS else 3 if code in _THREE_DECIMALS else 2


def seconds(at: datetime) -> int:
    """Return Unix seconds."""
    return int(at.timestamp())


def session(invoice: EmulatedInvoice, url: str) -> dict[str, Any]:
    """Return a Checkout Session."""
    kept: Mapping[str, Any] = invoice.data["session"]
    intent: Mapping[str, Any] | None = invoice.data["intent"]
    done = kept["status"] == "complete"
    return {
        "id": invoice.id,
        "object": "checkout.session",
        "amount_subtotal": kept["amount_total"],
        "amount_total": kept["amount_total"],
        "cancel_url": kept["cancel_url"],
        "client_reference_id": invoice.order_id,
        "created": seconds(invoice.created_at),
        "currency": kept["currency"],
        "customer": None,
        "customer_details": {"email": kept["customer_email"]} if kept["customer_email"] else None,
        "customer_email": kept["customer_email"],
        "expires_at": kept["expires_at"],
        "livemode": False,
        "locale": kept["locale"],
        "metadata": kept["metadata"],
        "mode": "payment",
        "payment_intent": intent["id"] if intent is not None else None,
        "payment_method_types": kept["payment_method_types"],
        "payment_status": "paid" if done and intent is not None and intent["status"] == "succeeded" else "unpaid",
        "status": kept["status"],
        "success_url": kept["success_url"],
        "ui_mode": "hosted_page",
        "url": url if kept["status"] == "open" else None,
    }


def line_items(invoice: EmulatedInvoice) -> dict[str, Any]:
    """Return the line items of a session, as a list."""
    currency = invoice.data["session"]["currency"]
    items = [
        {
            "id": item["id"],
            "object": "item",
            "amount_subtotal": item["unit_amount"] * item["quantity"],
            "amount_total": item["unit_amount"] * item["quantity"],
            "currency": currency,
            "description": item["name"],
            "quantity": item["quantity"],
        }
        for item in invoice.data["session"]["line_items"]
    ]
    url = f"/v1/checkout/sessions/{invoice.id}/line_items"
    return {"object": "list", "url": url, "has_more": False, "data": items}


def intent(intent_id: str, invoice: EmulatedInvoice, at: datetime) -> dict[str, Any]:
    """Return a PaymentIntent at its beginning."""
    kept: Mapping[str, Any] = invoice.data["session"]
    asked: Mapping[str, Any] = kept["payment_intent_data"]
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": kept["amount_total"],
        "amount_capturable": 0,
        "amount_received": 0,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": asked["capture_method"],
        "client_secret": f"{intent_id}_secret_emulated",
        "confirmation_method": "automatic",
        "created": seconds(at),
        "currency": kept["currency"],
        "customer": None,
        "description": asked["description"],
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": asked["metadata"],
        "payment_method_types": kept["payment_method_types"],
        "status": "requires_payment_method",
    }


def charge(charge_id: str, paid_intent: Mapping[str, Any], way: str, at: datetime) -> dict[str, Any]:
    """Return a Charge that may still become anything."""
    card = {"brand": "visa", "last4": "4242", "capture_before": seconds(at + HOLD)}
    return {
        "id": charge_id,
        "object": "charge",
        "amount": paid_intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "captured": False,
        "created": seconds(at),
        "currency": paid_intent["currency"],
        "customer": None,
        "description": paid_intent["description"],
        "disputed": False,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": paid_intent["metadata"],
        "paid": False,
        "payment_intent": paid_intent["id"],
        "payment_method_details": {"type": way, way: card if way == "card" else {"last4": "3000"}},
        "refunded": False,
        "status": "pending",
    }


def refund(  # noqa: PLR0913  # all but the id and the charge by name
    refund_id: str,
    of: Mapping[str, Any],
    *,
    amount: int,
    at: datetime,
    status: str,
    reason: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a Refund of a charge."""
    return {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "charge": of["id"],
        "created": seconds(at),
        "currency": of["currency"],
        "failure_reason": None,
        "metadata": dict(metadata or {}),
        "payment_intent": of["payment_intent"],
        "pending_reason": "processing" if status == "pending" else None,
        "reason": reason,
        "status": status,
    }


def dispute(dispute_id: str, of: Mapping[str, Any], *, amount: int, at: datetime, status: str) -> dict[str, Any]:
    """Return a Dispute of a charge."""
    return {
        "id": dispute_id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": of["id"],
        "created": seconds(at),
        "currency": of["currency"],
        "evidence_details": {"due_by": seconds(at + timedelta(days=7)), "has_evidence": False, "past_due": False},
        "is_charge_refundable": status.startswith("warning"),
        "livemode": False,
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "reason": "fraudulent",
        "status": status,
    }


def event(event_id: str, kind: str, about: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return an Event."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": seconds(at),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
