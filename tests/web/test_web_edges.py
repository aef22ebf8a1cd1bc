"""The edges of the adapters: without their framework, before they are open, and beside what others install."""

from __future__ import annotations

import asyncio
import importlib
import io
import sys
from typing import Any

import pytest
from flask import Flask, request
from flask_wtf import CSRFProtect  # type: ignore[import-untyped]  # it has no types
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from gateway_core import InvoiceRequest, Money, errors
from gateway_core.models import Acknowledgement
from gateway_core.web import asgi_app, known_now, starlette, wsgi_app
from gateway_core.web.flask import payments
from tests.web.apps import Shop, of_asgi, of_flask, of_wsgi, post


@pytest.mark.parametrize(
    "framework, adapter, extra", [("flask", "flask", "flask"), ("fastapi",) * 3, ("starlette", "starlette", "fastapi")]
)
def test_framework_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, framework: str, adapter: str, extra: str
) -> None:
    """The error says what to install."""
    for name in [name for name in sys.modules if name.partition(".")[0] == framework]:
        monkeypatch.setitem(sys.modules, name, None)  # so it cannot be imported
    monkeypatch.delitem(sys.modules, f"gateway_core.web.{adapter}")

    with pytest.raises(errors.ConfigurationError, match=rf"pip install 'gateway-core\[{extra}\]'"):
        importlib.import_module(f"gateway_core.web.{adapter}")


@pytest.mark.parametrize("protect_first", [True, False])
def test_protection_of_forms_asks_no_webhook_for_a_token(shop: Shop, *, protect_first: bool) -> None:
    """Flask-WTF's, before or after the webhooks were mounted; it goes on protecting everything else."""
    app = Flask("shop")
    app.secret_key = "made up"
    protection = CSRFProtect()
    if protect_first:
        protection.init_app(app)
    app.register_blueprint(payments(shop.gateway, shop.handle))
    if not protect_first:
        protection.init_app(app)
    app.add_url_rule("/order", view_func=lambda: "taken", methods=["POST"])
    send = of_flask(app)

    assert post(send, shop.paid_webhook()).status == 200
    assert send("POST", "/order").status == 400
    assert shop.delivered == ["1042"]


def test_function_before_each_request_leaves_the_body_alone(shop: Shop) -> None:
    """One that parses forms comes after the raw body was read."""
    app = Flask("shop")
    seen: list[bytes] = []

    @app.before_request
    def look() -> None:
        _ = request.form
        seen.append(request.get_data())

    app.register_blueprint(payments(shop.gateway, shop.handle))
    webhook = shop.paid_webhook()

    assert post(of_flask(app), webhook).status == 200
    assert seen == [webhook.body]


def test_sender_who_hangs_up_in_flask(shop: Shop) -> None:
    """Half a body is no webhook."""
    app = Flask("shop")
    app.register_blueprint(payments(shop.gateway, shop.handle))
    webhook = shop.paid_webhook()

    answer = app.test_client().open(
        "/webhooks",
        method="POST",
        input_stream=io.BytesIO(webhook.body[:-10]),
        content_length=len(webhook.body),
        headers=list(webhook.headers.pairs),
    )

    assert (answer.status_code, answer.data, shop.told) == (400, b"", [])


def test_gateway_before_the_start_of_the_application(shop: Shop) -> None:
    """Who forgets the lifespan is told so."""
    unopened = starlette.Payments(lambda: shop.account.async_gateway, shop.handle_async)
    given = starlette.Payments(shop.account.async_gateway, shop.handle_async)

    with pytest.raises(errors.ConfigurationError, match="give the application the lifespan of these payments"):
        _ = unopened.gateway
    assert given.gateway is asyncio.run(given()) is shop.account.async_gateway


class _Accounts(dict[str, Any]):
    """Accounts, one of which cannot be opened."""

    def __getitem__(self, name: str) -> Any:
        if name == "broken":
            raise errors.ConfigurationError("its secret is missing")
        return super().__getitem__(name)


def test_account_that_cannot_be_opened_keeps_no_other_from_it(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """It is told when the application starts, and its webhooks come again; the others are received."""
    accounts = _Accounts(shop=shop.account.async_gateway, broken=None)
    app = starlette.Payments(lambda: _Open(accounts), shop.handle_async)

    with of_asgi(Starlette(routes=app.routes, lifespan=app.lifespan)) as send:
        webhook = shop.paid_webhook()
        assert post(send, webhook, "/webhooks/broken").status == 500
        assert post(send, webhook, "/webhooks/shop").status == 200

    assert "broken cannot be opened: its secret is missing" in caplog.text
    assert shop.delivered == ["1042"]


class _Open:
    """Accounts that are closed together, as `AsyncGateways` are."""

    def __init__(self, accounts: _Accounts) -> None:
        self._accounts = accounts

    def __getitem__(self, name: str) -> Any:
        return self._accounts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._accounts

    def __iter__(self) -> Any:
        return iter(self._accounts)

    async def close(self) -> None:
        """Close the account that is open."""
        await self._accounts["shop"].close()


def test_websocket_is_closed(shop: Shop) -> None:
    """It is no webhook."""
    client = TestClient(asgi_app(shop.account.async_gateway, shop.handle_async))

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/"):
        pass


def test_status_without_a_name(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that wants to read a number of its own gets it from a WSGI server, too."""
    monkeypatch.setattr("gateway_core.web._apps.receive", lambda *_, **__: Acknowledgement(status=299))

    assert of_wsgi(wsgi_app(shop.gateway, shop.handle))("POST", "/webhooks").status == 299


def test_page_of_an_order(shop: Shop) -> None:
    """While something is left to pay the buyer may go on there; after that, and without an invoice, there is none."""
    before = known_now(shop.gateway, "1042", shop.handle)
    invoice = shop.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money(50, "USD")))
    waiting = known_now(shop.gateway, "1042", shop.handle)
    shop.account.pay(invoice.id)
    shop.account.advance(seconds=10)
    paid = known_now(shop.gateway, "1042", shop.handle)

    assert (before.status, before.payment_url) == (None, None)
    assert waiting.payment_url == invoice.payment_url
    assert (paid.is_paid, paid.payment_url) == (True, None)
