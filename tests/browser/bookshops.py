"""The example shops, served as their users serve them, and what a buyer does there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import requests
from sqlalchemy import create_engine, text

from gateway_core.testing import EmulatedInvoice, Emulator, QueuedDelivery
from gateway_sandbox.server import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0

PAID = "Thank you, it is paid"
WAITING = "Waiting for your payment"
REFUNDED = "Your money is on its way back"


@attrs.frozen
class Place:
    """A shop that is being served, and its provider."""

    url: str
    emulator: Any
    folder: Path

    def latest(self) -> EmulatedInvoice:
        """Return the newest invoice at the provider."""
        invoices: list[tuple[int, EmulatedInvoice]] = self.emulator.ledger.select(
            EmulatedInvoice, order="newest", limit=1
        )
        return invoices[0][1]

    def order(self) -> str:
        """Return the newest order."""
        return str(self._ask("SELECT id FROM orders ORDER BY placed_at DESC LIMIT 1"))

    def restock(self) -> None:
        """Put some copies of every book on the shelf; of a first edition there is one."""
        engine = create_engine(f"sqlite:///{self.folder}/shop.db", connect_args={"timeout": 30})
        with engine.begin() as connection:
            connection.execute(text("UPDATE books SET stock = CASE WHEN title LIKE '%first edition' THEN 1 ELSE 5 END"))
        engine.dispose()

    def parcels(self) -> int:
        """Return how many parcels, each with its mail, the newest order has."""
        parcels, mails = (
            self._ask(f"SELECT count(*) FROM {table} WHERE order_id = :order", order=self.order())  # noqa: S608
            for table in ("parcels", "mails")
        )
        assert parcels == mails
        return int(parcels)

    def deliveries(self) -> list[QueuedDelivery]:
        """Return the webhooks of the newest invoice, the latest last."""
        found = [each for _, each in self.emulator.ledger.select(QueuedDelivery)]
        return [each for each in found if each.invoice_id == self.latest().id]

    def _ask(self, statement: str, **parameters: str) -> Any:
        engine = create_engine(f"sqlite:///{self.folder}/shop.db")
        with engine.connect() as connection:
            found = connection.execute(text(statement), parameters).scalar_one()
        engine.dispose()
        return found


@contextlib.contextmanager
def opened(framework: str, backend: str, emulator: type[Emulator], folder: Path, **more: str) -> Iterator[Place]:
    """Run a shop at a provider: only its configuration says which, with what is not the emulator's to say."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with serving(emulator, webhook_url=f"{url}/webhooks") as served:
        settings = served.settings | more
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        about = ['default = "shop"', 'journal = "env://SHOP_DATABASE"', "[gateways.shop]", f'backend = "{backend}"']
        config = folder / "gateway.toml"
        config.write_text("\n".join([*about, *lines]), encoding="utf-8")
        command = [sys.executable, "-m", "examples.bookshop", framework, "--port", str(port)]
        where = ["--config", str(config), "--database", f"sqlite:///{folder}/shop.db"]
        environment = os.environ | {"SHOP_PAUSE": "0.5"}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen([*command, *where], cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
        ):
            try:
                assert wait(lambda: _answers(url)), (folder / "log").read_text()
                yield Place(url, served.emulator, folder)
            finally:
                process.terminate()
                process.wait(PATIENCE)


def check_out(page: Page, place: Place) -> None:
    """Put two books into the cart, and go on to the provider's page."""
    page.goto(place.url)
    page.get_by_role("button", name="Add The Summer Book").click()
    page.get_by_role("button", name="Add Kindred").click()
    page.get_by_role("link", name=re.compile("^Cart")).click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Pay $27.40").click()
    page.wait_for_url(re.compile("/pay/|/orders/"))


def show_order(page: Page, place: Place) -> None:
    """Open the page of the newest order."""
    page.goto(f"{place.url}/orders/{place.order()}")


def see(page: Page, words: str) -> None:
    """Wait until the order's page says so, by itself."""
    page.get_by_role("heading", level=1, name=words, exact=True).wait_for()


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def wait(reached: Callable[[], bool]) -> bool:
    """Wait until something is reached; return whether it was."""
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
