"""The pause of a whole account after its provider said "too many requests", for all its calls in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gateway_core.errors import NotSentError
from gateway_core.transport._registry import Registry

#: Seconds of a pause that the provider gives no length for; it doubles with each one that comes soon after another.
FLOOR = 1.0
#: Where that ends, in seconds.
LONGEST_FLOOR = 20.0
#: The longest pause, in seconds: what is longer may be a mistake, and costs one request an hour to find out.
LONGEST = 3600.0


class PausedError(NotSentError):
    """The account was paused after this request had been admitted, and before it left."""


class AccountPause:
    """Until when an account sends nothing.

    Args:
        clock: The monotonic clock, in seconds.

    Attributes:
        until: When the last pause ends; 0.0 if there never was one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.until = 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._floor = 0.0

    @classmethod
    def of(cls, account: str) -> AccountPause:
        """Return an account's pause by its key: the same object while it is in use or in force."""
        return _REGISTRY.get(account, cls)

    def forked(self) -> None:
        """Replace the lock in a forked process: a thread that was not copied may hold it."""
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Return the seconds left; zero or less once the pause is over."""
        return self.until - self._clock()

    def begin(self, seconds: float | None) -> float:
        """Pause, or go on pausing.

        Args:
            seconds: How long; zero or None if the provider does not say.

        Returns:
            How many seconds it lasts from now.
        """
        with self._lock:
            now = self._clock()
            length = min(seconds or self._next_floor(now), LONGEST)
            self.until = max(self.until, now + length)
            left = self.until - now
        _REGISTRY.keep(self, left + LONGEST_FLOOR)
        return left

    def _next_floor(self, now: float) -> float:
        """Return a length that doubles while the provider goes on refusing; refusals at one time count once."""
        if now >= self.until:
            soon = now < self.until + max(self._floor, FLOOR)
            self._floor = min(2 * self._floor, LONGEST_FLOOR) if soon and self._floor else FLOOR
        return self._floor or FLOOR


def forget() -> None:
    """End the pause of every account, so that an application's tests do not share one."""
    _REGISTRY.clear()


_REGISTRY: Registry[AccountPause] = Registry(AccountPause.forked)
