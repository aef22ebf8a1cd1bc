"""Webhooks at the door: told when they are genuine, refused in every other case."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from gateway_core import Flow, ProviderInfo, WebhookDelivery, WebhookEvent, WebhookRequest, errors
from gateway_core._engine.operations import LARGEST_WEBHOOK
from gateway_core.errors import WebhookReason
from gateway_core.webhooks import sign
from gateway_core.wire import decode
from tests.fake_gateway import KEY, NOW, Wire, ask, fake, shown


def signed(body: bytes, key: str = KEY) -> WebhookRequest:
    """Return a webhook with its signature."""
    return WebhookRequest(body=body, headers={"x-signature": sign(key.encode(), body).decode()}, received_at=NOW)


def test_webhook() -> None:
    """A genuine webhook is told, with the time at which it came."""
    actual = fake(Wire()).verify_webhook(signed(b'"e-1"'))

    assert (actual.events[0].id, actual.events[0].occurred_at, actual.verified_by) == ("e-1", NOW, "signature")


def test_webhook_is_stamped() -> None:
    """A webhook without a time came now."""
    stamp = fake(Wire()).verify_webhook(attrs.evolve(signed(b'"e-1"'), received_at=None)).events[0].occurred_at

    assert stamp is not None
    assert abs((datetime.now(UTC) - stamp).total_seconds()) < 60


@pytest.mark.parametrize(
    "request_, reason, status",
    [
        (WebhookRequest(body=b"[" * 100_000), WebhookReason.MISSING_SIGNATURE, 400),
        (WebhookRequest(body=b'"e"', headers={"X-Signature": "é"}), WebhookReason.WRONG_SIGNATURE, 400),
        (signed(b'"e"', "other"), WebhookReason.WRONG_SIGNATURE, 400),
        (signed(b"x" * (LARGEST_WEBHOOK + 1)), WebhookReason.TOO_LARGE, 413),
        (signed(b"[" * 100_000), WebhookReason.MALFORMED, 400),
        (signed(b"\xff"), WebhookReason.MALFORMED, 400),
        (signed(b"5"), WebhookReason.MALFORMED, 400),
        (signed(b'""'), WebhookReason.MALFORMED, 400),
        (signed(b'"e\\ud800"'), WebhookReason.MALFORMED, 400),
    ],
    ids=range(9),
)
def test_webhook_that_is_refused(request_: WebhookRequest, reason: WebhookReason, status: int) -> None:
    """W2, W10: whatever a message holds, it is refused with a reason, and nothing else comes out."""
    with pytest.raises(errors.WebhookError) as caught:
        fake(Wire()).verify_webhook(request_)

    assert (caught.value.reason, caught.value.http_status) == (reason, status)
    assert (caught.value.backend, caught.value.operation, caught.value.retry) == ("fake", "verify_webhook", False)


def test_largest_webhook() -> None:
    """W10: a body of the largest size is still looked at."""
    with pytest.raises(errors.WebhookError) as caught:
        fake(Wire()).verify_webhook(WebhookRequest(body=b"x" * LARGEST_WEBHOOK))

    assert caught.value.reason is WebhookReason.MISSING_SIGNATURE


@pytest.mark.parametrize(
    "answer, reason, status",
    [
        (errors.NotSentError("refused"), WebhookReason.UNCONFIRMED, 503),
        (errors.OutcomeUnknownError("timeout"), WebhookReason.UNCONFIRMED, 503),
        (503, WebhookReason.UNCONFIRMED, 503),
        (401, WebhookReason.UNCONFIRMED, 503),
        (429, WebhookReason.UNCONFIRMED, 503),
        (b'""', WebhookReason.UNCONFIRMED, 503),
        (b"no JSON", WebhookReason.UNCONFIRMED, 503),
        (404, WebhookReason.UNCONFIRMED, 503),
        (errors.WebhookError("paid less", reason=WebhookReason.NOT_CONFIRMED), WebhookReason.NOT_CONFIRMED, 400),
    ],
)
def test_webhook_that_is_confirmed_by_asking(answer: Any, reason: WebhookReason, status: int) -> None:
    """W13: what the provider does not know yet is no forgery, and a redelivery is wanted; a no is believed."""

    def hook(request: WebhookRequest) -> Flow[WebhookDelivery]:
        response = yield from ask("GET", "events", "1")
        event = WebhookEvent(id=decode(response.body, str), kind="paid")
        return WebhookDelivery(events=(event,), verified_by="callback")

    with pytest.raises(errors.WebhookError) as caught:
        fake(Wire(answer), verify_webhook=hook).verify_webhook(WebhookRequest(body=b"{}"))
    actual = caught.value
    assert (actual.reason, actual.http_status, actual.retry, actual.effect) == (reason, status, status == 503, "none")
    assert (actual.backend, actual.operation) == ("fake", "verify_webhook")


@pytest.mark.parametrize("result", [None, True, {"events": []}], ids=repr)
def test_webhook_with_a_wrong_result(result: Any) -> None:
    """P4: what is no delivery is a refusal."""
    with pytest.raises(errors.WebhookError) as caught:
        fake(Wire(), verify_webhook=lambda request: result).verify_webhook(WebhookRequest(body=b"{}"))

    assert (caught.value.reason, caught.value.http_status) == (WebhookReason.FAULTY_PLUGIN, 503)


@pytest.mark.parametrize("error", [KeyError("paid"), RecursionError(), ValueError("4711 John Doe"), AssertionError()])
def test_webhook_that_a_plugin_fails_at(error: Exception) -> None:
    """S9: a plugin's mistake is a refusal too, and quotes nothing of the message."""

    def hook(request: WebhookRequest) -> Iterator[Any]:
        raise error

    with pytest.raises(errors.WebhookError) as caught:
        fake(Wire(), verify_webhook=hook).verify_webhook(WebhookRequest(body=b"4711 John Doe"))
    assert caught.value.reason is WebhookReason.FAULTY_PLUGIN
    assert "John" not in shown(caught.value)


def test_webhooks_of_a_provider_that_sends_none() -> None:
    """W13: a provider without webhooks is an error, and not a refusal."""
    info = ProviderInfo(title="Fake", contract_version=1, unsupported={"verify_webhook": "it sends none"})

    with pytest.raises(errors.UnsupportedOperationError, match="it sends none"):
        fake(Wire(), info=info).verify_webhook(WebhookRequest(body=b"{}"))


def test_webhook_changes_nothing_at_the_provider() -> None:
    """Whoever captures an approved order is the shop: a request that could change something is not sent."""

    def verify_webhook(request: WebhookRequest) -> Flow[WebhookDelivery]:
        yield from ask("POST", "captures")
        return WebhookDelivery(events=(), verified_by="callback")

    wire = Wire(200)
    with pytest.raises(errors.WebhookError, match="must not change anything at the provider") as caught:
        fake(wire, verify_webhook=verify_webhook).verify_webhook(signed(b'"e"'))

    assert (wire.sent, caught.value.reason) == ([], WebhookReason.FAULTY_PLUGIN)
