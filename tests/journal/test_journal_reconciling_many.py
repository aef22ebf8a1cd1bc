"""However many payments there are, the provider's pages bound the comparison: what is asked, and what is held."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import insert

from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceStatus
from gateway_core.journal import Difference, Journal
from gateway_core.journal._schema import invoices
from gateway_core.testing import ManualClock
from gateway_core.testing.account import NOON
from gateway_core.transport import Deadline

PAGE = 100
SINCE = NOON - timedelta(days=1)


class Lister:
    """A provider with so many payments, and no time of its own: a transport that answers as the sandbox does.

    Attributes:
        asked: The paths that it was asked for.
    """

    def __init__(self, payments: int) -> None:
        self._payments = payments
        self.asked: list[str] = []

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Answer with a page of payments, or with an invoice that was paid."""
        del deadline
        parts = urlsplit(request.url)
        self.asked.append(parts.path)
        body = self._page(parse_qs(parts.query)) if parts.path == "/v1/payments" else _invoice(parts.path)
        return HttpResponse(status=200, headers=[("Content-Type", "application/json")], body=json.dumps(body).encode())

    def close(self) -> None:
        """Do nothing."""

    def _page(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        start = int(query.get("cursor", ["0"])[0])
        end = min(start + PAGE, self._payments)
        payments = [
            {
                "id": f"pay_{number}",
                "invoice_id": f"inv_{number}",
                "amount": {"amount": "49.90", "currency": "EUR"},
                "status": "succeeded",
                "reference": str(number),
                "created_at": "2026-01-01T12:00:00Z",
            }
            for number in range(start, end)
        ]
        return {"data": payments, "next_cursor": str(end) if end < self._payments else None}


def _invoice(path: str) -> dict[str, Any]:
    invoice_id, amount = path.rpartition("/")[2], {"amount": "49.90", "currency": "EUR"}
    return {
        "id": invoice_id,
        "order_id": invoice_id.removeprefix("inv_"),
        "status": "paid",
        "amount": amount,
        "received": amount,
        "refunded": {"amount": "0", "currency": "EUR"},
        "checkout_url": "https://pay.invalid/checkout",
        "created_at": "2026-01-01T12:00:00Z",
        "expires_at": "2026-01-02T12:00:00Z",
    }


def _rows(numbers: range, status: InvoiceStatus) -> Iterator[dict[str, Any]]:
    for number in numbers:
        yield {
            "account": "sandbox",
            "invoice_id": f"inv_{number}",
            "order_id": str(number),
            "attempt": 1,
            "amount": "49.90",
            "currency": "EUR",
            "exponent": 2,
            "status": status,
            "refunds": {},
            "refs": {},
            "recorded_at": NOON,
        }


@pytest.mark.parametrize("many", [5_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_comparison_of_many_payments_is_bounded_by_the_pages(journal_url: str, many: int) -> None:
    """All are paid, and the shop was not told of the last three: a request for each page and these, little memory."""
    provider = Lister(many)
    settings = {"api_key": "sk_sandbox_1", "webhook_secret": "whsec_" + "YWJj" * 11, "base_url": "https://pay.invalid"}
    with (
        Journal(journal_url, clock=ManualClock(NOON)) as journal,
        Gateway.connect(
            "sandbox", transport=provider, journal=journal, rate_limits=[], observers=[], **settings
        ) as gateway,
    ):
        with journal._store.transaction() as connection:
            connection.execute(insert(invoices), list(_rows(range(many - 3), InvoiceStatus.PAID)))
            connection.execute(insert(invoices), list(_rows(range(many - 3, many), InvoiceStatus.PENDING)))
        tracemalloc.start()
        found = gateway.reconcile(SINCE)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert [each.difference for each in found.findings] == [Difference.MISSED] * 3
    assert (found.payments, found.invoices, found.asked) == (many, many, 3)
    assert len(provider.asked) == many // PAGE + 3
    assert most < 5_000_000 + many * 950
