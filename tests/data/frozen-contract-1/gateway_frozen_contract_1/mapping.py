"""From what Frozen says to what the core says: tables, and one function for each record."""

from __future__ import annotations

from typing import Any

from gateway_core import (
    Currency,
    Invoice,
    InvoiceStatus,
    Money,
    Page,
    Payment,
    PaymentStatus,
    Refund,
    StatusReport,
    WebhookEvent,
)
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.listing import read_each
from gateway_core.wire import structure
from gateway_frozen_contract_1.wire import WireEvent, WireInvoice, WireList, WirePage, WirePayment, WireRefund

#: Each currency as Frozen counts it: it is not ISO 4217 that says what the smallest unit of an amount is.
CURRENCIES = {
    each.code: each
    for each in (
        Currency("BTC", 8, "bitcoin"),
        Currency("EUR", 2),
        Currency("GBP", 2),
        Currency("ISK", 2),
        Currency("JPY", 0),
        Currency("KWD", 3),
        Currency("USD", 2),
    )
}

#: The word for how an invoice stands. What was paid and refunded decides the rest: the core derives it.
INVOICE_STATUSES = {
    "open": InvoiceStatus.PENDING,
    "processing": InvoiceStatus.AUTHORIZED,
    "settled": InvoiceStatus.PAID,
    "expired": InvoiceStatus.EXPIRED,
    "void": InvoiceStatus.CANCELED,
    "declined": InvoiceStatus.FAILED,
    "refunded": InvoiceStatus.REFUNDED,
}

PAYMENT_STATUSES = {
    "pending": PaymentStatus.PENDING,
    "confirmed": PaymentStatus.CONFIRMED,
    "failed": PaymentStatus.FAILED,
    "refunded": PaymentStatus.REFUNDED,
}


def money(units: int, code: str) -> Money:
    """Read an amount."""
    return Money.from_minor(units, CURRENCIES.get(code, code))


def units(amount: Money) -> int:
    """Write an amount.

    Raises:
        InvalidRequestError: If Frozen does not know the currency, or the amount is no whole number of its units.
    """
    currency = CURRENCIES.get(amount.currency)
    if currency != amount.unit:
        raise InvalidRequestError(f"Frozen knows no {amount.unit}")
    return amount.to_minor(currency.exponent)


def invoice(raw: Any) -> Invoice:
    """Read an invoice.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire, known = structure(raw, WireInvoice), report(raw)
    return Invoice(
        id=wire.id,
        order_id=wire.reference,
        status=known.status,
        amount=money(wire.amount, wire.currency),
        payment_url=wire.pay_url,
        created_at=wire.created_at,
        expires_at=wire.expires_at,
        raw=raw,
    )


def report(raw: Any) -> StatusReport:
    """Read an invoice as what is known of it now.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire = structure(raw, WireInvoice)
    return StatusReport(
        invoice_id=wire.id,
        order_id=wire.reference,
        status=INVOICE_STATUSES.get(wire.status, InvoiceStatus.UNKNOWN),
        expected=money(wire.amount, wire.currency),
        received=money(wire.paid, wire.currency),
        refunded=money(wire.refunded, wire.currency),
        provider_status=wire.status,
        raw=raw,
    )


def only_invoice(raw: Any) -> Invoice | None:
    """Read the invoices of a reference, which are none or one.

    Raises:
        UnexpectedResponseError: If it does not fit, or there are several: which one counts is not ours to choose.
    """
    found = [invoice(each) for each in structure(raw, WireList).data]
    if len(found) > 1:
        raise UnexpectedResponseError(f"Frozen has {len(found)} invoices of this order: look at them in the dashboard")
    return found[0] if found else None


def payments(raw: Any) -> Page[Payment]:
    """Read one page of payments.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    page = structure(raw, WirePage)
    return Page(read_each(page.data, payment), page.next_cursor)


def payment(raw: Any) -> Payment:
    """Read a payment.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire = structure(raw, WirePayment)
    return Payment(
        id=wire.id,
        invoice_id=wire.invoice,
        amount=money(wire.amount, wire.currency),
        status=PAYMENT_STATUSES.get(wire.status, PaymentStatus.UNKNOWN),
        paid_at=wire.received_at,
        reference=wire.reference,
        raw=raw,
    )


def refund(raw: Any) -> Refund:
    """Read a refund.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire = structure(raw, WireRefund)
    return Refund(
        id=wire.id,
        refund_id=wire.reference,
        invoice_id=wire.invoice,
        amount=money(wire.amount, wire.currency),
        created_at=wire.created_at,
        raw=raw,
    )


def event(raw: Any) -> WebhookEvent:
    """Read a webhook that is known to be genuine.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire = structure(raw, WireEvent)
    known = None if wire.invoice is None else report(wire.invoice)
    return WebhookEvent(
        id=wire.id,
        kind=wire.type,
        invoice_id=None if known is None else known.invoice_id,
        report=known,
        occurred_at=wire.created_at,
        raw=raw,
    )
