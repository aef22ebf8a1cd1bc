"""What an error's traceback shows of the values that were worked on: the lines, and not a value.

Error trackers collect the locals of every frame that an exception passed through, and there keys and customers' data
are in use.
"""

from __future__ import annotations

import contextlib
import functools
import traceback
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from gateway_core.errors import GatewayError

P = ParamSpec("P")
T = TypeVar("T")


def forget(error: BaseException) -> None:
    """Clear the locals of all frames that an error, and what hangs on it, has passed through and that have ended."""
    for each in (error, *behind(error)):
        traceback.clear_frames(each.__traceback__)


def behind(error: BaseException) -> Iterator[BaseException]:
    """Yield causes, contexts and members of groups, each once: what a traceback would show besides the error itself."""
    seen = {id(error)}
    linked = [error.__cause__, error.__context__]
    while linked:
        each = linked.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        linked += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


@contextlib.contextmanager
def clearing_locals() -> Iterator[None]:
    """Let errors of ours out of a block without the values that were worked on in it."""
    try:
        yield
    except GatewayError as error:
        forget(error)
        raise


def without_locals(function: Callable[P, T]) -> Callable[P, T]:
    """Let errors of ours leave a function without the values that it was given and worked on."""

    @functools.wraps(function)
    def call(*args: P.args, **more: P.kwargs) -> T:
        try:
            return function(*args, **more)
        except GatewayError as error:
            failure = error
        del args, more
        forget(failure)
        raise failure

    return call
