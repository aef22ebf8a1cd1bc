"""A server on loopback that misbehaves as it is told, byte by byte, and keeps a log of what reached it.

A script is a row of acts, one for each request; when the row is over, each further request is answered with ``{}``. An
act is a function of the connection: it reads the request or does not, writes or does not, and may end the connection:

>>> with FaultServer(reset_before_answering(), answer(b'{"id": "7"}')) as server:
...     server.url
'http://127.0.0.1:...'
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeAlias

import attrs

#: How long the server waits for anything: longer than any test, so that no thread outlives the tests.
_PATIENCE = 20.0


@attrs.frozen(kw_only=True)
class Seen:
    """A request that reached the server whole.

    Attributes:
        connection: Which connection it came by, counted from 0.
        at: When its first byte came, in seconds of `time.monotonic`.
        method: Its method.
        target: Its path and query, as they came.
        headers: Its headers, names in small letters.
        body: Its body.
    """

    connection: int
    at: float
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header's value; None if there is none."""
        return dict(self.headers).get(name.lower())


class Gone(Exception):  # noqa: N818  # it is no error: clients leave
    """The client has closed the connection."""


class Connection:
    """One connection, as an act sees it."""

    def __init__(self, server: FaultServer, sock: socket.socket, number: int) -> None:
        self.server = server
        self.socket = sock
        self.number = number
        self.open = True
        self.ended = threading.Event()
        self._unread = b""

    def wait(self) -> bool:
        """Wait for the next byte; False when the connection has ended, from whichever side."""
        if not self.open or self._unread:
            return self.open
        with contextlib.suppress(OSError):
            self._unread = self.socket.recv(65536)
        return bool(self._unread)

    def read_request(self) -> Seen:
        """Read one request whole, and log it."""
        self._more_until(lambda: b"\r\n\r\n" in self._unread)
        at = time.monotonic()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = int(dict(headers).get("content-length", "0"))
        self._more_until(lambda: len(self._unread) >= length)
        body, self._unread = self._unread[:length], self._unread[length:]
        seen = Seen(connection=self.number, at=at, method=method, target=target, headers=headers, body=body)
        self.server.log(seen)
        return seen

    def write(self, data: bytes) -> None:
        """Write, or learn that the client has gone."""
        try:
            self.socket.sendall(data)
        except OSError:
            raise Gone from None

    def drip(self, data: Iterable[int], interval: float) -> None:
        """Write byte by byte, until the client goes."""
        for byte in data:
            self.write(bytes([byte]))
            if self.server.pause(interval):
                raise Gone

    def hold(self) -> None:
        """Read on without a word, until the client goes or the server is closed."""
        with contextlib.suppress(OSError):
            while self.socket.recv(65536):
                pass
        raise Gone

    def close(self) -> None:
        """End the connection in order."""
        self.open = False
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.ended.set()

    def reset(self) -> None:
        """End the connection by a reset."""
        self.open = False
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.ended.set()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on in TLS, as the server behind a proxy would."""
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def _more_until(self, enough: Callable[[], bool]) -> None:
        while not enough():
            more = b""
            with contextlib.suppress(OSError):
                more = self.socket.recv(65536)
            if not more:
                raise Gone
            self._unread += more


#: What to do with one request.
Act: TypeAlias = Callable[[Connection], None]


class FaultServer:
    """The server. It listens from when it is made, until it is closed.

    Args:
        script: The acts.
        tls: Speaks TLS, if given.
    """

    def __init__(self, *script: Act, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._script = deque(script)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._connections: list[Connection] = []
        self._threads: list[threading.Thread] = []
        #: Every request that came whole, in the order of coming.
        self.requests: list[Seen] = []
        self._start(self._accept)

    @property
    def port(self) -> int:
        """The port."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The base address."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections were accepted."""
        return len(self._connections)

    def wait_for_end(self, connection: int) -> None:
        """Wait until the server has ended a connection that it accepted."""
        assert self._connections[connection].ended.wait(_PATIENCE)

    def script(self, *acts: Act) -> None:
        """Add acts to the script."""
        with self._lock:
            self._script.extend(acts)

    def log(self, seen: Seen) -> None:
        """Add a request to the log."""
        with self._lock:
            self.requests.append(seen)

    def pause(self, seconds: float) -> bool:
        """Wait; True as soon as the server is being closed."""
        return self._closed.wait(seconds)

    def close(self) -> None:
        """End all connections, and wait until every thread is done."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._connections:
            with contextlib.suppress(OSError):
                each.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(_PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock, len(self._connections))
            self._connections.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError, Gone):
            if self._tls is not None:
                connection.start_tls(self._tls)
            # The first act comes with the connection, each further one with a further request.
            while connection.open:
                with self._lock:
                    act = self._script.popleft() if self._script else answer()
                act(connection)
                if not connection.wait():
                    break
        connection.close()


def head(status: int = 200, *headers: tuple[str, str]) -> bytes:
    """Return a status line and headers, with the blank line at their end."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def whole(body: bytes = b"{}", status: int = 200, *headers: tuple[str, str]) -> bytes:
    """Return a response with its length."""
    return head(status, *headers, ("Content-Length", str(len(body)))) + body


def answer(body: bytes = b"{}", status: int = 200, *headers: tuple[str, str]) -> Act:
    """Read the request and answer it as a good server does."""
    return write(whole(body, status, *headers))


def write(data: bytes) -> Act:
    """Read the request and write these bytes, whatever they are."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(data)

    return act


def write_and_close(data: bytes) -> Act:
    """Read the request, write these bytes, and close: a body cut short, or one that ends with the connection."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(data)
        connection.close()

    return act


def write_and_hold(data: bytes) -> Act:
    """Read the request, write these bytes, and say nothing more."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(data)
        connection.hold()

    return act


def reset_before_reading() -> Act:
    """Reset the connection when the request is there, without reading it."""

    def act(connection: Connection) -> None:
        select.select([connection.socket], [], [], _PATIENCE)
        connection.reset()

    return act


def reset_before_answering() -> Act:
    """Read the request and reset the connection."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.reset()

    return act


def close_before_answering() -> Act:
    """Read the request and close the connection."""
    return write_and_close(b"")


def drip(data: bytes, after: bytes = b"", interval: float = 0.02) -> Act:
    """Read the request, write `after` at once, and the rest byte by byte."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(after)
        connection.drip(data, interval)

    return act


def drip_for_ever(after: bytes = b"", interval: float = 0.02) -> Act:
    """Read the request, write `after` at once, and then a letter at a time without end."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(after)
        connection.drip(_letters(), interval)

    return act


def endless(block: bytes = b"x" * 65536, *headers: tuple[str, str]) -> Act:
    """Read the request and write a body without end, as fast as the client takes it."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(head(200, *headers))
        while True:
            connection.write(block)

    return act


def in_turn(*acts: Act) -> Act:
    """Play several acts on one connection as one."""

    def act(connection: Connection) -> None:
        for each in acts:
            each(connection)

    return act


def proxy(tls: ssl.SSLContext, then: Act) -> Act:
    """Accept a CONNECT, and be the server behind the proxy as well."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(head(200))
        connection.start_tls(tls)
        then(connection)

    return act


def gzip_bomb(size: int) -> bytes:
    """Return `size` zeros in gzip's encoding, about a thousandth of it long."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([*parts, packer.flush()])


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """Give a base address that refuses connections."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """Give a base address that takes no connection and refuses none: one that connects waits."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address: tuple[str, int] = listener.getsockname()
        # The queue of a listener that accepts nothing holds one or two; what comes after them is left waiting.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield f"http://127.0.0.1:{address[1]}"


def _letters() -> Iterator[int]:
    while True:
        yield ord("x")
