"""The FastAPI shop in a real Chromium at every other provider: only its configuration differs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway_core import InvoiceStatus
from gateway_core.provider import Declines
from gateway_core.testing import find_emulator
from tests.browser.bookshops import PAID, WAITING, Place, check_out, opened, see, show_order, wait

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("playwright.sync_api", reason="pip install playwright, or run tox -e browser")

pytestmark = pytest.mark.browser

#: What stands in `gateway.toml` besides what the emulator gives.
BACKENDS: dict[str, dict[str, str]] = {
    "adyen": {},
    "azothpay": {"period": "PerMonth", "currency": "USD"},
    "billoget": {"currency": "USD"},
    "bitsby": {},
    "btcpay": {},
    "mollie": {},
    "paypal": {},
    "stripe": {},
}


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Run the FastAPI shop at another provider."""
    with opened("fastapi", request.param, find_emulator(request.param), tmp_path, **BACKENDS[request.param]) as place:
        yield place


def test_fastapi_shop_at_every_provider(place: Place, new_page: Callable[..., Page]) -> None:
    """Whatever the provider calls it: declined, tried again and paid, with nothing changed but the configuration."""
    page = new_page()
    check_out(page, place)
    if place.emulator.declines is not Declines.NONE:
        place.emulator.decline(place.latest().token)
        show_order(page, place)
        # Where a declined card leaves the invoice open, no provider tells the shop of it.
        page.get_by_role("button", name=re.compile("^(Try again|Pay)$")).click()
        page.wait_for_url(re.compile("/pay/"))
    place.emulator.pay(place.latest().token)
    if place.latest().status is InvoiceStatus.APPROVED:
        # Billoget's customers approve, and pay elsewhere: an approval is no payment.
        show_order(page, place)
        see(page, WAITING)
        assert place.parcels() == 0
        return
    assert wait(lambda: place.parcels() == 1)
    show_order(page, place)
    see(page, PAID)
