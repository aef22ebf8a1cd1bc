"""How the emulator behaves: by Billoget's documentation where it speaks, and by the README's list where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway_billoget import BillogetSettings
from gateway_billoget.emulator import BillogetEmulator
from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceRequest, InvoiceStatus, Money, WebhookRequest
from gateway_core.errors import NotFoundError, PermissionDeniedError, RateLimitedError, RejectedError, WebhookError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Ledger, ManualClock, QueuedDelivery

Ask = Callable[..., Any]
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


def fields_of(document: Any) -> Any:
    """Return the names of the fields, however deep, without the values."""
    if isinstance(document, dict):
        return {name: fields_of(value) for name, value in document.items()}
    return [fields_of(document[0])] if isinstance(document, list) and document else None


@each_generation
def test_budget_has_the_documented_fields(emulate: Emulate, example: Callable[[str], bytes], generation: str) -> None:
    """Field by field as in the documented example, made from what was sent."""
    emulator = emulate(generation=generation)
    ask(emulator, "POST", "public/budgets", BODIES[generation])
    budget_id = {"G1": "budget_123", "G3": "123"}[generation]

    actual = told(ask(emulator, "GET", f"public/budgets/{budget_id}"))

    documented = json.loads(example(f"budget-{generation.lower()}"))
    ours, theirs = fields_of(actual), fields_of(documented)
    for part in ("customer", "metadata"):
        ours["data"].pop(part, None)
        theirs["data"].pop(part, None)
    assert ours == theirs
    assert [type(actual["data"][name]) for name in ("id", "customerId", "createdAt")] == [
        type(documented["data"][name]) for name in ("id", "customerId", "createdAt")
    ]


@each_generation
def test_list_has_the_documented_form(emulate: Emulate, example: Callable[[str], bytes], generation: str) -> None:
    """The paging of each generation: `pagination` beside the list, or a second envelope with `meta`."""
    emulator = emulate(generation=generation)
    ask(emulator, "POST", "public/budgets", BODIES[generation])

    actual = told(ask(emulator, "GET", "public/budgets"))

    documented = json.loads(example(f"list-{generation.lower()}"))
    if generation == "G1":
        assert fields_of(actual) == fields_of(documented)
        assert actual["pagination"] == documented["pagination"]
    else:
        assert actual["data"]["meta"] == documented["data"]["meta"]
        assert fields_of(actual).keys() == documented.keys()


def test_public_creation_has_the_documented_form(emulate: Emulate, example: Callable[[str], bytes]) -> None:
    """A link, an id and a token, at either of the two documented addresses."""
    emulator = emulate(checkout_url="http://127.0.0.1:4010/pay")

    first, second = (
        told(ask(emulator, "POST", path, BODIES["G3"])) for path in ("budgets/public", "public/budgets/public")
    )

    assert fields_of(first) == fields_of(second) == fields_of(json.loads(example("created-public")))
    assert first["data"]["publicUrl"] == f"http://127.0.0.1:4010/pay/{first['data']['publicToken']}"
    assert second["data"]["budgetId"] == first["data"]["budgetId"] + 1


def test_webhook_has_the_documented_form(emulate: Emulate, example: Callable[[str], bytes]) -> None:
    """One form for both generations: the documentation has no other."""
    for generation in ("G1", "G3"):
        emulator = emulate(generation=generation)
        ask(emulator, "POST", "public/budgets", BODIES[generation])
        emulator.pay(token_of(emulator))
        (_, created), (_, approved) = emulator.ledger.select(QueuedDelivery)

        body = json.loads(approved.body)
        assert fields_of(body) == fields_of(json.loads(example("webhook")))
        assert (body["event"], body["data"]["status"]) == ("budget.approved", "APPROVED")
        assert (body["metadata"]["delivery_id"], created.event_id) == ("delivery_790", "delivery_789")


def test_refusal_has_the_documented_form(emulate: Emulate, example: Callable[[str], bytes]) -> None:
    """Error, message, time and the request's id; details where there are any."""
    emulator = emulate()

    wrong = ask(emulator, "GET", "public/budgets", Authorization="Bearer bk_test_other")
    missing = ask(emulator, "POST", "public/budgets", {})

    documented = json.loads(example("unauthorized"))
    assert (wrong.status, told(wrong)["error"]) == (401, documented["error"])
    assert told(wrong).keys() == documented.keys() - {"details"}
    assert (missing.status, told(missing).keys(), told(missing)["details"]["field"]) == (
        422,
        documented.keys(),
        "currency",
    )


@pytest.mark.parametrize(
    "authorization, code",
    [
        ("", "unauthorized"),
        ("Bearer", "invalid_api_key"),
        ("bearer {key}", "invalid_api_key"),
        ("Bearer {key}x", "invalid_api_key"),
        ("{key}", "invalid_api_key"),
        ("Bearer é", "invalid_api_key"),
    ],
)
def test_wrong_key_is_refused(emulate: Emulate, authorization: str, code: str) -> None:
    """The documented codes for a header that is missing, and for a key that is wrong."""
    emulator = emulate()

    answer = ask(
        emulator,
        "GET",
        "public/budgets",
        Authorization=authorization.format(key=emulator.credentials["api_key"]),
    )

    assert (answer.status, told(answer)["error"]) == (401, code)


@pytest.mark.parametrize(
    "scope, method, path",
    [
        ("READ_BUDGETS", "GET", "public/budgets"),
        ("WRITE_BUDGETS", "POST", "public/budgets"),
        ("WRITE_BUDGETS", "POST", "budgets/public"),
        ("WRITE_BUDGETS", "DELETE", "public/budgets/123"),
        ("READ_CUSTOMERS", "GET", "public/customers"),
        ("WRITE_CUSTOMERS", "PUT", "public/customers/501"),
        ("READ_PRODUCTS", "GET", "public/products/301"),
        ("WRITE_PRODUCTS", "POST", "public/products"),
        ("WEBHOOKS", "POST", "public/webhooks/test"),
    ],
)
def test_scope_that_is_missing_is_refused(emulate: Emulate, scope: str, method: str, path: str) -> None:
    """403 for the one scope that the request needs, and no other refusal with it."""
    without = ask(emulate(scopes={"NONE"}), method, path, {})
    with_it = ask(emulate(scopes={scope}), method, path, {})

    assert (without.status, told(without)["error"], told(without)["details"]) == (
        403,
        "insufficient_scope",
        {"required": scope},
    )
    assert with_it.status != 403


def test_rate_limit_slides(emulate: Emulate, clock: ManualClock, example: Callable[[str], bytes]) -> None:
    """A thousand in any hour: three here; the headers count down, and the refusal says how long to wait."""
    emulator = emulate(rate_limit=3)
    remaining = []
    for _ in range(3):
        remaining.append(ask(emulator, "GET", "public/budgets").headers["X-RateLimit-Remaining"])
        clock.move(timedelta(minutes=10))

    refused = ask(emulator, "GET", "public/budgets")
    clock.move(timedelta(minutes=30))
    after = ask(emulator, "GET", "public/budgets")

    assert (remaining, refused.status, refused.headers["Retry-After"], after.status) == (
        ["2", "1", "0"],
        429,
        "1800",
        200,
    )
    assert told(refused)["details"] == {"limit": 3, "remaining": 0, "resetAt": "2030-01-31T13:00:00Z"}
    assert json.loads(example("too-many")).keys() <= told(refused).keys()
    assert {name: refused.headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Window")} == {
        "Limit": "3",
        "Remaining": "0",
        "Window": "3600",
    }


def test_limit_outlives_a_restart(emulate: Emulate) -> None:
    """It stands in the ledger, as invoices, customers and keys do."""
    ledger = Ledger()
    for _ in range(2):
        ask(emulate(ledger=ledger, rate_limit=2), "GET", "public/budgets")

    assert ask(emulate(ledger=ledger, rate_limit=2), "GET", "public/budgets").status == 429


def test_webhook_tests_have_a_limit_of_their_own(emulate: Emulate, clock: ManualClock) -> None:
    """Ten in any minute."""
    emulator = emulate()
    body = {"event": "connection_test", "data": {}}
    statuses = [ask(emulator, "POST", "public/webhooks/test", body).status for _ in range(11)]
    clock.move(timedelta(minutes=1))

    assert statuses == [200] * 10 + [429]
    assert ask(emulator, "POST", "public/webhooks/test", body).status == 200


@pytest.mark.parametrize("generation, name", [("G1", "webhook-test-g1"), ("G3", "webhook-test-g3")])
def test_webhook_test_answers_and_delivers(
    emulate: Emulate, example: Callable[[str], bytes], generation: str, name: str
) -> None:
    """As each SDK has it. Whether Billoget delivers is not documented; the emulator does."""
    emulator = emulate(generation=generation)

    answer = told(ask(emulator, "POST", "public/webhooks/test", {"event": "connection_test", "data": {"a": 1}}))

    assert answer["data"].keys() == json.loads(example(name))["data"].keys()
    assert kinds(emulator) == ["connection_test"]
    assert emulator.credentials["api_key"] not in json.dumps(answer)


G1, G3 = BODIES["G1"], BODIES["G3"]


@pytest.mark.parametrize(
    "generation, changes, field",
    [
        ("G1", {"customerId": None}, "customerId"),
        ("G1", {"customerId": "customer_9"}, "customerId"),
        ("G1", {"customerId": 501}, "customerId"),
        ("G1", {"items": []}, "items"),
        ("G1", {"items": {}}, "items"),
        ("G1", {"items": [7]}, "items[0]"),
        ("G1", {"items": [{**G1["items"][0], "quantity": 0}]}, "items[0].quantity"),
        ("G1", {"items": [{**G1["items"][0], "unitPrice": "10"}]}, "unitPrice"),
        ("G1", {"items": [{**G1["items"][0], "unitPrice": 10.555}]}, "unitPrice"),
        ("G1", {"items": [{**G1["items"][0], "productId": None}]}, "items[0].productId"),
        ("G1", {"notes": 7}, "notes"),
        ("G1", {"metadata": []}, "metadata"),
        ("G1", {"validUntil": "tomorrow"}, "validUntil"),
        ("G3", {"currency": "XXY"}, "currency"),
        ("G3", {"currency": None}, "currency"),
        ("G3", {"customerId": "501"}, "customerId"),
        ("G3", {"sellerId": None}, "sellerId"),
        ("G3", {"minimumPaymentToConfirm": None}, "minimumPaymentToConfirm"),
        ("G3", {"minimumPaymentToConfirm": -1}, "minimumPaymentToConfirm"),
        ("G3", {"iva": None}, "iva"),
        ("G3", {"iva": 1}, "total"),
        ("G3", {"subtotal": 21.11}, "subtotal"),
        ("G3", {"total": 25.52}, "total"),
        ("G3", {"issueDate": None}, "issueDate"),
        ("G3", {"expirationDate": "2030-03-01"}, "expirationDate"),
        ("G3", {"metadata": {}}, "metadata"),
        ("G3", {"items": [{**G3["items"][0], "packageId": 9}]}, "items[0].productId"),
    ],
    ids=str,
)
def test_wrong_field_is_refused_by_its_name(
    emulate: Emulate, generation: str, changes: dict[str, Any], field: str
) -> None:
    """422, and nothing is made."""
    emulator = emulate(generation=generation)

    answer = ask(emulator, "POST", "public/budgets", {**BODIES[generation], **changes})

    assert (answer.status, told(answer)["details"]["field"]) == (422, field)
    assert emulator.ledger.select(EmulatedInvoice) == []


@pytest.mark.parametrize(
    "body, content_type", [(b"", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain"), (b"{", "")]
)
def test_body_that_is_no_json_object_is_refused(emulate: Emulate, body: bytes, content_type: str) -> None:
    """The documentation wants JSON, and its type said."""
    assert ask(emulate(), "POST", "public/budgets", body, Content_Type=content_type).status == 400


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "public/budgets/9"),
        ("PATCH", "public/budgets/123"),
        ("GET", "public/budgets/123/items"),
        ("PUT", "public/budgets"),
        ("GET", "public/customers/9"),
        ("PATCH", "public/customers"),
        ("GET", "public/webhooks/test"),
        ("GET", "public/budgets/token/none"),
        ("POST", "public/budgets/token/none/confirm"),
        ("GET", "private"),
    ],
)
def test_unknown_thing_is_not_found(emulate: Emulate, method: str, path: str) -> None:
    """404 for addresses and things alike."""
    answer = ask(emulate(), method, path, {})

    assert (answer.status, told(answer)["error"]) == (404, "not_found")


def test_g1_has_no_public_creation(emulate: Emulate) -> None:
    """It is of G3 alone."""
    assert ask(emulate(generation="G1"), "POST", "budgets/public", BODIES["G1"]).status == 404


def test_address_may_have_no_version(emulate: Emulate) -> None:
    """The documentation has both, so that a shop may be tried with either."""
    emulator = emulate()
    headers = {"Authorization": f"Bearer {emulator.credentials['api_key']}"}
    request = HttpRequest(method="GET", url="http://127.0.0.1/api/public/budgets", headers=headers)

    assert emulator.handle(request).status == 200


@pytest.mark.parametrize("what, state, event", [("confirm", 1, "budget.approved"), ("reject", 2, "budget.rejected")])
def test_public_calls_need_no_key(
    emulate: Emulate, example: Callable[[str], bytes], what: str, state: int, event: str
) -> None:
    """By token a customer sees, confirms and rejects a budget, once."""
    emulator = emulate()
    token = told(ask(emulator, "POST", "budgets/public", BODIES["G3"]))["data"]["publicToken"]
    paths = ["public/budgets/public/123", f"public/budgets/token/{token}", f"public/budgets/debug/token/{token}"]
    shown = {ask(emulator, "GET", path, Authorization="").body for path in paths}

    decided = ask(emulator, "POST", f"public/budgets/token/{token}/{what}", Authorization="")
    again = ask(emulator, "POST", f"public/budgets/token/{token}/{what}", Authorization="")

    documented = json.loads(example("confirmed" if what == "confirm" else "rejected"))
    assert (len(shown), decided.status, again.status, told(again)["error"]) == (1, 200, 409, "conflict")
    assert (told(decided)["data"].keys(), told(decided)["data"]["budget"]["state"]) == (
        documented["data"].keys(),
        state,
    )
    assert kinds(emulator) == ["budget.created", event]


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


@pytest.mark.parametrize("encoding, prefix", [("hex", ""), ("hex", "sha256="), ("base64", ""), ("base64", "sha256=")])
def test_webhooks_are_signed_as_the_option_says(emulate: Emulate, at: At, encoding: str, prefix: str) -> None:
    """None of it is documented: each way can be tried, and the plugin takes it with the same setting."""
    emulator = emulate(webhook_encoding=encoding, webhook_prefix=prefix)
    gateway = at(emulator, webhook_encoding=encoding)
    gateway.create_invoice(REQUEST)
    seen = []

    def shop(request: HttpRequest) -> int:
        seen.append(gateway.verify_webhook(WebhookRequest(body=request.body, headers=request.headers)))
        return 200

    assert emulator.deliver(shop) == 1
    assert seen[0].events[0].kind == "budget.created"


def test_tampered_webhook_is_refused(emulate: Emulate, at: At) -> None:
    """W1: the dashboard's button changes the body after it was signed."""
    emulator = emulate()
    gateway = at(emulator)
    gateway.create_invoice(REQUEST)
    ((_, queued),) = emulator.ledger.select(QueuedDelivery)
    emulator.tamper(queued.id)
    reasons = []

    def shop(request: HttpRequest) -> int:
        try:
            gateway.verify_webhook(WebhookRequest(body=request.body, headers=request.headers))
        except WebhookError as error:
            reasons.append(error.reason.value)
            return error.http_status
        return 200

    assert (emulator.deliver(shop), reasons) == (2, ["wrong signature"])


@pytest.mark.parametrize(
    "redelivery, minutes",
    [(None, [0, 1, 3, 7, 15, 31, 63]), ((timedelta(minutes=5),) * 2, [0, 5, 10])],
    ids=["usual", "option"],
)
def test_webhook_is_sent_again_ever_later(
    emulate: Emulate, clock: ManualClock, redelivery: tuple[timedelta, ...] | None, minutes: list[int]
) -> None:
    """Exponentially, as is documented; the same bytes with the same delivery id each time."""
    emulator = emulate(redelivery=redelivery)
    ask(emulator, "POST", "budgets/public", BODIES["G3"])
    bodies, times = set(), []

    def shop(request: HttpRequest) -> int:
        bodies.add((request.body, request.headers["X-Billoget-Signature"]))
        times.append((clock() - START) // timedelta(minutes=1))
        return 500

    for _ in range(120):
        emulator.deliver(shop)
        clock.move(timedelta(minutes=1))

    assert (times, len(bodies)) == (minutes, 1)


def test_shop_without_an_address_is_sent_nothing(emulate: Emulate) -> None:
    """Events of customers and tests of the webhook included."""
    emulator = emulate(webhook_url=None, generation="G1")
    ask(emulator, "POST", "public/budgets", BODIES["G1"])
    ask(emulator, "POST", "public/customers", {"name": "Bo", "email": "bo@shop.example"})
    ask(emulator, "POST", "public/webhooks/test", {"event": "x", "data": {}})

    assert kinds(emulator) == []


@each_generation
def test_settings_lead_to_a_gateway_that_makes_invoices(emulate: Emulate, generation: str) -> None:
    """What `gateway sandbox billoget` writes into a configuration is texts, and all that is needed."""
    from gateway_core.config import structure

    settings = structure(BillogetSettings, emulate(generation=generation).settings("http://127.0.0.1:4010"), where="x")

    assert (settings.generation, settings.base_url) == (generation, "http://127.0.0.1:4010/v1")
    assert settings.create_mode == {"G1": "budgets", "G3": "public"}[generation]


def test_state_outlives_a_restart(emulate: Emulate, at: At, tmp_path: Path) -> None:
    """Keys, budgets, customers and series stand in the file."""
    path = tmp_path / "billoget.db"
    ledger = Ledger(path)
    first = emulate(ledger=ledger)
    invoice = at(first).create_invoice(REQUEST)
    ledger.close()
    ledger = Ledger(path)

    again = emulate(ledger=ledger)

    assert again.credentials == first.credentials
    assert at(again).get_status(invoice.id).status is InvoiceStatus.PENDING
    assert at(again).create_invoice(REQUEST).id == "124"
    assert len(told(ask(again, "GET", "public/customers"))["data"]["data"]) == 1
    ledger.close()


def test_threads_share_an_emulator(emulate: Emulate) -> None:
    """No number is given twice, and no request is forgotten."""
    emulator = emulate()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(emulator, "POST", "budgets/public", BODIES["G3"]), range(40)))

    numbers = {told(answer)["data"]["budgetId"] for answer in answers}

    assert (numbers, answers[0].headers["X-RateLimit-Window"]) == (set(range(123, 163)), "3600")
    assert ask(emulator, "GET", "public/budgets").headers["X-RateLimit-Remaining"] == "959"


def test_refusals_reach_the_shop_as_errors(emulate: Emulate, at: At) -> None:
    """Limit and scopes, through the gateway."""
    busy = at(emulate(rate_limit=1))
    busy.check_account()

    with pytest.raises(RateLimitedError) as caught:
        busy.check_account()
    with pytest.raises(PermissionDeniedError):
        at(emulate(scopes=frozenset())).check_account()

    assert caught.value.retry_after == 3600
