"""Bitsby's webhooks are unsigned: what may be read in one, and when it is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_bitsby import mapping, wire
from gateway_bitsby.settings import is_uuid
from gateway_core import InvoiceStatus, WebhookEvent
from gateway_core.errors import UnexpectedResponseError, WebhookError, WebhookReason
from gateway_core.wire import decode


def read(body: bytes) -> wire.Notification:
    """Read what an unsigned body says, to ask Bitsby about it.

    Raises:
        WebhookError: If it is not a webhook of Bitsby's, or the invoice's id is not of the form of its ids.
    """
    try:
        told = decode(body, wire.Notification)
    except UnexpectedResponseError as error:
        reason = error.message
    else:
        if is_uuid(told.invoice.id):
            return told
        reason = "the invoice's id is no UUID"
    # Raised outside of the handler: what was caught there knows the body.
    raise WebhookError(reason, reason=WebhookReason.MALFORMED)


def confirm(told: wire.Notification, item: wire.ListedInvoice, raw: Mapping[str, Any]) -> WebhookEvent:
    """Return the event that Bitsby's own answer tells, if what was told agrees with it.

    Raises:
        WebhookError: If Bitsby does not say that the invoice is paid, or says something else of it than was told.
        UnexpectedResponseError: If Bitsby does not say by which payment.
    """
    report = mapping.report(item, raw)
    if report.status is not InvoiceStatus.PAID:
        # Bitsby's list may lag behind its webhooks: an invoice that may still become paid proves no forgery.
        lags = report.status in (InvoiceStatus.PENDING, InvoiceStatus.EXPIRED)
        reason = WebhookReason.UNCONFIRMED if lags else WebhookReason.NOT_CONFIRMED
        raise WebhookError("Bitsby does not say that it is paid", reason=reason)
    if item.payment is None:
        raise UnexpectedResponseError("Bitsby says that it is paid, and not by which payment")
    compared = {
        "status": (told.invoice.status, item.status),
        "amountFiat": (told.invoice.amountFiat, item.amountFiat),
        "currencyFiat": (told.invoice.currencyFiat, item.currencyFiat),
        "payment": (told.payment.id, item.payment.id),
    }
    differing = [name for name, (one, other) in compared.items() if one != other]
    if differing:
        raise WebhookError(f"Bitsby says otherwise: {', '.join(differing)}", reason=WebhookReason.NOT_CONFIRMED)
    return WebhookEvent(
        id=item.payment.id,
        kind="paid",
        invoice_id=item.id,
        report=report,
        occurred_at=mapping.moment(item.payment.transactionDatetime, "transactionDatetime"),
        raw=raw,
    )
