"""Turns that processes share, and what is done while they cannot be shared."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

from gateway_core.errors import NotSentError
from gateway_core.transport._rate_limit.memory_store import MemoryStore
from gateway_core.transport._rate_limit.rules import OpenStore, StoreError

#: What to do if a store cannot be reached: refuse to send, or keep the limits for each process by itself.
Fallback: TypeAlias = Literal["error", "process"]

#: How many seconds a store that could not be reached is left alone, where there is something to fall back on.
PATIENCE = 5.0

_log = logging.getLogger("gateway_core.limits")


class SharedStore:
    """A store that processes share, behind one of this process.

    This process's own requests are counted in both. So the shared one is not asked while the process's own last request
    says no, and when it cannot be reached, this process at least keeps the limits by itself, from the first moment.

    Args:
        own: The store of this process.
        shared: The other; it raises `StoreError` when it cannot be used.
        fallback: What to do then.
        clock: Seconds on a clock that cannot be set.
    """

    blocks = True

    def __init__(
        self,
        own: MemoryStore,
        shared: OpenStore,
        *,
        fallback: Fallback,
        clock: Callable[[], float],
    ) -> None:
        self._own = own
        self._shared = shared
        self._fallback = fallback
        self._clock = clock
        self._lock = threading.Lock()
        self._lost = self._untold = False
        self._silent = False
        self._next_try = 0.0
        self._owner = ""  # who has a turn of the shared store

    def admit(self, owner: str) -> float:
        """As `Store.admit`.

        Raises:
            NotSentError: If the shared store cannot be reached and there is nothing to fall back on.
        """
        seconds = self._own.admit(owner)
        if seconds:
            return seconds
        if self._lost and self._clock() < self._next_try:
            return 0.0
        try:
            seconds = self._shared.admit(owner)
        except StoreError as error:
            why = str(error)
        else:
            self._found()
            if seconds:
                self._own.release(owner)
            else:
                self._owner = owner
            return seconds
        self._lose(why)
        return 0.0

    def hold(self, owner: str, seconds: float) -> bool:
        """As `Store.hold`.

        Raises:
            NotSentError: As `admit`.
        """
        if not self._own.hold(owner, seconds):
            return False
        if owner != self._owner:
            return True
        try:
            return self._shared.hold(owner, seconds)
        except StoreError as error:
            why = str(error)
        self._lose(why)
        return True

    def release(self, owner: str) -> None:
        """As `Store.release`. If the shared store cannot be reached, its lease runs out.

        It is not asked if it was silent when it was asked last: a call would wait for it twice.
        """
        self._own.release(owner)
        if owner == self._owner and not self._silent:
            try:
                self._shared.release(owner)
            except StoreError:
                _log.debug("a turn was not given back; it runs out by itself")

    def block(self, seconds: float) -> None:
        """As `Store.block`; where the shared store cannot be reached, this process alone keeps it."""
        self._own.block(seconds)
        try:
            self._shared.block(seconds)
        except StoreError as error:
            _log.warning("only this process was told that the provider wants a pause: %s", error)

    def _lose(self, why: str) -> None:
        """Go on without the shared store, or refuse to."""
        self._silent = True
        if self._fallback == "error":
            raise NotSentError(f"the limiter's store cannot be used: {why}; nothing was sent")
        with self._lock:
            first, self._lost = not self._lost, True
            self._untold |= first
            self._next_try = self._clock() + PATIENCE
        if first:
            _log.warning(
                "the limiter's store cannot be used: %s; until it is back, each process keeps the limits by itself", why
            )

    def fell_back(self) -> bool:
        """Return whether the shared store was lost since this was asked last."""
        with self._lock:
            untold, self._untold = self._untold, False
        return untold

    def _found(self) -> None:
        self._silent = False
        with self._lock:
            again, self._lost = self._lost, False
        if again:
            _log.info("the limiter's store is back")
