"""What is made of Billoget's answers: the documented ones of every generation, and those that nobody should send."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_billoget import Billoget, BillogetSettings, BudgetItem, mapping
from gateway_core import (
    AmountVerdict,
    Gateway,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Secret,
    StatusReport,
)

KEY = "bk_test_made-up-0123456789-abcdef"
BUDGETS = "api/public/budgets"
REQUEST = InvoiceRequest(
    order_id="1042", amount=Money("1500", "USD"), requested_at=datetime(2024, 1, 15, 10, 30, 0, 5, tzinfo=UTC)
)
CREATED = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
ENDS = datetime(2024, 2, 15, 10, 30, tzinfo=UTC)

each_generation = pytest.mark.parametrize("generation, budget_id", [("g1", "budget_123"), ("g3", "123")])


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
