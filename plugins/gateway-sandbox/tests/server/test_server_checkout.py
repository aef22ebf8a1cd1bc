from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from gateway_core import InvoiceStatus, Money
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, WayToPay
from gateway_sandbox.emulator import SandboxEmulator

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


class HostileWays(SandboxEmulator):
    """A provider whose every text is an attack."""

    title = HOSTILE

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return two ways, so that the choice is shown."""
        amount = self.open_amount(invoice)
        return tuple(WayToPay(id=HOSTILE + end, label=HOSTILE, amount=amount, address=HOSTILE) for end in "ab")


class Quotes(SandboxEmulator):
    """A provider where nobody pays: what is asked for is approved as it is, or rejected."""

    pay_label = "Approve"
    decline_label = "<b>Reject</b>"
    partial_payments = overpayments = False


class NeverDeclined(SandboxEmulator):
    """A provider where payments are made or not made."""

    declines = Declines.NONE


class Counting(SandboxEmulator):
    """Counts how often a checkout page was opened."""

    views = 0

    def opened(self, token: str) -> EmulatedInvoice:
        """Count a view."""
        self.views += 1
        return super().opened(token)


def test_page_tells_what_is_to_be_paid(site: Any) -> None:
    """The payer sees for what, how much, which order, until when, and that no real money moves."""
    site.invoice(return_url="https://shop.example/orders/1042")

    page = site.get("/pay/token1").body.decode()

    assert ">A book</bdi>" in page
    assert "<bdi>Example Shop</bdi>" in page
    assert "<span>49.90</span> <abbr>EUR</abbr>" in page
    assert "<bdi>1042</bdi>" in page
    assert "15 min 0 s" in page
    assert "2026-11-21 09:15" in page
    assert "no real money moves" in page
    assert 'href="https://shop.example/orders/1042"' in page


def test_buttons_say_what_the_provider_makes_of_them(site: Any, make_site: Any) -> None:
    """Where nothing is paid, no button says so, and no other amount can be chosen; their words stay text."""
    quotes = make_site(Quotes)
    for each in (site, quotes):
        each.invoice()

    usual, own = (each.get("/pay/token1").body.decode() for each in (site, quotes))

    assert [words in usual for words in (">Pay 49.90 EUR<", ">Decline<", "Pay a different amount")] == [True] * 3
    assert [
        words in own for words in (">Approve 49.90 EUR<", ">&lt;b&gt;Reject&lt;/b&gt;<", ">Pay 49", "different amount")
    ] == [
        True,
        True,
        False,
        False,
    ]


def test_what_is_the_simulators_is_set_apart(site: Any) -> None:
    """A payer's own choices are to pay and to go back; all others stand below a heading that says what they are."""
    site.invoice(return_url="https://shop.example/")

    payers, _, simulators = site.get("/pay/token1").body.decode().partition('id="simulator"')

    assert [value in payers for value in ('value="pay"', "Back to the shop", 'value="decline"', "pay-amount")] == [
        True,
        True,
        False,
        False,
    ]
    assert all(f'value="{value}"' in simulators for value in ("decline", "expire", "pay-amount"))


def test_nobody_declines_where_nothing_is_ever_declined(make_site: Any) -> None:
    """A button that is always refused is none."""
    site = make_site(NeverDeclined)
    site.invoice()

    assert 'value="decline"' not in site.get("/pay/token1").body.decode()


def test_time_can_be_let_run_out(site: Any) -> None:
    """An end need not be waited for."""
    site.invoice()

    answer = site.post("/pay/token1", {"action": "expire"})

    assert (answer.status, answer.headers["Location"], site.status()) == (303, "/pay/token1", InvoiceStatus.EXPIRED)


@pytest.mark.parametrize(
    "status, goes_on",
    [
        (InvoiceStatus.PAID, True),
        (InvoiceStatus.OVERPAID, True),
        (InvoiceStatus.AUTHORIZED, True),
        (InvoiceStatus.APPROVED, True),
        (InvoiceStatus.PARTIALLY_PAID, False),
        (InvoiceStatus.FAILED, False),
        (InvoiceStatus.EXPIRED, False),
        (InvoiceStatus.REFUNDED, False),
    ],
)
def test_page_goes_on_to_the_shop_after_payment(site: Any, status: InvoiceStatus, goes_on: bool) -> None:
    """So that the bugs of return pages are seen, with JavaScript and without; who opens the page later stays."""
    site.invoice(status=status, return_url="https://shop.example/thanks?order=1&x=2")

    page, later = (site.get(f"/pay/token1{query}").body.decode() for query in ("?after=payment", ""))

    assert ('content="4;url=https://shop.example/thanks?order=1&amp;x=2"' in page) is goes_on
    assert ('data-go-on="4"' in page) is goes_on
    assert ("refresh" in later, "data-go-on" in later) == (False, False)


@pytest.mark.parametrize("url", [None, "javascript:alert(1)", "//shop.example"])
def test_page_goes_on_to_web_addresses_only(site: Any, url: str | None) -> None:
    """An address that could run in the page is not followed by itself either."""
    site.invoice(status=InvoiceStatus.PAID, return_url=url)

    page = site.get("/pay/token1?after=payment").body.decode()

    assert ("refresh" in page, "data-go-on" in page) == (False, False)


@pytest.mark.parametrize(
    "amount, how", [("49.90", "amount"), ("1234567.89", "amount long"), ("12345678901234.56", "amount endless")]
)
def test_amount_is_as_large_as_it_can_be_on_one_line(site: Any, amount: str, how: str) -> None:
    """Amount and currency are not torn apart."""
    site.invoice(amount=Money(amount, "EUR"))

    assert f'<p class="{how}">' in site.get("/pay/token1").body.decode()


def test_hostile_text_stays_text(make_site: Any) -> None:
    """No text of a shop or a provider becomes markup, wherever on the page it stands."""
    site = make_site(HostileWays)
    site.emulator.merchant = HOSTILE
    site.invoice(order_id=HOSTILE, description=HOSTILE)

    page = site.get("/pay/token1").body.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert HOSTILE[:3] not in page


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,<script>", "//shop.example", "/orders", "vbscript:x", "http://[", None, ""],
)
def test_link_to_the_shop_leads_to_a_web_address_only(site: Any, url: str | None) -> None:
    """A return address that could run in the page is left out."""
    site.invoice(return_url=url)

    assert "to the shop</a>" not in site.get("/pay/token1").body.decode()


def test_paying_leads_back_to_the_page(site: Any) -> None:
    """After the form was sent, reloading the page pays nothing twice."""
    site.invoice()

    answer = site.post("/pay/token1", {"action": "pay"})

    assert (answer.status, answer.headers["Location"]) == (303, "/pay/token1?after=payment")
    assert site.status() is InvoiceStatus.PAID


def test_declining(site: Any) -> None:
    """The payer may refuse."""
    site.invoice()

    answer = site.post("/pay/token1", {"action": "decline"})

    assert (answer.status, site.status()) == (303, InvoiceStatus.FAILED)


@pytest.mark.parametrize(
    "amount, status",
    [
        ("10", InvoiceStatus.PARTIALLY_PAID),
        (" 49.90 ", InvoiceStatus.PAID),
        ("50.5", InvoiceStatus.OVERPAID),
    ],
)
def test_different_amount(site: Any, amount: str, status: InvoiceStatus) -> None:
    """The payer may pay less or more, and what was asked for too."""
    site.invoice()

    site.post("/pay/token1", {"action": "pay-amount", "amount": amount})

    assert site.status() is status


def test_rest_is_what_remains_to_be_paid(site: Any) -> None:
    """After a part, the button asks for the rest, and the rest completes the invoice."""
    site.invoice()
    site.post("/pay/token1", {"action": "pay-amount", "amount": "40.00"})

    page = site.get("/pay/token1").body.decode()
    site.post("/pay/token1", {"action": "pay"})

    assert "Pay 9.90 EUR" in page
    assert site.emulator.invoice("token1").received == Money("49.90", "EUR")


@pytest.mark.parametrize("amount", ["", "-1", "0", "1,5", "one", "1e400", "0.001", "٣", "NaN", "9" * 40])
def test_amount_that_is_none_is_explained(site: Any, amount: str) -> None:
    """The page comes back with the reason and with what was typed, and nothing was paid."""
    site.invoice()

    answer = site.post("/pay/token1", {"action": "pay-amount", "amount": amount})

    assert (answer.status, site.status()) == (422, InvoiceStatus.PENDING)
    assert 'role="alert"' in answer.body.decode()
    assert f'value="{amount}" aria-invalid="true"' in answer.body.decode()


def test_second_payment_is_refused(site: Any) -> None:
    """A form that was left open in another tab pays nothing twice, and says why."""
    site.invoice()
    site.post("/pay/token1", {"action": "pay"})

    answer = site.post("/pay/token1", {"action": "pay"})

    assert answer.status == 409
    assert "this invoice is paid" in answer.body.decode()
    assert len(site.emulator.ledger.select(EmulatedPayment)) == 1


@pytest.mark.parametrize("fields", [{}, {"action": "refund"}, {"action": ""}])
def test_unknown_action_does_nothing(site: Any, fields: dict[str, str]) -> None:
    """A form without one of our buttons is refused."""
    site.invoice()

    answer = site.post("/pay/token1", fields)

    assert (answer.status, site.status()) == (422, InvoiceStatus.PENDING)


@pytest.mark.parametrize("path", ["/pay/nobody", "/pay/nobody/status"])
def test_unknown_token_is_not_found(site: Any, path: str) -> None:
    """A guessed address shows nothing."""
    site.invoice()

    assert site.get(path).status == 404


def test_unknown_token_pays_nothing(site: Any) -> None:
    """A form for an invoice that is not there is told so."""
    assert site.post("/pay/nobody", {"action": "pay"}).status == 404


def test_status_tells_when_to_look_again(site: Any) -> None:
    """The version changes with what the page shows, and with nothing else."""
    site.invoice()
    first = json.loads(site.get("/pay/token1/status").body)
    site.now += timedelta(minutes=5)
    second = json.loads(site.get("/pay/token1/status").body)
    site.emulator.pay("token1")

    third = json.loads(site.get("/pay/token1/status").body)

    assert (first["status"], first["seconds_left"]) == ("pending", 900)
    assert second == {**first, "seconds_left": 600}
    assert (third["status"], third["label"], third["seconds_left"]) == ("paid", "Paid", None)
    assert third["version"] != first["version"]


def test_page_and_status_agree_on_the_version(site: Any) -> None:
    """A page that is up to date is not loaded again."""
    site.invoice()

    version = json.loads(site.get("/pay/token1/status").body)["version"]

    assert f'data-version="{version}"' in site.get("/pay/token1").body.decode()


def test_expired_page_takes_no_money(site: Any) -> None:
    """When the time is over, the page says so and has no form."""
    site.invoice()
    site.now += timedelta(minutes=15)

    page = site.get("/pay/token1").body.decode()

    assert "The time to pay is over" in page
    assert "<form" not in page
    assert site.post("/pay/token1", {"action": "pay"}).status == 409


@pytest.mark.parametrize("status", InvoiceStatus)
def test_every_status_has_its_page(site: Any, status: InvoiceStatus) -> None:
    """Whatever becomes of an invoice, its page can be shown."""
    site.invoice(status=status, received=Money("49.90", "EUR"), refunded=Money("1.00", "EUR"), description="")

    assert site.get("/pay/token1").status == 200


def test_only_a_payer_who_looks_is_counted(make_site: Any) -> None:
    """Asking for the status, and paying, is no view of the page."""
    site = make_site(Counting)
    site.invoice()

    site.get("/pay/token1")
    site.get("/pay/token1/status")
    site.post("/pay/token1", {"action": "pay"})

    assert site.emulator.views == 1


@pytest.mark.parametrize(
    "money, shown",
    [
        (Money("1234567.5", "EUR"), "1\u202f234\u202f567.50"),
        (Money("1000", "JPY"), "1\u202f000"),
        (Money("0.00053400", "BTC"), "0.000534"),
        (Money("2", "BTC"), "2"),
    ],
)
def test_amount_can_be_read(site: Any, money: Money, shown: str) -> None:
    """Thousands stand apart; a coin's idle zeros are left out, those of a currency are not."""
    site.invoice(amount=money)

    assert f"<span>{shown}</span>" in site.get("/pay/token1").body.decode()
