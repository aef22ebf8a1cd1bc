"""What the emulator sends, field by field as the API has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway_adyen import mapping, webhook
from gateway_core import HttpResponse, Money
from gateway_core.testing import EmulatedInvoice
from gateway_core.wire import dumps


def answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return an answer in JSON."""
    head = {"Content-Type": "application/json;charset=utf-8", **(headers or {})}
    return HttpResponse(status=status, headers=head, body=dumps(value))


def refusal(status: int, code: str, message: str, kind: str, psp_reference: str) -> HttpResponse:
    """Return an error, as every service of the Checkout API writes it."""
    document = {
        "status": status,
        "errorCode": code,
        "message": message,
        "errorType": kind,
        "pspReference": psp_reference,
    }
    return answer(status, document)


def link(invoice: EmulatedInvoice, merchant_account: str, url: str) -> dict[str, Any]:
    """Return a payment link: what was asked for, and what became of it."""
    assert invoice.expires_at is not None  # noqa: S101  # every link has its time to pay
    return {
        **invoice.data["asked"],
        "id": invoice.id,
        "url": url,
        "status": invoice.data["status"],
        "reference": invoice.order_id,
        "merchantAccount": merchant_account,
        "amount": mapping.amount(invoice.amount),
        "expiresAt": time_text(invoice.expires_at),
        "reusable": False,
    }


def item(  # noqa: PLR0913  # all by name: the fields of an event
    *,
    event_code: str,
    success: bool,
    psp_reference: str,
    original_reference: str | None = None,
    merchant_account: str,
    merchant_reference: str,
    amount: Money,
    at: datetime,
    reason: str,
    additional: Mapping[str, str],
) -> dict[str, Any]:
    """Return one item of a webhook, unsigned."""
    fields: dict[str, Any] = {
        "eventCode": event_code,
        "success": "true" if success else "false",
        "eventDate": time_text(at),
        "pspReference": psp_reference,
        "merchantReference": merchant_reference,
        "merchantAccountCode": merchant_account,
        "amount": mapping.amount(amount),
        "paymentMethod": "visa",
        "reason": reason,
        "additionalData": dict(additional),
    }
    if original_reference is not None:
        fields["originalReference"] = original_reference
    return fields


def notification(items: list[dict[str, Any]], key: str, *, live: bool = False) -> bytes:
    """Return a webhook with these items, each signed anew, as Adyen sends it: with a line's end."""
    signed = []
    for each in items:
        extra = {name: text for name, text in each["additionalData"].items() if name != "hmacSignature"}
        signed.append({**each, "additionalData": {**extra, "hmacSignature": webhook.sign(each, key)}})
    envelope = [{"NotificationRequestItem": each} for each in signed]
    return dumps({"live": "true" if live else "false", "notificationItems": envelope}) + b"\n"


def time_text(at: datetime) -> str:
    """Return a time as Adyen writes it."""
    return at.isoformat(timespec="seconds")
