"""What the plugin makes of events that are genuine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from gateway_core import (
    Gateway,
    HttpRequest,
    HttpResponse,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Secret,
    WebhookEvent,
    WebhookRequest,
)
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.testing import EmulatedAccount
from gateway_core.webhooks import sign_standard
from gateway_sandbox.emulator import SandboxEmulator

Call = Callable[..., HttpResponse]
Deliver = Callable[[], list[HttpRequest]]


def _bill(call: Call, amount: str = "50") -> tuple[str, str]:
    content = {"order_id": "1042", "amount": {"amount": amount, "currency": "EUR"}}
    made = json.loads(call("POST", "/v1/invoices", content).body)
    return made["id"], made["checkout_url"].rpartition("/")[2]


def _event(gateway: Gateway, emulator: SandboxEmulator, content: Any, message_id: str = "evt_1") -> WebhookEvent:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    headers = sign_standard(Secret(emulator.credentials["webhook_secret"]), message_id, datetime.now(UTC), body)
    (event,) = gateway.verify_webhook(WebhookRequest(body=body, headers=headers)).events
    return event


@pytest.mark.parametrize(
    "content",
    [
        {
            "id": "evt_1",
            "type": "payout.sent",
            "created_at": "2026-11-21T08:00:00Z",
            "data": {"payout": {"id": "po_1"}},
        },
        {"id": "evt_1", "type": "invoice.archived", "created_at": "2026-11-21T08:00:00Z", "data": []},
        {"id": "evt_1", "type": "ping", "created_at": "2026-11-21T08:00:00Z"},
    ],
    ids=lambda content: content["type"],
)
def test_unknown_event_is_passed_on_without_a_report(
    gateway: Gateway, emulator: SandboxEmulator, content: dict[str, Any]
) -> None:
    """An event that this plugin does not know is no error: it has its kind, and says nothing of an invoice."""
    event = _event(gateway, emulator, content, message_id="evt_signed")

    assert (event.id, event.kind, event.invoice_id, event.report) == ("evt_signed", content["type"], None, None)
    assert event.raw == content


def test_unknown_status_is_unknown(gateway: Gateway, emulator: SandboxEmulator, call: Call, webhooks: Deliver) -> None:
    """W10: a word that is not in the table is UNKNOWN, kept, and never PAID, whatever the amounts say."""
    emulator.pay(_bill(call)[1])
    content = json.loads(webhooks()[0].body)
    content["data"]["invoice"]["status"] = "in_review"

    report = _event(gateway, emulator, content).report

    assert report is not None
    assert (report.status, report.provider_status) == (InvoiceStatus.UNKNOWN, "in_review")


def test_word_does_not_stand_against_amounts(
    gateway: Gateway, emulator: SandboxEmulator, call: Call, webhooks: Deliver
) -> None:
    """A webhook that says paid while too little has come is not PAID."""
    emulator.pay(_bill(call)[1], Money("20", "EUR"))
    content = json.loads(webhooks()[0].body)
    content["type"], content["data"]["invoice"]["status"] = "invoice.paid", "paid"

    report = _event(gateway, emulator, content).report

    assert report is not None
    assert report.status is InvoiceStatus.PARTIALLY_PAID


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"id": "evt_1", "type": "invoice.paid", "created_at": "2026-11-21T08:00:00Z", "data": {}}',
        b'{"id": "evt_1", "type": "invoice.paid", "created_at": "2026-11-21T08:00:00Z", "data": {"invoice": 7}}',
        b'{"id": "evt_1", "type": 7, "created_at": "2026-11-21T08:00:00Z", "data": {}}',
        b'{"id": "evt_1", "type": "ping", "created_at": "today"}',
        b'{"id": "evt_1", "type": "ping", "type": "ping", "created_at": "2026-11-21T08:00:00Z"}',
        b'{"id": "evt_1", "type": "ping", "created_at": "2026-11-21T08:00:00Z", "data": NaN}',
    ],
    ids=lambda body: body.decode()[:120],
)
def test_genuine_nonsense_is_refused_as_malformed(gateway: Gateway, emulator: SandboxEmulator, body: bytes) -> None:
    """W10: a signed body that makes no sense is refused, never half believed."""
    with pytest.raises(WebhookError) as caught:
        _event(gateway, emulator, body)

    assert caught.value.reason is WebhookReason.MALFORMED


@pytest.mark.parametrize("body", [b"[" * 100_000, b"\xff", b""])
def test_nothing_is_parsed_before_it_is_verified(gateway: Gateway, body: bytes) -> None:
    """W2: an unsigned body is refused as unsigned, whatever it holds."""
    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(WebhookRequest(body=body, headers={}))

    assert caught.value.reason is WebhookReason.MISSING_SIGNATURE


@pytest.mark.parametrize(
    "writing",
    [{}, {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False}, {"indent": 2}],
    ids=["python", "javascript", "compact", "indented"],
)
def test_body_that_was_parsed_and_written_anew_is_refused(writing: dict[str, Any]) -> None:
    """W1: the most frequent mistake with webhooks is found while the shop is built, whatever wrote the body anew."""
    with EmulatedAccount("sandbox") as account:
        account.pay(account.gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("5.10", "USD"))).id)
        came = account.webhooks()[0]
        anew = attrs.evolve(came, body=json.dumps(json.loads(came.body), **writing).encode())

        with pytest.raises(WebhookError) as caught:
            account.gateway.verify_webhook(anew)

        assert caught.value.reason is WebhookReason.WRONG_SIGNATURE
        assert account.gateway.verify_webhook(came).events
