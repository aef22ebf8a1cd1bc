"""Threads in which async code runs what blocks, as many as there are connections."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gateway_core.errors import NotSentError
from gateway_core.transport import Deadline

T = TypeVar("T")


class ThreadPool:
    """A bounded number of threads, started when they are needed, for any number of event loops.

    Args:
        most: The most threads at a time, those included that nobody waits for any more.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._process = 0

    async def run(self, function: Callable[[], T], deadline: Deadline) -> T:
        """Run a function in a thread, as `submit` and `wait`."""
        return await self.wait(self.submit(function), deadline)

    async def wait(self, future: Future[T], deadline: Deadline) -> T:
        """Wait for a function that was submitted. When this is cancelled, one that has not begun never does.

        Raises:
            NotSentError: If no thread was free before the deadline.
        """
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

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Have a function run in a thread."""
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
