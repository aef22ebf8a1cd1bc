"""Answers that do not fit, or say something else than was asked for."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_core import (
    Gateway,
    InvoiceRequest,
    InvoiceStatus,
    Money,
)
from gateway_core.errors import (
    GatewayError,
    RejectedError,
    UnexpectedResponseError,
)

BUDGETS = "api/public/budgets"
REQUEST = InvoiceRequest(
    order_id="1042", amount=Money("1500", "USD"), requested_at=datetime(2024, 1, 15, 10, 30, 0, 5, tzinfo=UTC)
)

#: Bodies that are no answer of Billoget's, whatever the HTTP status.
NONSENSE = {
    "nothing": b"",
    "page": b"<!DOCTYPE html><title>502 Bad Gateway</title>",
    "not UTF-8": b'{"data":"\xff"}',
    "list": b"[]",
    "text": b'"data"',
    "null": b'{"data":null}',
    "no id": b'{"data":{"status":"PENDING"}}',
    "twice": b'{"data":{},"data":{"id":1}}',
    "deep": b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long number": b'{"data":{"id":' + b"9" * 5000 + b"}}",
    "NaN": b'{"data":{"id":1,"total":NaN}}',
    "infinity": b'{"data":{"id":1,"total":1e400}}',
}


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"id": None}, "id: an id is text or a whole number"),
        ({"id": True}, "id: an id is text"),
        ({"id": 1.5}, "id: an id is text"),
        ({"id": ""}, "id: an id is text"),
        ({"status": True}, "status: a status is text"),
        ({"status": ["PENDING"]}, "status: a status is text"),
        ({"state": 1.0}, "state: a status is text"),
        ({"total": "ten"}, "total"),
        ({"total": True}, "total: number expected, bool found"),
        ({"currency": 840}, "currency: str expected, int found"),
        ({"items": {}}, "items: array expected, object found"),
        ({"items": [{"quantity": "x"}]}, "quantity"),
        ({"customerId": []}, "customerId: an id is text"),
        ({"validUntil": 1700000000}, "validUntil: str expected, int found"),
    ],
    ids=str,
)
def test_field_of_another_type_is_named(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], changes: dict[str, Any], reason: str
) -> None:
    """What cannot be read is an error that names the field, and holds no value."""
    tells("GET", f"{BUDGETS}/budget_123", {**data_of("budget-g1"), **changes})

    with pytest.raises(UnexpectedResponseError, match=reason):
        gateway.get_status("budget_123")


def test_fields_that_nobody_knows_are_passed_over(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """Billoget may add what it likes."""
    tells("GET", f"{BUDGETS}/budget_123", {**data_of("budget-g1"), "new": [1], "paymentData": {"a": 1}})

    assert gateway.get_status("budget_123").status is InvoiceStatus.PENDING


@pytest.mark.parametrize("total", [1500.001, 1e40], ids=str)
def test_amount_that_is_none_is_an_error(gateway: Gateway, tells: Callable[..., None], total: float) -> None:
    """M2: more decimals than the currency has are not rounded away."""
    tells("GET", f"{BUDGETS}/7", {"id": 7, "status": "PENDING", "total": total, "currency": "USD"})

    with pytest.raises(UnexpectedResponseError):
        gateway.get_status("7")


def test_answer_about_another_budget_is_refused(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """What was not asked for says nothing."""
    answers("GET", f"{BUDGETS}/budget_124", example("budget-g1"))

    with pytest.raises(UnexpectedResponseError, match="something else than what was asked for"):
        gateway.get_status("budget_124")


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in NONSENSE.items()])
def test_nonsense_is_no_status(gateway: Gateway, answers: Callable[..., None], body: bytes) -> None:
    """S9: it is an error of ours without the body."""
    answers("GET", f"{BUDGETS}/7", body)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.get_status("7")

    assert (caught.value.effect, "Bad Gateway" in "".join(traceback.format_exception(caught.value))) == ("none", False)


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in NONSENSE.items()])
@pytest.mark.parametrize("generation, path", [("G1", BUDGETS), ("G3", "api/budgets/public")])
def test_nonsense_after_a_creation_may_hide_a_budget(
    connect: Callable[..., Gateway], answers: Callable[..., None], generation: str, path: str, body: bytes
) -> None:
    """I6: whatever is no clean success is ambiguous, and is looked up and not repeated."""
    answers("POST", path, body, status=201)

    with pytest.raises(UnexpectedResponseError) as caught:
        connect(generation).create_invoice(REQUEST)

    assert caught.value.effect in ("unknown", "done")


@pytest.mark.parametrize(
    "status, body",
    [(204, b""), (200, b""), (200, b"{}"), (200, b'{"error": "no"}'), (201, b"[]"), (201, b'{"data": null}')],
    ids=str,
)
@pytest.mark.parametrize("generation, path", [("G1", BUDGETS), ("G3", "api/budgets/public")])
def test_creation_is_done_only_where_a_budget_shows(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    answers: Callable[..., None],
    generation: str,
    path: str,
    status: int,
    body: bytes,
) -> None:
    """I6: a success without an id proves nothing, and has to be looked up."""
    answers("POST", path, body, status=status)

    with pytest.raises(UnexpectedResponseError) as caught:
        connect(generation).create_invoice(REQUEST)

    assert (caught.value.effect, caught.value.invoice_id) == ("unknown", None)


@pytest.mark.parametrize(
    "changes",
    [
        {"total": 1499.99},
        {"total": 1815},
        {"currency": "ARS"},
        {"metadata": {"order_id": "9"}},
        {"total": 0},
        {"total": None},
    ],
    ids=str,
)
def test_budget_of_something_else_is_an_error_that_keeps_its_id(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any], changes: dict[str, Any]
) -> None:
    """M6: a budget exists that says something else than was asked, so that somebody has to see to it."""
    tells("POST", BUDGETS, {**data_of("budget-g1"), **changes}, status=201)

    with pytest.raises(UnexpectedResponseError) as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.effect, caught.value.invoice_id) == ("done", "budget_123")


def test_unreadable_budget_keeps_its_id(
    gateway: Gateway, tells: Callable[..., None], data_of: Callable[[str], Any]
) -> None:
    """I6: if the id could be read, it is in the error."""
    tells("POST", BUDGETS, {**data_of("budget-g1"), "items": 7}, status=201)

    with pytest.raises(UnexpectedResponseError, match="items") as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.effect, caught.value.invoice_id) == ("done", "budget_123")


@pytest.mark.parametrize(
    "data, kind, effect, invoice_id",
    [
        ({"success": False, "message": "No seller"}, RejectedError, "none", None),
        ({"success": False}, RejectedError, "none", None),
        ({"success": False, "budgetId": 123}, UnexpectedResponseError, "done", "123"),
        ({"success": True}, UnexpectedResponseError, "unknown", None),
        ({"budgetId": 123, "publicUrl": 7}, UnexpectedResponseError, "done", "123"),
        ({"budgetId": 123, "publicUrl": "javascript:alert(1)"}, UnexpectedResponseError, "done", "123"),
    ],
    ids=str,
)
def test_public_creation_that_failed_says_what_is_known(  # noqa: PLR0917  # as many fixtures as it needs
    connect: Callable[..., Gateway],
    tells: Callable[..., None],
    data: dict[str, Any],
    kind: type[GatewayError],
    effect: str,
    invoice_id: str | None,
) -> None:
    """I6: a refusal inside of a success is one only if it names no budget."""
    tells("POST", "api/budgets/public", data)

    with pytest.raises(kind) as caught:
        connect("G3").create_invoice(REQUEST)

    assert (type(caught.value), caught.value.effect, caught.value.invoice_id) == (kind, effect, invoice_id)
