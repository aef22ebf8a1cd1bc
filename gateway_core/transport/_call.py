"""One call on its way through requests, urllib3 and `http.client`, which know nothing of it.

It goes with its request and its connection, and with nothing else: a thread may be in several calls at once, by a
signal's handler or in greenlets.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from gateway_core.transport._deadline import Deadline


class DeadlinePassed(TimeoutError):  # noqa: N818  # never leaves this package
    """The deadline of the call has passed."""


@attrs.define(eq=False)
class Call:
    """What is true of one call.

    Attributes:
        target: The path and query to ask for.
        deadline: When it is over.
        connect_timeout: Seconds for each connect.
        read_timeout: Seconds for each write and read.
        largest: The largest decoded body that is read, in bytes.
        on_write: What to call right before the first byte leaves; what it raises keeps it from leaving.
        connecting: Whether a connection is being opened; what is written meanwhile is for a proxy.
        astray: Whether requests has given the request to something else than our adapter, such as a test's stand-in.
        reached: Whether one of our connections has taken the request.
        written: Whether a byte of the request may have left.
    """

    target: str = attrs.field(repr=False)
    deadline: Deadline
    connect_timeout: float
    read_timeout: float
    largest: int
    on_write: Callable[[], None] | None = None
    connecting: bool = False
    astray: bool = False
    reached: bool = False
    written: bool = False

    def bound(self, timeout: float) -> float:
        """Return the timeout, or what is left of the deadline if that is less."""
        left = self.deadline.remaining()
        if left <= 0:
            raise DeadlinePassed
        return min(timeout, left)

    def writing(self) -> None:
        """Note that the request's first byte is about to leave, or raise if it is too late for that."""
        if not self.written:
            if self.on_write is not None:
                self.on_write()
            if not self.deadline.leave():
                raise DeadlinePassed
            self.written = True
