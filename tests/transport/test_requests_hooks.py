"""What applications hook into requests sees what it would see of any request, and its mistakes are told as its own."""

from __future__ import annotations

import functools
import http.client
import importlib.metadata
import io
import json
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import requests
import urllib3
import urllib3.connection
from requests.adapters import HTTPAdapter

from gateway_core.errors import NotSentError, OutcomeUnknownError
from gateway_core.transport import _adapter
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import PATIENT, ask, failure, get, post
from tests.transport.fault_server import (
    Act,
    FaultServer,
    answer,
    drip_for_ever,
    endless,
    head,
    write_and_close,
)

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

ANSWER = answer(
    b'{"name": "\xc3\xa4"}',
    201,
    ("Content-Type", "application/json; charset=utf-8"),
    ("Set-Cookie", "a=1; Path=/"),
    ("Set-Cookie", "b=2; Path=/"),
    ("Link", '<https://api.example.test/2>; rel="next"'),
    ("Location", "/elsewhere"),
)

#: How an application looks at a response.
LOOKS: dict[str, Callable[[requests.Response], Any]] = {
    "ok": lambda response: response.ok,
    "reason": lambda response: response.reason,
    "url": lambda response: response.url.rpartition(":")[2].partition("/")[2],
    "encoding": lambda response: response.encoding,
    "apparent_encoding": lambda response: response.apparent_encoding,
    "cookies": lambda response: sorted(response.cookies.items()),
    "headers": lambda response: sorted(response.headers.items()),
    "links": lambda response: response.links,
    "text": lambda response: response.text,
    "json": lambda response: response.json(),
    "content": lambda response: response.content,
    "iter_content": lambda response: b"".join(response.iter_content(3)),
    "iter_lines": lambda response: list(response.iter_lines()),
    "raise_for_status": lambda response: response.raise_for_status(),
    "history": lambda response: response.history,
    "next": lambda response: response.next,
    "is_redirect": lambda response: response.is_redirect,
    "elapsed": lambda response: response.elapsed.total_seconds() > 0,
    "request": lambda response: (response.request.method, response.request.path_url, response.request.body),
    "request headers": lambda response: response.request.headers["content-LENGTH"],
    "connection": lambda response: isinstance(response.connection, HTTPAdapter),
    "repr": repr,
    "pickle": lambda response: pickle.loads(pickle.dumps(response)).text,  # noqa: S301  # our own
    "raw": lambda response: (response.raw.status, response.raw.version, response.raw.reason),
    "raw headers": lambda response: (list(response.raw.headers.items()), response.raw.headers.getlist("set-cookie")),
    "raw read": lambda response: (response.raw.read(), response.raw.read(5)),
    "raw stream": lambda response: list(response.raw.stream()),
    "close": lambda response: response.close(),
    "unknown": lambda response: hasattr(response, "nothing of this kind"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_response_is_whole(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, look: str) -> None:
    """A wrapper of `Session.send` sees at our response what it sees at one that requests has made and read."""
    server = serve(ANSWER, ANSWER)
    seen: list[Any] = []
    real = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        response = real(session, request, **more)
        seen.append(LOOKS[look](response))
        return response

    monkeypatch.setattr(requests.Session, "send", send)

    found = ask(connect(server.url), post(f"{server.url}/invoices?a=1"))
    requests.post(f"{server.url}/invoices?a=1", b'{"amount": "10.00"}', allow_redirects=False, timeout=5)

    ours, theirs = seen
    assert ours == theirs
    assert (found.status, found.headers.get_all("Set-Cookie")) == (201, ("a=1; Path=/", "b=2; Path=/"))


def test_error_for_a_status_is_that_of_requests(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`raise_for_status` in a wrapper names status, reason and address."""
    server = serve(answer(b"{}", 404))
    told: list[str] = []
    real = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        response = real(session, request, **more)
        with pytest.raises(requests.HTTPError) as caught:
            response.raise_for_status()
        told.append(str(caught.value))
        return response

    monkeypatch.setattr(requests.Session, "send", send)

    ask(connect(server.url), get(f"{server.url}/invoices/1"))

    assert told == [f"404 Client Error: Whatever for url: {server.url}/invoices/1"]


def test_hook_of_a_request_is_called(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapper may register one, as with any request."""
    server = serve(ANSWER)
    seen: list[object] = []
    real = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        request.hooks["response"].append(lambda response, **_: seen.append(response.reason))
        return real(session, request, **more)

    monkeypatch.setattr(requests.Session, "send", send)

    ask(connect(server.url), get(f"{server.url}/"))

    assert seen == ["Whatever"]


def test_recorders_below_requests_see_the_address(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What wraps an adapter or a pool of urllib3, as tracers and recorders do, is told the true address."""
    server = serve()
    seen: list[object] = []
    adapters, pools = HTTPAdapter.send, urllib3.HTTPConnectionPool.urlopen

    def send(adapter: HTTPAdapter, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        seen.append((request.method, request.url, request.path_url))
        return adapters(adapter, request, **more)

    def urlopen(pool: urllib3.HTTPConnectionPool, method: str, url: str, *args: Any, **more: Any) -> Any:
        seen.append((method, url))
        return pools(pool, method, url, *args, **more)

    monkeypatch.setattr(HTTPAdapter, "send", send)
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", urlopen)

    ask(connect(server.url), get(f"{server.url}/invoices/a%2Fb?page=2"))

    target = "/invoices/a%2Fb?page=2"
    assert seen == [("GET", server.url + target, target), ("GET", target)]


def test_headers_of_tracers_are_sent(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a tracer adds on the way goes with the request."""
    server = serve()
    real = urllib3.HTTPConnectionPool.urlopen

    def urlopen(pool: urllib3.HTTPConnectionPool, **more: Any) -> Any:
        return real(pool, **{**more, "headers": {**more["headers"], "traceparent": "00-1"}})

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", urlopen)

    ask(connect(server.url), get(f"{server.url}/"))

    assert server.requests[0].header("traceparent") == "00-1"


def test_stand_in_for_the_adapter_answers(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes the place of `HTTPAdapter.send`, as the library `responses` does, needs no network."""

    def send(_: HTTPAdapter, request: requests.PreparedRequest, **__: Any) -> requests.Response:
        raw = urllib3.HTTPResponse(io.BytesIO(b'{"id": "7"}'), {"X-Id": "7"}, 201, preload_content=False)
        return HTTPAdapter().build_response(request, raw)

    monkeypatch.setattr(HTTPAdapter, "send", send)

    found = ask(connect("https://api.example.test"), post("https://api.example.test/invoices"))

    assert (found.status, found.body, found.headers["x-id"]) == (201, b'{"id": "7"}', "7")


def test_stand_in_for_urllib3_answers(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes the place of `urlopen`, as the library `pook` does, needs no network."""

    def urlopen(*_: Any, **__: Any) -> urllib3.HTTPResponse:
        return urllib3.HTTPResponse(io.BytesIO(b'{"id": "7"}'), {"X-Id": "7"}, 201, preload_content=False)

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", urlopen)

    found = ask(connect("https://api.example.test"), post("https://api.example.test/invoices"))

    assert (found.status, found.body, found.headers["x-id"]) == (201, b'{"id": "7"}', "7")


def test_hook_into_urllib3_reads_the_answer(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrapper of `urlopen` that looks at the body takes it from nobody."""
    server = serve(ANSWER)
    seen: list[object] = []
    real = urllib3.HTTPConnectionPool.urlopen

    def urlopen(pool: urllib3.HTTPConnectionPool, *args: Any, **more: Any) -> Any:
        response = real(pool, *args, **more)
        seen.append((response.data, response.json(), response.getheader("link"), response.version))
        return response

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", urlopen)

    found = ask(connect(server.url), get(f"{server.url}/"))

    assert seen == [(found.body, json.loads(found.body), found.headers["link"], 11)]


def test_tracer_of_the_standard_library_sees_each_exchange(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What wraps `putrequest` and `getresponse`, as Sentry does, sees address and status, and may add headers."""
    server = serve(*[ANSWER] * 2)
    seen: list[object] = []
    puts, gets = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse

    def putrequest(connection: http.client.HTTPConnection, method: str, url: str, *args: Any, **more: Any) -> None:
        seen.append((method, connection.port, url))
        puts(connection, method, url, *args, **more)
        connection.putheader("sentry-trace", "1")

    def getresponse(connection: http.client.HTTPConnection, *args: Any, **more: Any) -> Any:
        response = gets(connection, *args, **more)
        seen.append((response.status, response.reason, response.getheader("Link")))
        return response

    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", putrequest)
    monkeypatch.setattr(http.client.HTTPConnection, "getresponse", getresponse)
    transport = connect(server.url)

    found = [ask(transport, post(f"{server.url}/invoices/a%2Fb?page=2")) for _ in range(2)]

    once = [("POST", server.port, "/invoices/a%2Fb?page=2"), (201, "Whatever", found[0].headers["Link"])]
    assert seen == once * 2
    assert [(each.connection, each.header("sentry-trace")) for each in server.requests] == [(0, "1")] * 2
    assert [each.headers.get_all("Set-Cookie") for each in found] == [("a=1; Path=/", "b=2; Path=/")] * 2


def _wrap(monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
    """Wrap a method, as one does who only looks."""
    real = getattr(kind, name)

    @functools.wraps(real)
    def wrapper(*args: Any, **more: Any) -> Any:
        return real(*args, **more)

    monkeypatch.setattr(kind, name, wrapper)


def test_tracer_of_the_standard_library_lets_nothing_into_the_log(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """S1: urllib3 would write the whole address, keys in it included."""
    _wrap(monkeypatch, http.client.HTTPConnection, "putrequest")
    caplog.set_level("DEBUG")
    server = serve()

    ask(connect(server.url), get(f"{server.url}/canary?key=canary"))

    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    "act, bounds",
    [
        (endless(), {"max_response_bytes": 1000}),
        (drip_for_ever(), {"deadline": 0.3}),
        (write_and_close(head(200, ("Content-Length", "10")) + b"{"), {}),
        (write_and_close(b"HTTP/1.1 200 OK\r\nX-Id: 7\r\n"), {}),
    ],
    ids=["endless", "drip", "cut", "headers cut"],
)
def test_tracer_of_the_standard_library_takes_no_bound_away(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, act: Act, bounds: dict[str, Any]
) -> None:
    """S7, R1: an answer is bounded in size and time, and a part of one is none, whoever looks."""
    _wrap(monkeypatch, http.client.HTTPConnection, "getresponse")
    server = serve(act)
    seconds = bounds.get("deadline", PATIENT)

    error = failure(connect(server.url, **bounds), post(f"{server.url}/invoices"), seconds)

    assert (type(error), error.effect, len(server.requests)) == (OutcomeUnknownError, "unknown", 1)


class Recorder(urllib3.connection.HTTPConnection):
    """What a recorder such as vcrpy puts in the place of urllib3's connections."""

    seen: ClassVar[list[object]] = []

    def request(self, method: str, url: str, *args: Any, **more: Any) -> None:
        """Note the request."""
        self.seen.append((method, url, more["headers"]["X-Id"]))
        super().request(method, url, *args, **more)


def test_recorder_below_urllib3_sees_the_address(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes the place of urllib3's connections records the true address."""
    server = serve(ANSWER)
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "ConnectionCls", Recorder)
    monkeypatch.setattr(Recorder, "seen", [])

    found = ask(connect(server.url), get(f"{server.url}/invoices?page=2", headers={"X-Id": "7"}))

    assert Recorder.seen == [("GET", "/invoices?page=2", "7")]
    assert (found.status, found.body) == (201, b'{"name": "\xc3\xa4"}')


class Mistake(Exception):  # noqa: N818  # any name
    """An application's own, whose text may hold anything."""


@pytest.mark.parametrize("mistake", [Mistake("sk_live_1"), AttributeError("sk_live_1")])
def test_mistake_after_the_answer_is_told_by_its_type(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, mistake: Exception
) -> None:
    """The creation may have been carried out; what hides the answer is named, and happens again each time."""
    server = serve()
    real = requests.Session.send

    def send(session: requests.Session, request: requests.PreparedRequest, **more: Any) -> requests.Response:
        real(session, request, **more)
        raise mistake

    monkeypatch.setattr(requests.Session, "send", send)

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    kind = "AttributeError" if isinstance(mistake, AttributeError) else f"{__name__}.Mistake"
    assert error.message == f"127.0.0.1: the request may have been sent, and then {kind} was raised"
    assert isinstance(error, OutcomeUnknownError)
    assert (error.effect, error.permanent, error.__context__) == ("unknown", True, None)


@pytest.mark.parametrize("where", [(requests.Session, "send"), (requests.Session, "get_adapter")])
def test_mistake_before_the_request_is_not_sent(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, where: tuple[type, str]
) -> None:
    """What fails before requests has begun, or before it has an adapter, changed nothing at the provider."""
    server = serve()

    def wrapper(*_: Any, **__: Any) -> None:
        raise Mistake("sk_live_1")

    monkeypatch.setattr(*where, wrapper)

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert error.effect == ("none" if where[1] == "send" else "unknown")
    assert (f"{__name__}.Mistake" in error.message, server.connections) == (True, 0)


@pytest.mark.parametrize("fault", [importlib.metadata.PackageNotFoundError("gateway-core"), StopIteration()])
def test_agent_needs_no_metadata(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """A frozen application has no metadata of distributions: the agent does without the version."""

    def version(_: str) -> str:
        raise fault

    server = serve()
    _adapter._user_agent.cache_clear()
    monkeypatch.setattr(importlib.metadata, "version", version)

    ask(connect(server.url), get(f"{server.url}/"))

    _adapter._user_agent.cache_clear()
    assert server.requests[0].header("User-Agent") == "gateway-core"


@pytest.mark.parametrize("part", ["Prepared", "pool"])
def test_failure_in_preparing_is_not_sent(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Whatever fails before a connection has the request is not sent, with its cause by its type."""
    server = serve()

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    if part == "Prepared":
        monkeypatch.setattr(_adapter.Prepared, "__init__", fail)
    else:
        monkeypatch.setattr(_adapter.Adapter, "_make_pool", fail)

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert isinstance(error, NotSentError)
    assert (error.message, error.permanent) == (
        "127.0.0.1: preparing the request failed with MemoryError; nothing was sent",
        True,
    )
