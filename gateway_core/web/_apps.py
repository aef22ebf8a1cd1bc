"""The webhooks of accounts as an application of their own, to be mounted in any other."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

from gateway_core.async_gateway import AsyncGateway
from gateway_core.errors import GatewayError, WebhookError
from gateway_core.gateway import Gateway
from gateway_core.models.webhook import Acknowledgement
from gateway_core.observers._log import logger
from gateway_core.web._accounts import Accounts, gateway_at
from gateway_core.web._answers import answer_to_sender, empty
from gateway_core.web._receiving import AsyncTransaction, Handle, Transaction, receive, receive_async
from gateway_core.web._requests import Receive, request_from_asgi, request_from_wsgi

WsgiApp: TypeAlias = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Scope: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def wsgi_app(
    gateway: Gateway | Accounts[Gateway], handle: Handle, *, transaction: Transaction | None = None
) -> WsgiApp:
    """Return a WSGI application that receives webhooks, at the path where it is mounted, by `receive`.

    Args:
        gateway: The gateway; or several by name, each at its name below that path.
        handle: As that of `receive`.
        transaction: As that of `receive`.
    """

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer = answer_wsgi(gateway, environ, environ.get("PATH_INFO", ""), handle, transaction)
        start_response(f"{answer.status} {_phrase(answer.status)}", headers_of(answer))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    return app


def answer_wsgi(  # noqa: PLR0913, PLR0917  # what a mounted application knows
    gateway: Gateway | Accounts[Gateway],
    environ: dict[str, Any],
    path: str,
    handle: Handle,
    transaction: Transaction | None,
    body: bytes | None = None,
) -> Acknowledgement:
    """Return the answer to a request of a WSGI server."""
    try:
        chosen = gateway_at(gateway, path)
        if chosen is None:
            return empty(404)
        request = request_from_wsgi(environ, body=body)
    except GatewayError as error:
        return refused(error)
    return receive(chosen, request, handle, transaction=transaction)


def asgi_app(
    gateway: AsyncGateway | Accounts[AsyncGateway], handle: Handle, *, transaction: AsyncTransaction | None = None
) -> AsgiApp:
    """Return an ASGI application that receives webhooks, at the path where it is mounted, by `receive_async`.

    It leaves the gateway open when it ends: who has opened it closes it.

    Args:
        gateway: The gateway; or several by name, each at its name below that path.
        handle: As that of `receive_async`.
        transaction: As that of `receive_async`.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            await send_answer(send, scope, await answer_asgi(gateway, scope, receive, path, handle, transaction))
        else:
            await send({"type": "websocket.close"})

    return app


async def answer_asgi(  # noqa: PLR0913, PLR0917  # what a mounted application knows
    gateway: AsyncGateway | Accounts[AsyncGateway],
    scope: Scope,
    receive: Receive,
    path: str,
    handle: Handle,
    transaction: AsyncTransaction | None,
) -> Acknowledgement:
    """Return the answer to a request of an ASGI server."""
    try:
        chosen = gateway_at(gateway, path)
        if chosen is None:
            return empty(404)
        request = await request_from_asgi(scope, receive)
    except GatewayError as error:
        return refused(error)
    return await receive_async(chosen, request, handle, transaction=transaction)


async def send_answer(send: Send, scope: Scope, answer: Acknowledgement) -> None:
    """Send an answer through an ASGI server."""
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers_of(answer)]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def headers_of(answer: Acknowledgement) -> list[tuple[str, str]]:
    """Return the headers of an answer, those included that every answer has."""
    own = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(answer.body))}
    return [*((name, value) for name, value in own.items() if name not in answer.headers), *answer.headers.pairs]


def refused(error: GatewayError) -> Acknowledgement:
    """Return the answer to a request that could not be read, or whose account could not be opened."""
    if isinstance(error, WebhookError):
        logger("web").warning("refused a webhook: %s", error.message)
    else:
        logger("web").error("a webhook was not received: %s", error)
    return answer_to_sender(error)


async def _live(receive: Receive, send: Send) -> None:
    """Answer the server's start and end; nothing is to be done then."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


def _phrase(status: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Other"
