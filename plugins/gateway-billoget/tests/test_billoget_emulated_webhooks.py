"""What the emulator sends, what it keeps, and what comes of it for a shop."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway_billoget import BillogetSettings
from gateway_billoget.emulator import BillogetEmulator
from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceRequest, InvoiceStatus, Money, WebhookRequest
from gateway_core.errors import PermissionDeniedError, RateLimitedError, WebhookError
from gateway_core.testing import Ledger, ManualClock, QueuedDelivery

Emulate = Callable[..., BillogetEmulator]
At = Callable[..., Gateway]

START = datetime(2030, 1, 31, 12, tzinfo=UTC)
REQUEST = InvoiceRequest(order_id="1042", amount=Money("1500", "EUR"), description="Two books", requested_at=START)

each_generation = pytest.mark.parametrize("generation", ["G1", "G3"])

BODIES: dict[str, dict[str, Any]] = {
    "G1": {
        "customerId": "customer_501",
        "items": [{"productId": "product_301", "description": "A book", "quantity": 2, "unitPrice": 10.55}],
        "notes": "Dear customer",
        "validUntil": "2030-03-01T00:00:00Z",
        "metadata": {"order_id": "1042"},
    },
    "G3": {
        "currency": "USD",
        "issueDate": "2030-01-31T00:00:00Z",
        "expirationDate": "2030-03-01T00:00:00Z",
        "customerId": 501,
        "sellerId": 7,
        "minimumPaymentToConfirm": 0,
        "subtotal": 21.1,
        "total": 25.53,
        "iva": 4.43,
        "comments": "Dear customer",
        "items": [{"productId": 301, "quantity": 2, "unitPrice": 10.55}],
    },
}


def ask(emulator: BillogetEmulator, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
    """Send one well-formed request."""
    known = {"Authorization": f"Bearer {emulator.credentials['api_key']}", "Content-Type": "application/json"}
    given = {name.replace("_", "-"): value for name, value in {**known, **headers}.items() if value}
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return emulator.handle(HttpRequest(method=method, url=f"http://127.0.0.1/v1/api/{path}", headers=given, body=raw))


def told(response: HttpResponse) -> Any:
    """Return the body of an answer."""
    return json.loads(response.body)


def kinds(emulator: BillogetEmulator) -> list[str]:
    """Return the events that were queued."""
    return [delivery.kind for _, delivery in emulator.ledger.select(QueuedDelivery)]


G1, G3 = BODIES["G1"], BODIES["G3"]


@pytest.mark.parametrize("encoding, prefix", [("hex", ""), ("hex", "sha256="), ("base64", ""), ("base64", "sha256=")])
def test_webhooks_are_signed_as_the_option_says(emulate: Emulate, at: At, encoding: str, prefix: str) -> None:
    """None of it is documented: each way can be tried, and the plugin takes it with the same setting."""
    emulator = emulate(webhook_encoding=encoding, webhook_prefix=prefix)
    gateway = at(emulator, webhook_encoding=encoding)
    gateway.create_invoice(REQUEST)
    seen = []

    def shop(request: HttpRequest) -> int:
        seen.append(gateway.verify_webhook(WebhookRequest(body=request.body, headers=request.headers)))
        return 200

    assert emulator.deliver(shop) == 1
    assert seen[0].events[0].kind == "budget.created"


def test_tampered_webhook_is_refused(emulate: Emulate, at: At) -> None:
    """W1: the dashboard's button changes the body after it was signed."""
    emulator = emulate()
    gateway = at(emulator)
    gateway.create_invoice(REQUEST)
    ((_, queued),) = emulator.ledger.select(QueuedDelivery)
    emulator.tamper(queued.id)
    reasons = []

    def shop(request: HttpRequest) -> int:
        try:
            gateway.verify_webhook(WebhookRequest(body=request.body, headers=request.headers))
        except WebhookError as error:
            reasons.append(error.reason.value)
            return error.http_status
        return 200

    assert (emulator.deliver(shop), reasons) == (2, ["wrong signature"])


@pytest.mark.parametrize(
    "redelivery, minutes",
    [(None, [0, 1, 3, 7, 15, 31, 63]), ((timedelta(minutes=5),) * 2, [0, 5, 10])],
    ids=["usual", "option"],
)
def test_webhook_is_sent_again_ever_later(
    emulate: Emulate, clock: ManualClock, redelivery: tuple[timedelta, ...] | None, minutes: list[int]
) -> None:
    """Exponentially, as is documented; the same bytes with the same delivery id each time."""
    emulator = emulate(redelivery=redelivery)
    ask(emulator, "POST", "budgets/public", BODIES["G3"])
    bodies, times = set(), []

    def shop(request: HttpRequest) -> int:
        bodies.add((request.body, request.headers["X-Billoget-Signature"]))
        times.append((clock() - START) // timedelta(minutes=1))
        return 500

    for _ in range(120):
        emulator.deliver(shop)
        clock.move(timedelta(minutes=1))

    assert (times, len(bodies)) == (minutes, 1)


def test_shop_without_an_address_is_sent_nothing(emulate: Emulate) -> None:
    """Events of customers and tests of the webhook included."""
    emulator = emulate(webhook_url=None, generation="G1")
    ask(emulator, "POST", "public/budgets", BODIES["G1"])
    ask(emulator, "POST", "public/customers", {"name": "Bo", "email": "bo@shop.example"})
    ask(emulator, "POST", "public/webhooks/test", {"event": "x", "data": {}})

    assert kinds(emulator) == []


@each_generation
def test_settings_lead_to_a_gateway_that_makes_invoices(emulate: Emulate, generation: str) -> None:
    """What `gateway sandbox billoget` writes into a configuration is texts, and all that is needed."""
    from gateway_core.config import structure

    settings = structure(BillogetSettings, emulate(generation=generation).settings("http://127.0.0.1:4010"), where="x")

    assert (settings.generation, settings.base_url) == (generation, "http://127.0.0.1:4010/v1")
    assert settings.create_mode == {"G1": "budgets", "G3": "public"}[generation]


def test_state_outlives_a_restart(emulate: Emulate, at: At, tmp_path: Path) -> None:
    """Keys, budgets, customers and series stand in the file."""
    path = tmp_path / "billoget.db"
    ledger = Ledger(path)
    first = emulate(ledger=ledger)
    invoice = at(first).create_invoice(REQUEST)
    ledger.close()
    ledger = Ledger(path)

    again = emulate(ledger=ledger)

    assert again.credentials == first.credentials
    assert at(again).get_status(invoice.id).status is InvoiceStatus.PENDING
    assert at(again).create_invoice(REQUEST).id == "124"
    assert len(told(ask(again, "GET", "public/customers"))["data"]["data"]) == 1
    ledger.close()


def test_threads_share_an_emulator(emulate: Emulate) -> None:
    """No number is given twice, and no request is forgotten."""
    emulator = emulate()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(emulator, "POST", "budgets/public", BODIES["G3"]), range(40)))

    numbers = {told(answer)["data"]["budgetId"] for answer in answers}

    assert (numbers, answers[0].headers["X-RateLimit-Window"]) == (set(range(123, 163)), "3600")
    assert ask(emulator, "GET", "public/budgets").headers["X-RateLimit-Remaining"] == "959"


def test_refusals_reach_the_shop_as_errors(emulate: Emulate, at: At) -> None:
    """Limit and scopes, through the gateway."""
    busy = at(emulate(rate_limit=1))
    busy.check_account()

    with pytest.raises(RateLimitedError) as caught:
        busy.check_account()
    with pytest.raises(PermissionDeniedError):
        at(emulate(scopes=frozenset())).check_account()

    assert caught.value.retry_after == 3600
