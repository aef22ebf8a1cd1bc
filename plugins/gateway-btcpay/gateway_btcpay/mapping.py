"""From BTCPay Server's words to the core's models: tables, and one function for each record."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from gateway_btcpay import wire
from gateway_core import (
    Currency,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Payment,
    PaymentStatus,
    Refund,
    RefundRequest,
    StatusReport,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.http import present
from gateway_core.listing import read_each
from gateway_core.models import RefundStatus, parse_reference
from gateway_core.wire import structure

#: What `status` and `additional_status` say together (source: the server's InvoiceWatcher and InvoiceEntity, 2.4.1). A
#: pair that is not here is UNKNOWN. A payment that waits for its confirmations may still be replaced or double spent,
#: and its invoice falls back to New: it is PENDING. One that was paid after its time stays EXPIRED, for the rate was
#: that of another time: somebody at the shop looks at it, and marks it at the server.
STATUSES: Mapping[tuple[str, str], InvoiceStatus] = MappingProxyType(
    {
        ("New", "None"): InvoiceStatus.PENDING,
        ("New", "PaidPartial"): InvoiceStatus.PENDING,
        ("Processing", "None"): InvoiceStatus.PENDING,
        ("Processing", "PaidOver"): InvoiceStatus.PENDING,
        ("Settled", "None"): InvoiceStatus.PAID,
        ("Settled", "PaidOver"): InvoiceStatus.OVERPAID,
        ("Settled", "Marked"): InvoiceStatus.PAID,
        ("Expired", "None"): InvoiceStatus.EXPIRED,
        ("Expired", "PaidPartial"): InvoiceStatus.EXPIRED,
        ("Expired", "PaidLate"): InvoiceStatus.EXPIRED,
        ("Invalid", "None"): InvoiceStatus.FAILED,
        ("Invalid", "PaidOver"): InvoiceStatus.FAILED,
        ("Invalid", "Marked"): InvoiceStatus.CANCELED,
    }
)

PAYMENT_STATUSES: Mapping[str, PaymentStatus] = MappingProxyType(
    {
        "Processing": PaymentStatus.PENDING,
        "Settled": PaymentStatus.CONFIRMED,
        "Invalid": PaymentStatus.FAILED,
    }
)

SATOSHIS = Currency("SATS", 0)

#: Those in which an invoice is paid in part: how much of it is certain is seen in its payments only.
_IN_PART = frozenset({("New", "PaidPartial"), ("Expired", "PaidPartial")})
#: Those in which the amount that the server counts is certain.
_CERTAIN = frozenset({("Settled", "None"), ("Settled", "PaidOver")})
_NOTHING_CAME = frozenset({("New", "None"), ("Expired", "None")})

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: A Lightning payment is counted in thousandths of a satoshi.
_LIGHTNING_DECIMALS = 11


def create_body(request: InvoiceRequest) -> dict[str, Any]:
    """Return the body that creates an invoice.

    Raises:
        InvalidRequestError: If the time to pay is no whole number of minutes.
    """
    checkout = {
        "expirationMinutes": _minutes(request.expires_in),
        "redirectURL": request.return_url,
        "defaultLanguage": request.locale,
        "speedPolicy": request.options.speed_policy,
        "paymentMethods": list(request.options.payment_methods) or None,
    }
    return {
        "amount": f"{request.amount.amount:f}",
        "currency": request.amount.currency,
        "metadata": _metadata(request),
        "checkout": present(checkout),
    }


def _metadata(request: InvoiceRequest) -> dict[str, Any]:
    """Return what is stored with the invoice, by the names that the server shows; the shop's own texts stand apart."""
    fields: dict[str, Any] = {"orderId": request.reference, "itemDesc": request.description or None}
    if request.customer is not None:
        fields |= {"buyerName": request.customer.name, "buyerEmail": request.customer.email}
        address = request.customer.address
        if address is not None:
            fields |= {
                "buyerAddress1": address.line1,
                "buyerAddress2": address.line2,
                "buyerCity": address.city,
                "buyerState": address.state,
                "buyerZip": address.postal_code,
                "buyerCountry": address.country,
            }
    if request.metadata:
        fields["shop"] = dict(request.metadata)
    return present(fields)


def invoice(raw: Any, store_id: str, asked: Money | None = None) -> Invoice:
    """Read an invoice of this store.

    Args:
        raw: The answer.
        store_id: The store's id.
        asked: The amount that was asked for, if this answers a creation.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    item = invoice_item(raw, store_id)
    order_id, attempt = _order_of(item)
    amount = _expected(item, asked)
    if amount is None:
        raise UnexpectedResponseError("the answer does not fit: an invoice without an amount")
    return Invoice(
        id=item.id,
        order_id=order_id,
        attempt=attempt,
        status=STATUSES.get((item.status, item.additional_status), InvoiceStatus.UNKNOWN),
        amount=amount,
        payment_url=item.checkout_link,
        created_at=item.created_time,
        expires_at=item.expiration_time,
        raw=raw,
    )


def invoice_item(raw: Any, store_id: str) -> wire.Invoice:
    """Return the fields of an invoice that are used, of this store and no other.

    Raises:
        UnexpectedResponseError: If it does not fit, or is another store's.
    """
    item = structure(raw, wire.Invoice)
    if item.store_id != store_id:
        raise UnexpectedResponseError("the answer is about another store")
    return item


def is_paid_in_part(item: wire.Invoice) -> bool:
    """Return whether the payments must be looked at to know what came."""
    return (item.status, item.additional_status) in _IN_PART


def may_have_payments(item: wire.Invoice) -> bool:
    """Return whether money may have come, so that a list looks for the payments."""
    return bool(
        item.paid_amount is None or item.paid_amount or (item.status, item.additional_status) not in _NOTHING_CAME
    )


def report(item: wire.Invoice, raw: Any, methods: Iterable[wire.PaymentMethod] = ()) -> StatusReport:
    """Map an invoice to what is known of it.

    Args:
        item: The invoice.
        raw: The same, as it was sent.
        methods: Its payment methods, where `is_paid_in_part` demands them.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    order_id, attempt = _order_of(item)
    expected = _expected(item, None)
    return StatusReport(
        invoice_id=item.id,
        order_id=order_id,
        attempt=attempt,
        status=STATUSES.get((item.status, item.additional_status), InvoiceStatus.UNKNOWN),
        expected=expected,
        received=_received(item, methods),
        provider_status=item.status,
        raw=raw,
    )


def payments(methods: Iterable[wire.PaymentMethod], invoice_id: str) -> list[Payment]:
    """Map every payment of an invoice, in the order in which they came.

    Raises:
        UnexpectedResponseError: If one does not fit.
    """
    found = [
        payment
        for method in methods
        for payment in read_each(method.payments, functools.partial(_payment, method, invoice_id))
    ]
    return sorted(found, key=lambda payment: (payment.paid_at or _EPOCH, payment.id))


def refund(raw: Any, request: RefundRequest) -> Refund:
    """Map the pull payment that a refund made: nothing has gone back before the buyer claims it.

    Raises:
        UnexpectedResponseError: If it does not fit, or is of another amount.
    """
    item = structure(raw, wire.PullPayment)
    amount = _money(item.amount, item.currency, request.amount)
    if amount != request.amount:
        raise UnexpectedResponseError("the answer is about a refund of another amount")
    return Refund(
        id=item.id,
        refund_id=request.refund_id,
        invoice_id=request.invoice_id,
        amount=amount,
        status=RefundStatus.PENDING,
        created_at=item.starts_at,
        raw=raw,
        references={"claim_url": item.view_link},
    )


def _payment(method: wire.PaymentMethod, invoice_id: str, raw: Mapping[str, Any]) -> Payment:
    each = structure(raw, wire.Payment)
    return Payment(
        id=each.id,
        invoice_id=invoice_id,
        amount=_crypto(each.value, method.currency),
        status=PAYMENT_STATUSES.get(each.status, PaymentStatus.UNKNOWN),
        paid_at=each.received_date,
        reference=each.id,
        raw=raw,
    )


def _received(item: wire.Invoice, methods: Iterable[wire.PaymentMethod]) -> Money | None:
    """Return what has surely come, in the invoice's currency; None where the server does not tell."""
    pair = (item.status, item.additional_status)
    if item.paid_amount is None:
        return None
    paid = _money(item.paid_amount, item.currency)
    if pair in _CERTAIN or (pair in _NOTHING_CAME and not paid):
        return paid
    if pair in _IN_PART:
        words = {payment.get("status") for method in methods for payment in method.payments}
        if words == {"Settled"}:
            return paid
        if words == {"Processing"}:
            return paid - paid
    return None


def _expected(item: wire.Invoice, asked: Money | None) -> Money | None:
    return None if item.amount is None else _money(item.amount, item.currency, asked)


def _order_of(item: wire.Invoice) -> tuple[str | None, int | None]:
    found = item.metadata and item.metadata.order_id
    return parse_reference(found if isinstance(found, str) else None)


def _money(amount: Decimal, code: str, asked: Money | None = None) -> Money:
    """Read an amount; SATS, whole satoshis, are a currency of the server's own."""
    return Money(amount, SATOSHIS) if code == SATOSHIS.code else Money.read(amount, code, asked=asked)


def _crypto(amount: Decimal, code: str) -> Money | None:
    """Return an amount in a method's currency; None if nobody knows an asset of this name."""
    try:
        unit = Currency.find(code)
        digits = -int(amount.as_tuple().exponent)
        return Money(amount, unit if digits <= unit.exponent else Currency(code, _LIGHTNING_DECIMALS, unit.network))
    except InvalidRequestError:
        return None


def _minutes(time: timedelta | None) -> int | None:
    if time is None:
        return None
    minutes, rest = divmod(time, timedelta(minutes=1))
    if rest:
        raise InvalidRequestError("expires_in must be a whole number of minutes")
    return minutes
