"""What is sent to Billoget, in the field names of either generation: tables, and one function for each kind of body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from gateway_billoget import mapping
from gateway_billoget.records import (
    BudgetChanges,
    BudgetDraft,
    BudgetQuery,
    CustomerDetails,
    DraftItem,
    ProductDetails,
)
from gateway_billoget.settings import BillogetOptions, BillogetSettings, Generation, is_number
from gateway_core import InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import ConfigurationError, InvalidRequestError

Names = Mapping[str, Mapping[Generation, str]]

#: Our names, and Billoget's in each generation. What a generation does not have, it cannot be sent.
CUSTOMER: Names = MappingProxyType(
    {
        "name": {"G1": "name"},
        "first_name": {"G3": "firstName"},
        "last_name": {"G3": "lastName"},
        "email": {"G1": "email", "G3": "email"},
        "phone": {"G1": "phone", "G3": "phoneNumber"},
        "address": {"G1": "address"},
        "city": {"G1": "city"},
        "state": {"G1": "state"},
        "country": {"G1": "country"},
        "postal_code": {"G1": "postalCode"},
        "tax_id": {"G1": "taxId"},
        "dni": {"G3": "dni"},
        "cuit": {"G3": "cuit"},
        "metadata": {"G1": "metadata"},
    }
)
PRODUCT: Names = MappingProxyType(
    {
        ours: {"G1": theirs, "G3": theirs}
        for ours, theirs in {
            "product_code": "productCode",
            "description": "description",
            "category": "category",
            "price": "price",
            "stock": "stock",
            "type": "type",
            "is_active": "isActive",
        }.items()
    }
)
QUERY: Names = MappingProxyType(
    {
        "status": {"G1": "status", "G3": "status"},
        "customer_id": {"G1": "customerId", "G3": "customerId"},
        "search": {"G1": "search", "G3": "search"},
        "min_total": {"G1": "minTotal"},
        "max_total": {"G1": "maxTotal"},
        "since": {"G1": "createdAfter", "G3": "startDate"},
        "until": {"G1": "createdBefore", "G3": "endDate"},
        "sort": {"G1": "sort"},
        "order": {"G1": "order"},
    }
)

#: What a new customer or product cannot be without.
NEEDED_OF_CUSTOMER: Mapping[Generation, tuple[str, ...]] = MappingProxyType(
    {"G1": ("name", "email"), "G3": ("first_name", "last_name")}
)
NEEDED_OF_PRODUCT = ("product_code", "description", "category", "price")

#: The options of an invoice that G1 has no field for.
_G3_OPTIONS = ("package_id", "seller_id", "minimum_payment_to_confirm", "iva")


def draft_of(request: InvoiceRequest, settings: BillogetSettings, generation: Generation) -> BudgetDraft:
    """Return the budget that asks for what an invoice asks for: one item, once.

    Raises:
        ConfigurationError: If something that Billoget needs is neither in the options nor in the settings.
        InvalidRequestError: If the invoice cannot be said in a budget.
    """
    options: BillogetOptions = request.options or BillogetOptions()
    if generation == "G1":
        _check_g1(request, options)
    if request.requested_at is None:
        raise InvalidRequestError("requested_at is missing: a gateway stamps it")
    iva = None if options.iva is None else Money(options.iva, request.amount.unit)
    chosen = options if options.product_id or options.package_id else settings
    item = DraftItem(
        unit_price=request.amount if iva is None else request.amount - iva,
        product_id=chosen.product_id,
        package_id=chosen.package_id,
        description=request.description or request.order_id,
    )
    minimum = options.minimum_payment_to_confirm
    return BudgetDraft(
        customer_id=_needed("customer_id", options.customer_id or settings.customer_id),
        items=(item,),
        order_id=request.order_id,
        attempt=request.attempt,
        issued_at=request.requested_at,
        expires_at=_whole_second(_later(request.requested_at, request.expires_in or settings.valid_for)),
        seller_id=options.seller_id or settings.seller_id,
        minimum_payment_to_confirm=settings.minimum_payment_to_confirm if minimum is None else minimum,
        iva=iva,
        notes="" if generation == "G1" else request.description,
        metadata=request.metadata if generation == "G1" else {},
    )


def budget(draft: BudgetDraft, generation: Generation, currency: str | None) -> dict[str, Any]:
    """Return a budget as it is sent.

    Args:
        draft: The budget.
        generation: The field names.
        currency: The account's currency, which is that of every budget in G1.

    Raises:
        ConfigurationError: If something is missing that the generation needs.
        InvalidRequestError: If something cannot be sent in it.
    """
    return _g1(draft, currency) if generation == "G1" else _g3(draft)


def changes(wanted: BudgetChanges, generation: Generation, order: str | None) -> dict[str, Any]:
    """Return changes of a budget as they are sent.

    Args:
        wanted: The changes.
        generation: The field names.
        order: The reference of the order that the comments carry and go on carrying (G3).
    """
    body: dict[str, Any] = {}
    g1 = generation == "G1"
    if wanted.customer_id is not None:
        body["customerId"] = reference("customer_id", wanted.customer_id, generation)
    if wanted.expires_at is not None:
        body["validUntil" if g1 else "expirationDate"] = time_text(wanted.expires_at)
    if wanted.notes is not None:
        body["notes" if g1 else "comments"] = wanted.notes if g1 else mapping.tagged(wanted.notes, order)
    if wanted.metadata is not None:
        if not g1:
            raise InvalidRequestError("metadata cannot be sent in the generation G3")
        body["metadata"] = dict(wanted.metadata)
    return _not_empty(body)


def customer(details: CustomerDetails, generation: Generation, *, new: bool) -> dict[str, Any]:
    """Return a customer as it is sent."""
    return _named(details, CUSTOMER, generation, NEEDED_OF_CUSTOMER[generation] if new else ())


def product(details: ProductDetails, generation: Generation, *, new: bool) -> dict[str, Any]:
    """Return a product as it is sent."""
    body = _named(details, PRODUCT, generation, NEEDED_OF_PRODUCT if new else ())
    if "price" in body:
        body["price"] = number(body["price"])
    return body


def filters(query: BudgetQuery, generation: Generation) -> dict[str, str]:
    """Return the filters of a list as they are sent: those of time wider than asked for, to be narrowed afterwards.

    Whether Billoget's ends count, and in which zone its days are, is not documented.
    """
    made: dict[str, str] = {}
    for ours, theirs in QUERY.items():
        value = getattr(query, ours)
        if value is None:
            continue
        if generation not in theirs:
            raise InvalidRequestError(f"{ours} cannot be asked for in the generation {generation}")
        match ours:
            case "status":
                text = _status_word(value, generation)
            case "customer_id":
                text = str(reference(ours, value, generation))
            case "min_total" | "max_total":
                text = f"{number(value):f}"
            case "since" | "until":
                text = _outwards(value, generation, -1 if ours == "since" else 1)
            case _:
                text = value
        if text:
            made[theirs[generation]] = text
    return made


def reference(name: str, identifier: str, generation: Generation) -> str | int:
    """Return an id as it is sent: text in G1, a number in G3.

    Raises:
        ConfigurationError: If it is no number where it must be one.
    """
    if generation == "G1":
        return identifier
    if not is_number(identifier):
        raise ConfigurationError(f"{name} must be a number: ids are numbers in the generation G3")
    return int(identifier)


def number(value: Decimal) -> Decimal:
    """Return an amount that becomes the same when Billoget reads it as a floating-point number, as it may.

    Raises:
        InvalidRequestError: If it would become another.
    """
    if not value.is_finite() or Decimal(repr(float(value))) != value:
        raise InvalidRequestError("the amount is too large or too fine: Billoget takes amounts as JSON numbers")
    return value


def time_text(at: datetime) -> str:
    """Return a time as Billoget writes it: in UTC, to the second."""
    return _utc(at).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _check_g1(request: InvoiceRequest, options: BillogetOptions) -> None:
    for name in _G3_OPTIONS:
        if getattr(options, name) is not None:
            raise ConfigurationError(f"the option {name} cannot be sent in the generation G1")
    if request.metadata.get("order_id", request.reference) != request.reference:
        raise InvalidRequestError("metadata has an order_id of its own, where the order's is kept")


def _g1(draft: BudgetDraft, currency: str | None) -> dict[str, Any]:
    if draft.total.currency != _needed("currency", currency):
        raise InvalidRequestError(f"budgets of this account are in {currency}: G1 can name no other currency")
    if draft.iva is not None:
        raise InvalidRequestError("iva cannot be sent in the generation G1")
    body: dict[str, Any] = {
        "customerId": draft.customer_id,
        "items": [
            {
                "productId": _needed("product_id", item.product_id),
                "description": item.description,
                "quantity": item.quantity,
                "unitPrice": number(item.unit_price.amount),
            }
            for item in draft.items
        ],
    }
    number(draft.total.amount)
    if draft.notes:
        body["notes"] = draft.notes
    if draft.expires_at is not None:
        body["validUntil"] = time_text(draft.expires_at)
    metadata = dict(draft.metadata) | ({} if draft.reference is None else {"order_id": draft.reference})
    if metadata:
        body["metadata"] = metadata
    return body


def _g3(draft: BudgetDraft) -> dict[str, Any]:
    if draft.metadata:
        raise InvalidRequestError("metadata cannot be sent in the generation G3")
    minimum = draft.minimum_payment_to_confirm
    body: dict[str, Any] = {
        "currency": draft.total.currency,
        "issueDate": _needed_time("issued_at", draft.issued_at),
        "expirationDate": _needed_time("expires_at", draft.expires_at),
        "customerId": reference("customer_id", draft.customer_id, "G3"),
        "sellerId": reference("seller_id", _needed("seller_id", draft.seller_id), "G3"),
        "minimumPaymentToConfirm": number(_needed("minimum_payment_to_confirm", minimum)),
        "subtotal": number(draft.subtotal.amount),
        "total": number(draft.total.amount),
        "iva": number(Decimal(0) if draft.iva is None else draft.iva.amount),
        "items": [_g3_item(item) for item in draft.items],
    }
    comments = mapping.tagged(draft.notes, draft.reference)
    return body | ({"comments": comments} if comments else {})


def _g3_item(item: DraftItem) -> dict[str, Any]:
    if item.package_id is not None:
        what: dict[str, Any] = {"packageId": reference("package_id", item.package_id, "G3")}
    else:
        product_id = _needed("product_id", item.product_id, " or package_id")
        what = {"productId": reference("product_id", product_id, "G3")}
    return what | {"quantity": item.quantity, "unitPrice": number(item.unit_price.amount)}


def _named(details: Any, names: Names, generation: Generation, needed: tuple[str, ...]) -> dict[str, Any]:
    given = {name: value for name, value in attrs.asdict(details, recurse=False).items() if value is not None}
    for name in needed:
        if name not in given:
            raise InvalidRequestError(f"{name} is missing: Billoget needs it in the generation {generation}")
    for name in given:
        if generation not in names[name]:
            raise InvalidRequestError(f"{name} cannot be sent in the generation {generation}")
    return _not_empty({names[name][generation]: value for name, value in given.items()})


def _not_empty(body: dict[str, Any]) -> dict[str, Any]:
    if not body:
        raise InvalidRequestError("there is nothing to change")
    return body


def _needed(name: str, value: Any, other: str = "") -> Any:
    if value is None:
        raise ConfigurationError(f"Billoget needs {name}{other}: give it in the settings, or for this one budget")
    return value


def _needed_time(name: str, at: datetime | None) -> str:
    if at is None:
        raise InvalidRequestError(f"{name} is missing: Billoget needs it in the generation G3")
    return time_text(at)


def _status_word(status: object, generation: Generation) -> str:
    kind = str if generation == "G1" else int
    for word, meaning in mapping.STATUSES.items():
        if meaning is status and isinstance(word, kind):
            return str(word)
    known = sorted({each.name for word, each in mapping.STATUSES.items() if isinstance(word, kind)})
    raise InvalidRequestError(f"status must be one of {', '.join(known)} in the generation {generation}")


def _outwards(at: datetime, generation: Generation, sign: int) -> str:
    """Return a moment a little further out; nothing beyond the calendar's ends."""
    try:
        if generation == "G1":
            return time_text(_utc(at) + sign * timedelta(seconds=1))
        return (_utc(at) + sign * timedelta(days=1)).date().isoformat()
    except (OverflowError, InvalidRequestError):
        return ""


def _later(at: datetime, by: timedelta) -> datetime:
    try:
        return _utc(at) + by
    except OverflowError:
        pass
    raise InvalidRequestError("expires_in is too long")


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        pass
    raise InvalidRequestError("a moment is beyond the calendar's end")


def is_asked_for(status: InvoiceStatus, created_at: datetime | None, query: BudgetQuery) -> bool:
    """Return whether a budget is what a query asks for, whatever Billoget made of the filters."""
    if query.status not in (None, status):
        return False
    if created_at is None:
        return True  # nothing speaks against it, and a list never leaves something out in silence
    return (query.since is None or created_at >= query.since) and (query.until is None or created_at < query.until)
