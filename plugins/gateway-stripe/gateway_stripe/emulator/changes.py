"""What can happen to a session and its payment: each function returns the invoice as it is afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from gateway_core import InvoiceStatus, Money
from gateway_core.testing import EmulatedInvoice
from gateway_stripe.emulator import documents
from gateway_stripe.emulator.requests import RefusedError

#: What a disputed charge is while nobody has decided.
OPEN_DISPUTES = frozenset({"warning_needs_response", "warning_under_review", "needs_response", "under_review"})

#: While a bank only asks, the money can still be given back.
_NOT_REFUNDABLE = frozenset({"needs_response", "under_review", "lost"})

_DECLINED = "Your card was declined."


def confirmed(invoice: EmulatedInvoice, intent_id: str, charge_id: str, way: str, at: datetime) -> EmulatedInvoice:
    """The payer pays: a card at once, or for a capture later; a bank debit is under way for days."""
    intent = invoice.data["intent"] or documents.intent(intent_id, invoice, at)
    charge = documents.charge(charge_id, intent, way, at)
    amount = intent["amount"]
    if way != "card":
        intent = {**intent, "status": "processing"}
    elif intent["capture_method"] == "manual":
        charge |= {"paid": True, "status": "succeeded"}
        intent = {**intent, "status": "requires_capture", "amount_capturable": amount}
    else:
        charge |= _taken(amount)
        intent = {**intent, "status": "succeeded", "amount_received": amount}
    intent = {**intent, "latest_charge": charge_id, "last_payment_error": None}
    return _changed(
        invoice,
        session={**invoice.data["session"], "status": "complete"},
        intent=intent,
        charges=[*invoice.data["charges"], charge],
    )


def declined(invoice: EmulatedInvoice, intent_id: str, charge_id: str, at: datetime) -> EmulatedInvoice:
    """The payer's bank declines the card: the session stays open."""
    intent = invoice.data["intent"] or documents.intent(intent_id, invoice, at)
    failed = {"failure_code": "card_declined", "failure_message": _DECLINED, "status": "failed"}
    charge = documents.charge(charge_id, intent, "card", at) | failed
    error = {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": _DECLINED}
    intent = {**intent, "latest_charge": charge_id, "last_payment_error": error}
    return _changed(invoice, intent=intent, charges=[*invoice.data["charges"], charge])


def debit_settled(invoice: EmulatedInvoice) -> EmulatedInvoice:
    """The bank debit comes in."""
    intent = invoice.data["intent"]
    paid = {**intent, "status": "succeeded", "amount_received": intent["amount"]}
    return _changed(invoice, intent=paid, charges=_with_charge(invoice, **_taken(intent["amount"])))


def debit_failed(invoice: EmulatedInvoice) -> EmulatedInvoice:
    """The bank debit comes back: the session stays complete, and nothing was paid."""
    error = {"type": "card_error", "code": "insufficient_funds", "message": "The account has insufficient funds."}
    failed = {"status": "failed", "failure_code": "insufficient_funds", "failure_message": error["message"]}
    intent = {**invoice.data["intent"], "status": "requires_payment_method", "last_payment_error": error}
    return _changed(invoice, intent=intent, charges=_with_charge(invoice, **failed))


def expired(invoice: EmulatedInvoice, *, by_the_shop: bool) -> EmulatedInvoice:
    """The session ends unpaid. Stripe has one word for it, whoever ended it."""
    session = {**invoice.data["session"], "status": "expired", "by_the_shop": by_the_shop}
    intent = invoice.data["intent"]
    return _changed(
        invoice,
        session=session,
        intent=intent and {**intent, "status": "canceled", "cancellation_reason": "expired"},
    )


def captured(invoice: EmulatedInvoice, amount: int) -> EmulatedInvoice:
    """The shop takes the money that was reserved, or a part of it."""
    intent = {**invoice.data["intent"], "status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    return _changed(invoice, intent=intent, charges=_with_charge(invoice, **_taken(amount)))


def released(
    invoice: EmulatedInvoice, reason: str | None, at: datetime, lapse_id: str | None = None
) -> EmulatedInvoice:
    """The money that was reserved is released; where the hold lapsed, a refund of nothing says so."""
    intent = invoice.data["intent"]
    charges = _with_charge(invoice, refunded=True, amount_refunded=intent["amount"])
    lapse = documents.refund(
        lapse_id or "",
        charges[-1],
        amount=intent["amount"],
        at=at,
        status="succeeded",
        reason="expired_uncaptured_charge",
    )
    ended = {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": documents.seconds(at),
        "cancellation_reason": reason,
    }
    refunds = [*invoice.data["refunds"], lapse] if lapse_id else invoice.data["refunds"]
    return _changed(invoice, intent={**intent, **ended}, charges=charges, refunds=refunds)


def refunded(invoice: EmulatedInvoice, refund: Mapping[str, Any]) -> EmulatedInvoice:
    """A refund is made, or becomes something else."""
    others = [each for each in invoice.data["refunds"] if each["id"] != refund["id"]]
    refunds = sorted([*others, dict(refund)], key=lambda each: each["created"])
    gone = sum(each["amount"] for each in refunds if each["status"] not in ("failed", "canceled"))
    charge = invoice.data["charges"][-1]
    charges = _with_charge(invoice, amount_refunded=gone, refunded=gone >= charge["amount_captured"])
    return _changed(invoice, refunds=refunds, charges=charges)


def disputed(invoice: EmulatedInvoice, dispute: Mapping[str, Any]) -> EmulatedInvoice:
    """The payer's bank disputes the charge, or decides."""
    others = [each for each in invoice.data["disputes"] if each["id"] != dispute["id"]]
    return _changed(invoice, disputes=[*others, dict(dispute)], charges=_with_charge(invoice, disputed=True))


def with_metadata(invoice: EmulatedInvoice, metadata: Mapping[str, str]) -> EmulatedInvoice:
    """The shop changes the session's metadata."""
    return _changed(invoice, session={**invoice.data["session"], "metadata": dict(metadata)})


def refundable(invoice: EmulatedInvoice) -> int:
    """Return what can still be refunded.

    Raises:
        RefusedError: If nothing can.
    """
    intent = invoice.data["intent"]
    if intent["status"] != "succeeded":
        raise RefusedError(f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.")
    charge_id = invoice.data["charges"][-1]["id"]
    if any(each["status"] in _NOT_REFUNDABLE for each in invoice.data["disputes"]):
        raise RefusedError(f"Charge {charge_id} has been charged back; cannot issue a refund.", code="charge_disputed")
    if not left(invoice):
        raise RefusedError(f"Charge {charge_id} has already been refunded.", code="charge_already_refunded")
    return left(invoice)


def left(invoice: EmulatedInvoice) -> int:
    """Return what was taken and has not gone back, nor been lost in a dispute."""
    charge = invoice.data["charges"][-1]
    lost = sum(each["amount"] for each in invoice.data["disputes"] if each["status"] == "lost")
    rest: int = charge["amount_captured"] - charge["amount_refunded"] - lost
    return max(0, rest)


def _taken(amount: int) -> dict[str, Any]:
    return {"paid": True, "status": "succeeded", "captured": True, "amount_captured": amount}


def _with_charge(invoice: EmulatedInvoice, **changes: Any) -> list[dict[str, Any]]:
    """Return the charges with changes to the current one."""
    *others, last = invoice.data["charges"]
    return [*others, {**last, **changes}]


def _changed(invoice: EmulatedInvoice, **parts: Any) -> EmulatedInvoice:
    """Return an invoice with other objects, and what follows from them."""
    data = {**invoice.data, **parts}
    intent, session = data["intent"], data["session"]
    nothing = invoice.amount - invoice.amount
    received = documents.money(intent["amount_received"], intent["currency"]) if intent else nothing
    gone = sum(each["amount"] for each in data["refunds"] if _went_back(each))
    back = documents.money(gone, session["currency"])
    return attrs.evolve(
        invoice,
        data=data,
        received=received,
        refunded=back,
        status=_status(session, intent, invoice.amount, received, back),
        expires_at=invoice.expires_at if session["status"] == "open" else None,
    )


def _went_back(refund: Mapping[str, Any]) -> bool:
    return bool(refund["status"] == "succeeded" and refund["reason"] != "expired_uncaptured_charge")


def _status(
    session: Mapping[str, Any], intent: Mapping[str, Any] | None, asked: Money, received: Money, refunded: Money
) -> InvoiceStatus:
    if session["status"] == "open":
        return InvoiceStatus.PENDING
    if session["status"] == "expired" or intent is None:
        return InvoiceStatus.CANCELED if session["by_the_shop"] else InvoiceStatus.EXPIRED
    if intent["status"] == "succeeded":
        if refunded:
            return InvoiceStatus.REFUNDED if refunded >= received else InvoiceStatus.PARTIALLY_REFUNDED
        return InvoiceStatus.PAID if received >= asked else InvoiceStatus.PARTIALLY_PAID
    if intent["status"] == "canceled":
        return InvoiceStatus.EXPIRED if intent["cancellation_reason"] == "automatic" else InvoiceStatus.CANCELED
    return {
        "requires_capture": InvoiceStatus.AUTHORIZED,
        "requires_payment_method": InvoiceStatus.FAILED,
    }.get(intent["status"], InvoiceStatus.PENDING)
