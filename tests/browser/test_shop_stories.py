"""The example shops in a real Chromium, at a sandbox that is really served: one story for every framework."""

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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import requests
from sqlalchemy import create_engine, text

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice, Emulator, QueuedDelivery, find_emulator
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server import serving
from gateway_sandbox.server.deliveries import hold

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright, or run tox -e browser").expect

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SHOPS = ["fastapi", "flask"]
PATIENCE = 60.0

#: What stands in `gateway.toml` besides what the emulator gives.
BACKENDS: dict[str, dict[str, Any]] = {
    "adyen": {},
    "azothpay": {"period": "PerMonth", "currency": "USD"},
    "billoget": {"currency": "USD"},
    "bitsby": {},
    "btcpay": {},
    "mollie": {},
    "paypal": {},
    "stripe": {},
}


class HurriedSandbox(SandboxEmulator):
    """A sandbox whose payer can be quicker than the answer to the creation of his invoice.

    Attributes:
        pays_first: Whether the next invoice is paid, and its webhook delivered, before the shop has the answer.
    """

    pays_first = False

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request."""
        answer = super().handle(request)
        if self.pays_first and answer.status == 201:
            self.pays_first = False
            [(_, invoice)] = self.ledger.select(EmulatedInvoice, order="newest", limit=1)
            self.pay(invoice.token)
            _wait(lambda: bool(self.ledger.select(QueuedDelivery, order="newest", limit=1)[0][1].attempts))
        return answer


@attrs.frozen
class Place:
    """A shop that is being served, and its provider."""

    url: str
    emulator: Any
    folder: Path

    def latest(self) -> EmulatedInvoice:
        """Return the newest invoice at the provider."""
        [(_, invoice)] = self.emulator.ledger.select(EmulatedInvoice, order="newest", limit=1)
        return invoice

    def order(self) -> str:
        """Return the newest order."""
        return str(self._ask("SELECT id FROM orders ORDER BY placed_at DESC LIMIT 1"))

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
def opened(framework: str, backend: str, emulator: type[Emulator], folder: Path) -> Iterator[Place]:
    """Run a shop at a provider: only its configuration says which."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with serving(emulator, webhook_url=f"{url}/webhooks") as served:
        settings = served.settings | BACKENDS.get(backend, {})
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        about = ['default = "shop"', 'journal = "env://SHOP_DATABASE"', "[gateways.shop]", f'backend = "{backend}"']
        config = folder / "gateway.toml"
        config.write_text("\n".join([*about, *lines]), encoding="utf-8")
        command = [sys.executable, "-m", f"examples.{framework}_shop", "--port", str(port)]
        where = ["--config", str(config), "--database", f"sqlite:///{folder}/shop.db"]
        environment = os.environ | {"SHOP_PAUSE": "0.5"}
        with (
            (folder / "log").open("wb") as log,
            subprocess.Popen([*command, *where], cwd=ROOT, env=environment, stdout=log, stderr=log) as process,
        ):
            try:
                _wait(lambda: _answers(url))
                yield Place(url, served.emulator, folder)
            finally:
                process.terminate()
                process.wait(PATIENCE)


@pytest.fixture(scope="module", params=SHOPS)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Run each shop at the sandbox."""
    with opened(request.param, "sandbox", HurriedSandbox, tmp_path_factory.mktemp("shop")) as place:
        yield place


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages, of which none may complain of anything."""
    contexts = []
    complaints: list[str] = []

    def new(width: int = 1280, height: int = 860) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        expect.set_options(timeout=30_000)
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("response", lambda answer: complaints.extend([answer.url] if answer.status >= 400 else []))
        return page

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


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
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


PAID = "Thank you, it is paid"
WAITING = "Waiting for your payment"
REFUNDED = "Your money is on its way back"


def test_buyer_pays(place: Place, new_page: Callable[..., Page]) -> None:
    """From the shelf to the provider's page and back, and the order's page in another tab turns by itself."""
    page = new_page()
    check_out(page, place)
    other = page.context.new_page()
    show_order(other, place)
    see(other, WAITING)

    page.get_by_role("button", name=re.compile("^Pay 27.40")).click()

    see(other, PAID)
    page.wait_for_url(re.compile("/orders/"))
    see(page, PAID)
    assert place.parcels() == 1


def test_declined_and_tried_again(place: Place, new_page: Callable[..., Page]) -> None:
    """The order's page says that it was declined, and leads to a second try."""
    page = new_page()
    check_out(page, place)
    page.get_by_role("button", name="Decline").click()
    show_order(page, place)
    expect(page.get_by_role("status")).to_contain_text("declined")
    assert place.parcels() == 0

    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name=re.compile("^Pay 27.40")).click()

    page.wait_for_url(re.compile("/orders/"))
    see(page, PAID)
    assert place.parcels() == 1


def test_too_little_and_then_the_rest(place: Place, new_page: Callable[..., Page]) -> None:
    """A part sends nothing; the page says what has come, and leads to the same invoice for the rest."""
    page = new_page()
    check_out(page, place)
    place.emulator.pay(place.latest().token, Money("20.00", "USD"))
    show_order(page, place)
    expect(page.get_by_role("status")).to_contain_text("20.00")
    assert place.parcels() == 0

    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name=re.compile("^Pay 7.40")).click()

    page.wait_for_url(re.compile("/orders/"))
    see(page, PAID)
    assert place.parcels() == 1


def test_page_is_closed_and_the_webhook_does_it(place: Place, new_page: Callable[..., Page]) -> None:
    """The buyer pays in his bank's app and never comes back."""
    page = new_page()
    check_out(page, place)
    page.close()
    place.emulator.pay(place.latest().token)

    assert _wait(lambda: place.parcels() == 1)
    assert [each.attempts[-1].status for each in place.deliveries()] == [200]


def test_webhook_before_the_create_returned(place: Place, new_page: Callable[..., Page]) -> None:
    """Somebody has paid before the shop knows that there is an invoice."""
    place.emulator.pays_first = True
    page = new_page()
    check_out(page, place)
    show_order(page, place)

    see(page, PAID)
    assert place.parcels() == 1
    assert _wait(lambda: place.deliveries()[-1].attempts[-1].status == 200)
    assert place.parcels() == 1


def test_webhook_comes_three_times(place: Place, new_page: Callable[..., Page]) -> None:
    """Three webhooks, three times 200, one parcel and one mail."""
    page = new_page()
    check_out(page, place)
    hold(place.emulator, held=True)
    place.emulator.pay(place.latest().token)
    for _ in range(2):
        place.emulator.duplicate(place.deliveries()[0].id)
    hold(place.emulator, held=False)

    assert _wait(lambda: [each.attempts[-1:] and each.attempts[-1].status for each in place.deliveries()] == [200] * 3)
    assert place.parcels() == 1
    show_order(page, place)
    see(page, PAID)


def test_webhook_is_lost_and_reconcile_repairs_it(place: Place, new_page: Callable[..., Page]) -> None:
    """Nobody comes back, nothing is told: the comparison with the provider finds the payment."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    page = new_page()
    check_out(page, place)
    page.close()
    address, place.emulator.webhook_url = place.emulator.webhook_url, None
    place.emulator.pay(place.latest().token)
    place.emulator.webhook_url = address
    assert place.parcels() == 0

    command = [sys.executable, "-m", "gateway_core.cli", "reconcile", "--since", since.isoformat(), "--apply"]
    environment = os.environ | {"SHOP_DATABASE": f"sqlite:///{place.folder}/shop.db"}
    done = subprocess.run(
        [*command, "--config", str(place.folder / "gateway.toml"), "--json"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert place.latest().id in done.stdout
    assert _wait(lambda: place.parcels() == 1)


def test_refund_and_a_late_paid(place: Place, new_page: Callable[..., Page]) -> None:
    """What was paid and refunded is refunded, also when PAID is told once more afterwards."""
    page = new_page()
    check_out(page, place)
    place.emulator.pay(place.latest().token)
    show_order(page, place)
    see(page, PAID)
    assert _wait(lambda: place.deliveries()[-1].due_at is None)
    place.emulator.act(place.latest().token, "refund")
    assert _wait(lambda: len(place.deliveries()) == 2 and place.deliveries()[-1].due_at is None)

    place.emulator.resend(place.deliveries()[0].id)

    assert _wait(lambda: len(place.deliveries()[0].attempts) == 2)
    show_order(page, place)
    see(page, REFUNDED)
    assert place.parcels() == 1


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(place: Place, new_page: Callable[..., Page], width: int) -> None:
    """On a telephone and on a desk."""
    page = new_page(width)
    check_out(page, place)
    for path in ("/", "/cart", f"/orders/{place.order()}"):
        page.goto(place.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("backend", BACKENDS)
def test_fastapi_shop_at_every_provider(backend: str, new_page: Callable[..., Page], tmp_path: Path) -> None:
    """Whatever the provider calls it: declined, tried again and paid, with nothing changed but the configuration."""
    with opened("fastapi", backend, find_emulator(backend), tmp_path) as place:
        page = new_page()
        check_out(page, place)
        if place.emulator.declines is not Declines.NONE:
            place.emulator.decline(place.latest().token)
            show_order(page, place)
            page.get_by_role("button", name="Try again").click()
            page.wait_for_url(re.compile("/pay/"))
        place.emulator.pay(place.latest().token)
        if place.latest().status is InvoiceStatus.APPROVED:
            # Billoget's customers approve, and pay elsewhere: an approval is no payment.
            show_order(page, place)
            see(page, WAITING)
            assert place.parcels() == 0
            return
        assert _wait(lambda: place.parcels() == 1)
        show_order(page, place)
        see(page, PAID)


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def _wait(reached: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
