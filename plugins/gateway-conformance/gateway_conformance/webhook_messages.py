"""Genuine webhooks, what forged ones are made of, and what may come of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from gateway_conformance.check import describe, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_core.errors import GatewayError, WebhookError, WebhookReason
from gateway_core.models.secret import Secret
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.provider import WebhookAuthentication

CALLBACKS = (WebhookAuthentication.CALLBACK, WebhookAuthentication.SIGNATURE_AND_CALLBACK)
SIGNATURES = (WebhookAuthentication.SIGNATURE, WebhookAuthentication.SIGNATURE_AND_CALLBACK)

#: Bodies that no provider writes.
GARBAGE = (
    b"null",
    b"[]",
    b"{}",
    b"1",
    b'"text"',
    b"true",
    b"id=1&status=paid",
    b"<xml><status>paid</status></xml>",
    b'{"id": "1"',
    b"\xff\xfe\x00",
    "{}".encode("utf-16"),
    b"\xef\xbb\xbf{}",
    b'{"a": "\\ud800"}',
    b"\x00",
)

_MEBIBYTE = 1 << 20
#: Bodies about as large as is read.
LARGE = (b"x" * _MEBIBYTE, b"x" * (_MEBIBYTE + 1), b'{"a":"' + b"x" * (_MEBIBYTE - 8) + b'"}')

#: Positions in a message at which a bit is changed.
_MOST_POSITIONS = 150

#: Each letter and digit becomes the next of its kind, so that a secret keeps its form.
_NEXT = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "bcdefghijklmnopqrstuvwxyzaBCDEFGHIJKLMNOPQRSTUVWXYZA1234567890",
)
_HEX = re.compile("[0-9a-f]+|[0-9A-F]+")
_NEXT_HEX = str.maketrans("abcdefABCDEF0123456789", "bcdefaBCDEFA1234567890")


def flipped(message: bytes) -> Iterator[bytes]:
    """Yield a message with one bit changed, at its first and last byte and evenly between."""
    step = max(1, len(message) // _MOST_POSITIONS)
    for number, position in enumerate(sorted({*range(0, len(message), step), max(0, len(message) - 1)})):
        if message:
            changed = bytearray(message)
            changed[position] ^= 1 << (number % 8)
            yield bytes(changed)


def with_headers(message: WebhookRequest, pairs: Iterable[tuple[str, str]]) -> WebhookRequest:
    """Return a message with other headers."""
    return attrs.evolve(message, headers=list(pairs))


def replaced(pairs: Iterable[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    """Return headers with another value of one of them."""
    return [(each, value if each == name else old) for each, old in pairs]


def secret_settings(harness: Harness) -> tuple[str, ...]:
    """Return the settings whose secrets sign webhooks: those that the author names, or that are named so, or all."""
    if harness.suite.webhook_secret_settings:
        return harness.suite.webhook_secret_settings
    secret = tuple(
        field.name
        for field in attrs.fields(type(harness.provider.settings))
        if _holds_secrets(getattr(harness.provider.settings, field.name))
    )
    named = tuple(name for name in secret if "webhook" in name)
    return named or secret or fail("no setting is a Secret: name those that sign webhooks by webhook_secret_settings")


def other_secret(harness: Harness, name: str) -> str:
    """Return a wrong secret of the kind that a setting takes: what the emulator gives to another account.

    Where the author gives the secret, it is the given one with each letter and digit moved on by one.
    """
    value = getattr(harness.provider.settings, name)
    first = value[0] if isinstance(value, tuple) else value
    genuine = first.reveal() if isinstance(first, Secret) else str(first)
    other = harness.other_credentials().get(name)
    if other is not None and name not in harness.suite.settings:
        require(other != genuine, f"new_credentials of the emulator gives every account the same {name}")
        return str(other)
    head, mark, tail = genuine.rpartition("_")
    return f"{head}{mark}{tail.translate(_NEXT_HEX if _HEX.fullmatch(tail) else _NEXT)}"


def _holds_secrets(value: Any) -> bool:
    return isinstance(value, Secret) or (isinstance(value, tuple) and any(isinstance(each, Secret) for each in value))


def needs_webhooks(harness: Harness) -> None:
    """Leave the check out where the provider sends no webhooks."""
    if harness.info.webhook_authentication is WebhookAuthentication.NONE:
        not_applicable("info.webhook_authentication is none")


def needs_signature(harness: Harness) -> None:
    """Leave the check out where webhooks bear no signature."""
    kind = harness.info.webhook_authentication
    if kind not in SIGNATURES:
        not_applicable(f"info.webhook_authentication is {kind.value}")


def in_headers(harness: Harness) -> bool:
    """Return whether the signature stands in a header: one inside of the body has fields that it does not cover."""
    return harness.info.webhook_authentication in SIGNATURES and not harness.info.webhook_unsigned


def needs_callback(harness: Harness) -> None:
    """Leave the check out where webhooks are not confirmed by asking."""
    kind = harness.info.webhook_authentication
    if kind not in CALLBACKS:
        not_applicable(f"info.webhook_authentication is {kind.value}")


def several_secrets(harness: Harness) -> list[str]:
    """Return the webhook settings that hold several secrets."""
    found = [name for name in secret_settings(harness) if isinstance(getattr(harness.provider.settings, name), tuple)]
    if not found:
        not_applicable("the settings class holds one webhook secret")
    return found


def genuine_ones(harness: Harness) -> list[WebhookRequest]:
    """Return the webhooks that a paid invoice brings."""
    needs_webhooks(harness)
    found = harness.webhooks()
    require(found, "a paid invoice brings no webhook")
    return found


def signed_message(harness: Harness) -> WebhookRequest:
    """Return a genuine webhook with a signature."""
    needs_signature(harness)
    return genuine_ones(harness)[-1]


def accepted(harness: Harness, message: WebhookRequest) -> WebhookDelivery:
    """Return the delivery that a genuine webhook is."""
    seen = harness.verify(message)
    if isinstance(seen, WebhookDelivery):
        return seen
    return fail(f"a genuine webhook is refused: {in_words(seen)}")


def judge(
    harness: Harness, words: str, message: WebhookRequest, truth: WebhookDelivery, *, strict: bool = False
) -> None:
    """Fail unless a message that was changed is refused, or tells what the genuine one tells.

    Args:
        harness: The account.
        words: What was changed.
        message: The message.
        truth: What the genuine one tells.
        strict: Whether a signature covers what was changed, so that it must be refused where that is all the proof.
    """
    seen = harness.verify(message)
    if isinstance(seen, WebhookDelivery):
        only_signature = harness.info.webhook_authentication is WebhookAuthentication.SIGNATURE
        require(not (strict and only_signature), f"with {words}, it is accepted")
        known = [(event.invoice_id, event.report) for event in truth.events]
        # An event about nothing, that takes no other's place, does no harm.
        about = [event for event in seen.events if event.invoice_id or event.report or event.id in ids_of(truth)]
        ids = [event.id for event in about]
        fine = ids == ids_of(truth) or (not ids and bool(harness.info.webhook_unsigned))
        require(fine or not seen.events, f"with {words}, its ids are {ids_of(seen)}, not {ids_of(truth)}")
        told = [(event.invoice_id, event.report) for event in about]
        require(told in (known, []), f"with {words}, it tells {told}")
    else:
        require(is_refused(seen), f"with {words}, it is {in_words(seen)}")


def is_refused(seen: object) -> bool:
    """Return whether a message was found wrong; a plugin that breaks on it tells nothing, and has it sent again."""
    return isinstance(seen, WebhookError) and seen.reason is not WebhookReason.FAULTY_PLUGIN


def check_refused(harness: Harness, *bodies: bytes) -> None:
    """Fail unless each body is refused, however it comes."""
    needs_webhooks(harness)
    for body in bodies:
        for message in as_messages(harness, body):
            seen = harness.verify(message)
            require(is_refused(seen), f"{body[:40]!r} is {in_words(seen)}")


def as_messages(harness: Harness, body: bytes) -> Iterator[WebhookRequest]:
    """Yield a body as a message: bare, with headers of a genuine message, and with a signature of its own."""
    yield WebhookRequest(body=body, received_at=harness.clock())
    yield attrs.evolve(genuine_ones(harness)[-1], body=body)
    signed = harness.signed(body)
    if signed is not None:
        yield signed


def with_field(harness: Harness, field: bytes, message: WebhookRequest | None = None) -> list[bytes]:
    """Return the body of a genuine message with one field more, if it is an object."""
    body = (message or genuine_ones(harness)[-1]).body.strip()
    return [b"{" + field + b"," + body[1:]] if body.startswith(b"{") and len(body) > 2 else []


def ids_of(delivery: WebhookDelivery) -> list[str]:
    """Return the ids of the events that a delivery tells."""
    return [event.id for event in delivery.events]


def in_words(seen: object) -> str:
    """Return what came of a message, in words."""
    return describe(seen) if isinstance(seen, GatewayError) else f"accepted: {seen!r}"
