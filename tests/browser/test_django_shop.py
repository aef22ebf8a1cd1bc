"""What the Django shop has beside the pages of the others: the admin, which reads the journal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from gateway_sandbox.emulator import SandboxEmulator
from tests.browser.bookshops import PAID, ROOT, Place, check_out, opened, see, show_order, wait

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright, or run tox -e browser").expect

pytestmark = pytest.mark.browser

Picture = Callable[["Page", str], None]

BOTH_SIZES = pytest.mark.parametrize("width,suffix", [(1280, ""), (390, "-narrow")])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Run the shop, with somebody who may look at everything."""
    folder = tmp_path_factory.mktemp("django")
    with opened("django", "sandbox", SandboxEmulator, folder) as place:
        known = {"USERNAME": "ada", "PASSWORD": "a password", "EMAIL": "ada@example.com"}
        environment = os.environ | {f"DJANGO_SUPERUSER_{name}": value for name, value in known.items()}
        environment |= {
            "DJANGO_SETTINGS_MODULE": "examples.django_shop.settings",
            "GATEWAY_CONFIG": str(folder / "gateway.toml"),
            "SHOP_DATABASE": f"sqlite:///{folder}/shop.db",
        }
        command = [sys.executable, "-m", "django", "createsuperuser", "--noinput"]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
        yield place


@pytest.fixture
def place(served: Place) -> Place:
    """Give the shop with a full shelf."""
    served.restock()
    return served


def sign_in(page: Page, place: Place) -> None:
    """Enter the admin."""
    page.goto(f"{place.url}/admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a password")
    page.get_by_role("button", name="Log in").click()


def a_refunded_order(page: Page, place: Place) -> str:
    """Let an order be paid, told twice, and refunded in part."""
    check_out(page, place)
    place.emulator.pay(place.latest().token)
    assert wait(lambda: place.parcels() == 1 and place.deliveries()[-1].due_at is None)
    place.emulator.resend(place.deliveries()[0].id)
    place.emulator.act(place.latest().token, "refund")
    assert wait(lambda: len(place.deliveries()) == 2 and place.deliveries()[-1].due_at is None)
    return place.order()


@BOTH_SIZES
def test_admin_shows_invoices_and_deliveries(
    place: Place, new_page: Callable[..., Page], picture: Picture, width: int, suffix: str
) -> None:
    """From the list to the invoice's story, and on to what a delivery said."""
    page = new_page(width)
    order = a_refunded_order(page, place)
    check_out(page, place)  # one that nobody has paid
    sign_in(page, place)
    expect(page.locator("#content").get_by_role("link", name="Payments")).to_be_visible()

    page.goto(f"{place.url}/admin/gateway_django/invoice/")
    expect(page.get_by_role("row").filter(has_text=order)).to_contain_text("Refunded")
    page.get_by_role("row").filter(has_text=order).get_by_role("rowheader").get_by_role("link").click()
    story = page.locator(".gateway-story")
    expect(story).to_contain_text("Create an invoice")
    expect(story).to_contain_text("Paid → Refunded")
    picture(page, f"django-invoice{suffix}")
    story.get_by_role("link").nth(1).click()

    expect(page.locator(".gateway-facts")).to_contain_text("27.40 USD")
    assert page.get_by_role("button", name="Save").count() == 0


def test_search_finds_an_order(place: Place, new_page: Callable[..., Page]) -> None:
    """Somebody on the phone reads the beginning of an order's number."""
    page = new_page()
    order = a_refunded_order(page, place)
    a_refunded_order(page, place)
    sign_in(page, place)

    page.goto(f"{place.url}/admin/gateway_django/delivery/")
    page.locator("#searchbar").fill(order[:12])
    page.get_by_role("button", name="Search").click()

    expect(page.locator("#result_list tbody tr")).to_have_count(2)


@BOTH_SIZES
def test_shop_looks_well(
    place: Place, new_page: Callable[..., Page], picture: Picture, width: int, suffix: str
) -> None:
    """The shelf, the cart, the checkout and a paid order."""
    page = new_page(width)
    page.goto(place.url)
    picture(page, f"django-shop{suffix}")
    page.get_by_role("button", name="Add The Summer Book").click()
    page.get_by_role("link", name=re.compile("^Cart")).click()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("button", name="Pay $11.90").click()
    page.wait_for_url(re.compile("/pay/"))
    place.emulator.pay(place.latest().token)
    show_order(page, place)
    see(page, PAID)


def test_order_takes_its_token_along(place: Place, new_page: Callable[..., Page]) -> None:
    """The form of a page that has renewed itself is as good as that of the first."""
    page = new_page()
    check_out(page, place)
    page.get_by_role("button", name="Decline").click()
    show_order(page, place)
    with page.expect_response(lambda answer: "/orders/" in answer.url):
        pass  # it has renewed itself

    page.get_by_role("button", name="Try again").click()

    page.wait_for_url(re.compile("/pay/"))
