"""The circuit breaker: it opens after consecutive failures, and closes after one successful probe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gateway_core.errors import NotSentError


class CircuitBreaker:
    """Opens after so many consecutive failures; after a while it lets one request through, the probe.

    Args:
        failures: After how many failures it opens.
        seconds: How long it stays open.
        clock: The monotonic clock, in seconds.
    """

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._most = failures
        self._clock = clock
        self._lock = threading.RLock()
        self._failures = 0
        self._open_until: float | None = None
        self._probe: object = None

    def forked(self) -> None:
        """Replace the lock and the probe in a forked process: their threads were not copied."""
        self._lock = threading.RLock()
        self._probe = None

    def check(self) -> None:
        """Raise while the circuit is open.

        Raises:
            NotSentError: It is open, or its probe is under way.
        """
        until = self._open_until
        if until is None:
            return
        left = until - self._clock()
        if left <= 0 and self._probe is None:
            return
        when = f"for another {left:.0f} s" if left > 0 else "until it has answered one request"
        raise NotSentError(
            f"the provider failed {self._failures} times in a row and is left alone {when}; nothing was sent"
        )

    def admit(self, caller: object) -> None:
        """Let a request through. Once the circuit may close again, the first caller is the probe.

        Raises:
            NotSentError: As of `check`.
        """
        if self._open_until is None:
            return
        with self._lock:
            self.check()
            if self._open_until is not None:
                self._probe = caller

    def record(self, caller: object, *, failed: bool) -> bool | None:
        """Count how a request ended.

        Returns:
            Whether this opened (True) or closed (False) the circuit; None if neither.
        """
        if not failed and not self._failures:
            return None
        with self._lock:
            probed = self._probe is caller
            if probed:
                self._probe = None
            if not failed:
                was_open, self._open_until, self._failures = self._open_until is not None, None, 0
                return False if was_open else None
            self._failures += 1
            if self._failures < self._most or (self._open_until is not None and not probed):
                return None
            self._open_until = self._clock() + self.seconds
            return True

    def forget(self, caller: object) -> None:
        """Give the probe up: its request was never sent, or nobody waits for the outcome."""
        if self._probe is not caller:
            return
        with self._lock:
            if self._probe is caller:
                self._probe = None
