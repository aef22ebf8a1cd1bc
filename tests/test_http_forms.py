"""Nested values in a flat form, and the keys of what is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import HttpRequest
from gateway_core.errors import InvalidRequestError
from gateway_core.http import bracketed, endpoint, idempotency_key
from gateway_core.testing import fields_of, nested

NAMES = st.text(st.characters(exclude_characters="[]", exclude_categories=["Cs"]), min_size=1)
TREES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: st.dictionaries(NAMES, below, min_size=1, max_size=4) | st.lists(below, min_size=1, max_size=4),
    max_leaves=12,
)


def numbered(tree: Any) -> Any:
    """Return the tree as a provider reads it, that knows a list by its numbers only."""
    if isinstance(tree, list):
        tree = {str(number): each for number, each in enumerate(tree)}
    return {name: numbered(each) for name, each in tree.items()} if isinstance(tree, dict) else tree


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_a_nested_form_is_read_as_it_was_written(tree: dict[str, Any]) -> None:
    """No name or value of it can become another field."""
    request = HttpRequest.form("POST", "https://api.example.com", bracketed(tree))

    assert nested(fields_of(request)) == numbered(tree)


def test_values_are_written_as_providers_read_them() -> None:
    """A bool is a word in small letters, a Decimal is plain digits, and what is None is not there."""
    fields = {"a": True, "b": [False, 5, None], "c": {"d": Decimal("1E-8"), "e": Decimal("1E+3")}, "f": None, "g": {}}

    assert bracketed(fields) == {"a": "true", "b[0]": "false", "b[1]": "5", "c[d]": "0.00000001", "c[e]": "1000"}


def test_a_query_takes_them_too() -> None:
    """Filters of lists are written in the same way."""
    url = endpoint("https://api.example.com", "charges", query=bracketed({"created": {"gte": 5, "lt": 7}}))

    assert parse_qsl(url.partition("?")[2]) == [("created[gte]", "5"), ("created[lt]", "7")]


@pytest.mark.parametrize(
    "fields",
    [
        {"a": 0.5},
        {"a": Decimal("NaN")},
        {"a": b"x"},
        {"a": {"b": {1, 2}}},
        {"a": "\ud800"},
        {"": "x"},
        {"a": {"": "x"}},
        {"a[b]": "x"},
        {"metadata": {"x][amount": "1"}},
        {"a": {None: "x"}},
    ],
)
def test_what_would_become_something_else_is_refused(fields: dict[str, Any]) -> None:
    """A float is no amount, and a customer's text in a name must not write another field."""
    with pytest.raises(InvalidRequestError):
        bracketed(fields)


def test_fields_without_end_are_refused() -> None:
    """A value that holds itself ends in an error of ours."""
    fields: dict[str, Any] = {}
    fields["a"] = fields

    with pytest.raises(InvalidRequestError, match="too deep"):
        bracketed(fields)


def test_each_thing_has_a_key_of_its_own() -> None:
    """A refund is no order, and where one name ends and the next begins is part of the key."""
    keys = {
        idempotency_key("create", "1042"),
        idempotency_key("refund", "1042"),
        idempotency_key("create", "10", "42"),
        idempotency_key("create", "1", "042"),
    }

    assert len(keys) == 4
    assert all(len(key) == 64 and key.isascii() and key.isalnum() for key in keys)
