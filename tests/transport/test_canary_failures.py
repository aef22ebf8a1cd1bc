"""S1, S2, S9: the secrets of every provider x everything that goes wrong on the way x every sink, and no hit.

What is echoed is all that the server was sent, which is what the provider's flow made of the secret, and the secret
itself, in every form.
"""

from __future__ import annotations

import asyncio
import base64
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import attrs
import pytest

from gateway_core import (
    AsyncGateway,
    Flow,
    Gateway,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    ProviderInfo,
    Secret,
    hookimpl,
)
from gateway_core._engine.operations import Operations
from gateway_core.errors import GatewayError, for_status
from gateway_core.http import endpoint
from gateway_core.observers import Observers
from gateway_core.provider import base_url_field, secret_field
from gateway_core.transport import TransportSettings
from gateway_core.wire import decode
from tests.accounts import ACCOUNTS, CUSTOMER, Account
from tests.canary import Logs, forms, hits, leaks, locals_shown, made_up
from tests.transport.asking import PATIENT
from tests.transport.fault_server import (
    Act,
    Connection,
    FaultServer,
    answer,
    close_before_answering,
    gzip_bomb,
    head,
    nobody,
    reset_before_answering,
    reset_before_reading,
    silence,
    whole,
    write,
    write_and_hold,
)

Serve = Callable[..., FaultServer]


@attrs.frozen(kw_only=True)
class Settings:
    """The settings of a provider that is only there to carry its key everywhere."""

    api_key: Secret = secret_field()
    base_url: str = base_url_field()


@attrs.frozen
class Everywhere:
    """A provider whose API takes the key in every place that there is."""

    settings: Settings
    info = ProviderInfo(title="Everywhere", contract_version=1)

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Send the key in each part of a request, and quote the answer."""
        key = self.settings.api_key.reveal()
        url = endpoint(self.settings.base_url, "keys", key, query={"key": key, key: "x"})
        basic = base64.b64encode(f"user:{key}".encode()).decode()
        ask = HttpRequest.json("POST", url, {"key": key}, headers={"X-Key": key, "Authorization": f"Basic {basic}"})
        response = yield attrs.evolve(ask, idempotency_key=key)
        if not response.ok:
            raise for_status(response.status, response.body.decode("utf-8", "replace"), code=str(response.headers))
        found = decode(response.body, Settings)
        return Invoice(id=str(found), status=InvoiceStatus.PENDING, amount=request.amount)

    @hookimpl
    def get_status(self, invoice_id: str) -> Any:
        """Do nothing."""

    @hookimpl
    def list_payments(self, query: object) -> Any:
        """Do nothing."""

    @hookimpl
    def verify_webhook(self, request: object) -> Any:
        """Do nothing."""

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Send the key by GET."""
        key = self.settings.api_key.reveal()
        response = yield HttpRequest(method="GET", url=endpoint(self.settings.base_url, key, query={"key": key}))
        raise for_status(response.status, f"{response.body!r}")


EVERYWHERE = Account(backend="everywhere", secrets={"api_key": made_up("everywhere")})
each_account = pytest.mark.parametrize("account", [*ACCOUNTS.values(), EVERYWHERE], ids=[*ACCOUNTS, "everywhere"])

#: Short, where a test waits for it to pass.
BOUNDS = TransportSettings(attempts=1, read_timeout=0.3, connect_timeout=0.3, max_response_bytes=100_000)

OPERATIONS: dict[str, Callable[[Gateway, Account], object]] = {
    "create_invoice": lambda gateway, account: gateway.create_invoice(account.order()),
    "check_account": lambda gateway, _: gateway.check_account(),
}


class Seen:
    """An observer that keeps every event, and logs as the default one does."""

    def __init__(self) -> None:
        self.events: list[object] = []

    @hookimpl
    def observe(self, event: object) -> None:
        """Keep it."""
        self.events.append(event)


#: Returns an answer's bytes, given the text to echo.
Echo = Callable[[str], bytes]


def echo(answering: Echo, secrets: tuple[str, ...], *, close: bool = False) -> Act:
    """Answer with all that was sent, and with the secrets in every form."""

    def act(connection: Connection) -> None:
        seen = connection.read_request()
        sent = " ".join([seen.target, *(value for _, value in seen.headers), seen.body.decode("utf-8", "replace")])
        told = " ".join(form for secret in secrets for form in forms(secret))
        connection.write(answering(f"{secrets[0]} {told} {sent}".replace("\r", " ").replace("\n", " ")))
        if close:
            connection.close()

    return act


def flat(text: str) -> bytes:
    """Return an error as most APIs write it."""
    names = ("message", "error", "code", "reason", "detail", "result", "title", "request_id", "requestId", "data", "id")
    return json.dumps({"success": False, **dict.fromkeys(names, text)}).encode()


def nested(text: str) -> bytes:
    """Return an error as others write it."""
    error = {"message": text, "code": text, "type": text, "param": text, "request_id": text}
    return json.dumps({"success": False, "result": "error", "error": error, "errors": [error, text]}).encode()


def unusable(text: str) -> bytes:
    """Return a success whose fields are all there and hold something else."""
    names = ("id", "invoiceId", "status", "amount", "currency", "url", "code", "created_at", "data", "items")
    inner: Any = dict.fromkeys(names, text)
    return json.dumps({"success": True, "result": "success", **inner, "data": inner, text: text}).encode()


#: What a server answers, given the text to echo.
ECHOING: dict[str, Echo] = {
    "401 flat": lambda text: whole(flat(text), 401),
    "401 nested": lambda text: whole(nested(text), 401),
    "401 text": lambda text: whole(text.encode(), 401),
    "401 html": lambda text: whole(f"<html><h1>{text}</h1></html>".encode(), 401, ("Content-Type", "text/html")),
    "401 header": lambda text: whole(b"{}", 401, ("X-Request-Id", text), ("Location", text)),
    "403": lambda text: whole(nested(text), 403),
    "404": lambda text: whole(flat(text), 404),
    "409": lambda text: whole(flat(text), 409),
    "422": lambda text: whole(nested(text), 422),
    "429": lambda text: whole(flat(text), 429, ("Retry-After", text), ("X-RateLimit-Reset", text)),
    "500": lambda text: whole(flat(text), 500),
    "503 html": lambda text: whole(f"<p>{text}".encode(), 503),
    "redirect": lambda text: whole(text.encode(), 302, ("Location", f"https://other.example/?key={text}")),
    "redirect by post": lambda text: whole(text.encode(), 307, ("Location", f"/{text}")),
    "200 html": lambda text: whole(f"<html>{text}</html>".encode()),
    "200 text": lambda text: whole(text.encode()),
    "200 flat": lambda text: whole(flat(text)),
    "200 nested": lambda text: whole(nested(text)),
    "200 unusable": lambda text: whole(unusable(text)),
    "200 list": lambda text: whole(json.dumps([text, {text: text}]).encode()),
    "200 text as JSON": lambda text: whole(json.dumps(text).encode()),
    "200 name twice": lambda text: whole(b"{%b: 1, %b: 2}" % (json.dumps(text).encode(), json.dumps(text).encode())),
    "200 broken JSON": lambda text: whole(flat(text)[:-3]),
    "200 odd number": lambda text: whole(b'{"id": ' + text.encode() + b"}"),
    "too large": lambda text: whole(text.encode() * 300),
    "no gzip": lambda text: whole(text.encode(), 200, ("Content-Encoding", "gzip")),
    "other encoding": lambda text: whole(text.encode(), 200, ("Content-Encoding", text)),
    "bad header": lambda text: f"HTTP/1.1 200 OK\r\n{text}\r\nA: b\r\n\r\n".encode(),
    "odd status": lambda text: f"HTTP/1.1 {text}\r\n\r\n".encode(),
    "status line": lambda text: f"HTTP/1.1 401 {text}\r\nContent-Length: 0\r\n\r\n".encode(),
    "no HTTP": lambda text: f"{text}\r\n\r\n".encode(),
    "bad length": lambda text: f"HTTP/1.1 200 OK\r\nContent-Length: {text}\r\n\r\n{text}".encode(),
    "bad chunk": lambda text: head(200, ("Transfer-Encoding", "chunked")) + f"{text}\r\n".encode(),
    "bad trailer": lambda text: head(200, ("Transfer-Encoding", "chunked")) + f"0\r\n{text}\r\n\r\n".encode(),
}  # fmt: skip

#: What goes wrong without an answer, or before it.
SILENT: dict[str, Act] = {
    "reset at once": reset_before_reading(),
    "reset": reset_before_answering(),
    "closed": close_before_answering(),
    "timeout": write_and_hold(b""),
    "half an answer": write_and_hold(head(200)),
    "bomb": answer(gzip_bomb(32 << 20), 200, ("Content-Encoding", "gzip")),
    "other protocol": write(head(101)),
}


@pytest.fixture
def unreachable(serve: Serve, tls: Any) -> Iterator[Callable[[str], str]]:
    """Give what gives an address that nobody can be reached at."""
    with ExitStack() as stack:

        def give(why: str) -> str:
            match why:
                case "refused":
                    return stack.enter_context(nobody())
                case "not taken":
                    return stack.enter_context(silence())
                case "certificate":
                    return serve(tls=tls).url
            return "https://api.unknown.example"

        yield give


def _gateway(account: Account, base_url: str, seen: Seen) -> Gateway:
    observers = ("logging", seen)
    if account is EVERYWHERE:
        provider = Everywhere(Settings(**account.settings, base_url=base_url))
        core = Operations(account.backend, provider)
        return Gateway(core, bounds=BOUNDS, observers=Observers.load(observers))
    settings = {**account.settings, "base_url": base_url, "rate_limits": []}
    return Gateway.connect(account.backend, transport=BOUNDS, observers=observers, **settings)


def failing(account: Account, base_url: str, operation: str) -> tuple[GatewayError | None, list[object]]:
    """Return the error of a call, and what the observers were told; None for an answer that does for a success."""
    seen = Seen()
    with _gateway(account, base_url, seen) as gateway:
        try:
            OPERATIONS[operation](gateway, account)
        except GatewayError as error:
            return error, seen.events
    return None, seen.events


def found(error: GatewayError | None, events: list[object], logs: Logs, *secrets: str) -> dict[str, list[str]]:
    """Return every sink in which something of a secret has ended up."""
    elsewhere = {"log": leaks(logs.text, *secrets), "events": leaks(repr(events), *secrets)}
    told = hits(error, *secrets) if error is not None else {}
    return told | {sink: parts for sink, parts in elsewhere.items() if parts}


@each_account
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("answered", ECHOING)
def test_key_that_is_echoed(serve: Serve, logs: Logs, account: Account, operation: str, answered: str) -> None:
    """S1, S2: whatever the provider answers, with the key in it."""
    server = serve(*[echo(ECHOING[answered], account.canaries)] * 3)

    error, events = failing(account, server.url, operation)

    assert found(error, events, logs, *account.canaries) == {}
    assert leaks(logs.text, CUSTOMER) == []


@each_account
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", SILENT)
def test_failure_on_the_way(serve: Serve, logs: Logs, account: Account, operation: str, fault: str) -> None:
    """S1, S9: where nobody quotes anything, nothing of the customer is told either."""
    server = serve(*[SILENT[fault]] * 3)

    error, events = failing(account, server.url, operation)

    assert error is not None
    assert found(error, events, logs, CUSTOMER, *account.canaries) == {}


@each_account
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("why", ["refused", "not taken", "certificate", "unknown name"])
def test_nobody_is_reached(
    unreachable: Callable[[str], str], logs: Logs, account: Account, operation: str, why: str
) -> None:
    """S1, S9: the libraries' own words hold addresses, queries and header values."""
    error, events = failing(account, unreachable(why), operation)

    assert error is not None
    assert found(error, events, logs, CUSTOMER, *account.canaries) == {}


@each_account
@pytest.mark.parametrize(
    "proxied",
    [
        pytest.param(lambda text: whole(text.encode(), 407, ("Proxy-Authenticate", text)), id="407"),
        pytest.param(lambda text: f"HTTP/1.1 403 {text}\r\n\r\n".encode(), id="403"),
        pytest.param(lambda text: f"{text}\r\n\r\n".encode(), id="no HTTP"),
        pytest.param(lambda text: b"", id="closed"),
    ],
)
def test_proxy_with_a_password(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, logs: Logs, account: Account, proxied: Echo
) -> None:
    """S1: a proxy's password is a secret, whatever the proxy says of it."""
    password = made_up("proxy", plain=True)
    server = serve(*[echo(proxied, (password, *account.canaries), close=True)] * 3)
    monkeypatch.setenv("HTTPS_PROXY", server.url.replace("://", f"://user:{password}@"))

    error, events = failing(account, "https://api.example.com", "create_invoice")

    assert server.requests[0].method == "CONNECT"
    assert found(error, events, logs, CUSTOMER, password, *account.canaries) == {}


@pytest.mark.parametrize(
    "proxy", ["http://u:{}@127.0.0.1:port", "socks5://u:{}@h", "u:{}@h:1:2", "http://u:{}@[::1", "//{}", "http://{}@:1"]
)
def test_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, logs: Logs, proxy: str) -> None:
    """S1: a proxy that is written wrongly is told by its variable."""
    password = made_up("proxy", plain=True)
    monkeypatch.setenv("HTTPS_PROXY", proxy.format(password))

    with pytest.raises(GatewayError) as caught:
        failing(ACCOUNTS["sandbox"], "https://api.unknown.example", "check_account")

    assert hits(caught.value, password, *ACCOUNTS["sandbox"].canaries) == {}
    assert leaks(logs.text, password) == []


@pytest.mark.parametrize("answered", ["401 flat", "redirect", "200 unusable", "no HTTP"])
def test_async_call(serve: Serve, logs: Logs, answered: str) -> None:
    """S1: what is awaited says no more than what blocks."""
    account = EVERYWHERE
    server = serve(echo(ECHOING[answered], account.canaries))

    async def call() -> None:
        core = Operations("everywhere", Everywhere(Settings(**account.settings, base_url=server.url)))
        async with AsyncGateway(core, bounds=BOUNDS) as gateway:
            await gateway.create_invoice(account.order())

    with pytest.raises(GatewayError) as caught:
        asyncio.run(call())

    assert found(caught.value, [], logs, *account.canaries) == {}


def test_async_call_that_is_cancelled(serve: Serve, logs: Logs) -> None:
    """S1: a cancellation passes through our frames, and what it notes and shows of them is nobody's secret."""
    account = ACCOUNTS["bitsby"]
    arrived = asyncio.Event()

    async def call() -> BaseException:
        loop = asyncio.get_running_loop()

        def act(connection: Connection) -> None:
            connection.read_request()
            loop.call_soon_threadsafe(arrived.set)
            connection.hold()

        settings = {**account.settings, "base_url": serve(act).url, "rate_limits": []}
        async with AsyncGateway.connect("bitsby", transport=BOUNDS, **settings) as gateway:
            task = asyncio.create_task(gateway.create_invoice(account.order()))
            await asyncio.wait_for(arrived.wait(), PATIENT)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError as cancelled:
                return cancelled
        raise AssertionError

    cancelled = asyncio.run(call())

    shown = "".join(traceback.format_exception(cancelled)) + locals_shown(cancelled) + logs.text
    assert "may have" in str(cancelled.__notes__)
    assert leaks(shown, CUSTOMER, *account.canaries) == []
