"""Keeping a provider's rate limits, for all gateways of one account in this process.

Requests of one account take turns. Whoever has the turn waits until the limits allow a request, opens a connection, and
gives the turn on when the first byte leaves: that moment is what the limits are kept by, because the time to resolve a
name and shake hands, which only some requests need, would otherwise bring two of them too close together at the
provider. When the answer is there before another request has left, its moment counts instead: the provider, or the way
to it, may have taken its time, and cannot have counted the request later than it answered.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable
from typing import Protocol

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from gateway_core.errors import NotSentError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline

#: How much longer than declared a window is taken to be: the provider counts by its own clock, after a journey that
#: varies.
_MARGIN = 1.04


class Wire(Protocol):
    """A transport that tells when a request's first byte leaves."""

    def send(
        self, request: HttpRequest, deadline: Deadline, *, on_write: Callable[[], None] | None = None
    ) -> HttpResponse:
        """Send one request and return the response."""

    def close(self) -> None:
        """Give connections back."""


class RateLimited:
    """A transport that keeps the rate limits of one account, waiting inside the deadline.

    Args:
        transport: What sends.
        limits: The limits, all of which hold.
        account: What the limits are counted by: equal accounts share them, within this process.
    """

    def __init__(self, transport: Wire, limits: tuple[RateLimit, ...], *, account: Hashable) -> None:
        self.asks_to_leave: bool = getattr(transport, "asks_to_leave", False)
        self._transport = transport
        self._limits = limits
        self._account = account
        self._line = _Line.of(account, limits)

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Wait for the limits, then send.

        Raises:
            NotSentError: If the limits allow no request before the deadline; told at once where it can be known.
            TransportError: As of the transport below.
        """
        if self._line.process != os.getpid():
            # A fork copied a line whose turn a thread of the other process may have.
            self._line = _Line.of(self._account, self._limits)
        turn = self._line.enter(deadline)
        try:
            return self._transport.send(request, deadline, on_write=turn.give_on)
        finally:
            turn.end()

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()


class _Turn:
    """The right to send one request now."""

    def __init__(self, line: _Line, item: RateItem) -> None:
        self._line = line
        self._item = item
        self._given = False

    def give_on(self) -> None:
        """Count the request as of now, and let the next one come forward. The second time, do nothing."""
        if not self._given:
            self._given = True
            self._line.left(self._item)
            self._line.leave()

    def end(self) -> None:
        """Count the request as of its answer, unless another one has left meanwhile."""
        self.give_on()
        self._line.answered(self._item)


class _Line:
    """The requests of one account, in the order of their turns."""

    def __init__(self, limits: tuple[RateLimit, ...]) -> None:
        self.process = os.getpid()
        self._limits = limits
        allowed = rates(limits)
        self._bucket = InMemoryBucket(list(allowed))
        # Seconds between two requests, if there is a limit of one.
        self._spacing = max((rate.interval / 1000 for rate in allowed if rate.limit == 1), default=0.0)
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._ahead = 0
        self._next_at = 0.0
        self._newest: RateItem | None = None

    @classmethod
    def of(cls, account: Hashable, limits: tuple[RateLimit, ...]) -> _Line:
        """Return the line of an account; the same one as long as anybody holds it."""
        key = (os.getpid(), account, limits)
        with _LINES_LOCK:
            line = _LINES.get(key)
            if line is None:
                line = _LINES[key] = cls(limits)
            return line

    def enter(self, deadline: Deadline) -> _Turn:
        """Wait for the turn, and until the limits allow a request."""
        with self._lock:
            # The first of those ahead goes then or later, and each of them pushes this one back by the spacing.
            if self._ahead and max(self._next_at, time.monotonic()) + self._ahead * self._spacing > deadline.at:
                raise self._refusal()
            self._ahead += 1
        if not self._turn.acquire(timeout=max(0.0, deadline.remaining())):
            self._step_out()
            raise self._refusal()
        try:
            return _Turn(self, self._wait(deadline))
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Let the next one come forward."""
        self._step_out()
        self._turn.release()

    def left(self, item: RateItem) -> None:
        """Count a request as of now, when its first byte leaves."""
        with self._lock:
            item.timestamp = _now()

    def answered(self, item: RateItem) -> None:
        """Count a request as of now, when its answer is there; no margin is needed on top of that."""
        with self._lock:
            # The engine keeps requests in order, so only the newest can be moved.
            if item is self._newest:
                item.timestamp = max(item.timestamp, _now() - round(self._spacing * 1000 * (1 - 1 / _MARGIN)))

    def _step_out(self) -> None:
        with self._lock:
            self._ahead -= 1

    def _wait(self, deadline: Deadline) -> RateItem:
        while True:
            if deadline.remaining() <= 0:
                # Whoever got the turn too late takes nothing of what the limits allow the next one.
                raise self._refusal()
            with self._lock:
                now = _now()
                item = RateItem("request", now)
                # The engine would do this from a thread of its own, every ten seconds and for ever.
                self._bucket.leak(now)
                if self._bucket.put(item):
                    self._newest = item
                    return item
                seconds = self._bucket.waiting(item) / 1000  # type: ignore[operator]  # this bucket does not await
            if seconds > deadline.remaining():
                raise self._refusal()
            self._next_at = time.monotonic() + seconds
            time.sleep(seconds)

    def _refusal(self) -> NotSentError:
        declared = " and ".join(str(limit) for limit in self._limits)
        return NotSentError(f"the rate limit of {declared} allows no request before the deadline; nothing was sent")


#: The process is part of the key, so that one that forks starts lines of its own.
_LINES: weakref.WeakValueDictionary[Hashable, _Line] = weakref.WeakValueDictionary()
_LINES_LOCK = threading.Lock()


def rates(limits: Iterable[RateLimit]) -> tuple[Rate, ...]:
    """Return what the engine is given: windows from the shortest to the longest, none of which another one implies.

    The engine takes no longer window that is less tight than a shorter one; where such a one can still bite, it is
    tightened.
    """
    kept: list[tuple[int, int]] = []
    for interval, requests in sorted({(round(limit.seconds * 1000 * _MARGIN), limit.requests) for limit in limits}):
        tight = requests
        if kept:
            shorter, fewer = kept[-1]
            if requests >= fewer * (interval // shorter + 1):
                continue
            tight = min(requests, fewer * interval // shorter)
        while kept and kept[-1][1] >= tight:
            kept.pop()
        kept.append((interval, tight))
    return tuple(Rate(requests, interval) for interval, requests in kept)


def _now() -> int:
    """Milliseconds on a clock that cannot be set."""
    return time.monotonic_ns() // 1_000_000
