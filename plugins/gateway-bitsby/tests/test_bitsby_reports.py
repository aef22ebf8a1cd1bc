"""Statistics, balances, their history and the tariffs: what is asked, and what is made of the documented answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway_bitsby import BalanceChange, Balances, FeePayer, InvoiceStatistics, ProjectTariff
from gateway_core import Gateway, HttpRequest, PaymentQuery
from gateway_core.errors import InvalidRequestError, RejectedError, UnexpectedResponseError
from gateway_core.testing import fields_of

KEY = "made-up-key-0123456789-abcdefghijklmnop"
WALLET = "47aa71e2-07a0-482e-9172-7114d7376ba0"

Sent = Callable[[], list[HttpRequest]]
Tells = Callable[..., None]
Answers = Callable[..., None]

Report = tuple[str, Callable[[Any], Any], dict[str, str]]

#: Each endpoint with the name of its example, the flow, and the fields it is asked with by default.
REPORTS: dict[str, Report] = {
    "statistics/invoices": ("statistics", lambda provider: provider.invoice_statistics(), {}),
    "billing/balances": ("balances", lambda provider: provider.balances(), {}),
    "billing/history": ("history", lambda provider: provider.balance_history(), {"offset": "0", "limit": "10"}),
    "billing/tarrifs": ("tariffs", lambda provider: provider.project_tariffs(), {}),
}


@pytest.fixture(autouse=True)
def _everything_is_answered(answers: Answers, example: Callable[[str], bytes]) -> None:
    for path, (name, _, _) in REPORTS.items():
        answers(path, example(name))


def change(**changes: Any) -> BalanceChange:
    """Return the documented change of a balance."""
    documented = {
        "at": datetime(2024, 11, 30, 18, 2, 41, tzinfo=UTC),
        "event": "other",
        "target": "internal",
        "amount": Decimal("5.00"),
        "comment": "welcome bonus 5",
    }
    return BalanceChange(**{**documented, **changes})


@pytest.mark.parametrize("path", REPORTS)
def test_report_asks_for(gateway: Gateway, sent: Sent, path: str) -> None:
    """R3: a POST with the key that only reads, so that it may be repeated after a lost answer."""
    _, flow, fields = REPORTS[path]
    safe = next(flow(gateway.provider)).safe

    gateway.run(flow(gateway.provider))

    (actual,) = sent()
    asked = (actual.method, urlsplit(actual.url).path, actual.headers["Authorization"], fields_of(actual))
    assert (safe, asked) == (True, ("POST", f"/{path}", f"Token {KEY}", fields))


def test_statistics_are_exact(gateway: Gateway, data_of: Callable[[str], Any]) -> None:
    """M1: JSON numbers become Decimals, with no float between."""
    actual = gateway.run(gateway.provider.invoice_statistics())

    expected = InvoiceStatistics(
        invoices=51,
        paid_invoices=24,
        paid_usd=Decimal("335.03"),
        by_project={"9deea1e2-0c08-41a3-bdc2-a34eada3892d": Decimal("335.03")},
        by_currency={"USD": Decimal("335.03")},
        by_month={"March-2024": Decimal(42), "February-2024": Decimal("293.03")},
        by_day={
            date(2024, 3, 4): Decimal(21),
            date(2024, 3, 3): Decimal(10),
            date(2024, 3, 1): Decimal(11),
            date(2024, 2, 27): Decimal(12),
            date(2024, 2, 26): Decimal(38),
        },
    )
    assert (actual, actual.raw["invoicesTotalNum"]) == (expected, 51)
    assert {type(each) for each in (actual.paid_usd, *actual.by_month.values(), *actual.by_day.values())} == {Decimal}


def test_records_are_not_changed_by_their_readers(gateway: Gateway) -> None:
    """Not even in their maps."""
    actual = gateway.run(gateway.provider.invoice_statistics())

    with pytest.raises(TypeError):
        actual.by_month["March-2024"] = Decimal(0)
    with pytest.raises(TypeError):
        actual.raw["invoicesTotalNum"] = 0


def test_balances(gateway: Gateway) -> None:
    """Two sums in a currency that is not documented."""
    actual = gateway.run(gateway.provider.balances())

    expected = Balances(internal=Decimal("100.00"), partner=Decimal("0.00"))
    assert (actual, dict(actual.raw)) == (expected, {"internal": "100.00", "partner": "0.00"})


def test_history_of_the_balances(gateway: Gateway) -> None:
    """Times are in UTC, though Bitsby does not say so."""
    actual = gateway.run(gateway.provider.balance_history())

    assert (actual.items, actual.next_cursor) == ((change(),), None)


def test_tariffs_of_the_projects(gateway: Gateway) -> None:
    """`30dPayments` is no name in Python, so it has another."""
    actual = gateway.run(gateway.provider.project_tariffs())

    assert actual == (
        ProjectTariff(
            project_id="f31c61f6-407f-4999-95cf-56477eff06d4",
            name="Bitsby crypto payments",
            paid_in_30_days=Decimal(123456),
            fee_payer=FeePayer.SELLER,
            fee_percent=Decimal("1.00"),
        ),
        ProjectTariff(
            project_id="fac8ef03-2c41-4ce0-a432-7c33b928f16f",
            name="My project",
            paid_in_30_days=Decimal(0),
            fee_payer=FeePayer.BUYER,
            fee_percent=Decimal("0.80"),
        ),
    )


@pytest.mark.parametrize("path", ["billing/history", "billing/tarrifs"])
def test_list_in_braces_is_a_list(gateway: Gateway, tells: Tells, data_of: Callable[[str], Any], path: str) -> None:
    """Most pages print these lists in braces: with keys, which JSON demands there, they are read like an array."""
    name, flow, _ = REPORTS[path]
    expected = gateway.run(flow(gateway.provider))
    tells(path, {str(number): item for number, item in enumerate(data_of(name))})

    assert gateway.run(flow(gateway.provider)) == expected


@pytest.mark.parametrize("path", ["billing/history", "billing/tarrifs"])
@pytest.mark.parametrize("empty", [[], {}], ids=["array", "object"])
def test_empty_list(gateway: Gateway, tells: Tells, path: str, empty: Any) -> None:
    """A new account has no history."""
    tells(path, empty)

    actual = gateway.run(REPORTS[path][1](gateway.provider))

    assert getattr(actual, "items", actual) == ()


def test_statistics_of_nothing(gateway: Gateway, tells: Tells) -> None:
    """An empty array is what PHP makes of an empty map."""
    maps = ("invoicesByProjects", "invoicesByCurrencies", "invoicesByMonths", "invoicesByDate")
    numbers = {"invoicesTotalNum": 0, "invoicesPaidNum": 0, "invoicesTotalUSD": 0}
    empty: tuple[Any, ...] = ([], {})
    tells("statistics/invoices", *(numbers | dict.fromkeys(maps, each) for each in empty))

    first, second = (gateway.run(gateway.provider.invoice_statistics()) for _ in range(2))

    assert first == second
    assert (first.invoices, first.paid_usd, dict(first.by_day)) == (0, Decimal(0), {})


@pytest.mark.parametrize(
    "days, expected",
    [
        ((date(2024, 2, 1), None), {"startDate": "2024-02-01"}),
        ((None, date(2024, 2, 29)), {"endDate": "2024-02-29"}),
        ((date(2024, 2, 29), date(2024, 2, 29)), {"startDate": "2024-02-29", "endDate": "2024-02-29"}),
    ],
)
def test_statistics_of_some_days(gateway: Gateway, sent: Sent, days: tuple[Any, Any], expected: dict[str, str]) -> None:
    """Sums cannot be filtered afterwards, so exactly the days that were asked for are sent."""
    gateway.run(gateway.provider.invoice_statistics(*days))

    assert fields_of(sent()[0]) == expected


@pytest.mark.parametrize(
    "first, last",
    [
        (date(2024, 3, 1), date(2024, 2, 29)),
        (datetime(2024, 3, 1, tzinfo=UTC), None),
        (None, datetime(2024, 3, 1, tzinfo=UTC)),
        ("2024-03-01", None),
    ],
    ids=["order", "first is a moment", "last is a moment", "text"],
)
def test_days_that_cannot_be_are_refused(gateway: Gateway, sent: Sent, first: Any, last: Any) -> None:
    """A moment would have to be cut to a day in a zone that nobody knows."""
    with pytest.raises(InvalidRequestError, match="first_day"):
        gateway.run(gateway.provider.invoice_statistics(first, last))

    assert sent() == []


def test_history_is_paged(gateway: Gateway, tells: Tells, sent: Sent, data_of: Callable[[str], Any]) -> None:
    """By offset, like every list of Bitsby's; a page is over when it is shorter than Bitsby's own size."""
    (item,) = data_of("history")
    tells("billing/history", [item] * 10, [item] * 3)

    first = gateway.run(gateway.provider.balance_history())
    second = gateway.run(gateway.provider.balance_history(cursor=first.next_cursor))

    assert [len(page.items) for page in (first, second)] == [10, 3]
    assert second.next_cursor is None
    assert [fields_of(each) for each in sent()] == [{"offset": "0", "limit": "10"}, {"offset": "10", "limit": "10"}]


def test_page_size_may_be_chosen(gateway: Gateway, sent: Sent) -> None:
    """For one list, whatever the settings say."""
    gateway.run(gateway.provider.balance_history(page_size=3))

    assert fields_of(sent()[0]) == {"offset": "0", "limit": "3"}


@pytest.mark.parametrize("wrong", [{"page_size": 0}, {"page_size": True}, {"cursor": "-1"}, {"cursor": "x"}], ids=str)
def test_page_that_cannot_be_is_refused(gateway: Gateway, sent: Sent, wrong: dict[str, Any]) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidRequestError):
        gateway.run(gateway.provider.balance_history(**wrong))

    assert sent() == []


@pytest.mark.parametrize(
    "path, field, value",
    [
        ("statistics/invoices", "invoicesTotalNum", "51"),
        ("statistics/invoices", "invoicesPaidNum", True),
        ("statistics/invoices", "invoicesTotalUSD", None),
        ("statistics/invoices", "invoicesTotalUSD", "335,03"),
        ("statistics/invoices", "invoicesByProjects", 335),
        ("statistics/invoices", "invoicesByCurrencies", {"USD": "much"}),
        ("statistics/invoices", "invoicesByMonths", ["March-2024"]),
        ("statistics/invoices", "invoicesByDate", {"2024-03-04": 21}),
        ("statistics/invoices", "invoicesByDate", {"2024-02-30": {"value": 21}}),
        ("statistics/invoices", "invoicesByDate", {"20240304": {"value": 21}}),
        ("billing/balances", "internal", None),
        ("billing/balances", "partner", "much"),
        ("billing/history", "datetime", "2024-11-30T18:02:41Z"),
        ("billing/history", "amount", "five"),
        ("billing/history", "event", 7),
        ("billing/history", "target", None),
        ("billing/history", "comment", 5),
        ("billing/tarrifs", "id", 7),
        ("billing/tarrifs", "30dPayments", "many"),
        ("billing/tarrifs", "30dPayments", None),
        ("billing/tarrifs", "payer", None),
        ("billing/tarrifs", "rate", "1 %"),
    ],
)
def test_field_of_the_wrong_kind_is_named(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway, tells: Tells, data_of: Callable[[str], Any], path: str, field: str, value: Any
) -> None:
    """The error names the field, and no value."""
    name, flow, _ = REPORTS[path]
    data = data_of(name)
    item = data[0] if isinstance(data, list) else data
    item[field] = value
    tells(path, data)

    with pytest.raises(UnexpectedResponseError, match=field) as caught:
        gateway.run(flow(gateway.provider))

    assert "much" not in str(caught.value)


@pytest.mark.parametrize("path", REPORTS)
@pytest.mark.parametrize("data", [None, 7, "nothing", [7], {"0": 7}], ids=repr)
def test_answer_of_another_kind_is_refused(gateway: Gateway, tells: Tells, path: str, data: Any) -> None:
    """And it is never taken for an empty one."""
    tells(path, data)

    with pytest.raises(UnexpectedResponseError):
        gateway.run(REPORTS[path][1](gateway.provider))


@pytest.mark.parametrize("path", REPORTS)
def test_refusal_is_passed_on(gateway: Gateway, answers: Answers, path: str) -> None:
    """In Bitsby's words."""
    answers(path, b'{"result":"error","data":"Not today"}')

    with pytest.raises(RejectedError, match="Not today"):
        gateway.run(REPORTS[path][1](gateway.provider))


@pytest.mark.parametrize(
    "told, read",
    [
        ({"comment": None}, {"comment": None}),
        ({"event": "fee"}, {"event": "fee"}),
        ({"target": "bonus"}, {"target": "bonus"}),
        ({"amount": "-0.54"}, {"amount": Decimal("-0.54")}),
    ],
    ids=["no comment", "event", "target", "negative"],
)
def test_history_takes_what_is_new_to_it(
    gateway: Gateway, tells: Tells, data_of: Callable[[str], Any], told: dict[str, Any], read: dict[str, Any]
) -> None:
    """One event is documented; every other passes in Bitsby's own word."""
    (item,) = data_of("history")
    tells("billing/history", [item | told | {"new": 1}])

    (actual,) = gateway.run(gateway.provider.balance_history()).items

    assert actual == change(**read)


def test_payer_in_another_word_is_unknown(gateway: Gateway, tells: Tells, data_of: Callable[[str], Any]) -> None:
    """A new word of theirs is neither of the two known ones."""
    tells("billing/tarrifs", [data_of("tariffs")[0] | {"payer": "both"}])

    (actual,) = gateway.run(gateway.provider.project_tariffs())

    assert (actual.fee_payer, actual.raw["payer"]) == (FeePayer.UNKNOWN, "both")


@pytest.mark.parametrize("told", [WALLET, WALLET.upper(), None], ids=["same", "capitals", "not told"])
def test_payments_to_one_wallet(
    gateway: Gateway, tells: Tells, sent: Sent, data_of: Callable[[str], Any], told: str | None
) -> None:
    """Bitsby's last filter; what is told to have come to another wallet is left out all the same."""
    bound, other = data_of("payments")[0], data_of("payments")[0]
    bound["wallet"] = None if told is None else {**bound["wallet"], "id": told}
    other["wallet"] = {**other["wallet"], "id": "00000000-0000-4000-8000-000000000000"}
    tells("payments/list", [bound, {**other, "id": "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f9"}])

    page = gateway.run(gateway.provider.list_payments(PaymentQuery(), wallet_id=WALLET))

    assert [payment.id for payment in page.items] == [bound["id"]]
    assert fields_of(sent()[0]) == {"walletId": WALLET, "offset": "0", "limit": "10"}


def test_wallet_that_cannot_be_has_no_payments(gateway: Gateway, sent: Sent) -> None:
    """Ids are UUIDs: nothing is asked."""
    page = gateway.run(gateway.provider.list_payments(PaymentQuery(), wallet_id="usdt-tron"))

    assert (page.items, sent()) == ((), [])
