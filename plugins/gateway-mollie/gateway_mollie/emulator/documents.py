"""What Mollie's answers look like (API description, schemas of payment, refund, capture, chargeback and event)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway_core import Money
from gateway_core.testing import EmulatedInvoice, EmulatedRefund
from gateway_core.wire import loads
from gateway_mollie.emulator.records import UNPAID, charged_back_of, is_cancelable, reserved_of, time_text

DOCUMENTATION = "https://docs.mollie.com/reference"

_DASHBOARD = "https://my.mollie.com/dashboard/org_1/payments"


def amount(money: Money) -> dict[str, str]:
    """Return an amount."""
    return {"value": f"{money.amount:f}", "currency": money.currency}


def link(href: str, kind: str = "application/hal+json") -> dict[str, str]:
    """Return an address."""
    return {"href": href, "type": kind}


def payment(invoice: EmulatedInvoice, base: str, page_url: str) -> dict[str, Any]:
    """Return a payment. What is not reached, or not possible, is left out."""
    data, word = invoice.data, invoice.data["word"]
    made: dict[str, Any] = {
        "resource": "payment",
        "id": invoice.id,
        "mode": data["mode"],
        "createdAt": time_text(invoice.created_at),
        "amount": amount(invoice.amount),
        "description": invoice.description,
        "metadata": _read(data["metadata"]),
        "status": word,
        "profileId": data["profile"],
        "sequenceType": "oneoff",
        "redirectUrl": invoice.return_url,
        **data["moments"],
        **_amounts(invoice),
    }
    for name in ("method", "webhookUrl", "cancelUrl", "locale", "captureMode", "details"):
        if data[name]:
            made[name] = data[name]
    if lines := _read(data["lines"]):
        made["lines"] = lines
    if word in UNPAID or word == "authorized":
        made["isCancelable"] = is_cancelable(invoice)
    if word == "open" and invoice.expires_at is not None:
        made["expiresAt"] = time_text(invoice.expires_at)
    return made | {"_links": _links(invoice, f"{base}/payments/{invoice.id}", page_url)}


def _amounts(invoice: EmulatedInvoice) -> dict[str, Any]:
    made, word = {}, invoice.data["word"]
    if invoice.data["captureMode"] == "manual" and word in {"authorized", "paid"}:
        made["amountCaptured"] = amount(invoice.received)
    if word == "paid":
        made["amountRefunded"] = amount(reserved_of(invoice))
        made["amountRemaining"] = amount(invoice.received - reserved_of(invoice))
    if charged_back := charged_back_of(invoice):
        made["amountChargedBack"] = amount(charged_back)
    return made


def _links(invoice: EmulatedInvoice, own: str, page_url: str) -> dict[str, Any]:
    made = {"self": link(own)}
    if invoice.data["word"] in UNPAID:
        made["checkout"] = link(page_url, "text/html")
    for kind in ("refunds", "captures", "chargebacks"):
        if invoice.data[kind]:
            made[kind] = link(f"{own}/{kind}")
    made["dashboard"] = link(f"{_DASHBOARD}/{invoice.id}", "text/html")
    made["documentation"] = link(f"{DOCUMENTATION}/get-payment", "text/html")
    return made


def refund(record: EmulatedRefund, mode: str, base: str) -> dict[str, Any]:
    """Return a refund."""
    return _part("refund", base, record.invoice_id, record.id, mode) | {
        "amount": amount(record.amount),
        "status": record.data["word"],
        "description": record.data["description"],
        "metadata": _read(record.data["metadata"]),
        "createdAt": time_text(record.created_at),
    }


def capture(record: Mapping[str, Any], invoice: EmulatedInvoice, base: str) -> dict[str, Any]:
    """Return a capture."""
    made = _part("capture", base, invoice.id, record["id"], invoice.data["mode"]) | {
        "amount": amount(Money(record["value"], invoice.amount.unit)),
        "status": record["word"],
        "metadata": _read(record["metadata"]),
        "createdAt": record["createdAt"],
    }
    return made | ({"description": record["description"]} if record["description"] else {})


def chargeback(record: Mapping[str, Any], invoice: EmulatedInvoice, base: str) -> dict[str, Any]:
    """Return a chargeback, which has no status."""
    made = _part("chargeback", base, invoice.id, record["id"], invoice.data["mode"])
    del made["mode"]
    return made | {
        "amount": amount(Money(record["value"], invoice.amount.unit)),
        "reason": record["reason"],
        "createdAt": record["createdAt"],
        "reversedAt": record["reversedAt"],
    }


def event(event_id: str, kind: str, entity: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return an event, in the full form of its payload."""
    own = f"https://api.mollie.com/v2/events/{event_id}"
    return {
        "resource": "event",
        "id": event_id,
        "type": kind,
        "entityId": entity["id"],
        "createdAt": time_text(at),
        "_embedded": {"entity": entity},
        "_links": {"self": link(own), "documentation": link(f"{DOCUMENTATION}/get-webhook-event", "text/html")},
    }


def subscription(record: Mapping[str, Any], name: str | None, own: str, mode: str) -> dict[str, Any]:
    """Return a webhook subscription that was just made."""
    return {
        "resource": "webhook",
        "id": record["id"],
        "url": record["url"],
        "profileId": None,
        "createdAt": record["createdAt"],
        "name": name,
        "eventTypes": record["kinds"],
        "status": "enabled",
        "mode": mode,
        "webhookSecret": record["secret"],
        "_links": {"self": link(own), "documentation": link(f"{DOCUMENTATION}/create-webhook", "text/html")},
    }


def page(kind: str, found: Sequence[Mapping[str, Any]], addresses: Mapping[str, str | None]) -> dict[str, Any]:
    """Return one page of a list.

    Args:
        kind: What is in it, such as ``payments``.
        found: What is on the page.
        addresses: Those of this page, the previous and the next; None where there is none.
    """
    links = {name: None if href is None else link(href) for name, href in addresses.items()}
    links["documentation"] = link(f"{DOCUMENTATION}/list-{kind}", "text/html")
    return {"count": len(found), "_embedded": {kind: list(found)}, "_links": links}


def _part(kind: str, base: str, payment_id: str, own_id: str, mode: str) -> dict[str, Any]:
    """Return what is the same for everything that belongs to a payment."""
    whole = f"{base}/payments/{payment_id}"
    return {
        "resource": kind,
        "id": own_id,
        "mode": mode,
        "paymentId": payment_id,
        "_links": {
            "self": link(f"{whole}/{kind}s/{own_id}"),
            "payment": link(whole),
            "documentation": link(f"{DOCUMENTATION}/get-{kind}", "text/html"),
        },
    }


def _read(kept: str) -> Any:
    return loads(kept.encode("utf-8"))
