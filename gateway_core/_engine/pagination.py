"""Pagination: one list out of many pages, which neither ends early nor runs for ever."""

from __future__ import annotations

import attrs

from gateway_core.errors import InvalidRequestError, UnexpectedResponseError
from gateway_core.models.payment import Page, Payment, PaymentQuery

#: How often in a row a provider may send the same page again. Once is no fault: where a whole page of news arrives
#: between two requests, a list that is paged by offset shows the last page again.
_MOST_REPEATS = 2

#: A provider that filters after it cut its pages may send empty ones; nobody sends this many in a row.
_MOST_EMPTY_PAGES = 100


class Pagination:
    """The state of one list: which page comes next, and whether the pages still advance.

    Progress is judged by what the provider sent, never by what a plugin left of it: a provider may hold any number of
    pages on which nothing fits the query.

    Args:
        query: The first page's query.
        limit: The most items to give; None for all.

    Attributes:
        query: The next page's query; None when the list is at its end.
    """

    def __init__(self, query: PaymentQuery, limit: int | None = None) -> None:
        if limit is not None and (type(limit) is not int or limit < 0):
            raise InvalidRequestError("limit must be an int, zero or more")
        # Where a plugin filters by time itself, small pages would be many: most of each is left out.
        if limit and query.page_size is None and query.since is None and query.until is None:
            query = attrs.evolve(query, page_size=limit)
        self.query: PaymentQuery | None = query if limit != 0 else None
        self._left = limit
        self._last_ids: frozenset[str] = frozenset()
        self._last_answer: bytes | None = None
        self._repeats = 0
        self._empty = 0
        # A cursor that comes again means a circle. One remembered cursor, renewed at page 1, 2, 4, 8 ..., finds every
        # circle (Brent, 1980) without remembering them all.
        self._marked: str | None = None
        self._pages = 0

    def accept(self, query: PaymentQuery, page: Page[Payment], answer: bytes | None = None) -> tuple[Payment, ...]:
        """Return what is new on the page that answers a query, and prepare the next query.

        A list that moves while it is read may show an item again on the next page; it is given once.

        Args:
            query: What was asked.
            page: The page, as the plugin returns it.
            answer: The body of the provider's last answer, by which a page is known again that the plugin left empty.

        Raises:
            UnexpectedResponseError: If the pages do not advance.
        """
        items = {item.id: item for item in page.items}
        new = tuple(item for item in items.values() if item.id not in self._last_ids)
        if page.next_cursor is None:
            self.query = None
        else:
            sent = len(items) if page.sent is None else page.sent
            self._empty = 0 if sent else self._empty + 1
            repeated = not new if items else answer is not None and answer == self._last_answer
            self._repeats = self._repeats + 1 if repeated else 0
            self._check_advance(query.cursor, page.next_cursor)
            self.query = attrs.evolve(query, cursor=page.next_cursor)
        self._last_answer = answer
        self._last_ids = frozenset(items) or self._last_ids
        if self._left is not None:
            new = new[: self._left]
            self._left -= len(new)
            if self._left == 0:
                self.query = None
        return new

    def _check_advance(self, cursor: str | None, following: str) -> None:
        stuck = following in (cursor, self._marked)
        if stuck or self._repeats > _MOST_REPEATS or self._empty > _MOST_EMPTY_PAGES:
            raise UnexpectedResponseError("the provider's list does not advance: the same page came again")
        self._pages += 1
        if self._pages & (self._pages - 1) == 0:
            self._marked = following
