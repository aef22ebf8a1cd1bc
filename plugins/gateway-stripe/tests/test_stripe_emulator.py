"""The emulator's own rules, as Stripe documents them: forms, pages, expansion, keys, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from gateway_core import HttpRequest, Money
from gateway_core.testing import EmulatedAccount
from gateway_stripe.emulator import StripeEmulator

_SESSION = {
    "mode": "payment",
    "success_url": "https://shop.test/ok",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "eur",
    "line_items[0][price_data][unit_amount]": "1099",
    "line_items[0][price_data][product_data][name]": "Order A-1",
}

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(emulator: StripeEmulator) -> Ask:
    """Give what sends a request with the account's key, and tells status and answer."""

    def ask(method: str, path: str, fields: dict[str, str] | str = "", **headers: str) -> tuple[int, Any]:
        text = fields if isinstance(fields, str) else urlencode(fields)
        asked = HttpRequest(
            method=method,
            url=f"http://127.0.0.1/v1/{path}" + (f"?{text}" if method == "GET" and text else ""),
            headers={
                "Authorization": f"Bearer {emulator.credentials['api_key']}",
                "Content-Type": "application/x-www-form-urlencoded",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
            body=text.encode() if method == "POST" else b"",
        )
        answer = emulator.handle(asked)
        assert answer.headers["Request-Id"].startswith("req_")
        return answer.status, json.loads(answer.body)

    return ask


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in _SESSION.items() if key != name}


@pytest.mark.parametrize(
    "fields, status, told",
    [
        (_without("success_url"), 400, "Missing required param: success_url."),
        (_without("mode"), 400, "Missing required param: mode."),
        ({"mode": "payment", "success_url": "https://shop.test"}, 400, "Missing required param: line_items."),
        (_without("line_items[0][quantity]"), 400, "Missing required param: line_items[0][quantity]."),
        (_SESSION | {"line_items[0][price_data][unit_amount]": "10.99"}, 400, "Invalid integer: 10.99"),
        (_SESSION | {"line_items[0][price_data][unit_amount]": "0"}, 400, "above zero"),
        (_SESSION | {"line_items[0][price_data][unit_amount]": "1" * 13}, 400, "too large"),
        (_SESSION | {"line_items[0][price_data][currency]": "zzz"}, 400, "Invalid currency: zzz."),
        (_SESSION | {"line_items[0][price_data][currency]": "isk"}, 400, "last digits must be 0"),
        (_SESSION | {"client_reference_id": "x" * 201}, 400, "at most 200 characters"),
        (_SESSION | {"customer": "cus_1", "customer_email": "a@b.test"}, 400, "only specify one of these parameters"),
        (_SESSION | {"expires_at": "1767270000"}, 400, "at least 30 minutes"),
        (_SESSION | {"expires_at": "1767355200"}, 400, "less than 24 hours"),
        (_SESSION | {"payment_method_types[0]": "card"}, 400, "Received unknown parameter: payment_method_types"),
        (_SESSION | {"payment_intent_data[capture_method]": "later"}, 400, "capture_method"),
        (_SESSION | {f"metadata[{'k' * 41}]": "v"}, 400, "Metadata keys"),
    ],
)
def test_session_that_stripe_would_not_make(ask: Ask, fields: dict[str, str], status: int, told: str) -> None:
    """Each documented rule is kept, in Stripe's own form of an error."""
    seen, answer = ask("POST", "checkout/sessions", fields)

    assert seen == status
    assert answer["error"]["type"] == "invalid_request_error"
    assert told in answer["error"]["message"]


@pytest.mark.parametrize(
    "method, path, status, code",
    [
        ("GET", "checkout/sessions/cs_test_x", 404, "resource_missing"),
        ("GET", "checkout/sessions/x", 400, None),
        ("GET", "payment_intents/pi_x", 404, "resource_missing"),
        ("POST", "payment_intents/pi_x/capture", 404, "resource_missing"),
        ("GET", "charges/ch_x", 404, "resource_missing"),
        ("GET", "refunds/re_x", 404, "resource_missing"),
        ("GET", "disputes/dp_x", 404, "resource_missing"),
        ("GET", "events/evt_x", 404, "resource_missing"),
        ("GET", "nothing", 404, None),
        ("DELETE", "charges", 404, None),
    ],
)
def test_what_is_not_there(ask: Ask, method: str, path: str, status: int, code: str | None) -> None:
    """What does not exist is told as Stripe tells it."""
    seen, answer = ask(method, path)

    assert (seen, answer["error"].get("code")) == (status, code)


@pytest.mark.parametrize("given", ["", "Bearer sk_test_wrong", "Basic c2tfdGVzdF94Og=="])
def test_key_is_needed(ask: Ask, given: str) -> None:
    """Without the account's key there is no answer."""
    assert ask("GET", "charges", Authorization=given)[0] == 401


def test_brackets_without_numbers(ask: Ask) -> None:
    """Lists may be written as ``a[]``, too, and an object may be expanded on its way back."""
    made = ask("POST", "checkout/sessions", f"{urlencode(_SESSION)}&expand[]=line_items&expand[]=payment_intent")[1]

    assert made["line_items"]["data"][0]["amount_total"] == 1099
    assert made["payment_intent"] is None


@pytest.mark.parametrize("path", ["zorblax", "payment_intent.zorblax", "a.b.c.d.e"])
def test_what_cannot_be_expanded(ask: Ask, account: EmulatedAccount, path: str) -> None:
    """An unknown property, or a fifth level, is refused."""
    made = ask("POST", "checkout/sessions", _SESSION)[1]
    account.pay(made["id"])

    status, answer = ask("GET", f"checkout/sessions/{made['id']}", f"expand[]={path}")

    assert (status, "expand" in answer["error"]["message"]) == (400, True)


def test_payer_comes_back_with_the_sessions_id(ask: Ask, account: EmulatedAccount) -> None:
    """The placeholder in the return address becomes the id on the payer's way back, and stays in the session."""
    address = "https://shop.test/ok?s={CHECKOUT_SESSION_ID}"

    made = ask("POST", "checkout/sessions", _SESSION | {"success_url": address})[1]

    assert made["success_url"] == address
    assert account.invoice(made["id"]).return_url == f"https://shop.test/ok?s={made['id']}"


def test_pages_in_both_directions(ask: Ask) -> None:
    """The newest come first; a page begins after one id or ends before another."""
    made = [ask("POST", "checkout/sessions", _SESSION)[1]["id"] for _ in range(5)][::-1]

    first = ask("GET", "checkout/sessions", "limit=2")[1]
    second = ask("GET", "checkout/sessions", f"limit=2&starting_after={made[1]}")[1]
    last = ask("GET", "checkout/sessions", f"limit=2&starting_after={made[3]}")[1]
    before = ask("GET", "checkout/sessions", f"limit=2&ending_before={made[3]}")[1]

    ids = [[each["id"] for each in page["data"]] for page in (first, second, last, before)]
    assert ids == [made[:2], made[2:4], made[4:], made[1:3]]
    assert [page["has_more"] for page in (first, second, last, before)] == [True, True, False, True]
    assert first["url"] == "/v1/checkout/sessions"
    assert ask("GET", "checkout/sessions", "limit=101")[0] == 400
    assert ask("GET", "checkout/sessions", "limit=0")[0] == 400
    assert ask("GET", "checkout/sessions", "starting_after=cs_test_x")[0] == 400


def test_filters(ask: Ask, account: EmulatedAccount) -> None:
    """Sessions are filtered by status, payment, email and creation."""
    made = ask("POST", "checkout/sessions", _SESSION | {"customer_email": "ada@example.com"})[1]
    ask("POST", "checkout/sessions", _SESSION)
    payment = account.pay(made["id"])

    for query in (
        "status=complete",
        f"payment_intent={payment.id}",
        "customer_details[email]=ada@example.com",
    ):
        assert [each["id"] for each in ask("GET", "checkout/sessions", query)[1]["data"]] == [made["id"]], query
    created = made["created"]
    for query, count in ((f"created={created}", 2), (f"created[gt]={created}", 0), (f"created[lte]={created}", 2)):
        assert len(ask("GET", "checkout/sessions", query)[1]["data"]) == count, query


def test_keys(ask: Ask, account: EmulatedAccount) -> None:
    """A key gives the first answer for a day; with other parameters, or for another endpoint, it is an error."""
    first = ask("POST", "checkout/sessions", _SESSION, Idempotency_Key="k")[1]
    account.pay(first["id"])

    assert ask("POST", "checkout/sessions", _SESSION, Idempotency_Key="k")[1] == first
    status, answer = ask("POST", "checkout/sessions", _SESSION | {"cancel_url": "https://x.test"}, Idempotency_Key="k")
    assert (status, answer["error"]["type"]) == (400, "idempotency_error")
    status, answer = ask("POST", "refunds", {"charge": "ch"}, Idempotency_Key="k")
    assert (status, answer["error"]["type"]) == (400, "idempotency_error")
    assert "for the same endpoint" in answer["error"]["message"]
    assert ask("POST", "checkout/sessions", _SESSION, Idempotency_Key="k" * 256)[0] == 400
    account.advance(hours=24)
    assert ask("POST", "checkout/sessions", _SESSION, Idempotency_Key="k")[1]["id"] != first["id"]


def test_refusal_is_not_kept_for_its_key(ask: Ask, account: EmulatedAccount) -> None:
    """After a refusal the same key may be tried again."""
    made = ask("POST", "checkout/sessions", _SESSION)[1]
    account.pay(made["id"])
    intent = ask("GET", f"checkout/sessions/{made['id']}")[1]["payment_intent"]

    refused = ask("POST", "refunds", {"payment_intent": intent, "amount": "9999"}, Idempotency_Key="k")
    made = ask("POST", "refunds", {"payment_intent": intent, "amount": "99"}, Idempotency_Key="k")

    assert (refused[0], made[0]) == (400, 200)
    assert refused[1]["error"]["message"] == "Refund amount (9999) is greater than charge amount (1099)"


def test_metadata_is_merged(ask: Ask) -> None:
    """A change adds and replaces; an empty text takes away."""
    made = ask("POST", "checkout/sessions", _SESSION | {"metadata[a]": "1", "metadata[b]": "2"})[1]

    changed = ask("POST", f"checkout/sessions/{made['id']}", {"metadata[b]": "", "metadata[c]": "3"})[1]

    assert changed["metadata"] == {"a": "1", "c": "3"}


def test_refund_of_a_charge(ask: Ask, account: EmulatedAccount) -> None:
    """A refund may name the charge; without an amount it is the rest."""
    made = ask("POST", "checkout/sessions", _SESSION)[1]
    account.pay(made["id"])
    [charge] = ask("GET", "charges")[1]["data"]
    ask("POST", "refunds", {"charge": charge["id"], "amount": "99"})

    rest = ask("POST", "refunds", {"charge": charge["id"], "reason": "duplicate"})[1]

    assert (rest["amount"], rest["reason"], rest["status"]) == (1000, "duplicate", "succeeded")
    assert ask("POST", "refunds", {"charge": charge["id"]})[1]["error"]["code"] == "charge_already_refunded"
    assert ask("POST", "refunds", {})[0] == 400
    assert ask("POST", "refunds", {"charge": charge["id"], "reason": "torn"})[0] == 400


def test_payment_that_was_not_reserved(ask: Ask, account: EmulatedAccount) -> None:
    """What is taken already is neither captured nor canceled."""
    made = ask("POST", "checkout/sessions", _SESSION)[1]
    intent = account.pay(made["id"]).id

    for action in ("capture", "cancel"):
        status, answer = ask("POST", f"payment_intents/{intent}/{action}")
        assert (status, answer["error"]["code"]) == (400, "payment_intent_unexpected_state")


def test_ways_to_pay(emulator: StripeEmulator, account: EmulatedAccount, ask: Ask) -> None:
    """A bank debit is offered for euros that are taken at once."""
    euros = ask("POST", "checkout/sessions", _SESSION)[1]["id"]
    dollars = ask("POST", "checkout/sessions", _SESSION | {"line_items[0][price_data][currency]": "usd"})[1]["id"]

    ways = [[way.id for way in emulator.ways_to_pay(account.invoice(each))] for each in (euros, dollars)]

    assert ways == [["card", "sepa_debit"], ["card"]]
    assert emulator.ways_to_pay(account.invoice(euros))[0].amount == Money("10.99", "EUR")


def test_actions_follow_the_payment(account: EmulatedAccount, emulator: StripeEmulator, ask: Ask) -> None:
    """The dashboard offers what can happen now, and does it."""
    held = _SESSION | {"payment_intent_data[capture_method]": "manual"}
    ids = [ask("POST", "checkout/sessions", fields)[1]["id"] for fields in (held, held, _SESSION, _SESSION, _SESSION)]

    def offered(invoice_id: str) -> list[str]:
        return [action.id for action in emulator.actions(account.invoice(invoice_id))]

    def status(invoice_id: str) -> str:
        return account.gateway.get_status(invoice_id).status.value

    captured, released, settled, bounced, expired = ids
    assert offered(captured) == ["expire"]
    account.pay(captured)
    account.pay(released)
    for each in (settled, bounced):
        emulator.pay(account.invoice(each).token, way="sepa_debit")
    assert [offered(each) for each in ids] == [
        ["capture", "release"],
        ["capture", "release"],
        ["settle", "bounce"],
        ["settle", "bounce"],
        ["expire"],
    ]

    for each, action in zip(ids, ("capture", "release", "settle", "bounce", "expire"), strict=True):
        account.act(each, action)
    assert [status(each) for each in ids] == ["paid", "canceled", "paid", "failed", "expired"]
    assert [offered(each) for each in (released, bounced, expired)] == [[], [], []]

    account.act(settled, "refund", Money("3", "EUR"))
    assert offered(settled) == ["refund", "dispute", "inquire", "refund-done", "refund-fail"]
    account.act(settled, "refund-done")
    assert status(settled) == "partially_refunded"
    account.act(settled, "refund-fail")
    assert status(settled) == "paid"

    for first, last in (("inquire", "win"), ("dispute", "lose")):
        account.act(captured, first)
        assert offered(captured) == ["win", "lose"]
        account.act(captured, last)
    assert account.gateway.get_status(captured).disputed == Money("10.99", "EUR")
    assert offered(captured) == []
