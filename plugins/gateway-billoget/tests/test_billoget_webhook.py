"""Signed webhooks: nothing is read before its signature is found right, and nothing in them means that money came."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_billoget import Billoget, BillogetSettings
from gateway_core import (
    Gateway,
    HttpRequest,
    InvoiceStatus,
    Money,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason

SECRET = "made-up-webhook-secret-0123456789"
OTHER = "made-up-webhook-secret-abcdefghij"
HEADER = "X-Billoget-Signature"
AT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)

Sent = Callable[[], list[HttpRequest]]


def signature(body: bytes, secret: str = SECRET, digest: Any = hashlib.sha256) -> str:
    """Return the HMAC of a body, made without the code under test."""
    return hmac.new(secret.encode(), body, digest).hexdigest()


def signed(body: bytes, header: str = HEADER, **more: Any) -> WebhookRequest:
    """Return a genuine webhook."""
    return WebhookRequest(body=body, headers={header: signature(body)}, **more)


def refused(gateway: Gateway, request: WebhookRequest) -> WebhookError:
    """Return the error with which a webhook is refused."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(request)
    return caught.value


@pytest.fixture
def told(example: Callable[[str], bytes]) -> Callable[..., bytes]:
    """Give a maker of bodies: the documented one, with changes."""
    return lambda **changes: json.dumps({**json.loads(example("webhook")), **changes}).encode()


def test_documented_webhook_is_genuine(gateway: Gateway, example: Callable[[str], bytes], sent: Sent) -> None:
    """W1: a budget was approved, which is no payment; the delivery's id makes it known again; nobody is asked."""
    body = example("webhook")

    actual = gateway.verify_webhook(signed(body))

    report = StatusReport(
        invoice_id="budget_123",
        status=InvoiceStatus.APPROVED,
        expected=Money("1500", "USD"),
        provider_status="APPROVED",
    )
    event = WebhookEvent(
        id="delivery_789", kind="budget.approved", invoice_id="budget_123", report=report, occurred_at=AT
    )
    assert actual == WebhookDelivery(events=[event], verified_by="signature")
    assert (actual.events[0].raw, actual.acknowledgement.status, sent()) == (json.loads(body), 200, [])


def test_every_changed_bit_is_refused(gateway: Gateway, example: Callable[[str], bytes]) -> None:
    """W1: the signature covers every bit of the bytes as they came."""
    body = example("webhook")
    headers = {HEADER: signature(body)}

    reasons = {
        refused(gateway, WebhookRequest(body=changed, headers=headers)).reason
        for changed in _with_one_bit_changed(body)
    }

    assert reasons == {WebhookReason.WRONG_SIGNATURE}


def _with_one_bit_changed(body: bytes) -> Iterator[bytes]:
    for position, bit in itertools.product(range(len(body)), range(8)):
        yield body[:position] + bytes([body[position] ^ 1 << bit]) + body[position + 1 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda good: {"headers": {HEADER.upper(): good}},
        lambda good: {"headers": {HEADER: f"sha256={good}"}},
        lambda good: {"headers": {HEADER: good, "Content-Type": "text/plain"}},
        lambda good: {"headers": {HEADER: good, "X-Signature": "0" * 64}},
        lambda good: {"headers": {HEADER: good}, "method": "PUT"},
        lambda good: {"headers": {HEADER: good}, "url": "https://shop.example/elsewhere?id=budget_124"},
    ],
    ids=["case of the name", "prefix", "another header", "a header like it", "method", "address"],
)
def test_whatever_lies_outside_of_the_signature_changes_nothing(
    gateway: Gateway, example: Callable[[str], bytes], change: Callable[[str], dict[str, Any]]
) -> None:
    """W1, W9: the README lists these; each brings the same event, and everything else is refused."""
    body = example("webhook")

    changed = gateway.verify_webhook(WebhookRequest(body=body, **change(signature(body))))

    assert changed == gateway.verify_webhook(signed(body))


@given(position=st.integers(0, 63), digit=st.sampled_from("0123456789abcdef"))
def test_one_changed_digit_is_refused(position: int, digit: str) -> None:
    """W4: wherever the signature differs."""
    provider = Billoget(BillogetSettings(api_key=Secret("k-k"), webhook_secret=(Secret(SECRET),)))
    good = signature(b"{}")
    changed = good[:position] + digit + good[position + 1 :]
    flow = provider.verify_webhook(WebhookRequest(body=b"{}", headers={HEADER: changed}))

    with pytest.raises(WebhookError) as caught:
        next(flow)

    assert caught.value.reason is (WebhookReason.MALFORMED if changed == good else WebhookReason.WRONG_SIGNATURE)


def test_body_that_was_written_anew_is_refused(gateway: Gateway, example: Callable[[str], bytes]) -> None:
    """W1: the same JSON in other bytes is another message."""
    body = example("webhook")
    anew = json.dumps(json.loads(body)).encode()

    error = refused(gateway, WebhookRequest(body=anew, headers={HEADER: signature(body)}))

    assert error.reason is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "secrets, signer, genuine",
    [
        ([SECRET], SECRET, True),
        ([SECRET], OTHER, False),
        ([OTHER, SECRET], SECRET, True),
        ([SECRET, OTHER], SECRET, True),
        ([OTHER], SECRET, False),
    ],
    ids=["right", "wrong", "second", "first", "retired"],
)
def test_any_active_secret_signs_and_no_other(
    connect: Callable[..., Gateway], example: Callable[[str], bytes], secrets: list[str], signer: str, genuine: bool
) -> None:
    """W6: several while one is being replaced; one that was taken away signs nothing any more."""
    body = example("webhook")
    request = WebhookRequest(body=body, headers={HEADER: signature(body, signer)})
    gateway = connect(webhook_secret=secrets)

    if genuine:
        assert len(gateway.verify_webhook(request).events) == 1
    else:
        assert refused(gateway, request).reason is WebhookReason.WRONG_SIGNATURE


def test_key_of_the_account_signs_nothing(gateway: Gateway, example: Callable[[str], bytes]) -> None:
    """W5: unless the operator says that it is the secret."""
    body = example("webhook")
    headers = {HEADER: signature(body, "bk_test_made-up-0123456789-abcdef")}

    assert refused(gateway, WebhookRequest(body=body, headers=headers)).reason is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "headers, reason",
    [
        ({}, WebhookReason.MISSING_SIGNATURE),
        ({"X-Signature": "{good}"}, WebhookReason.MISSING_SIGNATURE),
        ({HEADER: ["{good}", "{good}"]}, WebhookReason.MALFORMED),
        ({HEADER: ["0" * 64, "{good}"]}, WebhookReason.MALFORMED),
        ([(HEADER, "{good}"), (HEADER.lower(), "{good}")], WebhookReason.MALFORMED),
        ({HEADER: "{good}, {good}"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: ""}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "sha256="}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "sha256=sha256={good}"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "sha1={good}"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "SHA256={good}"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "none"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: " {good}"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "{good}\n"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "{good}00"}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "é" * 64}, WebhookReason.WRONG_SIGNATURE),
        ({HEADER: "\ud800"}, WebhookReason.WRONG_SIGNATURE),
    ],
    ids=ascii,
)
def test_signature_that_is_not_there_or_not_one_is_refused(
    gateway: Gateway, example: Callable[[str], bytes], headers: Any, reason: WebhookReason
) -> None:
    """W4, W9: doubled headers, other alphabets and lengths: refused, and never a crash."""
    body = example("webhook")
    pairs = headers.items() if isinstance(headers, dict) else headers
    filled = [
        (name, each.replace("{good}", signature(body)))
        for name, value in pairs
        for each in ([value] if isinstance(value, str) else value)
    ]

    assert refused(gateway, WebhookRequest(body=body, headers=filled)).reason is reason


def other_digests(body: bytes) -> dict[str, str]:
    """Return what must not pass for a signature, though it is made of the secret and the body."""
    return {
        "sha1": signature(body, digest=hashlib.sha1),
        "sha512": signature(body, digest=hashlib.sha512),
        "bare hash": hashlib.sha256(body).hexdigest(),
        "secret and body": hashlib.sha256(SECRET.encode() + body).hexdigest(),
        "swapped": hmac.new(body, SECRET.encode(), hashlib.sha256).hexdigest(),
        "upper case": signature(body).upper(),
        "the secret": SECRET,
        "base64": base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode(),
    }


@pytest.mark.parametrize("name", other_digests(b""))
def test_other_digest_is_refused(gateway: Gateway, example: Callable[[str], bytes], name: str) -> None:
    """W5: the algorithm is fixed, and so is the encoding."""
    body = example("webhook")

    error = refused(gateway, WebhookRequest(body=body, headers={HEADER: other_digests(body)[name]}))

    assert error.reason is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["sha256=", "v1,", ""])
@pytest.mark.parametrize("bears_prefix", [True, False])
def test_encoding_and_prefix_are_settings(
    connect: Callable[..., Gateway], example: Callable[[str], bytes], encoding: str, prefix: str, bears_prefix: bool
) -> None:
    """Neither is documented: the prefix may be there or not, the encoding is the one that is set."""
    body = example("webhook")
    raw = hmac.digest(SECRET.encode(), body, "sha256")
    texts = {"hex": raw.hex(), "base64": base64.b64encode(raw).decode()}
    gateway = connect(webhook_encoding=encoding, webhook_prefix=prefix)
    right, wrong = (
        WebhookRequest(body=body, headers={HEADER: f"{prefix if bears_prefix else ''}{texts[each]}"})
        for each in (encoding, "hex" if encoding == "base64" else "base64")
    )

    assert gateway.verify_webhook(right).verified_by == "signature"
    assert refused(gateway, wrong).reason is WebhookReason.WRONG_SIGNATURE


def test_header_is_a_setting(connect: Callable[..., Gateway], example: Callable[[str], bytes]) -> None:
    """In any case of its letters."""
    gateway = connect(webhook_header="X-Other")

    delivery = gateway.verify_webhook(signed(example("webhook"), "x-oTHER"))

    assert len(delivery.events) == 1
    assert refused(gateway, signed(example("webhook"))).reason is WebhookReason.MISSING_SIGNATURE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not JSON",
        b"[]",
        b"{}",
        b'{"event": 7}',
        b'{"event": "budget.approved"}',
        b'{"event": "budget.approved", "data": {}}',
        b'{"event": "budget.approved", "data": {"id": null}}',
        b'{"event": "budget.approved", "data": {"id": "a\\n"}}',
        b'{"event": "budget.approved", "data": {"id": 1, "status": {}}}',
        b'{"event": "budget.approved", "data": {"id": 1, "total": NaN}}',
        b'{"event": "budget.approved", "data": {"id": 1}, "metadata": {"delivery_id": 7}}',
        b'{"event": "budget.approved", "data": {"id": 1}, "metadata": {"delivery_id": "a\\u0000"}}',
        b'{"event": "budget.approved", "event": "budget.rejected", "data": {"id": 1}}',
        b'{"event": "budget.approved", "data": {"id": 1, "total": 0.001, "currency": "USD"}}',
        b'{"event": "a", "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"event": "\xff"}',
    ],
    ids=lambda body: repr(body[:90]),
)
def test_genuine_nonsense_is_refused(gateway: Gateway, body: bytes) -> None:
    """W10: what cannot be read says nothing, whoever signed it."""
    error = refused(gateway, signed(body))

    assert (error.reason, error.retry) == (WebhookReason.MALFORMED, False)


def test_forged_nonsense_is_refused_unread(gateway: Gateway) -> None:
    """W2: the signature comes first, so that nobody but Billoget reaches the parser."""
    body = b"[" * 100_000

    error = refused(gateway, WebhookRequest(body=body, headers={HEADER: signature(body, OTHER)}))

    assert error.reason is WebhookReason.WRONG_SIGNATURE


def test_nothing_of_a_refused_message_is_told(gateway: Gateway, told: Callable[..., bytes]) -> None:
    """S1, S9: neither the body, nor the expected signature, nor the secret."""
    body = told(data={"id": {"email": "ana@shop.example"}})

    texts = [
        "".join(traceback.format_exception(refused(gateway, request)))
        for request in (signed(body), WebhookRequest(body=body, headers={HEADER: "0" * 64}))
    ]

    hidden = ("ana@shop", signature(body)[:12], SECRET[:12])
    assert [text for text in texts for each in hidden if each in text] == []
