"""From PayPal's words to the core's models: tables, and one function for each record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from gateway_core import (
    Capture,
    CaptureStatus,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Payment,
    PaymentStatus,
    ProviderInfo,
    Refund,
    RefundStatus,
    StatusReport,
    parse_reference,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.http import present
from gateway_core.listing import read_each
from gateway_core.wire import structure
from gateway_paypal import wire
from gateway_paypal.settings import PayPalOptions, PayPalSettings

#: Source: developer.paypal.com, currency codes.
CURRENCIES = (
    *("AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MYR", "MXN"),
    *("NOK", "NZD", "PHP", "PLN", "GBP", "SGD", "SEK", "CHF", "TWD", "THB", "USD"),
)
#: Where PayPal counts other decimals than ISO 4217.
EXPONENTS: Mapping[str, int] = MappingProxyType({"HUF": 0, "TWD": 0})
_COUNTS = ProviderInfo(title="PayPal", exponents=EXPONENTS)

#: An order's own word. COMPLETED says only that there is money with a status of its own.
ORDER_STATUSES: Mapping[str, InvoiceStatus] = MappingProxyType(
    {
        "CREATED": InvoiceStatus.PENDING,
        "SAVED": InvoiceStatus.PENDING,
        "PAYER_ACTION_REQUIRED": InvoiceStatus.PENDING,
        "APPROVED": InvoiceStatus.APPROVED,
        "VOIDED": InvoiceStatus.CANCELED,
    }
)
CAPTURE_STATUSES: Mapping[str, PaymentStatus] = MappingProxyType(
    {
        "COMPLETED": PaymentStatus.CONFIRMED,
        "PENDING": PaymentStatus.PENDING,
        "DECLINED": PaymentStatus.FAILED,
        "FAILED": PaymentStatus.FAILED,
        "PARTIALLY_REFUNDED": PaymentStatus.CONFIRMED,
        "REFUNDED": PaymentStatus.REFUNDED,
    }
)
AUTHORIZATION_STATUSES: Mapping[str, InvoiceStatus] = MappingProxyType(
    {
        "CREATED": InvoiceStatus.AUTHORIZED,
        "PENDING": InvoiceStatus.PENDING,
        "DENIED": InvoiceStatus.FAILED,
        "VOIDED": InvoiceStatus.CANCELED,
    }
)
_CAPTURED: Mapping[PaymentStatus, CaptureStatus] = MappingProxyType(
    {
        PaymentStatus.CONFIRMED: CaptureStatus.DONE,
        PaymentStatus.REFUNDED: CaptureStatus.DONE,
        PaymentStatus.PENDING: CaptureStatus.PENDING,
        PaymentStatus.FAILED: CaptureStatus.FAILED,
    }
)
REFUND_STATUSES: Mapping[str, RefundStatus] = MappingProxyType(
    {
        "COMPLETED": RefundStatus.DONE,
        "PENDING": RefundStatus.PENDING,
        "FAILED": RefundStatus.FAILED,
        "CANCELLED": RefundStatus.FAILED,
    }
)
#: Of the transaction search (source: Transaction Search v1, transaction_status).
TRANSACTION_STATUSES: Mapping[str, PaymentStatus] = MappingProxyType(
    {"S": PaymentStatus.CONFIRMED, "P": PaymentStatus.PENDING, "D": PaymentStatus.FAILED, "V": PaymentStatus.REFUNDED}
)

_CAME = frozenset({"COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"})
_LONGEST_TEXT = 127


def amount(money: Money) -> dict[str, str]:
    """Return an amount as PayPal takes it: text with as many decimals as PayPal counts.

    Raises:
        InvalidRequestError: If it has more.
    """
    return {"currency_code": money.currency, "value": _COUNTS.to_text(money)}


def money(told: wire.Amount, asked: Money | None = None) -> Money:
    """Read an amount of PayPal's."""
    return Money.read(told.value, told.currency_code, asked=asked)


def order_body(request: InvoiceRequest, settings: PayPalSettings) -> dict[str, Any]:
    """Return the body that creates an order. Its `invoice_id` is what PayPal takes one payment for only.

    Raises:
        InvalidRequestError: If a text is longer than PayPal takes.
    """
    options: PayPalOptions = request.options
    for name, text in [
        ("description", request.description),
        *(("a line item", each.name) for each in request.line_items),
    ]:
        if len(text) > _LONGEST_TEXT:
            raise InvalidRequestError(f"{name} has {_LONGEST_TEXT} characters at PayPal, at most")
    total = amount(request.amount)
    unit: dict[str, Any] = {"custom_id": request.reference, "invoice_id": request.reference, "amount": total}
    if request.description:
        unit["description"] = request.description
    if request.line_items:
        unit["amount"] = {**total, "breakdown": {"item_total": total}}
        unit["items"] = [
            {"name": item.name, "quantity": str(item.quantity), "unit_amount": amount(item.unit_amount)}
            for item in request.line_items
        ]
    context = {
        "return_url": request.return_url,
        "cancel_url": request.cancel_url,
        "locale": request.locale,
        "brand_name": settings.brand_name,
        "user_action": "PAY_NOW",
        "shipping_preference": options.shipping,
    }
    return {
        "intent": options.intent or settings.intent,
        "purchase_units": [unit],
        "payment_source": {"paypal": {"experience_context": present(context)}},
    }


def invoice(raw: Any, request: InvoiceRequest, *, replayed: bool) -> Invoice:
    """Read the order that a creation made; a short answer has no amount, and is of the one asked for.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    item = structure(raw, wire.Order)
    named: tuple[str | None, int | None] = (request.order_id, request.attempt)
    total = request.amount
    if item.purchase_units:
        named = parse_reference(item.unit.custom_id)
        total = _expected(item, request.amount) or total
    return Invoice(
        id=item.id,
        order_id=named[0],
        attempt=named[1],
        status=_status(item)[0],
        amount=total,
        payment_url=_page_of(item),
        created_at=item.create_time,
        raw=raw,
        replayed=replayed,
    )


def report(raw: Any, **more: Any) -> StatusReport:
    """Map an order to what is known of it.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    item = structure(raw, wire.Order)
    order_id, attempt = parse_reference(item.unit.custom_id)
    status, word = _status(item)
    expected = _expected(item, None)
    payments = item.payments
    captured = [each for each in payments.captures if each.status in _CAME]
    refunds = tuple(refund(each, item.id, raw) for each in payments.refunds if each.amount is not None)
    done = [each.amount for each in refunds if each.status is RefundStatus.DONE]
    received = refunded = None
    if expected is not None:
        zero = expected - expected
        received = sum((money(each.amount, expected) for each in captured if each.amount is not None), zero)
        refunded = sum(done, zero)
    references = {
        "capture": next((each.id for each in captured), None),
        "authorization": next((each.id for each in payments.authorizations), None),
    }
    return StatusReport(
        invoice_id=item.id,
        order_id=order_id,
        attempt=attempt,
        status=status,
        expected=expected,
        received=received,
        refunded=refunded,
        refunds=refunds,
        provider_status=word,
        raw=raw,
        references=present(references),
        **more,
    )


def refund(item: wire.Money, order_id: str, raw: Any) -> Refund:
    """Map a refund.

    Raises:
        UnexpectedResponseError: If it does not fit, or has a status that nobody knows.
    """
    status = REFUND_STATUSES.get(item.status)
    if status is None or item.amount is None:
        raise UnexpectedResponseError("the answer does not fit: a refund without a known status and an amount")
    told = item.amount
    return Refund(
        id=item.id,
        refund_id=item.custom_id,
        invoice_id=order_id,
        amount=money(told),
        status=status,
        created_at=item.create_time,
        raw=raw,
    )


def capture(item: wire.Money, capture_id: str, order_id: str, raw: Any) -> Capture:
    """Map a capture.

    Raises:
        UnexpectedResponseError: If it does not fit, or has a status that nobody knows.
    """
    known = CAPTURE_STATUSES.get(item.status)
    if known is None:
        raise UnexpectedResponseError("the answer does not fit: a capture with a status that is not known")
    return Capture(
        id=item.id,
        capture_id=capture_id,
        invoice_id=order_id,
        amount=None if item.amount is None else money(item.amount),
        status=_CAPTURED[known],
        created_at=item.create_time,
        raw=raw,
    )


def payments_of(raw: Any) -> list[Payment]:
    """Map the captures of an order.

    Raises:
        UnexpectedResponseError: If one does not fit.
    """
    item = structure(raw, wire.Order)
    return [
        _payment(each.id, item.id, each.amount, CAPTURE_STATUSES.get(each.status), each.create_time, raw)
        for each in item.payments.captures
    ]


def transactions(items: Iterable[Mapping[str, Any]]) -> list[Payment]:
    """Map the lines of the transaction search that are money from a buyer: others are refunds, fees and withdrawals.

    Raises:
        UnexpectedResponseError: If one does not fit.
    """
    found = read_each((item.get("transaction_info") for item in items), _transaction, id_name="transaction_id")
    return [payment for payment in found if payment is not None]


def _transaction(raw: Any) -> Payment | None:
    info = structure(raw, wire.TransactionInfo)
    if not info.transaction_event_code.startswith("T00") or info.transaction_amount.value <= 0:
        return None
    order_id = info.paypal_reference_id if info.paypal_reference_id_type == "ODR" else None
    status = TRANSACTION_STATUSES.get(info.transaction_status)
    at = info.transaction_initiation_date
    return _payment(info.transaction_id, order_id, info.transaction_amount, status, at, raw)


def _payment(  # noqa: PLR0913, PLR0917  # the fields of a payment, for two forms of it
    payment_id: str,
    order_id: str | None,
    told: wire.Amount | None,
    status: PaymentStatus | None,
    at: datetime | None,
    raw: Any,
) -> Payment:
    return Payment(
        id=payment_id,
        invoice_id=order_id,
        amount=None if told is None else money(told),
        status=status or PaymentStatus.UNKNOWN,
        paid_at=at,
        reference=payment_id,
        raw=raw,
        references={"capture": payment_id},
    )


def _status(item: wire.Order) -> tuple[InvoiceStatus, str]:
    """Return what an order means, and the word that says so: that of its money, once there is any."""
    if item.status != "COMPLETED" or not item.purchase_units:
        return ORDER_STATUSES.get(item.status, InvoiceStatus.UNKNOWN), item.status
    captures, authorizations = item.payments.captures, item.payments.authorizations
    for words, status in (
        (_CAME, InvoiceStatus.PAID),
        ({"PENDING"}, InvoiceStatus.PENDING),
        ({"DECLINED", "FAILED"}, InvoiceStatus.FAILED),
    ):
        found = next((each.status for each in captures if each.status in words), None)
        if found is not None:
            return status, found
    for each in captures or authorizations:
        word = InvoiceStatus.UNKNOWN if captures else AUTHORIZATION_STATUSES.get(each.status, InvoiceStatus.UNKNOWN)
        return word, each.status
    return InvoiceStatus.UNKNOWN, item.status


def _expected(item: wire.Order, asked: Money | None) -> Money | None:
    told = item.unit.amount
    return None if told is None else money(told, asked)


def _page_of(item: wire.Order) -> str | None:
    pages = {link.rel: link.href for link in item.links}
    return pages.get("payer-action") or pages.get("approve")
