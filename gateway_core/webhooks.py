"""For plugin authors: signatures in constant time, timestamps, several secrets.

Verify first, parse afterwards: nothing in a body may be looked at before its signature has been found right.

>>> from datetime import UTC, datetime
>>> from gateway_core import Secret, WebhookRequest
>>> from gateway_core.webhooks import check_standard, sign_standard
>>> secret, now = Secret("whsec_c2VjcmV0IG9mIHRoZSBleGFtcGxl"), datetime(2030, 1, 1, tzinfo=UTC)
>>> headers = sign_standard(secret, "msg_1", now, b'{"paid": true}')
>>> check_standard(WebhookRequest(body=b'{"paid": true}', headers=headers, received_at=now), [secret])
'msg_1'
>>> check_standard(WebhookRequest(body=b'{"paid": null}', headers=headers, received_at=now), [secret])
Traceback (most recent call last):
gateway_core.errors.WebhookError: its signature is wrong
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway_core.errors import (
    ConfigurationError,
    InvalidRequestError,
    UnexpectedResponseError,
    WebhookError,
    WebhookReason,
)
from gateway_core.models.secret import SHORTEST_SIGNING_SECRET, Secret
from gateway_core.models.webhook import WebhookRequest

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]+", re.ASCII)
_MESSAGE_ID = re.compile(r"[!-~]{1,255}")

#: Bytes. How long a secret must be is the business of its setting: some provider's own example has 12.
_SHORTEST_KEY = 2

#: Signatures in one header: several while secrets are rotated, never many.
_MOST_SIGNATURES = 10

#: A real webhook's address has a handful.
_MOST_PARAMETERS = 100


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
    keys = _usable(secrets)
    _check_bytes(message)
    given = [_encoded(candidate) for candidate in _texts(candidates)]
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


def check_url_secret(request: WebhookRequest, secret: Secret | None) -> None:
    """Refuse a webhook whose address does not bear the shop's own secret, if there is one: before anything is asked.

    The secret is a segment of the path or the value of a query parameter. Every part of the address is compared, in
    constant time, so that the time taken tells nothing.

    Args:
        request: The webhook, with its ``url``.
        secret: The secret, as a field of `provider.url_secret_field` has it; None if there is none.

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
    expected = secret.reveal().encode("utf-8")
    genuine = False
    for part in _parts_of(request.url):
        genuine |= hmac.compare_digest(part.encode("utf-8", "replace"), expected)
    if not genuine:
        raise WebhookError("its address does not bear the secret", reason=WebhookReason.WRONG_SIGNATURE)


def single_header(
    request: WebhookRequest, name: str, *, missing: WebhookReason = WebhookReason.MISSING_SIGNATURE
) -> str:
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
    if abs(now - _EPOCH - sent_at) > tolerance:
        raise WebhookError("its timestamp is too old or too far in the future", reason=WebhookReason.STALE)
    return _EPOCH + sent_at


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
    keys = _usable(standard_key(secret) for secret in secrets)
    brand = _brand(request)
    message_id = single_header(request, f"{brand}-id")
    seconds = single_header(request, f"{brand}-timestamp")
    signatures = single_header(request, f"{brand}-signature").split(" ")
    candidates = [text for version, _, text in (each.partition(",") for each in signatures) if version == "v1"]
    check_signature(b".".join((_encoded(message_id), _encoded(seconds), request.body)), candidates, keys, "base64")
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
    seconds = str((at - _EPOCH) // timedelta(seconds=1))
    signed = b".".join((_encoded(message_id), _encoded(seconds), body))
    signature = sign(standard_key(secret), signed, "base64").decode("ascii")
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def parse(decode: Callable[[bytes], T], body: bytes) -> T:
    """Decode the body of a webhook, once it is known to be genuine.

    Raises:
        WebhookError: If it cannot be decoded.
    """
    try:
        return decode(body)
    except (UnexpectedResponseError, InvalidRequestError) as error:
        reason = error.message
        cause = error.__cause__
    raise WebhookError(reason, reason=WebhookReason.MALFORMED) from cause


def _parts_of(url: str) -> list[str]:
    """Return everything in an address that may be a secret: segments of its path, values of its query."""
    try:
        parts = urlsplit(url)
        values = parse_qsl(parts.query, max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        return []
    return [*map(unquote, parts.path.split("/")), *(value for _, value in values)]


def _brand(request: WebhookRequest) -> Literal["webhook", "svix"]:
    """Return how the names of the headers begin; never some of each, so that no set is put together of two."""
    names = ("id", "timestamp", "signature")
    branded = any(request.headers.get_all(f"svix-{name}") for name in names)
    return "svix" if branded and not any(request.headers.get_all(f"webhook-{name}") for name in names) else "webhook"


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


def _usable(secrets: Any) -> list[bytes]:
    keys = list(secrets) if isinstance(secrets, Iterable) else []
    if not keys or not all(isinstance(key, bytes) and len(key) >= _SHORTEST_KEY for key in keys):
        raise ConfigurationError(
            "a webhook cannot be verified without a secret: each must be there, as bytes, and more than one of them"
        )
    return keys


def _encoded(text: str) -> bytes:
    # Headers may hold anything, half surrogate pairs included; such text is compared, and found wrong, like any other.
    return text.encode("utf-8", "surrogatepass")
