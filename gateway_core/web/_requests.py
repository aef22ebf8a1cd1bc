"""A webhook as the server hands it over, byte for byte, and never more of it than is allowed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote
from wsgiref.util import request_uri

from gateway_core._engine.operations import LARGEST_WEBHOOK
from gateway_core.errors import WebhookError, WebhookReason
from gateway_core.models.webhook import WebhookRequest

#: The largest body of a webhook, in bytes.
MAX_BODY = LARGEST_WEBHOOK

#: How much is read at a time, in bytes.
_CHUNK = 1 << 16

#: What may stand in a path as it is; the same for both kinds of server, so that an address has one spelling.
_PATH = "/:@!$&'()*+,;=~"

Environ = Mapping[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


def request_from_wsgi(environ: Environ, *, max_bytes: int = MAX_BODY, body: bytes | None = None) -> WebhookRequest:
    """Return the request of a WSGI server.

    Its address is what the server says: behind a proxy, let the server or a middleware read the proxy's headers, and
    take them from nobody else.

    Args:
        environ: The environment.
        max_bytes: The most bytes to read.
        body: The raw body, if somebody has read it already; None reads it.

    Raises:
        WebhookError: If the body is larger, or ends early. Answer with its ``http_status``.
    """
    if body is None:
        body = _read(environ, max_bytes)
    _check_size(len(body), max_bytes)
    headers = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
    apart = [name for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(name)]
    headers += [(name.replace("_", "-"), str(environ[name])) for name in apart]
    return WebhookRequest(body=body, headers=headers, method=environ["REQUEST_METHOD"], url=request_uri(dict(environ)))


async def request_from_asgi(
    scope: Scope, receive: Receive, *, max_bytes: int = MAX_BODY, body: bytes | None = None
) -> WebhookRequest:
    """Return the request of an ASGI server.

    Its address is what the server says, as that of `request_from_wsgi`.

    Args:
        scope: The scope.
        receive: What gives the body.
        max_bytes: The most bytes to read.
        body: The raw body, if somebody has read it already; None reads it.

    Raises:
        WebhookError: If the body is larger, or ends early. Answer with its ``http_status``.
    """
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    if body is None:
        _check_size(_declared(value for name, value in headers if name.lower() == "content-length"), max_bytes)
        body = await _receive(receive, max_bytes)
    _check_size(len(body), max_bytes)
    return WebhookRequest(body=body, headers=headers, method=scope["method"], url=_url(scope, dict(headers)))


def _read(environ: Environ, max_bytes: int) -> bytes:
    """Read a body of the declared length; or up to its end, where the server marks it."""
    declared = _declared([environ["CONTENT_LENGTH"]] if environ.get("CONTENT_LENGTH") else [])
    ends = bool(environ.get("wsgi.input_terminated"))
    if declared is None and not ends:
        if environ.get("HTTP_TRANSFER_ENCODING"):
            raise WebhookError("its body has no length, and this WSGI server does not mark the end of one")
        return b""
    _check_size(declared, max_bytes)
    left = max_bytes + 1 if declared is None else declared
    stream = environ["wsgi.input"]
    chunks = []
    while left and (chunk := stream.read(min(left, _CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    if declared is not None and left:
        raise WebhookError("its body ended early")
    return b"".join(chunks)


async def _receive(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise WebhookError("its sender left before the end of the body")
        chunk = message.get("body", b"")
        size += len(chunk)
        _check_size(size, max_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _declared(lengths: Iterable[str]) -> int | None:
    """Return the declared length of a body; None if there is none."""
    found = {length.strip() for length in lengths}
    if not found:
        return None
    (length, *others) = found
    if others or not length.isascii() or not length.isdigit() or len(length) > 18:
        raise WebhookError("the length of its body is no number")
    return int(length)


def _check_size(size: int | None, max_bytes: int) -> None:
    if size is not None and size > max_bytes:
        raise WebhookError(f"more than {max_bytes} bytes", reason=WebhookReason.TOO_LARGE)


def _url(scope: Scope, headers: Mapping[str, str]) -> str:
    """Return the whole address of an ASGI request. Servers disagree whether its path begins with the root path."""
    host = headers.get("host")
    if not host:
        name, port = scope.get("server") or ("localhost", None)
        bracketed = f"[{name}]" if ":" in name else name
        host = bracketed if port is None else f"{bracketed}:{port}"
    root = scope.get("app_root_path", scope.get("root_path", "")).rstrip("/")
    path = scope["path"]
    if not path.startswith(f"{root}/") and path != root:
        path = root + path
    query = scope.get("query_string", b"").decode("latin-1")
    url = f"{scope.get('scheme', 'http')}://{host}{quote(path, safe=_PATH)}"
    return f"{url}?{query}" if query else url
