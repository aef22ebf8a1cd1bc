"""How often an account may repeat requests: a share of its calls, so that a provider in trouble gets little more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Retries for each call.
SHARE = 0.2
#: Retries that are there without calls, for an application that calls rarely; one comes back each `FLOOR_SECONDS`.
FLOOR = 5.0
FLOOR_SECONDS = 10.0


class RetryBudget:
    """The retries that an account may make.

    Args:
        clock: The monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._left = FLOOR
        self._refilled_at = clock()

    def forked(self) -> None:
        """Replace the lock in a forked process: a thread that was not copied may hold it."""
        self._lock = threading.RLock()

    def earn(self) -> None:
        """Count a call."""
        with self._lock:
            self._left = min(self._left + SHARE, 2 * FLOOR)

    def spend(self) -> bool:
        """Take one retry; return whether there was one."""
        with self._lock:
            now = self._clock()
            refill, self._refilled_at = (now - self._refilled_at) / FLOOR_SECONDS, now
            self._left = max(self._left, min(self._left + refill, FLOOR))
            if self._left < 1:
                return False
            self._left -= 1
            return True
