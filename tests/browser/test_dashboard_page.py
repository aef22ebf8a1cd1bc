from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core import HttpResponse
from gateway_core.testing import QueuedDelivery
from gateway_sandbox.server import Serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api", reason="pip install playwright, or run tox -e browser").expect

pytestmark = [
    pytest.mark.browser,
    # Playwright's synchronous API runs an event loop of its own in this thread; a shop's does not.
    pytest.mark.filterwarnings("ignore:a Gateway blocks the event loop:RuntimeWarning"),
]

Bill = Callable[..., str]
MakePage = Callable[..., "Page"]
Picture = Callable[["Page", str], None]


def pay(sandbox: Serving, url: str) -> None:
    """Pay an invoice, as somebody does on its page."""
    sandbox.emulator.pay(url.rpartition("/")[2])


def test_dashboard_follows_what_happens(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """A new invoice and its payment appear without a reload."""
    page = make_page()
    page.goto(f"{sandbox.url}/")
    page.evaluate("window.mark = 1")
    expect(page.get_by_text("Create one through the API")).to_be_visible()

    url = bill(order_id="A-7")
    expect(page.get_by_role("row", name="A-7").get_by_text("Waiting for payment")).to_be_visible()
    pay(sandbox, url)

    expect(page.get_by_role("row", name="A-7").get_by_text("Paid", exact=True)).to_be_visible()
    assert page.evaluate("window.mark === 1")


def test_dashboard_leads_to_the_checkout_page(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """A developer gets from the list to the payer's view."""
    url = bill()
    page = make_page()
    page.goto(f"{sandbox.url}/dashboard")

    page.get_by_role("link", name="Checkout").click()

    expect(page).to_have_url(url)


@pytest.mark.parametrize("javascript", [True, False])
@pytest.mark.parametrize("button, seen", [("Tamper", "Tampered"), ("Delay 30 s", "sent again at")])
def test_webhook_can_be_played_with(
    make_page: MakePage, bill: Bill, sandbox: Serving, *, javascript: bool, button: str, seen: str
) -> None:
    """The buttons do what they say, with JavaScript and without."""
    sandbox.emulator.webhook_url = "http://127.0.0.1:9/webhooks"
    pay(sandbox, bill())
    sandbox.emulator.deliver(lambda _: 200)
    page = make_page(java_script_enabled=javascript)
    page.goto(f"{sandbox.url}/dashboard")

    page.get_by_role("button", name=button).first.click()

    expect(page.get_by_role("listitem").get_by_text(seen).first).to_be_visible()


def test_raw_body_can_be_read(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """A webhook's page shows exactly the bytes that are signed."""
    sandbox.emulator.webhook_url = "http://127.0.0.1:9/webhooks"
    pay(sandbox, bill(description="<b>bold</b>"))
    ((_, delivery),) = sandbox.emulator.ledger.select(QueuedDelivery)
    page = make_page()
    page.goto(f"{sandbox.url}/dashboard")

    page.get_by_role("link", name="invoice.paid").click()

    assert page.locator("#raw-body").text_content() == delivery.body.decode()


def test_invoice_is_refunded_from_its_page(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """From the list to the invoice, and a part of the money goes back, without a reload."""
    pay(sandbox, bill(order_id="A-7"))
    page = make_page()
    page.goto(f"{sandbox.url}/dashboard")

    page.get_by_role("link", name="A-7", exact=True).click()
    page.get_by_label("Amount in EUR").fill("9.90")
    page.get_by_role("button", name="Refund").click()

    expect(page.get_by_text("Partly refunded")).to_be_visible()


def test_webhooks_are_filtered(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """By an invoice's link, and back to all of them."""
    sandbox.emulator.webhook_url = "http://127.0.0.1:9/webhooks"
    pay(sandbox, bill(order_id="A-7"))
    sandbox.emulator.decline(bill(order_id="B-8").rpartition("/")[2])
    page = make_page()
    page.goto(f"{sandbox.url}/dashboard")

    page.get_by_role("link", name="Webhooks of A-7").click()
    expect(page.get_by_role("link", name="invoice.paid")).to_be_visible()
    expect(page.get_by_role("link", name="invoice.failed")).to_have_count(0)
    page.get_by_role("link", name="Show all").click()

    expect(page.get_by_role("link", name="invoice.failed")).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["invoices/{invoice}", "deliveries/{delivery}"])
def test_no_page_scrolls_sideways(make_page: MakePage, bill: Bill, sandbox: Serving, width: int, path: str) -> None:
    """However long the texts in it."""
    sandbox.emulator.webhook_url = f"http://127.0.0.1:9/{'w' * 300}"
    pay(sandbox, bill(order_id="o" * 200, description="W" * 300))
    sandbox.emulator.deliver(lambda _: HttpResponse(status=500, body=b"x" * 2000))
    ((_, delivery),) = sandbox.emulator.ledger.select(QueuedDelivery)
    page = make_page(width)

    page.goto(f"{sandbox.url}/dashboard/{path.format(invoice=delivery.invoice_id, delivery=delivery.id)}")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("size, name", [((1280, 800), "dashboard"), ((390, 844), "dashboard-narrow")])
def test_dashboard_is_fit_to_be_seen(  # noqa: PLR0917  # as many fixtures as it needs
    make_page: MakePage, bill: Bill, sandbox: Serving, picture: Picture, size: tuple[int, int], name: str
) -> None:
    """With a bit of everything on it, the dashboard shows what came of each webhook."""
    sandbox.emulator.webhook_url = "http://127.0.0.1:8000/webhooks"
    pay(sandbox, bill())
    sandbox.emulator.deliver(lambda _: 200)
    sandbox.emulator.decline(bill(order_id="1043", description="Second-hand bicycle").rpartition("/")[2])
    sandbox.emulator.deliver(lambda _: 500)
    bill("8.50", order_id="1044", description="Postcards, set of ten")
    page = make_page(*size)

    page.goto(f"{sandbox.url}/dashboard")
    picture(page, name)

    expect(page.get_by_role("listitem").filter(has_text="200 accepted").last).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="500 not accepted").last).to_be_visible()
