"""A second call begins in a thread while its first one waits: each ends with its own result."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_core.transport._circuit_breaker import CircuitBreaker
from gateway_core.transport._registry import Registry
from gateway_core.transport._requests_transport import RequestsTransport
from gateway_core.transport._retry_budget import RetryBudget
from tests.transport.asking import ask, get, post
from tests.transport.fault_server import Connection, FaultServer, whole

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]


def _echo(connection: Connection) -> None:
    seen = connection.read_request()
    connection.write(whole(seen.target.encode() + seen.body))


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread")
@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="a system without this signal")
def test_signal_handler_makes_a_call(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a creation waits for its answer, a signal's handler asks by the same gateway."""
    told: list[bytes] = []
    done = threading.Event()

    def interrupt(connection: Connection) -> None:
        seen = connection.read_request()
        os.kill(os.getpid(), signal.SIGUSR1)
        done.wait(10)
        connection.write(whole(seen.target.encode() + seen.body))

    def handler(*_: object) -> None:
        told.append(ask(transport, get(f"{server.url}/second")).body)
        done.set()

    server = serve(interrupt, _echo)
    transport = connect(server.url)
    known = signal.signal(signal.SIGUSR1, handler)
    try:
        first = ask(transport, post(f"{server.url}/first", b" body")).body
    finally:
        signal.signal(signal.SIGUSR1, known)

    assert (first, told) == (b"/first body", [b"/second"])


def test_log_handler_makes_a_call(serve: Serve, connect: Connect) -> None:
    """A handler of urllib3's log lines asks by the same gateway."""
    told: list[bytes] = []

    class Handler(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            log.removeHandler(self)
            told.append(ask(transport, get(f"{server.url}/second")).body)

    server = serve(_echo, _echo)
    transport = connect(server.url)
    log = logging.getLogger("urllib3.connectionpool")
    handler, level = Handler(), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        first = ask(transport, post(f"{server.url}/first", b" body")).body
    finally:
        log.removeHandler(handler)
        log.setLevel(level)

    assert (first, told) == (b"/first body", [b"/second"])


def _in_time(function: Callable[[], object]) -> bool:
    """Run a function, and return whether it has ended; one that waits for itself is left behind."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    thread.join(10)
    return not thread.is_alive()


class _Interrupted:
    """A clock that a signal's handler interrupts once, wherever it is asked."""

    def __init__(self) -> None:
        self.handler: Callable[[], object] | None = None

    def __call__(self) -> float:
        handler, self.handler = self.handler, None
        if handler is not None:
            handler()
        return 1.0


def test_rules_wait_for_no_call_of_their_own_thread() -> None:
    """A handler that interrupts what a lock protects takes the same lock."""
    clock = _Interrupted()
    budget = RetryBudget(clock)
    breaker = CircuitBreaker(1, 1.0, clock)
    registry: Registry[object] = Registry(lambda _: None, clock)
    one, other = object(), object()

    clock.handler = budget.earn
    assert _in_time(budget.spend)
    clock.handler = lambda: breaker.record(other, failed=True)
    assert _in_time(lambda: breaker.record(one, failed=True))
    clock.handler = lambda: registry.keep(other, 5.0)
    assert _in_time(lambda: registry.keep(one, 5.0))


_GREENLETS = """
import json, sys
from gateway_core.http import HttpRequest
from gateway_core.transport import Deadline, TransportSettings, connect

url = sys.argv[1]
transport = connect(TransportSettings(), base_url=url)

from gevent import monkey
monkey.patch_all()
import gevent

def call(number):
    request = HttpRequest(method="POST", url=f"{url}/{number}", body=b" %d" % number)
    return transport.send(request, Deadline.after(15)).body.decode()

calls = [gevent.spawn(call, number) for number in range(5)]
gevent.joinall(calls, timeout=20)
print(json.dumps([call.value for call in calls]))
"""


def test_greenlets_make_calls_by_a_gateway_of_before(serve: Serve) -> None:
    """Gunicorn with gevent and `--preload`: the gateway is made before the standard library is patched."""
    together = threading.Barrier(5)

    def wait(connection: Connection) -> None:
        seen = connection.read_request()
        together.wait(15)
        connection.write(whole(seen.target.encode() + seen.body))

    server = serve(*[wait] * 5)
    root = Path(__file__).parent.parent.parent

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _GREENLETS, server.url],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert json.loads(done.stdout or done.stderr) == [f"/{number} {number}" for number in range(5)]
