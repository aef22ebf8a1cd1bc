"""Carrying out a call in the caller's own thread."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from gateway_core.errors import GatewayError
from gateway_core.transport import Deadline, Transport
from gateway_core.transport._actions import Action, Actions, Send, Sleep, WaitFor
from gateway_core.transport._sending import send

T = TypeVar("T")


class SyncDriver:
    """Carries out the actions of calls, one after the other.

    Args:
        transport: What sends requests.
        sleep: Waits for so many seconds.
    """

    def __init__(self, transport: Transport, sleep: Callable[[float], object] = time.sleep) -> None:
        self._transport = transport
        self._sleep = sleep
        self._warned = False

    def run(self, actions: Actions[T], deadline: Deadline) -> T:
        """Carry actions out to their end, and return their result.

        Args:
            actions: The actions; a `GatewayError` that one of them raises is theirs to handle.
            deadline: When the call is over.
        """
        try:
            action = next(actions)
            while True:
                try:
                    outcome = self._carry_out(action, deadline)
                except GatewayError as error:
                    action = actions.throw(error)
                else:
                    action = actions.send(outcome)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            actions.close()

    def warn_on_event_loop(self) -> None:
        """Warn once if this thread runs an event loop, which stands still until the call is over."""
        asyncio = sys.modules.get("asyncio")  # without it there is no loop, and it takes time to import
        if self._warned or asyncio is None:
            return
        if asyncio._get_running_loop() is None:  # noqa: SLF001  # the public one raises where there is no loop
            return
        self._warned = True
        warnings.warn(
            "a Gateway blocks the event loop that runs in this thread until its call is over: use AsyncGateway",
            RuntimeWarning,
            stacklevel=4,
        )

    def _carry_out(self, action: Action, deadline: Deadline) -> Any:
        if isinstance(action, Send):
            return send(action, self._transport, deadline)
        if isinstance(action, Sleep):
            return self._sleep(action.seconds)
        if isinstance(action, WaitFor):
            with contextlib.suppress(TimeoutError):
                action.done.result(action.seconds)
            return None
        return action.function()
