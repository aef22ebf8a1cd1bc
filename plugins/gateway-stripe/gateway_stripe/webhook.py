"""Stripe's webhooks: the signature over time and body, and what an event is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gateway_core import WebhookRequest
from gateway_core.errors import InvalidRequestError, WebhookError, WebhookReason
from gateway_core.webhooks import check_signature, check_timestamp, parse, single_header
from gateway_core.wire import decode
from gateway_stripe import wire
from gateway_stripe.settings import StripeSettings

#: How far the time of sending may be off: what Stripe's own libraries take.
TOLERANCE = timedelta(minutes=5)

#: The events that say something of a payment, and that `register_webhook` asks for.
EVENTS = (
    *("checkout.session.completed", "checkout.session.expired"),
    *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
    *("payment_intent.amount_capturable_updated", "payment_intent.canceled"),
    *("payment_intent.payment_failed", "payment_intent.succeeded"),
    *("charge.refunded", "charge.expired", "refund.created", "refund.updated", "refund.failed"),
    *("charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed"),
    *("charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"),
)

#: The event that says that a payment failed which the session in it still tells as unpaid.
PAYMENT_FAILED = "checkout.session.async_payment_failed"


def read(request: WebhookRequest, settings: StripeSettings) -> wire.Event:
    """Return the event in a webhook, once it is known to be genuine.

    Raises:
        WebhookError: If it is not, or is of the other mode or another account.
        ConfigurationError: If there is no secret to know it by.
    """
    if request.received_at is None:
        raise InvalidRequestError("received_at is missing: a gateway stamps it")
    header = single_header(request, "Stripe-Signature")
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise WebhookError("its signature has no time, or several", reason=WebhookReason.MALFORMED)
    keys = [secret.reveal().encode("utf-8") for secret in settings.webhook_secret]
    signed = times[0].encode("utf-8", "surrogatepass") + b"." + request.body
    check_signature(signed, [value for name, _, value in parts if name == "v1"], keys)
    check_timestamp(times[0], request.received_at, TOLERANCE)
    event = parse(_decode, request.body)
    if event.livemode not in (None, settings.live):
        raise WebhookError("it is of the other mode, test or live", reason=WebhookReason.WRONG_ACCOUNT)
    if event.account is not None and event.account != settings.account:
        raise WebhookError("it is about another connected account", reason=WebhookReason.WRONG_ACCOUNT)
    return event


def intent_id_of(event: wire.Event) -> str | None:
    """Return the id of the PaymentIntent that an event is about; None if it is about none."""
    if event.type not in EVENTS:
        return None
    about: Mapping[str, Any] = event.data.object
    if about.get("object") == "payment_intent":
        return wire.id_of(about)
    return wire.id_of(about.get("payment_intent"))


def _decode(body: bytes) -> wire.Event:
    event = decode(body, wire.Event)
    if event.object != "event":
        raise InvalidRequestError(
            "it is no snapshot event: choose that payload style for the endpoint, a thin one holds no object"
        )
    return event
