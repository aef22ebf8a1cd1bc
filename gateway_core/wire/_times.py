"""Times as providers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeAlias

from gateway_core.errors import InvalidRequestError, UnexpectedResponseError

#: The type of a field that comes as Unix seconds, and becomes a datetime in UTC.
UnixTime: TypeAlias = Annotated[datetime, "Unix seconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
#: Unix seconds from 1970 to the end of 9999. Milliseconds of this century are beyond.
_LAST_SECOND = 253_402_300_799


def moment(value: str) -> datetime:
    """Read an ISO 8601 date and time that names its time zone.

    >>> from gateway_core.wire import moment
    >>> moment("2030-01-01T12:00:00Z")
    datetime.datetime(2030, 1, 1, 12, 0, tzinfo=datetime.timezone.utc)

    Raises:
        UnexpectedResponseError: If it is anything else.
    """
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        parsed = None
    if parsed is None or parsed.utcoffset() is None:
        raise UnexpectedResponseError("a date and time with its time zone expected")
    return parsed


def moment_or_none(value: str | None) -> datetime | None:
    """Read a time that decides nothing: None where there is none, or one that `moment` refuses.

    >>> from gateway_core.wire import moment_or_none
    >>> moment_or_none("2030-01-01T12:00:00Z"), moment_or_none("yesterday"), moment_or_none(None)
    (datetime.datetime(2030, 1, 1, 12, 0, tzinfo=datetime.timezone.utc), None, None)
    """
    try:
        return None if value is None else moment(value)
    except UnexpectedResponseError:
        return None


def unix(seconds: int) -> datetime:
    """Read a time in Unix seconds, as a datetime in UTC.

    >>> from gateway_core.wire import unix
    >>> unix(1893456000)
    datetime.datetime(2030, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)

    Raises:
        UnexpectedResponseError: If it is no int, before 1970 or after 9999, as milliseconds are.
    """
    if type(seconds) is not int or not 0 <= seconds <= _LAST_SECOND:
        raise UnexpectedResponseError("a whole number of Unix seconds expected")
    return _EPOCH + timedelta(seconds=seconds)


def to_unix(at: datetime, *, up: bool = False) -> int:
    """Write a time as Unix seconds.

    >>> from datetime import UTC, datetime
    >>> from gateway_core.wire import to_unix
    >>> to_unix(datetime(2030, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC))
    1893456000

    Args:
        at: The time, with a time zone.
        up: Whether a part of a second counts as a whole one, as the end of a range needs it; else it is cut off.

    Raises:
        InvalidRequestError: If it has no time zone.
    """
    if at.utcoffset() is None:
        raise InvalidRequestError("a time needs a time zone to be written as Unix seconds")
    return -((_EPOCH - at) // _SECOND) if up else (at - _EPOCH) // _SECOND
