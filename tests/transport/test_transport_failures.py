"""What is known of a request after a failure: surely not sent, or unknown."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable

import attrs
import pytest
import requests
import urllib3
from requests_mock import Mocker

from gateway_core.errors import InvalidRequestError, NotSentError, OutcomeUnknownError
from gateway_core.http import HttpRequest
from gateway_core.provider import ProviderInfo
from gateway_core.transport import LimitSettings, TransportSettings
from gateway_core.transport._assembly import connect_account
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import Through, ask, failure, get, post
from tests.transport.fault_server import (
    FaultServer,
    answer,
    close_before_answering,
    head,
    in_turn,
    nobody,
    reset_before_answering,
    reset_before_reading,
    silence,
    whole,
    write,
    write_and_close,
    write_and_hold,
)

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]


@attrs.frozen
class _Settings:
    pass


def test_refused_connection_is_not_sent(connect: Connect) -> None:
    """R3: a refused connection is surely not sent, although requests calls it what it calls a lost answer."""
    with nobody() as url:
        error = failure(connect(url), post(f"{url}/invoices"))

    assert (type(error), error.effect) == (NotSentError, "none")
    assert error.message == "127.0.0.1: it refuses connections, or cannot be reached; nothing was sent"


def test_unknown_name_is_not_sent(connect: Connect) -> None:
    """R3: a name that nobody knows is surely not sent."""
    error = failure(connect("https://api.example.test"), post("https://api.example.test/invoices"))

    assert (type(error), error.effect) == (NotSentError, "none")
    assert "name cannot be resolved" in error.message


def test_connection_that_is_not_taken_is_not_sent(connect: Connect) -> None:
    """R3: a connect that takes longer than its timeout is surely not sent."""
    with silence() as url:
        error = failure(connect(url, connect_timeout=0.2), post(f"{url}/invoices"))

    assert (type(error), error.effect) == (NotSentError, "none")
    assert "connecting took too long" in error.message


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(reset_before_answering(), id="reset"),
        pytest.param(close_before_answering(), id="closed"),
        pytest.param(write_and_close(b"HTTP/1.1 200 OK\r\nContent-"), id="headers cut"),
        pytest.param(write_and_close(b"HTTP/1.1 204 No Content\r\n"), id="no headers"),
        pytest.param(write_and_close(b"HTTP/1.1 204 No Content\r\nX-Id: 7"), id="header cut"),
        pytest.param(write_and_close(b"HTTP/1.1 204 No Content\r\nX-Id: 7\r\n"), id="end of headers missing"),
        pytest.param(write_and_close(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204"), id="cut after a hint"),
        pytest.param(write_and_close(head(200, ("Content-Length", "10")) + b'{"id"'), id="body cut"),
        pytest.param(answer(gzip.compress(b"{}")[:-5], 200, ("Content-Encoding", "gzip")), id="gzip cut"),
        pytest.param(write_and_close(head(200, ("Transfer-Encoding", "chunked")) + b'5\r\n{"id"'), id="chunks cut"),
        pytest.param(write(head(200, ("Transfer-Encoding", "chunked")) + b"zz\r\n"), id="chunk without size"),
        pytest.param(write_and_close(b"SSH-2.0-OpenSSH_9.2\r\n"), id="no HTTP"),
        pytest.param(write(head(200, ("Content-Length", "3"), ("Content-Encoding", "gzip")) + b"abc"), id="no gzip"),
        pytest.param(write(head(200, ("Content-Length", "3"), ("Content-Encoding", "br")) + b"abc"), id="not asked"),
        pytest.param(write(b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n"), id="bad header"),
        pytest.param(write(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), id="200 headers"),
        pytest.param(write(b"HTTP/1.1 101 Switching\r\n\r\n"), id="other protocol"),
        pytest.param(write_and_hold(b""), id="silent"),
    ],
)
@pytest.mark.parametrize("method, effect", [("POST", "unknown"), ("GET", "none")])
def test_failure_after_sending_is_unknown(
    serve: Serve, connect: Connect, act: Callable[..., None], method: str, effect: str
) -> None:
    """R3: once a byte was sent, a request that changes something has an unknown outcome, and is never sent again."""
    server = serve(act)
    request = get(f"{server.url}/invoices") if method == "GET" else post(f"{server.url}/invoices")

    error = failure(connect(server.url, read_timeout=0.3), request)

    assert isinstance(error, OutcomeUnknownError)
    assert (error.effect, error.permanent) == (effect, "encoding" in error.message)
    assert len(server.requests) == 1


def test_reset_before_the_request_was_read_is_unknown(serve: Serve, connect: Connect) -> None:
    """R3: what was written into a connection may have been read, whatever the connection's end looked like."""
    server = serve(reset_before_reading())

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert (type(error), error.effect, server.requests) == (OutcomeUnknownError, "unknown", [])


def test_answer_says_what_a_request_that_reads_by_post_has_changed(serve: Serve, connect: Connect) -> None:
    """A POST that is declared to change nothing has no unknown effect."""
    server = serve(reset_before_answering())

    error = failure(connect(server.url), post(f"{server.url}/search", safe=True))

    assert error.effect == "none"


def test_body_without_length_is_given_as_it_came(serve: Serve, connect: Connect) -> None:
    """Trap 5: where nothing says how long a body is, its cut cannot be seen here: strict JSON refuses it above."""
    server = serve(write_and_close(head(200) + b'{"id": "7'))

    response = ask(connect(server.url), post(f"{server.url}/invoices"))

    assert response.body == b'{"id": "7'


def test_pooled_connection_that_was_lost_is_not_used_for_a_second_try(serve: Serve, connect: Connect) -> None:
    """A connection that ends as the second request arrives leaves it unknown: libraries like to send it again."""
    server = serve(in_turn(answer(), close_before_answering()))
    transport = connect(server.url)
    ask(transport, post(f"{server.url}/first"))

    error = failure(transport, post(f"{server.url}/second"))

    assert (type(error), error.effect) == (OutcomeUnknownError, "unknown")
    assert [seen.target for seen in server.requests] == ["/first", "/second"]


def test_pooled_connection_that_is_closed_is_noticed(serve: Serve, connect: Connect) -> None:
    """A connection that the server closed after an answer is replaced before the next request is written."""
    server = serve(write_and_close(whole()))
    transport = connect(server.url)
    ask(transport, post(f"{server.url}/first"))
    server.wait_for_end(0)

    ask(transport, post(f"{server.url}/second"))

    assert [(seen.target, seen.connection) for seen in server.requests] == [("/first", 0), ("/second", 1)]


def test_interim_answers_are_passed_over(serve: Serve, connect: Connect) -> None:
    """A 103 is not the answer, and the connection does not give the answer to the next request instead."""
    server = serve(write(head(100) + head(103, ("Link", "</a>")) + whole(b"first")), answer(b"second"))
    transport = connect(server.url)

    bodies = [ask(transport, get(f"{server.url}/{name}")).body for name in ("a", "b")]

    assert bodies == [b"first", b"second"]


def test_second_address_is_tried(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with several addresses is reached by the first one that answers."""
    server = serve(answer(b"here"))
    known = socket.getaddrinfo

    def two(host: str, port: int, *args: object) -> list[object]:
        addresses = ["127.0.0.2", "127.0.0.1"] if host == "localhost" else [host]
        return [each for address in addresses for each in known(address, port, socket.AF_INET, socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", two)
    url = f"http://localhost:{server.port}"

    assert ask(connect(url), get(f"{url}/")).body == b"here"


@pytest.mark.parametrize(
    "cause",
    [
        requests.ConnectTimeout(),
        requests.exceptions.ProxyError(),
        requests.ConnectionError(
            urllib3.exceptions.MaxRetryError(
                urllib3.HTTPConnectionPool("h"),
                "/",
                urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPConnection("h"), "refused"),
            )
        ),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_faked_failure_to_connect_is_not_sent(connect: Connect, requests_mock: Mocker, cause: Exception) -> None:
    """R3: without a real connection the cause chain decides, through each library's own nesting."""
    requests_mock.post("https://api.example.test/invoices", exc=cause)

    error = failure(connect("https://api.example.test"), post("https://api.example.test/invoices"))

    assert type(error) is NotSentError


@pytest.mark.parametrize(
    "cause",
    [
        requests.ConnectionError(),
        requests.ReadTimeout(),
        requests.exceptions.SSLError(),
        requests.exceptions.ChunkedEncodingError(),
        ZeroDivisionError(),
        MemoryError(),
    ],
    ids=lambda cause: type(cause).__name__,
)
def test_what_is_not_known_to_be_harmless_is_unknown(connect: Connect, requests_mock: Mocker, cause: Exception) -> None:
    """R3: whatever else was raised, the request may have been carried out."""
    requests_mock.post("https://api.example.test/invoices", exc=cause)

    error = failure(connect("https://api.example.test"), post("https://api.example.test/invoices"))

    assert (type(error), error.effect) == (OutcomeUnknownError, "unknown")


@pytest.mark.parametrize("method, requests", [("GET", 2), ("DELETE", 1)])
def test_answer_that_is_cut_in_its_headers_is_no_answer(serve: Serve, method: str, requests: int) -> None:
    """RFC 9112, 8: a read is repeated, and a deletion has an unknown outcome."""
    server = serve(write_and_close(b"HTTP/1.1 204 No Content\r\nX-Id: 7\r\n"))
    bounds = TransportSettings(backoff=0.0)
    info = ProviderInfo(title="Example", base_url=server.url)
    account = Through(*connect_account(bounds, LimitSettings(), info, _Settings()))
    request = HttpRequest(method=method, url=f"{server.url}/invoices/7")

    told: object
    try:
        told = ask(account, request).status
    except OutcomeUnknownError as error:
        told = error.effect
    account.close()

    assert (told, len(server.requests)) == (200 if method == "GET" else "unknown", requests)


def test_lack_of_memory_is_not_made_worse(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be read for lack of memory is not asked for again."""

    def read(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("gateway_core.transport._response.read_body", read)
    server = serve()

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert isinstance(error, OutcomeUnknownError)
    assert (error.effect, error.permanent, "MemoryError" in error.message) == ("unknown", True, True)


def test_use_after_close_opens_new_connections(serve: Serve, connect: Connect) -> None:
    """Closing gives the connections back, and does not end the transport's life."""
    server = serve()
    transport = connect(server.url)
    ask(transport, get(f"{server.url}/a"))
    transport.close()

    ask(transport, get(f"{server.url}/b"))

    assert [seen.connection for seen in server.requests] == [0, 1]


def test_refusal_before_sending_is_an_invalid_request(serve: Serve, connect: Connect) -> None:
    """A request that cannot be sent as it stands is refused without a connection."""
    server = serve()

    error = failure(connect(server.url), get(f"{server.url}/a/../b"))

    assert (type(error), server.connections) == (InvalidRequestError, 0)
