"""The emulator's statistics, balances, history and tariff: documented forms, reckoned from what happened."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs
import pytest

from gateway_bitsby import FeePayer, ProjectTariff
from gateway_bitsby.emulator import BitsbyEmulator, bookkeeping
from gateway_core import Gateway, HttpRequest, InvoiceRequest, Money, PaymentQuery
from gateway_core.testing import EmulatedInvoice


@pytest.fixture
def paid(shop: Gateway, emulator: BitsbyEmulator) -> Callable[..., str]:
    """Give what creates an invoice that is paid at once, and returns its id."""

    def paid(amount: str, currency: str = "USD") -> str:
        invoice = shop.create_invoice(InvoiceRequest(order_id="1042", amount=Money(amount, currency)))
        assert invoice.payment_url is not None
        emulator.pay(invoice.payment_url.rsplit("/", 1)[1])
        return invoice.id

    return paid


@pytest.fixture
def answer_to(emulator: BitsbyEmulator, wait: Callable[..., None]) -> Callable[[str], Any]:
    """Give what asks a path and returns the data, each number as it is written."""

    def answer_to(path: str) -> Any:
        wait(seconds=1)
        headers = {"Authorization": f"Token {emulator.credentials['api_key']}"}
        response = emulator.handle(HttpRequest(method="POST", url=f"http://127.0.0.1/{path}", headers=headers))
        return json.loads(response.body, parse_int=Decimal, parse_float=Decimal)["data"]

    return answer_to


_MAPS = frozenset({"invoicesByProjects", "invoicesByCurrencies", "invoicesByMonths", "invoicesByDate"})


def shape(value: Any, name: str = "") -> Any:
    """Return the names of what a value is made of, in their order, and the kind of each; one entry stands for a map."""
    if isinstance(value, dict):
        entries = [("...", next(iter(value.values())))] if name in _MAPS else value.items()
        return [(key, shape(each, key)) for key, each in entries]
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize(
    "path, name",
    [
        ("statistics/invoices", "statistics"),
        ("billing/balances", "balances"),
        ("billing/history", "history"),
        ("billing/tarrifs", "tariffs"),
    ],
)
def test_answer_is_as_documented(
    paid: Callable[..., str],
    answer_to: Callable[[str], Any],
    example: Callable[[str], bytes],
    path: str,
    name: str,
) -> None:
    """Field by field, in their order, each of its kind."""
    paid("12.50")

    documented = json.loads(example(name), parse_int=Decimal, parse_float=Decimal)["data"]
    assert shape(answer_to(path)) == shape(documented)


def test_account_begins_with_the_documented_balance(answer_to: Callable[[str], Any]) -> None:
    """One line of history tells where it comes from."""
    first, again = (answer_to("billing/history") for _ in range(2))

    assert answer_to("billing/balances") == {"internal": "100.00", "partner": "0.00"}
    assert (
        first
        == again
        == [
            {
                "datetime": "2030-01-31 12:00:01",
                "event": "other",
                "target": "internal",
                "amount": "100.00",
                "comment": "opening balance",
            }
        ]
    )


def test_statistics_count_what_was_paid(shop: Gateway, paid: Callable[..., str], wait: Callable[..., None]) -> None:
    """Sums in US dollars at the fixed prices, and in each currency; unpaid invoices are counted and not summed."""
    paid("21.00")
    paid("10.00", "EUR")
    shop.create_invoice(InvoiceRequest(order_id="1043", amount=Money("500", "USD")))
    wait(hours=12)
    paid("11.25")

    actual = shop.run(shop.provider.invoice_statistics())

    total = Decimal("43.05")
    assert (actual.invoices, actual.paid_invoices, actual.paid_usd) == (4, 3, total)
    assert dict(actual.by_project) == {shop.provider.settings.project_id: total}
    assert dict(actual.by_currency) == {"USD": Decimal("32.25"), "EUR": Decimal(10)}
    assert [*actual.by_month.items()] == [("February-2030", Decimal("11.25")), ("January-2030", Decimal("31.80"))]
    assert dict(actual.by_day) == {date(2030, 2, 1): Decimal("11.25"), date(2030, 1, 31): Decimal("31.80")}


def test_day_in_the_statistics_begins_at_midnight(paid: Callable[..., str], answer_to: Callable[[str], Any]) -> None:
    """In milliseconds since 1970, in UTC; a whole number is written without decimals."""
    paid("21.00")

    written = str(answer_to("statistics/invoices")["invoicesByDate"])
    assert written == "{'2030-01-31': {'date': Decimal('1896048000000'), 'value': Decimal('21')}}"


def test_day_in_the_statistics_is_one_of_utc(emulator: BitsbyEmulator, shop: Gateway, paid: Callable[..., str]) -> None:
    """Wherever the machine is that the emulator runs on."""
    invoice = emulator.ledger.get(EmulatedInvoice, paid("21.00"))
    assert invoice is not None
    early = datetime.fromisoformat("2030-02-01T05:00:00+05:30")

    answer = bookkeeping.statistics([attrs.evolve(invoice, created_at=early)], shop.provider.settings.project_id)

    assert ([*answer["invoicesByDate"]], [*answer["invoicesByMonths"]]) == (["2030-01-31"], ["January-2030"])


@pytest.mark.parametrize(
    "first, last, expected",
    [
        (None, None, 2),
        (date(2030, 2, 1), None, 1),
        (None, date(2030, 1, 31), 1),
        (date(2030, 1, 31), date(2030, 2, 1), 2),
        (date(2030, 2, 2), None, 0),
    ],
)
def test_statistics_of_some_days(  # noqa: PLR0917  # as many fixtures as it needs
    shop: Gateway,
    paid: Callable[..., str],
    wait: Callable[..., None],
    first: date | None,
    last: date | None,
    expected: int,
) -> None:
    """By the day of the creation in UTC; the last day counts, which is not documented."""
    paid("21.00")
    wait(hours=12)
    paid("11.00")

    actual = shop.run(shop.provider.invoice_statistics(first, last))

    assert (actual.invoices, actual.paid_invoices, sum(actual.by_day.values())) == (
        expected,
        expected,
        actual.paid_usd,
    )


def test_days_that_cannot_be_read_are_refused(emulator: BitsbyEmulator) -> None:
    """As in the lists."""
    settings = emulator.settings("http://127.0.0.1")
    headers = {"Authorization": f"Token {settings['api_key']}"}

    request = HttpRequest.multipart(
        "POST", "http://127.0.0.1/statistics/invoices", {"endDate": "today"}, headers=headers
    )

    assert json.loads(emulator.handle(request).body) == {"result": "error", "data": "Wrong endDate"}


def test_fee_of_each_paid_invoice_is_taken(shop: Gateway, paid: Callable[..., str]) -> None:
    """One per cent, as the webhook says; balance and history agree."""
    paid("49.90", "EUR")
    paid("200")

    balances = shop.run(shop.provider.balances())
    changes = shop.run(shop.provider.balance_history()).items

    assert [change.amount for change in changes] == [Decimal("-2.00"), Decimal("-0.54"), Decimal("100.00")]
    assert balances.internal == sum(change.amount for change in changes) == Decimal("97.46")


def test_fee_is_taken_when_a_payment_is_bound(
    shop: Gateway, emulator: BitsbyEmulator, paid: Callable[..., str], wait: Callable[..., None]
) -> None:
    """Not when it came: until then it was nobody's, and others were paid meanwhile."""
    invoice = shop.create_invoice(InvoiceRequest(order_id="1042", amount=Money("100", "USD")))
    assert invoice.payment_url is not None
    stray = emulator.pay(invoice.payment_url.rsplit("/", 1)[1], Money("99", "USD"))
    paid("300")
    wait(hours=3)
    shop.run(shop.provider.bind_payment(invoice.id, stray.id))

    newest, older, _ = shop.run(shop.provider.balance_history()).items

    assert (newest.amount, older.amount) == (Decimal("-1.00"), Decimal("-3.00"))
    assert newest.at - stray.paid_at == timedelta(hours=3, seconds=2)


def test_history_is_cut_into_pages(shop: Gateway, paid: Callable[..., str]) -> None:
    """Newest first, like the other lists."""
    for _ in range(4):
        paid("100")

    first = shop.run(shop.provider.balance_history(page_size=3))
    second = shop.run(shop.provider.balance_history(page_size=3, cursor=first.next_cursor))

    assert ([len(first.items), len(second.items)], second.next_cursor) == ([3, 2], None)
    assert [*first.items, *second.items] == [*shop.run(shop.provider.balance_history()).items]


def test_tariff_knows_the_last_thirty_days(shop: Gateway, paid: Callable[..., str], wait: Callable[..., None]) -> None:
    """The same fee and payer as in the webhook; what was paid thirty days ago does not count any more."""
    paid("1000")
    wait(days=29)
    paid("20.40")
    wait(days=1, seconds=-3)

    (before,) = shop.run(shop.provider.project_tariffs())
    (after,) = shop.run(shop.provider.project_tariffs())

    assert (before.paid_in_30_days, after) == (
        Decimal(1020),
        ProjectTariff(
            project_id=shop.provider.settings.project_id,
            name="Emulated project",
            paid_in_30_days=Decimal(20),
            fee_payer=FeePayer.SELLER,
            fee_percent=Decimal("1.00"),
        ),
    )


def test_nothing_is_known_of_payment_statistics(shop: Gateway, answer_to: Callable[[str], Any]) -> None:
    """Their address is not known, so neither the plugin nor the emulator guesses one."""
    assert answer_to("statistics/payments") == "Not found"
    assert not hasattr(shop.provider, "payment_statistics")


def test_payments_to_one_wallet(shop: Gateway, emulator: BitsbyEmulator, paid: Callable[..., str]) -> None:
    """By its id, which the list tells of each bound payment."""
    first = paid("12.00")
    (listed,) = shop.list_payments(invoice_id=first)
    invoice = shop.create_invoice(InvoiceRequest(order_id="1043", amount=Money("12", "USD")))
    assert invoice.payment_url is not None
    emulator.pay(invoice.payment_url.rsplit("/", 1)[1], way="btc")

    page = shop.run(shop.provider.list_payments(PaymentQuery(), wallet_id=listed.raw["wallet"]["id"]))

    assert [payment.id for payment in page.items] == [listed.id]
