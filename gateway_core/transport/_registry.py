"""What the gateways of one account share in this process, found by the account's key."""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Keeps shared objects while they are in use, and for a while afterwards.

    Its lock, as those of what it holds, lets a signal's handler in that interrupts its own thread.

    An application that makes a gateway for each call has to find there what its last one counted.

    Args:
        forked: Called in a process that was forked, with everything that is known.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, forked: Callable[[T], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._forked = forked
        self._clock = clock
        self._lock = threading.RLock()
        self._known: weakref.WeakValueDictionary[Hashable, T] = weakref.WeakValueDictionary()
        self._kept: dict[T, float] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._start_anew)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the object of a key, or make it."""
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = make()
            return found

    def keep(self, used: T, seconds: float) -> None:
        """Keep an object for so many seconds from now."""
        with self._lock:
            now = self._clock()
            self._kept.pop(used, None)
            # Two are looked at for each that comes, so that those whose time is over do not pile up.
            for each in list(itertools.islice(self._kept, 2)):
                until = self._kept.pop(each, now)
                if until > now:
                    self._kept[each] = until
            self._kept[used] = now + seconds

    def clear(self) -> None:
        """Forget every object; those in use are no longer shared from now on."""
        with self._lock:
            self._known.clear()
            self._kept.clear()

    def _start_anew(self) -> None:
        """Replace the lock in a forked process: a thread that was not copied may hold it."""
        self._lock = threading.RLock()
        for each in list(self._known.values()):
            self._forked(each)
