from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gateway_core import HttpRequest
from gateway_core.testing import HttpClient
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


def mark(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    page.evaluate("window.mark = 1")


def is_marked(page: Page) -> bool:
    """Return whether the page was not loaded anew since it was marked."""
    return bool(page.evaluate("window.mark === 1"))


def test_payer_pays(make_page: MakePage, bill: Bill) -> None:
    """One press of the button, and the page turns paid without a reload."""
    page = make_page()
    page.goto(bill())
    mark(page)

    page.get_by_role("button", name="Pay 49.90 EUR").click()

    expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    expect(page.get_by_role("heading", name="Paid")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text("Paid. Thank you. Your payment has arrived.")
    expect(page).to_have_title("Paid: 49.90 EUR – Sandbox")
    expect(page.get_by_role("link", name="Return to the shop")).to_have_attribute(
        "href", "https://shop.example/orders/1042"
    )
    assert is_marked(page)


def test_page_goes_on_to_the_shop(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """After a payment the payer comes to the return page without doing anything."""
    page = make_page()
    page.goto(bill(return_url=f"{sandbox.url}/dashboard"))

    page.get_by_role("button", name="Pay 49.90 EUR").click()

    expect(page).to_have_url(f"{sandbox.url}/dashboard")


def test_page_goes_on_without_javascript(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """As above."""
    page = make_page(java_script_enabled=False)
    page.goto(bill(return_url=f"{sandbox.url}/dashboard"))

    page.get_by_role("button", name="Pay 49.90 EUR").click()

    expect(page).to_have_url(f"{sandbox.url}/dashboard")


def test_payer_may_stay(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """Whoever wants to read the page stops it from going on."""
    page = make_page()
    page.clock.install()
    url = bill(return_url=f"{sandbox.url}/dashboard")
    page.goto(url)
    page.get_by_role("button", name="Pay 49.90 EUR").click()

    page.get_by_role("button", name="Stay here").click()
    page.clock.run_for(60_000)

    expect(page).to_have_url(url)
    expect(page.get_by_role("link", name="Return to the shop")).to_be_visible()


def test_end_is_told_in_local_time_too(make_page: MakePage, bill: Bill) -> None:
    """Beside UTC, in the payer's own zone."""
    page = make_page(timezone_id="Asia/Kathmandu", locale="en-GB")

    page.goto(bill())

    expect(page.locator(".local")).to_contain_text("your time")


def test_page_turns_paid_by_itself(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """A payment that was made elsewhere, as from a wallet, shows without a reload."""
    url = bill(return_url=None)
    page = make_page()
    page.goto(url)
    mark(page)

    sandbox.emulator.pay(url.rpartition("/")[2])

    expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    assert is_marked(page)


def test_payer_declines_and_tries_again(make_page: MakePage, bill: Bill) -> None:
    """A declined payment says so, and the payer may still pay."""
    page = make_page()
    page.goto(bill())

    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("Declined", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pay 49.90 EUR").click()

    expect(page.get_by_role("heading", name="Paid")).to_be_visible()


def test_payer_pays_in_two_parts(make_page: MakePage, bill: Bill) -> None:
    """After a part of the money, the page asks for the rest."""
    page = make_page()
    page.goto(bill())

    page.get_by_text("Pay a different amount").click()
    page.get_by_label("Amount in EUR").fill("40.00")
    page.get_by_role("button", name="Pay this").click()
    expect(page.get_by_text("Partly paid", exact=True)).to_be_visible()
    page.get_by_role("button", name="Pay 9.90 EUR").click()

    expect(page.get_by_role("heading", name="Paid")).to_be_visible()


def test_browser_refuses_what_is_no_amount(make_page: MakePage, bill: Bill, sandbox: Serving) -> None:
    """A comma is caught before anything is sent."""
    url = bill()
    page = make_page()
    page.goto(url)
    page.get_by_text("Pay a different amount").click()

    page.get_by_label("Amount in EUR").fill("40,00")
    page.get_by_role("button", name="Pay this").click()

    assert page.get_by_label("Amount in EUR").evaluate("field => field.validity.patternMismatch")
    assert not sandbox.emulator.invoice(url.rpartition("/")[2]).received


@pytest.mark.parametrize(
    "press, result",
    [("Pay 49.90 EUR", "Paid"), ("Decline", "Declined")],
)
def test_page_works_without_javascript(make_page: MakePage, bill: Bill, press: str, result: str) -> None:
    """Forms and links are all that is needed."""
    page = make_page(java_script_enabled=False)
    page.goto(bill())

    page.get_by_role("button", name=press).click()

    expect(page.get_by_text(result, exact=True).first).to_be_visible()


def test_different_amount_works_without_javascript(make_page: MakePage, bill: Bill) -> None:
    """The form behind `Pay a different amount` is a form like any other."""
    page = make_page(java_script_enabled=False)
    page.goto(bill())
    page.get_by_text("Pay a different amount").click()

    page.get_by_label("Amount in EUR").fill("60")
    page.get_by_role("button", name="Pay this").click()

    expect(page.get_by_role("heading", name="Overpaid")).to_be_visible()


def test_hostile_description_is_inert(make_page: MakePage, bill: Bill) -> None:
    """What a shop's user typed is read as text: no dialog opens, nothing is fetched, and no element is made of it."""
    hostile = "</bdi><script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)>"
    page = make_page()

    page.goto(bill(description=hostile, order_id=hostile))

    expect(page.get_by_role("heading", level=1)).to_have_text(hostile)
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0


def test_countdown_runs(make_page: MakePage, bill: Bill) -> None:
    """The time that is left grows less while the payer looks."""
    page = make_page()
    page.goto(bill())
    timer = page.get_by_role("timer")
    first = timer.inner_text()

    expect(timer).not_to_have_text(first)

    assert timer.inner_text() < first < "15:01"


def test_sandbox_that_is_gone_is_told(make_page: MakePage, bill: Bill) -> None:
    """A page whose server has ended says so instead of counting down in vain."""
    page = make_page()
    page.goto(bill())
    page.route("**/status", lambda route: route.fulfill(status=200, body="no JSON"))

    expect(page.locator("body")).to_have_class("checkout offline")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["checkout", "dashboard"])
def test_nothing_is_cut_off(make_page: MakePage, bill: Bill, sandbox: Serving, width: int, path: str) -> None:
    """No page scrolls sideways, however long the texts in it."""
    url = bill(amount="1234567.89", description="W" * 300, order_id="o" * 200)
    sandbox.emulator.pay(url.rpartition("/")[2], way="test")
    bill(amount="999999999.99", description="A long word: " + "x" * 200, order_id="second")
    page = make_page(width)

    page.goto(url if path == "checkout" else f"{sandbox.url}/dashboard")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    "size, name",
    [((360, 800), "checkout-narrowest"), ((390, 844), "checkout-narrow"), ((1280, 800), "checkout")],
)
def test_what_counts_is_in_sight(  # as many fixtures as it needs
    make_page: MakePage, bill: Bill, picture: Picture, size: tuple[int, int], name: str
) -> None:
    """Banner, shop, amount, description, status and the button are seen at once, on a phone, too."""
    page = make_page(*size)

    page.goto(bill())
    picture(page, name)

    expect(page.get_by_text("no real money moves")).to_be_in_viewport()
    expect(page.get_by_text("49.90", exact=True)).to_be_in_viewport()
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    expect(page.get_by_text("Waiting for payment")).to_be_in_viewport()
    expect(page.get_by_text("Example Shop")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Pay 49.90 EUR")).to_be_in_viewport()
    lines = page.locator(".amount").evaluate("amount => amount.getClientRects().length")
    assert (lines, page.get_by_role("img", name="QR code").count()) == (1, 0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("after", ["", "pay", "decline"])
def test_text_can_be_read(make_page: MakePage, bill: Bill, scheme: str, after: str) -> None:
    """Every text stands out from its ground by 4.5 to 1, the WCAG's level AA."""
    url = bill()
    if after:
        browser = HttpClient(url)
        browser.send(HttpRequest.form("POST", url, {"action": after}))
        browser.close()
    page = make_page(color_scheme=scheme)

    page.goto(url)

    assert page.evaluate(_LOW_CONTRAST) == []


@pytest.mark.parametrize("name", ["Pay 49.90 EUR", "Decline", "Pay this"])
def test_buttons_can_be_pressed_by_keyboard(make_page: MakePage, bill: Bill, name: str) -> None:
    """Every button is reached by the tabulator, and shows that it is."""
    page = make_page()
    page.goto(bill())
    page.get_by_text("Pay a different amount").click()
    button = page.get_by_role("button", name=name)
    page.evaluate("document.activeElement.blur()")

    for _ in range(12):
        page.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            break

    assert button.evaluate("button => getComputedStyle(button).outlineStyle") == "solid"


_LOW_CONTRAST = """() => {
    const parse = (color) => (color.match(/[0-9.]+/g) ?? []).map(Number);
    const linear = (c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
    const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const color = parse(getComputedStyle(each).backgroundColor);
            if (color.length && color[3] !== 0) return color;
        }
        return [255, 255, 255];
    };
    const low = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
        const [a, b] = [light(parse(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
        const ratio = (a + .05) / (b + .05);
        if (ratio < 4.5) low.push([walker.currentNode.textContent.trim(), ratio]);
    }
    return low;
}"""
