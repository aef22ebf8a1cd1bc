"""HMAC signatures, compared in constant time, and the time that is signed with them."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from gateway_core.errors import ConfigurationError, InvalidRequestError, WebhookError, WebhookReason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)

#: Bytes. How long a secret must be is the business of its setting: some provider's own example has 12.
_SHORTEST_KEY = 2

#: Signatures in one header: several while secrets are rotated, never many.
_MOST_SIGNATURES = 10


def sign(secret: bytes, message: bytes, encoding: Literal["hex", "base64"] = "hex") -> bytes:
    """Return the HMAC-SHA256 of a message, as ASCII text in bytes.

    Raises:
        InvalidRequestError: If the secret or the message is not bytes, or the encoding another one.
    """
    _check_bytes(secret, message)
    if encoding not in ("hex", "base64"):
        raise InvalidRequestError("a signature is written in hex or base64")
    digest = hmac.digest(secret, message, "sha256")
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
        candidates: The signatures found in the message; a None among them is passed over.
        secrets: The active secrets.
        encoding: How the provider writes a digest.

    Raises:
        WebhookError: If no signature is there, more than 10 are, or none is right.
        ConfigurationError: If there is no secret, or one that is not bytes, or less than two.
        InvalidRequestError: If the message is not bytes, or the signatures are no list of texts.
    """
    keys = usable(secrets)
    _check_bytes(message)
    given = [encoded(candidate) for candidate in _texts(candidates)]
    if not given:
        raise WebhookError("it bears no signature", reason=WebhookReason.MISSING_SIGNATURE)
    if len(given) > _MOST_SIGNATURES:
        raise WebhookError("it bears too many signatures", reason=WebhookReason.MALFORMED)
    genuine = False
    for key in keys:
        expected = sign(key, message, encoding)
        for candidate in given:
            genuine |= hmac.compare_digest(expected, candidate)
    if not genuine:
        raise WebhookError("its signature is wrong", reason=WebhookReason.WRONG_SIGNATURE)


def check_timestamp(seconds: str, now: datetime, tolerance: timedelta) -> datetime:
    """Refuse a time that is not close to now, on either side; return it, in UTC, if it is.

    Args:
        seconds: Unix seconds, as the sender wrote them.
        now: When the message came, with a time zone.
        tolerance: How far it may be off.

    Raises:
        WebhookError: If it is no number of seconds in plain ASCII digits, or too far off.
        ConfigurationError: If the tolerance is not above zero.
    """
    if tolerance <= timedelta(0):
        raise ConfigurationError("the tolerance for a webhook's time must be above zero")
    if not _TIMESTAMP.fullmatch(seconds):
        raise WebhookError("its timestamp is no number of seconds", reason=WebhookReason.MALFORMED)
    sent_at = timedelta(seconds=int(seconds))
    if abs(now - EPOCH - sent_at) > tolerance:
        raise WebhookError("its timestamp is too old or too far in the future", reason=WebhookReason.STALE)
    return EPOCH + sent_at


def usable(secrets: Any) -> list[bytes]:
    """Return the keys to check a signature with.

    Raises:
        ConfigurationError: If there is none, or one that is not bytes, or less than two.
    """
    keys = secrets if type(secrets) is list else list(secrets) if isinstance(secrets, Iterable) else []
    if not keys or not all(isinstance(key, bytes) and len(key) >= _SHORTEST_KEY for key in keys):
        raise ConfigurationError(
            "a webhook cannot be verified without a secret: each must be there, as bytes, and more than one of them"
        )
    return keys


def encoded(text: str) -> bytes:
    """Return a text as the bytes that are signed."""
    # Headers may hold anything, half surrogate pairs included; such text is compared, and found wrong, like any other.
    return text.encode("utf-8", "surrogatepass")


def _check_bytes(*values: object) -> None:
    if not all(isinstance(value, bytes) for value in values):
        raise InvalidRequestError("a secret and what it signs are given as bytes, exactly as they came")


def _texts(candidates: Any) -> list[str]:
    if isinstance(candidates, str | bytes) or not isinstance(candidates, Iterable):
        raise InvalidRequestError("the signatures of a message are given as a list of texts")
    found = [candidate for candidate in candidates if candidate is not None]
    if not all(isinstance(candidate, str) for candidate in found):
        raise InvalidRequestError("a signature is given as text, as it stands in the message")
    return found
