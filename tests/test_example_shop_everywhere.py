"""The FastAPI shop on every provider: only its configuration differs."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import Table, create_engine, func, select
from starlette.testclient import TestClient

from examples.bookshop import database, orders
from gateway_core import AsyncGateway, InvoiceStatus, Money, RefundRequest
from gateway_core.models import WebhookRequest
from gateway_core.provider import Declines
from gateway_core.testing import EXPIRE, AnswerLost, EmulatedAccount, EmulatedInvoice, ManualClock

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


@attrs.frozen
class Visitor:
    """A buyer and a provider in front of the shop, without a socket."""

    client: TestClient
    account: EmulatedAccount
    shop: Any

    def order(self, order: str = "a" * 20, cart: str = "1-5") -> str:
        """Order two books, and return where the buyer is sent."""
        self.client.cookies.set("cart", cart)
        answer = self.client.post("/orders", data={"order": order, "email": "ada@example.com"})
        assert answer.status_code == 303
        return str(answer.headers["location"])

    def state(self, order: str = "a" * 20, *, comes_back: bool = False) -> str:
        """Return what the order's page says; a buyer who comes back has the shop ask the provider."""
        page = self.client.get(f"/orders/{order}", headers={} if comes_back else {"X-Follow": "1"})
        return page.text.partition('data-state="')[2].partition('"')[0]

    def deliver(self) -> list[int]:
        """Deliver all webhooks, and what the shop's answers to these bring about."""
        answers: list[int] = []

        def receive(request: WebhookRequest) -> int:
            path = str(request.url).partition("/webhooks")[2]
            headers = list(request.headers.pairs)
            answer = self.client.post(f"/webhooks{path}", content=request.body, headers=headers)
            answers.append(answer.status_code)
            return answer.status_code

        for _ in range(3):
            self.account.deliver(receive)
            self.client.portal.call(self.shop.run_errands, self.shop.payments.gateway)  # type: ignore[union-attr]
        return answers

    def latest(self) -> EmulatedInvoice:
        """Return the newest invoice at the provider."""
        [(_, invoice)] = self.account.emulator.ledger.select(EmulatedInvoice, order="newest", limit=1)
        return invoice

    def count(self, table: Table) -> int:
        """Return how many rows one of the shop's tables has."""
        engine = create_engine(database.url())
        with engine.connect() as connection:
            found = connection.scalar(select(func.count()).select_from(table))
        engine.dispose()
        return int(found or 0)


@pytest.fixture
def visitor(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visitor]:
    """Give a shop whose account is at the emulator of a backend, by its configuration alone."""
    backend: str = getattr(request, "param", "sandbox")
    monkeypatch.setenv("SHOP_DATABASE", f"sqlite:///{tmp_path}/shop.db")
    monkeypatch.setenv("GATEWAY_CONFIG", str(tmp_path / "gateway.toml"))
    database.prepare()
    # Webhooks are stamped with the real time, so that the provider's clock stands at it.
    with EmulatedAccount(backend, clock=ManualClock(datetime.now(UTC)), settings=BACKENDS[backend]) as account:
        lines = [f"{key} = {json.dumps(value)}" for key, value in account.settings.items()]
        text = ['default = "shop"', 'journal = "env://SHOP_DATABASE"', "[gateways.shop]", f'backend = "{backend}"']
        (tmp_path / "gateway.toml").write_text("\n".join([*text, *lines]), encoding="utf-8")
        monkeypatch.setattr(AsyncGateway, "open", functools.partial(AsyncGateway.open, transport=account.faults))
        monkeypatch.delitem(sys.modules, "examples.fastapi_shop", raising=False)
        shop = importlib.import_module("examples.fastapi_shop")
        with TestClient(shop.app, follow_redirects=False) as client:
            yield Visitor(client, account, shop)


@pytest.mark.parametrize("visitor", BACKENDS, indirect=True)
def test_declined_paid_told_twice_and_refunded(visitor: Visitor) -> None:
    """Whatever the provider calls it: sent once, and the refund is seen where the provider tells it."""
    gateway = visitor.shop.payments.gateway
    visitor.order()
    if gateway.info.declines is not Declines.NONE:
        visitor.account.decline(visitor.latest().id)
        visitor.deliver()
        assert visitor.state() in ("waiting", "lapsed")
        visitor.client.post(f"/orders/{'a' * 20}/pay")
    visitor.account.pay(visitor.latest().id)
    visitor.deliver()
    visitor.account.duplicate()
    visitor.deliver()

    if visitor.latest().status is InvoiceStatus.APPROVED:
        # Billoget's customers approve, and pay elsewhere: an approval is no payment.
        assert (visitor.state(), visitor.count(orders.parcels)) == ("waiting", 0)
        return
    assert (visitor.state(), visitor.count(orders.parcels), visitor.count(orders.mails)) == ("paid", 1, 1)
    if not gateway.supports("refund_payment"):
        return
    invoice = visitor.latest()
    refund = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=invoice.amount)
    visitor.client.portal.call(gateway.refund_payment, refund)  # type: ignore[union-attr]
    visitor.deliver()
    assert (visitor.state() == "refunded") is (visitor.latest().status is InvoiceStatus.REFUNDED)
    assert visitor.count(orders.parcels) == 1


def test_lost_answer_makes_one_invoice(visitor: Visitor) -> None:
    """The buyer presses again, and pays the invoice that was made."""
    visitor.account.faults.script(AnswerLost())
    here = visitor.order()
    again = visitor.client.post(f"{here}/pay").headers["location"] if here.startswith("/orders/") else here

    assert again.endswith(visitor.latest().token)
    assert len(visitor.account.emulator.ledger.select(EmulatedInvoice)) == 1


def test_form_that_is_sent_twice_is_one_order(visitor: Visitor) -> None:
    """The second one leads to the same page, and takes no second copy."""
    assert visitor.order(cart="6") == visitor.order(cart="6")
    assert visitor.count(orders.orders) == 1


def test_last_copy_is_sold_once(visitor: Visitor) -> None:
    """Who comes second is told so, and owes nothing."""
    visitor.order("a" * 20, cart="6")
    visitor.client.cookies.set("cart", "6")
    answer = visitor.client.post("/orders", data={"order": "b" * 20, "email": "eve@example.com"})

    assert answer.status_code == 409
    assert "sold out" in answer.text
    assert visitor.count(orders.orders) == 1


def test_payment_after_the_copy_went_to_somebody_else_goes_back(visitor: Visitor) -> None:
    """The first order lapses, the second one gets the last copy, and the first one is paid too late."""
    visitor.order("a" * 20, cart="6")
    late = visitor.latest()
    paid_late = attrs.evolve(late, status=InvoiceStatus.PAID, received=late.amount)
    visitor.account.act(late.id, EXPIRE.id)
    visitor.deliver()
    assert visitor.state("a" * 20) == "lapsed"
    visitor.order("b" * 20, cart="6")
    assert visitor.client.post(f"/orders/{'a' * 20}/pay").status_code == 409
    visitor.account.emulator.ledger.save(paid_late)
    assert visitor.state("a" * 20, comes_back=True) == "paid"
    visitor.deliver()

    assert visitor.state("a" * 20) == "refunded"
    assert visitor.count(orders.parcels) == 0


def test_lapsed_order_is_taken_up_again(visitor: Visitor) -> None:
    """While there are copies, a buyer whose time is over tries again, and pays the second attempt."""
    visitor.order()
    visitor.account.act(visitor.latest().id, EXPIRE.id)
    visitor.deliver()
    first = visitor.latest().id
    answer = visitor.client.post(f"/orders/{'a' * 20}/pay")
    visitor.account.pay(visitor.latest().id)
    visitor.deliver()

    assert answer.status_code == 303
    assert visitor.latest().id != first
    assert (visitor.state(), visitor.count(orders.parcels)) == ("paid", 1)


def test_part_is_told_and_the_rest_is_paid(visitor: Visitor) -> None:
    """Too little sends nothing; the page says what has come, and leads to the same invoice for the rest."""
    visitor.order()
    visitor.account.pay(visitor.latest().id, Money("20.00", "USD"))
    visitor.deliver()
    page = visitor.client.get(f"/orders/{'a' * 20}").text
    assert "20.00" in page
    assert visitor.count(orders.parcels) == 0
    visitor.account.pay(visitor.latest().id, Money("28.80", "USD"))
    visitor.deliver()

    assert (visitor.state(), visitor.count(orders.parcels)) == ("paid", 1)


def test_webhook_that_never_came_is_made_up_by_the_return(visitor: Visitor) -> None:
    """A buyer who comes back sees it paid, and a buyer who stays away is found by the next poll."""
    visitor.order()
    visitor.account.pay(visitor.latest().id)

    assert visitor.state() == "waiting"
    assert visitor.state(comes_back=True) == "paid"
    assert visitor.count(orders.parcels) == 1
    assert visitor.deliver() == [200]
    assert visitor.count(orders.parcels) == 1


def test_tampered_webhook_is_refused(visitor: Visitor) -> None:
    """It is answered with 4xx, and nothing happens."""
    visitor.order()
    visitor.account.pay(visitor.latest().id)
    visitor.account.tamper()
    answers = visitor.deliver()

    assert sorted(answers) == [200, 400]
    assert visitor.count(orders.parcels) == 1


def test_pages_take_what_strangers_send(visitor: Visitor) -> None:
    """A cart that makes no sense is empty, an order that does not exist has a page that says so."""
    visitor.client.cookies.set("cart", "-".join(["x", "9" * 30, "1", "1", *map(str, range(100))]))

    assert visitor.client.get("/cart").status_code == 200
    assert visitor.client.get("/orders/nobody").status_code == 404
    assert visitor.client.post("/orders/nobody/pay").status_code == 404
    assert visitor.client.post("/orders", data={"order": "<script>", "email": "x"}).status_code == 422
    visitor.client.cookies.set("cart", "")
    assert visitor.client.get("/checkout").headers["location"] == "/cart"
