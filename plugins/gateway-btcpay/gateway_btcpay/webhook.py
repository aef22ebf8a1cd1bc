"""BTCPay Server's webhooks: the signature over the whole body, and what may be read in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway_btcpay import wire
from gateway_core import Secret, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import check_signature, parse, single_header
from gateway_core.wire import loads, structure

SIGNATURE_HEADER = "BTCPay-Sig"
PREFIX = "sha256="

#: The events about an invoice (source: Greenfield API, webhooks; the last three came with 2.2 and 2.4.1). None bears a
#: status or an amount: the server is asked for those. Any other event is passed on without a report.
INVOICE_EVENTS = frozenset(
    {
        "InvoiceCreated",
        "InvoiceReceivedPayment",
        "InvoicePaymentSettled",
        "InvoiceProcessing",
        "InvoiceSettled",
        "InvoiceExpired",
        "InvoiceInvalid",
        "InvoiceExpiredPaidPartial",
        "InvoicePaidAfterExpiration",
        "InvoiceRefund",
    }
)


def verify(request: WebhookRequest, secrets: Iterable[Secret], store_id: str) -> tuple[wire.Event, Any]:
    """Check the signature of a webhook, and read it afterwards.

    Returns:
        The event, and the same as it was sent.

    Raises:
        WebhookError: If the signature is missing or wrong, or the event is no event of this store.
    """
    value = single_header(request, SIGNATURE_HEADER)
    if not value.startswith(PREFIX):
        raise WebhookError("its signature is of another kind than sha256", reason=WebhookReason.MALFORMED)
    keys = [secret.reveal().encode("utf-8") for secret in secrets]
    check_signature(request.body, [value.removeprefix(PREFIX)], keys)
    raw = parse(loads, request.body)
    event = parse(lambda _: structure(raw, wire.Event), request.body)
    if event.store_id != store_id:
        raise WebhookError("it is about another store", reason=WebhookReason.WRONG_ACCOUNT)
    if not event.original_delivery_id or (event.type in INVOICE_EVENTS and not event.invoice_id):
        raise WebhookError("it names no delivery, or no invoice", reason=WebhookReason.MALFORMED)
    return event, raw
