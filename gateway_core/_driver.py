"""The one place that knows whether a flow runs in blocking or in async code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway_core.errors import GatewayError
from gateway_core.http import Flow, HttpRequest, HttpResponse

T = TypeVar("T")


def run(flow: Flow[T], send: Callable[[HttpRequest], HttpResponse]) -> T:
    """Run a flow to its end: send each request that it yields, and give it the response, or the error in its place.

    Args:
        flow: The flow.
        send: Sends one request; raises a `GatewayError` where there is no usable answer.
    """
    try:
        request = next(flow)
        while True:
            try:
                response = send(request)
            except GatewayError as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


async def run_async(flow: Flow[T], send: Callable[[HttpRequest], Awaitable[HttpResponse]]) -> T:
    """Run a flow to its end as `run` does, and await each answer. When it is cancelled, the flow is closed.

    Args:
        flow: The flow.
        send: Sends one request; raises a `GatewayError` where there is no usable answer.
    """
    try:
        request = next(flow)
        while True:
            try:
                response = await send(request)
            except GatewayError as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()
