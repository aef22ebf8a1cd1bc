"""What an account remembers of its provider's health: whether to ask at all, and how often to ask again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import attrs

from gateway_core.errors import NotSentError
from gateway_core.transport._registry import Registry

#: Retries for each call: a fifth of them. A provider in trouble gets little more than its usual load.
_SHARE = 0.2
#: Retries that are there without calls, so that an application which calls rarely can repeat too; one comes back each
#: `_FLOOR_SECONDS`.
_FLOOR = 5.0
_FLOOR_SECONDS = 10.0

#: For how many seconds after a failure or a retry its account is remembered at least: by then the floor is back.
_MEMORY = _FLOOR * _FLOOR_SECONDS


class Budget:
    """The retries that an account may make: a share of its calls, and a few besides.

    Args:
        clock: A clock that cannot be set, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left = _FLOOR
        self._counted_at = clock()

    def forked(self) -> None:
        """Forget the lock of a thread that a new process has not."""
        self._lock = threading.Lock()

    def call(self) -> None:
        """Count a call."""
        with self._lock:
            self._left = min(self._refilled() + _SHARE, 2 * _FLOOR)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        with self._lock:
            self._left = self._refilled()
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def _refilled(self) -> float:
        now = self._clock()
        more, self._counted_at = (now - self._counted_at) / _FLOOR_SECONDS, now
        return max(self._left, min(self._left + more, _FLOOR))


class CircuitBreaker:
    """Refuses requests for a while after so many failures in a row, and then lets one through to see.

    Args:
        failures: How many.
        seconds: How long.
        clock: A clock that cannot be set, in seconds.
    """

    def __init__(self, failures: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = failures
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until: float | None = None
        self._probe: object = None

    def forked(self) -> None:
        """Forget the lock and the probe of threads that a new process has not."""
        self._lock = threading.Lock()
        self._probe = None

    def check(self) -> None:
        """Do nothing if a request would be let through now.

        Raises:
            NotSentError: If none would.
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
        """Let a request through. After the wait the first caller is the probe; the others are refused until it is back.

        Raises:
            NotSentError: If none is let through now.
        """
        with self._lock:
            self.check()
            if self._open_until is not None:
                self._probe = caller

    def record(self, caller: object, *, failed: bool) -> bool | None:
        """Count the outcome of a request that was let through.

        Returns:
            Whether this opened (True) or closed (False) the breaker; None if neither.
        """
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
            self._open_until = self._clock() + self._seconds
            return True

    def forget(self, caller: object) -> None:
        """Let another request be the probe: this one was never sent, or nobody waits for its outcome."""
        with self._lock:
            if self._probe is caller:
                self._probe = None

    @property
    def seconds(self) -> float:
        """How long it stays open, in seconds."""
        return self._seconds


@attrs.frozen(eq=False)
class Health:
    """The budget and the breaker of one account, shared by its gateways in this process."""

    budget: Budget
    breaker: CircuitBreaker

    @classmethod
    def of(cls, account: str, failures: int, seconds: float) -> Health:
        """Return the one of an account; the same one as long as anybody holds it, and a while after a failure or retry.

        Args:
            account: What tells the account from others.
            failures: After how many failures in a row the breaker opens.
            seconds: For how long.
        """
        return _REGISTER.get((account, failures, seconds), lambda: cls(Budget(), CircuitBreaker(failures, seconds)))

    def spend(self) -> bool:
        """Do what `Budget.spend` does, and be remembered for a while, whoever holds this."""
        self._remember()
        return self.budget.spend()

    def record(self, caller: object, *, failed: bool) -> bool | None:
        """Do what `CircuitBreaker.record` does, and be remembered for a while if it was a failure."""
        if failed:
            self._remember()
        return self.breaker.record(caller, failed=failed)

    def _remember(self) -> None:
        _REGISTER.keep(self, max(_MEMORY, self.breaker.seconds))

    def forked(self) -> None:
        """Forget the locks and the probe of threads that a new process has not."""
        self.budget.forked()
        self.breaker.forked()


def forget() -> None:
    """Let the next gateway of every account begin anew; for the tests of applications, which share no provider."""
    _REGISTER.clear()


_REGISTER: Registry[Health] = Registry(Health.forked)
