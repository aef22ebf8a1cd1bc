"""What is sent to change a payment: cancellations, refunds, captures, subscriptions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests_mock

from gateway_core import (
    CaptureRequest,
    CaptureStatus,
    Gateway,
    InvoiceStatus,
    Money,
    RefundRequest,
    RefundStatus,
)
from gateway_core.errors import UnexpectedResponseError, UnsupportedOperationError

Tells = Callable[..., None]
Connect = Callable[..., Gateway]

BASE = "https://api.mollie.com"
ID = "tr_9xK2mQ"
TOKEN = {"api_key": "access_abcdefghij0123456789", "profile_id": "pfl_3Rk"}


def body_of(mocker: requests_mock.Mocker) -> Any:
    """Return the JSON of the last request."""
    return json.loads(mocker.request_history[-1].body)


def test_cancellation_is_told(gateway: Gateway, tells: Tells, mocker: requests_mock.Mocker) -> None:
    """Mollie answers with the canceled payment."""
    tells("DELETE", f"payments/{ID}", "payment", status="canceled")

    assert gateway.cancel_invoice(ID).status is InvoiceStatus.CANCELED
    assert mocker.request_history[-1].body is None


def test_unreadable_cancellation_may_have_been_made(gateway: Gateway, tells: Tells) -> None:
    """Mollie said yes, and not what to: the payment's state tells."""
    tells("DELETE", f"payments/{ID}", "payment", createdAt="today")

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.cancel_invoice(ID)

    assert caught.value.effect == "unknown"


def test_refund_is_sent_and_told(gateway: Gateway, tells: Tells, mocker: requests_mock.Mocker) -> None:
    """It is pending: Mollie carries it out about two hours later."""
    tells("POST", f"payments/{ID}/refunds", "refund", code=201)
    request = RefundRequest(refund_id="r-1", invoice_id=ID, amount=Money("5", "EUR"), reason="Damaged")

    refund = gateway.refund_payment(request)

    assert body_of(mocker) == {
        "amount": {"currency": "EUR", "value": "5.00"},
        "description": "Damaged",
        "metadata": {"refund_id": "r-1"},
    }
    assert (refund.id, refund.refund_id, refund.status) == ("re_4qqhO89gsT", "r-1", RefundStatus.PENDING)


@pytest.mark.parametrize(
    "word, status",
    [
        ("pending", CaptureStatus.PENDING),
        ("succeeded", CaptureStatus.DONE),
        ("failed", CaptureStatus.FAILED),
        ("new", CaptureStatus.PENDING),
    ],
)
def test_capture_is_sent_and_told(
    gateway: Gateway,
    tells: Tells,
    mocker: requests_mock.Mocker,
    word: str,
    status: CaptureStatus,
) -> None:
    """The complete list of the API description (capture-status); a new word may still fail."""
    tells("POST", f"payments/{ID}/captures", "capture", code=201, status=word)

    capture = gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=ID, amount=Money("10", "EUR")))

    assert body_of(mocker) == {
        "amount": {"currency": "EUR", "value": "10.00"},
        "metadata": {"capture_id": "c-1"},
    }
    assert (capture.id, capture.capture_id, capture.amount, capture.status) == (
        "cpt_vytxeT",
        "c-1",
        Money("10", "EUR"),
        status,
    )


def test_whole_capture_names_no_amount(gateway: Gateway, tells: Tells, mocker: requests_mock.Mocker) -> None:
    """Absent is all that was authorized."""
    tells("POST", f"payments/{ID}/captures", "capture", code=201, amount=...)

    capture = gateway.capture_payment(CaptureRequest(capture_id="c-1", invoice_id=ID))

    assert (body_of(mocker), capture.amount) == ({"metadata": {"capture_id": "c-1"}}, None)


def test_webhook_is_subscribed_to(connect: Connect, mocker: requests_mock.Mocker) -> None:
    """With an access token; the secret is told this once."""
    made = {"id": "hook_1", "url": "https://shop.example/hook", "webhookSecret": "a-secret-of-the-subscription"}
    mocker.post(f"{BASE}/v2/webhooks", json=made, status_code=201)

    registration = connect(**TOKEN).register_webhook("https://shop.example/hook")

    body = body_of(mocker)
    assert (body["url"], body["testmode"], set(registration.events) == set(body["eventTypes"])) == (
        "https://shop.example/hook",
        True,
        True,
    )
    assert registration.secret is not None
    assert registration.secret.reveal() == "a-secret-of-the-subscription"


def test_api_key_cannot_subscribe(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """Mollie wants an organization's token."""
    with pytest.raises(UnsupportedOperationError, match="access token"):
        gateway.register_webhook("https://shop.example/hook")

    assert mocker.request_history == []
