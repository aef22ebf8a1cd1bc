"""The emulator sends what Bitsby documents: the same fields in the same forms, held against the same examples."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway_bitsby import mapping
from gateway_bitsby.emulator import BitsbyEmulator, documents
from gateway_core import Currency, Gateway, HttpRequest, InvoiceRequest, Money

REQUEST = InvoiceRequest(order_id="1042", amount=Money("12.00", "USD"), description="Order 1042")

_FORMS = {
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
    "fiat": r"[0-9]+\.[0-9]{2}",
    "crypto": r"[0-9]+\.[0-9]{8}",
    "page": r"https?://[^/]+(/[a-z]+)*/[0-9A-Za-z]{12}",
    "uid": r"[0-9A-Za-z]{12}",
    "hash": r"(0x)?[0-9a-f]{64}",
}


def form(value: Any) -> Any:
    """Return what a value looks like: its fields in their order, and the form of each."""
    if isinstance(value, dict):
        return [(name, form(each)) for name, each in value.items()]
    if isinstance(value, list):
        return [form(each) for each in value]
    if isinstance(value, str):
        return next((name for name, pattern in _FORMS.items() if re.fullmatch(pattern, value)), "text")
    return type(value).__name__


@pytest.fixture
def seen() -> list[tuple[str, bytes]]:
    """Give the list of the paths that were asked for, and the answers."""
    return []


@pytest.fixture
def watched(shop: Gateway, emulator: BitsbyEmulator, seen: list[tuple[str, bytes]], monkeypatch: Any) -> Gateway:
    """Give a gateway at the emulator whose answers are kept."""
    handle = emulator.handle

    def kept(request: HttpRequest) -> Any:
        response = handle(request)
        seen.append((urlsplit(request.url).path, response.body))
        return response

    monkeypatch.setattr(emulator, "handle", kept)
    return shop


@pytest.fixture
def pay(emulator: BitsbyEmulator) -> Callable[..., Any]:
    """Give what opens the page of an invoice and pays there."""

    def pay(invoice: Any, *args: Any) -> Any:
        token = invoice.payment_url.rsplit("/", 1)[1]
        emulator.opened(token)
        return emulator.pay(token, *args)

    return pay


def test_created_invoice_is_as_documented(
    watched: Gateway, seen: list[tuple[str, bytes]], example: Callable[[str], bytes]
) -> None:
    """Five wallets, each with the exact amount that is reserved in it."""
    watched.create_invoice(REQUEST)

    (actual,) = seen
    expected = form(json.loads(example("created")))
    assert (actual[0], form(json.loads(actual[1]))) == ("/invoices/create", expected)


def test_unpaid_invoice_is_as_documented(
    watched: Gateway, seen: list[tuple[str, bytes]], example: Callable[[str], bytes]
) -> None:
    """Neither payment nor wallet before it is paid."""
    watched.get_status(watched.create_invoice(REQUEST).id)

    assert form(json.loads(seen[-1][1])) == form(json.loads(example("unpaid")))


def test_paid_invoice_is_as_documented(
    watched: Gateway, seen: list[tuple[str, bytes]], pay: Callable[..., Any], example: Callable[[str], bytes]
) -> None:
    """Payment and wallet come last."""
    invoice = watched.create_invoice(REQUEST)
    pay(invoice)

    watched.get_status(invoice.id)

    assert form(json.loads(seen[-1][1])) == form(json.loads(example("paid")))


def test_payments_are_as_documented(
    watched: Gateway, seen: list[tuple[str, bytes]], pay: Callable[..., Any], example: Callable[[str], bytes]
) -> None:
    """Newest first: one that is bound, and one that is bound to nothing."""
    invoice = watched.create_invoice(REQUEST)
    pay(invoice, Money("3.00", "USD"))
    pay(invoice)

    list(watched.list_payments())

    assert form(json.loads(seen[-1][1])) == form(json.loads(example("payments")))


def test_webhook_is_as_documented(
    shop: Gateway, emulator: BitsbyEmulator, pay: Callable[..., Any], example: Callable[[str], bytes]
) -> None:
    """JSON by POST, without any header that signs it."""
    pay(shop.create_invoice(REQUEST))
    sent: list[HttpRequest] = []

    emulator.deliver(sent.append)

    (actual,) = sent
    assert (actual.method, dict(actual.headers)) == ("POST", {"content-type": "application/json"})
    assert form(json.loads(actual.body)) == form(json.loads(example("webhook")))


@pytest.mark.parametrize("name", ["balances", "canceled", "bound"])
def test_small_answers_are_the_documented_ones(  # noqa: PLR0917  # as many fixtures as it needs
    watched: Gateway,
    emulator: BitsbyEmulator,
    seen: list[tuple[str, bytes]],
    pay: Callable[..., Any],
    example: Callable[[str], bytes],
    name: str,
) -> None:
    """Word for word."""
    first, second = (watched.create_invoice(REQUEST) for _ in range(2))
    stray = pay(first, Money("3.00", "USD"))
    watched.check_account()
    watched.cancel_invoice(second.id)
    watched.run(watched.provider.bind_payment(first.id, stray.id))

    path = {"balances": "/billing/balances", "canceled": "/invoices/cancel", "bound": "/invoices/bindPayment"}[name]
    answers = dict(seen)
    assert json.loads(answers[path]) == json.loads(example(name))


def test_slashes_are_escaped_as_bitsby_does(watched: Gateway, seen: list[tuple[str, bytes]]) -> None:
    """A client that takes JSON apart by hand fails here, and not at Bitsby."""
    watched.create_invoice(REQUEST)

    assert b'"url": "http:\\/\\/127.0.0.1\\/pay\\/' in seen[0][1]


def test_time_to_pay_ends_when_it_was_asked_for(shop: Gateway, emulator: BitsbyEmulator) -> None:
    """The documented example shows another window than it asks for, which nobody should copy."""
    invoice = shop.create_invoice(REQUEST)

    assert invoice.expires_at is not None
    assert invoice.created_at == emulator.clock()
    assert (invoice.expires_at - invoice.created_at).total_seconds() == 12 * 3600


def test_times_are_told_in_utc() -> None:
    """Without saying so."""
    at = datetime.fromisoformat("2030-01-31T23:59:59.999+05:30")

    assert documents.time_text(at) == "2030-01-31 18:29:59"


@pytest.mark.parametrize(
    "amount, wallet, expected",
    [
        (Money("49.90", "USD"), "usdt-tron", "49.90"),
        (Money("49.90", "EUR"), "usdt-tron", "53.89"),
        (Money("0.01", "RUB"), "usdt-tron", "0.01"),
        (Money("49.90", "USD"), "ethereum", "0.01663334"),
        (Money("12.00", "USD"), "btc", "0.00020000"),
        (Money("9999999999.99", "USD"), "btc", "166666.66666650"),
    ],
    ids=str,
)
def test_prices_are_fixed_and_rounded_up(amount: Money, wallet: str, expected: str) -> None:
    """Prices that never change let a test write its amounts down; the merchant never gets less than asked for."""
    assert documents.in_asset(amount, documents.WALLET_BY_NAME[wallet]) == Decimal(expected)


def test_every_wallet_is_one_that_the_plugin_knows() -> None:
    """What the page shows is the asset that the plugin reads in the list."""
    units = {wallet.unit for wallet in documents.WALLETS}

    expected = {
        Currency("USDT", 6, "tron"),
        Currency("USDT", 6, "ethereum"),
        Currency("USDT", 18, "bsc"),
        Currency("ETH", 18, "ethereum"),
        Currency("BTC", 8, "bitcoin"),
    }
    assert units == expected


@pytest.mark.parametrize("wallet", documents.WALLETS, ids=lambda wallet: wallet.name)
def test_no_real_money_can_be_sent_to_an_emulated_address(wallet: documents.EmulatedWallet) -> None:
    """Each one holds characters that its chain's addresses never have, so every wallet program refuses it."""
    forms = {
        "tron": r"T[1-9A-HJ-NP-Za-km-z]{33}",
        "bitcoin": r"(bc1[02-9ac-hj-np-z]{11,71}|[13][1-9A-HJ-NP-Za-km-z]{25,34})",
    }

    assert re.fullmatch(forms.get(wallet.blockchain, r"0x[0-9a-fA-F]{40}"), wallet.address) is None


def test_every_documented_status_has_one_word() -> None:
    """The emulator's words are the plugin's table read backwards, so no two words may mean the same."""
    assert len(set(mapping.STATUSES.values())) == len(mapping.STATUSES) == 4
