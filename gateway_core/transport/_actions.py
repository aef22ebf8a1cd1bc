"""What a call needs done, as data: send a request, sleep, run something that blocks.

A rule that has to wait yields an action and is resumed with its outcome. So each rule is written once: the sync driver
carries the actions out, the async driver awaits them, and a test with a clock of its own takes no time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import attrs

from gateway_core.errors import NotSentError
from gateway_core.http import HttpRequest

if TYPE_CHECKING:
    from concurrent.futures import Future

    from gateway_core.transport._account_pause import AccountPause

T = TypeVar("T")


class Permit(Protocol):
    """The right to send one request now, by the rate limits of an account.

    Attributes:
        waited: How long it took to get, in seconds.
        refusal: Why `leave` refused; None if it did not.
    """

    waited: float
    refusal: NotSentError | None

    def leave(self) -> None:
        """Count the request, right before its first byte leaves. Once it is counted, do nothing.

        Raises:
            NotSentError: If the permit was lost, or the store of the limits cannot be reached.
        """

    def end(self, *, answered: bool) -> None:
        """End the request, with or without an answer; a permit that was not used goes to another request."""

    def abandon(self) -> None:
        """Give the permit to another request unless a byte has left. Never blocks."""


@attrs.frozen(eq=False)
class Send:
    """Send one request once; resumed with the `HttpResponse`.

    Attributes:
        request: The request.
        permit: The right to send it; None where there are no rate limits.
        pause: Keeps it from leaving while its account is paused; None if nothing does.
    """

    request: HttpRequest
    permit: Permit | None = None
    pause: AccountPause | None = None


@attrs.frozen
class Sleep:
    """Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


@attrs.frozen(eq=False)
class WaitFor:
    """Wait for what another call in this process does; resumed when it is done, or the time is over.

    Attributes:
        done: Becomes done by then. Nobody else waits for it, and who stops waiting may cancel it.
        seconds: How long to wait at most.
    """

    done: Future[None]
    seconds: float


@attrs.frozen
class RunBlocking(Generic[T]):
    """Run what may block, such as a question to a store that other processes share; resumed with its result.

    Attributes:
        function: What to call.
    """

    function: Callable[[], T]


class CallCanceledError(BaseException):
    """Thrown into the actions of a call for which nobody waits any more, so that they can write down what is known.

    Whoever catches it may yield `RunBlocking`, and raises it again; nothing else is carried out.

    Attributes:
        sent: Whether a request has left that may have been carried out.
    """

    def __init__(self, *, sent: bool) -> None:
        super().__init__("nobody waits for this call any more")
        self.sent = sent


#: What a driver carries out.
Action: TypeAlias = Send | Sleep | WaitFor | RunBlocking[Any]

#: What a rule is: it yields actions, is sent their outcomes, and returns the result.
Actions: TypeAlias = Generator[Action, Any, T]
