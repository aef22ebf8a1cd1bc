"""The same work done by each side: the shop's calls, through us and through what we are held against."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import requests
import stripe

from gateway_core import Gateway, InvoiceRequest, Money

API_KEY = "sk_sandbox_benchmark"
#: Standard Webhooks wants base64; for Stripe's scheme any text will do.
WEBHOOK_SECRET = "whsec_YmVuY2htYXJrLWJlbmNobWFyay1iZW5jaG1hcms="  # noqa: S105  # protects nothing
SETTINGS: dict[str, Any] = {"api_key": API_KEY, "webhook_secret": WEBHOOK_SECRET}

#: A limit that is kept, and that nothing here reaches.
NEVER_WAITS = ["100000/s"]

REQUEST = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), description="Two cups of tea")

_CONTENT = {
    "order_id": "1042",
    "amount": {"amount": "49.90", "currency": "EUR"},
    "description": "Two cups of tea",
    "return_url": None,
    "expires_in": None,
    "metadata": {},
}
_HEADERS = {"Authorization": f"Bearer {API_KEY}", "Accept": "application/json", "Idempotency-Key": "invoice-1042"}


def gateway_at(url: str, **more: Any) -> Gateway:
    """Return our gateway, as it comes but for what is given."""
    return Gateway.connect("sandbox", base_url=url, **{**SETTINGS, **more})


def stripe_gateway_at(url: str) -> Gateway:
    """Return our gateway to Stripe, as it comes but for its rate limit, which it would wait for."""
    key, secret = "sk_test_benchmark", WEBHOOK_SECRET
    page = "https://shop.example.com/thanks"
    return Gateway.connect(
        "stripe", base_url=url, api_key=key, webhook_secret=secret, return_url=page, rate_limits=NEVER_WAITS
    )


def create_by_requests(session: requests.Session, url: str) -> Any:
    """Create an invoice as one does who writes it by hand."""
    answer = session.post(f"{url}/v1/invoices", json=_CONTENT, headers=_HEADERS, timeout=30)
    answer.raise_for_status()
    return answer.json()


def create_by_httpx(client: httpx.Client, url: str) -> Any:
    """Do the same by httpx."""
    answer = client.post(f"{url}/v1/invoices", json=_CONTENT, headers=_HEADERS, timeout=30)
    answer.raise_for_status()
    return answer.json()


async def create_by_async_httpx(client: httpx.AsyncClient, url: str) -> Any:
    """Do the same by httpx, in async code."""
    answer = await client.post(f"{url}/v1/invoices", json=_CONTENT, headers=_HEADERS, timeout=30)
    answer.raise_for_status()
    return answer.json()


def create_by_stripe(client: stripe.StripeClient) -> Any:
    """Do what comes nearest at Stripe: create a Checkout Session."""
    product = {"currency": "eur", "unit_amount": 4990, "product_data": {"name": "Two cups of tea"}}
    params: Any = {
        "mode": "payment",
        "client_reference_id": "1042",
        "success_url": "https://shop.example.com/thanks",
        "line_items": [{"price_data": product, "quantity": 1}],
    }
    return client.v1.checkout.sessions.create(params=params, options={"idempotency_key": "invoice-1042"})


def list_by_requests(session: requests.Session, url: str, most: int) -> int:
    """Read so many payments into plain dicts, page by page, and return how many there were."""
    count = 0
    query: dict[str, str | int] = {"limit": 100}
    while count < most:
        answer = session.get(f"{url}/v1/payments", params=query, headers=_HEADERS, timeout=30)
        answer.raise_for_status()
        page = answer.json()
        for _ in page["data"]:
            count += 1
        query["cursor"] = page["next_cursor"]
    return count


def list_by_stripe(client: stripe.StripeClient, most: int) -> int:
    """Read so many charges by Stripe's own iterator."""
    charges = client.v1.charges.list(params={"limit": 100}).auto_paging_iter()
    return sum(1 for _ in itertools.islice(charges, most))


@contextmanager
def stripe_at(url: str) -> Iterator[stripe.StripeClient]:
    """Give Stripe's client, on requests as is its default, with our server in the place of theirs."""
    with requests.Session() as session:
        http = stripe.RequestsClient(session=session)
        yield stripe.StripeClient("sk_test_benchmark", base_addresses={"api": url}, http_client=http)
