"""What stands between a flow and the wire, as data: the steps that a call takes, for a driver of either colour.

A rule that has to wait or to ask somebody yields a step and is resumed with its outcome. So each rule is written once,
blocking code carries the steps out, async code awaits them, and a test with a clock of its own takes no time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from gateway_core.http import HttpResponse
from gateway_core.transport import Deadline

T = TypeVar("T")


@attrs.frozen
class Pause:
    """Wait.

    Attributes:
        seconds: How long.
    """

    seconds: float


@attrs.frozen
class Ask(Generic[T]):
    """Ask somebody who may take a while, such as a store that other processes share; resumed with the answer.

    Attributes:
        question: What to call. It may block.
    """

    question: Callable[[], T]


@attrs.frozen
class Attempt:
    """Send one request once; resumed with the response.

    Attributes:
        send: Sends it, by the deadline that it is given. It blocks.
        safe: Whether the request changes nothing at the provider.
    """

    send: Callable[[Deadline], HttpResponse]
    safe: bool


#: What a rule is: it yields steps, is sent their outcomes, and returns the result.
Actions: TypeAlias = Generator[Pause | Ask[Any] | Attempt, Any, T]
