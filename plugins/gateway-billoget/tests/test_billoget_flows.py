"""What Billoget offers beyond the common operations: one line for each documented endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from gateway_billoget import (
    Budget,
    BudgetChanges,
    BudgetDraft,
    Customer,
    CustomerDetails,
    Decision,
    DraftItem,
    Product,
    ProductDetails,
    WebhookTest,
)
from gateway_core import Gateway, HttpRequest, InvoiceStatus, Money
from gateway_core.errors import NotFoundError, OutcomeUnknownError, UnexpectedResponseError

P = "api/public"
TOKEN = "abc123_xyz789"
DRAFT = BudgetDraft(
    customer_id="501",
    items=[DraftItem(unit_price=Money("1500", "USD"), product_id="301")],
    issued_at=datetime(2024, 1, 15, 10, 30, tzinfo=UTC),
    expires_at=datetime(2024, 2, 15, 10, 30, tzinfo=UTC),
    seller_id="7",
    minimum_payment_to_confirm=Decimal(0),
)
G1_CUSTOMER = CustomerDetails(name="Ana Gómez", email="ana@shop.example", phone="+54 11 5555 5555", tax_id="20-1-2")
G3_CUSTOMER = CustomerDetails(
    first_name="Ana", last_name="Gómez", phone="+54 11 5555 5555", dni=12345678, cuit="20-1-2"
)
PRODUCT = ProductDetails(
    product_code="BOOK-1", description="A book", category="Books", price=Decimal("49.90"), stock=3, type="product"
)

Sent = Callable[[], list[HttpRequest]]

#: Generation, flow, its arguments, the request that it makes, the example that answers, the body that is sent.
FLOWS: list[tuple[str, str, tuple[Any, ...], str, str, str | None, Any]] = [
    ("G1", "list_budgets", (), "GET", f"{P}/budgets", "list-g1", None),
    ("G3", "list_budgets", (), "GET", f"{P}/budgets", "list-g3", None),
    ("G1", "get_budget", ("budget_123",), "GET", f"{P}/budgets/budget_123", "budget-g1", None),
    ("G3", "get_budget", ("123",), "GET", f"{P}/budgets/123", "budget-g3", None),
    ("G3", "get_public_budget", ("123",), "GET", f"{P}/budgets/public/123", "budget-g3", None),
    ("G3", "get_budget_by_token", (TOKEN,), "GET", f"{P}/budgets/token/{TOKEN}", "budget-g3", None),
    (
        "G1",
        "create_budget",
        (DRAFT,),
        "POST",
        f"{P}/budgets",
        "budget-g1",
        {
            "customerId": "501",
            "items": [{"productId": "301", "description": "", "quantity": 1, "unitPrice": "1500.00"}],
            "validUntil": "2024-02-15T10:30:00Z",
        },
    ),
    (
        "G3",
        "create_public_budget",
        (DRAFT,),
        "POST",
        "api/budgets/public",
        "created-public",
        {
            "currency": "USD",
            "issueDate": "2024-01-15T10:30:00Z",
            "expirationDate": "2024-02-15T10:30:00Z",
            "customerId": 501,
            "sellerId": 7,
            "minimumPaymentToConfirm": 0,
            "subtotal": "1500.00",
            "total": "1500.00",
            "iva": 0,
            "items": [{"productId": 301, "quantity": 1, "unitPrice": "1500.00"}],
        },
    ),
    (
        "G1",
        "update_budget",
        ("budget_123", BudgetChanges(notes="Thanks", customer_id="customer_9", metadata={"a": "b"})),
        "PUT",
        f"{P}/budgets/budget_123",
        "budget-g1",
        {"customerId": "customer_9", "notes": "Thanks", "metadata": {"a": "b"}},
    ),
    (
        "G3",
        "update_budget",
        ("123", BudgetChanges(expires_at=datetime(2030, 1, 1, tzinfo=UTC), customer_id="502")),
        "PUT",
        f"{P}/budgets/123",
        "budget-g3",
        {"customerId": 502, "expirationDate": "2030-01-01T00:00:00Z"},
    ),
    ("G1", "delete_budget", ("budget_123",), "DELETE", f"{P}/budgets/budget_123", None, None),
    ("G3", "confirm_budget", (TOKEN,), "POST", f"{P}/budgets/token/{TOKEN}/confirm", "confirmed", {}),
    ("G3", "reject_budget", (TOKEN,), "POST", f"{P}/budgets/token/{TOKEN}/reject", "rejected", {}),
    ("G1", "get_customer", ("customer_456",), "GET", f"{P}/customers/customer_456", "customer-g1", None),
    ("G3", "get_customer", ("501",), "GET", f"{P}/customers/501", "customer-g3", None),
    (
        "G1",
        "create_customer",
        (G1_CUSTOMER,),
        "POST",
        f"{P}/customers",
        "customer-g1",
        {"name": "Ana Gómez", "email": "ana@shop.example", "phone": "+54 11 5555 5555", "taxId": "20-1-2"},
    ),
    (
        "G3",
        "create_customer",
        (G3_CUSTOMER,),
        "POST",
        f"{P}/customers",
        "customer-g3",
        {"firstName": "Ana", "lastName": "Gómez", "phoneNumber": "+54 11 5555 5555", "dni": 12345678, "cuit": "20-1-2"},
    ),
    (
        "G1",
        "update_customer",
        ("customer_456", CustomerDetails(postal_code="1000")),
        "PUT",
        f"{P}/customers/customer_456",
        "customer-g1",
        {"postalCode": "1000"},
    ),
    ("G1", "delete_customer", ("customer_456",), "DELETE", f"{P}/customers/customer_456", None, None),
    ("G1", "get_product", ("301",), "GET", f"{P}/products/301", "product", None),
    (
        "G3",
        "create_product",
        (PRODUCT,),
        "POST",
        f"{P}/products",
        "product",
        {
            "productCode": "BOOK-1",
            "description": "A book",
            "category": "Books",
            "price": "49.90",
            "stock": 3,
            "type": "product",
        },
    ),
    (
        "G1",
        "update_product",
        ("301", ProductDetails(is_active=False)),
        "PUT",
        f"{P}/products/301",
        "product",
        {"isActive": False},
    ),
    ("G1", "delete_product", ("301",), "DELETE", f"{P}/products/301", None, None),
    (
        "G1",
        "test_webhook",
        (),
        "POST",
        f"{P}/webhooks/test",
        "webhook-test-g1",
        {"event": "connection_test", "data": {}},
    ),
    (
        "G3",
        "test_webhook",
        ("budget.created", {"id": 7}),
        "POST",
        f"{P}/webhooks/test",
        "webhook-test-g3",
        {"event": "budget.created", "data": {"id": 7}},
    ),
]

#: What a flow gives, by its name.
KINDS: dict[str, Any] = {
    "get_budget": Budget,
    "get_public_budget": Budget,
    "get_budget_by_token": Budget,
    "create_budget": Budget,
    "create_public_budget": Budget,
    "update_budget": Budget,
    "confirm_budget": Decision,
    "reject_budget": Decision,
    "get_customer": Customer,
    "create_customer": Customer,
    "update_customer": Customer,
    "get_product": Product,
    "create_product": Product,
    "update_product": Product,
    "test_webhook": WebhookTest,
}


@pytest.mark.parametrize(
    "generation, flow, arguments, method, path, answer, body",
    [pytest.param(*row, id=f"{row[0]}-{row[1]}") for row in FLOWS],
)
def test_flow_makes_the_documented_request_and_reads_the_answer(  # noqa: PLR0917  # a row of the table
    connect: Callable[..., Gateway],
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    sent: Sent,
    generation: str,
    flow: str,
    arguments: tuple[Any, ...],
    method: str,
    path: str,
    answer: str | None,
    body: Any,
) -> None:
    """One request each, to the documented address, with the documented fields; amounts as they are."""
    answers(method, path, b"" if answer is None else example(answer), status=204 if answer is None else 200)
    gateway = connect(generation)

    made = gateway.run(getattr(gateway.provider, flow)(*arguments))

    (actual,) = sent()
    assert (actual.method, urlsplit(actual.url).path) == (method, f"/v1/{path}")
    assert (json.loads(actual.body, parse_float=str) if actual.body else None) == body
    if flow in KINDS:
        assert isinstance(made, KINDS[flow])
    elif flow.startswith("delete"):
        assert made is None


@pytest.mark.parametrize("kind, flow", [("customers", "list_customers"), ("products", "list_products")])
def test_customers_and_products_are_listed_by_page(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], sent: Sent, kind: str, flow: str
) -> None:
    """Page by page, with the cursor of the page before."""
    name = {"customers": "customer-g1", "products": "product"}[kind]
    document = json.loads(example(name))["data"]
    pages = [{"data": [document], "pagination": {"hasMore": more}} for more in (True, False)]
    answers("GET", f"{P}/{kind}", *(json.dumps(page).encode() for page in pages))

    first = gateway.run(getattr(gateway.provider, flow)(page_size=1))
    second = gateway.run(getattr(gateway.provider, flow)(first.next_cursor, 1))

    assert ([item.id for item in first.items], second.next_cursor) == ([str(document["id"])], None)
    assert [urlsplit(each.url).query for each in sent()] == ["page=1&limit=1", "page=2&limit=1"]


@pytest.mark.parametrize("name, customer_id", [("customer-g1", "customer_456"), ("customer-g3", "501")])
def test_customer_of_either_generation_is_one_record(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes], name: str, customer_id: str
) -> None:
    """First and last name are the name."""
    answers("GET", f"{P}/customers/{customer_id}", example(name))

    actual = gateway.run(gateway.provider.get_customer(customer_id))

    assert actual == Customer(id=customer_id, name="Ana Gómez", email="ana@shop.example", phone="+54 11 5555 5555")


def test_product_is_read_exactly(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], bytes]
) -> None:
    """M1: a price is no float."""
    answers("GET", f"{P}/products/301", example("product"))

    actual = gateway.run(gateway.provider.get_product("301"))

    assert actual == Product(
        id="301", product_code="BOOK-1", description="A book", price=Decimal("49.9"), is_active=True
    )


@pytest.mark.parametrize(
    "flow, name, status, url",
    [
        ("confirm", "confirmed", InvoiceStatus.APPROVED, "https://payment.billoget.com/budget_123"),
        ("reject", "rejected", InvoiceStatus.CANCELED, None),
    ],
)
def test_decision_by_token_tells_where_to_pay_and_not_that_it_is_paid(  # noqa: PLR0917  # as many fixtures as it needs
    gateway: Gateway,
    answers: Callable[..., None],
    example: Callable[[str], bytes],
    flow: str,
    name: str,
    status: InvoiceStatus,
    url: str | None,
) -> None:
    """A confirmation comes before money, or without."""
    answers("POST", f"{P}/budgets/token/{TOKEN}/{flow}", example(name))

    actual = gateway.run(getattr(gateway.provider, f"{flow}_budget")(TOKEN))

    assert actual.budget is not None
    assert (actual.message, actual.budget.status, actual.payment_url) == (f"Budget {name}", status, url)


def test_decision_may_say_nothing(gateway: Gateway, tells: Callable[..., None]) -> None:
    """Budget and address are optional in the SDK."""
    tells("POST", f"{P}/budgets/token/{TOKEN}/confirm", {"message": "ok"})

    assert gateway.run(gateway.provider.confirm_budget(TOKEN)) == Decision(message="ok")


def test_notes_of_g3_keep_the_order(
    connect: Callable[..., Gateway], answers: Callable[..., None], example: Callable[[str], bytes], sent: Sent
) -> None:
    """The order stands in the same text, which is read before it is written."""
    for method in ("GET", "PUT"):
        answers(method, f"{P}/budgets/123", example("budget-g3"))
    gateway = connect("G3")

    gateway.run(gateway.provider.update_budget("123", BudgetChanges(notes="Three books")))

    read, written = sent()
    assert (read.method, json.loads(written.body)) == ("GET", {"comments": 'Three books\n[order_id "1042"]'})


@pytest.mark.parametrize(
    "flow, path, arguments",
    [
        ("get_budget", "budgets/9", ("9",)),
        ("get_public_budget", "budgets/public/9", ("9",)),
        ("get_customer", "customers/9", ("9",)),
        ("get_product", "products/9", ("9",)),
        ("update_budget", "budgets/9", ("9", BudgetChanges(notes="x"))),
    ],
)
def test_answer_about_something_else_is_refused(
    gateway: Gateway, tells: Callable[..., None], flow: str, path: str, arguments: tuple[Any, ...]
) -> None:
    """What was not asked for says nothing."""
    tells("PUT" if flow.startswith("update") else "GET", f"{P}/{path}", {"id": 10})

    with pytest.raises(UnexpectedResponseError, match="something else"):
        gateway.run(getattr(gateway.provider, flow)(*arguments))


def test_anything_else_can_be_asked_for(gateway: Gateway, tells: Callable[..., None], sent: Sent) -> None:
    """Approvals and variants are documented by their addresses only: what they hold is given as it comes."""
    tells("GET", f"{P}/budget-approvals/pending", [{"id": 1, "amount": 1.10}])
    tells("POST", f"{P}/budget-approvals/submit", {"id": 2})

    pending = gateway.run(gateway.provider.ask("GET", "budget-approvals", "pending", query={"page": 1}))
    submitted = gateway.run(gateway.provider.ask("POST", "budget-approvals", "submit", body={"total": Decimal("1.10")}))

    assert (pending, submitted) == ([{"id": 1, "amount": Decimal("1.1")}], {"id": 2})
    assert (urlsplit(sent()[0].url).query, sent()[1].body) == ("page=1", b'{"total": 1.10}')


def test_deletion_of_what_is_not_there_is_told(gateway: Gateway, answers: Callable[..., None]) -> None:
    """It changed nothing."""
    answers("DELETE", f"{P}/budgets/9", b'{"error": "not_found", "message": "No"}', status=404)

    with pytest.raises(NotFoundError) as caught:
        gateway.run(gateway.provider.delete_budget("9"))

    assert caught.value.effect == "none"


@pytest.mark.parametrize("method, flow", [("DELETE", "delete_budget"), ("POST", "confirm_budget")])
def test_lost_answer_to_a_change_is_unknown(gateway: Gateway, mocker: Any, method: str, flow: str) -> None:
    """Only reads change nothing."""
    path = "budgets/token/9/confirm" if flow == "confirm_budget" else "budgets/9"
    mocker.register_uri(method, f"https://api.billoget.com/v1/{P}/{path}", exc=requests.ReadTimeout)

    with pytest.raises(OutcomeUnknownError) as caught:
        gateway.run(getattr(gateway.provider, flow)("9"))

    assert caught.value.effect == "unknown"
