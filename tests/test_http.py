"""Requests are bytes that are the same each time, and show nothing of what they hold."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_core import HttpRequest, HttpResponse
from gateway_core.errors import InvalidRequestError
from gateway_core.models import Headers

BASE = "https://api.example.com/v1"
FORMS = [HttpRequest.form, HttpRequest.multipart]


def parts_of(request: HttpRequest) -> dict[str, str]:
    """Read a multipart body with Python's own parser."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()  # type: ignore[union-attr]  # bytes
        for part in message.iter_parts()
    }


@pytest.mark.parametrize(
    "method, safe", [("GET", True), ("HEAD", True), ("POST", False), ("DELETE", False), ("get", False)]
)
def test_what_reads_is_safe(method: str, safe: bool) -> None:
    """What happens after a lost answer depends on whether the request could change something."""
    actual = HttpRequest(method=method, url=BASE).safe

    assert actual is safe


def test_a_post_that_reads_may_say_so() -> None:
    """Some providers list by POST."""
    actual = HttpRequest.json("POST", BASE, {}, safe=True).safe

    assert actual is True


def test_reprs_show_no_secret_and_no_customer() -> None:
    """S1, S9: neither header values nor the query nor the body nor the key stand in a repr."""
    request = HttpRequest(
        method="POST",
        url=f"{BASE}/invoices?token=canary",
        headers={"Authorization": "Bearer canary"},
        body=b"canary",
        idempotency_key="canary",
    )
    response = HttpResponse(status=200, headers={"Set-Cookie": "canary"}, body=b"canary")

    actual = f"{request}\n{response}"

    assert actual == (
        f"HttpRequest(method='POST', url='{BASE}/invoices', headers=<Headers authorization>, body=<6 bytes>,"
        " safe=False)"
        "\nHttpResponse(status=200, headers=<Headers set-cookie>, body=<6 bytes>)"
    )


@pytest.mark.parametrize(
    "status, ok", [(199, False), (200, True), (204, True), (299, True), (300, False), (404, False)]
)
def test_2xx_is_ok(status: int, ok: bool) -> None:
    """Success is 2xx."""
    actual = HttpResponse(status=status).ok

    assert actual is ok


def test_json_is_exact() -> None:
    """M5: a Decimal goes out in plain digits."""
    request = HttpRequest.json(
        "POST", BASE, {"total": Decimal("1E+2"), "note": "ü"}, headers={"X-Key": "k"}, idempotency_key="1042"
    )

    actual = request.body, request.headers.pairs, request.idempotency_key, request.safe

    assert actual == (
        b'{"total": 100, "note": "\\u00fc"}',
        (("Content-Type", "application/json"), ("X-Key", "k")),
        "1042",
        False,
    )


@pytest.mark.parametrize("value", [1.5, {"a": [float("nan")]}, {"a": {1, 2}}, "\ud800", {1: 2}], ids=ascii)
def test_json_without_an_exact_form_is_refused(value: Any) -> None:
    """M1: a float is refused before anything is sent, with our error."""
    with pytest.raises(InvalidRequestError) as caught:
        HttpRequest.json("POST", BASE, value)

    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_forms_are_read_back(fields: dict[str, str]) -> None:
    """A form holds its names and values exactly, whatever stands in them."""
    request = HttpRequest.form("POST", BASE, fields)

    actual = parse_qsl(request.body.decode("ascii"), keep_blank_values=True)

    assert (dict(actual), request.headers["content-type"]) == (fields, "application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"total": "49.90", "note": "Grüße, 日本"},
        {"a": "", "b": "--", "c": "\r\n--boundary--\r\n"},
        {'na"me': "x", "na\r\nme: y": "z"},
    ],
    ids=range(4),
)
def test_multipart_is_read_back(fields: dict[str, str]) -> None:
    """A multipart body holds its values exactly, and no name breaks out of its line."""
    actual = parts_of(HttpRequest.multipart("POST", BASE, fields))

    assert {unquote(name): value for name, value in actual.items()} == fields


def test_multipart_is_the_same_each_time() -> None:
    """The same fields give the same bytes, other fields another boundary."""
    made = [HttpRequest.multipart("POST", BASE, {"a": value}) for value in ("1", "1", "2")]

    actual = [made[0] == made[1], made[0].headers["content-type"] == made[2].headers["content-type"]]

    assert actual == [True, False]


@pytest.mark.parametrize("make", FORMS)
@pytest.mark.parametrize(
    "fields",
    [
        {"a": 1},
        {"a": None},
        {"a": True},
        {"a": Decimal("1E+2")},
        {"a": b"x"},
        {1: "a"},
        {"a": "\ud800"},
        {"\udfff": "a"},
    ],
    ids=ascii,
)
def test_forms_hold_text_only(make: Callable[..., HttpRequest], fields: Any) -> None:
    """M5: what Python would write for None, a bool or a Decimal is not what the provider reads."""
    with pytest.raises(InvalidRequestError):
        make("POST", BASE, fields)


@pytest.mark.parametrize("make", [*FORMS, HttpRequest.json])
def test_bodies_have_their_type_first(make: Callable[..., HttpRequest]) -> None:
    """Other headers follow that of the type, and keys of idempotency are kept."""
    request = make("POST", BASE, {"a": "b"}, headers=[("X-Key", "k")], idempotency_key="1042", safe=True)

    actual = [name for name, _ in request.headers.pairs], request.idempotency_key, request.safe

    assert actual == (["Content-Type", "X-Key"], "1042", True)


def test_requests_are_frozen() -> None:
    """What is signed is what is sent."""
    request = HttpRequest(method="GET", url=BASE)

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.body = b"other"  # type: ignore[misc]  # the mistake that is tested


def test_headers_may_be_given_in_any_shape() -> None:
    """A mapping or pairs will do."""
    actual = HttpRequest(method="GET", url=BASE, headers={"A": "b"}).headers

    assert actual == Headers([("a", "b")])
