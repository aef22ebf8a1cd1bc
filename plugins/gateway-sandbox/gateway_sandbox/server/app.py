"""The ASGI application: a few pages of its own, and the emulator's API on every other path."""

from __future__ import annotations

import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway_core.testing import Emulator
from gateway_sandbox.server.api import Api
from gateway_sandbox.server.checkout import Checkout
from gateway_sandbox.server.dashboard import Dashboard
from gateway_sandbox.server.guard import PageGuard, refusal_of_host
from gateway_sandbox.server.rendering import STATIC, not_found

#: The paths that the pages take. No provider's API is known to have one of them.
_PAGES = re.compile(r"/|/(?:pay|dashboard|assets)(?:/.*)?", re.DOTALL)


def make_app(emulator: Emulator) -> ASGIApp:
    """Return the application that serves an emulator."""
    api = Api(emulator)
    pages = _pages(emulator)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = refusal_of_host(scope)
        if refusal is not None:
            await PlainTextResponse(refusal, status_code=421)(scope, receive, send)
            return
        await (pages if _PAGES.fullmatch(scope["path"]) else api)(scope, receive, send)

    return app


def _pages(emulator: Emulator) -> ASGIApp:
    checkout, dashboard = Checkout(emulator), Dashboard(emulator)
    routes = [
        Route("/", dashboard.home),
        Route("/dashboard", dashboard.show),
        Route("/dashboard/version", dashboard.version),
        Route("/dashboard/webhooks", dashboard.steer, methods=["POST"]),
        Route("/dashboard/invoices/{invoice}", dashboard.invoice, methods=["GET"]),
        Route("/dashboard/invoices/{invoice}", dashboard.change_invoice, methods=["POST"]),
        Route("/dashboard/deliveries/{delivery}", dashboard.delivery, methods=["GET"]),
        Route("/dashboard/deliveries/{delivery}", dashboard.act, methods=["POST"]),
        Route("/pay/{token}", checkout.show, methods=["GET"]),
        Route("/pay/{token}", checkout.act, methods=["POST"]),
        Route("/pay/{token}/status", checkout.status),
        Mount("/assets", StaticFiles(directory=STATIC)),
    ]

    async def missing(_: Request, __: Exception) -> PlainTextResponse:
        return not_found()

    return PageGuard(Starlette(routes=routes, exception_handlers={404: missing}))
