"""S7: an answer's body is read whole or refused, in bounded memory."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from gateway_core.errors import OutcomeUnknownError
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import ask, failure, get, post
from tests.transport.fault_server import FaultServer, answer, drip, endless, gzip_bomb, head, write, write_and_close

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

CAP = 100_000
CHUNKED = ("Transfer-Encoding", "chunked")


def _chunked(body: bytes, size: int = 7) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "act, expected",
    [
        pytest.param(answer(b"hello"), b"hello", id="length"),
        pytest.param(write(head(200, CHUNKED) + _chunked(b"hello world")), b"hello world", id="chunks"),
        pytest.param(write_and_close(head(200) + b"hello"), b"hello", id="until close"),
        pytest.param(answer(b""), b"", id="empty"),
        pytest.param(write(head(204)), b"", id="no content"),
        pytest.param(answer(gzip.compress(b"hello"), 200, ("Content-Encoding", "GZIP")), b"hello", id="gzip"),
        pytest.param(
            answer(gzip.compress(b"hel") + gzip.compress(b"lo"), 200, ("Content-Encoding", "gzip")),
            b"hello",
            id="gzip in two members",
        ),
        pytest.param(answer(b"", 200, ("Content-Encoding", "gzip")), b"", id="gzip of nothing"),
        pytest.param(answer(b"hello", 200, ("Content-Encoding", "identity")), b"hello", id="identity"),
        pytest.param(answer(b"x" * CAP), b"x" * CAP, id="as large as allowed"),
        pytest.param(drip(b"hello", after=head(200, ("Content-Length", "5")), interval=0.01), b"hello", id="slow"),
    ],
)  # fmt: skip
def test_body_is_read_whole(serve: Serve, connect: Connect, act: Callable[..., None], expected: bytes) -> None:
    """However a body is framed, it is what the server sent, and the connection serves the next request."""
    server = serve(act, answer(b"next"))
    transport = connect(server.url, max_response_bytes=CAP)

    bodies = [ask(transport, get(f"{server.url}/{name}")).body for name in ("a", "b")]

    assert bodies == [expected, b"next"]


def test_head_has_no_body(serve: Serve, connect: Connect) -> None:
    """A HEAD is answered with the length of a body that does not come."""
    server = serve(write(head(200, ("Content-Length", "5"))), answer(b"next"))
    transport = connect(server.url)
    request = get(f"{server.url}/")
    object.__setattr__(request, "method", "HEAD")

    bodies = [ask(transport, each).body for each in (request, get(f"{server.url}/"))]

    assert bodies == [b"", b"next"]


TOO_LARGE = [
    pytest.param(answer(b"x" * (CAP + 2)), id="a little too many"),
    pytest.param(endless(), id="endless"),
    pytest.param(endless(b"10000\r\n" + b"x" * 65536 + b"\r\n", CHUNKED), id="endless chunks"),
    pytest.param(write(head(200, ("Content-Length", "1" + "0" * 12)) + b"x" * 200_000), id="a terabyte announced"),
    pytest.param(answer(gzip_bomb(256 << 20), 200, ("Content-Encoding", "gzip")), id="gzip bomb"),
    pytest.param(answer(gzip_bomb(256 << 20), 503, ("Content-Encoding", "x-gzip")), id="gzip bomb with an error"),
]


@pytest.mark.parametrize("act", TOO_LARGE)
def test_large_body_is_refused_in_bounded_memory(serve: Serve, connect: Connect, act: Callable[..., None]) -> None:
    """S7, trap 7: 204 KB of gzip would become 200 MiB."""
    server = serve(act, answer(b"next"))
    transport = connect(server.url, max_response_bytes=CAP)
    request = post(f"{server.url}/invoices")
    tracemalloc.start()

    error = failure(transport, request)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (type(error), error.effect) == (OutcomeUnknownError, "unknown")
    assert error.message == f"127.0.0.1: the answer is larger than {CAP} bytes"
    assert peak < 8 << 20


def test_body_in_small_chunks_costs_its_size(serve: Serve, connect: Connect) -> None:
    """S7: of a body in chunks of one byte, each could become an object of its own."""
    server = serve(write(head(200, CHUNKED) + _chunked(b"x" * (1 << 17), 1)))
    transport = connect(server.url)
    request = get(f"{server.url}/")
    tracemalloc.start()

    body = ask(transport, request).body

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(body), peak < 2 << 20) == (1 << 17, True)


@pytest.mark.parametrize("size", [b"-1", b"+2", b"0x2", b" 2", b"1_0", b"", b"2" * 17])
def test_size_of_a_chunk_is_hexadecimal_digits(serve: Serve, connect: Connect, size: bytes) -> None:
    """S7: what Python takes for a number besides would read without a bound, or not what the server meant."""
    server = serve(write_and_close(head(200, CHUNKED) + size + b"\r\n{}\r\n0\r\n\r\n"))

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert (type(error), error.effect) == (OutcomeUnknownError, "unknown")


@pytest.mark.parametrize("act", TOO_LARGE)
def test_rest_of_a_large_body_is_not_the_next_answer(serve: Serve, connect: Connect, act: Callable[..., None]) -> None:
    """S7: the connection that still carries it is closed."""
    server = serve(act, answer(b"next"))
    transport = connect(server.url, max_response_bytes=CAP)
    failure(transport, post(f"{server.url}/invoices"))

    response = ask(transport, get(f"{server.url}/"))

    assert (response.body, [seen.connection for seen in server.requests]) == (b"next", [0, 1])


def test_one_byte_more_than_allowed_is_too_many(serve: Serve, connect: Connect) -> None:
    """S7: the cap is exact."""
    server = serve(answer(b"x" * 11))

    error = failure(connect(server.url, max_response_bytes=10), get(f"{server.url}/"))

    assert error.message == "127.0.0.1: the answer is larger than 10 bytes"


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "compress", "gzip;q=1"])
def test_only_gzip_is_decoded(serve: Serve, connect: Connect, encoding: str) -> None:
    """S7: an encoding that was not asked for is refused, not guessed at, and not decoded twice."""
    server = serve(answer(zlib.compress(b"{}"), 200, ("Content-Encoding", encoding)))

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert (type(error), error.effect) == (OutcomeUnknownError, "unknown")
