"""urllib3's connections, bounded by the deadline of the call that uses them.

The read timeout of the libraries below is per read, so an answer that drips could be read for ever. Here the socket's
timeout is set anew before every connect, write and read, to what is left of the call. A connection also notes whether a
byte of the request was written, which is the whole difference between "not sent" and "unknown".

What no client can bound from here: the look-up of a name, which belongs to the operating system and cannot
be interrupted, and a TLS record that drips through a proxy which is itself reached by TLS.
"""

from __future__ import annotations

import http.client
import io
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError
from urllib3.util.connection import allowed_gai_family, create_connection
from urllib3.util.response import assert_header_parsing

from gateway_core.transport._deadline import Deadline

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    _Base = HTTPConnection
else:
    _Base = object

#: What urllib3 takes for the target and shows in its log lines and exceptions: a path holds ids, and a query more.
SHOWN_TARGET = "/..."


class DeadlinePassed(TimeoutError):  # noqa: N818  # never leaves this package
    """The call is over."""


@attrs.define
class Call:
    """One call on its way through the libraries, which know nothing of it.

    Attributes:
        target: The path and query to ask for.
        deadline: When it is over.
        connect_timeout: Seconds for each connect.
        read_timeout: Seconds for each write and read.
        on_write: What to call right before the first byte leaves; what it raises keeps it from leaving.
        connecting: Whether a connection is being opened; what is written meanwhile is for a proxy.
        reached: Whether one of our connections has taken the request, and not a test's stand-in.
        written: Whether a byte of the request may have left.
    """

    target: str = attrs.field(repr=False)
    deadline: Deadline
    connect_timeout: float
    read_timeout: float
    on_write: Callable[[], None] | None = None
    connecting: bool = False
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


class _Current(threading.local):
    call: Call


#: The call of this thread. A connection serves one call at a time, from the thread that makes it.
current = _Current()


class _Reader(io.RawIOBase):
    """A socket's reading end, each read of which is bounded."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        call = current.call
        self._socket.settimeout(call.bound(call.read_timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Readable:
    """What `http.client` needs of a socket to read a response from it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._socket))


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(_Readable(sock), *args, **more)  # type: ignore[arg-type]  # only its makefile is called

    def begin(self) -> None:
        """Read status line and headers; pass over interim answers, which the base class takes for the final one."""
        super().begin()
        while 101 < self.status < 200:
            self.headers = self.msg = None  # type: ignore[assignment]  # as before the first answer
            super().begin()
        if self.status == 101:
            raise http.client.HTTPException("a switch of protocols that nobody asked for")
        # urllib3 would log what it could not parse, and go on without the headers that follow it.
        if self.msg.defects or self.msg.get_payload():
            assert_header_parsing(self.msg)


class _Bounded(_Base):
    response_class = _Response
    _held: list[bytes] | None = None

    def connect(self) -> None:
        call = current.call
        call.reached = call.connecting = True
        super().connect()
        call.connecting = False

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers. urllib3 gives each the whole timeout, however many there are."""
        call = current.call
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
        call = current.call
        try:
            super()._tunnel()
        except OSError as error:
            raise ProxyError("the proxy refuses", error) from error
        self.sock.settimeout(call.bound(call.connect_timeout))

    def putrequest(self, method: str, url: str, *args: Any, **more: Any) -> None:  # noqa: ARG002  # see below
        """Ask for the call's own target, byte for byte, in place of what urllib3 was shown."""
        super().putrequest(method, current.call.target, *args, **more)

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
        call = current.call
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


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


#: For `PoolManager.pool_classes_by_scheme`.
POOLS: dict[str, type[urllib3.HTTPConnectionPool]] = {"http": _HttpPool, "https": _HttpsPool}
