"""Every fault x read, create and create with key: the error, the effect, and what the server saw of it.

A cell says what is known of the provider's side and how many attempts are made, such as ``"unknown 3"``. Three are
allowed here, and no time passes between them.
"""

from __future__ import annotations

import itertools
import socket
import ssl
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from gateway_core import Gateway, Invoice, StatusReport
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.transport import _account_pause, _connection
from tests.transport.fault_server import (
    Act,
    FaultServer,
    answer,
    close_before_answering,
    drip_for_ever,
    endless,
    gzip_bomb,
    head,
    nobody,
    reset_before_answering,
    reset_before_reading,
    silence,
    whole,
    write,
    write_and_close,
    write_and_hold,
)
from tests.transport.shop import ASKED, COLOURS, GOOD, DeafShop, ask, call, close, gateway

Serve = Callable[..., FaultServer]
Fail = Callable[..., None]

_OPERATIONS = tuple(ASKED)
_LARGEST = 65536


@attrs.frozen(kw_only=True)
class Ends:
    """How a call ends: the class of its error, and for each operation the effect and the number of attempts."""

    error: type[GatewayError]
    read: str
    create: str
    keyed: str

    def of(self, asked: str) -> tuple[type[GatewayError], str, int]:
        """Return it for one operation."""
        effect, attempts = {"read": self.read, "create": self.create, "create with key": self.keyed}[asked].split()
        return self.error, effect, int(attempts)


def _status(status: int, *headers: tuple[str, str]) -> Act:
    return answer(b'{"error": "no"}', status, *headers)


def _asking_to_wait(status: int, text: str) -> Act:
    return _status(status, ("Retry-After", text))


_GZIP = ("Content-Encoding", "gzip")
_CHUNKED = ("Transfer-Encoding", "chunked")
_ELSEWHERE = ("Location", "https://other.example.test/")

#: It was sent and no usable answer came back.
LOST = Ends(error=OutcomeUnknownError, read="none 3", create="unknown 1", keyed="unknown 3")
#: No time is left for another attempt.
LATE = Ends(error=OutcomeUnknownError, read="none 1", create="unknown 1", keyed="unknown 1")
#: Another attempt would end in the same way.
FOR_GOOD = LATE
#: An answer came that cannot be believed: what was asked may have been done.
ABSURD = Ends(error=UnexpectedResponseError, read="none 1", create="unknown 1", keyed="unknown 1")
#: The provider is down, overloaded or too slow: what it was doing then is unknown.
DOWN = Ends(error=ProviderUnavailableError, read="none 3", create="unknown 1", keyed="unknown 3")
#: The same, and it says that it stays so, or it asks for more time than there is.
DOWN_FOR_LONG = Ends(error=ProviderUnavailableError, read="none 1", create="unknown 1", keyed="unknown 1")
#: It counted one request too many, and did nothing.
TOO_MANY = Ends(error=RateLimitedError, read="none 3", create="none 3", keyed="none 3")
TOO_MANY_FOR_LONG = Ends(error=RateLimitedError, read="none 1", create="none 1", keyed="none 1")


def _refused(error: type[GatewayError]) -> Ends:
    """Return that the provider says no: nothing was done, and asking again is of no use."""
    return Ends(error=error, read="none 1", create="none 1", keyed="none 1")


#: What the server does with each request, and how the call ends.
FAULTS: dict[str, tuple[Act, Ends]] = {
    "reset": (reset_before_answering(), LOST),
    "closed without answer": (close_before_answering(), LOST),
    "headers cut": (write_and_close(b"HTTP/1.1 200 OK\r\nCont"), LOST),
    "body cut": (write_and_close(whole(GOOD)[:-7]), LOST),
    "chunks cut": (write_and_close(head(200, _CHUNKED) + b'5\r\n{"id"'), LOST),
    "chunk of no size": (write(head(200, _CHUNKED) + b"zz\r\n"), LOST),
    "gzip that is none": (answer(GOOD, 200, _GZIP), LOST),
    "200 headers": (write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), LOST),
    "header of 70,000 bytes": (write(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n"), LOST),
    "no HTTP": (write_and_close(b"SSH-2.0-OpenSSH_9.2\r\n"), LOST),
    "other protocol": (write(b"HTTP/1.1 101 Switching\r\n\r\n"), LOST),
    "gzip bomb": (answer(gzip_bomb(8 << 20), 200, _GZIP), FOR_GOOD),
    "endless body": (endless(), FOR_GOOD),
    "larger than allowed": (answer(b" " * (_LARGEST + 1)), FOR_GOOD),
    "encoding not asked for": (answer(GOOD, 200, ("Content-Encoding", "br")), FOR_GOOD),
    "body cut without length": (write_and_close(head(200) + GOOD[:-7]), ABSURD),
    "length too small": (write_and_close(head(200, ("Content-Length", "9")) + GOOD), ABSURD),
    "HTML": (answer(b"<html><body>Welcome</body></html>"), ABSURD),
    "empty": (answer(b""), ABSURD),
    "204": (write(head(204)), ABSURD),
    "bad UTF-8": (answer(GOOD.replace(b"i-1", b"i-\xff")), ABSURD),
    "UTF-16": (answer(GOOD.decode().encode("utf-16")), ABSURD),
    "50,000 deep": (answer(b"[" * 50_000), ABSURD),
    "duplicate keys": (answer(b'{"id": "x", ' + GOOD[1:]), ABSURD),
    "NaN": (answer(GOOD.replace(b"49.90", b"NaN")), ABSURD),
    "huge exponent": (answer(GOOD.replace(b"49.90", b"1e400000000")), ABSURD),
    "5,000 digits": (answer(GOOD.replace(b"49.90", b"9" * 5000)), ABSURD),
    "null": (answer(b"null"), ABSURD),
    "other fields": (answer(b'{"data": {}}'), ABSURD),
    "302 to another host": (_status(302, _ELSEWHERE), ABSURD),
    "307 to another host": (_status(307, _ELSEWHERE), ABSURD),
    "304": (write(head(304)), ABSURD),
    "600": (_status(600), ABSURD),
    "400": (_status(400), _refused(RejectedError)),
    "401": (_status(401), _refused(AuthenticationError)),
    "402": (_status(402), _refused(RejectedError)),
    "403": (_status(403), _refused(PermissionDeniedError)),
    "404": (_status(404), _refused(NotFoundError)),
    "405": (_status(405), _refused(RejectedError)),
    "410": (_status(410), _refused(NotFoundError)),
    "413": (_status(413), _refused(RejectedError)),
    "415": (_status(415), _refused(RejectedError)),
    "422": (_status(422), _refused(RejectedError)),
    "451": (_status(451), _refused(RejectedError)),
    "408": (_status(408), DOWN),
    "409": (_status(409), Ends(error=RejectedError, read="none 1", create="unknown 1", keyed="unknown 3")),
    "429": (_status(429), TOO_MANY),
    "429, wait 0": (_asking_to_wait(429, "0"), TOO_MANY),
    "429, wait until 1994": (_asking_to_wait(429, "Sun, 06 Nov 1994 08:49:37 GMT"), TOO_MANY),
    "429, wait -1": (_asking_to_wait(429, "-1"), TOO_MANY),
    "429, wait until the 99th": (_asking_to_wait(429, "Fri, 99 Dec 9999 23:59:59 GMT"), TOO_MANY),
    "429, wait for 5,000 digits": (_asking_to_wait(429, "9" * 5000), TOO_MANY_FOR_LONG),
    "429, wait an hour": (_asking_to_wait(429, "3600"), TOO_MANY_FOR_LONG),
    "429, wait until 9999": (_asking_to_wait(429, "Fri, 31 Dec 9999 23:59:59 GMT"), TOO_MANY_FOR_LONG),
    "500": (_status(500), DOWN),
    "501": (_status(501), DOWN_FOR_LONG),
    "502": (_status(502), DOWN),
    "503": (_status(503), DOWN),
    "503, wait soon": (_asking_to_wait(503, "soon"), DOWN),
    "503, wait an hour": (_asking_to_wait(503, "3600"), DOWN_FOR_LONG),
    "504": (_status(504), DOWN),
    "520": (_status(520), DOWN),
    "524": (_status(524), DOWN),
}

#: What takes time: the read timeout, or the deadline.
SILENT: dict[str, tuple[Act, Ends]] = {
    "silent": (write_and_hold(b""), LOST),
    "body without end": (write_and_hold(whole(GOOD)[:-7]), LOST),
}
SLOW: dict[str, tuple[Act, Ends]] = {
    "silent": (write_and_hold(b""), LATE),
    "drip in the headers": (drip_for_ever(b"HTTP/1.1 200 OK\r\nA: "), LATE),
    "drip in the body": (drip_for_ever(head(200)), LATE),
}

#: What goes wrong before the request can leave: nothing happened, whoever asked.
NOT_SENT = Ends(error=NotSentError, read="none 3", create="none 3", keyed="none 3")
NOT_SENT_FOR_GOOD = Ends(error=NotSentError, read="none 1", create="none 1", keyed="none 1")

colours = pytest.mark.parametrize("colour", COLOURS)
operations = pytest.mark.parametrize("asked", ASKED)


@pytest.fixture(autouse=True)
def _short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an account that was told "too many" wait for less than a second; that it waits is tested elsewhere."""
    monkeypatch.setattr(_account_pause, "FLOOR", 0.02)


def _rows(table: dict[str, tuple[Act, Ends]]) -> pytest.MarkDecorator:
    rows = [pytest.param(act, ends, id=fault) for fault, (act, ends) in table.items()]
    return pytest.mark.parametrize("act, ends", rows)


def _ended(colour: str, url: str, asked: str, **bounds: float) -> tuple[tuple[type, str, int], Any]:
    """Ask, and return the error's class, its effect and the attempts, and the error itself."""
    error, attempts = ask(colour, url, asked, **{"attempts": 3, "max_response_bytes": _LARGEST, **bounds})
    assert isinstance(error, GatewayError)
    return (type(error), error.effect, attempts), error


def _agrees(server: FaultServer, colour: str, asked: str, ends: Ends, **bounds: float) -> None:
    ended, _ = _ended(colour, server.url, asked, **bounds)

    assert ended == ends.of(asked)
    assert len(server.requests) == ends.of(asked)[2]
    assert len({(seen.target, seen.headers, seen.body) for seen in server.requests}) == 1


@colours
@operations
@_rows(FAULTS)
def test_fault(serve: Serve, colour: str, asked: str, act: Act, ends: Ends) -> None:
    """R2, R3, R5: the class, the effect, and how many requests reached the server, each the same to the byte."""
    _agrees(serve(*[act] * 5), colour, asked, ends)


@colours
@operations
@_rows(SILENT)
def test_silence(serve: Serve, colour: str, asked: str, act: Act, ends: Ends) -> None:
    """R2, R3: the same of a server that says nothing more."""
    _agrees(serve(*[act] * 5), colour, asked, ends, read_timeout=0.15)


@colours
@operations
@_rows(SLOW)
def test_deadline_passes(serve: Serve, colour: str, asked: str, act: Act, ends: Ends) -> None:
    """R1: the same where the deadline passes: then no other request goes out."""
    _agrees(serve(*[act] * 5), colour, asked, ends, deadline=0.5)


@colours
@operations
@_rows(FAULTS)
def test_fault_that_heals(serve: Serve, colour: str, asked: str, act: Act, ends: Ends) -> None:
    """R2, R3: what may be repeated succeeds in two requests, and what may not ends as it does where nothing heals."""
    server = serve(act, *[answer(GOOD)] * 5)
    error, effect, attempts = ends.of(asked)

    result, sent = ask(colour, server.url, asked, attempts=3, max_response_bytes=_LARGEST)

    if attempts > 1:
        assert isinstance(result, StatusReport if asked == "read" else Invoice)
    else:
        assert (type(result), result.effect) == (error, effect)
    assert len(server.requests) == sent == min(attempts, 2)
    assert len({(seen.target, seen.headers, seen.body) for seen in server.requests}) == 1


@pytest.mark.parametrize("fault", ["reset", "408", "409", "503"])
def test_key_that_the_provider_does_not_honour_is_none(serve: Serve, fault: str) -> None:
    """R3: a key alone makes no repetition safe; the provider must be declared to honour it."""
    act, ends = FAULTS[fault]
    server = serve(act, answer(GOOD))

    with gateway(Gateway, server.url, DeafShop) as door:
        error = call(door, "create")

    assert (type(error), error.effect, len(server.requests)) == ends.of("create")
    assert server.requests[0].header("Idempotency-Key") == "key-1042"


@colours
@operations
def test_reset_before_reading(serve: Serve, colour: str, asked: str) -> None:
    """R3: what was written into a connection may have been read, though the server's log knows nothing of it."""
    server = serve(*[reset_before_reading()] * 5)

    ended, _ = _ended(colour, server.url, asked)

    assert ended == LOST.of(asked)
    assert (server.connections, server.requests) == (ended[2], [])


@colours
@operations
def test_unknown_name(colour: str, asked: str) -> None:
    """R3: a name that cannot be resolved is surely not sent."""
    ended, _ = _ended(colour, "https://api.example.test", asked)

    assert ended == NOT_SENT.of(asked)


@colours
@operations
def test_refused_connection(colour: str, asked: str) -> None:
    """R3: a refused connection is surely not sent."""
    with nobody() as url:
        ended, _ = _ended(colour, url, asked)

    assert ended == NOT_SENT.of(asked)


@colours
@operations
def test_connection_that_is_not_taken(colour: str, asked: str) -> None:
    """R3: a connect that takes longer than its timeout is surely not sent."""
    with silence() as url:
        ended, _ = _ended(colour, url, asked, connect_timeout=0.1)

    assert ended == NOT_SENT.of(asked)


@colours
@operations
def test_certificate_that_cannot_be_verified(serve: Serve, tls: ssl.SSLContext, colour: str, asked: str) -> None:
    """R2: nothing is sent to a server that cannot show who it is, and it is not asked again."""
    server = serve(tls=tls)

    ended, _ = _ended(colour, server.url, asked)

    assert ended == NOT_SENT_FOR_GOOD.of(asked)
    assert (server.connections, server.requests) == (1, [])


@colours
@operations
def test_deadline_that_has_passed(serve: Serve, colour: str, asked: str) -> None:
    """R1: past the deadline no request goes out, and no connection is opened."""
    server = serve()

    (error, effect, _), _ = _ended(colour, server.url, asked, deadline=1e-9)

    assert (error, effect) == (NotSentError, "none")
    assert (server.connections, server.requests) == (0, [])


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Give a function that lets one use of a function fail on the way to a connection: the first, or another."""

    def fail(name: str, error: OSError, use: int = 1) -> None:
        module = _connection if hasattr(_connection, name) else socket
        real = getattr(module, name)
        uses = itertools.count(1)

        def failing(*arguments: Any, **more: Any) -> Any:
            if next(uses) == use:
                raise error
            return real(*arguments, **more)

        monkeypatch.setattr(module, name, failing)

    return fail


@colours
@operations
@pytest.mark.parametrize(
    "name, error",
    [
        pytest.param("getaddrinfo", socket.gaierror(socket.EAI_AGAIN, "try again"), id="DNS"),
        pytest.param("create_connection", ConnectionRefusedError(), id="refused"),
        pytest.param("create_connection", TimeoutError(), id="connect timeout"),
    ],
)
def test_way_that_heals(serve: Serve, fail: Fail, *, colour: str, asked: str, name: str, error: OSError) -> None:
    """R3: what was surely not sent is sent again, whatever it is, and the server sees it once."""
    server = serve(answer(GOOD))
    fail(name, error)

    result, attempts = ask(colour, server.url, asked, attempts=3)

    assert isinstance(result, StatusReport if asked == "read" else Invoice)
    assert (attempts, len(server.requests)) == (2, 1)


@colours
@operations
@pytest.mark.parametrize("status", [429, 503])
def test_wait_beyond_the_deadline_is_told(serve: Serve, colour: str, asked: str, status: int) -> None:
    """R4: who cannot wait as long as the provider asks for is told at once how long that is."""
    server = serve(*[_asking_to_wait(status, "3600")] * 5)

    _, error = _ended(colour, server.url, asked)

    assert error.retry_after == 3600.0


@colours
@pytest.mark.parametrize("asked", ["create", "create with key"])
def test_invoice_of_another_amount_is_known(serve: Serve, colour: str, asked: str) -> None:
    """M6: an answer with another amount is an error that keeps the id, and is not asked for again."""
    server = serve(*[answer(GOOD.replace(b"49.90", b"4.99"))] * 5)

    ended, error = _ended(colour, server.url, asked)

    assert ended == (UnexpectedResponseError, "done", 1)
    assert (error.invoice_id, len(server.requests)) == ("i-1", 1)


@colours
@pytest.mark.parametrize("refusal, error", [(401, AuthenticationError), (404, NotFoundError), (422, RejectedError)])
@pytest.mark.parametrize("lost", ["reset", "503", "408", "409"])
def test_refusal_after_a_lost_answer_leaves_the_doubt(
    serve: Serve, colour: str, lost: str, refusal: int, error: type[GatewayError]
) -> None:
    """R3: "no" to the second attempt does not say that the first one was not carried out."""
    server = serve(FAULTS[lost][0], *[_status(refusal)] * 5)

    ended, _ = _ended(colour, server.url, "create with key")

    assert ended == (error, "unknown", 2)
    assert len(server.requests) == 2


@colours
@pytest.mark.parametrize("answered", [b"", whole(b"{}", 503), whole(b"{}", 408)], ids=["nothing", "503", "408"])
def test_way_that_breaks_after_a_lost_answer_leaves_the_doubt(
    serve: Serve, fail: Fail, colour: str, answered: bytes
) -> None:
    """R3: that the second attempt was not sent does not say that the first one was not carried out."""
    server = serve(write_and_close(answered))
    fail("create_connection", ConnectionRefusedError(), use=2)

    ended, _ = _ended(colour, server.url, "create with key", attempts=2)

    assert ended == (OutcomeUnknownError, "unknown", 2)
    assert len(server.requests) == 1


@colours
@operations
def test_wait_for_the_rate_limit_ends_with_the_deadline(serve: Serve, colour: str, asked: str) -> None:
    """R1, R7: who cannot have a turn before the deadline is told so at once, and nothing is sent."""
    server = serve(*[answer(GOOD)] * 2)
    door = gateway(COLOURS[colour], server.url, ASKED[asked][0], limits=("1/h",))

    try:
        first, second = call(door, asked), call(door, asked)
    finally:
        close(door)

    assert isinstance(first, StatusReport | Invoice)
    assert (type(second), second.effect) == (NotSentError, "none")
    assert len(server.requests) == 1
