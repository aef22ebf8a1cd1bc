"""For plugin authors: signatures in constant time, timestamps, several secrets.

Verify first, parse afterwards: nothing in a body may be looked at before its signature has been found right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from gateway_core.errors import ConfigurationError, UnexpectedResponseError, WebhookError, WebhookReason
from gateway_core.models.secret import Secret
from gateway_core.models.webhook import WebhookRequest

T = TypeVar("T")

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)

#: Signatures in one header: several while secrets are rotated, never many.
_MOST_SIGNATURES = 10


def sign(secret: bytes, message: bytes, encoding: Literal["hex", "base64"] = "hex") -> bytes:
    """Return the HMAC-SHA256 of a message, as ASCII text in bytes."""
    digest = hmac.new(secret, message, hashlib.sha256).digest()
    return base64.b64encode(digest) if encoding == "base64" else digest.hex().encode("ascii")


def check_signature(
    message: bytes,
    candidates: Iterable[str],
    secrets: Iterable[bytes],
    encoding: Literal["hex", "base64"] = "hex",
) -> None:
    """Refuse a message unless one of the given signatures is its HMAC-SHA256 under one of the active secrets.

    Every signature is compared with every secret, in constant time, so that the time taken tells nothing.

    Args:
        message: Exactly the bytes that are signed.
        candidates: The signatures found in the message.
        secrets: The active secrets.
        encoding: How the provider writes a digest.

    Raises:
        WebhookError: If no signature is there, or none is right.
        ConfigurationError: If there is no secret, or an empty one.
    """
    keys = list(secrets)
    if not keys or not all(keys):
        raise ConfigurationError("a webhook cannot be verified without a secret")
    given = [candidate.encode("utf-8", "surrogateescape") for candidate in candidates]
    if not given:
        raise WebhookError("it bears no signature", reason=WebhookReason.MISSING_SIGNATURE)
    genuine = False
    for key in keys:
        expected = sign(key, message, encoding)
        for candidate in given:
            genuine |= hmac.compare_digest(expected, candidate)
    if not genuine or len(given) > _MOST_SIGNATURES:
        raise WebhookError("its signature is wrong", reason=WebhookReason.WRONG_SIGNATURE)


def single_header(request: WebhookRequest, name: str, *, missing: WebhookReason = WebhookReason.MISSING_SIGNATURE) -> str:
    """Return the one value of a header.

    Raises:
        WebhookError: If it is not there, or more than once: which one counts must not be the sender's choice.
    """
    values = request.headers.get_all(name)
    if not values:
        raise WebhookError(f"the header {name} is missing", reason=missing)
    if len(values) > 1:
        raise WebhookError(f"the header {name} is there more than once", reason=WebhookReason.MALFORMED)
    return values[0]


def check_timestamp(seconds: str, now: datetime, tolerance: timedelta) -> datetime:
    """Refuse a time that is not close to now, on either side; return it if it is.

    Args:
        seconds: Unix seconds, as the sender wrote them.
        now: When the message came.
        tolerance: How far it may be off.

    Raises:
        WebhookError: If it is no number of seconds in plain ASCII digits, or too far off.
        ConfigurationError: If the tolerance is not above zero.
    """
    if tolerance <= timedelta(0):
        raise ConfigurationError("the tolerance for a webhook's time must be above zero")
    if not _TIMESTAMP.fullmatch(seconds):
        raise WebhookError("its timestamp is no number of seconds", reason=WebhookReason.MALFORMED)
    if abs(now.timestamp() - int(seconds)) > tolerance.total_seconds():
        raise WebhookError("its timestamp is too old or too far in the future", reason=WebhookReason.STALE)
    return datetime.fromtimestamp(int(seconds), now.tzinfo)


def standard_key(secret: Secret) -> bytes:
    """Return the key that a Standard Webhooks secret (``whsec_`` and base64) stands for.

    Raises:
        ConfigurationError: If it is not of that form, or shorter than 16 bytes.
    """
    try:
        key = base64.b64decode(secret.reveal().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) < 16:
        raise ConfigurationError("a webhook secret is `whsec_` followed by base64 of at least 16 bytes")
    return key


def check_standard(
    request: WebhookRequest, secrets: Iterable[Secret], tolerance: timedelta = timedelta(minutes=5)
) -> str:
    """Refuse a message that does not hold by the Standard Webhooks scheme; return its id.

    Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md. Only ``v1`` (HMAC-SHA256) is known here:
    no name inside the header chooses another algorithm.

    Raises:
        WebhookError: If it does not hold.
        ConfigurationError: If there is no usable secret.
    """
    assert request.received_at is not None
    message_id = single_header(request, "webhook-id")
    seconds = single_header(request, "webhook-timestamp")
    signatures = single_header(request, "webhook-signature").split(" ")
    candidates = [text for version, _, text in (each.partition(",") for each in signatures) if version == "v1"]
    signed = b".".join((_encoded(message_id), _encoded(seconds), request.body))
    check_signature(signed, candidates, [standard_key(secret) for secret in secrets], "base64")
    check_timestamp(seconds, request.received_at, tolerance)
    if not 0 < len(message_id) <= 255 or not message_id.isprintable():
        raise WebhookError("its id is unusable", reason=WebhookReason.MALFORMED)
    return message_id


def sign_standard(secret: Secret, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a message by the Standard Webhooks scheme."""
    seconds = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), seconds.encode(), body))
    signature = sign(standard_key(secret), signed, "base64").decode()
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def parse(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode the body of a webhook, once it is known to be genuine.

    Raises:
        WebhookError: If it cannot be decoded.
    """
    try:
        return decode(body)
    except UnexpectedResponseError as error:
        raise WebhookError(error.message, reason=WebhookReason.MALFORMED) from error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
