"""S1, S2: no key, no customer's data and no text of the libraries below comes out of the transport."""

from __future__ import annotations

import gc
import http.client
from collections.abc import Callable
from urllib.parse import quote

import pytest

from gateway_core.errors import GatewayError
from gateway_core.transport._requests_transport import RequestsTransport
from tests.canary import Logs, hits, leaks
from tests.transport.asking import ask, failure, get, post
from tests.transport.fault_server import (
    FaultServer,
    answer,
    close_before_answering,
    head,
    nobody,
    reset_before_answering,
    write,
    write_and_close,
    write_and_hold,
)

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

#: In the header, the query, the body, the key and the answer of every request here.
CANARY = "sk_live_4f6bQx/81+0aZ=canary"
#: In the path, which a request shows of itself, but neither an error nor a log line.
ORDER = "customer-4711-order-0815"


def _chained(error: BaseException) -> list[BaseException]:
    return [link for link in (error.__cause__, error.__context__) if link is not None]


FAILING = [
    pytest.param(reset_before_answering(), id="reset"),
    pytest.param(close_before_answering(), id="closed"),
    pytest.param(write_and_hold(b""), id="silent"),
    pytest.param(write_and_hold(head(200, ("X-Echo", CANARY))), id="body missing"),
    pytest.param(write_and_close(head(200, ("Content-Length", "99")) + CANARY.encode()), id="body cut"),
    pytest.param(write(f"HTTP/1.1 200 OK\r\n{CANARY}\r\nA: b\r\n\r\n".encode()), id="bad header"),
    pytest.param(write(f"{CANARY}\r\n\r\n".encode()), id="no HTTP"),
    pytest.param(answer(CANARY.encode() * 1000), id="too large"),
    pytest.param(answer(CANARY.encode(), 200, ("Content-Encoding", "gzip")), id="no gzip"),
    pytest.param(answer(b"", 200, ("Content-Encoding", CANARY)), id="unknown encoding"),
]


@pytest.mark.parametrize("act", FAILING)
def test_failure_tells_no_secret(serve: Serve, connect: Connect, logs: Logs, act: Callable[..., None]) -> None:
    """S1: not in the error, nor in the locals of our frames, nor in a log line of ours or urllib3 at DEBUG."""
    server = serve(act)
    transport = connect(server.url, read_timeout=0.3, max_response_bytes=4096)
    url = f"{server.url}/{ORDER}?key={quote(CANARY, safe='')}"

    error = failure(transport, post(url, CANARY.encode(), headers={"X-Api-Key": CANARY}, idempotency_key=CANARY))

    assert (hits(error, CANARY), leaks(logs.text, CANARY)) == ({}, [])
    assert ORDER not in str(error) + logs.text
    assert _chained(error) == []


def test_refused_connection_tells_no_secret(connect: Connect, logs: Logs) -> None:
    """S1, trap 8: requests names the whole address in its text; ours names the host."""
    with nobody() as url:
        error = failure(connect(url), post(f"{url}/a?key={quote(CANARY)}", headers={"X-Api-Key": CANARY}))

    assert (hits(error, CANARY), leaks(logs.text, CANARY)) == ({}, [])
    assert _chained(error) == []


def test_success_logs_no_secret(serve: Serve, connect: Connect, logs: Logs) -> None:
    """S1, trap 8: no DEBUG line of urllib3 shows the target, and the server gets it as it is."""
    server = serve(answer(CANARY.encode(), 200, ("Set-Cookie", f"a={CANARY}")))
    target = f"/{quote(CANARY, safe='')}?key={quote(CANARY, safe='')}"

    ask(connect(server.url), get(server.url + target, headers={"X-Api-Key": CANARY}))

    assert (server.requests[0].target, server.requests[0].header("X-Api-Key")) == (target, CANARY)
    assert leaks(logs.text, CANARY) == []


def test_debugging_of_the_standard_library_prints_no_key(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An application that switches on what `http.client` prints does not get our headers printed."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    server = serve()

    ask(connect(server.url), get(f"{server.url}/", headers={"Authorization": f"Bearer {CANARY}"}))

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "value", [f"{CANARY}\n", f"{CANARY}\r\nX: y", f"{CANARY}\0", f" {CANARY}", f"{CANARY} ", f"{CANARY}\u20ac"]
)
def test_header_that_cannot_be_sent_is_not_printed(serve: Serve, connect: Connect, value: str) -> None:
    """Trap 8: a key with a line end at its end is printed in full by requests; here it is named by its header."""
    server = serve()

    error = failure(connect(server.url), get(f"{server.url}/", headers={"X-Api-Key": value}))

    assert error.message.startswith("the header 'X-Api-Key' cannot be sent")
    assert (hits(error, CANARY), server.connections) == ({}, 0)


def test_refused_address_is_not_printed(serve: Serve, connect: Connect) -> None:
    """S1: an address that is refused may hold a key."""
    server = serve()

    error = failure(connect(server.url), get(f"{server.url}/?key={CANARY}#"))

    assert hits(error, CANARY) == {}


def test_failed_request_is_not_kept_alive(serve: Serve, connect: Connect) -> None:
    """An error that is kept, as error trackers do, keeps neither request nor response."""
    server = serve(reset_before_answering())

    error: GatewayError = failure(connect(server.url), post(f"{server.url}/", CANARY.encode()))
    error.__traceback__ = None

    assert gc.get_referents(error.__dict__) == [
        value for value in gc.get_referents(error.__dict__) if isinstance(value, str | bool | type(None))
    ]
