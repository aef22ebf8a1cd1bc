"""How to ask for a list of invoices, and what of it is kept."""

from __future__ import annotations

from datetime import date, datetime

import attrs

from gateway_bitsby import mapping
from gateway_bitsby.settings import is_uuid
from gateway_core.errors import InvalidRequestError


@attrs.frozen(kw_only=True)
class InvoiceQuery:
    """Which of the project's invoices to list.

    Attributes:
        status: With this status only, in Bitsby's words: ``unpaid``, ``paid``, ``canceled``, ``expired``.
        invoice_id: With this id only.
        uid: With this code in the address of its pay page only.
        since: Created at this moment or later only, with a time zone.
        until: Created before this moment only, with a time zone.
        page_size: Invoices on a page, at least 1; None for that of the settings.
        cursor: Where the page starts: `Page.next_cursor` of the page before; None for the first.

    Raises:
        InvalidRequestError: If the status is no word of Bitsby's, the id no UUID, a moment has no time zone, or the
            page size is none.
    """

    status: str | None = None
    invoice_id: str | None = None
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
        if self.invoice_id is not None and not is_uuid(self.invoice_id):
            raise InvalidRequestError("an invoice's id is a UUID at Bitsby")
        if self.page_size is not None and (type(self.page_size) is not int or self.page_size < 1):
            raise InvalidRequestError("page_size must be an int above zero")


def day_filters(first_day: date | None, last_day: date | None) -> dict[str, str]:
    """Return a range of days as Bitsby's filters take it, for an answer that cannot be filtered afterwards.

    Raises:
        InvalidRequestError: If one is no plain `date`, or they are in the wrong order.
    """
    given = {"startDate": first_day, "endDate": last_day}
    days = {name: day for name, day in given.items() if day is not None}
    if any(type(day) is not date for day in days.values()):
        raise InvalidRequestError("first_day and last_day are dates, without a time")
    if first_day is not None and last_day is not None and first_day > last_day:
        raise InvalidRequestError("first_day must not be after last_day")
    return {name: day.isoformat() for name, day in days.items()}
