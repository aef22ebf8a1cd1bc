"""The door for applications: each operation, and what is checked on both ends of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from gateway_core import (
    Capture,
    CaptureRequest,
    CaptureStatus,
    Currency,
    Flow,
    Gateway,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Page,
    Payment,
    PaymentStatus,
    ProviderInfo,
    Refund,
    Secret,
    StatusReport,
    WebhookRegistration,
    WebhookRequest,
    errors,
)
from gateway_core._engine.operations import Operations
from gateway_core.transport import TransportSettings
from gateway_core.webhooks import sign
from tests.fake_gateway import (
    CAPTURE,
    KEY,
    NOW,
    ORDER,
    REFUND,
    WEBHOOKS,
    Fake,
    Options,
    Settings,
    Wire,
    ask,
    fake,
    made,
)

OPERATIONS: dict[str, tuple[Callable[[Gateway], Any], str]] = {
    "create_invoice": (lambda gateway: gateway.create_invoice(ORDER), "POST /invoices"),
    "get_status": (lambda gateway: gateway.get_status("i-1"), "GET /invoices/i-1"),
    "list_payments": (lambda gateway: list(gateway.list_payments()), "GET /payments"),
    "find_invoice": (lambda gateway: gateway.find_invoice("1042"), "GET /orders/1042"),
    "cancel_invoice": (lambda gateway: gateway.cancel_invoice("i-1"), "DELETE /invoices/i-1"),
    "refund_payment": (lambda gateway: gateway.refund_payment(REFUND), "POST /refunds"),
    "capture_payment": (lambda gateway: gateway.capture_payment(CAPTURE), "POST /captures"),
    "register_webhook": (lambda gateway: gateway.register_webhook(WEBHOOKS), "POST /webhooks"),
    "check_account": (lambda gateway: gateway.check_account(), "GET /me"),
}
CHANGING = ("create_invoice", "cancel_invoice", "refund_payment", "capture_payment", "register_webhook")
CAPTURED = Capture(id="c-1", capture_id="c-7", invoice_id="i-1", amount=Money(10, "EUR"), status=CaptureStatus.DONE)
each_operation = pytest.mark.parametrize("operation", OPERATIONS)


@pytest.mark.parametrize(
    "operation, answer, expected",
    [
        ("create_invoice", b"", made(ORDER)),
        ("get_status", b"", StatusReport(invoice_id="i-1", status=InvoiceStatus.PENDING)),
        ("list_payments", b'[["p-1"], null]', [Payment(id="p-1", status=PaymentStatus.CONFIRMED)]),
        ("find_invoice", b"found", made(ORDER)),
        ("find_invoice", b"", None),
        ("cancel_invoice", b"", StatusReport(invoice_id="i-1", status=InvoiceStatus.CANCELED)),
        ("refund_payment", b"", Refund(id="r-1", refund_id="r-7", invoice_id="i-1", amount=Money(10, "EUR"))),
        ("capture_payment", b"", CAPTURED),
        ("register_webhook", b"", WebhookRegistration(id="w-1", url=WEBHOOKS)),
        ("check_account", b"", None),
    ],
)
def test_operation(operation: str, answer: bytes, expected: Any) -> None:
    """Each operation sends the provider's request and returns its result."""
    call, request = OPERATIONS[operation]
    wire = Wire(answer)

    actual = call(fake(wire))

    assert (actual, wire.sent) == (expected, [request])


@each_operation
@pytest.mark.parametrize("status, kind", [(401, errors.AuthenticationError), (503, errors.ProviderUnavailableError)])
def test_error_of_each_operation(operation: str, status: int, kind: type[errors.ProviderError]) -> None:
    """An error says what it is about, and its effect is known."""
    with pytest.raises(kind) as caught:
        OPERATIONS[operation][0](fake(Wire(status)))

    effect = "unknown" if operation in CHANGING and status == 503 else "none"
    assert (caught.value.backend, caught.value.operation, caught.value.effect) == ("fake", operation, effect)


@pytest.mark.parametrize(
    "operation, result",
    [
        *itertools.product(OPERATIONS, [5, "x", []]),
        *itertools.product(sorted(OPERATIONS.keys() - {"find_invoice", "check_account"}), [None]),
    ],
)
def test_wrong_result(operation: str, result: Any) -> None:
    """P4: a hook's result of another type, or none, is the plugin's fault; after an unsafe request it is ambiguous."""

    def hook() -> Flow[Any]:
        yield from ask("POST" if operation in CHANGING else "GET", "x")
        return result

    hooks: dict[str, Any] = {
        "create_invoice": lambda request: hook(),
        "get_status": lambda invoice_id: hook(),
        "list_payments": lambda query: hook(),
        "find_invoice": lambda order_id: hook(),
        "cancel_invoice": lambda invoice_id: hook(),
        "refund_payment": lambda request: hook(),
        "capture_payment": lambda request: hook(),
        "register_webhook": lambda url: hook(),
        "check_account": hook,
    }
    gateway = fake(Wire(200), **{operation: hooks[operation]})
    with pytest.raises(errors.PluginError) as caught:
        OPERATIONS[operation][0](gateway)

    effect = "unknown" if operation in CHANGING else "none"
    assert (caught.value.effect, f"gave {type(result).__name__}" in caught.value.message) == (effect, True)


def test_wrong_result_before_any_request() -> None:
    """P4: a hook that gives nothing and sent nothing had no effect."""
    with pytest.raises(errors.PluginError) as caught:
        fake(Wire(), create_invoice=lambda request: None).create_invoice(ORDER)

    assert caught.value.effect == "none"


def test_wrong_page() -> None:
    """P4: what is on a page is checked too."""
    with pytest.raises(errors.PluginError, match="a page of payments holds something else"):
        list(fake(Wire(), list_payments=lambda query: Page([5])).list_payments())


def test_plain_function() -> None:
    """A hook that needs no request of ours is a plain function."""
    assert fake(Wire(), create_invoice=made).create_invoice(ORDER) == made(ORDER)


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"amount": Money("49.91", "EUR")}, "amount"),
        ({"amount": Money("49.90", "USD")}, "amount"),
        ({"order_id": "1043"}, "order_id"),
        ({"amount": Money(1, "EUR"), "order_id": "1043"}, "amount and order_id"),
        ({"attempt": 2}, "attempt"),
    ],
)
def test_invoice_that_was_not_asked_for(changes: dict[str, Any], what: str) -> None:
    """M6: a create answer that differs from the request is an error that keeps the id; the invoice exists."""
    with pytest.raises(errors.UnexpectedResponseError, match=f"of another {what}:") as caught:
        fake(Wire(), create_invoice=lambda request: made(request, **changes)).create_invoice(ORDER)

    assert (caught.value.effect, caught.value.invoice_id, caught.value.operation) == ("done", "i-1", "create_invoice")


def test_invoice_without_an_order_id() -> None:
    """A provider that does not give the shop's key back is believed."""
    actual = fake(Wire(), create_invoice=lambda request: made(request, order_id=None)).create_invoice(ORDER)

    assert actual.order_id is None


def test_answer_about_another_invoice() -> None:
    """An answer about something else than was asked for is none."""
    other = StatusReport(invoice_id="i-2", status=InvoiceStatus.PAID)
    gateway = fake(
        Wire(),
        get_status=lambda invoice_id: other,
        cancel_invoice=lambda invoice_id: other,
        find_invoice=lambda order_id: made(ORDER, order_id="other"),
        refund_payment=lambda request: Refund(id="r", invoice_id="i-2", amount=request.amount),
    )

    for operation in ("get_status", "cancel_invoice", "find_invoice", "refund_payment"):
        with pytest.raises(errors.UnexpectedResponseError):
            OPERATIONS[operation][0](gateway)


@pytest.mark.parametrize(
    "call",
    [
        lambda gateway: gateway.create_invoice({"order_id": "1"}),
        lambda gateway: gateway.create_invoice(attrs.evolve(ORDER, amount=Money(1, "JPY"))),
        lambda gateway: gateway.refund_payment("r-1"),
        lambda gateway: gateway.get_status(""),
        lambda gateway: gateway.get_status(5),
        lambda gateway: gateway.get_status(".."),
        lambda gateway: gateway.cancel_invoice(None),
        lambda gateway: gateway.find_invoice(""),
        lambda gateway: gateway.list_payments(since=NOW, until=NOW),
        lambda gateway: gateway.list_payments(since=NOW.replace(tzinfo=None)),
        lambda gateway: gateway.list_payments(limit=-1),
        lambda gateway: gateway.verify_webhook(b"{}"),
        lambda gateway: gateway.supports("fly"),
    ],
    ids=range(13),
)
def test_wrong_argument(call: Callable[[Gateway], Any]) -> None:
    """S8: what cannot be meant is refused before anything is sent."""
    wire = Wire()

    with pytest.raises(errors.InvalidRequestError):
        call(fake(wire))
    assert wire.sent == []


def test_any_currency() -> None:
    """A provider that does not name its currencies is asked for any."""
    request = attrs.evolve(ORDER, amount=Money(1, "JPY"))

    actual = fake(Wire(200), info=ProviderInfo(title="Fake", contract_version=1)).create_invoice(request)

    assert actual.amount == Money(1, "JPY")


@pytest.mark.parametrize(
    "exponents, amount",
    [
        ({}, Money("9.999", Currency("EUR", 3))),
        ({}, Money("0.5", Currency("JPY", 2))),
        ({"CLP": 0}, Money("1.50", Currency("CLP", 2))),
        ({}, Money("0.0000001", Currency("USDT", 18, "tron"))),
    ],
    ids=lambda each: str(each).replace(" ", "_"),
)
def test_amount_finer_than_the_provider_counts(exponents: dict[str, int], amount: Money) -> None:
    """M2: an amount that would have to be rounded is refused before anything is sent."""
    wire = Wire()

    with pytest.raises(errors.InvalidRequestError, match=f"Fake cannot count {amount}"):
        fake(wire, info=ProviderInfo(title="Fake", exponents=exponents)).create_invoice(
            attrs.evolve(ORDER, amount=amount)
        )
    assert wire.sent == []


@pytest.mark.parametrize(
    "exponents, amount",
    [
        ({}, Money("9.90", Currency("EUR", 4))),
        ({"CLP": 2}, Money("1.50", Currency("CLP", 2))),
        ({}, Money("0.5", Currency("WIDG", 4, "widgetchain"))),
    ],
    ids=lambda each: str(each).replace(" ", "_"),
)
def test_amount_that_the_provider_counts(exponents: dict[str, int], amount: Money) -> None:
    """M3: what counts is the amount and the provider's own decimals; those of an unknown asset are the caller's."""
    request = attrs.evolve(ORDER, amount=amount)

    actual = fake(Wire(200), info=ProviderInfo(title="Fake", exponents=exponents)).create_invoice(request)

    assert actual.amount == amount


@pytest.mark.parametrize("options", [{"speed": 3}, Options(speed=3)], ids=["mapping", "instance"])
def test_options(options: Any) -> None:
    """A provider's hook sees the options as an instance of the declared class."""
    seen: list[Any] = []

    def hook(request: InvoiceRequest) -> Invoice:
        seen.append(request.options)
        return made(request)

    fake(Wire(), create_invoice=hook).create_invoice(attrs.evolve(ORDER, options=options))

    assert seen == [Options(speed=3)]


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"sped": 3}, "fake create_invoice: options: sped: unknown, did you mean speed?"),
        ({"speed": "3"}, "fake create_invoice: options: speed: must be a whole number"),
        ({"speed": 0}, "fake create_invoice: options: speed: must be > 0"),
    ],
)
def test_wrong_options(options: Any, expected: str) -> None:
    """Options are checked against the provider's declaration before anything is sent."""
    wire = Wire()

    with pytest.raises(errors.ConfigurationError) as caught:
        fake(wire).create_invoice(attrs.evolve(ORDER, options=options))
    assert (str(caught.value), wire.sent) == (expected, [])


def test_options_of_a_provider_without_any() -> None:
    """Options for a provider that has none are a mistake; no options are none."""
    gateway = fake(Wire(200), info=ProviderInfo(title="Fake", contract_version=1))

    gateway.create_invoice(ORDER)
    with pytest.raises(errors.ConfigurationError, match="Fake has no options"):
        gateway.create_invoice(attrs.evolve(ORDER, options={"speed": 3}))


def test_times_are_stamped() -> None:
    """Time enters a flow as data: the core stamps what the application left open, and nothing else."""
    seen: list[datetime | None] = []

    def hook(request: InvoiceRequest) -> Invoice:
        seen.append(request.requested_at)
        return made(request)

    gateway = fake(Wire(), create_invoice=hook)
    gateway.create_invoice(attrs.evolve(ORDER, requested_at=NOW))
    gateway.create_invoice(ORDER)

    assert seen[0] == NOW
    assert seen[1] is not None
    assert abs((datetime.now(UTC) - seen[1]).total_seconds()) < 60


OPTIONAL = ("find_invoice", "cancel_invoice", "refund_payment", "check_account")


@pytest.mark.parametrize("operation", [*OPTIONAL, "list_payments"])
def test_unsupported_operation(operation: str) -> None:
    """What a provider cannot do is refused before anything is sent, and can be asked for beforehand."""
    wire = Wire()
    info = ProviderInfo(title="Bare", contract_version=1, unsupported={"list_payments": "it keeps no list"})
    provider: Any = type("Bare", (Fake,), {"info": info} | dict.fromkeys(OPTIONAL))
    gateway = Gateway(Operations("fake", provider(settings=Settings(api_key=Secret(KEY)))), wire)

    with pytest.raises(errors.UnsupportedOperationError, match=f"Bare has no {operation}: "):
        OPERATIONS[operation][0](gateway)
    assert (gateway.supports(operation), gateway.supports("create_invoice"), wire.sent) == (False, True, [])


def test_flow_of_the_providers_own() -> None:
    """What a provider has beyond the common operations is run by its gateway, under the same rules."""
    gateway = fake(Wire(b"pong", 404))

    assert gateway.run(gateway.provider.ping("a")) == "pong"
    with pytest.raises(errors.NotFoundError) as caught:
        gateway.run(gateway.provider.ping("b"))
    assert (caught.value.backend, caught.value.operation) == ("fake", "run")


def test_list_of_payments() -> None:
    """Pages are read as they are needed, with the same filters."""
    wire = Wire(b'[["1", "2"], "c/1"]', b'[["3"], null]')

    payments = fake(wire).list_payments(invoice_id="i-1")
    before = list(wire.sent)
    actual = [payment.id for payment in payments]

    assert (before, actual) == ([], ["1", "2", "3"])
    assert wire.sent == ["GET /payments?invoice=i-1", "GET /payments?cursor=c%2F1&invoice=i-1"]


@pytest.mark.parametrize(
    "others",
    [[503], [b'[["1"], "b"]'], [b'[["1"], "c"]', b'[["1"], "d"]', b'[["1"], "e"]']],
    ids=["failed page", "cursor that stands still", "page that comes again and again"],
)
def test_list_that_breaks(others: list[int | bytes]) -> None:
    """R8: a list that cannot be read to its end fails, with the context that every error has."""
    given: list[str] = []

    with pytest.raises(errors.ProviderError) as caught:
        given.extend(payment.id for payment in fake(Wire(b'[["1"], "b"]', *others)).list_payments())
    assert (given, caught.value.backend, caught.value.operation) == (["1"], "fake", "list_payments")


def test_one_deadline_for_each_call() -> None:
    """R1: a call's requests share one deadline; each page of a list has its own."""
    wire = Wire(b'[["1"], "b"]', b'[["2"], null]')
    provider = Fake(settings=Settings(api_key=Secret(KEY)))

    list(Gateway(Operations("fake", provider), wire, TransportSettings(deadline=7.0)).list_payments())

    assert all(6.0 < remaining <= 7.0 for remaining in wire.deadlines)


def test_two_gateways_of_one_backend() -> None:
    """P5: two accounts at one provider have nothing in common."""
    wires = Wire(b"one"), Wire(b"two")
    gateways = fake(wires[0], key="key-1"), fake(wires[1], key="key-2")

    actual = [gateway.run(gateway.provider.ping("x")) for gateway in gateways]

    assert actual == ["one", "two"]
    for mine, other in (gateways, gateways[::-1]):
        signature = sign(mine.provider.settings.api_key.reveal().encode(), b'"e"').decode()
        request = WebhookRequest(body=b'"e"', headers={"X-Signature": signature})
        assert mine.verify_webhook(request).events[0].id == "e"
        with pytest.raises(errors.WebhookError):
            other.verify_webhook(request)


def test_close() -> None:
    """A gateway gives its connections back at the end of its block, and refuses further calls."""
    wire = Wire()

    with fake(wire) as gateway:
        assert wire.closed == 0
    with pytest.raises(errors.InvalidRequestError, match="closed"):
        gateway.get_status("i-1")
    assert (wire.closed, wire.sent) == (1, [])


def test_event_loop_is_warned_of_once() -> None:
    """A blocking call in async code stalls every other task: the first one says what to use instead."""

    async def twice() -> None:
        gateway.check_account()
        gateway.check_account()

    gateway = fake(Wire(200, 200))

    with pytest.warns(RuntimeWarning, match="AsyncGateway") as caught:
        asyncio.run(twice())
    assert [each.filename for each in caught] == [__file__]


def test_about() -> None:
    """A gateway tells its backend, its provider's facts, and no setting."""
    gateway = fake(Wire())

    assert (gateway.backend, gateway.info.title, repr(gateway)) == ("fake", "Fake", "<Gateway fake>")


@pytest.mark.parametrize("changes", [{"invoice_id": "i-2"}, {"amount": Money(9, "EUR")}], ids=repr)
def test_capture_that_was_not_asked_for(changes: dict[str, Any]) -> None:
    """M6: money that was taken for something else is told, with the invoice."""
    captured = attrs.evolve(CAPTURED, **changes)
    with pytest.raises(errors.UnexpectedResponseError, match="captured something else") as caught:
        fake(Wire(), capture_payment=lambda request: captured).capture_payment(CAPTURE)

    assert (caught.value.effect, caught.value.invoice_id) == ("done", "i-1")


def test_capture_of_the_whole_takes_what_there_is() -> None:
    """Where the shop names no amount, the provider tells it."""
    whole = CaptureRequest(capture_id="c-7", invoice_id="i-1")

    actual = fake(Wire(), capture_payment=lambda request: CAPTURED).capture_payment(whole)

    assert actual.amount == Money(10, "EUR")


@pytest.mark.parametrize("url", ["", "shop.example/webhooks", "ftp://shop.example", None], ids=repr)
def test_only_web_addresses_are_registered(url: Any) -> None:
    """What is no address is refused before anything is sent."""
    with pytest.raises(errors.InvalidRequestError, match="url must be an http or https address"):
        fake(Wire()).register_webhook(url)


def test_attempt_and_moment_reach_the_plugin() -> None:
    """A plugin takes what it uses of the attempt and the moment to look from."""
    seen: list[Any] = []

    def find_invoice(order_id: str, attempt: int, since: datetime | None) -> None:
        seen.append((order_id, attempt, since))

    fake(Wire(), find_invoice=find_invoice).find_invoice("1042", attempt=2, since=NOW)

    assert seen == [("1042", 2, NOW)]


def test_plugin_without_attempts_is_asked_for_first_ones_only() -> None:
    """It would find the first attempt's invoice in place of the second's."""
    gateway = fake(Wire(b""))

    with pytest.raises(errors.UnsupportedOperationError, match="later attempt"):
        gateway.find_invoice("1042", attempt=2)
    assert gateway.find_invoice("1042", attempt=1) is None


@pytest.mark.parametrize(
    "arguments",
    [{"attempt": 0}, {"attempt": "2"}, {"since": NOW.replace(tzinfo=None)}],
    ids=repr,
)
def test_what_cannot_be_looked_for_is_refused(arguments: Any) -> None:
    """An attempt is counted from 1, and a moment has a time zone."""
    with pytest.raises(errors.InvalidRequestError):
        fake(Wire()).find_invoice("1042", **arguments)


def test_another_attempt_is_another_order() -> None:
    """What is found is what was looked for, down to the attempt."""
    first = made(ORDER, attempt=1)
    with pytest.raises(errors.UnexpectedResponseError, match="of another order"):
        fake(Wire(), find_invoice=lambda order_id, attempt: first).find_invoice("1042", attempt=2)


def test_references_are_handed_back() -> None:
    """A plugin keeps nothing: what it needs to call an invoice off comes from the caller."""
    seen: list[Any] = []

    def cancel_invoice(invoice_id: str, references: Any) -> StatusReport:
        seen.append(dict(references))
        return StatusReport(invoice_id=invoice_id, status=InvoiceStatus.EXPIRED)

    gateway = fake(Wire(), cancel_invoice=cancel_invoice)
    statuses = [
        gateway.cancel_invoice("i-1", references={"intent": "pi_1"}).status,
        gateway.cancel_invoice("i-1").status,
    ]

    assert (seen, statuses) == ([{"intent": "pi_1"}, {}], [InvoiceStatus.EXPIRED] * 2)


@pytest.mark.parametrize("references", [{"intent": 1}, ["pi_1"], "pi_1"], ids=repr)
def test_references_are_texts(references: Any) -> None:
    """Anything else is refused before anything is sent."""
    with pytest.raises(errors.InvalidRequestError, match="references must map text to text"):
        fake(Wire()).cancel_invoice("i-1", references=references)
