"""An order and an attempt have one text at the provider, and each text is one order and one attempt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import InvoiceRequest, Money, order_reference, parse_reference
from gateway_core.errors import InvalidRequestError

ORDERS = st.text(st.sampled_from("a~0129 é"), min_size=1, max_size=12).filter(lambda text: text == text.strip())
ATTEMPTS = st.integers(1, 300)


@pytest.mark.parametrize(
    "order_id, attempt, expected",
    [
        ("1042", 1, "1042"),
        ("1042", 2, "1042~2"),
        ("1042", 17, "1042~17"),
        ("a~2", 1, "a~2~1"),
        ("a~2", 3, "a~2~3"),
        ("a~02", 1, "a~02~1"),
        ("a~", 1, "a~"),
        ("a~x", 1, "a~x"),
        ("a~²", 1, "a~²"),
        ("~2", 1, "~2~1"),
    ],
)
def test_reference_names_order_and_attempt(order_id: str, attempt: int, expected: str) -> None:
    """The first attempt is the order id itself, unless that looks like a later attempt of another order."""
    actual = order_reference(order_id, attempt), parse_reference(expected)

    assert actual == (expected, (order_id, attempt))


@given(ORDERS, ATTEMPTS)
def test_reference_can_be_read_back(order_id: str, attempt: int) -> None:
    """What was written is read as what it was written of, so no two orders or attempts share a reference."""
    actual = parse_reference(order_reference(order_id, attempt))

    assert actual == (order_id, attempt)


@pytest.mark.parametrize(
    "text", ["~2", "a~0", "a~02", "a~1", "a~" + "9" * 5000, "a~-2", "a~2.0", "a~٢", "a~2147483648"]
)
def test_text_of_others_is_an_order_id(text: str) -> None:
    """What `order_reference` never wrote is somebody's order id, whole."""
    actual = parse_reference(text)

    assert actual == (text, 1)


@pytest.mark.parametrize("attempt", [0, -1, 1.0, True, "2", None, 2**31], ids=repr)
def test_what_is_no_attempt_is_refused(attempt: Any) -> None:
    """Attempts are counted from 1, and fit a column of 32 bits."""
    with pytest.raises(InvalidRequestError, match="attempt must be an int, 1 to"):
        order_reference("1042", attempt)


def test_what_is_no_order_is_refused() -> None:
    """An empty order has no reference."""
    with pytest.raises(InvalidRequestError, match="order_id must be text"):
        order_reference("", 2)


def test_request_tells_its_reference() -> None:
    """Plugins put it where the provider keeps the order's key."""
    actual = InvoiceRequest(order_id="1042", amount=Money(1, "EUR"), attempt=2).reference

    assert actual == "1042~2"


def test_another_attempt_is_another_request() -> None:
    """The attempt is part of what makes a request the same."""
    first, second = (InvoiceRequest(order_id="1042", amount=Money(1, "EUR"), attempt=number) for number in (1, 2))

    assert first != second


@pytest.mark.parametrize("text", [None, ""])
def test_an_invoice_without_a_reference_has_no_order(text: str | None) -> None:
    """Somebody else may have made it, in the provider's dashboard for one."""
    assert parse_reference(text) == (None, None)
