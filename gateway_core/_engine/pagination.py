"""From pages to one list that neither ends early nor runs for ever."""

from __future__ import annotations

import attrs

from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.models.payment import Page, Payment, PaymentQuery

#: A provider that filters after cutting its pages may send empty ones; nobody sends this many in a row.
_MOST_EMPTY_PAGES = 100


class Pagination:
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
        # A cursor that comes again means a circle. One remembered cursor, renewed at page 1, 2, 4, 8 ..., finds every
        # circle (Brent, 1980) without remembering them all.
        self._marked: str | None = None
        self._pages = 0

    def accept(self, query: PaymentQuery, page: Page[Payment]) -> tuple[Payment, ...]:
        """Return what is new on the page that answers a query, and prepare the next query.

        A list that moves while it is read may show an item again on the next page; it is given once.

        Raises:
            UnexpectedResponseError: If the pages do not advance.
        """
        items = {item.id: item for item in page.items}
        new = tuple(item for item in items.values() if item.id not in self._last_ids)
        self._check_advance(query.cursor, page, news=bool(new))
        self._last_ids = frozenset(items) or self._last_ids
        self.query = None if page.next_cursor is None else attrs.evolve(query, cursor=page.next_cursor)
        if self._left is not None:
            new = new[: self._left]
            self._left -= len(new)
            if self._left == 0:
                self.query = None
        return new

    def _check_advance(self, cursor: str | None, page: Page[Payment], *, news: bool) -> None:
        if page.next_cursor is None:
            return
        self._pages += 1
        self._empty = 0 if page.items else self._empty + 1
        if page.next_cursor in (cursor, self._marked) or (page.items and not news) or self._empty > _MOST_EMPTY_PAGES:
            raise UnexpectedResponseError("the provider's list does not advance: the same page came again")
        if self._pages & (self._pages - 1) == 0:
            self._marked = page.next_cursor
