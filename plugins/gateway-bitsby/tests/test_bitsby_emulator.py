"""How the emulator behaves: by Bitsby's documentation where it speaks, and by the README's list where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway_bitsby.emulator import BitsbyEmulator
from gateway_core import Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.testing import EmulatedInvoice

Ask = Callable[..., Any]


@pytest.fixture
def ask(emulator: BitsbyEmulator, wait: Callable[..., None]) -> Ask:
    """Give what sends one well-formed request, a second after the one before, and returns its envelope."""

    def ask(path: str, fields: Mapping[str, str] | None = None, **changes: Any) -> Any:
        wait(seconds=1)
        headers = {"Authorization": f"Token {emulator.credentials['api_key']}"}
        made = HttpRequest.multipart("POST", f"http://127.0.0.1/{path}", fields or {"limit": "10"}, headers=headers)
        request = HttpRequest(
            method=changes.get("method", made.method),
            url=made.url,
            headers=changes.get("headers", made.headers),
            body=changes.get("body", made.body),
        )
        response = emulator.handle(request)
        return response.status, json.loads(response.body)

    return ask


@pytest.fixture
def create(shop: Gateway) -> Callable[..., str]:
    """Give what creates an invoice and returns its id."""

    def create(amount: str = "49.90", currency: str = "EUR", order_id: str = "1042") -> str:
        return shop.create_invoice(InvoiceRequest(order_id=order_id, amount=Money(amount, currency))).id

    return create


@pytest.fixture
def kept(emulator: BitsbyEmulator) -> Callable[[str], EmulatedInvoice]:
    """Give what looks an invoice up in the ledger."""

    def kept(invoice_id: str) -> EmulatedInvoice:
        invoice = emulator.ledger.get(EmulatedInvoice, invoice_id)
        assert invoice is not None
        return invoice

    return kept


def fields(emulator: BitsbyEmulator, **changes: str) -> dict[str, str]:
    """Return the fields of a creation."""
    known = {"projectId": emulator.credentials["project_id"], "amountFiat": "10.55", "currencyFiat": "USD"}
    return {**known, "timeToPay": "6", **changes}


def test_second_request_within_a_second_is_refused(
    emulator: BitsbyEmulator, ask: Ask, wait: Callable[..., None]
) -> None:
    """The one documented error, inside of HTTP 200; being refused does not make the wait longer."""
    ask("billing/balances")
    answers = []
    for seconds in (-1, -0.01, -1.0 + 0.02):
        wait(seconds=seconds)
        answers.append(ask("billing/balances")[1]["result"])

    refusal = (200, {"result": "error", "data": "Requests too frequent"})
    assert answers == ["error", "error", "success"]
    wait(seconds=-0.5)
    assert ask("billing/balances") == refusal


def test_clock_that_steps_back_blocks_nobody(ask: Ask, wait: Callable[..., None]) -> None:
    """The limit is about the last second, not about the future."""
    ask("billing/balances")
    wait(days=-1)

    assert ask("billing/balances")[1]["result"] == "success"


@pytest.mark.parametrize("authorization", ["Bearer {key}", "{key}", "Token {key}0", "Token", "", "token {key}"])
def test_wrong_key_is_refused(emulator: BitsbyEmulator, ask: Ask, authorization: str) -> None:
    """The word is Token. How Bitsby refuses a key is not documented: HTTP 401 here."""
    headers = {"Authorization": authorization.format(key=emulator.credentials["api_key"])}

    status, answer = ask("billing/balances", headers=headers, body=b"")

    assert (status, answer["result"]) == (401, "error")


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", ""])
def test_only_multipart_is_read(emulator: BitsbyEmulator, ask: Ask, content_type: str) -> None:
    """No other form of a body is documented."""
    headers = {"Authorization": f"Token {emulator.credentials['api_key']}", "Content-Type": content_type}

    _, answer = ask("invoices/list", headers=headers, body=b"limit=1")

    assert answer == {"result": "error", "data": "Send the fields as multipart/form-data"}


@pytest.mark.parametrize(
    "path, method, status", [("invoices/list", "GET", 405), ("invoices/delete", "POST", 404), ("", "POST", 404)]
)
def test_every_endpoint_is_a_post(ask: Ask, path: str, method: str, status: int) -> None:
    """Reads too."""
    actual, answer = ask(path, method=method)

    assert (actual, answer["result"]) == (status, "error")


@pytest.mark.parametrize(
    "changes",
    [
        {"projectId": "00000000-0000-4000-8000-000000000000"},
        {"amountFiat": "0.00"},
        {"amountFiat": "-1"},
        {"amountFiat": "10.555"},
        {"amountFiat": "1e3"},
        {"amountFiat": ""},
        {"currencyFiat": "GBP"},
        {"currencyFiat": "usd"},
        {"timeToPay": "2"},
        {"timeToPay": ""},
    ],
    ids=str,
)
def test_creation_that_the_documentation_forbids_is_refused(
    emulator: BitsbyEmulator, ask: Ask, changes: dict[str, str]
) -> None:
    """The envelope of an error, inside of HTTP 200."""
    status, answer = ask("invoices/create", fields(emulator, **changes))

    assert (status, answer["result"], emulator.ledger.select(EmulatedInvoice)) == (200, "error", [])


def test_two_open_invoices_never_reserve_the_same_amount(
    create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """By its amount alone a transfer is matched."""
    first, second = (kept(create()).data["reserved"] for _ in range(2))

    assert [first[name] == second[name] for name in first] == [False] * 5


def test_amount_is_free_again_when_its_invoice_is_over(
    create: Callable[..., str], kept: Callable[[str], EmulatedInvoice], wait: Callable[..., None]
) -> None:
    """Otherwise prices would creep up for ever."""
    first = kept(create())
    wait(hours=12)

    second = kept(create())

    assert first.data["reserved"] == second.data["reserved"]


def test_exact_amount_makes_the_invoice_paid(
    emulator: BitsbyEmulator, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """In whichever wallet it comes."""
    invoice = kept(create())

    for way in emulator.ways_to_pay(invoice)[-1:]:
        payment = emulator.pay(invoice.token, way.amount, way.id)

    assert (payment.invoice_id, payment.amount.currency, kept(invoice.id).status) == (
        invoice.id,
        "BTC",
        InvoiceStatus.PAID,
    )


@pytest.mark.parametrize("amount", [Money("49.89", "EUR"), Money("50", "EUR"), Money("0.01", "EUR")], ids=str)
def test_other_amount_stays_unbound(
    emulator: BitsbyEmulator, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice], amount: Money
) -> None:
    """Too little and too much alike: there is no partial payment."""
    invoice = kept(create())

    payment = emulator.pay(invoice.token, amount)

    assert (payment.invoice_id, kept(invoice.id).status) == (None, InvoiceStatus.PENDING)


def test_amount_of_another_invoice_pays_that_one(
    emulator: BitsbyEmulator, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """Bitsby sees the amount, and not whose page was open."""
    opened, other = kept(create()), kept(create())

    emulator.pay(opened.token, emulator.ways_to_pay(other)[0].amount)

    assert (kept(opened.id).status, kept(other.id).status) == (InvoiceStatus.PENDING, InvoiceStatus.PAID)


def test_amount_of_an_expired_invoice_pays_nothing(
    emulator: BitsbyEmulator,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
) -> None:
    """Its amount is reserved no longer, even before anybody has looked at it."""
    expired = kept(create())
    wait(hours=11)
    opened = kept(create())
    wait(hours=2)

    payment = emulator.pay(opened.token, emulator.ways_to_pay(expired)[0].amount)

    assert payment.invoice_id is None


def test_currency_that_is_neither_the_wallets_nor_the_invoices_is_refused(
    emulator: BitsbyEmulator, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """The page offers none, so a test that asks for one is mistaken."""
    invoice = kept(create())

    with pytest.raises(InvalidRequestError, match="USDT or EUR"):
        emulator.pay(invoice.token, Money("1", "RUB"))


@pytest.mark.parametrize("over", ["paid", "expired", "canceled"])
def test_invoice_that_is_over_is_not_paid(  # noqa: PLR0917  # as many fixtures as it needs
    emulator: BitsbyEmulator,
    shop: Gateway,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
    over: str,
) -> None:
    """Bitsby watches for open invoices only."""
    invoice = kept(create())
    ends: dict[str, Callable[[], object]] = {
        "paid": lambda: emulator.pay(invoice.token),
        "expired": lambda: wait(hours=12),
        "canceled": lambda: shop.cancel_invoice(invoice.id),
    }
    ends[over]()

    with pytest.raises(RejectedError, match=over):
        emulator.pay(invoice.token)


def test_nobody_declines_a_transfer(
    emulator: BitsbyEmulator, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """The page's button is answered, and the invoice stays open."""
    invoice = kept(create())

    with pytest.raises(RejectedError, match="never declined"):
        emulator.decline(invoice.token)

    assert kept(invoice.id).status is InvoiceStatus.PENDING


@pytest.mark.parametrize("action", ["opened", "pay", "decline"])
def test_page_that_is_not_there_is_not_found(emulator: BitsbyEmulator, action: str) -> None:
    """A token that was made up leads nowhere."""
    with pytest.raises(NotFoundError):
        getattr(emulator, action)("nowhere")
