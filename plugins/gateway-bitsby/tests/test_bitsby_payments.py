"""Payments, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_core import AmountVerdict, Currency, Gateway, HttpRequest, Money, Payment, PaymentStatus
from gateway_core.errors import RateLimitedError, UnexpectedResponseError
from gateway_core.models.status import compare
from gateway_core.testing import fields_of

INVOICE = "ade9550d-3dc7-4fd3-b94e-3b4c12aaaa0c"
PAYMENT = "7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f6"
AT = datetime(2024, 2, 29, 15, 31, 7, tzinfo=UTC)


@pytest.fixture
def numbered(data_of: Callable[[str], Any]) -> Callable[[int], list[dict[str, Any]]]:
    """Give a maker of payments, all different."""
    (bound, _) = data_of("payments")

    def numbered(count: int) -> list[dict[str, Any]]:
        return [bound | {"id": f"7d1e2f30-4b5c-4d6e-8f70-{number:012}"} for number in range(count)]

    return numbered


@pytest.mark.parametrize("generation", ["", "-older"], ids=["newer", "older"])
def test_payments_are_listed(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], generation: str
) -> None:
    """A payment that is bound to nothing stays in the list; without a wallet nobody knows what it is an amount of."""
    answers("payments/list", example(f"payments{generation}"))

    actual = list(gateway.list_payments())

    assert actual == [
        Payment(
            id=PAYMENT,
            invoice_id=INVOICE,
            amount=Money("11.45", "USDT", network="tron"),
            status=PaymentStatus.CONFIRMED,
            paid_at=AT,
            reference="f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
        ),
        Payment(
            id="7d1e2f30-4b5c-4d6e-8f70-a1b2c3d4e5f7",
            amount=None,
            status=PaymentStatus.CONFIRMED,
            paid_at=datetime(2024, 2, 29, 14, 2, 59, tzinfo=UTC),
            reference="a0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f",
        ),
    ]


def test_null_counts_as_absent(gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]) -> None:
    """Whether an unbound payment has no `invoice` or an empty one is not documented."""
    tells("payments/list", [data_of("payments")[0] | {"invoice": None, "wallet": None}])

    (actual,) = gateway.list_payments()

    assert (actual.invoice_id, actual.amount) == (None, None)


@pytest.mark.parametrize(
    "blockchain, cryptocurrency, amount, expected",
    [
        ("tron", "usdt", "11.45000000", Money("11.45", "USDT", network="tron")),
        ("ethereum", "usdt", "11.45000000", Money("11.45", "USDT", network="ethereum")),
        ("bnbSmartChain", "usdt", "11.45000000", Money("11.45", "USDT", network="bsc")),
        ("ethereum", "eth", "0.00329601", Money("0.00329601", "ETH", network="ethereum")),
        ("bitcoin", "btc", "0.00019012", Money("0.00019012", "BTC")),
        ("solana", "usdc", "5.02000000", Money("5.02", "USDC", network="solana")),
        ("tron", "usdt", "11.45000001", Money("11.45000001", Currency("USDT", 8, "tron"))),
        ("polygonPos", "dai", "5.02000000", Money("5.02", Currency("DAI", 8, "polygon-pos"))),
        ("tron", "usdt", 11, Money("11", "USDT", network="tron")),
        ("tron", "US dollar (Tether)", "5.02000000", None),
        ("../", "usdt", "5.02000000", None),
        ("", "", "5.02000000", None),
    ],
)
def test_wallet_gives_the_amount_its_asset_and_chain(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    tells: Callable[..., None],
    data_of: Callable[[str], Any],
    blockchain: str,
    cryptocurrency: str,
    amount: Any,
    expected: Money | None,
) -> None:
    """M3: decimals belong to asset and chain; unknown ones are eight, and what is no asset's name gives None."""
    wallet = {"blockchain": blockchain, "cryptocurrency": cryptocurrency}
    tells("payments/list", [data_of("payments")[0] | {"amount": amount, "wallet": wallet}])

    (actual,) = gateway.list_payments()

    assert actual.amount == expected


def test_same_asset_on_another_chain_is_another_one(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """M4: a USDT on Tron does not pay for one on BSC."""
    answers("payments/list", example("payments"))

    bound = next(gateway.list_payments())

    assert compare(Money("11.45", "USDT", network="bsc"), bound.amount) is AmountVerdict.WRONG_CURRENCY


@pytest.mark.parametrize("amount", ["0.123456789", "1e3000", "-", "11,45", None, [], True], ids=repr)
def test_amount_that_cannot_be_is_refused(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], amount: Any
) -> None:
    """M2: nothing is rounded, and no float comes between."""
    tells("payments/list", [data_of("payments")[0] | {"amount": amount}])

    with pytest.raises(UnexpectedResponseError):
        list(gateway.list_payments())


@pytest.mark.parametrize("count, requests", [(0, 1), (9, 1), (10, 2), (25, 3)])
def test_pages_are_read_to_the_end(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    tells: Callable[..., None],
    sent: Callable[[], list[HttpRequest]],
    numbered: Callable[[int], list[dict[str, Any]]],
    count: int,
    requests: int,
) -> None:
    """R8: a page of ten may not be the last one; a shorter one is."""
    payments = numbered(count)
    tells("payments/list", *(payments[start : start + 10] for start in range(0, count + 1, 10)))

    found = [payment.id for payment in gateway.list_payments()]

    offsets = [fields_of(each)["offset"] for each in sent()]
    assert (found, offsets) == ([each["id"] for each in payments], [str(10 * page) for page in range(requests)])


def test_page_that_bitsby_cut_is_not_taken_for_the_last(
    connect: Callable[..., Gateway],
    tells: Callable[..., None],
    sent: Callable[[], list[HttpRequest]],
    numbered: Callable[[int], list[dict[str, Any]]],
) -> None:
    """R8: Bitsby's largest page is unknown. Whoever asks for more than its default reads on until a page is empty."""
    payments = numbered(40)
    tells("payments/list", payments[:25], payments[25:], [])

    found = list(connect(page_size=1000).list_payments())

    offsets = [fields_of(each)["offset"] for each in sent()]
    assert (len(found), offsets) == (40, ["0", "25", "40"])


def test_payments_behind_many_of_another_project_are_found(
    gateway: Gateway, tells: Callable[..., None], numbered: Callable[[int], list[dict[str, Any]]]
) -> None:
    """R8: pages that are empty for us only, because all on them is another project's, are no end of the list."""
    payments = numbered(1213)
    others = [
        each | {"invoice": each["invoice"] | {"projectId": "00000000-0000-4000-8000-00000000000f"}}
        for each in payments[:1210]
    ]
    listed = others + payments[1210:]
    tells("payments/list", *(listed[start : start + 10] for start in range(0, len(listed), 10)))

    found = [payment.id for payment in gateway.list_payments()]

    assert found == [each["id"] for each in payments[1210:]]


def test_list_that_moves_gives_nothing_twice(
    gateway: Gateway, tells: Callable[..., None], numbered: Callable[[int], list[dict[str, Any]]]
) -> None:
    """A payment that comes while the list is read pushes others onto the next page."""
    payments = numbered(15)
    tells("payments/list", payments[:10], payments[9:])

    found = [payment.id for payment in gateway.list_payments()]

    assert found == [each["id"] for each in payments]


def test_list_that_does_not_advance_is_an_error(
    gateway: Gateway, tells: Callable[..., None], numbered: Callable[[int], list[dict[str, Any]]]
) -> None:
    """R8: a server that ignores the offset would be read for ever."""
    tells("payments/list", numbered(10))

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        list(gateway.list_payments())


def test_page_that_fails_makes_the_list_fail(
    gateway: Gateway,
    answers: Callable[..., None],
    tells: Callable[..., None],
    example: Callable[[str], bytes],
    numbered: Callable[[int], list[dict[str, Any]]],
) -> None:
    """R8: never a list that is short without a word."""
    tells("payments/list", numbered(10))
    listing: Iterator[Payment] = gateway.list_payments()
    first = [next(listing) for _ in range(10)]
    answers("payments/list", example("too-frequent"))

    with pytest.raises(RateLimitedError):
        next(listing)

    assert len(first) == 10


@pytest.mark.parametrize(
    "query, count",
    [
        ({"since": AT}, 1),
        ({"since": AT.replace(second=8)}, 0),
        ({"until": AT}, 1),
        ({"until": AT.replace(second=8)}, 2),
        ({"since": AT.replace(hour=0), "until": AT.replace(hour=15, minute=0)}, 1),
        ({"invoice_id": INVOICE}, 1),
        ({"invoice_id": PAYMENT}, 0),
    ],
    ids=["since", "after", "until", "past", "between", "invoice", "other invoice"],
)
def test_filters_are_exact(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], query: dict[str, Any], count: int
) -> None:
    """From `since` on, before `until`: to the second, whatever Bitsby's own filters let through."""
    answers("payments/list", example("payments"))

    assert len(list(gateway.list_payments(**query))) == count


def test_payments_of_other_projects_are_left_out(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """A key opens the whole account; a payment that is bound to nothing may still be ours."""
    bound, unbound = data_of("payments")
    tells("payments/list", [bound | {"invoice": bound["invoice"] | {"projectId": PAYMENT}}, unbound])

    assert [payment.id for payment in gateway.list_payments()] == [unbound["id"]]


@pytest.mark.parametrize(
    "changes",
    [{"id": None}, {"id": ""}, {"transactionDatetime": "2024-02-29"}, {"hash": 7}, {"invoice": []}, {"wallet": "tron"}],
    ids=str,
)
def test_payment_that_does_not_fit_is_refused(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], changes: dict[str, Any]
) -> None:
    """Nothing is left out of a list because it could not be read."""
    tells("payments/list", [data_of("payments")[0] | changes])

    with pytest.raises(UnexpectedResponseError):
        list(gateway.list_payments())
