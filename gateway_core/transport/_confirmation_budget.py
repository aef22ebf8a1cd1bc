"""How often an account may ask its provider about webhooks: apart from the shop's own calls.

Whoever knows the address of a webhook without a signature can make the shop ask its provider as often as they like.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import attrs

from gateway_core.provider import RateLimit
from gateway_core.transport._registry import Registry

#: The part of a declared limit that may be used for this.
_SHARE = 0.5

#: What a provider that declares no limits is taken to allow: for this, 100 questions at once, and 10 each second.
_UNDECLARED = (RateLimit(requests=200, seconds=10),)

#: How many questions are there in any case, since some genuine webhooks may come together.
_LEAST = 10

#: How many seconds a question waits at most for anything but its answer: for the rate limit, and for another webhook's.
PATIENCE = 2.0


@attrs.define(eq=False)
class _Bucket:
    """Questions that come back at a steady rate, up to a number."""

    size: float
    per_second: float
    left: float

    @classmethod
    def of(cls, limit: RateLimit) -> _Bucket:
        size = max(_LEAST, limit.requests * _SHARE)
        return cls(size, limit.requests * _SHARE / limit.seconds, size)


class ConfirmationBudget:
    """The questions that an account may ask about webhooks, in this process.

    Args:
        limits: The account's rate limits; none if it has none.
        clock: The monotonic clock, in seconds.
    """

    def __init__(self, limits: Iterable[RateLimit] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets = [_Bucket.of(limit) for limit in tuple(limits) or _UNDECLARED]
        self._filled_at = clock()

    @classmethod
    def of(cls, account: str, limits: tuple[RateLimit, ...]) -> ConfirmationBudget:
        """Return an account's budget by its key: the same object while it is in use, or until it is full again."""
        return _REGISTRY.get((account, limits), lambda: cls(limits))

    def forked(self) -> None:
        """Replace the lock in a forked process: a thread that was not copied may hold it."""
        self._lock = threading.Lock()

    def spend(self) -> bool:
        """Take one question; return whether there was one."""
        with self._lock:
            now = self._clock()
            since, self._filled_at = now - self._filled_at, now
            for bucket in self._buckets:
                bucket.left = min(bucket.size, bucket.left + since * bucket.per_second)
            granted = all(bucket.left >= 1 for bucket in self._buckets)
            for bucket in self._buckets:
                bucket.left -= granted
            full_in = max((bucket.size - bucket.left) / bucket.per_second for bucket in self._buckets)
        _REGISTRY.keep(self, full_in)
        return granted


def forget() -> None:
    """Refill the budget of every account, so that an application's tests do not share one."""
    _REGISTRY.clear()


_REGISTRY: Registry[ConfirmationBudget] = Registry(ConfirmationBudget.forked)
