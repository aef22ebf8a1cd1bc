"""The sandbox's API: what each address answers, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import HttpRequest, HttpResponse
from gateway_core.testing import ManualClock
from gateway_core.wire import loads
from gateway_sandbox.emulator import SandboxEmulator

Call = Callable[..., HttpResponse]

_BILL = {"order_id": "1042", "amount": {"amount": "49.90", "currency": "EUR"}}
_REFUND = {"invoice_id": "inv_1", "amount": {"amount": "1", "currency": "EUR"}}


def _error(response: HttpResponse) -> tuple[int, str, str | None]:
    error = loads(response.body)["error"]
    return response.status, error["code"], error.get("field")


def _bill(call: Call, **more: Any) -> dict[str, Any]:
    response = call("POST", "/v1/invoices", {**_BILL, **more})
    assert response.status == 201
    made: dict[str, Any] = loads(response.body)
    return made


def test_invoice_has_its_documented_shape(call: Call, emulator: SandboxEmulator, clock: ManualClock) -> None:
    """A new invoice is answered with 201 and these fields, amounts as text, times in UTC."""
    now = clock().isoformat().replace("+00:00", "Z")

    made = _bill(call, description="Two books", metadata={"a": "b"}, return_url="https://shop.example/", expires_in=60)

    invoice_id, checkout_url, expires_at = made.pop("id"), made.pop("checkout_url"), made.pop("expires_at")
    assert invoice_id.startswith("inv_")
    assert checkout_url.startswith(f"{emulator.checkout_url}/")
    assert expires_at > now
    assert made == {
        "order_id": "1042",
        "status": "open",
        "amount": {"amount": "49.90", "currency": "EUR"},
        "received": {"amount": "0.00", "currency": "EUR"},
        "refunded": {"amount": "0.00", "currency": "EUR"},
        "description": "Two books",
        "return_url": "https://shop.example/",
        "metadata": {"a": "b"},
        "capture": "automatic",
        "dispute": None,
        "created_at": now,
    }


def test_invoice_is_read_as_it_was_made(call: Call) -> None:
    """An invoice reads the same by its id, and in the list of its order."""
    made = _bill(call)
    _bill(call, order_id="1043")

    by_id = call("GET", f"/v1/invoices/{made['id']}")
    by_order = call("GET", "/v1/invoices", query={"order_id": "1042"})

    assert loads(by_id.body) == made
    assert loads(by_order.body) == {"data": [made], "next_cursor": None}


def test_payment_has_its_documented_shape(call: Call, emulator: SandboxEmulator, clock: ManualClock) -> None:
    """A payment is listed with these fields."""
    made = _bill(call, amount={"amount": "5", "currency": "USDT", "network": "tron"})
    paid = emulator.pay(made["checkout_url"].rpartition("/")[2])

    (listed,) = loads(call("GET", "/v1/payments").body)["data"]

    assert listed == {
        "id": paid.id,
        "invoice_id": made["id"],
        "amount": {"amount": "5.000000", "currency": "USDT", "network": "tron"},
        "status": "succeeded",
        "reference": paid.reference,
        "created_at": clock().isoformat().replace("+00:00", "Z"),
    }


def test_refund_has_its_documented_shape(call: Call, emulator: SandboxEmulator, clock: ManualClock) -> None:
    """A refund is answered with 201 and these fields."""
    made = _bill(call)
    emulator.pay(made["checkout_url"].rpartition("/")[2])
    content = {"invoice_id": made["id"], "amount": {"amount": "9.9", "currency": "EUR"}, "reason": "late"}

    response = call("POST", "/v1/refunds", content)

    refund = loads(response.body)
    assert (response.status, refund.pop("id")[:3]) == (201, "re_")
    assert refund == {
        "invoice_id": made["id"],
        "amount": {"amount": "9.90", "currency": "EUR"},
        "status": "succeeded",
        "reference": None,
        "reason": "late",
        "created_at": clock().isoformat().replace("+00:00", "Z"),
    }


def test_account_tells_who_it_is(call: Call, emulator: SandboxEmulator) -> None:
    """The account keeps its id."""
    first, second = (loads(call("GET", "/v1/account").body) for _ in range(2))

    assert first == second
    assert first["id"].startswith("acct_")
    assert (first["live"], first["webhook_url"]) == (False, emulator.webhook_url)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": "{key}"},
        {"Authorization": "bearer {key}"},
        {"Authorization": "Bearer {key} "},
        {"Authorization": "Bearer {key}x"},
        {"Authorization": "Bearer schlüssel\udcff"},
        {"Authorization": "Basic {key}"},
        {"Authorization": ["Bearer {key}", "Bearer {key}"]},
        {"X-API-Key": "{key}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/v1/account", "/v1/nothing"])
def test_stranger_learns_nothing(emulator: SandboxEmulator, headers: dict[str, Any], path: str) -> None:
    """Without exactly the account's key every address below /v1 is 401, with JSON that says what to send."""
    key = emulator.credentials["api_key"]
    filled = {
        name: [each.replace("{key}", key) for each in ([value] if isinstance(value, str) else value)]
        for name, value in headers.items()
    }

    response = emulator.handle(HttpRequest(method="GET", url=f"http://127.0.0.1{path}", headers=filled))

    assert _error(response) == (401, "unauthorized", None)
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert key.encode() not in response.body


@pytest.mark.parametrize(
    "path",
    ["/", "/v2/account", "/v1", "/v1/", "/v1/invoices/", "/v1/invoices/inv_1/pay", "/v1/invoices/inv_1", "/v1/Account"],
)
def test_unknown_address_is_not_found(call: Call, path: str) -> None:
    """What is not there is 404."""
    response = call("GET", path)

    assert _error(response) == (404, "not_found", None)


@pytest.mark.parametrize(
    "method,path,allowed",
    [
        ("DELETE", "/v1/invoices", "GET, POST"),
        ("PUT", "/v1/invoices/inv_1", "GET"),
        ("GET", "/v1/invoices/inv_1/cancel", "POST"),
        ("POST", "/v1/payments", "GET"),
        ("GET", "/v1/refunds", "POST"),
        ("HEAD", "/v1/account", "GET"),
    ],
)
def test_wrong_method_is_told_the_right_ones(call: Call, method: str, path: str, allowed: str) -> None:
    """A method that an address does not have is 405, with those that it has."""
    response = call(method, path)

    assert _error(response) == (405, "method_not_allowed", None)
    assert response.headers["Allow"] == allowed


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/refunds", "/v1/invoices/inv_1/cancel"])
@pytest.mark.parametrize(
    "content_type,body,expected",
    [
        ("application/x-www-form-urlencoded", b"a=1", (415, "unsupported_media_type", None)),
        ("text/plain", b"{}", (415, "unsupported_media_type", None)),
        ("", b"{}", (415, "unsupported_media_type", None)),
        ("application/json", b"{" + b" " * (64 * 1024) + b"}", (413, "payload_too_large", None)),
        ("application/json", b"{", (400, "invalid_json", None)),
        ("application/json", b"{'a': 1}", (400, "invalid_json", None)),
        ("application/json", b'{"a": 1, "a": 2}', (400, "invalid_json", None)),
        ("application/json", b'{"a": NaN}', (400, "invalid_json", None)),
        ("application/json", b'{"a": "\xff"}', (400, "invalid_json", None)),
        ("application/json", b"[" * 60_000, (400, "invalid_json", None)),
        ("application/json; charset=utf-8", b"[]", (422, "invalid_field", None)),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_bad_body_is_refused(
    emulator: SandboxEmulator, path: str, content_type: str, body: bytes, expected: tuple[int, str, None]
) -> None:
    """W10's rules hold for the sandbox too: small, strict JSON, declared as such, and an object."""
    headers = {"Authorization": f"Bearer {emulator.credentials['api_key']}", "Content-Type": content_type}

    response = emulator.handle(HttpRequest(method="POST", url=f"http://127.0.0.1{path}", headers=headers, body=body))

    assert _error(response) == expected


@pytest.mark.parametrize(
    "change,code,field",
    [
        ({"order_id": None}, "missing_field", "order_id"),
        ({"order_id": ""}, "missing_field", "order_id"),
        ({"order_id": 7}, "invalid_field", "order_id"),
        ({"order_id": "x" * 256}, "invalid_field", "order_id"),
        ({"order_id": "a\nb"}, "invalid_field", "order_id"),
        ({"amount": None}, "invalid_field", "amount"),
        ({"amount": "49.90"}, "invalid_field", "amount"),
        ({"amount": {"currency": "EUR"}}, "missing_field", "amount.amount"),
        ({"amount": {"amount": "1"}}, "missing_field", "amount.currency"),
        ({"amount": {"amount": 1, "currency": "EUR"}}, "invalid_field", "amount.amount"),
        ({"amount": {"amount": "1e2", "currency": "EUR"}}, "invalid_field", "amount.amount"),
        ({"amount": {"amount": "-1", "currency": "EUR"}}, "invalid_field", "amount.amount"),
        ({"amount": {"amount": "1,5", "currency": "EUR"}}, "invalid_field", "amount.amount"),
        ({"amount": {"amount": "١", "currency": "EUR"}}, "invalid_field", "amount.amount"),
        ({"amount": {"amount": "0.00", "currency": "EUR"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1.001", "currency": "EUR"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1.5", "currency": "JPY"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1", "currency": "eur"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1", "currency": "XAU"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1", "currency": "USDT"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1", "currency": "EUR", "network": "tron"}}, "invalid_field", "amount"),
        ({"amount": {"amount": "1", "currency": "EUR", "tax": "0"}}, "unknown_field", "amount.tax"),
        ({"description": ["a"]}, "invalid_field", "description"),
        ({"description": "x" * 1001}, "invalid_field", "description"),
        ({"return_url": "javascript:alert(1)"}, "invalid_field", "return_url"),
        ({"return_url": "http://[::1"}, "invalid_field", "return_url"),
        ({"return_url": "https://"}, "invalid_field", "return_url"),
        ({"expires_in": 0}, "invalid_field", "expires_in"),
        ({"expires_in": "60"}, "invalid_field", "expires_in"),
        ({"expires_in": True}, "invalid_field", "expires_in"),
        ({"expires_in": 31_536_001}, "invalid_field", "expires_in"),
        ({"metadata": []}, "invalid_field", "metadata"),
        ({"metadata": ["a"]}, "invalid_field", "metadata"),
        ({"metadata": {"a": 1}}, "invalid_field", "metadata"),
        ({"metadata": {"a": "x" * 1001}}, "invalid_field", "metadata"),
        ({"metadata": {str(number): "" for number in range(51)}}, "invalid_field", "metadata"),
        ({"colour": "red"}, "unknown_field", "colour"),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_wrong_field_is_named(call: Call, change: dict[str, Any], code: str, field: str) -> None:
    """A field that is missing, wrong or unknown is 422 with its name, and nothing is made."""
    response = call("POST", "/v1/invoices", {**_BILL, **change})

    assert _error(response) == (422, code, field)
    assert loads(call("GET", "/v1/invoices").body)["data"] == []


@pytest.mark.parametrize("field", ["order_id", "amount"])
def test_missing_field_is_named(call: Call, field: str) -> None:
    """An order and an amount are what an invoice needs."""
    content = {name: value for name, value in _BILL.items() if name != field}

    response = call("POST", "/v1/invoices", content)

    assert _error(response) == (422, "missing_field", field)


def test_cancel_takes_no_fields(call: Call) -> None:
    """Canceling needs no content, takes an empty object, and refuses any field."""
    path = f"/v1/invoices/{_bill(call)['id']}/cancel"

    refused, empty, without = (call("POST", path, content) for content in ({"why": "x"}, {}, None))

    assert _error(refused) == (422, "unknown_field", "why")
    assert (empty.status, without.status) == (200, 200)


@pytest.mark.parametrize(
    "change,expected",
    [
        ({"invoice_id": None}, (422, "missing_field", "invoice_id")),
        ({}, (404, "not_found", None)),
        ({"amount": {"amount": "0", "currency": "EUR"}}, (422, "invalid_field", "amount")),
        ({"reference": 7}, (422, "invalid_field", "reference")),
        ({"order_id": "1"}, (422, "unknown_field", "order_id")),
    ],
)
def test_wrong_refund_is_named(call: Call, change: dict[str, Any], expected: tuple[int, str, str | None]) -> None:
    """A refund's fields are checked as an invoice's are."""
    response = call("POST", "/v1/refunds", {**_REFUND, **change})

    assert _error(response) == expected


@pytest.mark.parametrize(
    "path,query,field",
    [
        ("/v1/payments", {"limit": "0"}, "limit"),
        ("/v1/payments", {"limit": "101"}, "limit"),
        ("/v1/payments", {"limit": "ten"}, "limit"),
        ("/v1/payments", {"limit": "1" * 5000}, "limit"),
        ("/v1/payments", {"limit": "٣"}, "limit"),
        ("/v1/payments", {"cursor": "after-"}, "cursor"),
        ("/v1/payments", {"cursor": "after-" + "9" * 30}, "cursor"),
        ("/v1/payments", {"cursor": "x"}, "cursor"),
        ("/v1/payments", {"created_gte": "yesterday"}, "created_gte"),
        ("/v1/payments", {"created_gte": "2026-11-21"}, "created_gte"),
        ("/v1/payments", {"created_lt": "2026-11-21T08:00:00"}, "created_lt"),
        ("/v1/payments", {"created_lt": "2026-13-21T08:00:00Z"}, "created_lt"),
        ("/v1/payments", {"status": "paid"}, "status"),
        ("/v1/payments", [("limit", "1"), ("limit", "2")], "limit"),
        ("/v1/invoices", {"invoice_id": "inv_1"}, "invoice_id"),
        ("/v1/account", {"verbose": "1"}, "verbose"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_wrong_query_is_named(call: Call, path: str, query: Any, field: str) -> None:
    """A filter that is wrong or unknown is refused, never ignored: an ignored filter gives a wrong list."""
    response = call("GET", path, query=query)

    assert (response.status, loads(response.body)["error"]["field"]) == (422, field)


def test_every_answer_has_its_own_request_id(call: Call) -> None:
    """Successes and errors alike bear an id for the support desk, a new one each."""
    answers = [
        call("GET", "/v1/account"),
        call("GET", "/v1/account"),
        call("GET", "/v1/no"),
        call("PUT", "/v1/account"),
    ]

    ids = {answer.headers["X-Request-Id"] for answer in answers}

    assert len(ids) == 4
    assert all(each.startswith("req_") for each in ids)


def test_every_answer_is_json(call: Call) -> None:
    """Errors too are declared as JSON."""
    answers = [call("GET", "/v1/account"), call("GET", "/v1/no"), call("POST", "/v1/invoices", b"{")]

    assert {answer.headers["Content-Type"] for answer in answers} == {"application/json"}
