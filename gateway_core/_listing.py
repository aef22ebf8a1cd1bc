"""From pages to one list that neither ends early nor runs for ever."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.models.payment import Page, Payment, PaymentQuery

#: A provider that filters after cutting its pages may send empty ones; nobody sends this many in a row.
_MOST_EMPTY_PAGES = 100


class Listing:
    """The state of one listing: which page comes next, and whether the pages still advance.

    Args:
        query: The first page's query.
        limit: The most items to give; None for all.

    Attributes:
        query: The next page's query; None when the list is at its end.
    """

    def __init__(self, query: PaymentQuery, limit: int | None = None) -> None:
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidRequestError("limit must be an int, zero or more")
        self.query: PaymentQuery | None = query if limit != 0 else None
        self._left = limit
        self._last_ids: frozenset[str] = frozenset()
        self._empty = 0
        # A cursor that comes again means a circle. One remembered cursor, renewed at page 1, 2, 4, 8 ..., finds every circle
        # (Brent, 1980) without remembering them all.
        self._marked: str | None = None
        self._pages = 0

    def accept(self, page: Page[Payment]) -> Iterator[Payment]:
        """Yield what is new on a page, and prepare the next query.

        A list that moves while it is read may show an item again on the next page; it is given once.

        Raises:
            UnexpectedResponseError: If the pages do not advance.
        """
        query = self.query
        assert query is not None
        new = [item for item in page.items if item.id not in self._last_ids]
        self._check_advance(page, new)
        self._last_ids = frozenset(item.id for item in page.items) or self._last_ids
        self.query = None if page.next_cursor is None else attrs.evolve(query, cursor=page.next_cursor)
        if self._left is not None:
            new = new[: self._left]
            self._left -= len(new)
            if self._left == 0:
                self.query = None
        yield from new

    def _check_advance(self, page: Page[Payment], new: list[Payment]) -> None:
        if page.next_cursor is None:
            return
        self._pages += 1
        self._empty = 0 if page.items else self._empty + 1
        if page.next_cursor == self._marked or (page.items and not new) or self._empty > _MOST_EMPTY_PAGES:
            raise UnexpectedResponseError("the provider's list does not advance: the same page came again")
        if self._pages & (self._pages - 1) == 0:
            self._marked = page.next_cursor
