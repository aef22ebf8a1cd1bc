"""The ways to pay on the checkout page."""

from typing import Any

import pytest

from gateway_core import InvoiceStatus
from gateway_sandbox.server.rendering import qr_code


def test_unknown_way_pays_nothing(two_ways: Any) -> None:
    """Only a way that the page offers can be taken."""
    two_ways.invoice()

    answers = [
        two_ways.post("/pay/token1", {"action": each, "way": "x", "amount": "1"}) for each in ("pay", "pay-amount")
    ]

    assert [answer.status for answer in answers] == [404, 404]
    assert two_ways.status() is InvoiceStatus.PENDING


@pytest.mark.parametrize("query, address", [("", "address-one"), ("?way=second%20%26%20last", "address-two")])
def test_chosen_way_is_shown(two_ways: Any, query: str, address: str) -> None:
    """The page shows the address of one way to pay, as text and as QR code; the first, if none is chosen."""
    two_ways.invoice()

    page = two_ways.get(f"/pay/token1{query}").body.decode()

    assert f'<code id="address">{address}</code>' in page
    assert str(qr_code(address)) in page
    assert page.count("address-") == 1


def test_chosen_way_is_paid_and_stays_chosen(two_ways: Any) -> None:
    """The form pays in the way that is shown, and leads back to it."""
    two_ways.invoice()

    fields = {"action": "pay-amount", "amount": "1", "way": "second & last"}
    answer = two_ways.post("/pay/token1?way=second%20%26%20last", fields)

    assert answer.headers["Location"] == "/pay/token1?way=second+%26+last&after=payment"
    assert two_ways.status() is InvoiceStatus.PARTIALLY_PAID


def test_code_is_of_an_address_to_pay_to_or_not_there(site: Any, two_ways: Any) -> None:
    """It comes after the button that pays, which it would push out of sight on a phone."""
    for each in (site, two_ways):
        each.invoice()

    without, with_address = (each.get("/pay/token1").body.decode() for each in (site, two_ways))

    assert "<svg" not in without
    assert with_address.index('value="pay"') < with_address.index("<svg")


@pytest.mark.parametrize("text", ["a" * 3000, "\ud800"])
def test_text_that_no_code_can_hold(text: str) -> None:
    """The page is shown without a QR code rather than not at all."""
    assert qr_code(text) is None
