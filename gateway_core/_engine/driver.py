"""The one place that knows whether a flow runs in blocking or in async code."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import attrs

from gateway_core.errors import GatewayError
from gateway_core.http import Flow, HttpRequest, HttpResponse
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, Ask, Attempt, Pause

T = TypeVar("T")


def relay(flow: Flow[T], send: Callable[[HttpRequest], Actions[HttpResponse]]) -> Actions[T]:
    """Run a flow to its end: take the steps that send each request that it yields, and give it the response.

    Args:
        flow: The flow. Where there is no usable answer it is given the `GatewayError` in its place.
        send: The steps that send one request.
    """
    try:
        request = next(flow)
        while True:
            try:
                response = yield from send(request)
            except GatewayError as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def run(steps: Generator[Any, Any, T], perform: Callable[[Any], Any]) -> T:
    """Take steps to their end, and return the result.

    Args:
        steps: The steps.
        perform: Takes one step and returns its outcome; what it raises as a `GatewayError` is the steps' to handle.
    """
    try:
        step = next(steps)
        while True:
            try:
                outcome = perform(step)
            except GatewayError as error:
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


async def run_async(steps: Generator[Any, Any, T], perform: Callable[[Any], Awaitable[Any]]) -> T:
    """Take steps to their end as `run` does, and await each outcome. When this is cancelled, the steps are closed.

    Args:
        steps: The steps.
        perform: As of `run`.
    """
    try:
        step = next(steps)
        while True:
            try:
                outcome = await perform(step)
            except GatewayError as error:
                step = steps.throw(error)
            else:
                step = steps.send(outcome)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


@attrs.frozen
class Performer:
    """Takes the steps of one call in the caller's own thread.

    Attributes:
        deadline: When the call is over.
        sleep: Waits for so many seconds.
    """

    deadline: Deadline
    sleep: Callable[[float], object] = time.sleep

    def perform(self, step: Attempt | Pause | Ask[Any]) -> Any:
        """Take a step and return its outcome."""
        if isinstance(step, Attempt):
            return step.send(self.deadline)
        if isinstance(step, Pause):
            return self.sleep(step.seconds)
        return step.question()
