"""The request as it came: its bytes, its headers and its address; and never more bytes than allowed."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable
from typing import Any

import pytest

from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.web import request_from_asgi, request_from_wsgi


class Input(io.BytesIO):
    """A body of a WSGI server; reading past its end would wait for ever."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return that many bytes at most."""
        assert size is not None
        assert size >= 0, "a read without a size may wait for ever"
        chunk = super().read(size)
        self.taken += len(chunk)
        return chunk


def environ(body: bytes = b"{}", **more: Any) -> dict[str, Any]:
    """Return what a WSGI server hands over."""
    given = {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/webhooks",
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "https",
        "wsgi.input": Input(body),
    }
    return {name: value for name, value in {**given, **more}.items() if value is not None}


def scope(**more: Any) -> dict[str, Any]:
    """Return what an ASGI server hands over."""
    return {
        "type": "http",
        "method": "POST",
        "scheme": "https",
        "path": "/webhooks",
        "root_path": "",
        "query_string": b"",
        "server": ("127.0.0.1", 8000),
        "headers": [(b"host", b"shop.example")],
        **more,
    }


def received(chunks: Iterable[bytes | None], given: dict[str, Any] | None = None, **more: Any) -> Any:
    """Return the request of an ASGI server that sends these chunks; one that is None ends the connection."""
    left = list(chunks)
    taken = []

    async def receive() -> dict[str, Any]:
        assert left, "nothing more comes"
        chunk = left.pop(0)
        taken.append(chunk)
        if chunk is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    return asyncio.run(request_from_asgi(given or scope(), receive, **more))


def test_wsgi_request_is_as_it_came() -> None:
    """Bytes, headers with their types, and the whole address."""
    request = request_from_wsgi(
        environ(
            b'{"a": "\xff"}',
            SCRIPT_NAME="/shop",
            PATH_INFO="/webhooks/caf\xc3\xa9 1",
            QUERY_STRING="key=a%20b",
            HTTP_HOST="shop.example",
            HTTP_WEBHOOK_SIGNATURE="v1,abc",
            CONTENT_TYPE="application/json",
        )
    )

    assert request.body == b'{"a": "\xff"}'
    assert request.method == "POST"
    assert request.url == "https://shop.example/shop/webhooks/caf%C3%A9%201?key=a%20b"
    assert (request.headers["Webhook-Signature"], request.headers["Content-Type"]) == ("v1,abc", "application/json")
    assert request.headers["Content-Length"] == "10"


def test_asgi_request_is_as_it_came() -> None:
    """The same, with headers that are repeated."""
    request = received(
        [b'{"a": ', b'"\xff"}'],
        scope(
            path="/shop/webhooks/café 1",
            root_path="/shop",
            query_string=b"key=a%20b",
            headers=[(b"host", b"shop.example"), (b"x-signature", b"one"), (b"x-signature", b"tw\xf6")],
        ),
    )

    assert request.body == b'{"a": "\xff"}'
    assert request.method == "POST"
    assert request.url == "https://shop.example/shop/webhooks/caf%C3%A9%201?key=a%20b"
    assert request.headers.get_all("X-Signature") == ("one", "tw\xf6")


@pytest.mark.parametrize(
    "more, url",
    [
        ({"path": "/webhooks", "root_path": "/api"}, "https://shop.example/api/webhooks"),
        ({"path": "/api/webhooks", "root_path": "/api/"}, "https://shop.example/api/webhooks"),
        ({"path": "/api", "root_path": "/api"}, "https://shop.example/api"),
        ({"path": "/apis", "root_path": "/api"}, "https://shop.example/api/apis"),
        (
            {"path": "/api/hooks/eu", "root_path": "/api/hooks", "app_root_path": "/api"},
            "https://shop.example/api/hooks/eu",
        ),
        ({"headers": []}, "https://127.0.0.1:8000/webhooks"),
        ({"headers": [], "server": ("::1", 8000)}, "https://[::1]:8000/webhooks"),
        ({"headers": [], "server": ("/run/shop.sock", None)}, "https:///run/shop.sock/webhooks"),
        ({"headers": [], "server": None, "scheme": "http"}, "http://localhost/webhooks"),
        ({"headers": [(b"host", b"")]}, "https://127.0.0.1:8000/webhooks"),
    ],
)
def test_asgi_address_is_what_the_server_says(more: dict[str, Any], url: str) -> None:
    """Servers disagree whether the path begins with the root path, and may know no host."""
    assert received([b""], scope(**more)).url == url


def test_headers_of_a_proxy_are_not_believed() -> None:
    """Anybody can send them: the server, which knows its proxy, has to read them."""
    forged: dict[str, str] = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "Forwarded": "host=evil.example",
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in forged.items()]
    names: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in forged.items()}

    for request in (
        received([b""], scope(headers=[(b"host", b"shop.example"), *pairs])),
        request_from_wsgi(environ(HTTP_HOST="shop.example", **names)),
    ):
        assert request.url == "https://shop.example/webhooks"


def test_more_than_is_allowed_is_not_read() -> None:
    """Neither where the length is declared, nor where it is not."""
    declared = environ(b"x" * 11)
    chunked = environ(b"x" * 100_000, **{"CONTENT_LENGTH": None, "wsgi.input_terminated": True})
    for given in (declared, chunked):
        with pytest.raises(WebhookError) as caught:
            request_from_wsgi(given, max_bytes=10)
        assert (caught.value.reason, caught.value.http_status) == (WebhookReason.TOO_LARGE, 413)

    assert declared["wsgi.input"].taken == 0
    assert chunked["wsgi.input"].taken == 11


def test_more_than_is_allowed_is_not_received() -> None:
    """As soon as the length is declared, or passed."""
    with pytest.raises(WebhookError) as declared:
        received([], scope(headers=[(b"content-length", b"11")]), max_bytes=10)
    with pytest.raises(WebhookError) as passed:
        received([b"x" * 6, b"x" * 5, None], max_bytes=10)

    assert declared.value.http_status == passed.value.http_status == 413


def test_body_that_was_read_already_is_taken() -> None:
    """Where a framework has read it; its size is looked at all the same."""
    body = asyncio.run(request_from_asgi(scope(), None, body=b"abc")).body  # type: ignore[arg-type]  # not asked
    assert body == request_from_wsgi(environ(b"", CONTENT_LENGTH="9"), body=b"abc").body == b"abc"
    with pytest.raises(WebhookError):
        request_from_wsgi(environ(), body=b"x" * 11, max_bytes=10)


def test_chunked_body_is_read_to_its_end() -> None:
    """Where the server marks the end; where it does not, nothing can be read safely."""
    ends = environ(b"abc", **{"CONTENT_LENGTH": None, "wsgi.input_terminated": True})
    assert request_from_wsgi(ends).body == b"abc"
    assert request_from_wsgi(environ(b"", CONTENT_LENGTH="")).body == b""
    with pytest.raises(WebhookError, match="does not mark the end"):
        request_from_wsgi(environ(b"abc", CONTENT_LENGTH=None, HTTP_TRANSFER_ENCODING="chunked"))


@pytest.mark.parametrize("length", ["-1", "x", "1.5", "²", "1" * 19, "+2"])
def test_length_that_is_no_number_is_refused(length: str) -> None:
    """Nothing is read."""
    with pytest.raises(WebhookError, match="no number"):
        request_from_wsgi(environ(CONTENT_LENGTH=length))
    with pytest.raises(WebhookError, match="no number"):
        received([], scope(headers=[(b"content-length", length.encode("latin-1"))]))


def test_two_lengths_are_refused() -> None:
    """Two that differ; which of them holds nobody knows."""
    with pytest.raises(WebhookError):
        received([], scope(headers=[(b"content-length", b"1"), (b"content-length", b"2")]))


def test_body_that_ends_early_is_refused() -> None:
    """Half a message is none, whoever signed it."""
    with pytest.raises(WebhookError, match="ended early"):
        request_from_wsgi(environ(b"abc", CONTENT_LENGTH="4"))
    with pytest.raises(WebhookError, match="sender left"):
        received([b"abc", None])
