"""Emulators read what plugins write, field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import HttpRequest
from gateway_core.http import endpoint
from gateway_core.testing import fields_of, query_of

_URL = "http://127.0.0.1/api"

_texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text("\r\n-x")
_names = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1)


@given(st.dictionaries(_names, _texts))
def test_urlencoded_form_is_read_as_it_was_written(fields: dict[str, str]) -> None:
    """Every text survives a urlencoded form."""
    request = HttpRequest.form("POST", _URL, fields)

    assert fields_of(request) == fields


@given(st.dictionaries(_names, _texts))
def test_multipart_form_is_read_as_it_was_written(fields: dict[str, str]) -> None:
    """Every text survives a multipart form."""
    request = HttpRequest.multipart("POST", _URL, fields)

    assert fields_of(request) == fields


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(method="POST", url=_URL, body=b"a=1"),
        HttpRequest.json("POST", _URL, {"a": "1"}),
        HttpRequest(method="POST", url=_URL, headers={"Content-Type": "multipart/form-data"}, body=b"a=1"),
    ],
    ids=["no type", "json", "no boundary"],
)
def test_other_bodies_have_no_fields(request_: HttpRequest) -> None:
    """What is no form has no fields."""
    assert fields_of(request_) == {}


def test_query_is_read_decoded() -> None:
    """A query's values are decoded, and empty ones are kept."""
    request = HttpRequest(method="GET", url=endpoint(_URL, "list", query={"since": "2026-11-21T08:00+01:00", "q": ""}))

    assert query_of(request) == {"since": "2026-11-21T08:00+01:00", "q": ""}
