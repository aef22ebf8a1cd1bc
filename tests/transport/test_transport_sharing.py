"""One transport, several threads; one environment, several accounts; and what stands in for the network in tests."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest
import requests
from requests_mock import Mocker

from gateway_core.errors import NotSentError, OutcomeUnknownError
from gateway_core.http import HttpRequest
from gateway_core.provider import ProviderInfo, RateLimit
from gateway_core.transport import LimitSettings, TransportSettings
from gateway_core.transport._assembly import connect_account
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import Through, ask, failure, get, post
from tests.transport.fault_server import Connection, FaultServer, answer, reset_before_answering

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

API = "https://api.example.test"


def _echo(connection: Connection) -> None:
    seen = connection.read_request()
    connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(seen.body), seen.body))


def test_threads_get_their_own_answers(serve: Serve, connect: Connect) -> None:
    """Eight threads on one transport: every answer belongs to its request, and connections are reused."""
    server = serve(*[_echo] * 400)
    transport = connect(server.url)
    ready = threading.Barrier(8)

    def work(worker: int) -> list[bool]:
        ready.wait()
        bodies = [f"{worker}-{i}".encode() for i in range(50)]
        return [ask(transport, post(f"{server.url}/", body)).body == body for body in bodies]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))

    assert results == [[True] * 50] * 8
    assert (len(server.requests), server.connections <= 8) == (400, True)


def test_failure_in_one_thread_is_not_another_ones(serve: Serve, connect: Connect) -> None:
    """Each call is judged by its own connection."""
    good, bad = serve(*[_echo] * 100), serve(*[reset_before_answering()] * 100)
    transports = [connect(good.url), connect(bad.url)]

    def work(i: int) -> str:
        if i % 2:
            return type(failure(transports[1], post(f"{bad.url}/"))).__name__
        return ask(transports[0], post(f"{good.url}/", b"ok")).body.decode()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(100)))

    assert results == ["ok", "OutcomeUnknownError"] * 50


def test_fake_provider_sees_the_request_as_it_is(connect: Connect, requests_mock: Mocker) -> None:
    """Whatever stands in for requests' adapter gets the address, the headers and the bytes of the flow."""
    requests_mock.post(f"{API}/invoices", json={"id": "7"}, status_code=201, headers={"X-Request-Id": "r"})

    response = ask(
        connect(API),
        HttpRequest.json("POST", f"{API}/invoices?a=%2F", {"amount": "1.00"}, headers={"X-Api-Key": "k"}),
    )

    sent = requests_mock.request_history[0]
    assert (response.status, json.loads(response.body), response.headers["x-request-id"]) == (201, {"id": "7"}, "r")
    assert (sent.url, sent.json(), sent.headers["x-api-key"]) == (f"{API}/invoices?a=%2F", {"amount": "1.00"}, "k")
    assert (sent.verify, sent.stream, sent.cert, dict(sent.proxies)) == (True, True, None, {})


def test_fake_redirect_is_not_followed(connect: Connect, requests_mock: Mocker) -> None:
    """S5: the same holds where the network is faked."""
    requests_mock.post(f"{API}/invoices", status_code=307, headers={"Location": f"{API}/again"})

    response = ask(connect(API), post(f"{API}/invoices"))

    assert (response.status, requests_mock.call_count) == (307, 1)


def test_fake_answer_is_capped(connect: Connect, requests_mock: Mocker) -> None:
    """S7: the same holds where the network is faked."""
    requests_mock.get(f"{API}/", content=b"x" * 11)

    error = failure(connect(API, max_response_bytes=10), get(f"{API}/"))

    assert type(error) is OutcomeUnknownError


def test_real_calls_work_after_faked_ones(serve: Serve, connect: Connect) -> None:
    """requests-mock leaves its traces on a session; the transport does not stumble over them."""
    server = serve(answer(b"real"))
    transport = connect(server.url)
    with Mocker() as fake:
        fake.get(f"{server.url}/", text="fake")
        faked = ask(transport, get(f"{server.url}/")).body

    assert (faked, ask(transport, get(f"{server.url}/")).body) == (b"fake", b"real")


def test_hooks_of_requests_see_nothing(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """What other code does to requests' own sessions does not touch ours."""
    seen: list[object] = []
    session = requests.Session()
    session.hooks["response"].append(lambda response, *_, **__: seen.append(response))
    server = serve()

    ask(connect(server.url), get(f"{server.url}/"))

    assert seen == []


@attrs.frozen
class _Settings:
    base_url: str = API


@attrs.define
class _Mutable:
    tags: list[str] = attrs.field(factory=list)


def test_transport_is_built_for_the_configured_address(serve: Serve) -> None:
    """The base address of the settings goes before that of the provider."""
    server = serve()
    info = ProviderInfo(title="Example", base_url=API)
    account = Through(*connect_account(TransportSettings(), LimitSettings(), info, _Settings(server.url)))

    ask(account, get(f"{server.url}/"))

    assert len(server.requests) == 1
    account.close()


def test_transport_is_built_for_the_providers_address(requests_mock: Mocker) -> None:
    """A provider with one address needs no setting for it."""
    requests_mock.get(f"{API}/", text="here")

    info = ProviderInfo(title="Example", base_url=API)

    account = Through(*connect_account(TransportSettings(), LimitSettings(), info, _Mutable()))

    assert ask(account, get(f"{API}/")).body == b"here"


@pytest.mark.parametrize("settings", [_Settings(), _Mutable()], ids=["hashable", "not hashable"])
def test_declared_limits_are_kept(settings: object, requests_mock: Mocker) -> None:
    """A rate limit in `ProviderInfo` needs nothing more from anybody."""
    requests_mock.get(f"{API}/", text="here")
    info = ProviderInfo(title="Example", base_url=API, rate_limits=(RateLimit(requests=1, seconds=3600),))
    first, second = (Through(*connect_account(TransportSettings(), LimitSettings(), info, settings)) for _ in range(2))
    ask(first, get(f"{API}/"))

    error = failure(second, get(f"{API}/"))

    assert "rate limit of 1 per 3600 s" in error.message


@pytest.mark.parametrize(
    "declared, configured, requests", [(1, None, 1), (1, (), 3), (1, (RateLimit(requests=2, seconds=3600),), 2)]
)
def test_configured_limits_take_the_place_of_declared_ones(
    declared: int, configured: tuple[RateLimit, ...] | None, requests: int, requests_mock: Mocker
) -> None:
    """An operator knows the account's own limits; none at all is said by an empty list."""
    requests_mock.get(f"{API}/", text="here")
    info = ProviderInfo(title="Example", base_url=API, rate_limits=(RateLimit(requests=declared, seconds=3600),))
    settings = _Settings(f"{API}/{requests}")
    transport = Through(*connect_account(TransportSettings(), LimitSettings(rate_limits=configured), info, settings))

    for _ in range(3):
        with contextlib.suppress(NotSentError):
            ask(transport, get(f"{API}/"))

    assert len(requests_mock.request_history) == requests


def test_accounts_are_told_apart_by_the_settings_that_count(requests_mock: Mocker) -> None:
    """Two gateways with one key share its limits, though their other settings differ."""

    @attrs.frozen
    class Settings:
        api_key: str
        page_size: int

    requests_mock.get(f"{API}/", text="here")
    info = ProviderInfo(
        title="Example",
        base_url=API,
        rate_limits=(RateLimit(requests=1, seconds=3600),),
        account_settings=("api_key",),
    )
    first, same, other = (
        Through(*connect_account(TransportSettings(), LimitSettings(), info, settings))
        for settings in (Settings("a", 1), Settings("a", 2), Settings("b", 1))
    )
    ask(first, get(f"{API}/"))

    failure(same, get(f"{API}/"))
    ask(other, get(f"{API}/"))

    assert len(requests_mock.request_history) == 2
