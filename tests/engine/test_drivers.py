"""Carrying out a call: each action once, its outcome or error given back, and the actions closed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from gateway_core import Flow, HttpRequest, HttpResponse
from gateway_core._engine.async_driver import AsyncDriver
from gateway_core._engine.sync_driver import SyncDriver
from gateway_core._engine.thread_pool import ThreadPool
from gateway_core.errors import GatewayError, NotSentError, OutcomeUnknownError
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, Send

T = TypeVar("T")
Run = Callable[[Flow[Any], Callable[[HttpRequest], HttpResponse]], Any]


class Sender:
    """A transport that is one function."""

    def __init__(self, send: Callable[[HttpRequest], HttpResponse]) -> None:
        self._send = send

    def send(self, request: HttpRequest, _: Deadline) -> HttpResponse:
        """Call the function."""
        return self._send(request)

    def close(self) -> None:
        """Do nothing."""


def sending(flow: Flow[T]) -> Actions[T]:
    """Turn each request of a flow into an action."""
    try:
        request = next(flow)
        while True:
            try:
                response = yield Send(request)
            except (GatewayError, ValueError) as error:
                request = flow.throw(error)
            else:
                request = flow.send(response)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


def blocking(flow: Flow[T], send: Callable[[HttpRequest], HttpResponse]) -> T:
    """Run a flow by the driver that blocks."""
    return SyncDriver(Sender(send)).run(sending(flow), Deadline.after(15.0))


def awaited(flow: Flow[T], send: Callable[[HttpRequest], HttpResponse]) -> T:
    """Run a flow by the driver that awaits."""
    threads = ThreadPool(1)
    try:
        return asyncio.run(AsyncDriver(Sender(send), threads).run(sending(flow), Deadline.after(15.0)))
    finally:
        threads.close()


both = pytest.mark.parametrize("run", [blocking, awaited])


def get(path: str) -> HttpRequest:
    """Return a request."""
    return HttpRequest(method="GET", url=f"https://fake.example/{path}")


def echo(request: HttpRequest) -> HttpResponse:
    """Answer with the request's address."""
    return HttpResponse(status=200, body=request.url.encode())


def failing(error: BaseException) -> Callable[[HttpRequest], HttpResponse]:
    """Return a `send` that raises."""

    def send(_: HttpRequest) -> HttpResponse:
        raise error

    return send


@both
def test_answers_in_order(run: Run) -> None:
    """A flow is sent the answer to each request, and its result is returned."""

    def flow() -> Flow[list[bytes]]:
        first = yield get("1")
        second = yield get("2")
        return [first.body, second.body]

    assert run(flow(), echo) == [b"https://fake.example/1", b"https://fake.example/2"]


@both
def test_flow_without_a_request(run: Run) -> None:
    """A flow may have its result at once."""

    def flow() -> Flow[str]:
        yield from ()
        return "done"

    assert run(flow(), failing(AssertionError())) == "done"


@both
def test_helper_flows(run: Run) -> None:
    """Flows are made of flows."""

    def helper(path: str) -> Flow[bytes]:
        return (yield get(path)).body

    def flow() -> Flow[bytes]:
        return (yield from helper("1")) + b" " + (yield from helper("2"))

    assert run(flow(), echo) == b"https://fake.example/1 https://fake.example/2"


@both
def test_error_in_place_of_an_answer(run: Run) -> None:
    """What `send` raises comes up in the flow where the answer would have; uncaught, it comes out."""
    error = OutcomeUnknownError("timeout")
    seen: list[object] = []

    def flow() -> Flow[None]:
        try:
            yield get("1")
        except OutcomeUnknownError as caught:
            seen.append(caught)
            raise

    with pytest.raises(OutcomeUnknownError) as raised:
        run(flow(), failing(error))
    assert seen == [raised.value] == [error]


@both
def test_flow_that_goes_on_after_an_error(run: Run) -> None:
    """A flow may catch the error and ask something else."""

    def send(request: HttpRequest) -> HttpResponse:
        if request.url.endswith("1"):
            raise NotSentError("refused")
        return echo(request)

    def flow() -> Flow[bytes]:
        with pytest.raises(NotSentError):
            yield get("1")
        return (yield get("2")).body

    assert run(flow(), send) == b"https://fake.example/2"


@both
@pytest.mark.parametrize(
    "error", [NotSentError("x"), ValueError("x"), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr
)
def test_flow_is_closed(run: Run, error: BaseException) -> None:
    """Whatever `send` raises, the flow gets to clean up, before the error comes out."""
    cleaned: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield get("1")
        finally:
            cleaned.append("up")

    running = flow()
    with pytest.raises(type(error)):
        run(running, failing(error))
    assert (cleaned, running.gi_frame) == (["up"], None)  # type: ignore[attr-defined]  # a generator's, beyond its type
