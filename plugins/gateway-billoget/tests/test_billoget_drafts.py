"""Budgets of several items, and records that make no sense."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway_billoget import (
    BudgetDraft,
    BudgetQuery,
    DraftItem,
)
from gateway_core import Gateway, HttpRequest, Money
from gateway_core.errors import GatewayError, InvalidRequestError

NOW = datetime(2030, 1, 31, 12, 0, 0, 987654, tzinfo=UTC)

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture(autouse=True)
def _everything_is_answered(answers: Callable[..., None], example: Callable[[str], bytes]) -> None:
    answers("POST", "api/public/budgets", example("budget-g1"), status=201)
    answers("GET", "api/public/budgets", example("list-g1"))
    answers("POST", "api/budgets/public", example("created-public"), status=201)
    answers("POST", "api/public/budgets/public", example("created-public"), status=201)


def body_of(sent: Sent) -> Any:
    """Return the body of the one request that was sent, its numbers as they were written."""
    (one,) = sent()
    return json.loads(one.body, parse_float=str)


def item(price: str = "10.00", **more: Any) -> DraftItem:
    """Return a line of a draft."""
    return DraftItem(unit_price=Money(price, "USD"), product_id="301", **more)


def test_draft_of_several_items_is_reckoned_exactly(connect: Callable[..., Gateway], sent: Sent) -> None:
    """A quote has lines: what they come to is sent, and is what the answer is about."""
    gateway = connect("G3")
    draft = BudgetDraft(
        customer_id="501",
        items=[item("10.10", quantity=3), item("0.05")],
        issued_at=NOW,
        expires_at=NOW + timedelta(days=2),
        seller_id="7",
        minimum_payment_to_confirm=Decimal(0),
        iva=Money("6.37", "USD"),
    )

    made = gateway.run(gateway.provider.create_public_budget(draft))

    body = body_of(sent)
    assert (body["subtotal"], body["iva"], body["total"], "comments" in body) == ("30.35", "6.37", "36.72", False)
    assert (made.id, made.total, made.public_token) == ("123", Money("36.72", "USD"), "abc123_xyz789")


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda: item(quantity=0), "quantity must be a whole number above zero"),
        (lambda: item(quantity=1.5), "quantity"),
        (lambda: item(package_id="9"), "not both"),
        (lambda: DraftItem(unit_price=Money(-1, "USD")), "unit_price must be Money"),
        (lambda: BudgetDraft(customer_id="1", items=()), "at least one item"),
        (lambda: BudgetDraft(customer_id="1", items=[item()], expires_at=datetime(2030, 1, 1)), "time zone"),  # noqa: DTZ001  # what is refused
        (lambda: BudgetQuery(since=datetime(2030, 1, 1)), "since must be a datetime with a time zone"),  # noqa: DTZ001  # what is refused
    ],
)
def test_record_that_makes_no_sense_is_refused(make: Callable[[], Any], reason: str) -> None:
    """Where it is made, and not when it is sent."""
    with pytest.raises(InvalidRequestError, match=reason):
        make()


@pytest.mark.parametrize(
    "generation, changes, reason",
    [
        ("G1", {"iva": Money("1", "USD")}, "iva cannot be sent"),
        ("G1", {"items": [DraftItem(unit_price=Money("1", "USD"))]}, "product_id"),
        ("G1", {"items": [DraftItem(unit_price=Money("1", "EUR"), product_id="1")]}, "no other currency"),
        ("G3", {"metadata": {"a": "b"}}, "metadata cannot be sent"),
        ("G3", {"issued_at": None}, "issued_at is missing"),
        ("G1", {"items": [item("0.01", quantity=900719925474099301)]}, "too large or too fine"),
        ("G3", {"items": [item("9007199254740992")], "iva": Money("1", "USD")}, "too large or too fine"),
        ("G3", {"expires_at": None}, "expires_at is missing"),
        ("G3", {"seller_id": None}, "seller_id"),
        ("G3", {"items": [DraftItem(unit_price=Money("1", "USD"))]}, "product_id or package_id"),
        ("G3", {"items": [item(), DraftItem(unit_price=Money("1", "EUR"))]}, "cannot be added"),
    ],
    ids=str,
)
def test_draft_that_a_generation_cannot_say_is_refused(
    connect: Callable[..., Gateway], sent: Sent, generation: str, changes: dict[str, Any], reason: str
) -> None:
    """Before anything is sent."""
    known: dict[str, Any] = {"customer_id": "501", "items": [item()], "issued_at": NOW, "expires_at": NOW}
    if generation == "G3":
        known |= {"seller_id": "7", "minimum_payment_to_confirm": Decimal(0)}
    gateway = connect(generation, create_mode="budgets", field_generation=generation)
    draft = BudgetDraft(**{**known, **changes})

    with pytest.raises(GatewayError, match=reason):
        gateway.run(gateway.provider.create_budget(draft))

    assert sent() == []
