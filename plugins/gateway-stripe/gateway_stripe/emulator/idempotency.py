"""Idempotency keys: what succeeded is kept for a day, and most refusals are not (docs.stripe.com/error-low-level)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import attrs

from gateway_core import HttpRequest
from gateway_core.testing import Ledger
from gateway_stripe.emulator.requests import RefusedError

_KEYS_LIVE = timedelta(hours=24)
_LONGEST_KEY = 255


@attrs.frozen(kw_only=True)
class Kept:
    """The first answer to a key.

    Attributes:
        at: When it was given, in Unix seconds.
        path: The endpoint.
        asked: The parameters.
        body: The answer.
        request_id: The id of the first request.
    """

    at: float
    path: str
    asked: str
    body: str
    request_id: str


def recall(ledger: Ledger, key: str | None, request: HttpRequest, now: datetime) -> Kept | None:
    """Return the answer that is kept for a key; None if there is none.

    Raises:
        RefusedError: If the key was used for something else.
    """
    if key is None:
        return None
    if len(key) > _LONGEST_KEY:
        raise RefusedError("Idempotency keys have up to 255 characters.")
    note = ledger.note(f"key {key}")
    kept = Kept(**json.loads(note)) if note else None
    if kept is None or now - datetime.fromtimestamp(kept.at, UTC) >= _KEYS_LIVE:
        return None
    path = urlsplit(request.url).path
    if kept.path != path:
        raise RefusedError(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('{path}' vs '{kept.path}').",
            kind="idempotency_error",
        )
    if kept.asked != request.body.decode("utf-8", "replace"):
        raise RefusedError(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    return kept


def keep(ledger: Ledger, key: str, request: HttpRequest, body: bytes, request_id: str, now: datetime) -> None:  # noqa: PLR0913, PLR0917  # what is kept
    """Keep the answer to a key."""
    kept = Kept(
        at=now.timestamp(),
        path=urlsplit(request.url).path,
        asked=request.body.decode("utf-8", "replace"),
        body=body.decode("utf-8"),
        request_id=request_id,
    )
    ledger.set_note(f"key {key}", json.dumps(attrs.asdict(kept)))
