"""Mollie's webhooks: what may be read in one, and what is made of it.

There are two kinds. The classic one goes to the address that a payment bears and holds ``id=tr_...`` and nothing else,
unsigned. The newer one goes to a subscription, is signed, and holds an event as JSON. Of either kind no more is
believed than which payment to ask for. Sources: docs.mollie.com, "Webhooks", "Webhooks best practices";
github.com/mollie/mollie-api-php, src/Webhooks/SignatureValidator.php.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from gateway_core import Secret, WebhookEvent, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import check_signature, parse
from gateway_core.wire import loads, structure
from gateway_mollie import mapping, wire

SIGNATURE_HEADER = "X-Mollie-Signature"

#: The events that the plugin reads (API description, webhook-event-types).
EVENT_TYPES = (
    *("payment.paid", "payment.authorized", "payment.failed", "payment.canceled", "payment.expired", "payment.pending"),
    *("refund.queued", "refund.pending", "refund.processing", "refund.refunded", "refund.failed", "refund.canceled"),
    *("chargeback.received", "chargeback.reversed", "capture.succeeded", "capture.failed"),
)

_PREFIX = "sha256="

#: A classic webhook has one field; a few more would do no harm.
_MOST_FIELDS = 10


def is_signed_kind(body: bytes) -> bool:
    """Return whether a body is of the newer kind, which needs a signature."""
    return body.startswith(b"{")


def read_classic(body: bytes) -> str:
    """Return the id of the payment that a classic webhook is about.

    Raises:
        WebhookError: If it names none, or several.
    """
    try:
        fields = parse_qsl(body.decode("ascii"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        fields = []
    named = [value for name, value in fields if name == "id"]
    if len(named) != 1 or not wire.is_payment_id(named[0]):
        raise WebhookError("it is not of the form id=tr_...", reason=WebhookReason.MALFORMED)
    return named[0]


def read_signed(request: WebhookRequest, secrets: tuple[Secret, ...]) -> tuple[wire.Event, Mapping[str, Any]]:
    """Return the event of a webhook that is signed under one of the secrets.

    While a secret is replaced, there are two signatures, in two headers or in one that is divided by commas.

    Raises:
        WebhookError: If no signature is right, or the body cannot be read.
    """
    if not secrets:
        raise WebhookError("it is signed, and the account has no webhook_secrets", reason=WebhookReason.WRONG_SIGNATURE)
    values = [each.strip() for value in request.headers.get_all(SIGNATURE_HEADER) for each in value.split(",")]
    signatures = [each.removeprefix(_PREFIX) for each in values if each]
    check_signature(request.body, signatures, [secret.reveal().encode("utf-8") for secret in secrets])
    raw = parse(loads, request.body)
    return parse(lambda _: structure(raw, wire.Event), request.body), raw


def event(payment: wire.Payment, raw: Mapping[str, Any]) -> WebhookEvent:
    """Return what a payment's state tells, as an event: a classic webhook has none, and no id of its own."""
    return WebhookEvent(
        id=mapping.state_key(payment),
        kind=payment.status,
        invoice_id=payment.id,
        report=mapping.report(payment, raw),
        occurred_at=mapping.changed_at(payment),
        raw=raw,
    )


def signed_event(
    told: wire.Event, told_raw: Mapping[str, Any], found: tuple[wire.Payment, Mapping[str, Any]] | None
) -> WebhookEvent:
    """Return a signed event, with what Mollie says now of its payment; None where it tells of none."""
    if found is not None and told.type is None:
        return event(*found)
    report = None if found is None else mapping.report(*found)
    refunds = () if report is None else report.refunds
    return WebhookEvent(
        id=told.id,
        kind=told.type or told.resource,
        invoice_id=None if found is None else found[0].id,
        report=report,
        occurred_at=told.created_at,
        raw=told_raw,
        refund=next((each for each in refunds if each.id == told.entity_id), None),
    )
