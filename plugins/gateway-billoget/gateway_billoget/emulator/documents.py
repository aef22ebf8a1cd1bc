"""What the emulator sends, field by field as Billoget documents it, in the generation that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Context, Decimal
from types import MappingProxyType
from typing import Any

from gateway_billoget.settings import Generation
from gateway_billoget.writing import time_text
from gateway_core import InvoiceStatus
from gateway_core.testing import EmulatedInvoice

STATUS_WORDS: Mapping[InvoiceStatus, str] = MappingProxyType(
    {
        InvoiceStatus.PENDING: "PENDING",
        InvoiceStatus.APPROVED: "APPROVED",
        InvoiceStatus.CANCELED: "REJECTED",
        InvoiceStatus.EXPIRED: "EXPIRED",
    }
)
#: G3 has no number for a budget whose time is over: it stays 0, and its expirationDate has passed.
STATES: Mapping[InvoiceStatus, int] = MappingProxyType(
    {
        InvoiceStatus.PENDING: 0,
        InvoiceStatus.APPROVED: 1,
        InvoiceStatus.CANCELED: 2,
        InvoiceStatus.EXPIRED: 0,
    }
)

#: The version that the documented webhook names.
VERSION = "1.4.0"

#: Wide enough for every amount there is; the host's decimal context has no say in it.
_EXACT = Context(prec=60)

_BUSINESS = 1


def budget(
    invoice: EmulatedInvoice, generation: Generation, customer: Mapping[str, Any] | None, url: str
) -> dict[str, Any]:
    """Return a budget, whole.

    Args:
        invoice: The budget.
        generation: Whose fields it has.
        customer: Its customer.
        url: Its page (G3).
    """
    return _g1(invoice, customer) if generation == "G1" else _g3(invoice, customer, url)


def summary(invoice: EmulatedInvoice) -> dict[str, Any]:
    """Return a budget as the documented list of G1 shows it."""
    return {
        "id": invoice.id,
        "customerId": invoice.data["customer"],
        "total": invoice.amount.amount,
        "status": STATUS_WORDS[invoice.status],
        "createdAt": time_text(invoice.created_at),
    }


def page(  # noqa: PLR0913  # all but the first by name
    shown: list[dict[str, Any]],
    *,
    page: int,
    limit: int,
    total: int,
    around: Mapping[str, str],
    generation: Generation,
) -> dict[str, Any]:
    """Return a page of a list: G1 has a `pagination`, and the SDK of G3 a second envelope with a `meta`."""
    if generation == "G1":
        place = {"page": page, "limit": limit, "total": total, "hasMore": page * limit < total}
        return {"data": shown, "pagination": place, "meta": around}
    counted = {
        "totalItems": total,
        "itemCount": len(shown),
        "itemsPerPage": limit,
        "totalPages": -(-total // limit),
        "currentPage": page,
    }
    return {"data": {"data": shown, "meta": counted}}


def notification(event: str, at: datetime, data: Mapping[str, Any], delivery_id: str) -> dict[str, Any]:
    """Return a webhook."""
    return {
        "event": event,
        "timestamp": time_text(at),
        "data": data,
        "metadata": {"source": "api", "version": VERSION, "delivery_id": delivery_id},
    }


def notified_budget(
    invoice: EmulatedInvoice, generation: Generation, customer: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a budget as webhooks show it: there is one documented form, in the words of G1."""
    return {
        **summary(invoice),
        "id": as_id(invoice.id, generation),
        "customerId": as_id(invoice.data["customer"], generation),
        "customer": _known(customer),
    }


def as_id(identifier: str | None, generation: Generation) -> str | int | None:
    """Return an id as the generation writes it."""
    return int(identifier) if identifier is not None and generation == "G3" else identifier


def _g1(invoice: EmulatedInvoice, customer: Mapping[str, Any] | None) -> dict[str, Any]:
    data = invoice.data
    return {
        "id": invoice.id,
        "customerId": data["customer"],
        "status": STATUS_WORDS[invoice.status],
        "total": invoice.amount.amount,
        "subtotal": invoice.amount.amount,
        "tax": Decimal(0),
        "discount": Decimal(0),
        "currency": invoice.amount.currency,
        "validUntil": data["expires"],
        "notes": data["notes"],
        "items": [
            {
                "id": f"item_{number}",
                "productId": item["product"],
                "description": item["description"],
                "quantity": item["quantity"],
                "unitPrice": Decimal(item["unit_price"]),
                "total": _times(item),
                "tax": Decimal(0),
                "discount": Decimal(0),
            }
            for number, item in enumerate(data["items"], 1)
        ],
        "customer": _known(customer),
        "metadata": data["metadata"],
        "createdAt": time_text(invoice.created_at),
        "updatedAt": data["updated"],
        "approvedAt": data["approved"],
        "approvedBy": data["customer"] if data["approved"] else None,
    }


def _g3(invoice: EmulatedInvoice, customer: Mapping[str, Any] | None, url: str) -> dict[str, Any]:
    data = invoice.data
    number = int(invoice.id)
    return {
        "id": number,
        "currency": invoice.amount.currency,
        "issueDate": data["issued"],
        "expirationDate": data["expires"],
        "customerId": int(data["customer"]),
        "sellerId": int(data["seller"]),
        "businessId": _BUSINESS,
        "minimumPaymentToConfirm": Decimal(data["minimum"]),
        "state": STATES[invoice.status],
        "subtotal": _EXACT.subtract(invoice.amount.amount, Decimal(data["iva"])),
        "total": invoice.amount.amount,
        "iva": Decimal(data["iva"]),
        "preferenceId": None,
        "paymentUrl": url,
        "paymentData": None,
        "publicToken": invoice.token,
        "comments": data["notes"],
        "ubs_id": None,
        "ubs_version": None,
        "sign_track_id": None,
        "business_budget_id": number,
        "isArchived": False,
        "customer": customer,
        "seller": {"id": int(data["seller"])},
        "business": {"id": _BUSINESS},
        "items": [
            {
                "id": position,
                "productId": as_id(item["product"], "G3"),
                "packageId": as_id(item["package"], "G3"),
                "quantity": item["quantity"],
                "unitPrice": Decimal(item["unit_price"]),
                "subtotal": _times(item),
                "budgetId": number,
                "product": None,
                "package": None,
            }
            for position, item in enumerate(data["items"], 1)
        ],
        "createdAt": time_text(invoice.created_at),
        "updatedAt": data["updated"],
    }


def _times(item: Mapping[str, Any]) -> Decimal:
    return _EXACT.multiply(Decimal(item["unit_price"]), Decimal(item["quantity"]))


def _known(customer: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if customer is None:
        return None
    whole = " ".join(part for part in (customer.get("firstName"), customer.get("lastName")) if part)
    return {"id": customer["id"], "name": customer.get("name") or whole, "email": customer.get("email")}
