"""What is made of Billoget's answers: the documented ones of every generation, and those that nobody should send."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from gateway_billoget import Billoget, BillogetSettings, BudgetItem, BudgetQuery, mapping
from gateway_core import (
    AmountVerdict,
    Gateway,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    Secret,
    StatusReport,
)
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
    UnsupportedOperationError,
)

KEY = "bk_test_made-up-0123456789-abcdef"
BUDGETS = "api/public/budgets"
REQUEST = InvoiceRequest(
    order_id="1042", amount=Money("1500", "USD"), requested_at=datetime(2024, 1, 15, 10, 30, 0, 5, tzinfo=UTC)
)
CREATED = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
ENDS = datetime(2024, 2, 15, 10, 30, tzinfo=UTC)

each_generation = pytest.mark.parametrize("generation, budget_id", [("g1", "budget_123"), ("g3", "123")])

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


def test_budget_is_an_invoice(gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]) -> None:
    """G1 repeats the amount and gives the order back; it has no page for the customer."""
    answers("POST", BUDGETS, example("budget-g1"), status=201)

    actual = gateway.create_invoice(REQUEST)

    assert actual == Invoice(
        id="budget_123",
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PENDING,
        amount=Money("1500.00", "USD"),
        payment_url=None,
        created_at=CREATED,
        expires_at=ENDS,
    )


def test_public_budget_is_an_invoice_with_a_link(
    connect: Callable[..., Gateway], answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """G3 repeats nothing: amount, order and end are those that were sent, to the second."""
    answers("POST", "api/budgets/public", example("created-public"), status=201)

    actual = connect("G3").create_invoice(REQUEST)

    assert actual == Invoice(
        id="123",
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PENDING,
        amount=Money("1500.00", "USD"),
        payment_url="https://app.billoget.com/budget/abc123_xyz789",
        expires_at=datetime(2024, 2, 14, 10, 30, tzinfo=UTC),
    )


def test_metadata_that_g3_cannot_keep_are_named_beside_what_nobody_keeps(
    connect: Callable[..., Gateway], answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """A shop that counts on its metadata coming back is told; G1 keeps them."""
    answers("POST", "api/budgets/public", example("created-public"), status=201)
    answers("POST", "api/public/budgets", example("budget-g1"), status=201)
    request = attrs.evolve(REQUEST, metadata={"cart": "7"}, return_url="https://shop.example/thanks")

    ignored = [set(connect(generation).create_invoice(request).ignored) for generation in ("G3", "G1")]

    assert ignored == [{"metadata", "return_url"}, {"return_url"}]


@each_generation
@pytest.mark.parametrize("wraps", [0, 1], ids=["bare", "in data"])
def test_status_is_reported_from_either_generation(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    data_of: Callable[[str], Any],
    generation: str,
    budget_id: str,
    wraps: int,
) -> None:
    """Whichever is written, both are read, in an envelope or without; what was received is never known."""
    data = data_of(f"budget-{generation}")
    answers("GET", f"{BUDGETS}/{budget_id}", json.dumps({"data": data} if wraps else data).encode())

    actual = gateway.get_status(budget_id)

    expected = StatusReport(
        invoice_id=budget_id,
        order_id="1042",
        attempt=1,
        status=InvoiceStatus.PENDING,
        expected=Money("1500", "USD"),
        provider_status={"g1": "PENDING", "g3": "0"}[generation],
    )
    assert (actual, actual.verdict, actual.raw) == (expected, AmountVerdict.UNKNOWN, data)


@each_generation
def test_budget_keeps_what_an_invoice_has_no_place_for(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], generation: str, budget_id: str
) -> None:
    """The flow `get_budget` gives both generations in one record."""
    answers("GET", f"{BUDGETS}/{budget_id}", example(f"budget-{generation}"))

    actual = gateway.run(gateway.provider.get_budget(budget_id))

    product = {"g1": "product_301", "g3": "301"}[generation]
    description = {"g1": "Two books", "g3": None}[generation]
    assert actual.items == (
        BudgetItem(product_id=product, description=description, quantity=Decimal(1), unit_price=Decimal(1500)),
    )
    assert (actual.customer_id, actual.seller_id) == {"g1": ("customer_456", None), "g3": ("501", "7")}[generation]
    assert (actual.notes, actual.public_token) == {"g1": (None, None), "g3": ("Two books", "abc123_xyz789")}[generation]
    assert (actual.created_at, actual.expires_at) == (CREATED, ENDS)


WORDS = [
    ({"status": "PENDING"}, InvoiceStatus.PENDING),
    ({"status": "APPROVED"}, InvoiceStatus.APPROVED),
    ({"status": "REJECTED"}, InvoiceStatus.CANCELED),
    ({"status": "EXPIRED"}, InvoiceStatus.EXPIRED),
    ({"state": 0}, InvoiceStatus.PENDING),
    ({"state": 1}, InvoiceStatus.APPROVED),
    ({"state": 2}, InvoiceStatus.CANCELED),
    ({"status": 1}, InvoiceStatus.APPROVED),
    ({"status": "APPROVED", "state": 1}, InvoiceStatus.APPROVED),
    ({"status": "APPROVED", "state": 2}, InvoiceStatus.UNKNOWN),
    ({"status": "PAID"}, InvoiceStatus.UNKNOWN),
    ({"status": "approved"}, InvoiceStatus.UNKNOWN),
    ({"state": 3}, InvoiceStatus.UNKNOWN),
    ({"state": "1"}, InvoiceStatus.UNKNOWN),
    ({"state": -1}, InvoiceStatus.UNKNOWN),
    ({"status": ""}, InvoiceStatus.UNKNOWN),
    ({}, InvoiceStatus.UNKNOWN),
]


@pytest.mark.parametrize("said, status", WORDS, ids=str)
def test_word_becomes_a_status(
    gateway: Gateway, tells: Callable[..., None], said: dict[str, Any], status: InvoiceStatus
) -> None:
    """W10: a word that is not documented is kept, and never counts as success or failure; nor do two that differ."""
    tells("GET", f"{BUDGETS}/7", {"id": 7, "total": 5, "currency": "USD", **said})

    report = gateway.get_status("7")

    assert (report.status, report.provider_status) == (status, " ".join(map(str, said.values())) or None)


_PROVIDER = Billoget(BillogetSettings(api_key=Secret(KEY), webhook_secret=(Secret(KEY),), currency="USD"))


@given(
    said=st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from([*mapping.STATUSES, "PAID", "paid", "COMPLETED", "CONFIRMED", 3, 9]) | st.text(),
            "state": st.sampled_from([*mapping.STATUSES, "PAID", 3, 4, 100]) | st.integers(),
            "minimumPaymentToConfirm": st.integers(0, 10),
            "paymentUrl": st.just("https://payment.billoget.com/budget_7"),
            "paymentData": st.just({"status": "approved", "transaction_amount": 10}),
            "preferenceId": st.text(),
            "paidAt": st.just("2024-01-15T10:30:00Z"),
            "isPaid": st.just(True),
        },
    ),
    at=st.none() | st.just(CREATED),
)
def test_nothing_in_an_answer_makes_a_budget_paid(said: dict[str, Any], at: datetime | None) -> None:
    """Nothing in Billoget's API says that money came, so no answer ever means PAID."""
    document = {"id": 7, "total": 10, "expirationDate": "2024-01-15T10:30:00Z", **said}
    flow = _PROVIDER.get_status("7")
    next(flow)

    with pytest.raises(StopIteration) as stop:
        flow.send(HttpResponse(status=200, body=json.dumps({"data": document}).encode()))

    report: StatusReport = stop.value.value
    never = (InvoiceStatus.PAID, InvoiceStatus.OVERPAID, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.AUTHORIZED)
    assert report.status not in never
    assert report.received is None
    assert mapping.budget(document, at, "USD").status not in never


def test_no_table_leads_to_paid() -> None:
    """The words of both generations and the names of the events mean one of four things."""
    meant = {*mapping.STATUSES.values(), *mapping.EVENTS.values()}

    assert meant == {
        InvoiceStatus.PENDING,
        InvoiceStatus.APPROVED,
        InvoiceStatus.CANCELED,
        InvoiceStatus.EXPIRED,
    }


@pytest.mark.parametrize(
    "said, meta, date, status",
    [
        ({"state": 0}, "2024-02-15T10:29:59Z", None, InvoiceStatus.PENDING),
        ({"state": 0}, "2024-02-15T10:30:00Z", None, InvoiceStatus.EXPIRED),
        ({"state": 0}, None, "Thu, 15 Feb 2024 10:29:59 GMT", InvoiceStatus.PENDING),
        ({"state": 0}, None, "Thu, 15 Feb 2024 10:30:00 GMT", InvoiceStatus.EXPIRED),
        ({"state": 0}, "2024-02-15T10:29:59Z", "Fri, 15 Feb 2030 10:30:00 GMT", InvoiceStatus.PENDING),
        ({"state": 0}, None, None, InvoiceStatus.PENDING),
        ({"state": 0}, None, "soon", InvoiceStatus.PENDING),
        ({"state": 0}, None, "Thu, 99 Feb 2024 10:30:00 GMT", InvoiceStatus.PENDING),
        ({"state": 1}, "2030-01-01T00:00:00Z", None, InvoiceStatus.APPROVED),
        ({"state": 2}, "2030-01-01T00:00:00Z", None, InvoiceStatus.CANCELED),
        ({"state": 9}, "2030-01-01T00:00:00Z", None, InvoiceStatus.UNKNOWN),
        ({"state": 0, "expirationDate": "2024-02-15"}, "2030-01-01T00:00:00Z", None, InvoiceStatus.PENDING),
        ({"state": 0, "expirationDate": None}, "2030-01-01T00:00:00Z", None, InvoiceStatus.PENDING),
        (
            {"state": 0, "expirationDate": None, "validUntil": "2024-02-15T07:30:00-03:00"},
            "2024-02-15T10:30:00Z",
            None,
            InvoiceStatus.EXPIRED,
        ),
    ],
)
def test_pending_budget_expires_by_the_time_that_the_answer_gives(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    said: dict[str, Any],
    meta: str | None,
    date: str | None,
    status: InvoiceStatus,
) -> None:
    """A flow has no clock, and G3 no word for it: without a time of Billoget's, what it says stands."""
    document = {"id": 7, "expirationDate": "2024-02-15T10:30:00Z", **said}
    body = {"data": document, "meta": {"requestId": "req_1", **({"timestamp": meta} if meta else {})}}
    answers("GET", f"{BUDGETS}/7", json.dumps(body).encode(), headers={} if date is None else {"Date": date})

    assert gateway.get_status("7").status is status


@pytest.mark.parametrize(
    "comments, order_id, notes",
    [
        ('Two books\n[order_id "1042"]', "1042", "Two books"),
        ('[order_id "1042"]', "1042", None),
        ('Two books\n[order_id "1042"]\nDear customer', "1042", "Two books\n\nDear customer"),
        ('[order_id "9"]\n[order_id "1042"]', "1042", '[order_id "9"]'),
        ('[order_id "a\\"] \\u00e9"]', 'a"] é', None),
        ('Two books [order_id "9"]', None, 'Two books [order_id "9"]'),
        ("[order_id 1042]", None, "[order_id 1042]"),
        ('[order_id "\\x"]', None, '[order_id "\\x"]'),
        ("", None, ""),
        (None, None, None),
    ],
    ids=repr,
)
def test_order_stands_in_the_last_such_line_of_the_comments(
    comments: str | None, order_id: str | None, notes: str | None
) -> None:
    """G3: a description that looks like the tag comes before it, and does not become the order."""
    assert mapping.split_notes(comments) == (notes, order_id)


@given(order_id=st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])), text=st.text('ab "[]\\é'))
def test_tag_gives_any_order_back(order_id: str, text: str) -> None:
    """Whatever the shop's keys look like."""
    assert mapping.split_notes(mapping.tagged(text, order_id))[1] == order_id


@pytest.mark.parametrize(
    "metadata, order_id",
    [({"order_id": "1042"}, "1042"), ({"order_id": 1042}, None), ([], None), ("1042", None), (None, None), ({}, None)],
    ids=repr,
)
def test_order_is_known_only_from_our_own_metadata(
    gateway: Gateway, tells: Callable[..., None], metadata: Any, order_id: str | None
) -> None:
    """G1: other programs of the merchant write what they like there."""
    tells("GET", f"{BUDGETS}/7", {"id": 7, "status": "PENDING", "metadata": metadata})

    assert gateway.get_status("7").order_id == order_id


@pytest.mark.parametrize(
    "currency, setting, expected", [("EUR", "USD", "EUR"), (None, "USD", "USD"), (None, None, None)]
)
def test_currency_is_the_answers_or_the_accounts(
    connect: Callable[..., Gateway],
    tells: Callable[..., None],
    currency: str | None,
    setting: str | None,
    expected: str | None,
) -> None:
    """An amount without a currency is no amount."""
    tells("GET", f"{BUDGETS}/7", {"id": 7, "status": "PENDING", "total": 1500.5, "currency": currency})

    report = connect(currency=setting).get_status("7")

    assert report.expected == (None if expected is None else Money("1500.50", expected))


@pytest.mark.parametrize("example_name", ["list-g1", "list-g2", "list-g3"])
def test_list_of_each_generation_is_read(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], example_name: str
) -> None:
    """Wrapped once with `pagination` (G1) or `meta` (G2), or twice (the SDK)."""
    answers("GET", BUDGETS, example(example_name))

    page = gateway.run(gateway.provider.list_budgets())

    (budget,) = page.items
    assert (budget.total, budget.status, page.next_cursor) == (Money("1500", "USD"), InvoiceStatus.PENDING, None)


ITEM = {"id": 7, "status": "PENDING"}


@pytest.mark.parametrize(
    "body, following",
    [
        ({"data": [ITEM], "pagination": {"hasMore": True}}, "2"),
        ({"data": [ITEM], "pagination": {"hasMore": False}}, None),
        ({"data": [], "pagination": {"hasMore": True}}, "2"),
        ({"data": [ITEM], "pagination": {"page": 1, "limit": 1, "total": 2}}, "2"),
        ({"data": [ITEM], "pagination": {"page": 1, "limit": 1, "total": 1}}, None),
        ({"data": [ITEM], "meta": {"currentPage": 1, "totalPages": 2}}, "2"),
        ({"data": [ITEM], "meta": {"currentPage": 1, "totalPages": 1}}, None),
        ({"data": {"data": [ITEM], "meta": {"currentPage": 1, "totalPages": 2}}}, "2"),
        ({"data": {"data": [ITEM], "meta": {"currentPage": 2, "totalPages": 2}}}, None),
        ({"data": [ITEM], "meta": {"requestId": "req_1", "timestamp": "2024-01-15T10:30:00Z"}}, "2"),
        ({"data": [ITEM]}, "2"),
        ({"data": []}, None),
        ([ITEM], "2"),
        ([], None),
    ],
    ids=str,
)
def test_end_of_a_list_is_known(
    gateway: Gateway, answers: Callable[..., None], body: Any, following: str | None
) -> None:
    """R8: where nothing is said of the place, only an empty page is the last: Billoget may cut pages as it likes."""
    answers("GET", BUDGETS, json.dumps(body).encode())

    assert gateway.run(gateway.provider.list_budgets()).next_cursor == following


@pytest.mark.parametrize(
    "body",
    [{}, {"data": {}}, {"data": {"items": []}}, {"data": "x"}, {"data": [ITEM], "pagination": {"hasMore": "no"}}, "x"],
    ids=str,
)
def test_what_is_no_list_is_an_error(gateway: Gateway, answers: Callable[..., None], body: Any) -> None:
    """R8: never silently an empty one."""
    answers("GET", BUDGETS, json.dumps(body).encode())

    with pytest.raises(UnexpectedResponseError):
        gateway.run(gateway.provider.list_budgets())


def test_filter_that_billoget_ignores_is_kept_all_the_same(gateway: Gateway, tells: Callable[..., None]) -> None:
    """A page holds what was asked for; a time that is not shown speaks against nothing."""
    tells(
        "GET",
        BUDGETS,
        [
            {"id": 1, "status": "APPROVED", "createdAt": "2024-01-15T10:29:59Z"},
            {"id": 2, "status": "APPROVED", "createdAt": "2024-01-15T10:30:00Z"},
            {"id": 3, "status": "PENDING", "createdAt": "2024-01-15T10:30:00Z"},
            {"id": 4, "status": "APPROVED", "createdAt": "2024-02-15T10:30:00Z"},
            {"id": 5, "status": "APPROVED"},
        ],
    )
    query = BudgetQuery(status=InvoiceStatus.APPROVED, since=CREATED, until=ENDS)

    page = gateway.run(gateway.provider.list_budgets(query))

    assert [budget.id for budget in page.items] == ["2", "5"]


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


@pytest.mark.parametrize(
    "status, code, kind",
    [
        (401, "unauthorized", AuthenticationError),
        (401, "invalid_api_key", AuthenticationError),
        (400, "invalid_api_key", AuthenticationError),
        (403, "insufficient_scope", PermissionDeniedError),
        (401, "insufficient_scope", PermissionDeniedError),
        (403, "ip_not_allowed", PermissionDeniedError),
        (404, "not_found", NotFoundError),
        (400, "validation_error", RejectedError),
        (409, "conflict", RejectedError),
        (422, "validation_error", RejectedError),
        (429, "rate_limit_exceeded", RateLimitedError),
        (400, "rate_limit_exceeded", RateLimitedError),
        (429, "something_else", RateLimitedError),
        (500, "internal", ProviderUnavailableError),
        (503, "unauthorized", ProviderUnavailableError),
        (302, "moved", UnexpectedResponseError),
    ],
)
def test_refusal_is_known_by_its_code_or_status(
    gateway: Gateway, answers: Callable[..., None], status: int, code: str, kind: type[GatewayError]
) -> None:
    """The documented codes decide, since the status of some is not documented; the others go by the status."""
    body = {"error": code, "message": "No", "requestId": "req_abc123"}
    answers("GET", f"{BUDGETS}/7", json.dumps(body).encode(), status=status)

    with pytest.raises(kind) as caught:
        gateway.get_status("7")

    actual = getattr(caught.value, "code", None), getattr(caught.value, "request_id", None)
    assert (type(caught.value), actual) == (kind, (code, "req_abc123"))


def test_documented_refusal_is_told(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """The message, the code and the id for Billoget's support."""
    answers("GET", BUDGETS, example("unauthorized"), status=401)

    with pytest.raises(AuthenticationError, match="The API key is invalid") as caught:
        gateway.check_account()

    assert (caught.value.code, caught.value.request_id) == ("invalid_api_key", "req_abc123")


@pytest.mark.parametrize(
    "header, seconds",
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-1", None),
        ("1e3", None),
        ("9" * 5000, 999_999_999.0),
        ("١٢", None),
        (None, None),
        ("soon", None),
    ],
    ids=lambda value: str(value)[:9],
)
def test_too_many_requests_say_how_long_to_wait(
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    header: str | None,
    seconds: float | None,
) -> None:
    """R5: digits, and nothing else, without an exception."""
    headers = {} if header is None else {"Retry-After": header.encode().decode("latin-1")}
    answers("POST", BUDGETS, example("too-many"), status=429, headers=headers)

    with pytest.raises(RateLimitedError) as caught:
        gateway.create_invoice(REQUEST)

    assert (caught.value.retry_after, caught.value.effect) == (seconds, "none")


@pytest.mark.parametrize(
    "details, message",
    [
        ({"field": "customerId", "code": "invalid"}, "No (field customerId)"),
        ({"field": "items[0].productId"}, "No (field items[0].productId)"),
        ({"field": "ana@shop.example is taken"}, "No"),
        ({"value": "ana@shop.example"}, "No"),
        ("ana@shop.example", "No"),
        (None, "No"),
    ],
    ids=str,
)
def test_refusal_names_the_field_and_no_value(
    gateway: Gateway, answers: Callable[..., None], details: Any, message: str
) -> None:
    """S9: details may quote a customer."""
    answers("POST", BUDGETS, json.dumps({"error": "e", "message": "No", "details": details}).encode(), status=422)

    with pytest.raises(RejectedError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.message == message


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7, "message": []}', b"\xff"], ids=repr)
def test_refusal_without_words_is_told_by_its_status(
    gateway: Gateway, answers: Callable[..., None], body: bytes
) -> None:
    """A proxy on the way does not speak Billoget's language."""
    answers("GET", f"{BUDGETS}/7", body, status=502)

    with pytest.raises(ProviderUnavailableError, match="HTTP status 502"):
        gateway.get_status("7")


@pytest.mark.parametrize(
    "status, effect",
    [(400, "none"), (401, "none"), (422, "none"), (409, "unknown"), (500, "unknown"), (504, "unknown")],
)
def test_refused_creation_says_what_may_have_happened(
    gateway: Gateway, answers: Callable[..., None], status: int, effect: str
) -> None:
    """The table of who may repeat what: there are no idempotency keys."""
    answers("POST", BUDGETS, b'{"error": "e", "message": "No"}', status=status)

    with pytest.raises(GatewayError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.effect == effect


def test_lost_answer_to_a_creation_is_unknown(gateway: Gateway, mocker: Any) -> None:
    """I3: it may have happened."""
    mocker.post(requests.compat.urljoin("https://api.billoget.com/v1/", BUDGETS), exc=requests.ReadTimeout)

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.create_invoice(REQUEST)

    assert caught.value.effect == "unknown"


def test_key_that_billoget_echoes_is_in_no_error(gateway: Gateway, answers: Callable[..., None]) -> None:
    """S1: whatever the provider says."""
    body = {"error": f"e_{KEY}", "message": f"Bearer {KEY} is wrong", "requestId": KEY}
    answers("GET", f"{BUDGETS}/7", json.dumps(body).encode(), status=401)

    with pytest.raises(AuthenticationError) as caught:
        gateway.get_status("7")

    told = "".join(traceback.format_exception(caught.value)) + str(caught.value.code) + str(caught.value.request_id)
    assert KEY[:20] not in told


@pytest.mark.parametrize("operation", ["list_payments", "cancel_invoice", "refund_payment"])
def test_operation_that_billoget_lacks_says_why(gateway: Gateway, operation: str) -> None:
    """There is no money in its API, and no deletion that is known to end a budget."""
    reason = gateway.info.unsupported[operation]

    calls: dict[str, Callable[[], Any]] = {
        "list_payments": lambda: list(gateway.list_payments()),
        "cancel_invoice": lambda: gateway.cancel_invoice("7"),
        "refund_payment": lambda: gateway.refund_payment(
            RefundRequest(refund_id="r-7", invoice_id="7", amount=Money("1", "USD"))
        ),
    }
    with pytest.raises(UnsupportedOperationError) as caught:
        calls[operation]()

    assert (gateway.supports(operation), reason in caught.value.message) == (False, True)


def test_list_of_payments_is_refused_by_the_hook_itself(gateway: Gateway) -> None:
    """Whoever calls it past the gateway is told the same, and gets no empty list."""
    with pytest.raises(UnsupportedOperationError, match="knows of no payments"):
        gateway.provider.list_payments(query=None)
