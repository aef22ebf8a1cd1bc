"""Webhooks in Starlette.

::

    from gateway_core.web.starlette import Payments

    payments = Payments(AsyncGateway.open, handle)
    app = Starlette(routes=[*payments.routes, ...], lifespan=payments.lifespan)

It needs ``pip install 'gateway-core[fastapi]'``, or Starlette alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

from gateway_core.async_gateway import AsyncGateway
from gateway_core.errors import ConfigurationError, GatewayError
from gateway_core.observers._log import logger
from gateway_core.web._accounts import Accounts, is_several
from gateway_core.web._apps import Scope, Send, answer_asgi, send_answer
from gateway_core.web._receiving import AsyncTransaction, Handle
from gateway_core.web._requests import Receive

try:
    from starlette.routing import Route
except ImportError as error:
    if error.name is None or error.name.partition(".")[0] != "starlette":
        raise
    raise ConfigurationError("this needs its extra: pip install 'gateway-core[fastapi]'") from None

__all__ = ["Payments"]

Opened: TypeAlias = AsyncGateway | Accounts[AsyncGateway]


class Payments:
    """The webhooks of an application, and its gateway while it runs.

    Args:
        gateway: What opens the gateway when the application starts, such as ``AsyncGateway.open``; or a gateway. It
            has a journal, and is closed when the application ends. Or several by name, each at its name below
            ``path``.
        handle: Called with each `WebhookEvent` that is new; async, or a plain function, which then runs in a thread.
            If it raises, the event comes again.
        transaction: As that of `gateway_core.web.receive_async`: such as ``async_engine.begin``.
        path: Where the webhooks come in.

    Attributes:
        routes: The routes of the webhooks.
    """

    def __init__(
        self,
        gateway: Opened | Callable[[], Opened],
        handle: Handle,
        *,
        transaction: AsyncTransaction | None = None,
        path: str = "/webhooks",
    ) -> None:
        self._given = gateway
        self._opened: Opened | None = None
        self._handle = handle
        self._transaction = transaction
        endpoint = _Endpoint(self)
        self.routes = [Route(path, endpoint, name="webhooks"), Route(path + "/{path:path}", endpoint, name="webhook")]

    @property
    def gateway(self) -> Any:
        """The gateway, or the several, as they were given.

        Raises:
            ConfigurationError: If it is opened by the application's start, and that has not run.
        """
        if self._opened is not None:
            return self._opened
        if callable(self._given):
            raise ConfigurationError(
                "the gateway is not open: give the application the lifespan of these payments, and in tests use its"
                " client as a context manager"
            )
        return self._given

    async def __call__(self) -> Any:
        """Return the gateway: ``Depends(payments)`` is a dependency of FastAPI."""
        return self.gateway

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any = None) -> AsyncIterator[None]:  # noqa: ARG002  # what frameworks call it with
        """Open the gateway if it is to be opened, and close it at the end."""
        opened: Any = self._given() if callable(self._given) else self._given
        for name in opened if is_several(opened) else ():
            try:
                opened[name]  # reads files where it is opened: not while others are being served
            except GatewayError as error:
                logger("web").error("%s cannot be opened: %s", name, error)  # it says all
        self._opened = opened
        try:
            yield
        finally:
            self._opened = None
            for each in [opened] if hasattr(opened, "close") else opened.values():
                await each.close()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a webhook."""
        path = scope.get("path_params", {}).get("path", "")
        answer = await answer_asgi(self.gateway, scope, receive, path, self._handle, self._transaction)
        await send_answer(send, scope, answer)


class _Endpoint:
    """An ASGI application: nothing of a framework parses the body before it, and no method is refused before it."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._payments.answer(scope, receive, send)
