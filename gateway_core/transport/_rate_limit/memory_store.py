"""The turns of one account in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pyrate_limiter import InMemoryBucket, RateItem

from gateway_core.transport._rate_limit.rules import LEASE, Rules


class MemoryStore:
    """A store for the threads and tasks of this process.

    Args:
        rules: The limits.
        clock: Seconds on a clock that cannot be set.
    """

    blocks = False

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._clock = clock
        self._lock = threading.Lock()
        self._log = InMemoryBucket(list(rules.logged)) if rules.logged else None
        self._owner = ""
        self._left = True
        self._until = self._closed_until = 0.0

    def admit(self, owner: str) -> float:
        """As `Store.admit`."""
        with self._lock:
            now = self._clock()
            again = owner == self._owner and not self._left
            if not again:
                if now < self._until:
                    return self._until - now if self._left else min(self._until - now, self._rules.nap)
                if now < self._closed_until:
                    return self._closed_until - now
                wait = self._put(owner, now)
                if wait:
                    return wait
            self._owner, self._left, self._until = owner, False, now + LEASE
            return 0.0

    def hold(self, owner: str, seconds: float) -> bool:
        """As `Store.hold`."""
        with self._lock:
            if owner != self._owner:
                return False
            now = self._clock()
            self._left, self._until = True, now + seconds
            newest = self._newest(owner)
            if newest is not None:
                newest.timestamp = _milliseconds(now)
            return True

    def release(self, owner: str) -> None:
        """As `Store.release`."""
        with self._lock:
            if owner == self._owner and not self._left:
                self._owner, self._left, self._until = "", True, 0.0
                if self._log is not None and self._newest(owner) is not None:
                    self._log.items.pop()

    def block(self, seconds: float) -> None:
        """As `Store.block`."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _put(self, owner: str, now: float) -> float:
        """Write a request into the log, or say how long the log is full."""
        if self._log is None:
            return 0.0
        item = RateItem(owner, _milliseconds(now))
        # The engine would do this from a thread of its own, every ten seconds and for ever.
        self._log.leak(item.timestamp)
        if self._log.put(item):
            return 0.0
        return self._log.waiting(item) / 1000  # type: ignore[operator]  # this bucket does not await

    def _newest(self, owner: str) -> RateItem | None:
        """Return the last entry of the log if it is the owner's; the engine keeps entries in order."""
        item = self._log.peek(0) if self._log is not None else None
        return item if item is not None and item.name == owner else None


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
