"""How to ask for a list of invoices, and what of it is kept."""

from __future__ import annotations

from datetime import datetime

import attrs

from gateway_bitsby import mapping
from gateway_core.errors import InvalidRequestError


@attrs.frozen(kw_only=True)
class InvoiceQuery:
    """Which of the project's invoices to list.

    Attributes:
        status: With this status only, in Bitsby's words: ``unpaid``, ``paid``, ``canceled``, ``expired``.
        uid: With this code in the address of its pay page only.
        since: Created at this moment or later only, with a time zone.
        until: Created before this moment only, with a time zone.
        page_size: Invoices on a page, at least 1; None for that of the settings.
        cursor: Where the page starts: `Page.next_cursor` of the page before; None for the first.

    Raises:
        InvalidRequestError: If the status is no word of Bitsby's, or a moment has no time zone.
    """

    status: str | None = None
    uid: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    page_size: int | None = None
    cursor: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.status is not None and self.status not in mapping.STATUSES:
            raise InvalidRequestError(f"a status is one of {', '.join(mapping.STATUSES)}")
        if any(at is not None and at.utcoffset() is None for at in (self.since, self.until)):
            raise InvalidRequestError("since and until must have a time zone")
        if self.page_size is not None and (type(self.page_size) is not int or self.page_size < 1):
            raise InvalidRequestError("page_size must be an int above zero")
