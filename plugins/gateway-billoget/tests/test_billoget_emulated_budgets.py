"""What becomes of budgets, customers and products in the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_billoget.emulator import BillogetEmulator
from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import NotFoundError, RejectedError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, ManualClock, QueuedDelivery

Emulate = Callable[..., BillogetEmulator]
At = Callable[..., Gateway]

START = datetime(2030, 1, 31, 12, tzinfo=UTC)
REQUEST = InvoiceRequest(order_id="1042", amount=Money("1500", "EUR"), description="Two books", requested_at=START)

each_generation = pytest.mark.parametrize("generation", ["G1", "G3"])

BODIES: dict[str, dict[str, Any]] = {
    "G1": {
        "customerId": "customer_501",
        "items": [{"productId": "product_301", "description": "A book", "quantity": 2, "unitPrice": 10.55}],
        "notes": "Dear customer",
        "validUntil": "2030-03-01T00:00:00Z",
        "metadata": {"order_id": "1042"},
    },
    "G3": {
        "currency": "USD",
        "issueDate": "2030-01-31T00:00:00Z",
        "expirationDate": "2030-03-01T00:00:00Z",
        "customerId": 501,
        "sellerId": 7,
        "minimumPaymentToConfirm": 0,
        "subtotal": 21.1,
        "total": 25.53,
        "iva": 4.43,
        "comments": "Dear customer",
        "items": [{"productId": 301, "quantity": 2, "unitPrice": 10.55}],
    },
}


def ask(emulator: BillogetEmulator, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
    """Send one well-formed request."""
    known = {"Authorization": f"Bearer {emulator.credentials['api_key']}", "Content-Type": "application/json"}
    given = {name.replace("_", "-"): value for name, value in {**known, **headers}.items() if value}
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return emulator.handle(HttpRequest(method=method, url=f"http://127.0.0.1/v1/api/{path}", headers=given, body=raw))


def told(response: HttpResponse) -> Any:
    """Return the body of an answer."""
    return json.loads(response.body)


def kinds(emulator: BillogetEmulator) -> list[str]:
    """Return the events that were queued."""
    return [delivery.kind for _, delivery in emulator.ledger.select(QueuedDelivery)]


def token_of(emulator: BillogetEmulator) -> str:
    """Return the token of the newest budget's page."""
    return emulator.ledger.select(EmulatedInvoice, order="newest")[0][1].token


G1, G3 = BODIES["G1"], BODIES["G3"]


@each_generation
def test_button_approves_and_pays_nothing(emulate: Emulate, at: At, generation: str) -> None:
    """Whatever the page's button is called for other providers: no payment is kept, and nothing is received."""
    emulator = emulate(generation=generation)
    gateway = at(emulator)
    invoice = gateway.create_invoice(REQUEST)

    payment = emulator.pay(token_of(emulator))

    kept = emulator.ledger.get(EmulatedInvoice, invoice.id)
    assert kept is not None
    assert (kept.status, bool(kept.received), bool(payment.amount)) == (InvoiceStatus.APPROVED, False, False)
    assert emulator.ledger.select(EmulatedPayment) == []
    assert gateway.get_status(invoice.id).status is InvoiceStatus.APPROVED


def test_page_has_its_own_words(emulate: Emulate) -> None:
    """A person approves or rejects there, and chooses no amount."""
    emulator = emulate()

    assert (emulator.pay_label, emulator.decline_label) == ("Approve", "Reject")
    assert (emulator.partial_payments, emulator.overpayments) == (False, False)


def test_button_works_once(emulate: Emulate, at: At) -> None:
    """What is decided is decided; a part cannot be approved."""
    emulator = emulate()
    at(emulator).create_invoice(REQUEST)
    token = token_of(emulator)

    with pytest.raises(RejectedError, match="approved as it is"):
        emulator.pay(token, Money("10", "EUR"))
    with pytest.raises(NotFoundError):
        emulator.pay(token, way="cash")
    declined = emulator.decline(token)
    for act in (emulator.pay, emulator.decline):
        with pytest.raises(RejectedError, match="canceled"):
            act(token)

    assert (declined.status, kinds(emulator)) == (InvoiceStatus.CANCELED, ["budget.created", "budget.rejected"])


@pytest.mark.parametrize("generation, word", [("G1", {"status": "EXPIRED"}), ("G3", {"state": 0})])
def test_budget_expires_and_g3_has_no_word_for_it(
    emulate: Emulate, at: At, clock: ManualClock, generation: str, word: dict[str, Any]
) -> None:
    """The event is sent in both; the plugin knows it by the time that the answer gives."""
    emulator = emulate(generation=generation)
    gateway = at(emulator)
    invoice = gateway.create_invoice(REQUEST)
    before = gateway.get_status(invoice.id).status
    clock.move(timedelta(days=30))

    shown = told(ask(emulator, "GET", f"public/budgets/{invoice.id}"))["data"]

    assert (before, gateway.get_status(invoice.id).status) == (InvoiceStatus.PENDING, InvoiceStatus.EXPIRED)
    assert {name: shown[name] for name in word} == word
    assert kinds(emulator) == ["budget.created", "budget.expired"]


def test_deleted_budget_is_gone_and_kept(emulate: Emulate, at: At, clock: ManualClock) -> None:
    """Softly: nobody sees it, nobody can approve it, and it tells of nothing more."""
    emulator = emulate()
    gateway = at(emulator)
    invoice = gateway.create_invoice(REQUEST)
    token = token_of(emulator)

    gateway.run(gateway.provider.delete_budget(invoice.id))

    with pytest.raises(NotFoundError):
        gateway.get_status(invoice.id)
    with pytest.raises(RejectedError):
        emulator.pay(token)
    clock.move(timedelta(days=31))
    emulator.deliver(lambda _: 200)
    assert (gateway.find_invoice("1042"), emulator.ledger.get(EmulatedInvoice, invoice.id) is None) == (None, False)
    assert ask(emulator, "GET", f"public/budgets/token/{token}").status == 404
    assert kinds(emulator) == ["budget.created", "budget.deleted"]


@each_generation
def test_budget_can_be_changed(emulate: Emulate, generation: str) -> None:
    """The fields that are given; the others stay."""
    emulator = emulate(generation=generation)
    made = told(ask(emulator, "POST", "public/budgets", BODIES[generation]))["data"]
    notes, ends = {"G1": ("notes", "validUntil"), "G3": ("comments", "expirationDate")}[generation]
    changes = {notes: "Hello", ends: "2031-01-01T00:00:00Z"}

    changed = told(ask(emulator, "PUT", f"public/budgets/{made['id']}", changes))["data"]

    assert {**made, **changes, "updatedAt": changed["updatedAt"]} == changed
    assert kinds(emulator) == ["budget.created", "budget.updated"]


FILTERS: list[tuple[str, Mapping[str, str], list[int]]] = [
    ("G1", {}, [2, 1, 0]),
    ("G1", {"status": "APPROVED"}, [1]),
    ("G1", {"status": "PENDING", "limit": "1"}, [2]),
    ("G1", {"status": "PENDING", "limit": "1", "page": "2"}, [0]),
    ("G1", {"customerId": "customer_9"}, []),
    ("G1", {"search": "BOOK 1"}, [1]),
    ("G1", {"search": "order-1"}, []),
    ("G1", {"minTotal": "11"}, [2, 1]),
    ("G1", {"maxTotal": "11.00"}, [1, 0]),
    ("G1", {"createdAfter": "2030-02-01T12:00:00Z"}, [2, 1]),
    ("G1", {"createdBefore": "2030-02-01T12:00:00Z"}, [0]),
    ("G1", {"sort": "total", "order": "asc"}, [0, 1, 2]),
    ("G1", {"sort": "total", "order": "desc"}, [2, 1, 0]),
    ("G3", {"status": "1"}, [1]),
    ("G3", {"status": "APPROVED"}, []),
    ("G3", {"search": "order-1"}, [1]),
    ("G3", {"startDate": "2030-02-01", "endDate": "2030-02-01"}, [1]),
    ("G3", {"minTotal": "11"}, [2, 1, 0]),
]


@pytest.mark.parametrize("generation, query, expected", FILTERS, ids=str)
def test_filters_are_those_of_the_generation(  # noqa: PLR0917  # as many fixtures as it needs
    emulate: Emulate, at: At, clock: ManualClock, generation: str, query: Mapping[str, str], expected: list[int]
) -> None:
    """Newest first; what a generation does not know is passed over."""
    emulator = emulate(generation=generation)
    gateway = at(emulator)
    made = []
    for number in range(3):
        request = InvoiceRequest(
            order_id=f"order-{number}",
            amount=Money(10 + number, "EUR"),
            description=f"Book {number}",
            requested_at=clock(),
        )
        made.append(gateway.create_invoice(request).id)
        if number == 1:
            emulator.pay(token_of(emulator))
        clock.move(timedelta(days=1))

    answer = told(ask(emulator, "GET", "public/budgets?" + "&".join(f"{key}={value}" for key, value in query.items())))

    items = answer["data"] if generation == "G1" else answer["data"]["data"]
    assert [str(item["id"]) for item in items] == [made[number] for number in expected]


@pytest.mark.parametrize(
    "query", ["page=0", "limit=x", "minTotal=1e5", "maxTotal=-1", "createdAfter=now", "page=9999999999", "limit="]
)
def test_wrong_filter_is_refused(emulate: Emulate, query: str) -> None:
    """422, as for any field."""
    emulator = emulate(generation="G1")
    ask(emulator, "POST", "public/budgets", BODIES["G1"])

    assert ask(emulator, "GET", f"public/budgets?{query}").status == 422


def test_wrong_day_is_refused(emulate: Emulate) -> None:
    """As above, in G3."""
    emulator = emulate()
    ask(emulator, "POST", "public/budgets", BODIES["G3"])

    statuses = {
        ask(emulator, "GET", f"public/budgets?startDate={day}").status for day in ("now", "2030-02-31", "20300101")
    }

    assert statuses == {422}


@pytest.mark.parametrize("limit, given", [(None, 10), ("100", 100), ("1000", 100)])
def test_page_has_at_most_a_hundred(emulate: Emulate, limit: str | None, given: int) -> None:
    """100 are documented as the most, 10 are what the examples have."""
    emulator = emulate(generation="G1")
    for number in range(101):
        body = {"name": f"Customer {number}", "email": "a@shop.example"}
        ask(emulator, "POST", "public/customers", body)

    answer = told(ask(emulator, "GET", f"public/customers{'' if limit is None else f'?limit={limit}'}"))

    assert (len(answer["data"]), answer["pagination"]["total"], answer["pagination"]["hasMore"]) == (given, 102, True)


@pytest.mark.parametrize(
    "generation, kind, body, missing",
    [
        ("G1", "customers", {"name": "Bo", "email": "bo@shop.example"}, "email"),
        ("G3", "customers", {"firstName": "Bo", "lastName": "Li"}, "lastName"),
        ("G1", "products", {"productCode": "B", "description": "B", "category": "B", "price": 0.1}, "price"),
        ("G3", "products", {"productCode": "B", "description": "B", "category": "B", "price": 0.1}, "category"),
    ],
)
def test_customers_and_products_are_kept(
    emulate: Emulate, generation: str, kind: str, body: dict[str, Any], missing: str
) -> None:
    """Made, seen, changed, deleted; each change is told by a webhook, and an id is never given twice."""
    emulator = emulate(generation=generation)
    refused = ask(emulator, "POST", f"public/{kind}", {name: body[name] for name in body if name != missing})
    made = told(ask(emulator, "POST", f"public/{kind}", body))["data"]
    path = f"public/{kind}/{made['id']}"

    changed = told(ask(emulator, "PUT", path, {missing: body[missing], "id": 1, "new": "x"}))["data"]
    shown = told(ask(emulator, "GET", path))["data"]
    deleted = ask(emulator, "DELETE", path)
    again = told(ask(emulator, "POST", f"public/{kind}", body))["data"]

    one = kind.removesuffix("s")
    assert (refused.status, told(refused)["details"]["field"]) == (422, missing)
    assert (changed == shown, shown["new"], shown["id"] == made["id"]) == (True, "x", True)
    assert {name: made[name] for name in body} == body
    assert (deleted.status, deleted.body, ask(emulator, "GET", path).status) == (204, b"", 404)
    assert again["id"] != made["id"]
    assert kinds(emulator) == [f"{one}.created", f"{one}.updated", f"{one}.deleted", f"{one}.created"]
