"""R4, R5: reading how long an answer asks to wait, and ignoring nonsense without an exception."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core.models.headers import Headers
from gateway_core.transport._retry_after import http_date, retry_after, until

NOW = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC)
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def _asked(*values: str) -> float | None:
    return retry_after(Headers([("Retry-After", value) for value in values]), NOW)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0", 0.0),
        ("1", 1.0),
        ("120", 120.0),
        ("007", 7.0),
        (" 30\t", 30.0),
        ("999999999", 999_999_999.0),
        ("9" * 10, 999_999_999.0),
        ("9" * 5000, 999_999_999.0),
        ("0" * 20 + "3", 3.0),
    ],
)
def test_digits_are_seconds(text: str, seconds: float) -> None:
    """R5: plain digits are seconds, whatever white space is around them."""
    assert _asked(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Sun, 06 Nov 1994 08:49:37 GMT", id="IMF-fixdate"),
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", id="RFC 850"),
        pytest.param("Sun Nov  6 08:49:37 1994", id="asctime"),
    ],
)
def test_three_forms_of_a_date(text: str) -> None:
    """R5: each of the three HTTP dates is a moment, and the wait is what is left until then."""
    assert _asked(text) == 30.0


def test_asctime_with_a_day_of_two_digits() -> None:
    """R5: the space before the day of asctime's form is there for small days only."""
    assert http_date("Wed Nov 16 08:49:37 1994") == datetime(1994, 11, 16, 8, 49, 37, tzinfo=UTC)


def test_moment_in_the_past_is_no_wait() -> None:
    """R5: a date that has passed asks for no wait, not for a negative one."""
    assert _asked("Sun, 06 Nov 1994 08:00:00 GMT") == 0.0


def test_date_counts_from_the_date_of_the_answer() -> None:
    """R5: the provider's own clock is what its date is meant by, however wrong ours is."""
    headers = Headers([("Retry-After", DATE), ("Date", "Sun, 06 Nov 1994 08:49:25 GMT")])

    assert retry_after(headers, datetime(2026, 1, 1, tzinfo=UTC)) == 12.0


@pytest.mark.parametrize("date", ["", "now", "Sun, 99 Nov 1994 08:49:25 GMT"])
def test_nonsense_in_the_date_of_the_answer_counts_from_our_clock(date: str) -> None:
    """R5: an answer whose Date cannot be read has none."""
    headers = Headers([("Retry-After", DATE), ("Date", date)])

    assert retry_after(headers, NOW) == 30.0


def test_own_clock_is_used_where_no_other_is_given() -> None:
    """R5: without a Date and without a clock of the caller's, it counts from now."""
    assert retry_after(Headers({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"})) == pytest.approx(2.5e11, rel=0.1)


@pytest.mark.parametrize(
    "text, year",
    [
        pytest.param("Sunday, 06-Nov-94 08:49:37 GMT", 1994, id="past century"),
        pytest.param("Friday, 06-Nov-26 08:49:37 GMT", 2026, id="this century"),
        pytest.param("Saturday, 06-Nov-00 08:49:37 GMT", 2000, id="zero"),
    ],
)
def test_year_of_two_digits_is_not_far_ahead(text: str, year: int) -> None:
    """R5: a year of two digits that would be more than 50 years ahead has passed (RFC 9110, 5.6.7)."""
    date = http_date(text)

    assert date is not None
    assert date.year == year


def test_year_of_two_digits_is_at_most_50_years_ahead() -> None:
    """R5: 50 years ahead is still ahead, 51 is not."""
    ahead = datetime.now(UTC).year + 50

    within, beyond = (http_date(f"Sunday, 06-Nov-{year % 100:02} 08:49:37 GMT") for year in (ahead, ahead + 1))

    assert within is not None
    assert beyond is not None
    assert (within.year, beyond.year) == (ahead, ahead - 99)


def test_year_of_four_digits_stands_as_it_is() -> None:
    """R5: only the form with two digits leaves the century out."""
    assert http_date("Sat, 06 Nov 0094 08:49:37 GMT") == datetime(94, 11, 6, 8, 49, 37, tzinfo=UTC)


def test_leap_second_is_a_moment() -> None:
    """R5: HTTP allows second 60, which Python does not know."""
    assert http_date("Sat, 31 Dec 2016 23:59:60 GMT") == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


NONSENSE = [
    "",
    "soon",
    "-1",
    "+1",
    "1.5",
    "1e3",
    "0x10",
    "1_000",
    "1,000",
    "60 s",
    "60, 60",
    "inf",
    "nan",
    "٣٠",
    "６０",
    "³",
    "60\x00",
    "6\n0",
    "b'60'",
    "Sun, 99 Nov 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Thu, 30 Feb 2023 08:49:37 GMT",
    "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 06 Nov 1994 08:60:00 GMT",
    "Sun, 06 Nov 1994 08:49:61 GMT",
    "Sun, 06 Nov 1994 08:49:99 GMT",
    "Sun, 06 Nov 0000 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 94 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 UTC",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "So, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Okt 1994 08:49:37 GMT",
    "dim., 06 nov. 1994 08:49:37 GMT",
    "Вс, 06 Ноя 1994 08:49:37 GMT",
    "sun, 06 nov 1994 08:49:37 gmt",
    "Sun, ٠٦ Nov 1994 08:49:37 GMT",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
]


@pytest.mark.parametrize("text", NONSENSE, ids=lambda text: text[:30].encode("unicode_escape").decode() or "empty")
def test_nonsense_is_ignored(text: str) -> None:
    """R5: what is neither plain digits nor an HTTP date says nothing, and raises nothing."""
    assert _asked(text) is None


def test_answer_without_the_header_says_nothing() -> None:
    """R5: most answers ask for no wait."""
    assert _asked() is None


@pytest.mark.parametrize("values", [("30", "60"), ("30", "soon")])
def test_first_of_two_headers_counts(values: tuple[str, ...]) -> None:
    """R5: a header that came twice raises nothing; its first value counts, as of every header."""
    assert _asked(*values) == 30.0


@given(st.text() | st.from_regex(r"[A-Za-z]{3,9},? [0-9 ]{2}[ -][A-Z][a-z]{2}[ -][0-9]{2,4} [0-9:]{8}( GMT)?"))
def test_no_text_raises(text: str) -> None:
    """R5: whatever a header holds, the wait is None or a number of seconds that is not negative."""
    headers = Headers([("Retry-After", text), ("Date", text), ("X-RateLimit-Reset", text)])

    for seconds in (retry_after(headers), until(headers, "X-RateLimit-Reset")):
        assert seconds is None or seconds >= 0


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_is_read_back(moment: datetime) -> None:
    """R5: what is written by the rules of HTTP is read as it was meant, to the second."""
    wanted = moment.replace(microsecond=0)

    assert http_date(format_datetime(moment, usegmt=True)) == wanted
    assert http_date(f"{time.asctime(moment.timetuple())[:19]} {moment.year:04}") == wanted


def _left(text: str, *more: tuple[str, str]) -> float | None:
    return until(Headers([("X-RateLimit-Reset", text), *more]), "x-ratelimit-reset", NOW)


def test_reset_is_a_moment_in_unix_seconds() -> None:
    """R7: Billoget's header has the moment from which there are more requests."""
    assert _left(str(int(NOW.timestamp()) + 90)) == 90.0


def test_reset_counts_from_the_date_of_the_answer() -> None:
    """R7: it is meant by the provider's clock, as a date is."""
    assert _left(str(int(NOW.timestamp()) + 90), ("Date", DATE)) == 60.0


def test_reset_in_the_past_is_no_wait() -> None:
    """R7: a window that has ended asks for no wait."""
    assert _left("0") == 0.0


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "784111807.5", "1e9", "٣٠", "999999999999", "9" * 5000, DATE, "60 60"]
)
def test_nonsense_in_reset_is_ignored(text: str) -> None:
    """R7: what is no moment in Unix seconds says nothing, and raises nothing."""
    assert _left(text) is None


def test_answer_without_reset_says_nothing() -> None:
    """R7: a provider may leave the header out."""
    assert until(Headers(), "X-RateLimit-Reset", NOW) is None
