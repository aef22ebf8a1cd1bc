"""Hostile answers, end to end: bounded memory and time, the right error, and the id kept where it could be read.

What each layer refuses has its own tests: bodies in `test_transport_body`, failures in `test_transport_failures`,
redirects in `test_transport_security`, JSON in `tests/test_json`. Here is what only shows from the gateway.
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable

import pytest

from gateway_core import Gateway, HttpRequest, HttpResponse
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)
from gateway_core.transport import Deadline, TransportSettings
from tests.accounts import ACCOUNTS, Account
from tests.transport.fault_server import (
    Act,
    Connection,
    FaultServer,
    answer,
    gzip_bomb,
    head,
    whole,
    write,
    write_and_close,
)

Serve = Callable[..., FaultServer]


def fill(before: bytes, item: bytes, after: bytes) -> bytes:
    """Return a body of about `SIZE` bytes that repeats an item."""
    return before + b",".join([item] * ((SIZE - len(before) - len(after)) // (len(item) + 1))) + after


SIZE = 32 << 10

#: What stands before a list in the answers of one provider or another.
_LISTED = b'{"success":true,"result":"success","page":1,"totalPages":1,"next_cursor":null,"%b":'

#: Bodies that are small on the wire and large in the memory, or slow to read.
SHAPES: dict[str, bytes] = {
    "numbers in items": fill(_LISTED % b"items" + b"[", b"1", b"]}"),
    "numbers in data": fill(_LISTED % b"data" + b"[", b"1", b"]}"),
    "objects in items": fill(_LISTED % b"items" + b"[", b"{}", b"]}"),
    "objects in data": fill(_LISTED % b"data" + b"[", b"{}", b"]}"),
    "objects in both": fill(_LISTED % b"data" + b'{"items":[', b"{}", b"]}}"),
    "numbers in both": fill(_LISTED % b"data" + b'{"items":[', b"0", b"]}}"),
    "lists": fill(b"[", b"[]", b"]"),
    "names": b"{" + b",".join(b'"%d":0' % n for n in range(SIZE // 9)) + b"}",
    "one name": fill(b"{", b'"":0', b"}"),
    "depth": b"[" * SIZE,
    "depth of objects": b'{"":' * (SIZE // 4),
    "digits": b'{"id":' + b"9" * SIZE + b"}",
    "places": b'{"id":0.' + b"9" * SIZE + b"}",
    "exponent": b'{"id":1e999999999,"amount":1e-999999999}',
    "numbers in scientific notation": fill(b"[", b"1e9999", b"]"),
    "text": b'{"id":"' + b"9" * SIZE + b'","message":"' + b"x" * SIZE + b'"}',
    "escapes": b'{"id":"' + b"\\u0000" * (SIZE // 6) + b'"}',
    "half characters": b'{"id":"' + b"\\ud800" * (SIZE // 6) + b'"}',
    "wide characters": b'"' + "\U0001f600".encode() * (SIZE // 4) + b'"',
    "quotes": b'"\\' * (SIZE // 2),
    "bad UTF-8": b'"' + b"\xff" * SIZE + b'"',
    "blanks": b" " * SIZE,
    "nulls": b"\0" * SIZE,
}

CALLS: dict[str, Callable[[Gateway, Account], object]] = {
    "create_invoice": lambda gateway, account: gateway.create_invoice(account.order()),
    "get_status": lambda gateway, _: gateway.get_status("1c48b092-9878-48f5-b441-07a8a48e7b54"),
    "get_status of a number": lambda gateway, _: gateway.get_status("1"),
    "list_payments": lambda gateway, _: list(gateway.list_payments()),
    "check_account": lambda gateway, _: gateway.check_account(),
}


class Canned:
    """A transport with one answer to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        self._response = HttpResponse(status=status, body=body)

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:  # as all transports
        """Give it."""
        return self._response

    def close(self) -> None:
        """Do nothing."""


def errors_at(account: Account, body: bytes) -> list[GatewayError]:
    """Return the errors of all calls that are answered with a body, as a success and as a refusal."""
    told: list[GatewayError] = []
    for status in (200, 400):
        with Gateway.connect(account.backend, transport=Canned(status, body), **account.settings) as gateway:
            for call in CALLS.values():
                try:
                    call(gateway, account)
                except GatewayError as error:
                    told.append(error)
    return told


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("account", ACCOUNTS.values(), ids=ACCOUNTS)
def test_body_of_any_shape_costs_a_multiple_of_its_size(account: Account, shape: str) -> None:
    """S7, W10: an answer as large as allowed costs memory and time in proportion, and ends in an error of ours."""
    errors_at(account, b"[]")  # what is imported once is no cost of a body
    tracemalloc.start()
    began = time.process_time()
    told = errors_at(account, SHAPES[shape])
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert {type(error) for error in told} - {NotFoundError, RejectedError, UnsupportedOperationError} == {
        UnexpectedResponseError
    }
    assert max(len(str(error)) for error in told) < 3_000
    assert peak < 200 * SIZE
    assert seconds < 20


#: How long a call may take, in seconds, and what is allowed beyond it on a busy machine.
LONGEST, PATIENCE = 1.0, 10.0

BOUNDS = TransportSettings(attempts=1, deadline=LONGEST, max_response_bytes=100_000)

CHUNKED = ("Transfer-Encoding", "chunked")
INVOICE_ID = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
GOOD = json.dumps({"result": "success", "data": {"id": INVOICE_ID, "uid": "u", "url": "https://x.example/u"}}).encode()


def flood(before: bytes, block: bytes) -> Act:
    """Write a beginning, and then a block again and again as fast as the client takes it."""

    def act(connection: Connection) -> None:
        connection.read_request()
        connection.write(before)
        while True:
            connection.write(block)

    return act


#: What never ends, or is larger than what anybody needs.
ENDLESS: dict[str, Act] = {
    "continue": flood(b"", head(100) * 500),
    "early hints": flood(b"", head(103, ("Link", "<a>")) * 500),
    "processing": flood(b"", head(102) * 500),
    "headers": flood(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n" * 1_000),
    "a header": flood(b"HTTP/1.1 200 OK\r\nX-More: ", b"x" * 65_536),
    "folded header": flood(b"HTTP/1.1 200 OK\r\nX-More: x\r\n", b" x\r\n" * 10_000),
    "status line": flood(b"HTTP/1.1 200 ", b"x" * 65_536),
    "no line": flood(b"", b"x" * 65_536),
    "blank lines": flood(b"", b"\r\n" * 10_000),
    "chunk size": flood(head(200, CHUNKED), b"0" * 65_536),
    "chunk extension": flood(head(200, CHUNKED) + b"2;", b"x" * 65_536),
    "chunk extensions": flood(head(200, CHUNKED), b"1;" + b"x" * 30_000 + b"\r\nx\r\n"),
    "trailers": flood(head(200, CHUNKED) + b"2\r\n{}\r\n0\r\n", b"X-More: x\r\n" * 1_000),
    "a trailer": flood(head(200, CHUNKED) + b"2\r\n{}\r\n0\r\nX-More: ", b"x" * 65_536),
    "gzip of nothing": flood(head(200, ("Content-Encoding", "gzip")), gzip_bomb(0) * 1_000),
    "a bomb that is a refusal": answer(gzip_bomb(64 << 20), 401, ("Content-Encoding", "gzip")),
    "a bomb that leads on": answer(gzip_bomb(64 << 20), 302, ("Content-Encoding", "gzip"), ("Location", "/x")),
}


@pytest.mark.parametrize("fault", ENDLESS)
def test_what_never_ends_is_given_up(serve: Serve, fault: str) -> None:
    """S7, R1: whatever part of an answer has no end, the call has one, and it takes no memory meanwhile."""
    account = ACCOUNTS["bitsby"]
    server = serve(ENDLESS[fault])
    settings = {**account.settings, "base_url": server.url, "rate_limits": []}
    with Gateway.connect("bitsby", transport=BOUNDS, **settings) as gateway:
        tracemalloc.start()
        began = time.monotonic()
        with pytest.raises(OutcomeUnknownError) as caught:
            gateway.create_invoice(account.order())
        seconds = time.monotonic() - began
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert (caught.value.effect, len(server.requests)) == ("unknown", 1)
    assert peak < 8 << 20
    assert seconds < LONGEST + PATIENCE


def _said(line: bytes, *headers: bytes, body: bytes = GOOD) -> Act:
    lines = [line, *headers, b"Content-Length: %d" % len(body), b"", body]
    return write_and_close(b"\r\n".join(lines))


UNKNOWN, UNEXPECTED = (OutcomeUnknownError, "unknown"), (UnexpectedResponseError, "unknown")
#: The documented answer lacks two fields here, so that even the best one is an error with the invoice's id.
READ = (UnexpectedResponseError, "done")

#: What is odd about an answer: the bytes, how the creation ends, and whether the invoice's id could be read.
ODD: dict[str, tuple[Act, tuple[type[GatewayError], str], bool]] = {
    "as it should be": (_said(b"HTTP/1.1 200 OK"), READ, True),
    "no reason": (_said(b"HTTP/1.1 200"), READ, True),
    "long reason": (_said(b"HTTP/1.1 200 " + b"x" * 60_000), READ, True),
    "older protocol": (_said(b"HTTP/1.0 200 OK"), READ, True),
    "status that lies": (_said(b"HTTP/1.1 200 404 Not Found"), READ, True),
    "refusal that says OK": (_said(b"HTTP/1.1 401 OK", body=b"OK"), (AuthenticationError, "none"), False),
    "status of four digits": (_said(b"HTTP/1.1 2000 OK"), UNKNOWN, False),
    "status of two digits": (_said(b"HTTP/1.1 20 OK"), UNKNOWN, False),
    "negative status": (_said(b"HTTP/1.1 -200 OK"), UNKNOWN, False),
    "status of no digits": (_said(b"HTTP/1.1 two OK"), UNKNOWN, False),
    "other protocol": (_said(b"ICY 200 OK"), UNKNOWN, False),
    "other version": (_said(b"HTTP/9.9 200 OK"), UNKNOWN, False),
    "status 999": (_said(b"HTTP/1.1 999 Odd", body=b"x"), UNEXPECTED, False),
    "no content": (_said(b"HTTP/1.1 204 No Content"), UNEXPECTED, False),
    "reset content": (_said(b"HTTP/1.1 205 Reset Content", body=b""), UNEXPECTED, False),
    "part of the content": (_said(b"HTTP/1.1 206 Partial", body=GOOD[:30]), UNEXPECTED, False),
    "not modified": (_said(b"HTTP/1.1 304 Not Modified"), UNEXPECTED, False),
    "redirect": (_said(b"HTTP/1.1 302 Found", b"Location: https://other.example/", body=b"x"), UNEXPECTED, False),
    "lines without CR": (write_and_close(b"HTTP/1.1 200 OK\nContent-Length: %d\n\n" % len(GOOD) + GOOD), READ, True),
    "same length twice": (_said(b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(GOOD)), READ, True),
    "two lengths": (_said(b"HTTP/1.1 200 OK", b"Content-Length: 2"), UNKNOWN, False),
    "two lengths in one": (_said(b"HTTP/1.1 200 OK", b"Content-Length: 2, 3"), UNKNOWN, False),
    "folded header": (_said(b"HTTP/1.1 200 OK", b"X-A: b\r\n c"), READ, True),
    "zero in a header": (_said(b"HTTP/1.1 200 OK", b"X-A: b\0c"), READ, True),
    "header in no encoding": (_said(b"HTTP/1.1 200 OK", b"X-A: \xff\xfe"), READ, True),
    "header without a name": (_said(b"HTTP/1.1 200 OK", b": b"), UNKNOWN, False),
    "blank before the colon": (_said(b"HTTP/1.1 200 OK", b"X-A : b"), UNKNOWN, False),
    "trailers": (
        write(head(200, CHUNKED) + b"%x\r\n%b\r\n0\r\nX-A: b\r\nContent-Length: 1\r\n\r\n" % (len(GOOD), GOOD)),
        READ,
        True,
    ),
    "chunk extension": (write(head(200, CHUNKED) + b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)), READ, True),
    "chunks and a length": (
        write(head(200, CHUNKED, ("Content-Length", "3")) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)),
        READ,
        True,
    ),
    "negative chunk": (write(head(200, CHUNKED) + b"-5\r\nhello\r\n0\r\n\r\n"), UNKNOWN, False),
    "chunks twice": (write(head(200, CHUNKED, CHUNKED) + b"2\r\n{}\r\n0\r\n\r\n"), UNEXPECTED, False),
    "negative length": (write_and_close(head(200, ("Content-Length", "-5")) + GOOD), READ, True),
    "length of no digits": (write_and_close(head(200, ("Content-Length", "many")) + GOOD), READ, True),
    "more than announced": (write_and_close(whole(GOOD) + b"HTTP/1.1 500 No\r\n\r\n"), READ, True),
    "two hints before": (write_and_close(head(103) + head(100) + whole(GOOD)), READ, True),
    "garbage after the JSON": (_said(b"HTTP/1.1 200 OK", body=GOOD + b"<!-- -->"), UNEXPECTED, False),
    "the name twice": (_said(b"HTTP/1.1 200 OK", body=GOOD.replace(b'"uid"', b'"id"')), UNEXPECTED, False),
    "byte order mark": (_said(b"HTTP/1.1 200 OK", body=b"\xef\xbb\xbf" + GOOD), READ, True),
    "other encoding": (_said(b"HTTP/1.1 200 OK", body=GOOD.decode().encode("utf-16")), READ, True),
}  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_odd_answer(serve: Serve, odd: str) -> None:
    """I6: what cannot be understood leaves open whether there is an invoice; what can be read of it is kept."""
    act, expected, readable = ODD[odd]
    account = ACCOUNTS["bitsby"]
    settings = {**account.settings, "base_url": serve(act).url, "rate_limits": []}
    with Gateway.connect("bitsby", transport=BOUNDS, **settings) as gateway, pytest.raises(GatewayError) as caught:
        gateway.create_invoice(account.order())

    assert (type(caught.value), caught.value.effect) == expected
    assert caught.value.invoice_id == (INVOICE_ID if readable else None)
