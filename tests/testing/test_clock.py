"""Time for emulators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway_core.testing import ManualClock, utc_now


def test_real_time_has_a_zone() -> None:
    """What is compared with times of providers is in UTC, and is now."""
    before = datetime.now(UTC)

    actual = utc_now()

    assert actual.tzinfo is UTC
    assert before <= actual <= datetime.now(UTC)


def test_clock_stands_until_it_is_moved() -> None:
    """A test that takes long sees the same time, and moves it as far as it likes, back too."""
    clock = ManualClock(datetime(2026, 11, 21, 8, tzinfo=UTC))

    seen = [clock(), clock()]
    clock.move(timedelta(hours=1))
    seen.append(clock())
    clock.move(timedelta(hours=-2))
    seen.append(clock())

    assert [moment.hour for moment in seen] == [8, 8, 9, 7]
