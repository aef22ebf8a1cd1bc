"""The example shops in a real Chromium, at a sandbox that is really served: one story for every framework."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gateway_core import HttpRequest, HttpResponse, Money
from gateway_core.testing import EmulatedInvoice, QueuedDelivery
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server.deliveries import hold
from tests.browser.bookshops import PAID, REFUNDED, WAITING, Place, check_out, opened, see, show_order, wait

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright, or run tox -e browser").expect

pytestmark = pytest.mark.browser


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
            wait(lambda: bool(self.ledger.select(QueuedDelivery, order="newest", limit=1)[0][1].attempts))
        return answer


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Place]]:
    """Run a shop at the sandbox: once, in whichever order the tests come."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def open_shop(framework: str) -> Place:
            folder = tmp_path_factory.mktemp(framework)
            return stack.enter_context(opened(framework, "sandbox", HurriedSandbox, folder))

        yield open_shop


@pytest.fixture(params=["fastapi", "flask", "django"])
def place(request: pytest.FixtureRequest, open_shop: Callable[[str], Place]) -> Place:
    """Give each shop with a full shelf."""
    place = open_shop(request.param)
    place.restock()
    return place


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

    assert wait(lambda: place.parcels() == 1)
    assert [each.attempts[-1].status for each in place.deliveries()] == [200]


def test_webhook_before_the_create_returned(place: Place, new_page: Callable[..., Page]) -> None:
    """Somebody has paid before the shop knows that there is an invoice."""
    place.emulator.pays_first = True
    page = new_page()
    check_out(page, place)
    show_order(page, place)

    see(page, PAID)
    assert place.parcels() == 1
    assert wait(lambda: place.deliveries()[-1].attempts[-1].status == 200)
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

    assert wait(lambda: [each.attempts[-1:] and each.attempts[-1].status for each in place.deliveries()] == [200] * 3)
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
    assert wait(lambda: place.parcels() == 1)


def test_refund_and_a_late_paid(place: Place, new_page: Callable[..., Page]) -> None:
    """What was paid and refunded is refunded, also when PAID is told once more afterwards."""
    page = new_page()
    check_out(page, place)
    place.emulator.pay(place.latest().token)
    show_order(page, place)
    see(page, PAID)
    assert wait(lambda: place.deliveries()[-1].due_at is None)
    place.emulator.act(place.latest().token, "refund")
    assert wait(lambda: len(place.deliveries()) == 2 and place.deliveries()[-1].due_at is None)

    place.emulator.resend(place.deliveries()[0].id)

    assert wait(lambda: len(place.deliveries()[0].attempts) == 2)
    show_order(page, place)
    see(page, REFUNDED)
    assert place.parcels() == 1


def test_last_copy_is_sold_once(place: Place, new_page: Callable[..., Page]) -> None:
    """Two buyers have it in their carts; who orders second is told so, and owes nothing."""
    buyers = [new_page(), new_page(refused=True)]
    for page in buyers:
        page.goto(place.url)
        page.get_by_role("button", name="Add The Mezzanine").click()
        page.goto(f"{place.url}/checkout")
        page.get_by_label("E-mail").fill("ada@example.com")
    for page in buyers:
        page.get_by_role("button", name="Pay $120.00").click()
    buyers[0].wait_for_url(re.compile("/pay/"))
    place.emulator.pay(place.latest().token)

    expect(buyers[1].get_by_role("alert")).to_contain_text("sold out")
    assert wait(lambda: place.parcels() == 1)
    buyers[1].goto(place.url)
    expect(buyers[1].get_by_role("button", name="Add The Mezzanine")).to_have_count(0)


@pytest.mark.parametrize("width, height", [(390, 844), (1280, 800)])
def test_no_page_scrolls_sideways(
    place: Place, new_page: Callable[..., Page], picture: Callable[..., None], width: int, height: int
) -> None:
    """On a telephone and on a desk. The pictures of the docs are of these pages."""
    page = new_page(width, height)
    check_out(page, place)
    paths = {"shop": "/", "cart": "/cart", "order": f"/orders/{place.order()}"}
    place.emulator.decline(place.latest().token)

    for name, path in paths.items():
        page.goto(place.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        picture(page, name if width == 1280 else f"{name}-narrow")
