"""R1: every call has an end, whatever the other side does to delay it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import pytest
import urllib3
from urllib3.util.connection import create_connection

from gateway_core.errors import NotSentError, OutcomeUnknownError
from gateway_core.transport import Deadline, _connection
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import PATIENT, ask, failure, get, post
from tests.transport.fault_server import Connection, FaultServer, answer, drip_for_ever, head, silence, write_and_hold

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

#: Seconds given to the calls that must end by their deadline, and the most that they may really take on a busy machine.
DEADLINE, SLACK = 0.5, 5.0


class Shrinking(Deadline):
    """A deadline that is far away until somebody says that time has passed."""

    soon: Deadline | None = None

    def shrink(self) -> None:
        """Let nearly all of the time pass."""
        object.__setattr__(self, "soon", Deadline.after(DEADLINE))

    def remaining(self) -> float:
        """As ever."""
        return self.soon.remaining() if self.soon else super().remaining()


def _late(transport: RequestsTransport, url: str) -> tuple[type, str, bool]:
    started = time.monotonic()
    error = failure(transport, post(url), DEADLINE)
    return type(error), error.effect, time.monotonic() - started < SLACK


class Final(Deadline):
    """A deadline that lets a call go all the way, and nothing leave."""

    def leave(self) -> bool:
        """Say no."""
        return False


@pytest.mark.parametrize("connected", [False, True], ids=["new connection", "kept connection"])
def test_request_asks_before_it_leaves(serve: Serve, connect: Connect, connected: bool) -> None:
    """The deadline has the last word: what it holds back is surely not sent, not a byte of it."""
    server = serve()
    transport = connect(server.url)
    if connected:
        ask(transport, get(server.url))

    with pytest.raises(NotSentError) as caught:
        transport.send(post(f"{server.url}/invoices"), Final.after(PATIENT))
    transport.close()
    server.close()

    assert (caught.value.effect, [each.method for each in server.requests]) == ("none", ["GET"] * connected)


def test_nothing_is_sent_past_the_deadline(serve: Serve, connect: Connect) -> None:
    """R1: past the deadline there is not even a connection."""
    server = serve()

    error = failure(connect(server.url), post(f"{server.url}/invoices"), seconds=0)

    assert (type(error), error.effect, server.connections) == (NotSentError, "none", 0)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(write_and_hold(b""), id="silence"),
        pytest.param(drip_for_ever(), id="status line drips"),
        pytest.param(drip_for_ever(after=b"HTTP/1.1 200 OK\r\nX-Long: "), id="header drips"),
        pytest.param(drip_for_ever(after=head(200)), id="body drips"),
        pytest.param(drip_for_ever(after=head(200, ("Content-Length", "1000000"))), id="body of known length drips"),
        pytest.param(drip_for_ever(after=head(200, ("Transfer-Encoding", "chunked"))), id="chunk size drips"),
    ],
)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.usefixtures("trusted")
def test_call_ends_by_its_deadline(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, act: Callable[..., None], secure: bool
) -> None:
    """R1, trap 4: each read is fast enough for the read timeout, and the call ends all the same."""
    server = serve(act, tls=tls if secure else None)

    seen = _late(connect(server.url, read_timeout=60), f"{server.url}/invoices")

    assert seen == (OutcomeUnknownError, "unknown", True)
    assert len(server.requests) == 1


def test_read_timeout_ends_a_call_before_its_deadline(serve: Serve, connect: Connect) -> None:
    """The read timeout bounds one wait, inside the deadline."""
    server = serve(write_and_hold(head(200)))
    started = time.monotonic()

    error = failure(connect(server.url, read_timeout=0.2), post(f"{server.url}/invoices"), seconds=60)

    assert (type(error), time.monotonic() - started < SLACK) == (OutcomeUnknownError, True)
    assert "no answer came in time" in error.message


def test_connecting_ends_by_the_deadline(connect: Connect) -> None:
    """R1: a connection that is not taken does not outlast the deadline, whatever the connect timeout is."""
    with silence() as url:
        seen = _late(connect(url, connect_timeout=60), f"{url}/invoices")

    assert seen == (NotSentError, "none", True)


def test_many_addresses_share_one_deadline(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: a name with many addresses that do not answer has no more time than one."""
    known = socket.getaddrinfo
    with silence() as url:
        port = url.rpartition(":")[2]
        many = known("127.0.0.1", port, socket.AF_INET, socket.SOCK_STREAM) * 100
        monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_: many if host == "localhost" else known(host, port))

        seen = _late(connect(f"http://localhost:{port}", connect_timeout=0.3), f"http://localhost:{port}/invoices")

    assert seen == (NotSentError, "none", True)


@pytest.mark.usefixtures("trusted")
def test_handshake_ends_by_the_deadline(serve: Serve, connect: Connect) -> None:
    """R1: a server that takes the connection and never shakes hands is surely not sent anything."""
    server = serve(lambda connection: connection.hold())

    seen = _late(connect(f"https://127.0.0.1:{server.port}"), f"https://127.0.0.1:{server.port}/invoices")

    assert (seen, server.requests) == ((NotSentError, "none", True), [])


@pytest.mark.usefixtures("trusted")
def test_handshake_has_what_connecting_left(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: the handshake does not get once more the time that connecting has used."""
    deadline = Shrinking(time.monotonic() + 60)

    def slow(*args: Any, **more: Any) -> socket.socket:
        made = create_connection(*args, **more)
        deadline.shrink()
        return made

    monkeypatch.setattr("gateway_core.transport._connection.create_connection", slow)
    server = serve(lambda connection: connection.hold())
    transport = connect(f"https://127.0.0.1:{server.port}", connect_timeout=60)
    started = time.monotonic()

    with pytest.raises(NotSentError):
        transport.send(post(f"https://127.0.0.1:{server.port}/"), deadline)

    assert time.monotonic() - started < SLACK


def test_handshake_has_what_the_proxy_left(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: a proxy that takes its time to connect takes it from the same deadline."""
    deadline = Shrinking(time.monotonic() + 60)

    def accept_late(connection: Connection) -> None:
        connection.read_request()
        deadline.shrink()
        connection.write(head(200))
        connection.hold()

    server = serve(accept_late)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    transport = connect("https://api.example.test", connect_timeout=60)
    started = time.monotonic()

    with pytest.raises(NotSentError):
        transport.send(post("https://api.example.test/"), deadline)

    assert time.monotonic() - started < SLACK


def test_writing_has_what_connecting_left(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R1: the write does not get once more the time that opening the connection has used."""
    deadline = Shrinking(time.monotonic() + 60)
    known = urllib3.connection.HTTPConnection.connect

    def slow(connection: urllib3.connection.HTTPConnection) -> None:
        known(connection)
        deadline.shrink()

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "connect", slow)
    server = serve(_ignore)
    transport = connect(server.url, connect_timeout=60, read_timeout=60)
    started = time.monotonic()

    with pytest.raises(OutcomeUnknownError):
        transport.send(post(f"{server.url}/", b"x" * (16 << 20)), deadline)

    assert time.monotonic() - started < SLACK


def _ignore(connection: Connection) -> None:
    connection.server.pause(60)


def _sip(connection: Connection) -> None:
    while not connection.server.pause(0.01) and connection.socket.recv(8192):
        pass


@pytest.mark.parametrize("act", [_ignore, _sip])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.usefixtures("trusted")
def test_writing_ends_by_the_deadline(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, act: Callable[..., None], secure: bool
) -> None:
    """R1: a server that does not read, or reads in sips, cannot hold the writer."""
    server = serve(act, tls=tls if secure else None)
    transport = connect(server.url, read_timeout=60)
    started = time.monotonic()

    error = failure(transport, post(f"{server.url}/invoices", b"x" * (16 << 20)), DEADLINE)

    assert (type(error), time.monotonic() - started < SLACK) == (OutcomeUnknownError, True)


def test_connection_of_a_late_call_is_not_used_again(serve: Serve, connect: Connect) -> None:
    """The rest of a late answer is never taken for the answer to the next request."""
    server = serve(drip_for_ever(after=head(200, ("Content-Length", "1000000"))), answer(b"mine"))
    transport = connect(server.url)
    failure(transport, post(f"{server.url}/late"), DEADLINE)

    response = ask(transport, get(f"{server.url}/next"))

    assert (response.body, [seen.connection for seen in server.requests]) == (b"mine", [0, 1])


def test_deadline_is_told_in_the_error(serve: Serve, connect: Connect) -> None:
    """An operator reads that it was the deadline, and whose."""
    server = serve(write_and_hold(b""))

    with pytest.raises(OutcomeUnknownError, match=r"^127\.0\.0\.1: the deadline passed before the whole answer"):
        connect(server.url).send(get(f"{server.url}/"), Deadline.after(DEADLINE))


def test_connection_that_comes_too_late_is_closed(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is there when the deadline has passed is of no use, and is not left open."""
    server, late, made = serve(), Shrinking.after(PATIENT), []

    def slowly(*arguments: Any, **more: Any) -> socket.socket:
        made.append(create_connection(*arguments, **more))
        object.__setattr__(late, "soon", Deadline.after(0))
        return made[0]

    monkeypatch.setattr(_connection, "create_connection", slowly)

    with pytest.raises(NotSentError, match="the deadline passed while connecting"):
        connect(server.url).send(post(f"{server.url}/"), late)

    assert [each.fileno() for each in made] == [-1]
