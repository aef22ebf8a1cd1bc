"""Cancelling and bounding calls of async code, as a server on the other side sees it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from gateway_core import (
    AsyncGateway,
    Flow,
    HttpRequest,
    ProviderInfo,
    RateLimit,
    errors,
)
from gateway_core._engine.async_driver import _NOTHING_DONE, _UNKNOWN, CancelableDeadline
from gateway_core._engine.thread_pool import ThreadPool
from gateway_core.http import endpoint
from gateway_core.transport import Deadline, TransportSettings
from gateway_core.transport._requests_transport import RequestsTransport
from tests import fake_gateway
from tests.fake_gateway import ORDER, Wire, fake
from tests.transport.fault_server import Act, Connection, FaultServer, Seen, answer, whole, write_and_hold

#: Longer than any machine needs, so that only what a test is about can be the reason of a failure.
PATIENT = 15.0


class Watched(FaultServer):
    """A fault server that counts the requests that nobody has waited for yet."""

    def __init__(self, *script: Act) -> None:
        self.arrivals = threading.Semaphore(0)
        super().__init__(*script)

    def log(self, seen: Seen) -> None:
        """Count."""
        super().log(seen)
        self.arrivals.release()


Serve = Callable[..., Watched]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Give a function that starts the fake provider's server with a script."""
    with ExitStack() as stack:

        def start(*script: Act) -> Watched:
            server = Watched(*script)
            stack.callback(server.close)
            monkeypatch.setattr(fake_gateway, "BASE", server.url)
            return server

        yield start


def connect(server: FaultServer, **bounds: Any) -> AsyncGateway:
    """Return a gateway at the fake provider's server."""
    settings = TransportSettings(**{"deadline": PATIENT, **bounds})
    return AsyncGateway(fake(Wire())._operations, RequestsTransport(settings, base_url=server.url), settings)


async def arrival(server: Watched) -> None:
    """Wait until one more request has reached a server."""
    assert await asyncio.to_thread(server.arrivals.acquire, timeout=PATIENT)


async def notes(task: asyncio.Task[Any]) -> list[str]:
    """Cancel a task, wait for its end, and return the notes of what it ends with."""
    task.cancel()
    await asyncio.wait([task], timeout=PATIENT)
    with pytest.raises(asyncio.CancelledError) as caught:
        task.result()
    return caught.value.__notes__


def drain(threads: ThreadPool) -> None:
    """Wait until all threads are done, those included that nobody waits for."""
    executor = threads._executor
    if executor is not None:
        executor.shutdown(wait=True)
    threads.close()


@asynccontextmanager
async def held(gateway: AsyncGateway, server: Watched) -> AsyncIterator[asyncio.Task[Any]]:
    """Start a call whose request reaches the server and stays there; it is cancelled in the end."""
    task = asyncio.create_task(gateway.create_invoice(ORDER))
    await arrival(server)
    yield task
    task.cancel()
    await asyncio.wait([task])


def test_cancelled_while_waiting_for_a_thread(serve: Serve) -> None:
    """Cancelled before its request was given to a thread: it never is."""

    async def story() -> list[str]:
        async with held(gateway, server):
            waiting = asyncio.create_task(gateway.create_invoice(ORDER))
            await asyncio.sleep(0)
            return await notes(waiting)

    server = serve(write_and_hold(b""))
    gateway = connect(server, pool_size=1, read_timeout=0.5)
    actual = asyncio.run(story())
    drain(gateway._threads)

    assert (actual, len(server.requests)) == ([_NOTHING_DONE], 1)


def test_cancelled_while_waiting_for_the_rate_limit(serve: Serve) -> None:
    """Cancelled while it waits for its turn: no thread is taken, nothing is sent, and the turn is another's."""

    async def story() -> tuple[list[str], int]:
        await gateway.check_account()
        threads = len(gateway._threads._executor._threads)  # type: ignore[union-attr]  # made by the first call
        waiting = asyncio.create_task(gateway.create_invoice(ORDER))
        await asyncio.sleep(0.01)
        heard = await notes(waiting)
        await gateway.check_account()
        return heard, threads

    server = serve()
    info = ProviderInfo(title="Fake", base_url=server.url, rate_limits=(RateLimit(requests=1, seconds=0.3),))
    gateway = AsyncGateway(fake(Wire(), info=info)._operations)
    actual = asyncio.run(story())
    drain(gateway._threads)

    assert (actual, [each.method for each in server.requests]) == (([_NOTHING_DONE], 1), ["GET", "GET"])


def test_cancelled_while_connecting(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled while its thread resolves the name: the thread goes on, and sends nothing."""
    resolving, resolve = threading.Event(), threading.Event()
    known = socket.getaddrinfo

    def getaddrinfo(*args: Any, **more: Any) -> Any:
        resolving.set()
        resolve.wait(PATIENT)
        return known(*args, **more)

    async def story() -> list[str]:
        task = asyncio.create_task(gateway.create_invoice(ORDER))
        await asyncio.to_thread(resolving.wait, PATIENT)
        return await notes(task)

    server = serve()
    gateway = connect(server)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    actual = asyncio.run(story())
    resolve.set()
    drain(gateway._threads)

    assert (actual, server.requests) == ([_NOTHING_DONE], [])


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda gateway: gateway.create_invoice(ORDER), _UNKNOWN),
        (lambda gateway: gateway.get_status("1"), _NOTHING_DONE),
    ],
    ids=["create", "read"],
)
def test_cancelled_after_sending(
    serve: Serve, caplog: pytest.LogCaptureFixture, call: Callable[[AsyncGateway], Awaitable[Any]], expected: str
) -> None:
    """Cancelled after its request left: told at once, unknown if it changes something; its connection is gone."""

    async def story() -> list[str]:
        asyncio.get_running_loop().slow_callback_duration = 60.0  # a busy machine is no fault of the library's
        task = asyncio.ensure_future(call(gateway))
        await arrival(server)
        told = await notes(task)
        await gateway.check_account()
        return told

    server = serve(write_and_hold(b""))
    gateway = connect(server, read_timeout=0.3)
    caplog.set_level(logging.DEBUG, "asyncio")
    actual = asyncio.run(story(), debug=True)
    drain(gateway._threads)

    assert (actual, [each.connection for each in server.requests]) == ([expected], [0, 1])
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_timeout_of_asyncio(serve: Serve) -> None:
    """A timeout around a call ends as Python says, and what is known stands at the cancellation behind it."""

    async def story() -> BaseException | None:
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.2):
                await gateway.create_invoice(ORDER)
        return caught.value.__context__

    server = serve(write_and_hold(b""))
    gateway = connect(server, read_timeout=0.5)
    behind = asyncio.run(story())
    drain(gateway._threads)

    assert isinstance(behind, asyncio.CancelledError)
    assert (behind.__notes__, len(server.requests)) == ([_UNKNOWN], 1)


def test_cancelled_between_two_requests_of_a_flow(serve: Serve) -> None:
    """What left earlier in the same call counts, though the request that was cancelled had not left."""

    def flow() -> Flow[None]:
        try:
            yield HttpRequest(method="POST", url=endpoint(server.url, "1"))
            yield HttpRequest(method="GET", url=endpoint(server.url, "2"))
        finally:
            cleaned.append("up")

    async def story() -> list[str]:
        task = asyncio.create_task(gateway.run(flow()))
        await arrival(server)
        await arrival(server)
        return await notes(task)

    cleaned: list[str] = []
    server = serve(answer(), write_and_hold(b""))
    gateway = connect(server, read_timeout=0.3)
    actual = asyncio.run(story())
    drain(gateway._threads)

    assert (actual, cleaned) == ([_UNKNOWN], ["up"])


def test_transport_that_tells_nothing() -> None:
    """Of a transport that does not ask whether a request may leave, it is taken to have left."""
    sending, send = threading.Event(), threading.Event()

    class Slow(Wire):
        def send(self, request: HttpRequest, deadline: Deadline) -> Any:
            sending.set()
            send.wait(PATIENT)
            return super().send(request, deadline)

    async def story() -> list[str]:
        task = asyncio.create_task(gateway.create_invoice(ORDER))
        await asyncio.to_thread(sending.wait, PATIENT)
        return await notes(task)

    gateway = AsyncGateway(fake(Wire())._operations, Slow(200))
    actual = asyncio.run(story())
    send.set()
    drain(gateway._threads)

    assert actual == [_UNKNOWN]


def test_transport_that_tells_nothing_past_the_deadline() -> None:
    """R1: such a transport is not even asked past the deadline."""
    wire = Wire(200)
    gateway = AsyncGateway(fake(Wire())._operations, wire, TransportSettings(deadline=1e-9))

    with pytest.raises(errors.NotSentError):
        asyncio.run(gateway.check_account())
    assert wire.sent == []


def test_threads_are_bounded(serve: Serve) -> None:
    """Calls beyond the bound wait, also while a cancelled one still has its thread; in the end all are made."""

    async def story() -> tuple[int, int]:
        async with held(gateway, server), held(gateway, server):
            pass
        calls = [asyncio.create_task(gateway.check_account()) for _ in range(20)]
        await asyncio.sleep(0)
        before = len(server.requests)
        await asyncio.gather(*calls)
        return before, len(server.requests)

    server = serve(write_and_hold(b""), write_and_hold(b""))
    gateway = connect(server, pool_size=2, read_timeout=1.5)
    others = threading.enumerate()
    actual = asyncio.run(story())
    started = [each for each in threading.enumerate() if each.name.startswith("gateway") and each not in others]
    drain(gateway._threads)

    assert (actual, len(started) <= 2) == ((2, 22), True)


def test_waiting_for_a_thread_counts(serve: Serve) -> None:
    """R1: who waits for a thread until the deadline sends nothing, though the thread is busy for longer."""
    release = threading.Event()

    async def story() -> Exception:
        busy = asyncio.create_task(gateway._threads.run(lambda: release.wait(PATIENT), Deadline.after(PATIENT)))
        await asyncio.sleep(0)
        with pytest.raises(errors.NotSentError) as caught:
            await gateway.create_invoice(ORDER)
        release.set()
        await busy
        return caught.value

    server = serve()
    gateway = connect(server, pool_size=1, deadline=0.2)
    actual = asyncio.run(story())
    drain(gateway._threads)

    assert str(actual) == "fake create_invoice: no worker thread was free before the deadline; nothing was sent"
    assert server.requests == []


def test_close_while_calls_run(serve: Serve) -> None:
    """Closing takes nothing away from the calls that run or wait, and ends the threads after them."""

    async def story() -> list[Any]:
        calls = [asyncio.create_task(gateway.get_status(each)) for each in ("1", "2")]
        await arrival(server)
        await gateway.close()
        release.set()
        return [report.invoice_id for report in await asyncio.gather(*calls)]

    def held_back(connection: Connection) -> None:
        connection.read_request()
        release.wait(PATIENT)
        connection.write(whole())

    release = threading.Event()
    server = serve(held_back)
    gateway = connect(server, pool_size=1)
    actual = asyncio.run(story())

    assert (actual, gateway._threads._executor) == (["1", "2"], None)


@pytest.mark.parametrize("loop", ["running", "closed"])
def test_error_that_nobody_waits_for(serve: Serve, caplog: pytest.LogCaptureFixture, loop: str) -> None:
    """What a thread ends with after its call was cancelled is in no log, be its event loop still there or not."""

    def reset(connection: Connection) -> None:
        connection.read_request()
        release.wait(PATIENT)
        connection.reset()

    async def story() -> None:
        task = asyncio.create_task(gateway.create_invoice(ORDER))
        await arrival(server)
        await notes(task)
        if loop == "running":
            release.set()
            await asyncio.to_thread(drain, gateway._threads)

    release = threading.Event()
    server = serve(reset)
    gateway = connect(server)
    asyncio.run(story())
    release.set()
    drain(gateway._threads)

    assert caplog.records == []


def test_error_that_comes_with_the_cancellation(caplog: pytest.LogCaptureFixture) -> None:
    """The cancellation wins over an error that is there already and was not yet seen, and the error is in no log."""
    threads = ThreadPool(1)

    def fail() -> None:
        raise errors.NotSentError("refused")

    async def story() -> None:
        task = asyncio.create_task(threads.run(fail, Deadline.after(PATIENT)))
        await asyncio.sleep(0)
        drain(threads)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    gc.collect()

    assert caplog.records == []


def test_function_that_is_cancelled_before_it_begins() -> None:
    """What waits for a thread when it is cancelled never runs."""
    threads, release, ran = ThreadPool(1), threading.Event(), threading.Event()

    async def story() -> None:
        busy = asyncio.create_task(threads.run(lambda: release.wait(PATIENT), Deadline.after(PATIENT)))
        waiting = asyncio.create_task(threads.run(ran.set, Deadline.after(PATIENT)))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        release.set()
        await busy

    asyncio.run(story())
    drain(threads)

    assert not ran.is_set()


def test_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that forks takes no threads with it, and so starts its own."""
    threads = ThreadPool(1)

    async def thread() -> threading.Thread:
        return await threads.run(threading.current_thread, Deadline.after(PATIENT))

    first, again = asyncio.run(thread()), asyncio.run(thread())
    parents = threads._executor
    monkeypatch.setattr(os, "getpid", lambda: -1)
    other = asyncio.run(thread())
    threads.close()
    assert parents is not None
    parents.shutdown()

    assert (first is again, first is other) == (True, False)


def test_deadline_that_is_cancelled() -> None:
    """A request leaves before the cancellation or never; whether it left stays known."""
    at = Deadline.after(PATIENT).at
    late, early = CancelableDeadline(at), CancelableDeadline(at)

    late.cancel()
    left = late.leave(), early.leave()
    early.cancel()

    assert (left, late.left, early.left) == ((False, True), False, True)
    assert late.remaining() == early.remaining() == 0.0


def test_cancelable_deadline_that_passed() -> None:
    """R1: past the deadline nothing leaves, cancelled or not."""
    assert not CancelableDeadline(Deadline.after(-1).at).leave()
