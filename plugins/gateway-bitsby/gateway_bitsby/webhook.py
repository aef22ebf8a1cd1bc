"""Bitsby's webhooks are unsigned: what may be read in one, and when it is confirmed."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway_bitsby import mapping, wire
from gateway_bitsby.settings import is_uuid
from gateway_core import InvoiceStatus, Secret, WebhookEvent, WebhookRequest
from gateway_core.errors import UnexpectedResponseError, WebhookError, WebhookReason
from gateway_core.wire import decode

#: A real webhook's address has a handful.
_MOST_PARAMETERS = 100


def check_url_secret(request: WebhookRequest, secret: Secret | None) -> None:
    """Refuse a webhook whose address does not bear the secret, if there is one: before it costs a request to Bitsby.

    Every part of the address is compared, in constant time, so that the time taken tells nothing.

    Raises:
        WebhookError: If the address is not known, or no part of it is the secret.
    """
    if secret is None:
        return
    if request.url is None:
        raise WebhookError(
            "the secret in its address cannot be checked: give WebhookRequest its url",
            reason=WebhookReason.MISSING_SIGNATURE,
        )
    expected = secret.reveal().encode("ascii")
    genuine = False
    for part in _parts(request.url):
        genuine |= hmac.compare_digest(part.encode("utf-8", "replace"), expected)
    if not genuine:
        raise WebhookError("its address does not bear the secret", reason=WebhookReason.WRONG_SIGNATURE)


def _parts(url: str) -> Iterator[str]:
    """Give everything in an address that may be a secret: segments of its path, values of its query."""
    try:
        parts = urlsplit(url)
        values = parse_qsl(parts.query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return
    yield from map(unquote, parts.path.split("/"))
    yield from (value for _, value in values)


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
