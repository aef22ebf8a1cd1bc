"""Carrying out a call in async code: waits on the event loop, and sends in a thread, since the transport blocks.

A thread cannot be stopped. A call that is cancelled before its request has left is held back at the last moment before
the first byte would leave, wherever the thread is then. One that is cancelled later is left alone: nobody waits for the
thread, which ends by its deadline at the latest and throws its connection away, and its place is taken until then.

What a cancelled call leaves to be written down, such as that its outcome is unknown, is written in a thread, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

import attrs

from gateway_core._engine.thread_pool import ThreadPool
from gateway_core.errors import GatewayError
from gateway_core.transport import Deadline, Transport
from gateway_core.transport._actions import Action, Actions, CallCanceledError, RunBlocking, Send, Sleep, WaitFor
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
        self._leftovers: set[Future[None]] = set()

    async def run(self, actions: Actions[T], deadline: Deadline) -> T:
        """Carry actions out to their end, and return their result.

        A cancellation is passed on at once, with a note on what is known of the provider's side. The actions are told
        so by `CallCanceledError`, and what they then want to have written down is written in a thread.

        Args:
            actions: The actions; a `GatewayError` that one of them raises is theirs to handle.
            deadline: When the call is over.
        """
        changed = False
        canceling = False
        try:
            action = next(actions)
            while True:
                cancelable = CancelableDeadline(deadline.at, deadline.clock)
                changing = isinstance(action, Send) and not action.request.safe
                blocking = self._threads.submit(action.function) if isinstance(action, RunBlocking) else None
                try:
                    outcome = await self._carry_out(action, blocking, cancelable)
                except asyncio.CancelledError as canceled:
                    cancelable.cancel()
                    changed |= changing and cancelable.left
                    canceled.add_note(_UNKNOWN if changed else _NOTHING_DONE)
                    canceling = True
                    self._cancel(actions, blocking, CallCanceledError(sent=changed))
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
            if not canceling:
                actions.close()

    def after_leftovers(self, function: Callable[[], object]) -> None:
        """Call a function when all is written down that cancelled calls have left: now, or in a thread."""
        left = self._leftovers.copy()
        if not left:
            function()
            return

        def later() -> None:
            wait(left)
            function()

        threading.Thread(target=later, name="gateway").start()

    def _cancel(self, actions: Actions[T], blocking: Future[Any] | None, canceled: CallCanceledError) -> None:
        """Tell actions that nobody waits for them any more, and have them end in a thread.

        Args:
            actions: The actions.
            blocking: What of them is under way in a thread; None if nothing is, or it has never begun.
            canceled: What they are told.
        """
        left: Future[None] = Future()

        def end(begin: Callable[[], Action]) -> None:
            with contextlib.suppress(CallCanceledError, Exception), contextlib.closing(actions):
                action = begin()
                while isinstance(action, RunBlocking):
                    action = actions.send(action.function())
            self._leftovers.discard(left)
            left.set_result(None)

        def resume(done: Future[Any]) -> Action:
            """Give them what was under way, and cancel what they would do next."""
            error = done.exception()
            _ = actions.send(done.result()) if error is None else actions.throw(error)
            return actions.throw(canceled)

        self._leftovers.add(left)
        if blocking is not None and not blocking.cancelled():
            blocking.add_done_callback(lambda done: end(lambda: resume(done)))
            return
        try:
            action = actions.throw(canceled)
        except BaseException as error:  # noqa: BLE001  # most often the cancellation, which comes out as ever
            # Nothing is left.
            actions.close()
            self._leftovers.discard(left)
            left.set_result(None)
            del error
        else:
            self._threads.submit(lambda: end(lambda: action))

    async def _carry_out(self, action: Action, blocking: Future[Any] | None, deadline: Deadline) -> Any:
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
        assert blocking is not None  # noqa: S101  # it is a `RunBlocking`
        return await self._threads.wait(blocking, deadline)


async def _wait_for(action: WaitFor) -> None:
    """Wait for what is done in another thread or task, which never waits for this one."""
    waiting = asyncio.wrap_future(action.done)
    try:
        await asyncio.wait([waiting], timeout=action.seconds)
    finally:
        # Both, as in `ThreadPool.run`: nothing is told to an event loop that has ended since.
        action.done.cancel()
        waiting.cancel()
