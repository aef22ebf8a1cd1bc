"""The emulator's API over HTTP: each request as data, and its answer as it is."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.testing import Emulator
from gateway_sandbox.server.guard import TooLargeError, read_body

#: What the server itself says about a message.
_OWN_HEADERS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})


class Api:
    """Gives every request to an emulator.

    Args:
        emulator: The emulator.
    """

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            request = await _as_data(Request(scope, receive))
        except TooLargeError:
            response: Response = PlainTextResponse("The body is too large.\n", status_code=413)
        else:
            response = _as_response(await run_in_threadpool(self._emulator.handle, request))
        await response(scope, receive, send)


async def _as_data(request: Request) -> HttpRequest:
    # The path as it was sent: once decoded, an escaped slash in an id would look like any other.
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return HttpRequest(
        method=request.method,
        url=f"http://{request.headers['host']}{path}{'?' if query else ''}{query}",
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
        body=await read_body(request),
    )


def _as_response(answer: HttpResponse) -> Response:
    response = Response(answer.body, status_code=answer.status)
    response.raw_headers += [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers.pairs
        if name.lower() not in _OWN_HEADERS
    ]
    return response
