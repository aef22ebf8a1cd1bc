"""The full story of an invoice at each of the three providers, told in the bytes of their documentation.

Each story is a script: what is asked, in this order and nothing else, and the documented example that answers it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
import requests_mock

from gateway_core import Gateway, InvoiceRequest, InvoiceStatus, Money, RefundRequest, WebhookRequest
from gateway_core.errors import UnsupportedOperationError
from gateway_core.testing import HttpClient
from gateway_core.webhooks import sign

PLUGINS = Path(__file__).parent.parent.parent / "plugins"
KEY = "bk_test_made-up-0123456789-abcdef"
SECRET = "made-up-webhook-secret-0123456789"
PROJECT = "1c48b092-9878-48f5-b441-07a8a48e7b54"
BITSBY_ID = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
TRON_HASH = "f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f"
STRAY_HASH = "a0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f"
STREAM_HASH = "0x1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef"


@attrs.frozen
class Exchange:
    """One request and its answer.

    Attributes:
        asked: The method and the path.
        example: The name of the example that answers it.
        said: A word in the example, for examples that the documentation shows in another state only.
        meant: The word that stands in its place.
    """

    asked: str
    example: str
    said: str = ""
    meant: str = ""


@attrs.frozen(kw_only=True)
class Story:
    """One provider's story; an operation without exchanges is one that it does not have.

    Attributes:
        backend: Its backend's name.
        base_url: Its address.
        settings: What an account needs.
        amount: What is asked for.
        options: What an invoice needs beyond the ordinary.
        invoice_id: The id in the documentation.
        payment_url: The page in the documentation.
        done: How it ends well.
        webhook: The name of the example of its webhook.
        sign: Makes the headers of that message.
        event_id: The event's key.
        payments: Id, invoice, amount and reference of each payment in the list.
        create: The exchanges of each operation.
        look: As `create`.
        confirm: As `create`; those of the webhook.
        report: As `create`.
        listing: As `create`.
        find: As `create`.
        cancel: As `create`.
    """

    backend: str
    base_url: str
    settings: dict[str, Any]
    amount: Money
    options: dict[str, Any] = attrs.field(factory=dict)
    invoice_id: str
    payment_url: str | None
    done: InvoiceStatus = InvoiceStatus.PAID
    webhook: str
    sign: Callable[[bytes], dict[str, str]] = lambda _: {}
    event_id: str
    payments: tuple[tuple[str, str | None, Money | None, str | None], ...] = ()
    create: tuple[Exchange, ...]
    look: tuple[Exchange, ...]
    confirm: tuple[Exchange, ...] = ()
    report: tuple[Exchange, ...]
    listing: tuple[Exchange, ...] = ()
    find: tuple[Exchange, ...] = ()
    cancel: tuple[Exchange, ...] = ()

    def example(self, name: str) -> bytes:
        """Return the bytes of an example, which the plugin's own tests read too."""
        return (PLUGINS / f"gateway-{self.backend}" / "tests" / "data" / f"{name}.json").read_bytes()


def _bitsby(suffix: str) -> Story:
    return Story(
        backend="bitsby",
        base_url="https://api.bitsby.app",
        settings={"api_key": KEY, "project_id": PROJECT},
        amount=Money("12.00", "USD"),
        invoice_id=BITSBY_ID,
        payment_url="https://dash.bitsby.app/invoices/pay/MXNj4m8HhcM4",
        webhook=f"webhook{suffix}",
        event_id="7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6",
        payments=(
            (
                "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6",
                BITSBY_ID,
                Money("11.45", "USDT", network="tron"),
                TRON_HASH,
            ),
            ("7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f7", None, None, STRAY_HASH),
        ),
        create=(Exchange("POST /invoices/create", f"created{suffix}"),),
        look=(Exchange("POST /invoices/list", f"unpaid{suffix}"),),
        confirm=(Exchange("POST /invoices/list", f"paid{suffix}"),),
        report=(Exchange("POST /invoices/list", f"paid{suffix}"),),
        listing=(Exchange("POST /payments/list", f"payments{suffix}"),),
        find=(Exchange("POST /invoices/list", f"paid{suffix}"),),
        cancel=(
            Exchange("POST /invoices/cancel", "canceled"),
            Exchange("POST /invoices/list", f"unpaid{suffix}", "unpaid", "canceled"),
        ),
    )


STORIES = {
    "bitsby": _bitsby(""),
    "bitsby, older": _bitsby("-older"),
    "billoget": Story(
        backend="billoget",
        base_url="https://api.billoget.com/v1",
        settings={
            "api_key": KEY,
            "webhook_secret": SECRET,
            "currency": "USD",
            "customer_id": "customer_456",
            "product_id": "product_301",
        },
        amount=Money("1500", "USD"),
        invoice_id="budget_123",
        payment_url=None,
        done=InvoiceStatus.APPROVED,
        webhook="webhook",
        sign=lambda body: {"X-Billoget-Signature": f"sha256={sign(SECRET.encode(), body).decode()}"},
        event_id="delivery_789",
        create=(Exchange("POST /v1/api/public/budgets", "budget-g1"),),
        look=(Exchange("GET /v1/api/public/budgets/budget_123", "budget-g1"),),
        report=(Exchange("GET /v1/api/public/budgets/budget_123", "budget-g1", "PENDING", "APPROVED"),),
        find=(
            Exchange("GET /v1/api/public/budgets", "list-g1"),
            Exchange("GET /v1/api/public/budgets/budget_123", "budget-g1", "PENDING", "APPROVED"),
        ),
    ),
    "azothpay": Story(
        backend="azothpay",
        base_url="https://invoice-api.example",
        settings={"api_key": KEY, "base_url": "https://invoice-api.example"},
        amount=Money("10.50", "USD"),
        options={"period": "PerMonth"},
        invoice_id="4242",
        payment_url="https://t.me/azothpay_bot?start=invoice_4242",
        webhook="stream_created",
        sign=lambda body: {"X-Pay-Signature": sign(KEY.encode(), json.loads(body)["updateId"].encode()).decode()},
        event_id="4242:stream_created",
        payments=(("77", None, None, STREAM_HASH), ("78", None, None, None)),
        create=(Exchange("POST /api/invoice", "created"),),
        look=(Exchange("GET /api/invoice/4242", "unpaid"),),
        confirm=(Exchange("GET /api/invoice/4242", "paid"),),
        report=(Exchange("GET /api/invoice/4242", "paid"),),
        listing=(Exchange("GET /api/subscriptions", "subscriptions"),),
    ),
}

#: The operations that not every provider has.
OPERATIONS: dict[str, Callable[[Gateway, Story], object]] = {
    "list_payments": lambda gateway, _: list(gateway.list_payments()),
    "find_invoice": lambda gateway, _: gateway.find_invoice("1042"),
    "cancel_invoice": lambda gateway, story: gateway.cancel_invoice(story.invoice_id),
    "refund_payment": lambda gateway, story: gateway.refund_payment(
        RefundRequest(refund_id="r-7", invoice_id=story.invoice_id, amount=story.amount)
    ),
}

MISSING = [
    pytest.param(story, operation, id=f"{name}, {operation}")
    for name, story in STORIES.items()
    for operation, documented in zip(OPERATIONS, (story.listing, story.find, story.cancel, ()), strict=True)
    if not documented
]

each_story = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


class Script:
    """The provider's side: what is still to be asked, and the answers."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self.left: list[Exchange] = []

    def answer(self, request: Any, context: Any) -> bytes:
        """Answer the next exchange, or fail if it is another."""
        asked = f"{request.method} {urlsplit(request.url).path}"
        assert self.left, f"nothing was to be asked, and this was: {asked}"
        expected = self.left.pop(0)
        assert asked == expected.asked
        context.headers["Content-Type"] = "application/json"
        return self._story.example(expected.example).replace(expected.said.encode(), expected.meant.encode())


@pytest.fixture
def script(story: Story) -> Iterator[Script]:
    """Give the provider's side, in the place of the network; in the end, nothing may be left unasked."""
    script = Script(story)
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        mocker.register_uri(requests_mock.ANY, requests_mock.ANY, content=script.answer)
        yield script
    assert script.left == []


@pytest.fixture
def gateway(story: Story, script: Script) -> Iterator[Gateway]:
    """Give a gateway whose requests wait for no rate limit."""
    with Gateway.connect(story.backend, transport=HttpClient(story.base_url), **story.settings) as gateway:
        yield gateway


def _request(story: Story) -> InvoiceRequest:
    return InvoiceRequest(order_id="1042", amount=story.amount, description="Two books", options=story.options)


@each_story
def test_full_story_in_documented_bytes(story: Story, script: Script, gateway: Gateway) -> None:
    """Create, look at, pay, webhook, status, list, look up, cancel; what is not there is refused unasked."""
    script.left = [*story.create]
    invoice = gateway.create_invoice(_request(story))
    made = (invoice.id, invoice.order_id, invoice.amount, invoice.status, invoice.payment_url)
    assert made == (story.invoice_id, "1042", story.amount, InvoiceStatus.PENDING, story.payment_url)

    script.left += story.look
    before = gateway.get_status(invoice.id)
    assert (before.status, before.expected, before.order_id) == (InvoiceStatus.PENDING, story.amount, "1042")

    script.left += story.confirm
    body = story.example(story.webhook)
    delivery = gateway.verify_webhook(WebhookRequest(body=body, headers=story.sign(body)))
    (event,) = delivery.events
    assert event.report is not None
    told = (event.id, event.invoice_id, event.report.status, event.report.expected)
    assert told == (story.event_id, invoice.id, story.done, story.amount)

    script.left += story.report
    after = gateway.get_status(invoice.id)
    assert (after.status, after.expected, after.received) == (story.done, story.amount, None)

    if story.listing:
        script.left += story.listing
        payments = tuple((each.id, each.invoice_id, each.amount, each.reference) for each in gateway.list_payments())
        assert payments == story.payments

    if story.find:
        script.left += story.find
        found = gateway.find_invoice("1042")
        assert found is not None
        assert (found.id, found.order_id, found.status, found.amount) == (
            invoice.id,
            "1042",
            story.done,
            story.amount,
        )

    if story.cancel:
        script.left += story.cancel
        assert gateway.cancel_invoice(invoice.id).status is InvoiceStatus.CANCELED


@pytest.mark.parametrize("story, operation", MISSING)
def test_what_is_not_documented_is_refused_before_anything_is_sent(
    story: Story, operation: str, script: Script, gateway: Gateway
) -> None:
    """The script is empty, so that every request fails the test."""
    with pytest.raises(UnsupportedOperationError):
        OPERATIONS[operation](gateway, story)

    assert not gateway.supports(operation)
