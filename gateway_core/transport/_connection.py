"""urllib3's connections, bounded by the deadline of the call that uses them.

The read timeout of the libraries below is per read, so an answer that drips could be read for ever. Here the socket's
timeout is set anew before every connect, write and read, to what is left of the call. A connection also notes whether a
byte of the request was written, which is the whole difference between "not sent" and "unknown".

What no client can bound from here: the look-up of a name, which belongs to the operating system and cannot
be interrupted, and a TLS record that drips through a proxy which is itself reached by TLS.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import urllib3
import urllib3.connection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError
from urllib3.util.connection import allowed_gai_family, create_connection

from gateway_core.transport._call import Call, DeadlinePassed
from gateway_core.transport._response import Response

if TYPE_CHECKING:
    _Base = urllib3.connection.HTTPConnection
else:
    _Base = object

C = TypeVar("C", bound=type)


def _own(kind: C) -> C:
    """Return urllib3's class itself, whatever a recorder has put in its place while this module is imported."""
    return next(each for each in kind.__mro__ if each.__module__ == "urllib3.connection")  # type: ignore[return-value]  # of a kind


#: What tracers and recorders wrap, and which module it is from.
_METHODS: tuple[tuple[type, str, ModuleType], ...] = (
    (http.client.HTTPConnection, "putrequest", http.client),
    (http.client.HTTPConnection, "getresponse", http.client),
    (_own(urllib3.connection.HTTPConnection), "request", urllib3.connection),
    (_own(urllib3.connection.HTTPConnection), "getresponse", urllib3.connection),
)


def hooked() -> bool:
    """Return whether somebody wants to see what goes through the methods of a connection."""
    for kind, name, module in _METHODS:
        method = vars(kind)[name]
        if type(method) is not FunctionType or method.__globals__ is not vars(module):
            return True
    return False


class BoundedConnection(_Base):
    """A connection that one call at a time uses, and whose waits end with that call."""

    #: The call that has this connection.
    call: Call
    #: An application may switch `http.client`'s on for all connections, and it prints keys.
    debuglevel = 0
    _held: list[bytes] | None = None

    def response_class(  # type: ignore[override]  # of a class, only the call is needed
        self, sock: socket.socket, method: str | None = None, **_: Any
    ) -> Response:
        """Return what a response is read with, be it a proxy's."""
        return Response(sock, self.call, method)

    def connect(self) -> None:
        self.call.connecting = True
        super().connect()
        self.call.connecting = False

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

    def exchange(self, method: str, body: bytes, headers: Any) -> Response:
        """Send the request of the call, and return the answer, read whole.

        Head and body are written at once: apart they are two packets, and the second may wait for the first's receipt.
        """
        lines = [f"{method} {self.call.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        # One that answers before it has read everything may close the connection, and its answer is there all the same.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        with self.response_class(self.sock, method) as response:
            response.read_whole()
        if response.will_close:
            self.close()
        return response

    def putrequest(self, method: str, url: str, *args: Any, **more: Any) -> None:  # noqa: ARG002  # see below
        """Ask for the call's own target, byte for byte: urllib3 writes its escapes anew."""
        super().putrequest(method, self.call.target, *args, **more)

    def request(self, *args: Any, **more: Any) -> None:
        """Write head and body at once where urllib3 does the exchange."""
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
        # Python's sockets, with TLS and without, keep the timeout over all of one write.
        self.sock.settimeout(call.bound(call.read_timeout))
        if not call.connecting:
            call.writing()
        super().send(data)


class HttpConnection(BoundedConnection, _own(urllib3.connection.HTTPConnection)):  # type: ignore[misc]  # a class
    """In the clear."""


class HttpsConnection(BoundedConnection, _own(urllib3.connection.HTTPSConnection)):  # type: ignore[misc]  # a class
    """Over TLS."""
