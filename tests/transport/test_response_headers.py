"""The reader of headers beside that of the standard library: what both take is read alike, and ours takes no more."""

from __future__ import annotations

import http.client
import io
import re
import socket
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import HeaderParsingError

from gateway_core.transport import Deadline
from gateway_core.transport._call import Call
from gateway_core.transport._response import Response

#: What headers are made of, and what breaks them.
PIECES = [
    *(b"A", b"a-b", b"Set-Cookie", b":", b": ", b" ", b"\t"),
    *(b"\r\n", b"\n", b"\r", b"\0", b"x", b"=", b"\xff", b"\x85"),
]

names = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,9}", fullmatch=True)
broken = st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join)
plain = st.tuples(names.map(str.encode), st.binary(max_size=12)).map(b": ".join)


class Wire:
    """A socket that has everything there is already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: object) -> io.BytesIO:
        """Return it."""
        return io.BytesIO(self._data)

    def settimeout(self, _: float) -> None:
        """Do nothing: nobody waits."""


def read(data: bytes) -> list[tuple[str, str]]:
    """Return the headers that are read from bytes, by the reader that a call uses."""
    call = Call("/", Deadline.after(60), connect_timeout=1.0, read_timeout=1.0, largest=1)
    with Response(cast("socket.socket", Wire(b"HTTP/1.1 204 No Content\r\n" + data)), call, "GET") as response:
        response._begin()
        return list(response.headers.items())


def read_by_the_standard_library(data: bytes) -> tuple[list[tuple[str, str]], Any]:
    """Return the headers, each fold one blank and without the blanks at its ends, and what else is left or odd."""
    message = http.client.parse_headers(io.BytesIO(data))
    found = [(name, re.sub(r"[ \t]*\r?\n[ \t]+", " ", value).strip(" \t")) for name, value in message.items()]
    return found, message.defects or message.get_payload()


def _sorted(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return headers by their names, each with its values in their order: urllib3 puts those of one name together.

    Blanks count as one, for it is left to the reader what becomes of a fold (RFC 9112, 5.2).
    """
    return sorted(((name.lower(), re.sub(r"[ \t]+", " ", value)) for name, value in pairs), key=lambda pair: pair[0])


@given(st.lists(broken | plain, max_size=6), st.sampled_from([b"\r\n", b"\n"]))
def test_what_is_taken_is_read_alike(parts: list[bytes], end: bytes) -> None:
    """Whatever stands between the lines, no header is made up, lost or changed."""
    data = b"".join(part + end for part in [*parts, b""])
    try:
        ours = read(data)
    except (HeaderParsingError, http.client.HTTPException):
        return

    theirs, odd = read_by_the_standard_library(data)

    assert _sorted(ours) == _sorted(theirs)
    assert not odd


@given(
    st.lists(
        st.tuples(
            names.filter(lambda name: name.lower() != "content-length"),
            st.from_regex(r"[!-~\xa0-\xff]([ -~\xa0-\xff]{0,20}[!-~\xa0-\xff])?", fullmatch=True),
        ),
        max_size=20,
    )
)
def test_good_headers_are_taken(pairs: list[tuple[str, str]]) -> None:
    """What a server may send is read as it was sent."""
    data = "".join(f"{name}:  {value} \r\n" for name, value in pairs).encode("latin-1") + b"\r\n"

    found = read(data)

    assert _sorted(found) == _sorted(pairs)


@pytest.mark.parametrize("data", [b"A: b\r\n", b"A: b", b"", b"A"])
def test_end_of_the_connection_is_no_end_of_the_headers(data: bytes) -> None:
    """RFC 9112, 8: the standard library takes it for one."""
    with pytest.raises(http.client.IncompleteRead):
        read(data)

    assert read_by_the_standard_library(data)[0] == [("A", "b")] * (b":" in data)
