"""The emulator keeps the rules that AzothPay documents, and sends the same fields in the same forms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway_azothpay.emulator import AzothPayEmulator
from gateway_azothpay.emulator.documents import TOKENS
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, ManualClock, QueuedDelivery
from gateway_core.wire import loads

Ask = Callable[..., tuple[int, Any]]

_FORMS = {
    "time": r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{7}Z",
    "hash": r"0x[0-9a-f]{64}",
    "address": r"0x[0-9A-Za-z]{40,41}",
    "url": r"https?://.+",
    "number": r"[0-9]+\.[0-9]{2}",
}


def form(value: Any) -> Any:
    """Return what a value looks like: its fields in their order, and the form of each."""
    if isinstance(value, dict):
        return [(name, form(each)) for name, each in value.items()]
    if isinstance(value, list):
        return [form(each) for each in value]
    if isinstance(value, str):
        return next((name for name, pattern in _FORMS.items() if re.fullmatch(pattern, value)), "text")
    return type(value).__name__


@pytest.fixture
def ask(emulator: AzothPayEmulator) -> Ask:
    """Give what sends a request to the emulator with the key, and returns status and document."""

    def ask(path: str, body: Any = None, method: str | None = None, **headers: str) -> tuple[int, Any]:
        known = {"X-API-Key": emulator.credentials["api_key"], "Content-Type": "application/json"}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        response: HttpResponse = emulator.handle(
            HttpRequest(
                method=method or ("GET" if body is None else "POST"),
                url=f"http://127.0.0.1/{path}",
                headers={**known, **given},
                body=content,
            )
        )
        return response.status, loads(response.body)

    return ask


@pytest.fixture
def kept(emulator: AzothPayEmulator, ask: Ask) -> Callable[..., EmulatedInvoice]:
    """Give what creates an invoice and returns what the emulator keeps of it."""

    def kept(**fields: Any) -> EmulatedInvoice:
        _, answer = ask("api/invoice", {"rate": 10.5, "period": "PerMonth", **fields})
        invoice = emulator.ledger.get(EmulatedInvoice, str(answer["id"]))
        assert invoice is not None
        return invoice

    return kept


def test_answers_have_the_documented_fields_in_the_documented_forms(
    emulator: AzothPayEmulator, ask: Ask, example: Callable[[str], bytes]
) -> None:
    """Field by field, the same examples that the provider is tested with."""
    metadata = {"order_id": "1042", "cart": "7"}
    created = ask("api/invoice", {"rate": 10.5, "period": "PerMonth", "metadata": metadata})
    unpaid = ask("api/invoice/1")
    emulator.pay(_token(emulator))
    actual = [created, unpaid, ask("api/invoice/1"), ask("api/subscriptions/1")]
    status, page = ask("api/subscriptions")

    expected = [form(loads(example(name))) for name in ("created", "unpaid", "paid", "subscription")]
    assert ([form(document) for _, document in actual], {code for code, _ in actual}) == (expected, {200})
    assert (status, form({**page, "items": page["items"] * 2})[1:], page["items"][0]) == (
        200,
        form(loads(example("subscriptions")))[1:],
        actual[3][1],
    )


@pytest.mark.parametrize("name", ["stream_created", "stream_revoked"])
def test_webhooks_have_the_documented_fields_in_the_documented_forms(
    emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice], example: Callable[[str], bytes], name: str
) -> None:
    """The rate is text there, and the transaction that of the update."""
    payment = emulator.pay(kept(metadata={"order_id": "1042", "cart": "7"}).token)
    emulator.revoke(payment.id)

    (body,) = [each.body for _, each in emulator.ledger.select(QueuedDelivery) if each.kind == name]

    told = json.loads(body)
    assert form(told) == form(json.loads(example(name)))
    assert (told["updateType"], told["payload"]["rate"], told["payload"]["isPaid"], told["payload"]["tx"]) == (
        name,
        "10.50",
        True,
        told["updateId"],
    )


def _token(emulator: AzothPayEmulator) -> str:
    ((_, invoice),) = emulator.ledger.select(EmulatedInvoice)
    return invoice.token


@pytest.mark.parametrize("key", ["", "another", "{key}0", "Bearer {key}"])
def test_wrong_key_is_refused(emulator: AzothPayEmulator, ask: Ask, key: str) -> None:
    """401, on every endpoint."""
    given = key.format(key=emulator.credentials["api_key"])

    paths = ["api/invoice/1", "api/subscriptions", "api/subscriptions/1", "api/nothing"]
    assert [ask(path, X_API_Key=given)[0] for path in paths] == [401] * 4


@pytest.mark.parametrize(
    "path, method, status",
    [
        ("api/invoice/7", "GET", 404),
        ("api/invoice/x", "GET", 400),
        ("api/invoice/9223372036854775808", "GET", 400),
        ("api/subscriptions/7", "GET", 404),
        ("api/subscriptions/x", "GET", 404),
        ("api/subscriptions?page=0", "GET", 400),
        ("api/subscriptions?limit=x", "GET", 400),
        ("api/subscriptions?limit=-1", "GET", 400),
        ("api/invoice", "GET", 405),
        ("api/invoice/1", "DELETE", 405),
        ("api/subscriptions", "POST", 405),
        ("api/invoices", "GET", 404),
        ("api/invoice/1/cancel", "POST", 404),
        ("invoice", "POST", 404),
        ("", "GET", 404),
    ],
)
def test_request_that_cannot_be_answered_is_refused(ask: Ask, path: str, method: str, status: int) -> None:
    """The documented statuses, each with a text."""
    code, document = ask(path, method=method)

    assert (code, document["status"], type(document["title"])) == (status, status, str)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        {},
        {"rate": None},
        {"rate": "10.50"},
        {"rate": 0},
        {"rate": -1},
        {"rate": True},
        {"rate": 10**12},
        {"rate": 0.0000001},
        {"rate": 10, "period": "Monthly"},
        {"rate": 10, "period": 1},
        {"rate": 10, "message": 7},
        {"rate": 10, "title": 7},
        {"rate": 10, "metadata": "x"},
        {"rate": 10, "recipient": "0x00"},
    ],
    ids=str,
)
def test_creation_that_the_schema_forbids_is_refused(emulator: AzothPayEmulator, ask: Ask, body: Any) -> None:
    """400, and nothing is made; other fields than the schema's are not taken."""
    status, _ = ask("api/invoice", body, method="POST")

    assert (status, emulator.ledger.select(EmulatedInvoice)) == (400, [])


@pytest.mark.parametrize(
    "content_type, status",
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("text/json", 200),
        ("application/vnd.shop+json", 200),
        ("text/plain", 400),
        ("application/x-www-form-urlencoded", 400),
        ("", 400),
    ],
)
def test_body_is_json_by_its_type(ask: Ask, content_type: str, status: int) -> None:
    """The documented types, and no others."""
    assert ask("api/invoice", {"rate": 10}, Content_Type=content_type)[0] == status


def test_period_is_a_month_by_default(kept: Callable[..., EmulatedInvoice]) -> None:
    """So a client that leaves it out charges each month: this is why ours never does."""
    assert [kept(period=each).data["period"] for each in (None, "PerDay")] == ["PerMonth", "PerDay"]


@pytest.mark.parametrize("given, seen", [(b"10.50", "10.5"), (b"10.0", "10"), (b"1000000", "1000000"), (b"1e1", "10")])
def test_rate_is_a_floating_point_number(ask: Ask, given: bytes, seen: str) -> None:
    """It comes back as one is written."""
    _, answer = ask("api/invoice", b'{"rate": %s}' % given)

    assert str(answer["rate"]) == seen


def test_metadata_comes_back_as_it_was(ask: Ask) -> None:
    """Whatever its form."""
    ask("api/invoice", b'{"rate": 1, "metadata": {"a": [1.10, null, {"b": "K\xc3\xa4se"}]}}')

    text = json.dumps(ask("api/invoice/1")[1]["metadata"], default=str, ensure_ascii=False)
    assert text == '{"a": ["1.10", null, {"b": "Käse"}]}'


def test_500_can_be_had(emulator: AzothPayEmulator, ask: Ask) -> None:
    """A shop can be seen to wait while AzothPay is down."""
    emulator.down = True
    before = ask("api/subscriptions")[0]
    emulator.down = False

    assert (before, ask("api/subscriptions")[0]) == (500, 200)


@pytest.mark.parametrize("way", [None, *TOKENS])
def test_payer_subscribes_in_any_token(
    emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice], ask: Ask, way: str | None
) -> None:
    """The invoice is paid; the subscription tells token and chain."""
    payment = emulator.pay(kept().token, way=way)

    token = TOKENS[way or "usdc-137"]
    subscription = ask(f"api/subscriptions/{payment.id}")[1]
    assert (subscription["tokenName"], subscription["chainId"], subscription["isActive"]) == (
        token.name,
        token.chain_id,
        True,
    )
    assert (payment.amount, ask("api/invoice/1")[1]["isPaid"]) == (Money("10.5", token.unit), True)


@pytest.mark.parametrize("amount", [Money("10.49", "USD"), Money("21", "USD"), Money("10.49", TOKENS["usdc-137"].unit)])
def test_no_other_amount_starts_a_subscription(
    emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice], amount: Money
) -> None:
    """There is no partial payment, and nothing is left behind by the attempt."""
    invoice = kept()

    with pytest.raises(RejectedError, match="at the invoice's rate"):
        emulator.pay(invoice.token, amount)

    assert emulator.ledger.select(EmulatedPayment) == []


def test_amount_in_another_currency_is_refused(
    emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice]
) -> None:
    """A payer has stablecoins."""
    with pytest.raises(InvalidRequestError, match="pay in USDC"):
        emulator.pay(kept().token, Money("10.50", "EUR"))


def test_invoice_is_subscribed_to_once(emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice]) -> None:
    """A paid invoice stays paid, and there is nothing left to pay or to decline."""
    invoice = kept()
    emulator.pay(invoice.token)

    for action in (emulator.pay, emulator.decline):
        with pytest.raises(RejectedError, match="this invoice is paid"):
            action(invoice.token)


def test_nobody_declines(emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice]) -> None:
    """That button of the page is answered with an error, and changes nothing."""
    invoice = kept()

    with pytest.raises(RejectedError, match="never declined"):
        emulator.decline(invoice.token)

    assert emulator.invoice(invoice.token).status is InvoiceStatus.PENDING


def test_subscription_ends_once(emulator: AzothPayEmulator, kept: Callable[..., EmulatedInvoice], ask: Ask) -> None:
    """By another transaction than it began with; the invoice stays paid."""
    payment = emulator.pay(kept().token)

    emulator.revoke(payment.id)

    subscription = ask("api/subscriptions/1")[1]
    assert (subscription["isActive"], subscription["tx"], ask("api/invoice/1")[1]["isPaid"]) == (
        False,
        payment.reference,
        True,
    )
    with pytest.raises(RejectedError):
        emulator.revoke(payment.id)
    with pytest.raises(NotFoundError):
        emulator.revoke("7")


@pytest.mark.parametrize("limit, expected", [(None, (50, 3)), (7, (7, 18)), (100, (100, 2)), (1000, (100, 2))])
def test_subscriptions_come_in_pages(
    emulator: AzothPayEmulator,
    kept: Callable[..., EmulatedInvoice],
    ask: Ask,
    limit: int | None,
    expected: tuple[int, int],
) -> None:
    """Newest first; none twice, none left out; more than 100 on a page are not given."""
    for _ in range(120):
        emulator.pay(kept().token)
    size = "" if limit is None else f"&limit={limit}"

    pages = [ask(f"api/subscriptions?page={number}{size}")[1] for number in range(1, expected[1] + 2)]

    numbers = [item["id"] for page in pages for item in page["items"]]
    assert numbers == list(range(120, 0, -1))
    assert {(page["limit"], page["totalPages"], page["totalCount"]) for page in pages} == {(*expected, 120)}
    assert pages[-1]["items"] == []


@pytest.mark.parametrize("status, attempts", [(200, 1), (204, 1), (400, 4), (503, 4), (302, 4), (None, 4)])
def test_webhook_is_sent_again_each_minute(
    emulator: AzothPayEmulator,
    kept: Callable[..., EmulatedInvoice],
    clock: ManualClock,
    status: int | None,
    attempts: int,
) -> None:
    """Three times more, unless a 2xx came; then it is dropped for good."""
    emulator.pay(kept().token)
    times = []

    for _ in range(20):
        times += [clock()] * emulator.deliver(lambda _: status)
        clock.move(timedelta(seconds=30))

    assert [(each - times[0]).total_seconds() for each in times] == [60.0 * count for count in range(attempts)]


def test_without_an_address_nothing_is_sent(clock: ManualClock, emulator: AzothPayEmulator) -> None:
    """As AzothPay does: the event is processed all the same."""
    silent = AzothPayEmulator(emulator.ledger, clock=clock)
    silent.handle(
        HttpRequest(
            method="POST",
            url="http://127.0.0.1/api/invoice",
            headers={"X-API-Key": silent.credentials["api_key"], "Content-Type": "application/json"},
            body=b'{"rate": 1}',
        )
    )

    silent.pay(_token(silent))

    assert (silent.ledger.select(QueuedDelivery), silent.invoice(_token(silent)).status) == ([], InvoiceStatus.PAID)
