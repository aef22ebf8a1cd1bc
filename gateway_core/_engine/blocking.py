"""Work that blocks: among the actions of a call, right here, or in a thread beside the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gateway_core.errors import InvalidRequestError

if TYPE_CHECKING:
    from gateway_core.transport._actions import Actions

T = TypeVar("T")


def run(function: Callable[[], T]) -> Actions[T]:
    """Return what runs something that blocks."""
    from gateway_core.transport._actions import RunBlocking

    result: T = yield RunBlocking(function)
    return result


def run_blocking(actions: Actions[T]) -> T:
    """Carry out actions that send nothing, right here."""
    from gateway_core.transport._actions import RunBlocking

    try:
        action = next(actions)
        while True:
            if not isinstance(action, RunBlocking):
                raise InvalidRequestError("on a connection of the application's own, nothing is sent")
            action = actions.send(action.function())
    except StopIteration as stop:
        result: T = stop.value
        return result


async def awaited(outcome: object) -> object:
    """Return what an application's function returned, which may be a coroutine function."""
    import inspect

    return await outcome if inspect.isawaitable(outcome) else outcome


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run what reads files, for async code."""
    import asyncio

    return await asyncio.to_thread(function, *arguments)
