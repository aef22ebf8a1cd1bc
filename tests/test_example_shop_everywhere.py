"""The example shop on every provider: only `gateway.toml` differs."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

from gateway_core import Gateway, InvoiceStatus, Money, RefundRequest
from gateway_core.models import WebhookRequest
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedAccount, EmulatedInvoice, ManualClock

_SHOP = Path(__file__).parent.parent / "examples" / "shop.py"

#: What stands in `gateway.toml` besides what the emulator gives.
BACKENDS: dict[str, dict[str, Any]] = {
    "sandbox": {},
    "bitsby": {},
    "azothpay": {"period": "PerMonth", "currency": "USD"},
    "billoget": {"currency": "USD"},
    "adyen": {},
    "btcpay": {},
    "mollie": {},
    "paypal": {},
    "stripe": {},
}


def _shop_class() -> Any:
    spec = importlib.util.spec_from_file_location("example_shop", _SHOP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Shop


class Visitor:
    """A buyer and a provider in front of the shop, without a socket."""

    def __init__(self, shop: Any, account: EmulatedAccount) -> None:
        self.shop = shop
        self.account = account

    def call(self, method: str, path: str, request: WebhookRequest | None = None) -> tuple[int, dict[str, str], str]:
        """Send one request to the shop."""
        body = request.body if request else b""
        environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        for name, value in request.headers.pairs if request else ():
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        setup_testing_defaults(environ)
        answered: list[tuple[int, dict[str, str]]] = []

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answered.append((int(status.split(maxsplit=1)[0]), dict(headers)))

        text = b"".join(self.shop(environ, start)).decode()
        return *answered[0], text

    def receive(self, request: WebhookRequest) -> int:
        """Hand a webhook to the shop."""
        return self.call("POST", "/webhooks", request)[0]

    def latest(self) -> EmulatedInvoice:
        """Return the newest invoice at the provider."""
        [(_, invoice)] = self.account.emulator.ledger.select(EmulatedInvoice, order="newest", limit=1)
        return invoice


@pytest.fixture
def visitor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Visitor]:
    """Give a shop whose account is at the emulator of a backend, by its configuration alone."""
    backend: str = request.param
    # Webhooks are stamped with the real time, so that the provider's clock stands at it.
    with EmulatedAccount(backend, clock=ManualClock(datetime.now(UTC)), settings=BACKENDS[backend]) as account:
        lines = [f"{key} = {json.dumps(value)}" for key, value in account.settings.items()]
        text = ['default = "shop"', f'journal = "sqlite:///{tmp_path}/journal.db"', "[gateways.shop]"]
        config = tmp_path / "gateway.toml"
        config.write_text("\n".join([*text, f'backend = "{backend}"', *lines]), encoding="utf-8")
        with Gateway.open(config=config, transport=account.faults) as gateway:
            yield Visitor(_shop_class()(gateway, tmp_path / "shop.db"), account)


@pytest.mark.parametrize("visitor", BACKENDS, indirect=True)
def test_declined_paid_told_twice_and_refunded(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the provider calls it: delivered once, and the refund is seen where the provider tells it."""
    caplog.set_level(logging.INFO, "shop")
    info = visitor.account.gateway.info
    status, headers, _ = visitor.call("POST", "/orders")
    order = headers["X-Order"]
    assert status == 303
    if info.declines is not Declines.NONE:
        visitor.account.decline(visitor.latest().id)
        visitor.account.deliver(visitor.receive)
        assert "waiting for payment" in visitor.call("GET", f"/orders/{order}")[2]
        visitor.call("POST", f"/orders/{order}/pay")
    visitor.account.pay(visitor.latest().id)
    for _ in range(3):  # what the shop does about one webhook may bring the next
        visitor.account.deliver(visitor.receive)
    visitor.account.duplicate()
    visitor.account.deliver(visitor.receive)

    delivered = [record.getMessage() for record in caplog.records if "deliver" in record.getMessage()]
    shown = visitor.call("GET", f"/orders/{order}")[2]
    if visitor.latest().status is InvoiceStatus.APPROVED:
        # Billoget's customers approve, and pay elsewhere: an approval is no payment.
        assert ">waiting for payment<" in shown
        assert delivered == []
        return
    assert ">paid<" in shown
    assert delivered == [f"deliver order {order}"]
    if not visitor.shop.gateway.supports("refund_payment"):
        return
    refund = RefundRequest(refund_id="r-1", invoice_id=visitor.latest().id, amount=Money("49.90", "USD"))
    visitor.shop.gateway.refund_payment(refund)
    for _ in range(3):
        visitor.account.deliver(visitor.receive)
    known = visitor.latest()
    shown = visitor.call("GET", f"/orders/{order}")[2]
    assert (">refunded<" in shown) is (known.status is InvoiceStatus.REFUNDED)
