"""The emulator's rate limits: a window that slides, in the ledger so that a restart forgives nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from gateway_billoget.emulator.reading import RefusedError
from gateway_billoget.writing import time_text
from gateway_core.testing import Ledger


class SlidingWindow:
    """At most so many requests within any window.

    Args:
        ledger: Where it is noted.
        name: Under which name.
        most: How many.
        window: How long.
    """

    def __init__(self, ledger: Ledger, name: str, most: int, window: timedelta) -> None:
        self.most = most
        self._ledger = ledger
        self._name = name
        self._window = window

    def enter(self, now: datetime) -> None:
        """Count a request, or refuse it: a request that is refused does not count."""
        times = self._times(now)
        if len(times) >= self.most:
            wait = max(1, -(-(self.free_at(now) - now) // timedelta(seconds=1)))
            details = {"limit": self.most, "remaining": 0, "resetAt": time_text(self.free_at(now))}
            raise RefusedError(
                429, "rate_limit_exceeded", "Too many requests", details, headers={"Retry-After": str(wait)}
            )
        self._ledger.set_note(self._name, json.dumps([*times, now.timestamp()]))

    def left(self, now: datetime) -> int:
        """Return how many requests are left."""
        return max(0, self.most - len(self._times(now)))

    def free_at(self, now: datetime) -> datetime:
        """Return when the oldest request that counts is forgotten."""
        oldest = min(self._times(now), default=now.timestamp())
        return datetime.fromtimestamp(oldest, now.tzinfo) + self._window

    def _times(self, now: datetime) -> list[float]:
        known: list[float] = json.loads(self._ledger.note(self._name) or "[]")
        return [each for each in known if each > (now - self._window).timestamp()]
