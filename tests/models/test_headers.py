"""Headers are kept as they were sent: in any case, repeated, in their order, and unseen."""

from __future__ import annotations

import copy
import pickle
import time
from typing import Any

import pytest

from gateway_core.errors import InvalidRequestError
from gateway_core.models import Headers

PAIRS = (("X-Signature", "first"), ("content-type", "text/plain"), ("x-signature", "second"))


@pytest.mark.parametrize(
    "given",
    [
        PAIRS,
        list(PAIRS),
        iter(PAIRS),
        [list(pair) for pair in PAIRS],
        Headers(PAIRS),
        {"x-Signature": ["first", "second"], "Content-Type": "text/plain"},
        {"X-Signature": ("first", "second"), "Content-Type": ("text/plain",)},
    ],
    ids=["tuple", "list", "iterator", "lists", "Headers", "mapping of lists", "mapping of tuples"],
)
def test_headers_come_in_many_shapes(given: Any) -> None:
    """W9: pairs or a mapping, names in any case, several values."""
    headers = Headers(given)

    actual = headers.get_all("X-SIGNATURE"), headers["CONTENT-TYPE"], list(headers), len(headers)

    assert actual == (("first", "second"), "text/plain", ["x-signature", "content-type"], 2)


def test_pairs_are_kept_as_they_came() -> None:
    """Names keep their case where they are sent on."""
    actual = Headers(PAIRS).pairs

    assert actual == PAIRS


@pytest.mark.parametrize(
    "name, expected", [("x-signature", "first"), ("X-SIGNATURE", "first"), ("x-other", None), ("", None)]
)
def test_the_first_value_is_the_value(name: str, expected: str | None) -> None:
    """W9: a second value never takes the place of the first."""
    headers = Headers(PAIRS)

    actual = headers.get(name), name in headers

    assert actual == (expected, expected is not None)


def test_absent_headers_have_no_values() -> None:
    """What is not there is an empty tuple, or a KeyError."""
    headers = Headers()

    with pytest.raises(KeyError):
        headers["x"]

    assert headers.get_all("x") == ()


@pytest.mark.parametrize(
    "given",
    [
        None,
        5,
        "Name: value",
        b"x",
        {"a": None},
        {"a": 5},
        {"a": b"x"},
        {"a": [b"x"]},
        {5: "a"},
        [("a",)],
        [("a", "b", "c")],
        ["ab"],
        [(b"a", b"b")],
        [("a", 5)],
        [(None, "a")],
    ],
    ids=repr,
)
def test_headers_are_text(given: Any) -> None:
    """W9: anything else is refused with our error, such as the bytes of ASGI."""
    with pytest.raises(InvalidRequestError, match="text"):
        Headers(given)


def test_reprs_show_no_values() -> None:
    """S1: values hold keys and signatures."""
    actual = repr(Headers(PAIRS))

    assert actual == "<Headers x-signature, content-type>"


@pytest.mark.parametrize(
    "other, expected",
    [
        (Headers([("CONTENT-TYPE", "text/plain"), ("x-signature", "first"), ("X-Signature", "second")]), True),
        (Headers([("content-type", "text/plain"), ("x-signature", "second"), ("x-signature", "first")]), False),
        (Headers(), False),
        ({"x-signature": "first", "content-type": "text/plain"}, False),
    ],
)
def test_equality_ignores_case_and_order_of_names(other: object, expected: bool) -> None:
    """The order of values of one name counts, that of different names does not."""
    actual = Headers(PAIRS) == other, hash(Headers(PAIRS)) == hash(other) if isinstance(other, Headers) else False

    assert actual == (expected, expected)


def test_headers_can_be_copied_and_pickled() -> None:
    """A webhook request can wait in a queue."""
    headers = Headers(PAIRS)

    actual = copy.deepcopy(headers), pickle.loads(pickle.dumps(headers))  # noqa: S301  # our own

    assert actual == (headers, headers)


def test_many_headers_cost_linear_time() -> None:
    """W9: a hundred thousand repetitions of one header are read in well under a second."""
    start = time.process_time()

    actual = len(Headers([("X-Signature", "a")] * 100_000).get_all("x-signature"))

    assert (actual, time.process_time() - start < 2) == (100_000, True)
