"""Webhooks: the signature over the exact bytes, and a report of what the server says itself."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from gateway_core import Gateway, InvoiceStatus, Secret, WebhookRequest
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.testing import HttpClient
from gateway_core.webhooks import sign

INVOICE = "https://btcpay.example/api/v1/stores/S1/invoices/I1"

#: Our own vector, since none is published: the body of 238 bytes, and its signature under the secret `topsecret`.
VECTOR = (
    b'{"deliveryId":"D1","webhookId":"W1","originalDeliveryId":"D1","isRedelivery":false,"type":"InvoiceSettled",'
    b'"timestamp":1893456000,"storeId":"S1","invoiceId":"I1","metadata":{"orderId":"order-1001"},'
    b'"manuallyMarked":false,"overPaid":false}'
)
VECTOR_SIGNATURE = "62a28e6bb6ef1a7057b6d76754f7e8355f0fa3c48f792534d40570559d396509"

Document = Callable[..., Any]


def message(body: bytes, key: str = "topsecret-topsecret", header: str = "BTCPay-Sig") -> WebhookRequest:
    """Return a body, signed."""
    return WebhookRequest(body=body, headers={header: "sha256=" + sign(key.encode(), body).decode()})


@pytest.fixture
def paid(mocker: requests_mock.Mocker, document: Document) -> None:
    """Let the server say that the invoice is paid."""
    mocker.get(INVOICE, json=document("invoice", {"id": "I1", "status": "Settled", "paidAmount": "12.50"}))


def test_vector_is_signed_as_the_server_does() -> None:
    """The signature is the HMAC-SHA256 of the body under the bytes of the secret, in small hex digits."""
    assert len(VECTOR) == 238
    assert sign(b"topsecret", VECTOR).decode() == VECTOR_SIGNATURE


@pytest.mark.usefixtures("paid")
def test_event_tells_what_the_server_says(gateway: Gateway) -> None:
    """The event names the invoice; how it stands is asked for."""
    delivery = gateway.verify_webhook(message(VECTOR))

    [event] = delivery.events
    assert (event.id, event.kind, event.invoice_id) == ("D1", "InvoiceSettled", "I1")
    assert event.report is not None
    assert event.report.status is InvoiceStatus.PAID
    assert delivery.verified_by == "signature+callback"


def test_event_that_says_settled_of_an_open_invoice_is_not_believed(
    gateway: Gateway, mocker: requests_mock.Mocker, document: Document
) -> None:
    """An event of yesterday that comes again tells how the invoice stands today."""
    mocker.get(INVOICE, json=document("invoice", {"id": "I1"}))

    [event] = gateway.verify_webhook(message(VECTOR)).events

    assert event.report is not None
    assert event.report.status is InvoiceStatus.PENDING


@pytest.mark.usefixtures("paid")
def test_redelivery_is_the_same_event(gateway: Gateway) -> None:
    """A redelivery has an id of its own, and names the first."""
    again = VECTOR.replace(b'"deliveryId":"D1"', b'"deliveryId":"D2"').replace(b":false,", b":true,", 1)

    [event] = gateway.verify_webhook(message(again)).events

    assert event.id == "D1"


@pytest.mark.usefixtures("paid")
def test_every_changed_byte_is_refused(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """One byte of the body or the signature changed, added or cut: nothing is believed, and nothing is asked."""
    genuine = message(VECTOR)
    header = genuine.headers["BTCPay-Sig"]
    chance = random.Random(7)  # noqa: S311  # the same mutants each time
    mutants = []
    for place, byte in enumerate(VECTOR):
        before, after = VECTOR[:place], VECTOR[place + 1 :]
        mutants += [(before + bytes([byte ^ 1 << chance.randrange(8)]) + after, header), (before + after, header)]
    for place, char in enumerate(header):
        other = "0" if char != "0" else "1"
        mutants += [(VECTOR, header[:place] + other + header[place + 1 :]), (VECTOR, header[:place])]
    mutants += [(VECTOR + b" ", header), (b" " + VECTOR, header)]
    mutants += [(VECTOR, each) for each in (header.upper(), f"{header},{header}", f" {header}0")]

    for body, signature in mutants:
        with pytest.raises(WebhookError) as caught:
            gateway.verify_webhook(WebhookRequest(body=body, headers={"BTCPay-Sig": signature}))
        assert not caught.value.retry

    assert len(mutants) > 500
    assert not mocker.request_history


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"storeId": "S2"}, WebhookReason.WRONG_ACCOUNT),
        ({"invoiceId": None}, WebhookReason.MALFORMED),
        ({"invoiceId": ""}, WebhookReason.MALFORMED),
        ({"originalDeliveryId": None}, WebhookReason.MALFORMED),
        ({"originalDeliveryId": ""}, WebhookReason.MALFORMED),
        ({"timestamp": "soon"}, WebhookReason.MALFORMED),
        ({"type": 7}, WebhookReason.MALFORMED),
    ],
)
@pytest.mark.usefixtures("paid")
def test_signed_nonsense_is_refused(change: dict[str, Any], reason: WebhookReason, gateway: Gateway) -> None:
    """A genuine signature does not make a body fit."""
    body = json.dumps({**json.loads(VECTOR), **change}).encode()

    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(message(body))

    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "headers, reason",
    [
        ([], WebhookReason.MISSING_SIGNATURE),
        ([("BTCPay-Sig", "")], WebhookReason.MALFORMED),
        ([("BTCPay-Sig", "sha1=abc")], WebhookReason.MALFORMED),
        ([("BTCPay-Sig", "sha256=")], WebhookReason.WRONG_SIGNATURE),
        ([("BTCPay-Sig", "sha256=" + "0" * 64)] * 2, WebhookReason.MALFORMED),
        ([("BTCPay-Sig", "sha256=" + sign(b"another-secret-1", VECTOR).decode())], WebhookReason.WRONG_SIGNATURE),
    ],
)
def test_headers_that_prove_nothing(headers: list[tuple[str, str]], reason: WebhookReason, gateway: Gateway) -> None:
    """Missing, doubled, or of another kind: refused, each with its reason for the operator."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(WebhookRequest(body=VECTOR, headers=headers))

    assert caught.value.reason is reason


def test_event_about_something_else_has_no_report(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """What is not about an invoice is passed on, without a request."""
    body = json.dumps({**json.loads(VECTOR), "type": "PayoutCreated", "invoiceId": None}).encode()

    delivery = gateway.verify_webhook(message(body))

    [event] = delivery.events
    assert (event.kind, event.invoice_id, event.report) == ("PayoutCreated", None, None)
    assert delivery.verified_by == "signature"
    assert not mocker.request_history


@pytest.mark.parametrize("status", [404, 500, 502])
def test_event_that_cannot_be_confirmed_now_may_come_again(
    status: int, gateway: Gateway, mocker: requests_mock.Mocker
) -> None:
    """A proxy's error page proves no forgery: a redelivery is wanted."""
    mocker.get(INVOICE, text="<html>", status_code=status)

    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(message(VECTOR))

    assert (caught.value.http_status, caught.value.retry) == (503, True)


def test_two_secrets_while_one_is_replaced(mocker: requests_mock.Mocker, document: Document) -> None:
    """Redeliveries use the new secret, what is under way the old one: both are active."""
    mocker.get(INVOICE, json=document("invoice", {"id": "I1"}))
    settings: dict[str, Any] = {
        "base_url": "https://btcpay.example",
        "store_id": "S1",
        "api_key": "made-up-key-0123456789",
    }
    secrets = [Secret("the-new-secret-1"), Secret("the-old-secret-1")]
    with Gateway.connect(
        "btcpay", transport=HttpClient("https://btcpay.example"), webhook_secret=secrets, **settings
    ) as gateway:
        for secret in secrets:
            assert gateway.verify_webhook(message(VECTOR, secret.reveal())).events[0].id == "D1"
        with pytest.raises(WebhookError):
            gateway.verify_webhook(message(VECTOR, "an-older-secret-1"))
