"""AzothPay's webhooks: only the id of the update is signed, so the signature is one half of the proof."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway_azothpay import mapping, wire
from gateway_azothpay.settings import AzothPaySettings
from gateway_core import WebhookEvent, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import check_signature, check_url_secret, parse, single_header
from gateway_core.wire import loads, structure

#: Somebody started to pay. The one update that can be confirmed: `isPaid` becomes true by it, and never false again.
CREATED = "stream_created"

_SIGNATURE = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_UPDATE_ID = re.compile(r"[!-~]{1,150}", re.ASCII)
_UPDATE_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)


def verify(request: WebhookRequest, settings: AzothPaySettings) -> tuple[wire.Notification, str]:
    """Return what a webhook with a genuine signature tells, and the id of the invoice to ask AzothPay about.

    What is signed is a field of the body. So the body has to be parsed before its signature can be checked, by the
    strict and bounded parser and only where a header of a signature's form is there; and until the signature is found
    right, nothing but that field is looked at.

    Raises:
        WebhookError: If the address does not bear the account's secret, if it has one, the signature is not that of the
            update's id, or the update is not written as AzothPay does.
    """
    check_url_secret(request, settings.url_secret)
    signature = single_header(request, settings.signature_header)
    if not _SIGNATURE.fullmatch(signature):
        raise WebhookError("its signature is wrong", reason=WebhookReason.WRONG_SIGNATURE)
    body = parse(loads, request.body)
    update_id = body.get("updateId") if isinstance(body, Mapping) else None
    if not isinstance(update_id, str) or not _UPDATE_ID.fullmatch(update_id):
        raise WebhookError("it has no usable updateId", reason=WebhookReason.MALFORMED)
    key = settings.api_key.reveal().encode("ascii")
    check_signature(update_id.encode("ascii"), [signature.lower()], [key])

    told = parse(lambda _: structure(body, wire.Notification), request.body)
    if not _UPDATE_TYPE.fullmatch(told.updateType):
        raise WebhookError("it has no usable updateType", reason=WebhookReason.MALFORMED)
    invoice_id = str(told.payload.id)
    if not mapping.is_id(invoice_id):
        raise WebhookError("the invoice's id is no whole number of 64 bits", reason=WebhookReason.MALFORMED)
    if told.payload.tx != update_id:
        raise WebhookError("its payload is not of the update that is signed", reason=WebhookReason.WRONG_SIGNATURE)
    return told, invoice_id


def confirm(told: wire.Notification, item: wire.Invoice, raw: Mapping[str, Any], currency: str) -> WebhookEvent:
    """Return the event that AzothPay's own answer proves, whatever the update calls itself: somebody subscribed.

    The name of the update is not signed, and that a subscription ended shows nowhere in the invoice. So the message
    chooses neither the event's kind nor its id: under a genuine signature nobody can make events that are not true, or
    take the id of one that is still to come.

    Raises:
        WebhookError: If AzothPay says something else of the invoice than was told, or does not show it as paid yet.
    """
    compared = {
        "rate": (told.payload.rate, item.rate),
        "recipient": (_address(told.payload.recipient), _address(item.recipient)),
    }
    differing = [name for name, (one, other) in compared.items() if None not in (one, other) and one != other]
    if differing:
        raise WebhookError(f"AzothPay says otherwise: {', '.join(differing)}", reason=WebhookReason.NOT_CONFIRMED)
    if not item.isPaid:
        # Every update is about an invoice that somebody has paid, and what AzothPay shows may lag behind.
        raise WebhookError("AzothPay does not say that it is paid", reason=WebhookReason.UNCONFIRMED)
    report = mapping.report(item, raw, currency)
    return WebhookEvent(
        id=f"{report.invoice_id}:{CREATED}",
        kind=CREATED,
        invoice_id=report.invoice_id,
        report=report,
        raw={"updateId": told.updateId, "updateType": told.updateType, "invoice": raw},
    )


def _address(text: str | None) -> str | None:
    """Return a wallet's address to compare: capital letters in it are a checksum and nothing more."""
    return None if text is None else text.lower()
