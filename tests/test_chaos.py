"""The shop under chaos: what its judge counts, and a small share of the run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from sqlalchemy import Connection, create_engine, insert, update

from examples.bookshop import orders
from examples.bookshop.stock import CURRENCY
from examples.chaos.judge import judge, violations
from examples.chaos.sandbox import ChaoticNetwork, ChaoticSandbox
from gateway_core import Gateway, InvoiceRequest, Money
from gateway_core.testing import EmulatedInvoice, EmulatorTransport
from tests.journal.postgres_server import find_programs

ROOT = Path(__file__).parent.parent


@attrs.frozen
class Scene:
    """A sandbox and a shop with one order of one book, of which there is one copy."""

    sandbox: ChaoticSandbox
    gateway: Gateway
    shop: Connection

    def bill(self) -> str:
        """Create the order's invoice, and return its token."""
        amount = Money("12.50", CURRENCY)
        self.gateway.create_invoice(InvoiceRequest(order_id="a", amount=amount, description="A book"))
        [(_, invoice)] = self.sandbox.ledger.select(EmulatedInvoice)
        return str(invoice.token)

    def fulfil(self) -> None:
        """Send a parcel, as the shop does."""
        orders.fulfil(self.shop, "a", "an invoice")

    def faults(self) -> dict[str, int]:
        """Return what is not 0."""

        async def app(*_: object) -> None:
            raise AssertionError("nobody asks")

        verdict = judge(self.sandbox, ChaoticNetwork(app, self.sandbox), self.shop, copies=1)
        return {name: count for name, count in verdict.faults.items() if count}


@pytest.fixture
def scene() -> Iterator[Scene]:
    """Give an order that nobody has paid."""
    engine = create_engine("sqlite://")
    sandbox = ChaoticSandbox(checkout_url="https://sandbox.invalid/pay", webhook_url="https://shop.invalid/webhooks")
    sandbox.calm = True
    settings = sandbox.settings("https://sandbox.invalid")
    with (
        Gateway.connect("sandbox", transport=EmulatorTransport(sandbox), **settings) as gateway,
        engine.begin() as shop,
    ):
        orders.prepare(shop, [("A Room of One's Own", "Virginia Woolf", "12.50", 1)])
        orders.place(shop, "a", "ada@example.com", [1])
        yield Scene(sandbox, gateway, shop)
    engine.dispose()


def test_paid_and_sent_once_is_no_fault(scene: Scene) -> None:
    """And neither is an order that nobody pays."""
    assert scene.faults() == {}
    scene.sandbox.pay(scene.bill())
    scene.fulfil()

    assert scene.faults() == {}


def test_second_parcel_is_counted(scene: Scene) -> None:
    """With the mail that goes with it."""
    scene.sandbox.pay(scene.bill())
    scene.fulfil()
    scene.fulfil()

    assert scene.faults() == {"orders fulfilled twice": 1, "paid orders with more than one mail": 1}


def test_missing_parcel_is_counted(scene: Scene) -> None:
    """Until the money has gone back."""
    token = scene.bill()
    scene.sandbox.pay(token)
    assert scene.faults() == {"paid and not fulfilled": 1}
    scene.sandbox.act(token, "refund")

    assert scene.faults() == {}


def test_parcel_without_money_is_counted(scene: Scene) -> None:
    """A part of the money is not the money."""
    scene.sandbox.pay(scene.bill(), Money("12.49", CURRENCY))
    scene.fulfil()

    assert scene.faults() == {"fulfilled unpaid": 1}


def test_copy_that_was_not_there_is_counted(scene: Scene) -> None:
    """Two orders have the one copy."""
    more = {"email": "eve@example.com", "amount": "12.50", "placed_at": datetime.now(UTC), "reserved": True}
    scene.shop.execute(insert(orders.orders).values(id="b", **more))
    scene.shop.execute(insert(orders.lines).values(order_id="b", book_id=1, title="A Room", price="12.50"))
    assert scene.faults() == {"copies sold that were not there": 1}
    scene.shop.execute(update(orders.orders).where(orders.orders.c.id == "b").values(reserved=False))

    assert scene.faults() == {}


@pytest.mark.parametrize(
    "arrivals, early",
    [([0, 0, 1.0], 0), ([0, 0, 0.999], 1), ([0.5, 0, 0.9, 0.4], 2), ([], 0)],
)
def test_requests_that_come_too_early_are_counted(arrivals: list[float], early: int) -> None:
    """Two requests a second: the third within a second is too early, and so is each after it."""
    assert violations(arrivals, 2, 1) == early


@pytest.mark.soak
@pytest.mark.skipif(find_programs() is None, reason="there is no PostgreSQL for this platform")
def test_careless_shop_is_found_guilty() -> None:
    """With a shop that believes each webhook, the run says what is wrong."""
    command = [sys.executable, "-m", "examples.chaos", "--orders", "40", "--workers", "2", "--careless"]

    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)

    wrong = [line for line in done.stdout.splitlines() if "WRONG" in line]
    assert done.returncode == 1, done.stdout
    assert "orders fulfilled twice" in wrong[0], done.stdout
