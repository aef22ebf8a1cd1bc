"""From what the sandbox says to what the core says: tables, and one function for each record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from gateway_core import (
    Capture,
    CaptureStatus,
    Invoice,
    InvoiceStatus,
    Money,
    Page,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    StatusReport,
    WebhookEvent,
)
from gateway_core.errors import UnexpectedResponseError
from gateway_core.listing import read_each
from gateway_core.models import parse_reference
from gateway_core.wire import structure
from gateway_sandbox.wire import (
    WireAmount,
    WireCapture,
    WireEvent,
    WireInvoice,
    WireInvoiceData,
    WireList,
    WirePayment,
    WireRefund,
)

T = TypeVar("T")

#: The sandbox's words for an invoice. A word that is not here is UNKNOWN.
INVOICE_STATUSES: Mapping[str, InvoiceStatus] = MappingProxyType(
    {
        "open": InvoiceStatus.PENDING,
        "authorized": InvoiceStatus.AUTHORIZED,
        "partially_paid": InvoiceStatus.PARTIALLY_PAID,
        "paid": InvoiceStatus.PAID,
        "overpaid": InvoiceStatus.OVERPAID,
        "expired": InvoiceStatus.EXPIRED,
        "canceled": InvoiceStatus.CANCELED,
        "failed": InvoiceStatus.FAILED,
        "partially_refunded": InvoiceStatus.PARTIALLY_REFUNDED,
        "refunded": InvoiceStatus.REFUNDED,
    }
)

#: The sandbox's words for a payment.
PAYMENT_STATUSES: Mapping[str, PaymentStatus] = MappingProxyType(
    {
        "authorized": PaymentStatus.PENDING,
        "succeeded": PaymentStatus.CONFIRMED,
        "failed": PaymentStatus.FAILED,
        "refunded": PaymentStatus.REFUNDED,
    }
)

#: The sandbox's words for a refund. A word that is not here is PENDING: it says neither that money went back, nor that
#: it did not.
REFUND_STATUSES: Mapping[str, RefundStatus] = MappingProxyType(
    {
        "pending": RefundStatus.PENDING,
        "succeeded": RefundStatus.DONE,
        "failed": RefundStatus.FAILED,
    }
)

#: The sandbox's words for a capture, as above.
CAPTURE_STATUSES: Mapping[str, CaptureStatus] = MappingProxyType({"succeeded": CaptureStatus.DONE})

#: The events that tell how an invoice stands. Any other is passed on without a report.
INVOICE_EVENTS = frozenset(
    {
        "invoice.authorized",
        "invoice.partially_paid",
        "invoice.paid",
        "invoice.overpaid",
        "invoice.expired",
        "invoice.canceled",
        "invoice.failed",
        "invoice.partially_refunded",
        "invoice.refunded",
        "invoice.disputed",
        "invoice.dispute_won",
        "invoice.dispute_lost",
        "refund.failed",
    }
)


def money(amount: WireAmount) -> Money:
    """Read an amount."""
    return Money.read(amount.amount, amount.currency, network=amount.network)


def amount_to_wire(amount: Money) -> dict[str, str]:
    """Write an amount."""
    network = {} if amount.network is None else {"network": amount.network}
    return {"amount": f"{amount.amount:f}", "currency": amount.currency, **network}


def report(raw: Any) -> StatusReport:
    """Read an invoice as what is known of it now.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    return _report(structure(raw, WireInvoice), raw)


def _report(wire: WireInvoice, raw: Any) -> StatusReport:
    order_id, attempt = parse_reference(wire.order_id)
    return StatusReport(
        invoice_id=wire.id,
        order_id=order_id,
        attempt=attempt,
        status=INVOICE_STATUSES.get(wire.status, InvoiceStatus.UNKNOWN),
        expected=money(wire.amount),
        received=money(wire.received),
        refunded=money(wire.refunded),
        provider_status=wire.status,
        raw=raw,
    )


def invoice(raw: Any) -> Invoice:
    """Read an invoice.

    Raises:
        UnexpectedResponseError: If it does not fit. It bears the invoice's id if that can be read.
    """
    try:
        wire = structure(raw, WireInvoice)
        known = _report(wire, raw)
        return Invoice(
            id=wire.id,
            order_id=known.order_id,
            attempt=known.attempt,
            status=known.status,
            amount=money(wire.amount),
            payment_url=wire.checkout_url,
            created_at=wire.created_at,
            expires_at=wire.expires_at,
            raw=raw,
        )
    except UnexpectedResponseError as error:
        found = raw.get("id") if isinstance(raw, Mapping) else None
        error.invoice_id = found if isinstance(found, str) else None
        raise


def only_invoice(raw: Any) -> Invoice | None:
    """Read the list of an order's invoices, which holds one or none.

    Raises:
        UnexpectedResponseError: If it does not fit, or there are several: which one counts is not ours to choose.
    """
    found = structure(raw, WireList).data
    if len(found) > 1:
        raise UnexpectedResponseError("there are several invoices of this order: look at them before you choose one")
    return invoice(found[0]) if found else None


def payments(raw: Any, invoice_id: str | None) -> Page[Payment]:
    """Read one page of payments, those of one invoice if one is named.

    Raises:
        UnexpectedResponseError: If it does not fit, or holds a payment of another invoice.
    """
    page = structure(raw, WireList)
    items = read_each(page.data, payment)
    if invoice_id is not None and any(item.invoice_id != invoice_id for item in items):
        raise UnexpectedResponseError("the answer holds a payment of another invoice")
    return Page(items, page.next_cursor)


def payment(raw: Any) -> Payment:
    """Read a payment.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire = structure(raw, WirePayment)
    return Payment(
        id=wire.id,
        invoice_id=wire.invoice_id,
        amount=money(wire.amount),
        status=PAYMENT_STATUSES.get(wire.status, PaymentStatus.UNKNOWN),
        paid_at=wire.created_at,
        reference=wire.reference,
        raw=raw,
    )


def capture(raw: Any, capture_id: str) -> Capture:
    """Read the capture with this key of the shop's.

    Raises:
        UnexpectedResponseError: If it does not fit, or is another capture.
    """
    wire = structure(raw, WireCapture)
    if wire.reference != capture_id:
        raise UnexpectedResponseError("the answer is about another capture")
    return Capture(
        id=wire.id,
        capture_id=wire.reference,
        invoice_id=wire.invoice_id,
        amount=money(wire.amount),
        status=CAPTURE_STATUSES.get(wire.status, CaptureStatus.PENDING),
        created_at=wire.created_at,
        raw=raw,
    )


def refund(raw: Any, refund_id: str | None = None) -> Refund:
    """Read a refund: the one with this key of the shop's, if one is given.

    Raises:
        UnexpectedResponseError: If it does not fit, or is another refund.
    """
    wire = structure(raw, WireRefund)
    if refund_id not in (None, wire.reference):
        raise UnexpectedResponseError("the answer is about another refund")
    return Refund(
        id=wire.id,
        refund_id=wire.reference,
        invoice_id=wire.invoice_id,
        amount=money(wire.amount),
        status=REFUND_STATUSES.get(wire.status, RefundStatus.PENDING),
        created_at=wire.created_at,
        raw=raw,
    )


def event(raw: Any, event_id: str) -> WebhookEvent:
    """Read a webhook that is known to be genuine.

    Args:
        raw: The parsed body.
        event_id: The id that the signature covers.

    Raises:
        UnexpectedResponseError: If it does not fit.
    """
    wire = structure(raw, WireEvent)
    known = report(structure(wire.data, WireInvoiceData).invoice) if wire.type in INVOICE_EVENTS else None
    return WebhookEvent(
        id=event_id,
        kind=wire.type,
        invoice_id=None if known is None else known.invoice_id,
        report=known,
        occurred_at=wire.created_at,
        raw=raw,
    )
