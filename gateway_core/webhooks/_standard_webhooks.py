"""The scheme of Standard Webhooks, which Svix wrote."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason
from gateway_core.models.secret import SHORTEST_SIGNING_SECRET, Secret
from gateway_core.models.webhook import WebhookRequest
from gateway_core.webhooks._request import single_header
from gateway_core.webhooks._signatures import EPOCH, check_signature, check_timestamp, encoded, sign, usable

_BASE64 = re.compile(r"[A-Za-z0-9+/]+", re.ASCII)
_MESSAGE_ID = re.compile(r"[!-~]{1,255}")


def standard_key(secret: Secret) -> bytes:
    """Return the key that a Standard Webhooks secret (``whsec_`` and base64) stands for.

    Raises:
        ConfigurationError: If it is not of that form, or shorter than 16 bytes.
    """
    text = secret.reveal().removeprefix("whsec_")
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error is one
        key = b""
    if len(key) >= SHORTEST_SIGNING_SECRET:
        return key
    form = f"a webhook secret is `whsec_` followed by base64 of at least {SHORTEST_SIGNING_SECRET} bytes"
    if _BASE64.fullmatch(text) and len(text) % 4:
        # Read as if it were whole, a secret that was cut would refuse every webhook.
        raise ConfigurationError(f"{form}: it lacks the `=` at its end, or more of it")
    raise ConfigurationError(form)


def check_standard(
    request: WebhookRequest, secrets: Iterable[Secret], tolerance: timedelta = timedelta(minutes=5)
) -> str:
    """Refuse a message that does not hold by the Standard Webhooks scheme; return its id.

    Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. Only ``v1`` (HMAC-SHA256) is
    known here: no name inside the header chooses another algorithm. The headers may have the names of Svix, who wrote
    the scheme (``svix-id`` and so on), where none has the scheme's own.

    Args:
        request: The webhook, with its ``received_at`` stamped.
        secrets: The active secrets, as `standard_key` wants them.
        tolerance: How far the time of sending may be off.

    Raises:
        WebhookError: If it does not hold.
        ConfigurationError: If there is no usable secret, or the tolerance is not above zero.
    """
    if request.received_at is None:
        raise InvalidRequestError("received_at is missing: a gateway stamps it")
    keys = usable(standard_key(secret) for secret in secrets)
    brand = _brand(request)
    message_id = single_header(request, f"{brand}-id")
    seconds = single_header(request, f"{brand}-timestamp")
    signatures = single_header(request, f"{brand}-signature").split(" ")
    candidates = [text for version, _, text in (each.partition(",") for each in signatures) if version == "v1"]
    check_signature(b".".join((encoded(message_id), encoded(seconds), request.body)), candidates, keys, "base64")
    check_timestamp(seconds, request.received_at, tolerance)
    if not _MESSAGE_ID.fullmatch(message_id):
        raise WebhookError("its id is unusable", reason=WebhookReason.MALFORMED)
    return message_id


def sign_standard(secret: Secret, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a message by the Standard Webhooks scheme.

    Args:
        secret: The secret, as `standard_key` wants it.
        message_id: The message's id: the same for every attempt to deliver it.
        at: The time of this attempt, with a time zone.
        body: The body, as it is sent.
    """
    seconds = str((at - EPOCH) // timedelta(seconds=1))
    signed = b".".join((encoded(message_id), encoded(seconds), body))
    signature = sign(standard_key(secret), signed, "base64").decode("ascii")
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def _brand(request: WebhookRequest) -> Literal["webhook", "svix"]:
    """Return how the names of the headers begin; never some of each, so that no set is put together of two."""
    headers, names = request.headers, ("id", "timestamp", "signature")
    if "webhook-id" in headers:
        return "webhook"
    branded = any(f"svix-{name}" in headers for name in names)
    return "svix" if branded and not any(f"webhook-{name}" in headers for name in names) else "webhook"
