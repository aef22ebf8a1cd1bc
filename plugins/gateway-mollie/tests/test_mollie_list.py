"""Lists: paged by id, filtered here, and read no further than they have to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests_mock

from gateway_core import Gateway, InvoiceRequest, Money, Payment, PaymentQuery, PaymentStatus
from gateway_core.errors import InvalidRequestError, OutOfReachError, UnexpectedResponseError
from gateway_core.testing import EmulatedAccount

Example = Callable[..., dict[str, Any]]
Connect = Callable[..., Gateway]

BASE = "https://api.mollie.com/v2/payments"
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)


@pytest.fixture
def listed(mocker: requests_mock.Mocker) -> Callable[..., None]:
    """Give what lets Mollie answer with these pages, each a list of payments."""

    def listed(*pages: list[dict[str, Any]]) -> None:
        answers = []
        for number, payments in enumerate(pages, 1):
            more = {"href": f"{BASE}?from=tr_p{number}&limit=250"} if number < len(pages) else None
            links = {"self": {"href": BASE}, "previous": None, "next": more}
            answers.append({"json": {"count": len(payments), "_embedded": {"payments": payments}, "_links": links}})
        mocker.get(BASE, answers)

    return listed


def queries_of(mocker: requests_mock.Mocker) -> list[dict[str, list[str]]]:
    """Return the query of each request."""
    return [parse_qs(urlsplit(each.url).query) for each in mocker.request_history]


def made(days: float) -> str:
    """Return a moment so many days before noon, as Mollie writes it."""
    return (NOON - timedelta(days=days)).isoformat()


def test_payment_is_told(gateway: Gateway, listed: Callable[..., None], example: Example) -> None:
    """A bank transfer has the reference that the payer wrote."""
    listed([example("paid")])

    assert list(gateway.list_payments()) == [
        Payment(
            id="tr_9xK2mQ",
            invoice_id="tr_9xK2mQ",
            amount=Money("12.50", "EUR"),
            status=PaymentStatus.CONFIRMED,
            paid_at=datetime(2026, 1, 6, 8, 30, tzinfo=UTC),
            reference="RF12-3456-7890-1234",
            raw=example("paid"),
        )
    ]


@pytest.mark.parametrize(
    "word, status",
    [
        ("open", None),
        ("pending", PaymentStatus.PENDING),
        ("authorized", PaymentStatus.PENDING),
        ("paid", PaymentStatus.CONFIRMED),
        ("canceled", None),
        ("expired", None),
        ("failed", None),
        ("new", PaymentStatus.UNKNOWN),
    ],
)
def test_list_has_what_money_is_in(
    gateway: Gateway, listed: Callable[..., None], example: Example, word: str, status: PaymentStatus | None
) -> None:
    """Of what nobody paid, nothing came."""
    listed([example("paid", status=word)])

    assert [each.status for each in gateway.list_payments()] == ([] if status is None else [status])


def test_payment_that_the_bank_took_back_has_failed(
    gateway: Gateway, listed: Callable[..., None], example: Example
) -> None:
    """A part of it is a dispute; the whole is gone."""
    part = {"value": "5.00", "currency": "EUR"}
    whole = {"value": "12.50", "currency": "EUR"}
    listed([example("paid", amountChargedBack=part), example("paid", id="tr_2", amountChargedBack=whole)])

    assert [each.status for each in gateway.list_payments()] == [PaymentStatus.CONFIRMED, PaymentStatus.FAILED]


def test_pages_follow_each_other_by_id(
    gateway: Gateway, listed: Callable[..., None], mocker: requests_mock.Mocker, example: Example
) -> None:
    """Only the id is taken of the next page's address."""
    listed([example("paid", id="tr_1")], [example("paid", id="tr_p1")])

    assert [each.id for each in gateway.list_payments()] == ["tr_1", "tr_p1"]
    assert queries_of(mocker) == [{"limit": ["250"]}, {"limit": ["250"], "from": ["tr_p1"]}]


@pytest.mark.parametrize("address", ["https://elsewhere.example", f"{BASE}?from=1", f"{BASE}?from=tr_1&from=tr_2", "["])
def test_next_page_that_cannot_be_found_is_an_error(
    gateway: Gateway, mocker: requests_mock.Mocker, address: str
) -> None:
    """A list that is cut off silently is short."""
    links = {"next": {"href": address}}
    mocker.get(BASE, json={"count": 0, "_embedded": {"payments": []}, "_links": links})

    with pytest.raises(UnexpectedResponseError, match="next page"):
        list(gateway.list_payments())


@pytest.mark.parametrize("body", [{"_links": {"next": None}, "_embedded": {}}, {"_embedded": {"payments": []}}, []])
def test_list_without_its_parts_is_an_error(gateway: Gateway, mocker: requests_mock.Mocker, body: object) -> None:
    """It is none."""
    mocker.get(BASE, json=body)

    with pytest.raises(UnexpectedResponseError):
        list(gateway.list_payments())


def test_list_goes_back_as_far_as_a_payment_can_be_late(
    gateway: Gateway, listed: Callable[..., None], mocker: requests_mock.Mocker, example: Example
) -> None:
    """A bank transfer may come 100 days after its creation, and more: only then the list ends."""
    late = example("paid", id="tr_1", createdAt=made(119), paidAt=made(0))
    old = example("paid", id="tr_2", createdAt=made(121), paidAt=made(120))
    listed([late], [old], [example("paid", id="tr_3", createdAt=made(122), paidAt=made(0))])

    assert [each.id for each in gateway.list_payments(since=NOON)] == ["tr_1"]
    assert len(mocker.request_history) == 2


def test_payments_of_other_profiles_are_left_out(
    connect: Connect, listed: Callable[..., None], example: Example
) -> None:
    """An access token sees them all; a page of nothing but these does not end the list."""
    listed([example("paid", id="tr_1", profileId="pfl_other")], [example("paid", id="tr_2")])

    assert [each.id for each in connect(profile_id="pfl_3Rk").list_payments()] == ["tr_2"]


def test_foreign_cursor_is_refused(gateway: Gateway, mocker: requests_mock.Mocker) -> None:
    """Before anything is asked."""
    with pytest.raises(InvalidRequestError, match="cursor"):
        gateway.run(gateway.provider.list_payments(PaymentQuery(cursor="tr_1&limit=1")))

    assert mocker.request_history == []


@pytest.mark.parametrize("attempt, wanted", [(1, "tr_2"), (2, "tr_1"), (3, None)])
def test_order_is_found_in_the_list(
    gateway: Gateway, listed: Callable[..., None], example: Example, attempt: int, wanted: str | None
) -> None:
    """Mollie cannot search: what it lists is compared, order and attempt."""
    listed(
        [example("payment", id="tr_1", metadata={"order_id": "77~2"})],
        [example("payment", id="tr_2"), example("payment", id="tr_3", metadata={"order_id": "770"})],
    )

    found = gateway.find_invoice("77", attempt=attempt)

    assert (found and found.id) == wanted


def test_order_that_is_not_there_is_none(gateway: Gateway, listed: Callable[..., None], example: Example) -> None:
    """The whole list was read."""
    listed([example("payment")])

    assert gateway.find_invoice("78") is None


def test_order_beyond_the_reach_is_no_absence(
    gateway: Gateway, listed: Callable[..., None], mocker: requests_mock.Mocker, example: Example
) -> None:
    """After four pages nothing is proven."""
    listed(*([example("payment", id=f"tr_{number}")] for number in range(6)))

    with pytest.raises(OutOfReachError):
        gateway.find_invoice("78")

    assert len(mocker.request_history) == 4


def test_search_ends_before_the_order_was_made(
    gateway: Gateway, listed: Callable[..., None], mocker: requests_mock.Mocker, example: Example
) -> None:
    """With a margin for clocks that differ."""
    listed(
        [example("payment", id="tr_1", createdAt=made(-1))],
        [example("payment", id="tr_2", createdAt=made(0.002))],
        [example("payment", id="tr_3", createdAt=made(0.01))],
        [example("payment", id="tr_4", createdAt=made(1))],
    )

    assert gateway.find_invoice("78", since=NOON) is None
    assert len(mocker.request_history) == 3


def test_two_payments_of_one_order_are_an_error(
    gateway: Gateway, listed: Callable[..., None], example: Example
) -> None:
    """Neither is chosen silently."""
    listed([example("payment", id="tr_1")], [example("payment", id="tr_2")])

    with pytest.raises(UnexpectedResponseError):
        gateway.find_invoice("77")


def test_long_list_is_read_whole_at_the_emulator(account: EmulatedAccount) -> None:
    """Page by page, while payments come."""
    for number in range(23):
        account.pay(account.gateway.create_invoice(InvoiceRequest(order_id=f"{number}", amount=Money(10, "EUR"))).id)

    payments = list(account.gateway.list_payments())

    assert (len(payments), len({each.id for each in payments})) == (23, 23)
