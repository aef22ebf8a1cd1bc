"""Reading how long an answer asks to wait.

``Retry-After`` has seconds, or a date in one of the three forms of HTTP (RFC 9110, 5.6.7 and 10.2.3); other headers
have Unix seconds. A moment counts from the answer's own ``Date``, so that it does not matter if our clock is right.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from gateway_core.models.headers import Headers

_SECONDS = re.compile(r"[0-9]+")

#: The longest wait, in seconds, some 30 years: more digits mean "very long", and `int` of very many takes long itself.
_LONGEST = 999_999_999.0

#: Until the year 5138, which `datetime` knows.
_UNIX_SECONDS = re.compile(r"[0-9]{1,11}")

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_LONG_DAY = r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"

# Python's own readers go by the locale, or take a 99th of a month.
_DATES = (
    re.compile(rf"{_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT"),
    re.compile(rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT"),
    re.compile(rf"{_DAY} {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})"),
)


def retry_after(headers: Headers, now: datetime | None = None) -> float | None:
    """Return the seconds that an answer asks to wait; None if it does not say, or says nonsense.

    Args:
        headers: The answer's headers.
        now: The time of day, where the answer has no ``Date``; None for our own clock.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        digits = text.lstrip("0")
        return float(digits or 0) if len(digits) <= 9 else _LONGEST
    moment = http_date(text)
    return None if moment is None else _from_now(moment, headers, now)


def until(headers: Headers, name: str, now: datetime | None = None) -> float | None:
    """Return the seconds until the moment that a header gives in Unix seconds; None if it gives none.

    Args:
        headers: The answer's headers.
        name: The header's name.
        now: As of `retry_after`.
    """
    text = headers.get(name, "").strip()
    if not _UNIX_SECONDS.fullmatch(text):
        return None
    return _from_now(datetime.fromtimestamp(int(text), UTC), headers, now)


def _from_now(moment: datetime, headers: Headers, now: datetime | None) -> float:
    since = http_date(headers.get("Date", "").strip()) or now or datetime.now(UTC)
    return max(0.0, (moment - since).total_seconds())


def http_date(text: str) -> datetime | None:
    """Read a date of HTTP; None if it is none."""
    for form in _DATES:
        if match := form.fullmatch(text):
            found = match.groupdict()
            month = _MONTHS.index(found.pop("month")) + 1
            year = found.pop("year")
            day, hour, minute, second = (int(found[name]) for name in ("day", "hour", "minute", "second"))
            try:
                # A leap second is written 60, which Python does not know.
                return datetime(_whole(year), month, day, hour, minute, 59 if second == 60 else second, tzinfo=UTC)
            except ValueError:
                return None
    return None


def _whole(year: str) -> int:
    """Return a year with its century: of two digits, not more than 50 years ahead (RFC 9110)."""
    if len(year) == 4:
        return int(year)
    this_year = datetime.now(UTC).year
    near = this_year - this_year % 100 + int(year)
    return near - 100 if near > this_year + 50 else near
