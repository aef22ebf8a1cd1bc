"""How the emulator makes and changes a budget of what it was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs

from gateway_billoget import mapping
from gateway_billoget.emulator.reading import Fields, wrong
from gateway_billoget.emulator.shelf import Shelf
from gateway_billoget.writing import time_text
from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError
from gateway_core.testing import EmulatedInvoice


def draft(fields: Fields, currency: str, customers: Shelf, now: datetime) -> EmulatedInvoice:
    """Return the budget that is asked for, without id and token.

    Raises:
        RefusedError: If a field is missing or wrong.
    """
    g3 = fields.generation == "G3"
    unit = _currency(fields) if g3 else currency
    items = fields.items(unit)
    total = _total(fields, items, unit)
    notes, metadata = fields.text("comments" if g3 else "notes"), fields.body.get("metadata")
    if metadata is not None and (g3 or not isinstance(metadata, dict)):
        raise wrong("metadata", "must be an object, and is for G1 only")
    expires_at = fields.moment("expirationDate" if g3 else "validUntil", needed=g3)
    issued_at = fields.moment("issueDate", needed=True) if g3 else None
    text, tagged_order = mapping.split_notes(notes)
    order_id = tagged_order if g3 else (metadata or {}).get("order_id")
    return EmulatedInvoice(
        id="",
        token="",
        order_id=order_id if isinstance(order_id, str) else None,
        amount=total,
        description=text or items[0]["description"] or "",
        created_at=now,
        expires_at=expires_at,
        received=total - total,
        refunded=total - total,
        data={
            "customer": _customer(fields, customers),
            "seller": _seller(fields) if g3 else None,
            "items": items,
            "iva": f"{fields.number('iva'):f}" if g3 else "0",
            "minimum": f"{fields.number('minimumPaymentToConfirm'):f}" if g3 else "0",
            "notes": notes,
            "metadata": metadata,
            "issued": time_text(issued_at or now),
            "expires": None if expires_at is None else time_text(expires_at),
            "updated": time_text(now),
            "approved": None,
            "deleted": False,
        },
    )


def change(invoice: EmulatedInvoice, fields: Fields, customers: Shelf) -> EmulatedInvoice:
    """Return a budget with the fields changed that were sent.

    Raises:
        RefusedError: If one is wrong.
    """
    g3 = fields.generation == "G3"
    changed: dict[str, Any] = {}
    if "customerId" in fields.body:
        changed["customer"] = _customer(fields, customers)
    notes_field = "comments" if g3 else "notes"
    if notes_field in fields.body:
        changed["notes"] = fields.text(notes_field)
    if not g3 and isinstance(fields.body.get("metadata"), dict):
        changed["metadata"] = fields.body["metadata"]
    expires_at = fields.moment("expirationDate" if g3 else "validUntil", needed=False)
    if expires_at is not None:
        changed["expires"] = time_text(expires_at)
    data = {**invoice.data, **changed}
    return attrs.evolve(invoice, expires_at=expires_at or invoice.expires_at, data=data)


def _currency(fields: Fields) -> str:
    code = fields.text("currency") or ""
    try:
        return Currency.find(code).code
    except InvalidRequestError:
        pass
    raise wrong("currency", "must be a code of ISO 4217")


def _customer(fields: Fields, customers: Shelf) -> str:
    customer = fields.identifier("customerId")
    if customer is None or customers.get(customer) is None:
        raise wrong("customerId", "must be that of a customer")
    return customer


def _seller(fields: Fields) -> str:
    seller = fields.identifier("sellerId")
    if seller is None:
        raise wrong("sellerId", "must be there")
    return seller


def _total(fields: Fields, items: Sequence[Mapping[str, Any]], currency: str) -> Money:
    prices = [Money(Decimal(item["unit_price"]), currency) * item["quantity"] for item in items]
    subtotal: Money = sum(prices[1:], start=prices[0])
    if fields.generation == "G1":
        return subtotal
    if fields.money("subtotal", currency) != subtotal:
        raise wrong("subtotal", "must be what the items come to")
    total = subtotal + fields.money("iva", currency)
    if fields.money("total", currency) != total:
        raise wrong("total", "must be subtotal and iva")
    return total
