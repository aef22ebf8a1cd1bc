"""Looking a budget up by the shop's order: how a lost answer is found again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests_mock

from gateway_core import Gateway, HttpRequest, InvoiceStatus
from gateway_core.errors import OutOfReachError, ProviderUnavailableError, UnexpectedResponseError

BUDGETS = "https://api.billoget.com/v1/api/public/budgets"

Sent = Callable[[], list[HttpRequest]]


def whole(number: int, order_id: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a budget that shows what carries the order."""
    metadata = None if order_id is None else {"order_id": order_id}
    return {"id": number, "status": "PENDING", "total": 10, "currency": "USD", "metadata": metadata, **more}


def short(number: int) -> dict[str, Any]:
    """Return a budget as the documented list of G1 shows it."""
    return {"id": number, "status": "PENDING", "total": 10, "customerId": "customer_456"}


@pytest.fixture
def account(mocker: requests_mock.Mocker) -> Callable[..., None]:
    """Give what fills an account: the pages that its list has, what a search finds, and budgets to get by id."""

    def account(
        *pages: list[dict[str, Any]], found: list[dict[str, Any]] | None = None, kept: tuple[dict[str, Any], ...] = ()
    ) -> None:
        def answer(request: Any, _: Any) -> bytes:
            query = dict(parse_qsl(urlsplit(request.url).query))
            if "search" in query:
                return json.dumps({"data": found or [], "pagination": {"hasMore": False}}).encode()
            number = int(query["page"])
            items = pages[number - 1] if number <= len(pages) else []
            return json.dumps({"data": items, "pagination": {"hasMore": number < len(pages)}}).encode()

        mocker.get(BUDGETS, content=answer)
        for document in kept:
            mocker.get(f"{BUDGETS}/{document['id']}", content=json.dumps({"data": document}).encode())

    return account


def test_search_finds_it_at_once(gateway: Gateway, account: Callable[..., None], sent: Sent) -> None:
    """One request where Billoget's search looks at what carries the order."""
    account([whole(1), whole(2, "1042")], found=[whole(2, "1042")])

    invoice = gateway.find_invoice("1042")

    assert invoice is not None
    assert (invoice.id, invoice.order_id, invoice.status, len(sent())) == ("2", "1042", InvoiceStatus.PENDING, 1)


def test_list_is_read_where_the_search_finds_nothing(
    gateway: Gateway, account: Callable[..., None], sent: Sent
) -> None:
    """What the search looks at is not documented: its silence says nothing."""
    account([whole(1), whole(2)], [whole(3, "1042"), whole(4, "1043")])

    invoice = gateway.find_invoice("1042")

    assert (invoice and invoice.id, len(sent())) == ("3", 3)


def test_absence_is_said_only_when_all_was_read(gateway: Gateway, account: Callable[..., None], sent: Sent) -> None:
    """None means that there surely is none."""
    account([whole(1, "1"), whole(2)], [], [whole(3, "104"), whole(4, "10421")])

    assert (gateway.find_invoice("1042"), len(sent())) == (None, 4)


def test_budget_that_is_shown_in_short_is_fetched(gateway: Gateway, account: Callable[..., None], sent: Sent) -> None:
    """The documented list of G1 does not show what carries the order."""
    account([short(1), short(2)], kept=(whole(1, "1041"), whole(2, "1042")))

    invoice = gateway.find_invoice("1042")

    assert (invoice and invoice.id, len(sent())) == ("2", 4)


def test_budget_that_is_deleted_meanwhile_is_passed_over(
    gateway: Gateway, account: Callable[..., None], mocker: requests_mock.Mocker
) -> None:
    """It was in the list, and is there no more."""
    account([short(1), short(2)], kept=(whole(2, "1042"),))
    mocker.get(f"{BUDGETS}/1", status_code=404, content=b'{"error": "not_found"}')

    invoice = gateway.find_invoice("1042")

    assert (invoice and invoice.id) == "2"


def test_comments_carry_the_order_too(gateway: Gateway, account: Callable[..., None]) -> None:
    """G3, whatever is written."""
    account([{"id": 9, "state": 1, "total": 10, "currency": "USD", "comments": 'A book\n[order_id "1042"]'}])

    invoice = gateway.find_invoice("1042")

    assert (invoice and invoice.id, invoice and invoice.status) == ("9", InvoiceStatus.APPROVED)


def test_attempts_of_one_order_are_told_apart(gateway: Gateway, account: Callable[..., None]) -> None:
    """Each attempt has a budget of its own, and so has an order whose key looks like another's second attempt."""
    account([whole(1, "1042"), whole(2, "1042~2"), whole(3, "1042~2~1")])

    found = [gateway.find_invoice("1042"), gateway.find_invoice("1042", attempt=2), gateway.find_invoice("1042~2")]

    assert [(each and each.id, each and each.order_id, each and each.attempt) for each in found] == [
        ("1", "1042", 1),
        ("2", "1042", 2),
        ("3", "1042~2", 1),
    ]


@pytest.mark.parametrize("found", [True, False], ids=["by search", "by the list"])
def test_two_budgets_of_one_order_are_an_error(gateway: Gateway, account: Callable[..., None], found: bool) -> None:
    """I4: nothing is chosen silently, and both are named."""
    both = [whole(2, "1042"), whole(5, "1042")]
    account(both[:1], both[1:], found=both if found else [])

    with pytest.raises(UnexpectedResponseError, match=r"2 \(pending\), 5 \(pending\)"):
        gateway.find_invoice("1042")


def test_budget_that_comes_twice_is_one(gateway: Gateway, account: Callable[..., None]) -> None:
    """A list that grows meanwhile shows an item again on its next page."""
    account([whole(2, "1042"), whole(1)], [whole(1), whole(0)])

    invoice = gateway.find_invoice("1042")

    assert (invoice and invoice.id) == "2"


def test_list_that_goes_in_a_circle_is_an_error(gateway: Gateway, account: Callable[..., None]) -> None:
    """R8: pages that do not advance are no list."""
    account(*[[whole(1), whole(2)]] * 3)

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        gateway.find_invoice("1042")


@pytest.mark.parametrize(
    "most, pages, asked",
    [
        (3, [[whole(1)], [whole(2)], [whole(3, "1042")]], 3),
        (1, [[whole(1)]], 1),
        (4, [[short(1), short(2), short(3)]], 4),
    ],
)
def test_search_has_an_end(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    account: Callable[..., None],
    sent: Sent,
    most: int,
    pages: list[list[dict[str, Any]]],
    asked: int,
) -> None:
    """What was not read is not said to be absent; and no lookup eats the account's requests."""
    account(*pages, kept=(whole(1), whole(2), whole(3)))

    with pytest.raises(OutOfReachError, match="search_requests"):
        connect(search_requests=most).find_invoice("1042")

    assert len(sent()) == asked


def test_last_request_may_be_the_one_that_is_needed(
    connect: Callable[..., Gateway], account: Callable[..., None]
) -> None:
    """The end of the list within the allowance is the end of the list."""
    account([whole(1)], [whole(2)])

    assert connect(search_requests=3).find_invoice("1042") is None


def test_page_that_fails_fails_the_search(
    gateway: Gateway, account: Callable[..., None], mocker: requests_mock.Mocker
) -> None:
    """R8: never silently a shorter list."""
    account([short(1)])
    mocker.get(f"{BUDGETS}/1", status_code=500)

    with pytest.raises(ProviderUnavailableError):
        gateway.find_invoice("1042")
