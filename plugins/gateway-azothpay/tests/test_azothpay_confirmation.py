"""A genuine signature is half of the proof: the other half is what AzothPay answers."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests

from gateway_core import (
    Gateway,
    HttpRequest,
    InvoiceStatus,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.webhooks import sign

KEY = "made-up-key-0123456789-abcdefghijklmnop"
TX = "0x" + "1234567890abcdef" * 4

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


def test_payload_swapped_under_a_genuine_signature_is_refused(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], sent: Sent
) -> None:
    """W11: the signature of one update does not carry the payload of another, though AzothPay would confirm it."""
    answers("api/invoice/4242", example("paid"))
    swapped = json.loads(example("stream_created")) | {"payload": json.loads(example("stream_revoked"))["payload"]}

    error = refused(gateway, webhook(json.dumps(swapped).encode()))

    assert (error.reason, sent()) == (WebhookReason.WRONG_SIGNATURE, [])


def test_replay_for_an_unpaid_invoice_is_refused(
    gateway: Gateway, answers: Callable[..., None], changed: Callable[..., bytes], told: Callable[..., bytes]
) -> None:
    """W1: whoever saw one genuine message cannot make another invoice paid with it."""
    answers("api/invoice/4243", changed("unpaid", id=4243))

    error = refused(gateway, webhook(told(payload={"id": 4243})))

    assert (error.reason, error.http_status) == (WebhookReason.UNCONFIRMED, 503)


def test_replay_for_another_paid_invoice_is_the_event_of_that_one(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    changed: Callable[..., bytes],
    told: Callable[..., bytes],
) -> None:
    """W8, W9: it says what is true of that invoice, and takes the id of no event that is still to come."""
    answers("api/invoice/4242", example("paid"))
    answers("api/invoice/4243", changed("paid", id=4243))

    first, second = (
        gateway.verify_webhook(webhook(told(payload={"id": number}))).events[0].id for number in (4242, 4243)
    )

    assert (first, second) == ("4242:stream_created", "4243:stream_created")


def test_nothing_in_the_report_is_of_the_body(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], told: Callable[..., bytes]
) -> None:
    """W11: neither the order nor the payment is taken from what anybody may have written."""
    answers("api/invoice/4242", example("paid"))
    lies = {"metadata": {"order_id": "9999"}, "isPaid": False, "createdAt": "lies"}

    (event,) = gateway.verify_webhook(webhook(told(payload=lies, requestDate="lies"))).events

    assert event.report is not None
    assert (event.report.order_id, event.report.status, event.occurred_at) == ("1042", InvoiceStatus.PAID, None)
    assert "lies" not in json.dumps(event.raw, default=str)


@pytest.mark.parametrize(
    "name, payload",
    [
        ("stream_created", {"rate": "10.51"}),
        ("stream_created", {"rate": "1050"}),
        ("stream_created", {"recipient": "0x0000000000000000000000000000000000000001"}),
        ("stream_revoked", {"rate": "10.51"}),
    ],
    ids=str,
)
def test_webhook_that_azothpay_contradicts_is_refused(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    told: Callable[..., bytes],
    name: str,
    payload: dict[str, Any],
) -> None:
    """W11: a payload that says something else than AzothPay did not come from there."""
    answers("api/invoice/4242", example("paid"))
    body = told(name, payload=payload)

    error = refused(gateway, webhook(body, signature_of(json.loads(body)["updateId"])))

    assert (error.reason, error.http_status) == (WebhookReason.NOT_CONFIRMED, 400)


@pytest.mark.parametrize(
    "payload",
    [
        {"rate": "10.5"},
        {"rate": 10.5},
        {"id": "4242"},
        {"recipient": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
        {"recipient": None},
        {"recipient": ...},
    ],
    ids=str,
)
def test_same_in_another_form_is_no_contradiction(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    told: Callable[..., bytes],
    payload: dict[str, Any],
) -> None:
    """M4: numbers are compared by value, wallets without the capitals of their checksum."""
    answers("api/invoice/4242", example("paid"))

    delivery = gateway.verify_webhook(webhook(told(payload=payload)))

    assert len(delivery.events) == 1


def test_unknown_invoice_is_refused(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """W13: an invoice of another app is none of ours."""
    answers("api/invoice/4242", b"", status=404)

    error = refused(gateway, webhook(example("stream_created")))

    assert (error.reason, error.retry) == (WebhookReason.UNCONFIRMED, True)


@pytest.mark.parametrize(
    "body, status",
    [
        (b"{}", 200),
        (b"<html>", 200),
        (b'{"id": 4243, "rate": 10.5, "isPaid": true}', 200),
        (b"", 401),
        (b"", 429),
        (b"", 500),
        (b"", 503),
    ],
    ids=["nothing", "no json", "another invoice", "key refused", "too frequent", "error", "down"],
)
def test_webhook_waits_while_azothpay_cannot_be_asked(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], body: bytes, status: int
) -> None:
    """W13: not accepted and not thrown away: AzothPay delivers again after a minute."""
    answers("api/invoice/4242", body, status=status)

    error = refused(gateway, webhook(example("stream_created")))

    assert (error.reason, error.retry, error.http_status) == (WebhookReason.UNCONFIRMED, True, 503)


def test_webhook_waits_while_the_network_is_down(
    gateway: Gateway, mocker: Any, example: Callable[[str], bytes]
) -> None:
    """W13: no answer is no confirmation."""
    mocker.get("https://invoice-api.example/api/invoice/4242", exc=requests.ConnectionError("down"))

    assert refused(gateway, webhook(example("stream_created"))).retry


def test_refusal_holds_neither_key_nor_signature_nor_body(gateway: Gateway, told: Callable[..., bytes]) -> None:
    """S1: the log of a refused webhook is nothing that a forger would want."""
    error = refused(gateway, webhook(told(payload={"rate": "canary-rate", "metadata": {"name": "canary-name"}})))

    text = "".join(traceback.format_exception(error))

    assert [word for word in (KEY, signature_of(TX), "canary", TX) if word in text] == []
