"""What plugins with lists share: ranges of time, cursors that are numbers, and looking for one item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from gateway_core.errors import InvalidRequestError, OutOfReachError, UnexpectedResponseError
from gateway_core.http import Flow, HttpRequest
from gateway_core.listing import cursor_number, find_one, is_within, matching, read_each
from gateway_core.models.payment import Page, Payment, PaymentQuery, PaymentStatus

AT = datetime(2030, 1, 1, 12, tzinfo=UTC)


@attrs.frozen
class Item:
    """Something in a list."""

    id: int
    word: str = "other"


def run_over(pages: Mapping[str | None, Page[Item]], *, most: int = 10, read_all: bool = False) -> Item | None:
    """Look for the one item whose word is `wanted`."""

    def read(cursor: str | None) -> Flow[Page[Item]]:
        yield HttpRequest(method="GET", url=f"https://api.example.com/items?cursor={cursor}")
        return pages[cursor]

    flow = find_one(read, lambda item: item.word == "wanted", pages=most, read_all=read_all)
    try:
        while True:
            next(flow)
    except StopIteration as stop:
        found: Item | None = stop.value
        return found


def chain(*pages: Sequence[Item]) -> dict[str | None, Page[Item]]:
    """Return pages of which each but the last has a next one."""
    last = len(pages) - 1
    return {
        str(number) if number else None: Page(items, None if number == last else str(number + 1))
        for number, items in enumerate(pages)
    }


@pytest.mark.parametrize(
    "at, since, until, inside",
    [
        (AT, None, None, True),
        (AT, AT, None, True),
        (AT, None, AT, False),
        (AT, AT.replace(hour=13), None, False),
        (AT, AT.replace(hour=11), AT.replace(hour=13), True),
        (None, None, None, True),
        (None, AT, None, False),
        (None, None, AT, False),
    ],
)
def test_a_range_has_its_beginning_and_not_its_end(
    at: datetime | None, since: datetime | None, until: datetime | None, *, inside: bool
) -> None:
    """What happened at the end belongs to the next range; what has no time belongs to none."""
    assert is_within(at, since=since, until=until) is inside


def test_the_first_page_has_no_cursor() -> None:
    """Providers begin to count at 0 or at 1."""
    assert (cursor_number(None), cursor_number(None, first=1), cursor_number("12", first=1)) == (0, 1, 12)


@pytest.mark.parametrize("cursor", ["", "-1", "1.0", " 1", "\u0661", "x", "1234567890", "0"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    """A number that was not written by the page before leads nowhere."""
    with pytest.raises(InvalidRequestError, match="cursor"):
        cursor_number(cursor, first=1)


def test_one_item_is_found_on_a_later_page() -> None:
    """The list is read page by page until it is there."""
    assert run_over(chain([Item(1)], [], [Item(2, "wanted")], [Item(3)])) == Item(2, "wanted")


def test_what_is_not_in_the_whole_list_is_none() -> None:
    """Only the end of the list proves an absence."""
    assert run_over(chain([Item(1)], [Item(2)])) is None


def test_absence_in_a_part_of_the_list_is_out_of_reach() -> None:
    """As long as there are more pages nothing is known."""
    with pytest.raises(OutOfReachError, match="not among the 2"):
        run_over(chain([Item(1)], [Item(2)], [Item(3, "wanted")]), most=2)


def test_two_of_what_must_be_there_once_are_an_error() -> None:
    """Which one counts is not ours to choose."""
    with pytest.raises(UnexpectedResponseError, match="has 2"):
        run_over(chain([Item(1, "wanted")], [Item(2, "wanted")]), read_all=True)


def test_reading_ends_with_the_page_that_has_the_item() -> None:
    """The rest of a long list is not worth its requests."""
    assert run_over({None: Page([Item(1, "wanted")], "never read")}) == Item(1, "wanted")


def test_an_item_that_is_shown_again_is_one_item() -> None:
    """A list that moves while it is read shows an item twice, and a whole page too."""
    wanted = Item(1, "wanted")

    assert run_over(chain([wanted], [wanted], [Item(2)]), read_all=True) == wanted


def test_a_list_that_stands_still_is_an_error() -> None:
    """The same page for ever would cost every page that is allowed."""
    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        run_over(chain(*[[Item(1)]] * 9))


def test_a_cursor_that_leads_back_to_itself_is_an_error() -> None:
    """The next page is never the one that was just read."""
    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        run_over({None: Page([Item(1)], "a"), "a": Page([Item(2)], "a")})


def word_of(item: Any) -> str:
    """Read an item; refuse what is none."""
    if not isinstance(item, Mapping) or "word" not in item:
        raise InvalidRequestError("it has no word")
    return str(item["word"])


@pytest.mark.parametrize(
    "item, told",
    [
        ({"id": "pay_7"}, "item 2 of the page, pay_7, cannot be read: it has no word"),
        ({"id": 7}, "item 2 of the page, 7, cannot be read"),
        ({"id": "\n"}, "item 2 of the page cannot be read"),
        ({}, "item 2 of the page cannot be read"),
        (None, "item 2 of the page cannot be read"),
    ],
)
def test_an_item_that_cannot_be_read_is_named(item: Any, told: str) -> None:
    """Somebody has to find it among a hundred others."""
    with pytest.raises(UnexpectedResponseError, match=told):
        read_each([{"id": "a", "word": "x"}, item], word_of)


def test_items_that_can_be_read_are_read() -> None:
    """In their order."""
    assert read_each([{"word": "b"}, {"word": "a"}], word_of) == ("b", "a")


def test_a_page_keeps_what_the_query_asks_for() -> None:
    """The beginning belongs to the range and its end does not; a payment without a time lies in no range."""
    at = {"before": AT - timedelta(seconds=1), "first": AT, "last": AT + timedelta(days=1), "timeless": None}
    payments = [Payment(id=name, status=PaymentStatus.CONFIRMED, paid_at=moment) for name, moment in at.items()]

    found = matching(payments, PaymentQuery(since=AT, until=AT + timedelta(days=1)))

    assert [each.id for each in found] == ["first"]


def test_a_page_keeps_payments_of_the_invoice_that_is_asked_for() -> None:
    """Whoever asks for one invoice must not be told the money of another."""
    of = {"a": "inv_1", "b": "inv_2", "c": None}
    payments = [Payment(id=name, status=PaymentStatus.CONFIRMED, invoice_id=invoice) for name, invoice in of.items()]

    assert [each.id for each in matching(payments, PaymentQuery(invoice_id="inv_1"))] == ["a"]
    assert matching(payments, PaymentQuery()) == payments
