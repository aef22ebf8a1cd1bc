"""urllib3's connections, bounded by the deadline of the call that uses them.

The read timeout of the libraries below is per read, so an answer that drips could be read for ever. Here the socket's
timeout is set anew before every connect, write and read, to what is left of the call. A connection also notes whether a
byte of the request was written, which is the whole difference between "not sent" and "unknown".

The call goes with its connection and with nothing else: a thread may be in several calls at once, by a signal's handler
or in greenlets.

What no client can bound from here: the look-up of a name, which belongs to the operating system and cannot
be interrupted, and a TLS record that drips through a proxy which is itself reached by TLS.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import io
import queue
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, IncompleteRead, NameResolutionError, NewConnectionError, ProxyError
from urllib3.util.connection import allowed_gai_family, create_connection
from urllib3.util.response import assert_header_parsing

from gateway_core.transport._deadline import Deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    _Base = HTTPConnection
    _PoolBase = urllib3.HTTPConnectionPool
else:
    _Base = _PoolBase = object


class DeadlinePassed(TimeoutError):  # noqa: N818  # never leaves this package
    """The call is over."""


@attrs.define(eq=False)
class Call:
    """One call on its way through the libraries, which know nothing of it.

    Attributes:
        target: The path and query to ask for.
        deadline: When it is over.
        connect_timeout: Seconds for each connect.
        read_timeout: Seconds for each write and read.
        on_write: What to call right before the first byte leaves; what it raises keeps it from leaving.
        connecting: Whether a connection is being opened; what is written meanwhile is for a proxy.
        begun: Whether requests has the request, and not only what wraps it.
        reached: Whether one of our connections has taken the request, and not a test's stand-in.
        written: Whether a byte of the request may have left.
    """

    target: str = attrs.field(repr=False)
    deadline: Deadline
    connect_timeout: float
    read_timeout: float
    on_write: Callable[[], None] | None = None
    connecting: bool = False
    begun: bool = False
    reached: bool = False
    written: bool = False

    def bound(self, timeout: float) -> float:
        """Return the timeout, or what is left of the deadline if that is less."""
        left = self.deadline.remaining()
        if left <= 0:
            raise DeadlinePassed
        return min(timeout, left)

    def writing(self) -> None:
        """Note that the request's first byte is about to leave, or raise if it is too late for that."""
        if not self.written:
            if self.on_write is not None:
                self.on_write()
            if not self.deadline.leave():
                raise DeadlinePassed
            self.written = True


class _Reader(io.RawIOBase):
    """A socket's reading end for one call, each read of which is bounded.

    Attributes:
        ended: Whether the other side has closed the connection.
    """

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self._socket = sock
        self._call = call
        self._raw = sock.makefile("rb", buffering=0)
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._socket.settimeout(self._call.bound(self._call.read_timeout))
        count = self._raw.readinto(buffer)
        self.ended = not count
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what `http.client` reads a response from."""
        return io.BufferedReader(self)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, call: Call, **more: Any) -> None:
        self._reader = _Reader(sock, call)
        super().__init__(self._reader, **more)  # type: ignore[arg-type]  # only its makefile is called

    def begin(self) -> None:
        """Read status line and headers; pass over interim answers, which the base class takes for the final one."""
        super().begin()
        while 101 < self.status < 200:
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first answer
            super().begin()
        if self.status == 101:
            raise http.client.HTTPException("a switch of protocols that nobody asked for")
        # The base class takes the end of the connection for the end of the headers. A line is read from the connection
        # only if it is not there yet, so that whoever met the end has missed one.
        if self._reader.ended:
            raise IncompleteRead(0, 1)
        # urllib3 would log what it could not parse, and go on without the headers that follow it.
        if self.msg.defects or self.msg.get_payload():
            assert_header_parsing(self.msg)


class _Bounded(_Base):
    #: The call that has this connection.
    call: Call
    #: An application may switch `http.client`'s on for all connections, and it prints keys.
    debuglevel = 0
    _held: list[bytes] | None = None

    def response_class(self, sock: socket.socket, **more: Any) -> _Response:
        """Return the response to the call's request."""
        return _Response(sock, self.call, **more)

    def connect(self) -> None:
        call = self.call
        call.reached = call.connecting = True
        super().connect()
        call.connecting = False

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers. urllib3 gives each the whole timeout, however many there are."""
        call = self.call
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        failure: OSError | None = None
        for *_, address in found:
            timeout = call.bound(call.connect_timeout)
            try:
                sock = create_connection(
                    (str(address[0]), self.port),
                    timeout,
                    source_address=self.source_address,
                    socket_options=self.socket_options,
                )
            except OSError as error:
                failure = error
                continue
            sys.audit("http.client.connect", self, self.host, self.port)
            try:
                sock.settimeout(call.bound(call.connect_timeout))
            except DeadlinePassed:
                sock.close()
                raise
            return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, "connecting timed out") from failure
        raise NewConnectionError(self, "no connection") from failure

    def _tunnel(self) -> None:
        call = self.call
        try:
            super()._tunnel()
        except OSError as error:
            raise ProxyError("the proxy refuses", error) from error
        self.sock.settimeout(call.bound(call.connect_timeout))

    def putrequest(self, method: str, url: str, *args: Any, **more: Any) -> None:  # noqa: ARG002  # see below
        """Ask for the call's own target, byte for byte: urllib3 writes its escapes anew."""
        super().putrequest(method, self.call.target, *args, **more)

    def request(self, *args: Any, **more: Any) -> None:
        """Write head and body at once: apart they are two packets, and the second may wait for the first's receipt."""
        self._held = []
        try:
            super().request(*args, **more)
            message = b"".join(self._held)
        finally:
            self._held = None
        self.send(message)

    def send(self, data: Any) -> None:
        if self._held is not None:
            self._held.append(data)
            return
        call = self.call
        call.reached = True
        if self.sock is None:
            self.connect()
        # Python's sockets, with TLS and without, keep the timeout over all of one write.
        self.sock.settimeout(call.bound(call.read_timeout))
        if not call.connecting:
            call.writing()
        super().send(data)


class _HttpConnection(_Bounded, HTTPConnection):
    pass


class _HttpsConnection(_Bounded, HTTPSConnection):
    pass


class _Idle:
    """Idle connections, the last one first; with no lock, which a signal's handler would wait for in vain.

    Args:
        most: How many there is room for.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._connections: collections.deque[Any] = collections.deque()

    def get(self, **_: Any) -> Any:
        """Take one.

        Raises:
            queue.Empty: If there is none.
        """
        try:
            return self._connections.pop()
        except IndexError:
            raise queue.Empty from None

    def put(self, connection: Any, **_: Any) -> None:
        """Add one.

        Raises:
            queue.Full: If there is no room.
        """
        if self.qsize() >= self._most:
            raise queue.Full
        self._connections.append(connection)

    def qsize(self) -> int:
        """Return how many there are."""
        return len(self._connections)


class _Pool(_PoolBase):
    QueueCls = _Idle

    def _prepare_proxy(self, conn: Any) -> None:
        """Leave the way through the proxy for `_make_request`, which has the call."""

    def _make_request(  # type: ignore[override]  # the rest is the same for every request
        self,
        conn: Any,
        method: str,
        url: str,
        *,
        call: Call,
        body: bytes | None,
        headers: Any,
        response_conn: Any,
        **_: Any,
    ) -> Any:
        """Send the request of a call on a connection, without urllib3's own timeouts and log lines."""
        conn.call = call
        if conn.is_closed and self.proxy is not None:
            super()._prepare_proxy(conn)
        self._validate_conn(conn)
        # One that answers before it has read everything may close the connection, and its answer is there all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            conn.request(method, url, body, headers, preload_content=False, decode_content=False)
        response = conn.getresponse()
        response._connection, response._pool = response_conn, self  # noqa: SLF001  # as urllib3 does
        return response


class _HttpPool(_Pool, urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(_Pool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


#: For `PoolManager.pool_classes_by_scheme`.
POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _HttpPool, "https": _HttpsPool}
