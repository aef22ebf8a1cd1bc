"""Money that the provider saw arriving, and the pages in which it is listed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_core import Money, Page, Payment, PaymentQuery, PaymentStatus
from gateway_core.errors import InvalidRequestError

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def payment(**changed: Any) -> Payment:
    """Return a valid payment with some fields changed."""
    return Payment(**({"id": "p", "status": PaymentStatus.CONFIRMED} | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": 7},
        {"invoice_id": ""},
        {"invoice_id": 7},
        {"amount": "1.00"},
        {"amount": Money(-1, "EUR")},
        {"status": "confirmed"},
        {"paid_at": NOW.replace(tzinfo=None)},
        {"reference": 7},
        {"unassigned": None},
        {"references": {"charge": 7}},
    ],
    ids=repr,
)
def test_malformed_payments_are_refused(changed: dict[str, Any]) -> None:
    """A payment is checked field by field, and the message names the field."""
    with pytest.raises(InvalidRequestError, match=f"^{next(iter(changed))} must "):
        payment(**changed)


@pytest.mark.parametrize("amount", [None, Money(0, "EUR"), Money("0.00000001", "BTC")], ids=str)
def test_amounts_may_be_unknown_or_nothing(amount: Money | None) -> None:
    """The provider may not tell what came."""
    actual = payment(amount=amount).amount

    assert actual == amount


def test_reprs_hold_no_raw_answer() -> None:
    """S9: the provider's raw answer does not stand in a repr."""
    actual = repr(payment(raw={"payer": "canary"}))

    assert "canary" not in actual


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"since": NOW.replace(tzinfo=None)}, "since must be a datetime"),
        ({"until": "2030-01-01"}, "until must be a datetime"),
        ({"since": NOW, "until": NOW}, "since must be before until"),
        ({"since": NOW, "until": NOW - timedelta(seconds=1)}, "since must be before until"),
        ({"invoice_id": "a\nb"}, "invoice_id must be text"),
        ({"page_size": 0}, "page_size"),
        ({"page_size": True}, "page_size"),
        ({"page_size": 1.5}, "page_size"),
        ({"cursor": 5}, "cursor must be text"),
    ],
    ids=repr,
)
def test_malformed_queries_are_refused(changed: dict[str, Any], message: str) -> None:
    """A query that cannot be meant is refused before anything is asked."""
    with pytest.raises(InvalidRequestError, match=message):
        PaymentQuery(**changed)


@pytest.mark.parametrize(
    "changed",
    [{}, {"since": NOW}, {"until": NOW}, {"since": NOW - timedelta(days=1), "until": NOW}, {"page_size": 1}],
    ids=repr,
)
def test_queries_are_open_on_either_side(changed: dict[str, Any]) -> None:
    """Every part of a query may be left out."""
    query = PaymentQuery(**changed)

    actual = {name: getattr(query, name) for name in changed}

    assert actual == changed


@pytest.mark.parametrize("items", [[1, 2], (1, 2), iter([1, 2])], ids=["list", "tuple", "iterator"])
def test_pages_hold_tuples(items: Any) -> None:
    """The items of a page are copied."""
    actual: Page[int] = Page(items, "next")

    assert (actual.items, actual.next_cursor) == ((1, 2), "next")


@pytest.mark.parametrize("arguments", [("ab",), (b"ab",), ({"a": 1},), (None,), (5,), ([], 5)], ids=repr)
def test_malformed_pages_are_refused(arguments: Any) -> None:
    """R8: a page that is no list of items would end a list early, or fill it with letters."""
    with pytest.raises(InvalidRequestError):
        Page(*arguments)


def test_payment_of_an_unknown_invoice_is_not_one_of_none() -> None:
    """The provider does not tell which invoice, or there surely is none: two values."""
    untold, unassigned = payment(), payment(unassigned=True)

    actual = untold.unassigned, unassigned.unassigned, untold == unassigned

    assert actual == (False, True, False)


def test_payment_of_an_invoice_is_not_unassigned() -> None:
    """Both at once is a contradiction."""
    with pytest.raises(InvalidRequestError, match="is not unassigned"):
        payment(invoice_id="7", unassigned=True)
