"""Looking an invoice up by the shop's order, at a provider that cannot search."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_core import Gateway, HttpRequest
from gateway_core.errors import RateLimitedError, UnexpectedResponseError, UnsupportedOperationError
from gateway_core.testing import fields_of

INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
OTHER = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"


@pytest.fixture
def numbered(data_of: Callable[[str], Any]) -> Callable[..., list[dict[str, Any]]]:
    """Give a maker of invoices for the orders ``order-<number>``."""
    (invoice,) = data_of("unpaid")

    def numbered(start: int, stop: int) -> list[dict[str, Any]]:
        return [
            invoice | {"id": f"ade9550d-3dc7-4fd3-b94e-{each:012}", "serviceData": f'{{"order_id": "order-{each}"}}'}
            for each in range(start, stop)
        ]

    return numbered


def test_invoice_is_found_with_its_pay_page(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """I4: after a lost answer the payer can still be sent to pay."""
    answers("invoices/list", example("unpaid"))

    found = gateway.find_invoice("1042")

    assert found is not None
    assert (found.id, found.payment_url) == (INVOICE, "https://dash.bitsby.app/invoices/pay/MXNj4m8HhcM4")


@pytest.mark.parametrize("order_id", ["104", "10420", " 1042", "1043", '{"order_id": "1042"}'])
def test_only_the_same_order_id_is_a_hit(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], order_id: str
) -> None:
    """I4: a part of an order id is another order."""
    answers("invoices/list", example("unpaid"))

    assert gateway.find_invoice(order_id) is None


def test_attempts_of_one_order_are_told_apart(
    gateway: Gateway, tells: Callable[..., None], numbered: Callable[..., list[dict[str, Any]]]
) -> None:
    """I4: each attempt has an invoice of its own, and so has an order whose key looks like another's second attempt."""
    references = ("1042", "1042~2", "1042~2~1")
    tells(
        "invoices/list",
        [
            invoice | {"serviceData": f'{{"order_id": "{reference}"}}'}
            for invoice, reference in zip(numbered(0, 3), references, strict=True)
        ],
    )

    found = [gateway.find_invoice("1042"), gateway.find_invoice("1042", attempt=2), gateway.find_invoice("1042~2")]

    assert [(each and each.id[-1], each and each.order_id, each and each.attempt) for each in found] == [
        ("0", "1042", 1),
        ("1", "1042", 2),
        ("2", "1042~2", 1),
    ]


def test_whole_list_is_read(
    gateway: Gateway,
    tells: Callable[..., None],
    sent: Callable[[], list[HttpRequest]],
    numbered: Callable[..., list[dict[str, Any]]],
) -> None:
    """I3: only who has read the list to its end knows that there is none."""
    tells("invoices/list", numbered(0, 10), numbered(10, 20), numbered(20, 23))

    found = gateway.find_invoice("order-99")

    assert (found, [fields_of(each)["offset"] for each in sent()]) == (None, ["0", "10", "20"])


def test_search_that_was_cut_short_says_so(
    connect: Callable[..., Gateway], tells: Callable[..., None], numbered: Callable[..., list[dict[str, Any]]]
) -> None:
    """I3: absence from a part of the list is no absence."""
    tells("invoices/list", numbered(0, 10), numbered(10, 20), numbered(20, 23))

    with pytest.raises(UnsupportedOperationError, match="20 invoices looked through, and there are more"):
        connect(search_pages=2).find_invoice("order-21")


def test_hit_counts_even_if_the_search_was_cut_short(
    connect: Callable[..., Gateway], tells: Callable[..., None], numbered: Callable[..., list[dict[str, Any]]]
) -> None:
    """That there is one is certain."""
    tells("invoices/list", numbered(0, 10), numbered(10, 20))

    found = connect(search_pages=1).find_invoice("order-3")

    assert found is not None
    assert found.order_id == "order-3"


def test_two_invoices_of_one_order_are_an_error(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], numbered: Callable[..., Any]
) -> None:
    """I4: nothing is chosen silently; both are named, even across pages."""
    (first,) = data_of("unpaid")
    tells("invoices/list", [first, *numbered(0, 9)], [first | {"id": OTHER, "status": "paid"}])

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.find_invoice("1042")

    assert caught.value.message == f"several invoices have the order id 1042: {INVOICE} (pending), {OTHER} (paid)"


def test_invoice_that_moves_to_the_next_page_is_one(
    gateway: Gateway, tells: Callable[..., None], numbered: Callable[..., list[dict[str, Any]]]
) -> None:
    """A new invoice pushes others onto the next page while the list is read."""
    tells("invoices/list", numbered(0, 10), numbered(9, 15))

    found = gateway.find_invoice("order-9")

    assert found is not None


def test_invoice_of_another_project_is_no_hit(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """W11: another shop of the same merchant may have the same order id."""
    tells("invoices/list", [data_of("unpaid")[0] | {"projectId": OTHER}])

    assert gateway.find_invoice("1042") is None


def test_list_that_does_not_advance_is_an_error(
    gateway: Gateway, tells: Callable[..., None], numbered: Callable[..., list[dict[str, Any]]]
) -> None:
    """R8: a server that ignores the offset shows nothing but its first page."""
    tells("invoices/list", numbered(0, 10))

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        gateway.find_invoice("order-99")


def test_page_that_fails_makes_the_search_fail(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
) -> None:
    """I3: a search that was not done proves nothing."""
    answers("invoices/list", example("too-frequent"))

    with pytest.raises(RateLimitedError):
        gateway.find_invoice("1042")


def test_search_may_begin_at_a_moment(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    sent: Callable[[], list[HttpRequest]],
) -> None:
    """A long list is searched from the time on at which the lost request was made."""
    answers("invoices/list", example("empty"))

    gateway.find_invoice("1042", since=datetime(2030, 1, 31, tzinfo=UTC))

    assert fields_of(sent()[0])["startDate"] == "2030-01-30"
