"""S4-S6, S8: whom the transport talks to, and what it adds to or takes from a request on its way."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_core.errors import ConfigurationError, InvalidRequestError
from gateway_core.http import endpoint
from gateway_core.transport._requests_transport import RequestsTransport
from tests.transport.asking import ask, failure, get, post
from tests.transport.fault_server import FaultServer, answer, endless, head, in_turn, write_and_hold

Serve = Callable[..., FaultServer]
Connect = Callable[..., RequestsTransport]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(serve: Serve, connect: Connect, status: int) -> None:
    """S5, trap 1: the other host sees no connection, and so neither the key nor the body."""
    other = serve()
    server = serve(answer(b"moved", status, ("Location", f"{other.url}/steal")))
    transport = connect(server.url, hosts=())

    response = ask(transport, post(f"{server.url}/invoices", headers={"X-Api-Key": "k"}))

    assert (response.status, response.headers["location"], response.body) == (status, f"{other.url}/steal", b"moved")
    assert (len(server.requests), other.connections) == (1, 0)


def test_redirect_to_the_same_host_is_not_followed(serve: Serve, connect: Connect) -> None:
    """S5, trap 1: a 307 would post the body a second time."""
    server = serve(answer(b"", 307, ("Location", "/again")))

    ask(connect(server.url), post(f"{server.url}/invoices"))

    assert [seen.target for seen in server.requests] == ["/invoices"]


def test_body_of_a_redirect_is_capped(serve: Serve, connect: Connect) -> None:
    """S5, S7: libraries read the whole body of a redirect before they follow it."""
    server = serve(in_turn(endless(b"x" * 65536, ("Location", "/x"))))

    error = failure(connect(server.url, max_response_bytes=1000), post(f"{server.url}/invoices"))

    assert "larger than 1000 bytes" in error.message


@pytest.mark.parametrize(
    "base_url", ["http://api.example.com", "http://10.0.0.1", "ftp://api.example.com", "api.example.com", "https://"]
)
def test_base_address_must_be_https(base_url: str, connect: Connect) -> None:
    """S4: https is demanded, except on the loopback range."""
    with pytest.raises(ConfigurationError):
        connect(base_url)


@pytest.mark.parametrize("base_url", ["https://api.example.com", "http://127.0.0.1:8000", "http://localhost:8000"])
def test_base_address_may_be_http_on_loopback(base_url: str, connect: Connect) -> None:
    """S4: a stand-in on this machine needs no certificate."""
    assert connect(base_url) is not None


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/invoices",
        "http://api.example.com/invoices",
        "https://api.example.com:8443/invoices",
        "https://api.example.com.evil.example/invoices",
        "https://api.example.com./invoices",
        "https://cdn.other.example/invoices",
        "http://127.0.0.1:80/invoices",
        "https://api.example.com:99999/invoices",
    ],
)
def test_other_servers_are_not_contacted(connect: Connect, url: str) -> None:
    """Credentials go to the provider's own origins only, whatever address a flow comes up with."""
    transport = connect("https://api.example.com/v1", hosts=("files.example.com", "other.example:444"))

    error = failure(transport, get(url))

    assert (type(error), error.effect) == (InvalidRequestError, "none")
    assert "neither that of the provider's base address" in error.message


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.test/x",
        "https://api.example.test:443/x",
        "https://API.Example.TEST/x",
        "https://files.example.test/x",
        "https://other.example.test:444/x",
    ],
)
def test_own_servers_are_contacted_however_they_are_written(connect: Connect, url: str) -> None:
    """The origin counts, not its spelling. No name is known here, so an attempt is all that can be seen."""
    transport = connect("https://api.example.test/v1", hosts=("files.example.test", "other.example.test:444"))

    messages = [failure(transport, get(url)).message for _ in range(2)]

    assert all("its name cannot be resolved" in message for message in messages)


@pytest.mark.parametrize(
    "path",
    [
        "/api/../admin",
        "/api/%2e%2e/admin",
        "/api/%2E./admin",
        "/api/./x",
        "/api/..",
        "/a b",
        "/a#b",
        "/a%",
        "/a%zz",
        "/a\\..\\b",
        "/a\r\nX: y",
        "/\u00fc",
        "/a?b c",
        '/a?b"c',
        "/a?b=\x00",
    ],
)
def test_address_that_would_be_changed_is_refused(serve: Serve, connect: Connect, path: str) -> None:
    """S8, trap 3: requests resolves dots, cuts fragments and encodes anew: another endpoint than the one signed for."""
    server = serve()

    error = failure(connect(server.url), get(server.url + path))

    assert (type(error), server.connections) == (InvalidRequestError, 0)


@pytest.mark.parametrize("userinfo", ["user@", "user:password@", "api.example.com@"])
def test_user_and_password_in_an_address_are_refused(serve: Serve, connect: Connect, userinfo: str) -> None:
    """S4: a password in an address ends in logs, and a host before the @ misleads."""
    server = serve()

    error = failure(connect(server.url), get(f"http://{userinfo}127.0.0.1:{server.port}/"))

    assert (type(error), server.connections) == (InvalidRequestError, 0)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/a//b",
        "/a%2fb%2Fc",
        "/a..b/...",
        "/%252e%252e/x",
        "/a;b=c,d:e@f!$&'()*+",
        "/p?filter[status]=a|b&x=%c3%bc&y=1+2&z=/?",
        "/p?",
    ],
)
def test_address_is_sent_as_it_stands(serve: Serve, connect: Connect, target: str) -> None:
    """S8: byte for byte, so that a signature over the path is one over what the provider sees."""
    server = serve()

    ask(connect(server.url), get(server.url + target))

    assert server.requests[0].target == target


def test_address_without_a_path_asks_for_the_root(serve: Serve, connect: Connect) -> None:
    """RFC 9110: an empty path is sent as a slash."""
    server = serve()
    transport = connect(server.url)

    for url in (server.url, f"{server.url}?a=1"):
        ask(transport, get(url))

    assert [seen.target for seen in server.requests] == ["/", "/?a=1"]


def test_id_stays_one_segment(serve: Serve, connect: Connect) -> None:
    """S8: an id that looks like a path is one segment on the wire."""
    server = serve()

    ask(connect(server.url), get(endpoint(server.url, "invoices", "../../admin?x=1#y")))

    assert server.requests[0].target == "/invoices/..%2F..%2Fadmin%3Fx%3D1%23y"


@pytest.mark.parametrize(
    "name", ["Host", "Content-Length", "transfer-encoding", "Connection", "Accept-Encoding", "Proxy-Authorization"]
)
def test_headers_of_the_transport_are_refused(serve: Serve, connect: Connect, name: str) -> None:
    """What says where a message ends is not a plugin's to say: two opinions of it are a smuggled request."""
    server = serve()

    error = failure(connect(server.url), post(f"{server.url}/", headers={name: "0"}))

    assert (type(error), server.connections) == (InvalidRequestError, 0)
    assert name.lower() in error.message


@pytest.mark.parametrize("name", ["X Y", "X:Y", "", "X\r\nY", "\u00dc"])
def test_header_names_are_tokens(serve: Serve, connect: Connect, name: str) -> None:
    """No text of a caller becomes a header."""
    server = serve()

    error = failure(connect(server.url), get(f"{server.url}/", headers=[(name, "1")]))

    assert (type(error), server.connections) == (InvalidRequestError, 0)


def test_method_is_a_word(serve: Serve, connect: Connect) -> None:
    """A method with a line end would be a second request."""
    server = serve()
    request = get(f"{server.url}/")
    object.__setattr__(request, "method", "GET / HTTP/1.1\r\nX: y\r\n\r\nGET")

    error = failure(connect(server.url), request)

    assert (type(error), server.connections) == (InvalidRequestError, 0)


def test_headers_are_sent_as_given_and_few_more(serve: Serve, connect: Connect) -> None:
    """What a flow signs is what is sent; the rest is what HTTP needs."""
    server = serve()

    ask(connect(server.url), post(f"{server.url}/", b"x=1", headers=[("X-A", "1"), ("x-a", "\u00fc"), ("X-Empty", "")]))

    sent = dict(server.requests[0].headers)
    agent = sent.pop("user-agent")
    assert agent.startswith("gateway-core/")
    assert sent == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "x-a": "1, \u00fc",
        "x-empty": "",
        "content-length": "3",
    }
    assert server.requests[0].body == b"x=1"


def test_flow_may_set_agent_and_accept(serve: Serve, connect: Connect) -> None:
    """A provider that wants another agent or media type gets it, once."""
    server = serve()

    ask(connect(server.url), get(f"{server.url}/", headers={"user-agent": "shop/1", "ACCEPT": "application/json"}))

    headers = server.requests[0].headers
    assert [value for name, value in headers if name in ("user-agent", "accept")] == ["shop/1", "application/json"]


def test_head_and_body_leave_together(serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apart they would be two packets, and behind a proxy the second would wait for the first one's receipt."""
    written: list[bytes] = []
    known = http.client.HTTPConnection.send

    def send(connection: http.client.HTTPConnection, data: bytes) -> None:
        written.append(data)
        known(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", send)
    server = serve()

    ask(connect(server.url), post(f"{server.url}/", b"body"))

    assert [data.endswith(b"\r\n\r\nbody") for data in written] == [True]


def test_post_without_body_says_so(serve: Serve, connect: Connect) -> None:
    """A POST with an empty body has a length, which some servers insist on."""
    server = serve()

    ask(connect(server.url), post(f"{server.url}/", b""))

    assert server.requests[0].header("Content-Length") == "0"


def test_netrc_does_not_replace_the_key(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """S6, trap 2: an entry in a .netrc would take the place of the Authorization header."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login u password w\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve()
    transport = connect(server.url)

    ask(transport, get(f"{server.url}/", headers={"Authorization": "Bearer k"}))
    ask(transport, get(f"{server.url}/"))

    assert [seen.header("Authorization") for seen in server.requests] == ["Bearer k", None]


def test_cookies_are_not_kept(serve: Serve, connect: Connect) -> None:
    """An answer changes nothing about the next request."""
    server = serve(answer(b"{}", 200, ("Set-Cookie", "session=1; Path=/")))
    transport = connect(server.url)

    response = ask(transport, get(f"{server.url}/"))
    ask(transport, get(f"{server.url}/"))

    assert response.headers["set-cookie"] == "session=1; Path=/"
    assert server.requests[1].header("Cookie") is None
    assert list(transport._session.cookies) == []


def test_repeated_headers_of_an_answer_are_kept(serve: Serve, connect: Connect) -> None:
    """The answer's headers come as they were sent."""
    server = serve(answer(b"{}", 429, ("X-A", "1"), ("x-a", "2"), ("Retry-After", "7")))

    response = ask(connect(server.url), get(f"{server.url}/"))

    assert (response.status, response.headers.get_all("X-A"), response.headers["retry-after"]) == (429, ("1", "2"), "7")


def test_process_that_forks_gets_connections_of_its_own(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes on one connection would read each other's answers."""
    server = serve()
    transport = connect(server.url)
    ask(transport, get(f"{server.url}/parent"))
    monkeypatch.setattr(os, "getpid", lambda: -1)

    ask(transport, get(f"{server.url}/child"))

    assert [seen.connection for seen in server.requests] == [0, 1]


def test_open_call_of_a_closed_server_ends(serve: Serve, connect: Connect) -> None:
    """The fault server itself ends what it holds open, so that no test waits for another."""
    server = serve(write_and_hold(head(200, ("Content-Length", "1"))))

    error = failure(connect(server.url), get(f"{server.url}/"), seconds=0.2)

    assert error.effect == "none"
