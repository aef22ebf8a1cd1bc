"""Carrying out a call in async code: waits on the event loop, and sends in a thread, since the transport blocks.

A thread cannot be stopped. A call that is cancelled before its request has left is held back at the last moment before
the first byte would leave, wherever the thread is then. One that is cancelled later is left alone: nobody waits for the
thread, which ends by its deadline at the latest and throws its connection away, and its place is taken until then.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs

from gateway_core._engine.thread_pool import ThreadPool
from gateway_core.errors import GatewayError
from gateway_core.transport import Deadline, Transport
from gateway_core.transport._actions import Action, Actions, Send, Sleep, WaitFor
from gateway_core.transport._sending import send

T = TypeVar("T")

_NOTHING_DONE = "the gateway's call was cancelled before anything left that could change something at the provider"
_UNKNOWN = (
    "the gateway's call was cancelled after a request had left that may have been carried out: look it up before you"
    " repeat it"
)


@attrs.frozen(eq=False)
class CancelableDeadline(Deadline):
    """A deadline that a cancellation ends at once, and that knows whether a request had left by then."""

    _lock: threading.Lock = attrs.field(init=False, factory=threading.Lock)
    _left: threading.Event = attrs.field(init=False, factory=threading.Event)
    _canceled: threading.Event = attrs.field(init=False, factory=threading.Event)

    @property
    def left(self) -> bool:
        """Whether a request has left."""
        return self._left.is_set()

    def remaining(self) -> float:
        return 0.0 if self._canceled.is_set() else super().remaining()

    def leave(self) -> bool:
        # Under the lock, so that a request has either left when `cancel` looks, or never does.
        with self._lock:
            if self.remaining() <= 0:
                return False
            self._left.set()
            return True

    def cancel(self) -> None:
        """Let it pass now."""
        with self._lock:
            self._canceled.set()


class AsyncDriver:
    """Carries out the actions of calls, any number of them at the same time.

    Args:
        transport: What sends requests.
        threads: Where what blocks may block.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self,
        transport: Transport,
        threads: ThreadPool,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._threads = threads
        self._sleep = sleep

    async def run(self, actions: Actions[T], deadline: Deadline) -> T:
        """Carry actions out to their end, and return their result. When this is cancelled, the actions are closed.

        A cancellation is passed on at once, with a note on what is known of the provider's side.

        Args:
            actions: The actions; a `GatewayError` that one of them raises is theirs to handle.
            deadline: When the call is over.
        """
        changed = False
        try:
            action = next(actions)
            while True:
                cancelable = CancelableDeadline(deadline.at, deadline.clock)
                changing = isinstance(action, Send) and not action.request.safe
                try:
                    outcome = await self._carry_out(action, cancelable)
                except asyncio.CancelledError as canceled:
                    cancelable.cancel()
                    changed |= changing and cancelable.left
                    canceled.add_note(_UNKNOWN if changed else _NOTHING_DONE)
                    raise
                except GatewayError as error:
                    changed |= changing and cancelable.left
                    action = actions.throw(error)
                else:
                    changed |= changing and cancelable.left
                    action = actions.send(outcome)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            actions.close()

    async def _carry_out(self, action: Action, deadline: Deadline) -> Any:
        """Carry out one action.

        Raises:
            GatewayError: As of the action; `NotSentError` too if no thread was free before the deadline.
        """
        if isinstance(action, Send):
            return await self._threads.run(lambda: send(action, self._transport, deadline), deadline)
        if isinstance(action, Sleep):
            return await self._sleep(action.seconds)
        if isinstance(action, WaitFor):
            return await _wait_for(action)
        return await self._threads.run(action.function, deadline)


async def _wait_for(action: WaitFor) -> None:
    """Wait for what is done in another thread or task, which never waits for this one."""
    waiting = asyncio.wrap_future(action.done)
    try:
        await asyncio.wait([waiting], timeout=action.seconds)
    finally:
        # Both, as in `ThreadPool.run`: nothing is told to an event loop that has ended since.
        action.done.cancel()
        waiting.cancel()
