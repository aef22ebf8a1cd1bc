"""Webhooks of which one field is signed: the rest is AzothPay's own word or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import (
    Gateway,
    HttpRequest,
    InvoiceStatus,
    Money,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import sign

KEY = "made-up-key-0123456789-abcdefghijklmnop"
TX = "0x" + "1234567890abcdef" * 4
REVOKING_TX = "0x" + "fedcba0987654321" * 4

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture
def told(example: Callable[[str], bytes]) -> Callable[..., bytes]:
    """Give a maker of webhooks: the documented one, with changes to it and to its payload; `...` leaves a field out."""

    def told(name: str = "stream_created", payload: Any = (), **changes: Any) -> bytes:
        document = json.loads(example(name))
        inner = _merged(document["payload"], dict(payload)) if isinstance(payload, dict | tuple) else payload
        return json.dumps(_merged(document, {"payload": inner, **changes})).encode()

    return told


def _merged(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (document | changes).items() if value is not ...}


def signature_of(update_id: str, key: str = KEY) -> str:
    """Return a genuine signature."""
    return sign(key.encode(), update_id.encode()).decode()


def webhook(body: bytes, signature: str | None = None, name: str = "X-Pay-Signature") -> WebhookRequest:
    """Return a webhook with the genuine signature of the documented update, unless there is another."""
    return WebhookRequest(body=body, headers={name: signature_of(TX) if signature is None else signature})


def refused(gateway: Gateway, request: WebhookRequest) -> WebhookError:
    """Return the error with which a webhook is refused."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(request)
    return caught.value


def test_signature_is_that_of_the_documentation() -> None:
    """W3: lowercase hex of the HMAC-SHA256 of the update's id, under the API key."""
    assert signature_of(TX, "test-api-key") == "356b44520acdb4ce3d0c223b1aa4790a9e2228b01f7f6d7a9bb6dbc3f969218c"


def test_vector_of_the_documentation_is_accepted(
    connect: Callable[..., Gateway], answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """W3: a signature that was made by nobody here."""
    answers("api/invoice/4242", example("paid"))
    signature = "356b44520acdb4ce3d0c223b1aa4790a9e2228b01f7f6d7a9bb6dbc3f969218c"

    delivery = connect(api_key="test-api-key").verify_webhook(webhook(example("stream_created"), signature))

    assert delivery.verified_by == "signature+callback"


def test_started_stream_is_a_paid_invoice(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """W13: the signed id, the update's name, and for the rest what AzothPay answers."""
    answers("api/invoice/4242", example("paid"))

    actual = gateway.verify_webhook(webhook(example("stream_created")))

    report = StatusReport(
        invoice_id="4242",
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PAID,
        expected=Money("10.50", "USD"),
        provider_status="isPaid: true",
    )
    event = WebhookEvent(id="4242:stream_created", kind="stream_created", invoice_id="4242", report=report)
    assert actual == WebhookDelivery(events=[event], verified_by="signature+callback")
    assert actual.events[0].raw == {
        "updateId": TX,
        "updateType": "stream_created",
        "invoice": json.loads(example("paid")),
    }


@pytest.mark.parametrize("name", ["stream_revoked", "stream_paused"])
def test_update_of_any_name_brings_the_event_that_azothpay_proves(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    told: Callable[..., bytes],
    name: str,
) -> None:
    """W9: the name is unsigned and an end shows nowhere, so the event is known as the invoice's, and names a hint."""
    answers("api/invoice/4242", example("paid"))
    body = told("stream_revoked", updateType=name)

    first, second = (
        gateway.verify_webhook(webhook(each, signature_of(tx))).events[0]
        for each, tx in ((example("stream_created"), TX), (body, REVOKING_TX))
    )

    assert (second.id, second.kind, second.report) == (first.id, first.kind, first.report)
    assert second.raw["updateType"] == name


@pytest.mark.parametrize("name", ["stream_created", "stream_revoked"])
def test_update_of_an_invoice_that_is_not_shown_as_paid_is_wanted_again(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], name: str
) -> None:
    """W1: what AzothPay shows may lag behind its webhooks, and a signature is half of the proof only."""
    answers("api/invoice/4242", example("unpaid"))
    signature = signature_of(json.loads(example(name))["updateId"])

    error = refused(gateway, webhook(example(name), signature))

    assert (error.reason, error.http_status) == (WebhookReason.UNCONFIRMED, 503)


@pytest.mark.parametrize(
    "payload, changes",
    [
        ({}, {"updateType": "stream_revoked"}),
        ({}, {"updateType": "stream_creatfd"}),
        ({}, {"requestDate": "2031-01-01T00:00:00.0000000Z"}),
        ({}, {"requestDate": ...}),
        ({}, {"more": 1}),
        ({"isPaid": False}, {}),
        ({"createdAt": ...}, {}),
        ({"metadata": {"order_id": "9999"}}, {}),
        ({"rate": 10.5}, {}),
        ({"recipient": None}, {}),
    ],
    ids=str,
)
def test_field_outside_of_the_signature_changes_nothing(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    told: Callable[..., bytes],
    payload: dict[str, Any],
    changes: dict[str, Any],
) -> None:
    """W9: whatever of a genuine message is changed, it is the same event or none."""
    answers("api/invoice/4242", example("paid"))

    genuine, forged = (
        gateway.verify_webhook(webhook(body)).events[0]
        for body in (example("stream_created"), told(payload=payload, **changes))
    )

    assert (forged.id, forged.kind, forged.invoice_id, forged.report) == (
        genuine.id,
        genuine.kind,
        genuine.invoice_id,
        genuine.report,
    )


def test_azothpay_is_asked_once(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], sent: Sent
) -> None:
    """W13: for the invoice that the message names."""
    answers("api/invoice/4242", example("paid"))

    gateway.verify_webhook(webhook(example("stream_created")))

    assert [(each.method, each.url) for each in sent()] == [("GET", "https://invoice-api.example/api/invoice/4242")]


@pytest.mark.parametrize("write", [str.upper, str.title, str.lower])
def test_signature_may_be_written_in_capitals(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], write: Callable[[str], str]
) -> None:
    """The documented verifiers compare without regard to case."""
    answers("api/invoice/4242", example("paid"))

    delivery = gateway.verify_webhook(webhook(example("stream_created"), write(signature_of(TX))))

    assert len(delivery.events) == 1


def test_header_has_another_name_where_the_account_says_so(
    connect: Callable[..., Gateway], answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """AzothPay's own page names no header."""
    answers("api/invoice/4242", example("paid"))
    gateway = connect(signature_header="X-Azoth-Signature")

    delivery = gateway.verify_webhook(webhook(example("stream_created"), name="x-azoth-signature"))
    error = refused(gateway, webhook(example("stream_created")))

    assert (len(delivery.events), error.reason) == (1, WebhookReason.MISSING_SIGNATURE)


@pytest.mark.parametrize(
    "headers, reason",
    [
        ([], WebhookReason.MISSING_SIGNATURE),
        ([("X-Pay-Signature", "{good}"), ("X-Pay-Signature", "{good}")], WebhookReason.MALFORMED),
        ([("X-Pay-Signature", "{good}"), ("x-pay-signature", "{wrong}")], WebhookReason.MALFORMED),
        ([("X-Pay-Signature", "{wrong}")], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "")], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "{good}, {wrong}")], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "sha256={good}")], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "{good}\n")], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "{short}")], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "\u0661" * 64)], WebhookReason.WRONG_SIGNATURE),
        ([("X-Pay-Signature", "0" * 64)], WebhookReason.WRONG_SIGNATURE),
        ([("X-Signature", "{good}")], WebhookReason.MISSING_SIGNATURE),
    ],
    ids=str,
)
def test_webhook_without_the_one_right_signature_is_refused(
    gateway: Gateway,
    example: Callable[[str], bytes],
    sent: Sent,
    headers: list[tuple[str, str]],
    reason: WebhookReason,
) -> None:
    """W1, W3: missing, twice, or wrong, it costs no request to AzothPay."""
    good = signature_of(TX)
    values = {"good": good, "wrong": signature_of(TX, "another-key"), "short": good[:-1]}
    filled = [(name, value.format(**values)) for name, value in headers]

    error = refused(gateway, WebhookRequest(body=example("stream_created"), headers=filled))

    assert (error.reason, error.http_status, sent()) == (reason, 400, [])


@pytest.mark.parametrize("message", [b"", b"body"], ids=["nothing", "the body"])
def test_only_the_updates_id_is_what_is_signed(
    gateway: Gateway, example: Callable[[str], bytes], sent: Sent, message: bytes
) -> None:
    """W3: an HMAC under the right key of something else is none."""
    body = example("stream_created")
    signature = sign(KEY.encode(), message and body).decode()

    assert (refused(gateway, webhook(body, signature)).reason, sent()) == (WebhookReason.WRONG_SIGNATURE, [])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"updateId"',
        b"{}",
        b'{"updateId": null}',
        b'{"updateId": 7}',
        b'{"updateId": ""}',
        b'{"updateId": "a b"}',
        b'{"updateId": "0x\\u0000"}',
        b'{"updateId": "' + b"a" * 151 + b'"}',
        b'{"updateId": "%s", "updateId": "0x00"}' % TX.encode(),
        b"[" * 100_000,
        b'{"updateId": ' * 50_000,
        b"\xff",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_body_without_a_readable_id_is_refused(gateway: Gateway, sent: Sent, body: bytes) -> None:
    """W2: the one field that must be read before the signature is checked is read strictly and within bounds."""
    error = refused(gateway, webhook(body, signature_of(TX)))

    assert (error.reason, sent()) == (WebhookReason.MALFORMED, [])


@pytest.mark.parametrize("signature", ["", "no signature", signature_of(TX)[:-1]])
def test_body_is_not_parsed_for_what_is_no_signature(gateway: Gateway, signature: str) -> None:
    """W2: who sends nothing of a signature's form learns nothing of the body, and costs no parsing."""
    assert refused(gateway, webhook(b"not json", signature)).reason is WebhookReason.WRONG_SIGNATURE


@pytest.mark.parametrize(
    "changes",
    [{"updateType": 7}, {"payload": "none"}, {"updateType": ...}, {"updateType": "evil\n"}],
    ids=str,
)
def test_rest_of_the_body_is_not_looked_at_before_the_signature(
    gateway: Gateway, told: Callable[..., bytes], changes: dict[str, Any]
) -> None:
    """W2: what is wrong with it is told only to who signed."""
    body = told(**changes)

    reasons = [refused(gateway, webhook(body, signature)).reason for signature in ("0" * 64, signature_of(TX))]

    assert reasons == [WebhookReason.WRONG_SIGNATURE, WebhookReason.MALFORMED]


@pytest.mark.parametrize(
    "payload, changes",
    [
        ({"id": ...}, {}),
        ({"id": None}, {}),
        ({"id": True}, {}),
        ({"id": [4242]}, {}),
        ({"id": -1}, {}),
        ({"id": 4242.5}, {}),
        ({"id": "4242/../4243"}, {}),
        ({"id": 9223372036854775808}, {}),
        ({"rate": ...}, {}),
        ({"rate": "ten"}, {}),
        ({"tx": ...}, {}),
        ({"tx": None}, {}),
        ({}, {"updateType": ...}),
        ({}, {"updateType": ""}),
        ({}, {"updateType": "a:b"}),
        ({}, {"updateType": "a" * 101}),
        (..., {}),
        ([], {}),
    ],
    ids=str,
)
def test_signed_nonsense_is_refused(
    gateway: Gateway, told: Callable[..., bytes], sent: Sent, payload: Any, changes: dict[str, Any]
) -> None:
    """W13: an id is read by a strict pattern, and nothing else is asked for."""
    error = refused(gateway, webhook(told(payload=payload, **changes)))

    assert (error.reason, sent()) == (WebhookReason.MALFORMED, [])


@pytest.mark.parametrize(
    "url, genuine",
    [
        ("https://shop.example/webhooks/made-up-secret-42", True),
        ("https://shop.example/webhooks?token=made-up-secret-42", True),
        ("https://shop.example/webhooks/made-up-secret-43", False),
        ("https://shop.example/webhooks", False),
        (None, False),
    ],
)
def test_secret_in_the_address_comes_before_everything(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    sent: Sent,
    url: str | None,
    genuine: bool,
) -> None:
    """W13: a captured message is worth nothing to who does not know the address, and costs no request."""
    answers("api/invoice/4242", example("paid"))
    gateway = connect(url_secret="made-up-secret-42")
    body = example("stream_created")
    message = WebhookRequest(body=body, headers={"X-Pay-Signature": signature_of(TX)}, url=url)

    if genuine:
        assert len(gateway.verify_webhook(message).events) == 1
    else:
        reasons = (WebhookReason.WRONG_SIGNATURE, WebhookReason.MISSING_SIGNATURE)
        assert (refused(gateway, message).reason in reasons, sent()) == (True, [])
