"""From Billoget's words to records and to the core's models: one table or rule for each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gateway_billoget import records, wire
from gateway_core import Invoice, InvoiceStatus, Money, StatusReport
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.models import parse_reference
from gateway_core.wire import dumps, loads, structure

#: G1's words and the numbers of G2 and G3. A word that is not here is UNKNOWN. Nothing here means that money came: a
#: budget that is approved is approved, and no more is known of it.
STATUSES: Mapping[str | int, InvoiceStatus] = MappingProxyType(
    {
        "PENDING": InvoiceStatus.PENDING,
        "APPROVED": InvoiceStatus.APPROVED,
        "REJECTED": InvoiceStatus.CANCELED,
        "EXPIRED": InvoiceStatus.EXPIRED,
        0: InvoiceStatus.PENDING,
        1: InvoiceStatus.APPROVED,
        2: InvoiceStatus.CANCELED,
    }
)

#: What an event says by its name. The others say no more than that something changed.
EVENTS: Mapping[str, InvoiceStatus] = MappingProxyType(
    {
        "budget.approved": InvoiceStatus.APPROVED,
        "budget.rejected": InvoiceStatus.CANCELED,
        "budget.expired": InvoiceStatus.EXPIRED,
    }
)

_METADATA_KEY = "order_id"

#: The line of G3's comments that carries the order: its key as JSON text, so that no key can look like the tag's end.
_TAG = re.compile(r'^\[order_id ("(?:[^"\\\n]|\\.)*")\]$', re.MULTILINE)


def tag(reference: str) -> str:
    """Return the line that carries an order in the comments."""
    return f"[{_METADATA_KEY} {dumps(reference).decode('ascii')}]"


def tagged(notes: str, reference: str | None) -> str:
    """Return comments that carry an order in their last line."""
    return "\n".join(part for part in (notes, "" if reference is None else tag(reference)) if part)


def split_notes(text: str | None) -> tuple[str | None, str | None]:
    """Return what comments say, and the order's reference that they carry: that of the last such line, ours."""
    found = None if text is None else list(_TAG.finditer(text))
    if text is None or not found:
        return text, None
    last = found[-1]
    try:
        reference = loads(last[1].encode("utf-8"))
    except UnexpectedResponseError:
        return text, None
    rest = (text[: last.start()] + text[last.end() :]).strip("\n")
    return rest or None, reference


def budget(data: Any, at: datetime | None, currency: str | None) -> records.Budget:
    """Map a budget.

    Args:
        data: The budget as Billoget sent it.
        at: When Billoget said so, for a budget whose time may be over: G3 has no word for that.
        currency: What it is in, if it does not say.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    found = structure(data, wire.Budget)
    expires_at = wire.moment(found.expirationDate) or wire.moment(found.validUntil)
    notes, tagged_reference = split_notes(found.comments if found.comments is not None else found.notes)
    reference = _reference(found.metadata) or tagged_reference
    order_id, attempt = (None, None) if not reference else parse_reference(reference)
    unit = found.currency or currency
    return records.Budget(
        id=found.id,
        status=_status(found, expires_at, at),
        provider_status=_words(found),
        total=None if found.total is None or unit is None else Money.read(found.total, unit),
        order_id=order_id,
        attempt=attempt,
        customer_id=found.customerId,
        seller_id=found.sellerId,
        payment_url=found.paymentUrl or found.publicUrl,
        public_token=found.publicToken,
        notes=notes,
        items=tuple(_item(item) for item in found.items or ()),
        created_at=wire.moment(found.createdAt),
        expires_at=expires_at,
        raw=data,
    )


def carries_reference(found: records.Budget) -> bool:
    """Return whether an answer shows the field that would carry our order, with or without it."""
    return "metadata" in found.raw or "comments" in found.raw


def told(event: str, found: records.Budget) -> InvoiceStatus:
    """Return the status that an event tells: by its name and by the budget in it, which must agree."""
    said = EVENTS.get(event)
    if said is None or said is found.status:
        return found.status
    if found.provider_status is None:
        return said
    # G3 has no state for a budget whose time is over.
    over = said is InvoiceStatus.EXPIRED and found.status is InvoiceStatus.PENDING
    return said if over else InvoiceStatus.UNKNOWN


def invoice(found: records.Budget) -> Invoice:
    """Map a budget to an invoice.

    Raises:
        UnexpectedResponseError: If its amount is not known, or none that can be asked for.
    """
    if found.total is None:
        reason = "Billoget does not tell its total, or not in which currency: set `currency`"
        raise UnexpectedResponseError(reason, invoice_id=found.id)
    try:
        return Invoice(
            id=found.id,
            order_id=found.order_id,
            attempt=found.attempt,
            status=found.status,
            amount=found.total,
            payment_url=found.payment_url,
            created_at=found.created_at,
            expires_at=found.expires_at,
            raw=found.raw,
        )
    except InvalidRequestError as error:
        reason = f"the answer is unusable: {error.message}"
    raise UnexpectedResponseError(reason, invoice_id=found.id)


def report(found: records.Budget, status: InvoiceStatus | None = None) -> StatusReport:
    """Map a budget to a report. What was received is never known."""
    return StatusReport(
        invoice_id=found.id,
        order_id=found.order_id,
        attempt=found.attempt,
        status=status or found.status,
        expected=found.total,
        provider_status=found.provider_status,
        raw=found.raw,
    )


def customer(data: Any) -> records.Customer:
    """Map a customer."""
    found = structure(data, wire.Customer)
    parts = [part for part in (found.firstName, found.lastName) if part]
    return records.Customer(
        id=found.id,
        name=found.name or " ".join(parts) or None,
        email=found.email,
        phone=found.phone or found.phoneNumber,
        raw=data,
    )


def product(data: Any) -> records.Product:
    """Map a product."""
    found = structure(data, wire.Product)
    return records.Product(
        id=found.id,
        product_code=found.productCode,
        description=found.description,
        price=found.price,
        is_active=found.isActive,
        raw=data,
    )


def _status(found: wire.Budget, expires_at: datetime | None, at: datetime | None) -> InvoiceStatus:
    said = {STATUSES.get(word, InvoiceStatus.UNKNOWN) for word in (found.status, found.state) if word is not None}
    status = said.pop() if len(said) == 1 else InvoiceStatus.UNKNOWN
    over = expires_at is not None and at is not None and expires_at <= at
    return InvoiceStatus.EXPIRED if status is InvoiceStatus.PENDING and over else status


def _words(found: wire.Budget) -> str | None:
    return " ".join(str(word) for word in (found.status, found.state) if word is not None) or None


def _reference(metadata: Any) -> str | None:
    found = metadata.get(_METADATA_KEY) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, str) and found else None


def _item(found: wire.Item) -> records.BudgetItem:
    return records.BudgetItem(
        product_id=found.productId,
        package_id=found.packageId,
        description=found.description,
        quantity=found.quantity,
        unit_price=found.unitPrice,
    )
