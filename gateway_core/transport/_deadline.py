"""The deadline of a call, over everything that it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self

import attrs

from gateway_core.errors import InvalidRequestError


@attrs.frozen
class Deadline:
    """A deadline on the monotonic clock.

    Attributes:
        at: When it passes, in seconds of the clock.
        clock: The clock.
    """

    at: float
    clock: Callable[[], float] = attrs.field(default=time.monotonic, repr=False)

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> Self:
        """Return the deadline so many seconds from now.

        Raises:
            InvalidRequestError: If that is no number.
        """
        if not isinstance(seconds, int | float):
            raise InvalidRequestError("a deadline is a number of seconds from now")
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Return the seconds that are left; zero or less when it has passed."""
        return self.at - self.clock()

    def leave(self) -> bool:
        """Return whether a request may leave now; asked right before its first byte does."""
        return self.remaining() > 0
