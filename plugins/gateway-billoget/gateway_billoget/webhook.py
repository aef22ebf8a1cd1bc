"""Webhooks: the signature first, over the bytes as they came; then what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from gateway_billoget import wire
from gateway_billoget.settings import BillogetSettings
from gateway_core import WebhookRequest
from gateway_core.errors import InvalidRequestError, WebhookError, WebhookReason
from gateway_core.webhooks import check_signature, parse, single_header
from gateway_core.wire import loads, structure


def check(request: WebhookRequest, settings: BillogetSettings) -> None:
    """Refuse a webhook unless it bears the HMAC-SHA256 of its body under one of the active secrets.

    The prefix, such as ``sha256=``, is a fixed text that may be there or not: it selects nothing.

    Raises:
        WebhookError: If it does not.
    """
    given = single_header(request, settings.webhook_header).removeprefix(settings.webhook_prefix)
    keys = [secret.reveal().encode("utf-8") for secret in settings.webhook_secret]
    check_signature(request.body, [given], keys, settings.webhook_encoding)


def read(request: WebhookRequest, settings: BillogetSettings) -> tuple[wire.Notification, Mapping[str, Any]]:
    """Read a genuine webhook, and return it as it came too.

    Raises:
        WebhookError: If it is not one of Billoget's, or of a time that is too far off.
    """
    raw = parse(loads, request.body)
    told = parse(lambda _: structure(raw, wire.Notification), request.body)
    if settings.webhook_tolerance is not None:
        if request.received_at is None:
            raise InvalidRequestError("received_at is missing: a gateway stamps it")
        at = wire.moment(told.timestamp)
        if at is None:
            raise WebhookError("its timestamp is missing, or none with a time zone", reason=WebhookReason.MALFORMED)
        if abs(request.received_at - at) > settings.webhook_tolerance:
            raise WebhookError("its timestamp is too old or too far in the future", reason=WebhookReason.STALE)
    return told, raw


def key_of(told: wire.Notification, body: bytes) -> str:
    """Return the key by which the same delivery is known when it comes again: its own id, or else its content."""
    known = None if told.metadata is None else told.metadata.delivery_id
    return known or f"sha256:{hashlib.sha256(body).hexdigest()}"
