"""The limits of an account as they are kept, and what a store that processes share is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, Self

import attrs

from gateway_core.provider import RateLimit

#: How much longer than declared a window is taken to be: answers that come within the difference need no second count.
MARGIN = 1.03

#: How long, in seconds, a permit may go unused before the next request is let through; so long the death of a process
#: stalls the others.
LEASE = 4.5

#: The longest pause that a store is told of, in seconds.
LONGEST_PAUSE = 3600.0


@attrs.frozen(kw_only=True)
class Rules:
    """What is kept: so many requests in any window of so long.

    Attributes:
        windows: The requests and the seconds of each limit, margin included.
        most: The most requests in a window, which is how many have to be remembered.
        longest: The longest window, in seconds.
        spacing: The longest window of one request, in seconds; 0.0 if there is none.
        slack: How many seconds an answer may take without being a reason to count its request anew.
        nap: How many seconds pass between two looks whether a permit of another process has been used.
    """

    windows: tuple[tuple[int, float], ...]
    most: int
    longest: float
    spacing: float
    slack: float
    nap: float

    @classmethod
    def of(cls, limits: Iterable[RateLimit]) -> Self:
        """Return what keeps some limits, at least one."""
        windows = tuple((limit.requests, limit.seconds * MARGIN) for limit in limits)
        spacing = max((seconds for requests, seconds in windows if requests == 1), default=0.0)
        return cls(
            windows=windows,
            most=max(requests for requests, _ in windows),
            longest=max(seconds for _, seconds in windows),
            spacing=spacing,
            slack=min(seconds for _, seconds in windows) * (1 - 1 / MARGIN),
            # A quarter of the spacing costs nothing: whoever looks then is told when the spacing ends.
            nap=max(0.005, min(0.1, spacing / 4)),
        )

    def wait(self, left: Sequence[float], now: float) -> float:
        """Return in how many seconds the next request may leave.

        Args:
            left: When the last requests left, in order.
            now: The moment.
        """
        waits = (left[-requests] + seconds - now for requests, seconds in self.windows if len(left) >= requests)
        return max(0.0, *waits, 0.0)


class Store(Protocol):
    """Where the requests of one account are counted for several processes, by the store's own clock.

    It keeps a log of the requests that left, and a lease: only one process at a time may be about to send. A process
    that dies holds the others for no longer than `LEASE`, and one that was stopped in between learns from its lost
    lease that it must not send. What lies in the future, since a clock was set back or began anew, counts as of now.

    Every method raises `StoreError` if the store cannot be used.
    """

    def acquire(self, process: str) -> float:
        """Take the lease and return 0.0, or return in how many seconds it may be worth asking again.

        A process whose lease has not been used is given it again.
        """

    def leave(self, process: str, request: str) -> bool:
        """Count a request as of now, and end the lease; False if another process has the lease."""

    def answered(self, request: str, ago: float) -> None:
        """Count a request as of so many seconds ago instead, unless another one has left since."""

    def release(self, process: str) -> None:
        """End a lease that has not been used."""

    def pause(self, seconds: float) -> None:
        """Keep every process from sending for so many seconds."""

    def close(self) -> None:
        """Release files and connections; they are opened again when they are needed."""


class StoreError(Exception):
    """A store that others share cannot be used; says why, and nothing secret."""
