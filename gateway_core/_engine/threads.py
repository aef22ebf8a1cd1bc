"""Sending from async code: the transport blocks, so it runs in threads, as many as it keeps connections.

A thread cannot be stopped. What is cancelled while its request has not left is held back at the last moment before the
first byte would leave, wherever the thread is then. What is cancelled later is left alone: nobody waits for the thread,
which ends by its deadline at the latest and throws its connection away, and its place is taken until then.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import attrs

from gateway_core._engine.driver import Performer, run
from gateway_core.errors import NotSentError, OutcomeUnknownError
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, Ask, Attempt, Pause

T = TypeVar("T")

_NOTHING_DONE = "the gateway's call was cancelled before anything left that could change something at the provider"
_UNKNOWN = (
    "the gateway's call was cancelled after a request had left that may have been carried out: look it up before you"
    " repeat it"
)


#: Seconds that an operation which ends by the deadline has to say so.
_GRACE = 0.1


class Threads:
    """So many threads, started when they are needed, for any number of event loops.

    Args:
        most: The most threads at a time, those included that nobody waits for any more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._process = 0

    async def run(self, function: Callable[[], T], deadline: Deadline) -> T:
        """Run a function in a thread. When this is cancelled, a function that has not begun never does.

        Raises:
            NotSentError: If no thread was free before the deadline.
        """
        future = self._submit(function)
        waiting = asyncio.wrap_future(future)
        try:
            await asyncio.wait([waiting], timeout=max(0.0, deadline.remaining()))
            if future.cancel():
                raise NotSentError("no worker thread was free before the deadline; nothing was sent")
            # Begun, it ends by the deadline itself, and knows better what happened.
            return await waiting
        finally:
            # Both: the second would cancel the first only when the event loop comes to it, and what comes to a future
            # that nobody waits for is no news for asyncio's log.
            future.cancel()
            waiting.cancel()

    async def take(self, steps: Actions[T], deadline: Deadline) -> T:
        """Take all steps in one thread: those of an operation that blocks by itself, such as a vendor's SDK.

        Nobody can hold such an operation to the deadline, or say whether anything had left when it was cancelled.

        Raises:
            GatewayError: As of the steps.
            NotSentError: If no thread was free before the deadline.
            OutcomeUnknownError: If the operation goes on beyond the deadline.
        """
        context = contextvars.copy_context()
        begun = threading.Event()

        def take() -> T:
            begun.set()
            return context.run(run, steps, Performer(deadline).perform)

        working = asyncio.ensure_future(self.run(take, deadline))
        try:
            done, _ = await asyncio.wait([working], timeout=max(0.0, deadline.remaining()) + _GRACE)
        except asyncio.CancelledError as canceled:
            canceled.add_note(_UNKNOWN if begun.is_set() else _NOTHING_DONE)
            raise
        finally:
            working.cancel()
        if not done:
            raise OutcomeUnknownError("the plugin's own call did not end before the deadline")
        return working.result()

    def performer(self, deadline: Deadline) -> AsyncPerformer:
        """Return what takes the steps of one call."""
        return AsyncPerformer(self, deadline)

    def _submit(self, function: Callable[[], T]) -> Future[T]:
        with self._lock:
            # A fork copies the executor without its threads.
            if self._executor is None or self._process != os.getpid():
                self._executor = ThreadPoolExecutor(self._most, thread_name_prefix="gateway")
                self._process = os.getpid()
            return self._executor.submit(function)

    def close(self) -> None:
        """Let idle threads end, and the others when they are done. Further functions start new ones."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None and self._process == os.getpid():
            executor.shutdown(wait=False)


@attrs.frozen(eq=False)
class CancelableDeadline(Deadline):
    """A deadline that passes at once when nobody waits any more. It knows whether a request had left by then."""

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


class AsyncPerformer:
    """Takes the steps of one call in async code: waits on the event loop, and sends in a thread.

    Args:
        threads: Where what blocks may block.
        deadline: When the call is over.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self, threads: Threads, deadline: Deadline, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._threads = threads
        self._deadline = deadline
        self._sleep = sleep
        self._changing_left = False

    async def perform(self, step: Attempt | Pause | Ask[Any]) -> Any:
        """Take a step and return its outcome.

        A cancellation is passed on at once, with a note on what is known of the provider's side.

        Raises:
            GatewayError: As of the step; `NotSentError` too if no thread was free before the deadline.
        """
        deadline = CancelableDeadline(self._deadline.at, self._deadline.clock)
        safe = True
        try:
            if isinstance(step, Pause):
                return await self._sleep(step.seconds)
            if isinstance(step, Ask):
                return await self._threads.run(step.question, deadline)
            safe = step.safe
            return await self._threads.run(lambda: step.send(deadline), deadline)
        except asyncio.CancelledError as canceled:
            deadline.cancel()
            unknown = self._changing_left or (deadline.left and not safe)
            canceled.add_note(_UNKNOWN if unknown else _NOTHING_DONE)
            raise
        finally:
            self._changing_left |= deadline.left and not safe
