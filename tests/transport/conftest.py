"""What the tests of the transport share: fault server, Redis, a made-up authority, and short ways to send."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway_core.provider import RateLimit
from gateway_core.transport import TransportSettings
from gateway_core.transport._rate_limit import Limiter, Where
from gateway_core.transport._rate_limit.shared_store import Fallback
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.fault_server import Act, FaultServer
from tests.transport.permits import WINDOW
from tests.transport.redis_server import RedisServer

#: `authority.pem` signed `server.pem` for localhost, 127.0.0.1 and api.example.test, until 2120. Its own key is lost,
#: and that in `server.pem` is known to everybody: they protect nothing.
CERTIFICATES = Path(__file__).parent / "certificates"

_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the environment of whoever runs the tests out of them."""
    for variable in _VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., FaultServer]]:
    """Give a function that starts a fault server with a script."""
    with ExitStack() as stack:

        def start(*script: Act, tls: ssl.SSLContext | None = None) -> FaultServer:
            return stack.enter_context(FaultServer(*script, tls=tls))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., RequestsTransport]]:
    """Give a function that makes a transport for a base address, with the bounds as keywords."""
    with ExitStack() as stack:

        def make(base_url: str, *, hosts: tuple[str, ...] = (), **bounds: Any) -> RequestsTransport:
            made = RequestsTransport(TransportSettings(**bounds), base_url=base_url, hosts=hosts)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def tls() -> ssl.SSLContext:
    """Give the server's side of TLS, with a certificate of the made-up authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    return context


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment name the made-up authority."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "authority.pem"))


@pytest.fixture(scope="session")
def _redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis(_redis: RedisServer) -> RedisServer:
    """Give a Redis server that holds nothing."""
    _redis.client.flushall()
    return _redis


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty store of each kind in which processes share their turns."""
    if request.param == "file":
        return f"{tmp_path}/limits of us.sqlite"
    server: RedisServer = request.getfixturevalue("redis")
    return server.url


@pytest.fixture
def process() -> Iterator[Callable[..., Limiter]]:
    """Give a function that makes a limiter as another process has it: nothing but the store is shared."""
    with ExitStack() as stack:

        def make(store: str, *limits: RateLimit, fallback: Fallback = "error", key: str = "account") -> Limiter:
            made = Limiter(key, limits or (WINDOW,), Where.of(store), fallback, time.monotonic)
            assert made.shared is not None
            stack.callback(made.shared.store.close)
            return made

        yield make
