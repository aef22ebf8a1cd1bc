"""Subscriptions, page by page: as payments, and as what they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_azothpay import Subscription
from gateway_core import Gateway, HttpRequest, Payment, PaymentStatus
from gateway_core.errors import NotFoundError, ProviderUnavailableError, UnexpectedResponseError
from gateway_core.errors import UnsupportedOperationError as Unsupported
from gateway_core.testing import query_of

TX = "0x" + "1234567890abcdef" * 4
FIRST = datetime(2023, 12, 23, 10, 5, 7, 123456, tzinfo=UTC)
SECOND = datetime(2023, 12, 24, tzinfo=UTC)

Sent = Callable[[], list[HttpRequest]]


@pytest.fixture
def page(example: Callable[[str], bytes]) -> Callable[..., bytes]:
    """Give a maker of pages: which one of how many, and the ids of what is on it."""
    (first, _) = json.loads(example("subscriptions"))["items"]

    def page(number: int, pages: int, ids: range | list[int], **more: Any) -> bytes:
        items = [first | {"id": each} for each in ids]
        numbers = {"totalCount": pages * len(ids), "page": number, "limit": len(ids), "totalPages": pages}
        merged = {"items": items} | numbers | more
        return json.dumps({key: value for key, value in merged.items() if value is not ...}).encode()

    return page


def test_subscriptions_are_listed_as_payments(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """Neither amount nor invoice is invented; without its transaction nobody knows whether money came."""
    answers("api/subscriptions", example("subscriptions"))

    actual = list(gateway.list_payments())

    assert actual == [
        Payment(id="77", amount=None, status=PaymentStatus.CONFIRMED, paid_at=FIRST, reference=TX),
        Payment(id="78", amount=None, status=PaymentStatus.UNKNOWN, paid_at=SECOND),
    ]
    assert [each.raw for each in actual] == json.loads(example("subscriptions"))["items"]


def test_subscriptions_are_listed_as_what_they_are(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """With chain, token and payer, as far as AzothPay tells."""
    answers("api/subscriptions", example("subscriptions"))

    actual = gateway.run(gateway.provider.list_subscriptions())

    first = Subscription(
        id="77",
        active=True,
        chain_id=137,
        network="polygon",
        token="USDC",
        tx=TX,
        payer_address="0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        telegram_user_id=987654321,
        created_at=FIRST,
    )
    second = Subscription(
        id="78",
        active=False,
        chain_id=56,
        network="bsc",
        token=None,
        tx=None,
        payer_address=None,
        telegram_user_id=987654321,
        created_at=SECOND,
    )
    assert (actual.items, actual.next_cursor) == ((first, second), None)


def test_one_subscription_is_told(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """By its id; who pays stands in no text of it."""
    answers("api/subscriptions/77", example("subscription"))

    actual = gateway.run(gateway.provider.get_subscription("77"))

    assert (actual.id, actual.active, actual.raw) == ("77", True, json.loads(example("subscription")))
    assert [each for each in ("987654321", "0xfB69") if each in repr(actual)] == []


def test_chain_without_a_name_keeps_its_number(
    gateway: Gateway, answers: Callable[..., None], changed: Callable[..., bytes]
) -> None:
    """A chain that is new to us is no error."""
    answers("api/subscriptions/77", changed("subscription", chainId=999999))

    actual = gateway.run(gateway.provider.get_subscription("77"))

    assert (actual.chain_id, actual.network) == (999999, None)


@pytest.mark.parametrize(
    "changes",
    [{"isActive": 1}, {"isActive": ...}, {"chainId": "137"}, {"createdAt": None}, {"tx": 7}, {"id": 78}],
    ids=str,
)
def test_subscription_of_a_wrong_form_is_refused(
    gateway: Gateway, answers: Callable[..., None], changed: Callable[..., bytes], changes: dict[str, Any]
) -> None:
    """Another one than was asked for, too."""
    answers("api/subscriptions/77", changed("subscription", **changes))

    with pytest.raises(UnexpectedResponseError):
        gateway.run(gateway.provider.get_subscription("77"))


def test_unknown_subscription_is_not_found(gateway: Gateway, answers: Callable[..., None]) -> None:
    """As AzothPay says."""
    answers("api/subscriptions/77", b"", status=404)

    with pytest.raises(NotFoundError):
        gateway.run(gateway.provider.get_subscription("77"))


def test_payments_of_one_invoice_cannot_be_listed(gateway: Gateway, sent: Sent) -> None:
    """Neither an empty list nor everybody's would be true."""
    with pytest.raises(Unsupported, match="does not tell which invoice"):
        list(gateway.list_payments(invoice_id="4242"))

    assert sent() == []


@pytest.mark.parametrize(
    "since, until, expected",
    [
        (FIRST, None, ["77", "78"]),
        (FIRST.replace(microsecond=123457), None, ["78"]),
        (None, SECOND, ["77"]),
        (FIRST, SECOND, ["77"]),
        (SECOND, None, ["78"]),
        (datetime(2024, 1, 1, tzinfo=UTC), None, []),
    ],
    ids=str,
)
def test_time_is_filtered_exactly(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    since: datetime | None,
    until: datetime | None,
    expected: list[str],
) -> None:
    """AzothPay cannot filter: `since` counts, `until` does not."""
    answers("api/subscriptions", example("subscriptions"))

    assert [each.id for each in gateway.list_payments(since=since, until=until)] == expected


def test_every_page_is_read(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes], sent: Sent
) -> None:
    """Until the last one by AzothPay's own count, whatever is filtered out on the way."""
    answers("api/subscriptions", page(1, 3, range(2)), page(2, 3, range(2, 4)), page(3, 3, range(4, 6)))

    actual = [each.id for each in gateway.list_payments()]

    asked = [query_of(each)["page"] for each in sent()]
    assert (actual, asked) == (["0", "1", "2", "3", "4", "5"], ["1", "2", "3"])


def test_page_in_the_middle_may_be_empty(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes]
) -> None:
    """What was filtered out, or is gone, does not end the list."""
    answers("api/subscriptions", page(1, 3, [1]), page(2, 3, [1], items=[]), page(3, 3, [3]))

    assert [each.id for each in gateway.list_payments()] == ["1", "3"]


@pytest.mark.parametrize("name", ["items", "data", "subscriptions", "results"])
def test_items_may_have_another_name(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes], name: str
) -> None:
    """What the list is called is lost in the documentation."""
    (item,) = json.loads(page(1, 1, [7]))["items"]
    answers("api/subscriptions", page(1, 1, [7], **{"items": ..., name: [item]}))

    assert [each.id for each in gateway.list_payments()] == ["7"]


def test_known_name_stands_over_another_list(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes]
) -> None:
    """`items` are the items, whatever other lists come with them."""
    answers("api/subscriptions", page(1, 1, [7], links=[], errors=[]))

    assert [each.id for each in gateway.list_payments()] == ["7"]


@pytest.mark.parametrize("items", [[], None, ...], ids=str)
def test_list_may_be_empty(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes], items: Any
) -> None:
    """If AzothPay counts none."""
    answers("api/subscriptions", page(1, 0, [], items=items, limit=50))

    assert list(gateway.list_payments()) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"items": ...},
        {"items": None},
        {"items": {}},
        {"items": ..., "one": [], "other": []},
        {"items": [7]},
        {"items": [{"id": 7}]},
        {"page": 2},
        {"page": "1"},
        {"page": ...},
        {"totalPages": 0},
        {"totalPages": None},
        {"totalCount": 3},
        {"totalCount": ...},
        {"limit": 0},
        {"limit": ...},
    ],
    ids=str,
)
def test_list_never_ends_early_without_an_error(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes], changes: dict[str, Any]
) -> None:
    """An answer whose parts contradict each other, or another page than the one asked for, is no end of a list."""
    answers("api/subscriptions", page(1, 1, [1, 2], **changes))

    with pytest.raises(UnexpectedResponseError):
        list(gateway.list_payments())


def test_same_page_again_is_an_error(
    gateway: Gateway, answers: Callable[..., None], page: Callable[..., bytes]
) -> None:
    """A list that does not advance would be read for ever."""
    answers("api/subscriptions", *(page(number, 9, [1, 2]) for number in (1, 2, 3, 4)))

    with pytest.raises(UnexpectedResponseError, match="does not advance"):
        list(gateway.list_payments())


def test_failure_in_the_middle_is_an_error(
    gateway: Gateway, mocker: Any, answers: Callable[..., None], page: Callable[..., bytes]
) -> None:
    """What was read so far is not the list."""
    responses = [{"content": page(1, 2, [1])}, {"status_code": 500}]
    mocker.get("https://invoice-api.example/api/subscriptions", responses)

    with pytest.raises(ProviderUnavailableError):
        list(gateway.list_payments())


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"{}", b'{"page": 1}'])
def test_account_is_not_good_where_something_else_answers(
    gateway: Gateway, answers: Callable[..., None], body: bytes
) -> None:
    """The base address is no documented one, so `gateway doctor` has to see that AzothPay is there."""
    answers("api/subscriptions", body)

    with pytest.raises(UnexpectedResponseError):
        gateway.check_account()
