"""What becomes of emulated invoices after they were made: opened, canceled, bound, listed and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway_bitsby.emulator import BitsbyEmulator
from gateway_core import Gateway, HttpRequest, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import RejectedError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Ledger

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


def test_opening_the_page_counts_a_view(
    emulator: BitsbyEmulator, shop: Gateway, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """Looking an invoice up by the API is no view."""
    invoice = kept(create())
    shop.get_status(invoice.id)

    emulator.opened(invoice.token)
    emulator.opened(invoice.token)

    assert shop.get_status(invoice.id).raw["views"] == 2


def test_invoice_whose_page_was_opened_is_not_canceled(
    emulator: BitsbyEmulator, shop: Gateway, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """The payer may be about to pay."""
    invoice = kept(create())
    emulator.opened(invoice.token)

    with pytest.raises(RejectedError, match="cannot be canceled"):
        shop.cancel_invoice(invoice.id)


def test_canceled_invoice_is_not_canceled_again(shop: Gateway, create: Callable[..., str]) -> None:
    """Only an unpaid one is."""
    invoice_id = create()

    first = shop.cancel_invoice(invoice_id).status

    with pytest.raises(RejectedError):
        shop.cancel_invoice(invoice_id)
    assert first is InvoiceStatus.CANCELED


@pytest.mark.parametrize(
    "state, bound", [("open", True), ("expired", True), ("paid", False), ("canceled", False)], ids=str
)
def test_payment_is_bound_to_an_invoice_that_is_not_over(  # noqa: PLR0917  # as many fixtures as it needs
    emulator: BitsbyEmulator,
    shop: Gateway,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
    state: str,
    bound: bool,
) -> None:
    """Whether an expired invoice can still become paid is not documented: here it can, by the merchant's hand."""
    invoice, other = kept(create()), kept(create())
    stray = emulator.pay(other.token, Money("1", "EUR"))
    ends: dict[str, Callable[[], object]] = {
        "open": lambda: None,
        "paid": lambda: emulator.pay(invoice.token),
        "expired": lambda: wait(hours=12),
        "canceled": lambda: shop.cancel_invoice(invoice.id),
    }
    ends[state]()

    if not bound:
        with pytest.raises(RejectedError):
            shop.run(shop.provider.bind_payment(invoice.id, stray.id))
        return
    report = shop.run(shop.provider.bind_payment(invoice.id, stray.id))
    assert report.status is InvoiceStatus.PAID


def test_payment_that_is_not_there_is_not_bound(shop: Gateway, create: Callable[..., str]) -> None:
    """The invoice stays open."""
    invoice_id = create()

    with pytest.raises(RejectedError, match="Payment not found"):
        shop.run(shop.provider.bind_payment(invoice_id, "00000000-0000-4000-8000-000000000000"))

    assert shop.get_status(invoice_id).status is InvoiceStatus.PENDING


def test_payment_is_bound_once(
    emulator: BitsbyEmulator, shop: Gateway, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """The same money does not pay two invoices."""
    first, second = kept(create()), kept(create())
    stray = emulator.pay(first.token, Money("1", "EUR"))
    shop.run(shop.provider.bind_payment(first.id, stray.id))

    with pytest.raises(RejectedError, match="already binded"):
        shop.run(shop.provider.bind_payment(second.id, stray.id))

    assert [payment.invoice_id for payment in shop.list_payments()] == [first.id]


@pytest.mark.parametrize(
    "filters, expected",
    [
        ({}, ["c", "b", "a"]),
        ({"limit": "2"}, ["c", "b"]),
        ({"limit": "2", "offset": "2"}, ["a"]),
        ({"offset": "3"}, []),
        ({"status": "unpaid"}, ["c", "b"]),
        ({"status": "paid"}, ["a"]),
        ({"status": "canceled"}, []),
        ({"startDate": "2030-01-31", "endDate": "2030-01-31"}, ["b", "a"]),
        ({"startDate": "2030-02-01"}, ["c"]),
        ({"endDate": "2030-01-30"}, []),
        ({"projectId": "00000000-0000-4000-8000-000000000000"}, []),
        ({"invoiceId": "00000000-0000-4000-8000-000000000000"}, []),
        ({"invoiceUid": "nowhere"}, []),
    ],
    ids=str,
)
def test_invoices_are_filtered(  # noqa: PLR0917  # as many fixtures as it needs
    emulator: BitsbyEmulator,
    ask: Ask,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
    filters: dict[str, str],
    expected: list[str],
) -> None:
    """Newest first; a day counts from its beginning to its end in UTC, which is not documented."""
    emulator.pay(kept(create(order_id="a")).token)
    wait(hours=11)
    create(order_id="b")
    wait(hours=2)
    create(order_id="c")

    _, answer = ask("invoices/list", filters or {"limit": "10"})

    assert [json.loads(item["serviceData"])["order_id"] for item in answer["data"]] == expected


@pytest.mark.parametrize("field", ["startDate", "endDate", "offset", "limit"])
@pytest.mark.parametrize("value", ["yesterday", "-1", "2030-02-30", "1.5"])
def test_filter_that_cannot_be_read_is_refused(ask: Ask, field: str, value: str) -> None:
    """Rather than not to filter at all."""
    for path in ("invoices/list", "payments/list"):
        assert ask(path, {field: value})[1] == {"result": "error", "data": f"Wrong {field}"}


def test_page_has_ten_items_unless_asked_and_a_hundred_at_most(emulator: BitsbyEmulator, ask: Ask) -> None:
    """Ten are documented; the most are not: a hundred here."""
    for _ in range(101):
        ask("invoices/create", fields(emulator))

    sizes = [len(ask("invoices/list", {"limit": limit})[1]["data"]) for limit in ("", "50", "1000")]

    assert sizes == [10, 50, 100]


def test_payments_are_filtered(
    emulator: BitsbyEmulator, ask: Ask, create: Callable[..., str], kept: Callable[[str], EmulatedInvoice]
) -> None:
    """By wallet and by invoice; a payment that is bound to nothing tells neither."""
    invoice = kept(create())
    stray = emulator.pay(invoice.token, Money("1", "EUR"))
    bound = emulator.pay(invoice.token, way="btc")
    _, answer = ask("payments/list")
    wallet_id = answer["data"][0]["wallet"]["id"]

    found = {
        name: [item["id"] for item in ask("payments/list", {name: value})[1]["data"]]
        for name, value in {"invoiceId": invoice.id, "walletId": wallet_id, "limit": "10"}.items()
    }

    assert found == {"invoiceId": [bound.id], "walletId": [bound.id], "limit": [bound.id, stray.id]}


def test_webhook_comes_when_an_invoice_is_paid_and_at_no_other_time(
    emulator: BitsbyEmulator,
    shop: Gateway,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
) -> None:
    """Neither a cancellation nor an expiry nor a stray payment is told."""
    paid, canceled, expired = (kept(create()) for _ in range(3))
    shop.cancel_invoice(canceled.id)
    emulator.pay(expired.token, Money("1", "EUR"))
    emulator.pay(paid.token)
    wait(hours=12)
    told: list[HttpRequest] = []

    emulator.deliver(told.append)

    assert [json.loads(each.body)["invoice"]["id"] for each in told] == [paid.id]


@pytest.mark.parametrize("status", [201, 204, 302, 400, 500, None])
def test_undelivered_webhook_comes_again_by_the_documented_schedule(
    emulator: BitsbyEmulator,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
    status: int | None,
) -> None:
    """Only HTTP 200 counts. After eight repetitions Bitsby gives up."""
    emulator.pay(kept(create()).token)
    waits = []
    for minutes in (0, 5, 15, 30, 60, 180, 360, 720, 1440):
        wait(minutes=minutes, seconds=-1)
        early = emulator.deliver(lambda _: status)
        wait(seconds=1)
        waits.append((minutes, early, emulator.deliver(lambda _: status)))
    wait(days=30)

    expected = [(0, 0, 1), *((minutes, 0, 1) for minutes in (5, 15, 30, 60, 180, 360, 720, 1440))]
    assert (waits, emulator.deliver(lambda _: status)) == (expected, 0)


def test_delivered_webhook_does_not_come_again(
    emulator: BitsbyEmulator,
    create: Callable[..., str],
    kept: Callable[[str], EmulatedInvoice],
    wait: Callable[..., None],
) -> None:
    """HTTP 200 ends it."""
    emulator.pay(kept(create()).token)
    counts = [emulator.deliver(lambda _: 200)]
    wait(days=30)

    assert [*counts, emulator.deliver(lambda _: 200)] == [1, 0]


def test_credentials_are_kept_with_the_ledger(tmp_path: Path) -> None:
    """A shop's configuration still fits after the emulator was started anew."""
    ledgers = [Ledger(tmp_path / name) for name in ("one", "one", "two")]

    one, again, two = (BitsbyEmulator(ledger).settings("http://127.0.0.1") for ledger in ledgers)

    for ledger in ledgers:
        ledger.close()
    assert (one == again, one == two, sorted(one)) == (
        True,
        False,
        ["api_key", "base_url", "checkout_url", "project_id"],
    )


def test_threads_share_an_emulator(
    emulator: BitsbyEmulator, create: Callable[..., str], kept: Callable[[str], Any]
) -> None:
    """Of many who pay the same invoice at once, one does."""
    token = kept(create()).token

    def pay(_: int) -> bool:
        try:
            return emulator.pay(token).invoice_id is not None
        except RejectedError:
            return False

    with ThreadPoolExecutor(8) as pool:
        paid = list(pool.map(pay, range(16)))

    assert (sum(paid), len(emulator.ledger.select(EmulatedPayment))) == (1, 1)
