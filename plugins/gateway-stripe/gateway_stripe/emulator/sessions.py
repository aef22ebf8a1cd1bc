"""A new Checkout Session, as its form asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway_core.testing import EmulatedInvoice
from gateway_stripe.emulator import documents
from gateway_stripe.emulator.requests import RefusedError, absent, listed, metadata, needed, table, text, whole

if TYPE_CHECKING:
    from gateway_stripe.emulator.emulator import StripeEmulator

#: What may be asked for, of what there is.
FIELDS = (
    "allowed_payment_method_types",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "expires_at",
    "line_items",
    "locale",
    "metadata",
    "mode",
    "payment_intent_data",
    "success_url",
    "ui_mode",
)

_SHORTEST_LIFE = timedelta(minutes=30)
_LONGEST_LIFE = timedelta(hours=24)
_MOST_ITEMS = 100
_LONGEST_REFERENCE = 200
_CAPTURE_METHODS = ("automatic", "automatic_async", "manual")


def read(given: Mapping[str, Any], account: StripeEmulator) -> EmulatedInvoice:
    """Return the session that is asked for.

    Raises:
        RefusedError: If Stripe would make none.
    """
    if needed(given, "mode") != "payment":
        raise RefusedError("This emulator makes sessions in payment mode only.", param="mode")
    return_url = needed(given, "success_url")
    if text(given, "customer") and text(given, "customer_email"):
        raise RefusedError("You may only specify one of these parameters: customer, customer_email.")
    reference = text(given, "client_reference_id")
    if reference is not None and len(reference) > _LONGEST_REFERENCE:
        raise RefusedError(
            f"Invalid string: {reference[:10]}...; must be at most 200 characters", param="client_reference_id"
        )
    asked = table(given, "payment_intent_data")
    capture_method = text(asked, "capture_method") or "automatic_async"
    if capture_method not in _CAPTURE_METHODS:
        raise RefusedError("Invalid capture_method", param="payment_intent_data[capture_method]")
    items, currency, total = _items(given, account)
    token, now = account.new_token(24), account.clock()
    expires_at = _expiry(whole(given, "expires_at"), now)
    session = {
        "status": "open",
        "by_the_shop": False,
        "amount_total": total,
        "currency": currency,
        "success_url": return_url,
        "cancel_url": text(given, "cancel_url"),
        "customer_email": text(given, "customer_email"),
        "expires_at": documents.seconds(expires_at),
        "locale": text(given, "locale"),
        "metadata": metadata(given),
        "line_items": items,
        "payment_method_types": ["card", "sepa_debit"] if currency == "eur" else ["card"],
        "payment_intent_data": {
            "capture_method": capture_method,
            "description": text(asked, "description"),
            "metadata": metadata(asked),
        },
    }
    return EmulatedInvoice(
        id=f"cs_test_{token}",
        token=token,
        order_id=reference,
        amount=documents.money(total, currency),
        description=text(asked, "description") or items[0]["name"],
        created_at=now,
        expires_at=expires_at,
        return_url=return_url.replace("{CHECKOUT_SESSION_ID}", f"cs_test_{token}"),
        received=documents.money(0, currency),
        refunded=documents.money(0, currency),
        data={"session": session, "intent": None, "charges": [], "refunds": [], "disputes": []},
    )


def _items(given: Mapping[str, Any], account: StripeEmulator) -> tuple[list[dict[str, Any]], str, int]:
    lines = listed(given.get("line_items"))
    if not lines:
        raise absent("line_items")
    if len(lines) > _MOST_ITEMS:
        raise RefusedError("You can have up to 100 line items.", param="line_items")
    items: list[dict[str, Any]] = []
    currencies: set[str] = set()
    for number, line in enumerate(lines):
        where = f"line_items[{number}]"
        price = table(line, "price_data") if isinstance(line, Mapping) else {}
        amount, quantity = whole(price, "unit_amount"), whole(line, "quantity", 1) if price else None
        if amount is None or quantity is None:
            raise absent(f"{where}[price_data][unit_amount]" if quantity else f"{where}[quantity]")
        name = needed(table(price, "product_data"), "name", f"{where}[price_data][product_data][name]")
        currency = needed(price, "currency", f"{where}[price_data][currency]").lower()
        documents.money(amount, currency)
        currencies.add(currency)
        items.append({"id": account.new_id("li"), "name": name, "quantity": quantity, "unit_amount": amount})
    if len(currencies) > 1:
        raise RefusedError("All line items must have the same currency.", param="line_items")
    total = sum(item["unit_amount"] * item["quantity"] for item in items)
    if total <= 0:
        raise RefusedError("The total amount must be above zero.", code="amount_too_small")
    return items, currencies.pop(), total


def _expiry(asked: int | None, now: datetime) -> datetime:
    if asked is None:
        return now + _LONGEST_LIFE
    life = datetime.fromtimestamp(asked, UTC) - now
    if life < _SHORTEST_LIFE:
        raise RefusedError("The `expires_at` timestamp must be at least 30 minutes from now.", param="expires_at")
    if life >= _LONGEST_LIFE:
        raise RefusedError("The `expires_at` timestamp must be less than 24 hours from now.", param="expires_at")
    return now + life
