"""The emulator answers and refuses as Mollie's documentation says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from gateway_core import HttpRequest, HttpResponse, Money
from gateway_core.errors import NotFoundError, RejectedError
from gateway_core.testing import EmulatedAccount, EmulatedInvoice
from gateway_core.wire import loads
from gateway_mollie.emulator import MollieEmulator

BASE = "http://127.0.0.1:4010/mollie/v2"
ORDER = {
    "amount": {"currency": "EUR", "value": "10.00"},
    "description": "Order 77",
    "redirectUrl": "https://shop.example/back",
    "metadata": {"order": 77, "weights": [Decimal("0.1"), 2]},
}


@pytest.fixture
def mollie(account: EmulatedAccount) -> MollieEmulator:
    """Give the emulator."""
    assert isinstance(account.emulator, MollieEmulator)
    return account.emulator


@pytest.fixture
def call(mollie: MollieEmulator) -> Callable[..., HttpResponse]:
    """Give what sends one request with the account's key."""

    def call(method: str, path: str, content: Any = None, **headers: str) -> HttpResponse:
        known = {"Authorization": f"Bearer {mollie.credentials['api_key']}"}
        known |= {name.replace("_", "-"): value for name, value in headers.items()}
        if content is None:
            return mollie.handle(HttpRequest(method=method, url=f"{BASE}/{path}", headers=known))
        return mollie.handle(HttpRequest.json(method, f"{BASE}/{path}", content, headers=known))

    return call


Call = Callable[..., HttpResponse]


@pytest.fixture
def made(call: Call) -> dict[str, Any]:
    """Give a payment."""
    document: dict[str, Any] = loads(call("POST", "payments", ORDER).body)
    return document


def token_of(document: dict[str, Any]) -> str:
    """Return the token of a payment's checkout page."""
    return str(document["_links"]["checkout"]["href"]).rpartition("/")[2]


def test_payment_is_made_as_documented(call: Call) -> None:
    """HAL, with every required field, its own base in the addresses, and metadata as it was sent."""
    response = call("POST", "payments", ORDER)

    document = loads(response.body)
    required = {"resource", "id", "mode", "createdAt", "amount", "description", "status", "profileId", "sequenceType"}
    assert (response.status, response.headers["Content-Type"]) == (201, "application/hal+json")
    assert required | {"_links"} <= document.keys()
    assert document["_links"]["self"]["href"] == f"{BASE}/payments/{document['id']}"
    assert document["metadata"] == ORDER["metadata"]
    assert (document["status"], document["mode"], document["isCancelable"]) == ("open", "test", False)


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"amount": {"currency": "EUR", "value": "16.1"}}, "amount.value"),
        ({"amount": {"currency": "EUR", "value": Decimal("16.1")}}, "amount.value"),
        ({"amount": {"currency": "EUR", "value": "-1.00"}}, "amount.value"),
        ({"amount": {"currency": "JPY", "value": "100.00"}}, "amount.value"),
        ({"amount": {"currency": "BGN", "value": "10.00"}}, "amount.currency"),
        ({"amount": {"currency": "EUR", "value": "0.00"}}, "amount"),
        ({"amount": "10.00"}, "amount"),
        ({"description": None}, "description"),
        ({"description": ""}, "description"),
        ({"redirectUrl": None}, "redirectUrl"),
        ({"redirectUrl": "back"}, "redirectUrl"),
        ({"webhookUrl": "hook"}, "webhookUrl"),
        ({"webhookUrl": "http://["}, "webhookUrl"),
        ({"method": "cash"}, "method"),
        ({"method": ["ideal", 7]}, "method"),
        ({"captureMode": "later"}, "captureMode"),
        ({"profileId": "pfl_1"}, "profileId"),
        ({"testmode": True}, "testmode"),
        ({"lines": {}}, None),
        ({"lines": ["x"]}, "lines.0"),
    ],
    ids=str,
)
def test_payment_that_is_wrong_is_refused(call: Call, changes: dict[str, Any], field: str | None) -> None:
    """HTTP 422, which names the field."""
    response = call("POST", "payments", {**ORDER, **changes})

    if changes == {"lines": {}}:  # as good as none
        assert response.status == 201
    else:
        assert (response.status, loads(response.body)["field"]) == (422, field)


@pytest.mark.parametrize("total, sum_, status", [("5.00", "10.00", 201), ("5.00", "9.99", 422), ("4.00", "8.00", 422)])
def test_lines_add_up_to_the_amount(call: Call, total: str, sum_: str, status: int) -> None:
    """Each line, and all of them."""
    line = {
        "description": "Ticket",
        "quantity": 2,
        "unitPrice": {"currency": "EUR", "value": total},
        "totalAmount": {"currency": "EUR", "value": sum_},
    }

    assert call("POST", "payments", {**ORDER, "lines": [line]}).status == status


def test_description_is_cut_and_not_refused(call: Call) -> None:
    """After 255 characters."""
    assert loads(call("POST", "payments", {**ORDER, "description": "a" * 300}).body)["description"] == "a" * 255


@pytest.mark.parametrize(
    "method, path, status, detail",
    [
        ("GET", "payments/tr_none1", 404, "No payment exists with token tr_none1."),
        ("GET", "nothing", 404, "Unknown resource"),
        ("PUT", "payments", 405, "Method not allowed, use GET, POST"),
        ("GET", "payments?from=tr_none1", 400, "Invalid cursor value"),
        ("GET", "payments?limit=251", 400, "Invalid limit, use 1 to 250"),
        ("GET", "payments?sort=up", 400, "Invalid sort direction"),
    ],
)
def test_request_that_is_wrong_is_refused(call: Call, method: str, path: str, status: int, detail: str) -> None:
    """In Mollie's form of an error."""
    response = call(method, path)

    document = loads(response.body)
    assert (response.status, document["status"], document["detail"]) == (status, status, detail)
    assert document["_links"]["documentation"]["type"] == "text/html"


@pytest.mark.parametrize("sent", ["", "Bearer test_other", "Basic x", "Bearer \xe4"])
def test_wrong_key_is_refused(mollie: MollieEmulator, sent: str) -> None:
    """With Mollie's title, which the others have not."""
    response = mollie.handle(
        HttpRequest(method="GET", url=f"{BASE}/payments", headers={"Authorization": sent} if sent else {})
    )

    assert (response.status, loads(response.body)["title"]) == (401, "Unauthorized Request")


@pytest.mark.parametrize("body, kind, status", [(b"{", "json", 400), (b"[]", "json", 400), (b"{}", "xml", 415)])
def test_body_that_is_no_object_is_refused(mollie: MollieEmulator, body: bytes, kind: str, status: int) -> None:
    """And so is one of another type."""
    headers = {"Authorization": f"Bearer {mollie.credentials['api_key']}", "Content-Type": f"application/{kind}"}

    assert (
        mollie.handle(HttpRequest(method="POST", url=f"{BASE}/payments", headers=headers, body=body)).status == status
    )


def test_same_key_gives_the_same_answer(call: Call, account: EmulatedAccount) -> None:
    """For an hour, and with the header that says so; with other content it is refused."""
    first, again = (call("POST", "payments", ORDER, Idempotency_Key="k") for _ in range(2))
    other = call("POST", "payments", {**ORDER, "description": "Other"}, Idempotency_Key="k")
    account.advance(hours=1)
    later = call("POST", "payments", ORDER, Idempotency_Key="k")

    assert (first.body == again.body, again.headers.get("Idempotent-Replayed")) == (True, "true")
    assert (other.status, loads(other.body)["detail"]) == (400, "This Idempotency-Key has already been used.")
    assert (later.status, later.body == first.body) == (201, False)


def test_refusal_is_not_kept(call: Call) -> None:
    """Whether Mollie keeps one is not documented."""
    wrong, right = (
        call("POST", "payments", {}, Idempotency_Key="k"),
        call("POST", "payments", ORDER, Idempotency_Key="k"),
    )

    assert (wrong.status, right.status) == (422, 201)


def test_list_is_walked_both_ways(call: Call) -> None:
    """Newest first, by the address of the next page and of the one before."""
    ids = [loads(call("POST", "payments", ORDER).body)["id"] for _ in range(5)]
    seen, path = [], "payments?limit=2"
    pages = []
    while path:
        document = loads(call("GET", path).body)
        pages.append(document)
        seen += [each["id"] for each in document["_embedded"]["payments"]]
        path = (document["_links"]["next"] or {"href": f"{BASE}/"})["href"].removeprefix(f"{BASE}/")

    assert seen == ids[::-1]
    assert [each["count"] for each in pages] == [2, 2, 1]
    assert pages[0]["_links"]["previous"] is None
    back = loads(call("GET", pages[2]["_links"]["previous"]["href"].removeprefix(f"{BASE}/")).body)
    assert back["_embedded"] == pages[1]["_embedded"]
    oldest = loads(call("GET", "payments?limit=1&sort=asc").body)
    assert [each["id"] for each in oldest["_embedded"]["payments"]] == ids[:1]


def test_payment_is_updated_while_it_is_open(call: Call, mollie: MollieEmulator, made: dict[str, Any]) -> None:
    """Texts and addresses; afterwards nothing."""
    changes = {"description": "New", "redirectUrl": "https://shop.example/new", "metadata": {"order": 78}}
    changed = loads(call("PATCH", f"payments/{made['id']}", changes).body)
    mollie.pay(token_of(made))

    assert {name: changed[name] for name in changes} == changes
    assert call("PATCH", f"payments/{made['id']}", changes).status == 422


def test_parts_of_a_payment_are_read_one_by_one(call: Call, mollie: MollieEmulator, made: dict[str, Any]) -> None:
    """Refunds and chargebacks by list, by id, and embedded."""
    mollie.refund_delay = timedelta(hours=2)
    payment = made["id"]
    mollie.pay(token_of(made))
    refund = loads(call("POST", f"payments/{payment}/refunds", {"amount": ORDER["amount"]}).body)
    chargeback = mollie.charge_back(payment, Money("4.00", "EUR"))

    embedded = loads(call("GET", f"payments/{payment}?embed=refunds,chargebacks,captures").body)
    listed = loads(call("GET", f"payments/{payment}/chargebacks").body)

    assert [each["id"] for each in embedded["_embedded"]["refunds"]] == [refund["id"]]
    assert embedded["_embedded"]["chargebacks"] == listed["_embedded"]["chargebacks"]
    assert embedded["_embedded"]["captures"] == []
    assert loads(call("GET", f"payments/{payment}/refunds/{refund['id']}").body) == refund
    assert loads(call("GET", f"payments/{payment}/chargebacks/{chargeback}").body)["reversedAt"] is None
    assert (embedded["amountRemaining"]["value"], embedded["amountChargedBack"]["value"]) == ("0.00", "4.00")
    assert call("GET", f"payments/{payment}?embed=lines").status == 400
    assert call("GET", f"payments/{payment}/refunds/re_none").status == 404


def test_canceled_refund_is_gone(call: Call, mollie: MollieEmulator, made: dict[str, Any]) -> None:
    """It answers 404 afterwards, and the money is there again; one that was carried out cannot be canceled."""
    mollie.refund_delay = timedelta(hours=2)
    path = f"payments/{made['id']}/refunds"
    mollie.pay(token_of(made))
    refund = loads(call("POST", path, {"amount": ORDER["amount"]}).body)["id"]

    canceled = call("DELETE", f"{path}/{refund}")

    assert (canceled.status, canceled.body, call("GET", f"{path}/{refund}").status) == (204, b"", 404)
    mollie.refund_delay = timedelta(0)
    again = loads(call("POST", path, {"amount": ORDER["amount"]}).body)["id"]
    assert call("DELETE", f"{path}/{again}").status == 422


@pytest.mark.parametrize("state, status", [("authorized", 202), ("open", 422)])
def test_authorization_is_released(call: Call, mollie: MollieEmulator, state: str, status: int) -> None:
    """HTTP 202, and canceled in the end."""
    made = loads(call("POST", "payments", {**ORDER, "captureMode": "manual"}).body)
    if state == "authorized":
        mollie.pay(token_of(made))

    assert call("POST", f"payments/{made['id']}/release-authorization").status == status


@pytest.mark.parametrize(
    "value, reason", [("1001.00", "invalid_card_number"), ("1007.00", "insufficient_funds"), ("10.00", None)]
)
def test_amount_decides_why_a_card_fails(call: Call, mollie: MollieEmulator, value: str, reason: str | None) -> None:
    """As in Mollie's test mode."""
    order = {**ORDER, "amount": {"currency": "EUR", "value": value}, "method": "creditcard"}
    made = loads(call("POST", "payments", order).body)
    mollie.decline(token_of(made))

    document = loads(call("GET", f"payments/{made['id']}").body)

    assert (document["status"], document.get("details", {}).get("failureReason")) == ("failed", reason)


def test_payer_chooses_among_what_is_offered(mollie: MollieEmulator, call: Call) -> None:
    """Of all methods, of some, and of those that hold money."""
    offers: list[dict[str, Any]] = [{}, {"method": ["ideal", "paypal"]}, {"captureMode": "manual"}]
    tokens = [token_of(loads(call("POST", "payments", {**ORDER, **each}).body)) for each in offers]

    ways = [[way.id for way in mollie.ways_to_pay(mollie.invoice(token))] for token in tokens]

    assert (ways[0][:2], ways[1], ways[2]) == (["ideal", "creditcard"], ["ideal", "paypal"], ["creditcard", "klarna"])
    with pytest.raises(NotFoundError):
        mollie.begin(tokens[1], "klarna")


def test_what_nobody_paid_is_not_charged_back(mollie: MollieEmulator, made: dict[str, Any]) -> None:
    """Nor is more than there is."""
    with pytest.raises(RejectedError):
        mollie.charge_back(made["id"])
    mollie.pay(token_of(made))

    with pytest.raises(RejectedError):
        mollie.charge_back(made["id"], Money("10.01", "EUR"))
    with pytest.raises(NotFoundError):
        mollie.charge_back("tr_none1")
    with pytest.raises(NotFoundError):
        mollie.fail_refund("re_none")


def test_subscription_needs_an_access_token(call: Call) -> None:
    """An API key is told so."""
    assert call("POST", "webhooks", {"name": "x", "url": "https://shop.example", "eventTypes": ["*"]}).status == 403


def test_payment_without_an_address_has_no_webhook(mollie: MollieEmulator, made: dict[str, Any]) -> None:
    """Each payment bears its own, or none is sent."""
    mollie.pay(token_of(made))

    assert mollie.waiting() == ()


def test_states_are_kept_in_the_ledger(mollie: MollieEmulator, made: dict[str, Any]) -> None:
    """What was reserved by a request stands in the file, where a restart finds it."""
    record = mollie.ledger.get(EmulatedInvoice, made["id"])

    assert record is not None
    assert (record.amount, record.description, record.data["word"]) == (Money("10.00", "EUR"), "Order 77", "open")


def test_actions_lead_through_the_life_of_a_payment(mollie: MollieEmulator, call: Call) -> None:
    """What the dashboard offers is what can be done, and does it."""
    held, paid = (
        loads(call("POST", "payments", {**ORDER, "captureMode": each}).body) for each in ("manual", "automatic")
    )
    seen = []
    for made, steps in ((held, ["", "pay", "capture"]), (paid, ["begin", "pay", "charge-back", "reverse", "refund"])):
        token = token_of(made)
        for step in steps:
            if step == "pay":
                mollie.pay(token)
            elif step:
                mollie.act(token, step)
            seen.append([each.id for each in mollie.actions(mollie.invoice(token))])

    assert seen == [
        ["begin", "turn-back", "expire"],
        ["capture", "release"],
        ["refund", "charge-back"],
        ["turn-back"],
        ["refund", "charge-back"],
        ["refund", "reverse"],
        ["refund", "charge-back"],
        ["charge-back"],
    ]


@pytest.mark.parametrize("step, status", [("turn-back", "canceled"), ("expire", "expired"), ("release", "canceled")])
def test_payment_ends_by_an_action(mollie: MollieEmulator, call: Call, step: str, status: str) -> None:
    """As it would by itself."""
    made = loads(call("POST", "payments", {**ORDER, "captureMode": "manual"}).body)
    if step == "release":
        mollie.pay(token_of(made))
    mollie.act(token_of(made), step)

    assert loads(call("GET", f"payments/{made['id']}").body)["status"] == status
