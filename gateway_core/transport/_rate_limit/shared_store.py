"""A store that processes share, and what is done while it cannot be used."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Literal, TypeAlias

from gateway_core.errors import NotSentError
from gateway_core.transport._rate_limit.rules import Store, StoreError

#: What to do if a store cannot be reached: refuse to send, or keep the limits for each process by itself.
Fallback: TypeAlias = Literal["error", "process"]

#: How many seconds a store that could not be reached is left alone, where there is something to fall back on.
PATIENCE = 5.0

_log = logging.getLogger("gateway_core.limits")


class SharedStore:
    """The store that one process shares with others. What this process sends, its limiter counts besides.

    Args:
        store: The store.
        process: This process's name in it.
        fallback: What to do when it cannot be used.
        clock: A monotonic clock, in seconds.
    """

    def __init__(self, store: Store, process: str, *, fallback: Fallback, clock: Callable[[], float]) -> None:
        self.store = store
        self._process = process
        self._fallback = fallback
        self._clock = clock
        self._lock = threading.Lock()
        self._lost = self._untold = self._silent = False
        self._next_try = 0.0

    def acquire(self) -> tuple[float, bool]:
        """As `Store.acquire`; and whether the lease is the store's.

        Raises:
            NotSentError: If the store cannot be used and there is nothing to fall back on.
        """
        if self._lost and self._clock() < self._next_try:
            return 0.0, False
        try:
            seconds = self.store.acquire(self._process)
        except StoreError as error:
            why = str(error)
        else:
            self._found()
            return seconds, True
        self._lose(why)
        return 0.0, False

    def leave(self, request: str) -> bool:
        """As `Store.leave`; also True where the store cannot be used and there is something to fall back on.

        Raises:
            NotSentError: As `acquire`.
        """
        try:
            return self.store.leave(self._process, request)
        except StoreError as error:
            why = str(error)
        self._lose(why)
        return True

    def answered(self, request: str, ago: float) -> None:
        """As `Store.answered`. If the store cannot be used, what was counted when the request left stands."""
        if not self._silent:
            try:
                self.store.answered(request, ago)
            except StoreError:
                _log.debug("a request whose answer took long was not counted anew")

    def release(self) -> None:
        """As `Store.release`. If the store cannot be used, its lease runs out.

        It is not asked if it was silent when it was asked last: a call would wait for it twice.
        """
        if not self._silent:
            try:
                self.store.release(self._process)
            except StoreError:
                _log.debug("a permit was not given back; it runs out by itself")

    def pause(self, seconds: float) -> None:
        """As `Store.pause`."""
        try:
            self.store.pause(seconds)
        except StoreError as error:
            _log.warning("only this process was told that the provider wants a pause: %s", error)

    def fell_back(self) -> bool:
        """Return whether the store was lost since this was asked last."""
        with self._lock:
            untold, self._untold = self._untold, False
        return untold

    def _lose(self, why: str) -> None:
        """Go on without the store, or refuse to."""
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

    def _found(self) -> None:
        self._silent = False
        with self._lock:
            again, self._lost = self._lost, False
        if again:
            _log.info("the limiter's store is back")
