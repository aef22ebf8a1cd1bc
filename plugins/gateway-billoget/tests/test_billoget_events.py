"""What genuine webhooks say, and what Billoget is asked about them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
import requests

from gateway_core import (
    Gateway,
    HttpRequest,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.testing import EmulatedAccount

SECRET = "made-up-webhook-secret-0123456789"

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


@pytest.mark.parametrize("kind", ["customer.created", "customer.deleted", "product.updated", "connection_test", "x"])
@pytest.mark.parametrize("data", [{"id": 7, "status": "APPROVED"}, {}, None, [1], "text"], ids=str)
def test_event_about_something_else_has_no_invoice(
    gateway: Gateway, told: Callable[..., bytes], kind: str, data: Any
) -> None:
    """It is genuine, and none of the shop's invoices: no error, and no report."""
    (event,) = gateway.verify_webhook(signed(told(event=kind, data=data))).events

    assert (event.kind, event.invoice_id, event.report, event.id) == (kind, None, None, "delivery_789")


@pytest.mark.parametrize(
    "kind, said, status",
    [
        ("budget.created", {"status": "PENDING"}, InvoiceStatus.PENDING),
        ("budget.updated", {"status": "APPROVED"}, InvoiceStatus.APPROVED),
        ("budget.approved", {"status": "APPROVED"}, InvoiceStatus.APPROVED),
        ("budget.approved", {"state": 1}, InvoiceStatus.APPROVED),
        ("budget.approved", {}, InvoiceStatus.APPROVED),
        ("budget.approved", {"status": "PENDING"}, InvoiceStatus.UNKNOWN),
        ("budget.approved", {"status": "REJECTED"}, InvoiceStatus.UNKNOWN),
        ("budget.approved", {"status": "PAID"}, InvoiceStatus.UNKNOWN),
        ("budget.rejected", {"status": "REJECTED"}, InvoiceStatus.CANCELED),
        ("budget.rejected", {"status": "APPROVED"}, InvoiceStatus.UNKNOWN),
        ("budget.expired", {"status": "EXPIRED"}, InvoiceStatus.EXPIRED),
        ("budget.expired", {"state": 0}, InvoiceStatus.EXPIRED),
        ("budget.expired", {"status": "APPROVED"}, InvoiceStatus.UNKNOWN),
        ("budget.paid", {"status": "PAID"}, InvoiceStatus.UNKNOWN),
        ("budget.paid", {}, InvoiceStatus.UNKNOWN),
        ("budget.updated", {"state": 0, "expirationDate": "2024-01-15T10:30:00Z"}, InvoiceStatus.EXPIRED),
    ],
    ids=str,
)
def test_event_and_budget_must_agree(
    gateway: Gateway, told: Callable[..., bytes], kind: str, said: dict[str, Any], status: InvoiceStatus
) -> None:
    """W10: what the event's name and the budget in it say of each other's contrary is UNKNOWN, and never PAID."""
    (event,) = gateway.verify_webhook(signed(told(event=kind, data={"id": 123, **said}))).events

    assert event.report is not None
    assert (event.report.status, event.report.received, event.invoice_id) == (status, None, "123")


def test_deletion_says_nothing_of_the_status(
    connect: Callable[..., Gateway], told: Callable[..., bytes], sent: Sent
) -> None:
    """How the budget stood before says nothing about it now, and it cannot be asked for any more."""
    gateway = connect(confirm_webhooks=True)

    delivery = gateway.verify_webhook(signed(told(event="budget.deleted")))

    (event,) = delivery.events
    assert (event.invoice_id, event.report, delivery.verified_by, sent()) == ("budget_123", None, "signature", [])


@pytest.mark.parametrize("metadata", [None, {}, {"delivery_id": None}, {"delivery_id": ""}], ids=str)
def test_delivery_without_an_id_is_known_by_its_content(
    gateway: Gateway, told: Callable[..., bytes], metadata: Any
) -> None:
    """W8: the same bytes are the same event, other bytes are another."""
    bodies = [told(metadata=metadata), told(metadata=metadata), told(metadata=metadata, event="budget.updated")]

    first, again, other = (gateway.verify_webhook(signed(body)).events[0].id for body in bodies)

    assert (first, first == again, first == other) == (f"sha256:{hashlib.sha256(bodies[0]).hexdigest()}", True, False)


def test_confirmed_webhook_is_believed_only_by_what_billoget_answers(
    connect: Callable[..., Gateway],
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    told: Callable[..., bytes],
) -> None:
    """W11: an old message that is sent again is genuine, and no longer true."""
    answers("GET", "api/public/budgets/budget_123", example("budget-g1"))
    gateway = connect(confirm_webhooks=True)

    delivery = gateway.verify_webhook(signed(told()))

    report = delivery.events[0].report
    assert report is not None
    assert (report.status, report.order_id, delivery.verified_by) == (
        InvoiceStatus.PENDING,
        "1042",
        "signature+callback",
    )


@pytest.mark.parametrize(
    "status, reason, answered",
    [
        (404, WebhookReason.UNCONFIRMED, 503),
        (500, WebhookReason.UNCONFIRMED, 503),
        (429, WebhookReason.UNCONFIRMED, 503),
        (401, WebhookReason.UNCONFIRMED, 503),
    ],
)
def test_webhook_that_cannot_be_confirmed_is_refused(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    status: int,
    reason: WebhookReason,
    answered: int,
) -> None:
    """Where Billoget could not be asked, or does not know the budget yet, the webhook is wanted again."""
    answers("GET", "api/public/budgets/budget_123", b'{"error": "e"}', status=status)

    error = refused(connect(confirm_webhooks=True), signed(example("webhook")))

    assert (error.reason, error.http_status) == (reason, answered)


def test_webhook_whose_confirmation_is_lost_is_refused(
    connect: Callable[..., Gateway], mocker: Any, example: Callable[[str], bytes]
) -> None:
    """As above."""
    mocker.get("https://api.billoget.com/v1/api/public/budgets/budget_123", exc=requests.ConnectionError)

    error = refused(connect(confirm_webhooks=True), signed(example("webhook")))

    assert (error.reason, error.retry) == (WebhookReason.UNCONFIRMED, True)


def test_forged_webhook_costs_no_request(
    connect: Callable[..., Gateway], example: Callable[[str], bytes], sent: Sent
) -> None:
    """W13: a flood of them does not eat the thousand requests of an hour."""
    refused(connect(confirm_webhooks=True), WebhookRequest(body=example("webhook"), headers={HEADER: "0" * 64}))

    assert sent() == []


@pytest.mark.parametrize(
    "received, timestamp, reason",
    [
        (AT + timedelta(minutes=5), "2024-01-15T10:30:00Z", None),
        (AT - timedelta(minutes=5), "2024-01-15T10:30:00Z", None),
        (AT + timedelta(minutes=5), "2024-01-15T07:30:00-03:00", None),
        (AT + timedelta(minutes=5, seconds=1), "2024-01-15T10:30:00Z", WebhookReason.STALE),
        (AT - timedelta(minutes=5, seconds=1), "2024-01-15T10:30:00Z", WebhookReason.STALE),
        (AT, None, WebhookReason.MALFORMED),
        (AT, "2024-01-15", WebhookReason.MALFORMED),
        (AT, "2024-01-15T10:30:00", WebhookReason.MALFORMED),
        (AT, "١٠", WebhookReason.MALFORMED),
    ],
    ids=str,
)
def test_age_is_checked_where_the_account_says_so(
    connect: Callable[..., Gateway],
    told: Callable[..., bytes],
    received: datetime,
    timestamp: str | None,
    reason: WebhookReason | None,
) -> None:
    """W7: on both sides, and a time that is missing is none; without the setting any age is accepted."""
    request = signed(told(timestamp=timestamp), received_at=received)
    strict, lenient = connect(webhook_tolerance=timedelta(minutes=5)), connect()

    assert len(lenient.verify_webhook(request).events) == 1
    if reason is None:
        assert len(strict.verify_webhook(request).events) == 1
    else:
        assert refused(strict, request).reason is reason


@pytest.mark.parametrize(
    "writing",
    [{}, {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False}, {"indent": 2}],
    ids=["python", "javascript", "compact", "indented"],
)
def test_body_that_was_parsed_and_written_anew_is_refused(writing: dict[str, Any]) -> None:
    """W1: the most frequent mistake with webhooks is found while the shop is built, whatever wrote the body anew."""
    with EmulatedAccount("billoget") as account:
        account.pay(account.gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("5.10", "USD"))).id)
        came = account.webhooks()[0]
        anew = attrs.evolve(came, body=json.dumps(json.loads(came.body), **writing).encode())

        with pytest.raises(WebhookError) as caught:
            account.gateway.verify_webhook(anew)

        assert caught.value.reason is WebhookReason.WRONG_SIGNATURE
        assert account.gateway.verify_webhook(came).events
