"""Lists, in the forms of both generations."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_billoget import BudgetQuery
from gateway_core import (
    Gateway,
    InvoiceStatus,
    Money,
)
from gateway_core.errors import (
    UnexpectedResponseError,
)

BUDGETS = "api/public/budgets"

CREATED = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
ENDS = datetime(2024, 2, 15, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize("example_name", ["list-g1", "list-g2", "list-g3"])
def test_list_of_each_generation_is_read(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], example_name: str
) -> None:
    """Wrapped once with `pagination` (G1) or `meta` (G2), or twice (the SDK)."""
    answers("GET", BUDGETS, example(example_name))

    page = gateway.run(gateway.provider.list_budgets())

    (budget,) = page.items
    assert (budget.total, budget.status, page.next_cursor) == (Money("1500", "USD"), InvoiceStatus.PENDING, None)


ITEM = {"id": 7, "status": "PENDING"}


@pytest.mark.parametrize(
    "body, following",
    [
        ({"data": [ITEM], "pagination": {"hasMore": True}}, "2"),
        ({"data": [ITEM], "pagination": {"hasMore": False}}, None),
        ({"data": [], "pagination": {"hasMore": True}}, "2"),
        ({"data": [ITEM], "pagination": {"page": 1, "limit": 1, "total": 2}}, "2"),
        ({"data": [ITEM], "pagination": {"page": 1, "limit": 1, "total": 1}}, None),
        ({"data": [ITEM], "meta": {"currentPage": 1, "totalPages": 2}}, "2"),
        ({"data": [ITEM], "meta": {"currentPage": 1, "totalPages": 1}}, None),
        ({"data": {"data": [ITEM], "meta": {"currentPage": 1, "totalPages": 2}}}, "2"),
        ({"data": {"data": [ITEM], "meta": {"currentPage": 2, "totalPages": 2}}}, None),
        ({"data": [ITEM], "meta": {"requestId": "req_1", "timestamp": "2024-01-15T10:30:00Z"}}, "2"),
        ({"data": [ITEM]}, "2"),
        ({"data": []}, None),
        ([ITEM], "2"),
        ([], None),
    ],
    ids=str,
)
def test_end_of_a_list_is_known(
    gateway: Gateway, answers: Callable[..., None], body: Any, following: str | None
) -> None:
    """R8: where nothing is said of the place, only an empty page is the last: Billoget may cut pages as it likes."""
    answers("GET", BUDGETS, json.dumps(body).encode())

    assert gateway.run(gateway.provider.list_budgets()).next_cursor == following


@pytest.mark.parametrize(
    "body",
    [{}, {"data": {}}, {"data": {"items": []}}, {"data": "x"}, {"data": [ITEM], "pagination": {"hasMore": "no"}}, "x"],
    ids=str,
)
def test_what_is_no_list_is_an_error(gateway: Gateway, answers: Callable[..., None], body: Any) -> None:
    """R8: never silently an empty one."""
    answers("GET", BUDGETS, json.dumps(body).encode())

    with pytest.raises(UnexpectedResponseError):
        gateway.run(gateway.provider.list_budgets())


def test_filter_that_billoget_ignores_is_kept_all_the_same(gateway: Gateway, tells: Callable[..., None]) -> None:
    """A page holds what was asked for; a time that is not shown speaks against nothing."""
    tells(
        "GET",
        BUDGETS,
        [
            {"id": 1, "status": "APPROVED", "createdAt": "2024-01-15T10:29:59Z"},
            {"id": 2, "status": "APPROVED", "createdAt": "2024-01-15T10:30:00Z"},
            {"id": 3, "status": "PENDING", "createdAt": "2024-01-15T10:30:00Z"},
            {"id": 4, "status": "APPROVED", "createdAt": "2024-02-15T10:30:00Z"},
            {"id": 5, "status": "APPROVED"},
        ],
    )
    query = BudgetQuery(status=InvoiceStatus.APPROVED, since=CREATED, until=ENDS)

    page = gateway.run(gateway.provider.list_budgets(query))

    assert [budget.id for budget in page.items] == ["2", "5"]
