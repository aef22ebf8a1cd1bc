"""How the emulator behaves: by Billoget's documentation where it speaks, and by the README's list where it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway_billoget.emulator import BillogetEmulator
from gateway_core import HttpRequest, HttpResponse
from gateway_core.testing import EmulatedInvoice, Ledger, ManualClock, QueuedDelivery

Emulate = Callable[..., BillogetEmulator]

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
