"""S4, S6: TLS is verified, whatever the environment says, and its proxies and authorities are used by a fixed rule."""

from __future__ import annotations

import base64
import logging
import shutil
import ssl
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_core.errors import ConfigurationError, NotSentError
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import ask, failure, get, post
from tests.transport.conftest import CERTIFICATES
from tests.transport.fault_server import (
    Connection,
    FaultServer,
    answer,
    close_before_answering,
    drip_for_ever,
    head,
    in_turn,
    proxy,
    whole,
)

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]

FAR = "https://api.example.test"


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authority_of_the_environment_is_trusted(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """S6: a company's own authority is named by the variables of curl and requests."""
    monkeypatch.setenv(variable, str(CERTIFICATES / "authority.pem"))
    server = serve(tls=tls)
    transport = connect(server.url)

    for _ in range(2):
        ask(transport, get(f"{server.url}/"))

    assert [seen.connection for seen in server.requests] == [0, 0]


def test_directory_of_authorities_is_trusted(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """S6: the variable may name a directory, in which OpenSSL finds an authority by the hash of its name."""
    shutil.copy(CERTIFICATES / "authority.pem", tmp_path / "b58e2162.0")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    server = serve(tls=tls)

    response = ask(connect(server.url), get(f"{server.url}/"))

    assert response.status == 200


def test_environment_is_read_once(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: the variables count when the transport is made, and not from one call to the next."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "authority.pem"))
    server = serve(tls=tls)
    transport = connect(server.url)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    response = ask(transport, get(f"{server.url}/"))

    assert response.status == 200


def test_unknown_authority_is_refused(serve: Serve, connect: Connect, tls: ssl.SSLContext) -> None:
    """S4: loopback or not, a certificate that cannot be verified ends the call before anything is sent."""
    server = serve(tls=tls)

    error = failure(connect(server.url), post(f"{server.url}/invoices", headers={"X-Api-Key": "k"}))

    assert (type(error), error.effect) == (NotSentError, "none")
    assert error.message == "127.0.0.1: its certificate cannot be verified; nothing was sent"
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.usefixtures("trusted")
def test_tls_that_is_too_old_is_told_as_that(serve: Serve, connect: Connect, tls: ssl.SSLContext) -> None:
    """A server that knows only TLS 1.1 will know no more the next time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        tls.minimum_version = ssl.TLSVersion.TLSv1
        tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    server = serve(tls=tls)

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert isinstance(error, NotSentError)
    assert error.message == "127.0.0.1: its TLS is too old: it is to be 1.2 or later; nothing was sent"
    assert error.permanent


def test_server_without_tls_is_told_as_that(serve: Serve, connect: Connect) -> None:
    """An address with https where http is spoken is a mistake that stays."""

    def no_tls(connection: Connection) -> None:
        connection.wait()
        connection.write(whole(b"", 400))

    server = serve(no_tls)
    url = server.url.replace("http:", "https:")

    error = failure(connect(url), post(f"{url}/invoices"))

    assert isinstance(error, NotSentError)
    assert error.message == "127.0.0.1: what answers there speaks no TLS; nothing was sent"
    assert error.permanent


@pytest.mark.usefixtures("trusted")
def test_certificate_of_another_host_is_refused(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4: the name in the certificate must be the one that was asked for."""
    server = serve(tls=tls)
    url = f"https://127.0.0.2:{server.port}"
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: [(2, 1, 6, "", ("127.0.0.1", server.port))])

    error = failure(connect(url), post(f"{url}/invoices"))

    assert (type(error), "certificate" in error.message, server.requests) == (NotSentError, True, [])


@pytest.mark.usefixtures("trusted")
def test_old_tls_is_refused(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, recwarn: pytest.WarningsRecorder
) -> None:
    """S4: nothing below TLS 1.2 is spoken."""
    tls.maximum_version = ssl.TLSVersion.TLSv1_1
    tls.set_ciphers("ALL:@SECLEVEL=0")
    server = serve(tls=tls)

    error = failure(connect(server.url), post(f"{server.url}/invoices"))

    assert (type(error), server.requests) == (NotSentError, [])


@pytest.mark.usefixtures("trusted")
def test_server_that_does_not_speak_tls_gets_nothing(serve: Serve, connect: Connect) -> None:
    """S4: there is no way back to plain HTTP."""
    server = serve(lambda connection: connection.write(head(400)))

    error = failure(connect(f"https://127.0.0.1:{server.port}"), post(f"https://127.0.0.1:{server.port}/invoices"))

    assert (type(error), error.effect, server.requests) == (NotSentError, "none", [])


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_missing_authorities_are_a_configuration_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    """S6: a bundle that is not there does not fall back to another."""
    monkeypatch.setenv(variable, str(tmp_path / "absent.pem"))

    with pytest.raises(ConfigurationError, match=f"^{variable} names a file that does not exist"):
        connect(FAR)


def test_unreadable_authorities_are_a_configuration_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """S6: a bundle that holds no certificate does not fall back to another."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))

    error = failure(connect(FAR), get(f"{FAR}/"))

    frames = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert (type(error), error.__cause__, error.__context__) == (ConfigurationError, None, None)
    assert frames[-1] == "send"


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.usefixtures("trusted")
def test_proxy_of_the_environment_is_used(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """S6: a company's proxy passes TLS on, and learns the host's name and its own password only."""
    server = serve(in_turn(proxy(tls, answer(b"far"))))
    monkeypatch.setenv(variable, f"http://user:pass%20word@127.0.0.1:{server.port}")
    transport = connect(FAR)

    responses = [ask(transport, post(f"{FAR}/invoices", headers={"X-Api-Key": "k"})) for _ in range(2)]

    passed_on, *asked = server.requests
    assert [response.body for response in responses] == [b"far", b"{}"]
    assert (passed_on.method, passed_on.target, passed_on.header("X-Api-Key")) == (
        "CONNECT",
        "api.example.test:443",
        None,
    )
    assert passed_on.header("Proxy-Authorization") == f"Basic {base64.b64encode(b'user:pass word').decode()}"
    assert [(seen.target, seen.header("Proxy-Authorization")) for seen in asked] == [("/invoices", None)] * 2


def test_certificate_is_verified_through_a_proxy(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4: a proxy cannot read what it passes on."""
    server = serve(proxy(tls, answer()))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.port}")

    error = failure(connect(FAR), post(f"{FAR}/invoices"))

    assert (type(error), "certificate" in error.message) == (NotSentError, True)
    assert [seen.method for seen in server.requests] == ["CONNECT"]


@pytest.mark.usefixtures("trusted")
def test_proxy_reached_by_tls_is_verified_and_used(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S6: a proxy may be reached by TLS itself."""

    def refuse(connection: Connection) -> None:
        connection.read_request()
        connection.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        connection.close()

    server = serve(refuse, tls=tls)
    monkeypatch.setenv("HTTPS_PROXY", server.url)

    error = failure(connect(FAR), post(f"{FAR}/invoices"))

    assert ([seen.method for seen in server.requests], type(error)) == (["CONNECT"], NotSentError)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(answer(b"", 407), id="password demanded"),
        pytest.param(close_before_answering(), id="closed"),
        pytest.param(drip_for_ever(), id="drips"),
    ],
)
def test_proxy_that_refuses_means_not_sent(
    serve: Serve,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    act: Callable[..., None],
) -> None:
    """R3, S1: the request itself never left, and the proxy's password is not told."""
    caplog.set_level(logging.DEBUG)
    server = serve(act)
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:pa55word@127.0.0.1:{server.port}")

    error = failure(connect(FAR), post(f"{FAR}/invoices"), seconds=0.5)

    assert (type(error), error.effect) == (NotSentError, "none")
    assert error.message.startswith("api.example.test: the ")
    assert "pa55word" not in str(error) + caplog.text


def test_proxy_that_is_not_there_means_not_sent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """R3: no proxy, no request."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")

    error = failure(connect(FAR), post(f"{FAR}/invoices"))

    assert (type(error), "proxy" in error.message) == (NotSentError, True)


def test_host_may_be_exempt_from_the_proxy(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """S6: NO_PROXY means what it means to curl."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "example.test")

    error = failure(connect(FAR), get(f"{FAR}/"))

    assert "its name cannot be resolved" in error.message


def test_loopback_is_never_asked_for_through_a_proxy(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S4: plain HTTP is allowed because it does not leave this machine."""
    elsewhere = serve()
    server = serve()
    monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
    monkeypatch.setenv("ALL_PROXY", elsewhere.url)

    ask(connect(server.url), get(f"{server.url}/"))

    assert (elsewhere.connections, server.connections) == (0, 1)


@pytest.mark.parametrize("named", ["socks5://pa55word@127.0.0.1:1080", "http://", "http://pa55word@h:99999", "ftp://h"])
def test_proxy_that_cannot_be_used_is_a_configuration_error(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """S6: a proxy is not passed by in silence; its address, which may hold a password, is not told."""
    monkeypatch.setenv("HTTPS_PROXY", named)

    with pytest.raises(ConfigurationError, match=r"the environment's proxy for api\.example\.test") as caught:
        connect(FAR)

    assert ("pa55word" in str(caught.value), caught.value.__context__) == (False, None)


def test_proxy_may_be_named_without_a_scheme(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """S6: curl takes `host:port` for an http proxy."""
    monkeypatch.setenv("HTTPS_PROXY", "127.0.0.1:1")

    error = failure(connect(FAR), get(f"{FAR}/"))

    assert "proxy" in error.message
