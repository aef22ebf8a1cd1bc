"""Reading an answer: each read within the deadline of the call, and all of it within a bound on the memory."""

from __future__ import annotations

import functools
import http.client
import io
import re
import socket
import zlib
from http.client import HTTPException, IncompleteRead
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.exceptions import DecodeError, HeaderParsingError

from gateway_core.transport._call import Call

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: The encodings that an answer may have. None is asked for; gzip is understood, since some servers send it all the
#: same.
_PLAIN = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})

#: Bytes that are read at once: of a body in chunks of one byte, each is an object until they are put together.
_PIECE = 1 << 14

#: What `int` takes for a number in hexadecimal digits is more than that: signs, blanks, underscores.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?\n")


_LENGTH = re.compile(r"[0-9]{1,18}")

_HEADER = re.compile(rb"([!-9;-~]+):[ \t]*([^\r\n]*?)[ \t]*\r?\n")
_FOLDED = re.compile(rb"[ \t]+([^\r\n]*?)[ \t]*\r?\n")
_BLANKS = (b" ", b"\t")
_ENDS = (b"\r\n", b"\n")
_LONGEST_LINE = 1 << 16
_MOST_HEADERS = 100

_VERSIONS = {"HTTP/1.0": 10, "HTTP/1.1": 11}
#: The statuses whose answers have no body.
_BODILESS = frozenset({204, 304})


class UnusableAnswer(Exception):  # noqa: N818  # never leaves this package
    """The answer cannot be used; the text says why."""


class _Reader(io.RawIOBase):
    """A socket's reading end for one call, each read of which is bounded."""

    def __init__(self, sock: socket.socket, call: Call) -> None:
        self._socket = sock
        self._call = call
        self._raw = sock.makefile("rb", 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        self._socket.settimeout(self._call.bound(self._call.read_timeout))
        return self._raw.readinto(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what `http.client` reads a response from."""
        return io.BufferedReader(self)

    def close(self) -> None:
        self._raw.close()
        super().close()


class Response(http.client.HTTPResponse):
    """The answer to a call.

    To whoever looks for more, it is what urllib3 would have made of it.

    Args:
        sock: The connection.
        call: The call.
        method: The request's method.

    Attributes:
        body: The decoded body, once it is read.
    """

    body: bytes
    #: What requests asks for when it looks for cookies.
    _original_response = None

    def __init__(self, sock: socket.socket, call: Call, method: str | None) -> None:
        reader = _Reader(sock, call)
        super().__init__(reader, method=method)  # type: ignore[arg-type]  # only its makefile is called
        self._largest = call.largest

    def begin(self) -> None:
        """Read status line and headers for urllib3, which wants them as `http.client` has them."""
        self._begin()
        message = http.client.HTTPMessage()
        for name, value in self.headers.items():
            message[name] = value
        self.headers = self.msg = message

    def _begin(self) -> None:
        """Read status line and headers.

        The base class takes an interim answer for the final one, the end of the connection for the end of the headers,
        and what follows a malformed header for the body.
        """
        version, status, reason = self._read_status()
        headers = self._read_headers()
        while 101 < status < 200 or status == 100:
            version, status, reason = self._read_status()
            headers = self._read_headers()
        if status == 101 or version not in _VERSIONS:
            raise HTTPException("another protocol, which nobody asked for")
        self.version = _VERSIONS[version]
        self.code = self.status = status
        self.reason = reason.strip()
        self.headers = self.msg = headers  # type: ignore[assignment]  # it has the methods that are used
        self.chunked = [each.lower() for each in headers.getlist("Transfer-Encoding")[:1]] == ["chunked"]
        self.chunk_left = None
        self.length = None if self.chunked else _length(headers)
        if status in _BODILESS or self._method == "HEAD":
            self.length = 0
        unbounded = self.length is None and not self.chunked
        self.will_close = unbounded or self._check_close()

    def _read_headers(self) -> urllib3.HTTPHeaderDict:
        found: list[tuple[str, str]] = []
        for _ in range(_MOST_HEADERS + 1):
            line = self.fp.readline(_LONGEST_LINE)
            if line in _ENDS:
                return urllib3.HTTPHeaderDict(found)
            match = _HEADER.fullmatch(line)
            if match is not None:
                found.append((match[1].decode("ascii"), match[2].decode("latin-1")))
            elif line[:1] in _BLANKS and found and (folded := _FOLDED.fullmatch(line)):
                name, value = found.pop()
                found.append((name, f"{value} {folded[1].decode('latin-1')}".strip(" ")))
            elif not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                raise IncompleteRead(line)
            else:
                break
        raise HeaderParsingError([], b"")

    def read_whole(self) -> None:
        """Read head and body."""
        self._begin()
        body = read_body(self, self._largest)
        if self.length:  # the base class takes a part for the whole, if it is read by parts
            raise IncompleteRead(b"", self.length)
        self.body = body

    def read(self, amt: int | None = None, **_: Any) -> bytes:
        """Read a part of the body as it is on the wire."""
        return super().read(amt)

    def _read_next_chunk_size(self) -> int:
        line = self.fp.readline(1 << 16)
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise HTTPException("no size of a chunk")
        return int(match[1], 16)

    @functools.cached_property
    def urllib3(self) -> urllib3.HTTPResponse:
        """The response of urllib3, read to its end, for whoever has hooked into requests."""
        made = urllib3.HTTPResponse(
            headers=self.headers,  # type: ignore[arg-type]  # see `_begin`
            status=self.status,
            version=self.version,
            reason=self.reason,
            body=io.BytesIO(),
            preload_content=False,
            enforce_content_length=False,
            original_response=self,
        )
        made._body = self.body  # noqa: SLF001  # as its property `data` does
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "body" not in vars(self):
            raise AttributeError(name)
        return getattr(self.urllib3, name)


class _Gunzip:
    """Decodes gzip, which may have several members, and no more of it than is asked for."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(31)

    @property
    def ended(self) -> bool:
        return self._member.eof

    def feed(self, data: bytes, most: int) -> bytes:
        parts: list[bytes] = []
        while data and most:
            if self._member.eof:
                self._member = zlib.decompressobj(31)
            try:
                part = self._member.decompress(data, most)
            except zlib.error as error:
                raise DecodeError("no gzip") from error
            parts.append(part)
            most -= len(part)
            data = self._member.unused_data
        return b"".join(parts)


def _length(headers: urllib3.HTTPHeaderDict) -> int | None:
    """Return the length of the body that headers tell; None if they tell none that can be read.

    Raises:
        HTTPException: If they tell several: nobody knows then where the answer ends (RFC 9112, 6.3).
    """
    told = headers.get("Content-Length")
    if told is None:
        return None
    lengths = {length.strip() for length in told.split(",")}
    if len(lengths) > 1:
        raise HTTPException("several lengths")
    length = lengths.pop()
    return int(length) if _LENGTH.fullmatch(length) else None


def read_body(raw: Any, largest: int) -> bytes:
    """Read a response's body, decoded.

    Args:
        raw: The response, ours or one of urllib3.
        largest: The largest body that is read, in bytes.

    Raises:
        UnusableAnswer: If it is larger, or encoded in a way that was not asked for.
    """
    encoding = raw.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _PLAIN and encoding not in _GZIP:
        raise UnusableAnswer("the answer is in an encoding that was not asked for")
    unzip = _Gunzip() if encoding in _GZIP else None
    parts: list[bytes] = []
    missing = largest + 1
    while missing and (part := raw.read(min(missing, _PIECE), decode_content=False)):
        if unzip is not None:
            part = unzip.feed(part, missing)
        parts.append(part)
        missing -= len(part)
    if not missing:
        raise UnusableAnswer(f"the answer is larger than {largest} bytes")
    if unzip is not None and parts and not unzip.ended:
        raise IncompleteRead(b"")
    return b"".join(parts)
