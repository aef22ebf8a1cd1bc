"""From pages to one list: lazy, bounded, without repeats, and never ending early or running for ever."""

from __future__ import annotations

import itertools
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from gateway_core import Page, Payment, PaymentQuery, PaymentStatus
from gateway_core._engine.pagination import Pagination
from gateway_core.errors import InvalidRequestError, UnexpectedResponseError

Answer = Callable[[str | None], Page[Payment]]


def page(*ids: object, then: object = None) -> Page[Payment]:
    """Return a page of payments with these ids."""
    items = tuple(Payment(id=str(each), status=PaymentStatus.CONFIRMED) for each in ids)
    return Page(items, None if then is None else str(then))


def book(*pages: Page[Payment]) -> Answer:
    """Return an answer that gives these pages, the first for no cursor and the n-th for the cursor n."""
    return lambda cursor: pages[int(cursor or 0)]


def read(answer: Answer, limit: int | None = None) -> Iterator[str]:
    """Iterate over a list's ids, as a gateway does."""
    listing = Pagination(PaymentQuery(), limit)
    while listing.query is not None:
        for payment in listing.accept(listing.query, answer(listing.query.cursor)):
            yield payment.id


def counted(answer: Answer) -> tuple[Answer, list[str | None]]:
    """Return the answer and the log of the cursors that it is asked for."""
    asked: list[str | None] = []

    def logged(cursor: str | None) -> Page[Payment]:
        asked.append(cursor)
        assert len(asked) < 2000, "this would go on for ever"
        return answer(cursor)

    return logged, asked


def test_pages_in_order() -> None:
    """Every page is asked for once, in order, and the list ends where a page gives no cursor."""
    answer, asked = counted(book(page(1, 2, then=1), page(3, then=2), page(4)))

    actual = list(read(answer))

    assert (actual, asked) == (["1", "2", "3", "4"], [None, "1", "2"])


@pytest.mark.parametrize("pages", [[page()], [page(then=1), page()], [page(then=1), page(then=2), page()]])
def test_empty_list(pages: list[Page[Payment]]) -> None:
    """A list may hold nothing, on however few pages."""
    assert list(read(book(*pages))) == []


def test_lazy() -> None:
    """A page is asked for when its first payment is."""
    answer, asked = counted(book(page(1, 2, then=1), page(3)))

    payments = read(answer)
    before = list(asked)
    taken = list(itertools.islice(payments, 2))

    assert (before, taken, asked) == ([], ["1", "2"], [None])


@pytest.mark.parametrize(
    "limit, expected, pages",
    [(0, [], 0), (1, ["1"], 1), (2, ["1", "2"], 1), (3, ["1", "2", "3"], 2), (9, ["1", "2", "3"], 2)],
)
def test_limit(limit: int, expected: list[str], pages: int) -> None:
    """No more payments than asked for are given, and no page is asked for that is not needed."""
    answer, asked = counted(book(page(1, 2, then=1), page(3)))

    actual = list(read(answer, limit))

    assert (actual, len(asked)) == (expected, pages)


@pytest.mark.parametrize("limit", [-1, 1.0, True, "5"])
def test_limit_that_is_none(limit: int) -> None:
    """A limit is an int, zero or more."""
    with pytest.raises(InvalidRequestError, match="limit"):
        Pagination(PaymentQuery(), limit)


@pytest.mark.parametrize(
    "pages",
    [
        [page(1, 2, then=1), page(2, 3, then=2), page(3, 4)],
        [page(1, 2, 1, then=1), page(3, 4, 4)],
        [page(1, 2, then=1), page(then=2), page(2, 3, 4)],
    ],
    ids=["neighbours", "one page", "beyond an empty page"],
)
def test_no_repeats(pages: list[Page[Payment]]) -> None:
    """A payment that a moving list shows on two pages, or twice on one, is given once."""
    assert list(read(book(*pages))) == ["1", "2", "3", "4"]


def test_filters_are_kept() -> None:
    """Each page is asked for with the filters of the first."""
    query = PaymentQuery(invoice_id="7", page_size=2)
    listing = Pagination(query)

    listing.accept(query, page(1, then="c"))

    assert listing.query == PaymentQuery(invoice_id="7", page_size=2, cursor="c")


def circle(before: int, length: int, items: int) -> Answer:
    """Return an answer whose cursors run into a circle."""

    def answer(cursor: str | None) -> Page[Payment]:
        at = int(cursor or 0)
        return page(*(f"{at}-{n}" for n in range(items)), then=at + 1 if at + 1 < before + length else before)

    return answer


@pytest.mark.parametrize("items", [0, 1, 3])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("before", [0, 1, 5, 40])
def test_circle_of_cursors(before: int, length: int, items: int) -> None:
    """R8: cursors that run in a circle of any length are found out soon."""
    answer, asked = counted(circle(before, length, items))

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        deque(read(answer), maxlen=0)
    assert len(asked) <= 4 * (before + length) + 2


def test_page_that_comes_again() -> None:
    """R8: a provider that does not heed the cursor gives the first page for ever; its payments are given once."""
    cursors = itertools.count(1)
    given: list[str] = []
    answer, _ = counted(lambda _: page(1, 2, then=next(cursors)))

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        given.extend(read(answer))
    assert given == ["1", "2"]


def test_cursor_that_stands_still() -> None:
    """R8: a page that names itself as the next is found out at once."""
    numbers = itertools.count(1)

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        deque(read(lambda cursor: page(next(numbers), then=min(int(cursor or 0) + 1, 3))), maxlen=0)
    assert next(numbers) == 5


def test_empty_pages_without_end() -> None:
    """R8: empty pages that always promise another are given up on."""
    cursors = itertools.count(1)
    answer, asked = counted(lambda _: page(then=next(cursors)))

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        deque(read(answer), maxlen=0)
    assert len(asked) < 200


def test_empty_pages_between_others() -> None:
    """Many empty pages are no fault as long as payments come now and then."""

    def answer(cursor: str | None) -> Page[Payment]:
        at = int(cursor or 0)
        return page(*([at] if at % 60 == 0 else []), then=at + 1 if at < 600 else None)

    assert list(read(answer)) == [str(at) for at in range(0, 601, 60)]


def test_failed_page_fails_the_list() -> None:
    """R8: a page that fails ends the list with its error, after what came before."""
    given: list[str] = []

    def answer(cursor: str | None) -> Page[Payment]:
        if cursor:
            raise UnexpectedResponseError("no")
        return page(1, then=1)

    with pytest.raises(UnexpectedResponseError):
        given.extend(read(answer))
    assert given == ["1"]


def peak(pages: int) -> int:
    """Return the most memory that reading a list of so many pages takes."""

    def answer(cursor: str | None) -> Page[Payment]:
        at = int(cursor or 0)
        return page(*range(at * 50, at * 50 + 50), then=at + 1 if at < pages else None)

    tracemalloc.start()
    deque(read(answer), maxlen=0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_flat_memory() -> None:
    """The memory that a list takes does not grow with its length."""
    peak(10)

    assert peak(400) < 2 * peak(20)


def test_a_short_list_asks_for_a_short_page() -> None:
    """Whoever wants one payment does not pay for a hundred; a range that a plugin may filter keeps its pages."""
    moment = datetime(2030, 1, 1, tzinfo=UTC)

    assert (Pagination(PaymentQuery(), 1).query or PaymentQuery()).page_size == 1
    assert (Pagination(PaymentQuery(since=moment), 1).query or PaymentQuery()).page_size is None
    assert (Pagination(PaymentQuery(page_size=9), 1).query or PaymentQuery()).page_size == 9
