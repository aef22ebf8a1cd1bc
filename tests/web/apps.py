"""The same webhooks in every kind of application, and a client that speaks to each of them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import attrs
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway_core import Gateway, InvoiceRequest, Money, WebhookEvent, WebhookRequest
from gateway_core.models import Headers
from gateway_core.testing import EmulatedAccount
from gateway_core.web import asgi_app, wsgi_app
from gateway_core.web import fastapi as in_fastapi
from gateway_core.web import flask as in_flask
from gateway_core.web import starlette as in_starlette

#: What an account needs besides what its emulator gives, and what an order there is paid in.
NEEDED: dict[str, dict[str, Any]] = {
    "adyen": {},
    "azothpay": {"period": "PerMonth", "currency": "USD"},
    "billoget": {"currency": "USD"},
    "bitsby": {},
    "btcpay": {},
    "mollie": {},
    "paypal": {},
    "sandbox": {},
    "stripe": {},
}


@attrs.frozen
class Answer:
    """What an application answers."""

    status: int
    headers: Headers
    body: bytes


class Send(Protocol):
    """Sends one request to an application."""

    def __call__(self, method: str, path: str, body: bytes = b"", headers: Any = ()) -> Answer:
        """Return the answer."""


@attrs.define
class Shop:
    """A shop that remembers what it was told.

    Attributes:
        account: Its account.
        told: The events.
        fail: What the next event fails with; None for nothing.
    """

    account: EmulatedAccount
    told: list[WebhookEvent] = attrs.field(factory=list)
    fail: list[Exception] = attrs.field(factory=list)

    @property
    def gateway(self) -> Gateway:
        """The blocking gateway."""
        return self.account.gateway

    @property
    def delivered(self) -> list[str | None]:
        """The orders that were delivered."""
        return [event.order_id for event in self.told if event.pays]

    def handle(self, event: WebhookEvent) -> None:
        """Do what an event says."""
        if self.fail:
            raise self.fail.pop()
        self.told.append(event)

    async def handle_async(self, event: WebhookEvent) -> None:
        """Do the same, async."""
        self.handle(event)

    def pay(self, order_id: str = "1042", amount: str = "50") -> str:
        """Create an invoice and pay it; return its id."""
        request = InvoiceRequest(order_id=order_id, amount=Money(amount, "USD"), return_url="https://shop.example/")
        invoice_id = self.gateway.create_invoice(request).id
        self.account.pay(invoice_id)
        return invoice_id

    def paid_webhook(self, order_id: str = "1042") -> WebhookRequest:
        """Create an invoice, pay it, and return the webhook that says so."""
        self.pay(order_id)
        return self.account.webhooks()[-1]


def post(send: Send, request: WebhookRequest, path: str = "/webhooks") -> Answer:
    """Send a webhook to an application."""
    query = (request.url or "").partition("?")[2]
    return send("POST", f"{path}?{query}" if query else path, request.body, request.headers.pairs)


@contextlib.contextmanager
def flask(shop: Shop, gateway: Any = None) -> Iterator[Send]:
    """The webhooks in a Flask application."""
    app = Flask("shop")
    app.register_blueprint(in_flask.payments(gateway or shop.gateway, shop.handle))
    yield of_flask(app)


def of_flask(app: Flask) -> Send:
    """Return what sends to a Flask application."""

    def send(method: str, path: str, body: bytes = b"", headers: Any = ()) -> Answer:
        sent = app.test_client().open(
            path, method=method, data=body, headers=list(headers), base_url="https://shop.invalid"
        )
        return Answer(sent.status_code, Headers(list(sent.headers)), sent.data)

    return send


@contextlib.contextmanager
def wsgi(shop: Shop, gateway: Any = None) -> Iterator[Send]:
    """The webhooks as a WSGI application, mounted by a server that checks its every move."""
    yield of_wsgi(wsgi_app(gateway or shop.gateway, shop.handle))


def of_wsgi(app: Any) -> Send:
    """Return what sends to a WSGI application, which is mounted at ``/webhooks``."""

    def send(method: str, path: str, body: bytes = b"", headers: Any = ()) -> Answer:
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "/webhooks",
            "PATH_INFO": path.removeprefix("/webhooks"),
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "shop.invalid",
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "https",
        }
        for name, value in headers:
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        setup_testing_defaults(environ)
        answered: list[Any] = []

        def start(status: str, given: Any, _: Any = None) -> Any:
            answered.append((status, given))
            return answered.append

        parts = validator(app)(environ, start)
        text = b"".join(parts)
        parts.close()  # type: ignore[attr-defined]  # the validator wants it closed
        return Answer(int(answered[0][0][:3]), Headers(answered[0][1]), text)

    return send


@contextlib.contextmanager
def asgi(shop: Shop, gateway: Any = None) -> Iterator[Send]:
    """The webhooks as an ASGI application, mounted in another."""
    mounted = asgi_app(gateway or shop.account.async_gateway, shop.handle_async)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        at = {"root_path": "/webhooks"} if scope["type"] == "http" else {}
        await mounted({**scope, **at}, receive, send)

    with of_asgi(app) as send:
        yield send


@contextlib.contextmanager
def starlette(shop: Shop, gateway: Any = None) -> Iterator[Send]:
    """The webhooks in a Starlette application; what handles them is a plain function."""
    payments = in_starlette.Payments(gateway or shop.account.async_gateway, shop.handle)
    with of_asgi(Starlette(routes=payments.routes, lifespan=payments.lifespan)) as send:
        yield send


@contextlib.contextmanager
def fastapi(shop: Shop, gateway: Any = None) -> Iterator[Send]:
    """The webhooks in a FastAPI application; what handles them is async."""
    payments = in_fastapi.Payments((lambda: gateway or shop.account.async_gateway), shop.handle_async)
    app = FastAPI()
    app.include_router(payments.router)
    with of_asgi(app) as send:
        yield send


@contextlib.contextmanager
def of_asgi(app: Any) -> Iterator[Send]:
    """Run an ASGI application, and give what sends to it."""
    with TestClient(app, base_url="https://shop.invalid", follow_redirects=False) as client:

        def send(method: str, path: str, body: bytes = b"", headers: Any = ()) -> Answer:
            answer = client.request(method, path, content=body, headers=list(headers))
            return Answer(answer.status_code, Headers(answer.headers.multi_items()), answer.content)

        yield send


#: Each kind of application, by its name.
APPS: dict[str, Callable[..., contextlib.AbstractContextManager[Send]]] = {
    "flask": flask,
    "fastapi": fastapi,
    "starlette": starlette,
    "wsgi": wsgi,
    "asgi": asgi,
}
