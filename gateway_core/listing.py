"""For plugin authors: lists that a provider gives in pages.

>>> from datetime import UTC, datetime
>>> from gateway_core.listing import cursor_number, is_within
>>> new_year = datetime(2030, 1, 1, tzinfo=UTC)
>>> is_within(new_year, since=new_year), is_within(new_year, until=new_year)
(True, False)
>>> cursor_number(None, first=1), cursor_number("7")
(1, 7)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from gateway_core.errors import GatewayError, InvalidRequestError, OutOfReachError, UnexpectedResponseError
from gateway_core.http import Flow
from gateway_core.models._fields import is_identifier
from gateway_core.models.payment import Page, Payment, PaymentQuery

T = TypeVar("T")

_MOST_DIGITS = 9

#: How often in a row the same page may come: where a whole page of news arrives between two requests, a list that is
#: paged by offset shows the last one again.
_MOST_REPEATS = 2


def is_within(at: datetime | None, *, since: datetime | None = None, until: datetime | None = None) -> bool:
    """Return whether a moment lies in a range, its beginning included and its end not.

    A moment that is not known lies in no range but the one without ends.
    """
    if at is None:
        return since is None and until is None
    return (since is None or at >= since) and (until is None or at < until)


def matching(payments: Iterable[Payment], query: PaymentQuery) -> list[Payment]:
    """Return the payments that lie in a query's range, and are of its invoice if it names one.

    >>> from datetime import UTC, datetime
    >>> from gateway_core import Payment, PaymentQuery, PaymentStatus
    >>> from gateway_core.listing import matching
    >>> new_year = datetime(2030, 1, 1, tzinfo=UTC)
    >>> payment = Payment(id="pay_7", status=PaymentStatus.CONFIRMED, paid_at=new_year)
    >>> len(matching([payment], PaymentQuery(since=new_year))), len(matching([payment], PaymentQuery(until=new_year)))
    (1, 0)
    """
    return [
        each
        for each in payments
        if query.invoice_id in (None, each.invoice_id) and is_within(each.paid_at, since=query.since, until=query.until)
    ]


def cursor_number(cursor: str | None, *, first: int = 0) -> int:
    """Return the number of a page or item that a cursor stands for.

    Args:
        cursor: What the page before gave as ``Page.next_cursor``; None for the first page.
        first: The number of the first page: 0 for offsets, 1 for most providers that number pages.

    Raises:
        InvalidRequestError: If it is none, or below the first.
    """
    if cursor is None:
        return first
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MOST_DIGITS) or int(cursor) < first:
        raise InvalidRequestError("this cursor comes from no page of this list")
    return int(cursor)


def read_each(items: Iterable[Any], read: Callable[[Any], T], *, id_name: str = "id") -> tuple[T, ...]:
    """Read the items of a page, and name the one that cannot be read.

    >>> from gateway_core import Money
    >>> from gateway_core.listing import read_each
    >>> items = [{"id": "a", "cents": 5}, {"id": "b", "cents": "x"}]
    >>> read_each(items, lambda item: Money.from_minor(item["cents"], "EUR"))
    Traceback (most recent call last):
    gateway_core.errors.UnexpectedResponseError: item 2 of the page, b, cannot be read: minor units are an int

    Args:
        items: The items, as `wire.loads` gives them.
        read: Makes a record of an item.
        id_name: Under which name an item bears its id.

    Raises:
        UnexpectedResponseError: If `read` raises an error of ours.
    """
    return tuple(_read_one(number, item, read, id_name) for number, item in enumerate(items, 1))


def find_one(
    read: Callable[[str | None], Flow[Page[T]]],
    is_wanted: Callable[[T], bool],
    *,
    pages: int,
    read_all: bool = False,
    key: Callable[[T], Any] = attrgetter("id"),
) -> Flow[T | None]:
    """Look through a list for the one item that is wanted, for a provider that cannot search.

    None means that the whole list was read, and it is not there.

    Args:
        read: Returns the page that begins at a cursor, the first one for None.
        is_wanted: Whether an item is the one.
        pages: The most pages to read, 1 or more.
        read_all: Whether to go on after the page with the item, because another one further on would be an error.
        key: Returns what an item is known by, when a list that moves shows it again.

    Raises:
        OutOfReachError: If it is not among the pages that were read, and there are more.
        UnexpectedResponseError: If several items are wanted, or the list does not advance.
    """
    found: dict[Any, T] = {}
    seen: set[Any] = set()
    cursor: str | None = None
    repeats = 0
    for _ in range(pages):
        page = yield from read(cursor)
        new = {key(item): item for item in page.items if key(item) not in seen}
        repeats = repeats + 1 if page.items and not new else 0
        if page.next_cursor is not None and (repeats > _MOST_REPEATS or page.next_cursor == cursor):
            raise UnexpectedResponseError("the provider's list does not advance: the same page came again")
        seen.update(new)
        found |= {known: item for known, item in new.items() if is_wanted(item)}
        cursor = page.next_cursor
        if cursor is None or (found and not read_all):
            break
    if len(found) > 1:
        raise UnexpectedResponseError(
            f"the provider has {len(found)} of what must be there once: look in its dashboard"
        )
    if not found and cursor is not None:
        raise OutOfReachError(f"not among the {len(seen)} that were looked through, and there are more")
    return next(iter(found.values()), None)


def _read_one(number: int, item: Any, read: Callable[[Any], T], id_name: str) -> T:
    try:
        return read(item)
    except GatewayError as error:
        reason = error.message
        cause = error.__cause__
    known = item.get(id_name) if isinstance(item, Mapping) else None
    known = str(known) if type(known) is int else known
    which = f"item {number} of the page, {known}," if is_identifier(known) else f"item {number} of the page"
    raise UnexpectedResponseError(f"{which} cannot be read: {reason}") from cause
