"""Time for emulators: the real one, and one that tests move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that stands until it is moved.

    >>> clock = ManualClock(datetime(2026, 11, 21, 8, 0, tzinfo=UTC))
    >>> clock.move(timedelta(minutes=15))
    >>> clock().isoformat()
    '2026-11-21T08:15:00+00:00'

    Args:
        now: Where it stands at first; None for the real time.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or utc_now()

    def __call__(self) -> datetime:
        """Return where it stands."""
        return self._now

    def move(self, time: timedelta) -> None:
        """Let this time pass."""
        self._now += time
