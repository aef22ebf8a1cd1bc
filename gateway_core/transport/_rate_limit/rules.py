"""The limits of an account as the stores are given them, and what a store is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, Self

import attrs
from pyrate_limiter import Rate

from gateway_core.provider import RateLimit

#: How much longer than declared a window is taken to be: answers that come within the difference need no second count.
MARGIN = 1.03

#: How long, in seconds, a turn may go unused before the next one comes forward; so long the death of a process stalls
#: the others.
LEASE = 4.5


@attrs.frozen(kw_only=True)
class Rules:
    """What a store keeps.

    Attributes:
        spacing: Seconds from a request's first byte to the next one's, margin included; 0.0 without a limit of one
            request.
        spacing_from_answer: The same from a request's answer, no later than which it was counted.
        logged: The limits of several requests, as the engine wants them.
        longest: The longest window in seconds, margin included.
        slack: How many seconds an answer may take without being a reason to count the request anew.
        nap: How many seconds pass between two looks whether a turn that was taken has been used.
    """

    spacing: float
    spacing_from_answer: float
    logged: tuple[Rate, ...]
    longest: float
    slack: float
    nap: float

    @classmethod
    def of(cls, limits: Iterable[RateLimit]) -> Self:
        """Return what keeps some limits."""
        kept = rates(limits)
        spacing = max((rate.interval / 1000 for rate in kept if rate.limit == 1), default=0.0)
        return cls(
            spacing=spacing,
            spacing_from_answer=spacing / MARGIN,
            logged=tuple(rate for rate in kept if rate.limit > 1),
            longest=max((rate.interval / 1000 for rate in kept), default=0.0),
            slack=min((rate.interval / 1000 for rate in kept), default=0.0) * (1 - 1 / MARGIN),
            # A quarter of the spacing costs nothing: whoever looks then is told when the spacing ends.
            nap=max(0.005, min(0.1, spacing / 4)),
        )

    @property
    def furthest(self) -> float:
        """Return how many seconds from now the end of a lease or of a pause can be at most."""
        return max(60.0, LEASE, self.longest)


class Store(Protocol):
    """Where the turns of one account are counted. Owners are random names, each for one turn.

    A turn is a lease. Taken, it lasts for `LEASE`; when the request leaves, it is timed anew to end when the next one
    may be taken. So a process that dies holds the others for no longer than the lease, and one that was stopped in
    between learns from its lost lease that it must not send.
    """

    #: Whether a call may block on input and output.
    blocks: bool

    def admit(self, owner: str) -> float:
        """Take the turn and return 0.0, or return in how many seconds it may be worth asking again.

        An owner whose turn has not been used is admitted again, and counted once.
        """

    def hold(self, owner: str, seconds: float) -> bool:
        """Count the owner's request as of now and let nobody be admitted for so long; False if another one was."""

    def release(self, owner: str) -> None:
        """Give back a turn that has not been used."""

    def block(self, seconds: float) -> None:
        """Admit nobody for so long."""


class OpenStore(Store, Protocol):
    """A store that is kept outside of this process.

    Every method raises `StoreError` if it cannot be used.
    """

    def close(self) -> None:
        """Give files and connections back. They are opened anew when they are needed."""


class StoreError(Exception):
    """A store that others share cannot be used; says why, and nothing secret."""


def rates(limits: Iterable[RateLimit]) -> tuple[Rate, ...]:
    """Return the windows from the shortest to the longest, none of which another one implies.

    The engine takes no longer window that is less tight than a shorter one; where such a one can still bite, it is
    tightened.
    """
    kept: list[tuple[int, int]] = []
    for interval, requests in sorted({(_milliseconds(limit), limit.requests) for limit in limits}):
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


def _milliseconds(limit: RateLimit) -> int:
    return max(1, round(limit.seconds * 1000 * MARGIN))
