"""What a provider's webhook is made of: its address, its headers and its body."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway_core.errors import InvalidRequestError, UnexpectedResponseError, WebhookError, WebhookReason
from gateway_core.models.secret import Secret
from gateway_core.models.webhook import WebhookRequest

T = TypeVar("T")

#: A real webhook's address has a handful.
_MOST_PARAMETERS = 100


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
