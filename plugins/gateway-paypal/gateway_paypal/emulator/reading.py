"""Reading a request's body as PayPal does, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_core import Currency, HttpRequest, Money
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.wire import loads
from gateway_paypal import mapping
from gateway_paypal.emulator.documents import RefusedError


def body_of(request: HttpRequest) -> Mapping[str, Any]:
    """Return the object in a request's body; an empty one where there is none.

    Raises:
        RefusedError: If it is no object.
    """
    if not request.body:
        return {}
    try:
        found = loads(request.body)
    except UnexpectedResponseError:
        found = None
    if not isinstance(found, Mapping):
        raise RefusedError(400, "MALFORMED_REQUEST_JSON")
    return found


def context_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what an order says of its page."""
    source = body.get("payment_source") or {}
    found: Mapping[str, Any] = (source.get("paypal") or {}).get("experience_context") or {}
    return found


def amount_of(told: Any, field: str) -> Money:
    """Read an amount.

    Raises:
        RefusedError: If it is none that PayPal takes.
    """
    try:
        code, value = told["currency_code"], told["value"]
        unit = Currency.find(code)
        if code not in mapping.CURRENCIES:
            raise RefusedError(422, "INVALID_CURRENCY_CODE", f"{field}/currency_code")
        amount = Money(value, Currency(code, mapping.EXPONENTS.get(code, unit.exponent)))
    except (InvalidRequestError, KeyError, TypeError):
        raise RefusedError(422, "DECIMAL_PRECISION", f"{field}/value") from None
    if amount.amount <= 0:
        raise RefusedError(422, "CANNOT_BE_ZERO_OR_NEGATIVE", f"{field}/value")
    return amount


def check_items(unit: Mapping[str, Any], amount: Money) -> None:
    """Hold the items against their sum.

    Raises:
        RefusedError: If they differ.
    """
    items = unit.get("items")
    if not items:
        return
    breakdown = unit["amount"].get("breakdown") or {}
    if "item_total" not in breakdown:
        raise RefusedError(422, "ITEM_TOTAL_REQUIRED", "/purchase_units/0/amount/breakdown/item_total")
    total = amount_of(breakdown["item_total"], "/purchase_units/0/amount/breakdown/item_total")
    summed = sum(
        (Money(each["unit_amount"]["value"], amount.unit) * int(each["quantity"]) for each in items), amount - amount
    )
    if summed != total:
        raise RefusedError(422, "ITEM_TOTAL_MISMATCH", "/purchase_units/0/amount/breakdown/item_total")
    if total != amount:
        raise RefusedError(422, "AMOUNT_MISMATCH", "/purchase_units/0/amount")
