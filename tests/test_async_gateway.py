"""The door for code that awaits: the same operations, results and errors as the blocking one."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway_core import (
    AsyncGateway,
    Gateway,
    HttpRequest,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    RefundRequest,
    WebhookRequest,
    errors,
)
from gateway_core.testing import EmulatorTransport
from gateway_core.transport import Transport, TransportSettings, _account_pause
from gateway_sandbox.emulator import SandboxEmulator
from tests.fake_gateway import KEY, ORDER, REFUND, Wire, fake
from tests.transport.fault_server import (
    Act,
    Connection,
    FaultServer,
    answer,
    close_before_answering,
    drip,
    head,
    nobody,
    reset_before_answering,
    reset_before_reading,
    whole,
    write_and_close,
    write_and_hold,
)

Call = Callable[[Any], Any]

OPERATIONS: dict[str, Call] = {
    "create_invoice": lambda gateway: gateway.create_invoice(ORDER),
    "get_status": lambda gateway: gateway.get_status("i-1"),
    "list_payments": lambda gateway: gateway.list_payments(invoice_id="i-1", limit=3),
    "verify_webhook": lambda gateway: gateway.verify_webhook(WebhookRequest(body=b"{}", headers={"X-Signature": "x"})),
    "find_invoice": lambda gateway: gateway.find_invoice("1042"),
    "cancel_invoice": lambda gateway: gateway.cancel_invoice("i-1"),
    "refund_payment": lambda gateway: gateway.refund_payment(REFUND),
    "check_account": lambda gateway: gateway.check_account(),
    "run": lambda gateway: gateway.run(gateway.provider.ping("x")),
}
each_operation = pytest.mark.parametrize("operation", OPERATIONS)


def public(kind: type) -> dict[str, Any]:
    """Return the public members of a class by their names."""
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call gives, or all that its error tells."""
    try:
        return call()
    except errors.GatewayError as error:
        return type(error), str(error), {name: str(value) for name, value in vars(error).items()}


def blocking(call: Call, gateway: Gateway) -> Any:
    """Make a call of the blocking door."""
    result = call(gateway)
    return list(result) if isinstance(result, Iterator) else result


async def awaited(call: Call, gateway: AsyncGateway) -> Any:
    """Make a call of the door that awaits."""
    result = call(gateway)
    return [item async for item in result] if inspect.isasyncgen(result) else await result


def awaiting(wire: Transport, **hooks: Any) -> AsyncGateway:
    """Return an async gateway at the fake provider."""
    return AsyncGateway(fake(Wire(), **hooks)._operations, wire)


def test_doors_are_the_same() -> None:
    """Both doors have the same names, parameters and texts."""
    gateways = public(Gateway), public(AsyncGateway)

    names, parameters, texts = (
        [{name: of(value) for name, value in each.items()} for each in gateways]
        for of in (callable, lambda value: callable(value) and inspect.signature(value).parameters, inspect.getdoc)
    )

    assert (names[0], parameters[0], texts[0]) == (names[1], parameters[1], texts[1])
    assert all(texts[0].values())


def test_results_are_the_same() -> None:
    """What one door returns, the other one gives to whoever awaits it; what asks nobody is plain in both."""
    sync, other = public(Gateway), public(AsyncGateway)
    methods = [name for name in sync if inspect.isfunction(sync[name])]

    hints = [{name: inspect.signature(each[name]).return_annotation for name in methods} for each in (sync, other)]

    other_hints = {
        "list_payments": "AsyncGenerator[Payment, None]",
        "receive_webhook": "AsyncGenerator[WebhookDelivery, None]",
    }
    assert hints[0] | other_hints == hints[1]
    assert {name for name in methods if not inspect.iscoroutinefunction(other[name])} == {
        "list_payments",
        "receive_webhook",
        "supports",
    }


@each_operation
@pytest.mark.parametrize("reply", [b'[["p-1", "p-2"], null]', b"", 401, 404, 409, 422, 429, 500, 503, 302])
def test_operation(operation: str, reply: bytes | int) -> None:
    """Each operation sends the same requests through both doors, and comes to the same end."""
    wires = Wire(reply), Wire(reply)
    call = OPERATIONS[operation]

    expected = outcome(lambda: blocking(call, fake(wires[0])))
    actual = outcome(lambda: asyncio.run(awaited(call, awaiting(wires[1]))))

    assert (actual, wires[1].sent) == (expected, wires[0].sent)


@pytest.mark.parametrize("arguments", [{"limit": -1}, {"since": "yesterday"}])
def test_wrong_filter(arguments: dict[str, Any]) -> None:
    """A filter that cannot be meant is refused when the list is asked for, not when it is read."""
    with pytest.raises(errors.InvalidRequestError):
        awaiting(Wire()).list_payments(**arguments)


def emulated(emulator: SandboxEmulator) -> Act:
    """Let an emulator answer all requests of a connection."""

    def act(connection: Connection) -> None:
        seen = connection.read_request()
        url = f"{connection.server.url}{seen.target}"
        headers = [(name, value) for name, value in seen.headers if name != "host"]
        reply = emulator.handle(HttpRequest(method=seen.method, url=url, headers=headers, body=seen.body))
        connection.write(whole(reply.body, reply.status, *reply.headers.pairs))

    return act


@pytest.fixture
def emulator() -> SandboxEmulator:
    """Give a sandbox whose shop receives webhooks."""
    return SandboxEmulator(webhook_url="http://127.0.0.1:8000/webhook")


@pytest.fixture(params=["in process", "over loopback"])
def sandbox(request: pytest.FixtureRequest, emulator: SandboxEmulator) -> Iterator[AsyncGateway]:
    """Give a gateway at that sandbox."""
    if request.param == "in process":
        settings: dict[str, Any] = emulator.settings("http://127.0.0.1:4010")
        yield AsyncGateway.connect("sandbox", transport=EmulatorTransport(emulator), **settings)
        return
    with FaultServer(*[emulated(emulator)] * 200) as server:
        remote: dict[str, Any] = emulator.settings(server.url)
        yield AsyncGateway.connect("sandbox", **remote)


def test_story(sandbox: AsyncGateway, emulator: SandboxEmulator) -> None:
    """From an invoice to a refund, each operation once, at a provider that keeps state."""
    webhooks: list[WebhookRequest] = []

    def receive(request: HttpRequest) -> int:
        webhooks.append(WebhookRequest(body=request.body, headers=request.headers.pairs, url=request.url))
        return 200

    async def story() -> list[Any]:
        async with sandbox as gateway:
            invoice = await gateway.create_invoice(ORDER)
            canceled = await gateway.create_invoice(InvoiceRequest(order_id="1043", amount=Money(1, "EUR")))
            emulator.pay(invoice.payment_url.rpartition("/")[2])  # type: ignore[union-attr]  # the sandbox has one
            emulator.deliver(receive)
            delivery = await gateway.verify_webhook(webhooks[-1])
            await gateway.check_account()
            refund = RefundRequest(refund_id="r-7", invoice_id=invoice.id, amount=Money("9.90", "EUR"))
            found = await gateway.find_invoice("1042")
            return [
                found is not None and found.id == invoice.id,
                await gateway.find_invoice("1044"),
                (await gateway.get_status(invoice.id)).status,
                (await gateway.cancel_invoice(canceled.id)).status,
                [payment.invoice_id == invoice.id async for payment in gateway.list_payments()],
                delivery.events[0].invoice_id == invoice.id,
                (await gateway.refund_payment(refund)).amount,
            ]

    actual = asyncio.run(story())

    assert actual == [
        True,
        None,
        InvoiceStatus.PAID,
        InvoiceStatus.CANCELED,
        [True],
        True,
        Money("9.90", "EUR"),
    ]


def test_many_at_once(sandbox: AsyncGateway) -> None:
    """Fifty invoices that are asked for at once are fifty invoices."""
    orders = [InvoiceRequest(order_id=str(number), amount=Money(number + 1, "EUR")) for number in range(50)]

    async def create() -> list[Any]:
        async with sandbox as gateway:
            return await asyncio.gather(*(gateway.create_invoice(order) for order in orders))

    actual = asyncio.run(create())

    assert [(invoice.order_id, invoice.amount) for invoice in actual] == [
        (order.order_id, order.amount) for order in orders
    ]
    assert len({invoice.id for invoice in actual}) == 50


FAULTS: dict[str, Act | None] = {
    "refused": None,
    "reset, unread": reset_before_reading(),
    "reset, read": reset_before_answering(),
    "closed": close_before_answering(),
    "cut": write_and_close(head(200, ("Content-Length", "9")) + b"{"),
    "silence": write_and_hold(b""),
    "drip": drip(b"x" * 1000, after=head(200, ("Content-Length", "1000"))),
    "html": answer(b"<html>", 200, ("Content-Type", "text/html")),
    "endless": answer(b" " * ((1 << 20) + 1)),
    "redirect": answer(b"", 302, ("Location", "http://127.0.0.1:1/")),
    "unavailable": answer(b"{}", 503),
    "too many": answer(b"{}", 429, ("Retry-After", "0")),
    "wrong key": answer(b"{}", 401),
    "rejected": answer(b"{}", 422),
}


@pytest.mark.parametrize("operation", ["create_invoice", "get_status", "list_payments"])
@pytest.mark.parametrize("fault", FAULTS)
def test_fault(emulator: SandboxEmulator, operation: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault on the way is the same error through both doors: class, effect, text, and requests that were sent."""
    monkeypatch.setattr(_account_pause, "FLOOR", 0.02)
    seen: list[Any] = []
    act, call = FAULTS[fault], OPERATIONS[operation]
    bounds = TransportSettings(deadline=0.6 if fault in ("silence", "drip") else 15.0, backoff=0.0)
    for run in (
        lambda **settings: blocking(call, Gateway.connect("sandbox", transport=bounds, **settings)),
        lambda **settings: asyncio.run(awaited(call, AsyncGateway.connect("sandbox", transport=bounds, **settings))),
    ):
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(FaultServer(*[act] if act else []))
            url = server.url if act else stack.enter_context(nobody())
            end = outcome(lambda run=run, url=url: run(**emulator.settings(url)))  # type: ignore[misc]  # called here
            seen.append((end, [each.method for each in server.requests]))

    assert seen[0] == seen[1]
    assert issubclass(seen[0][0][0], errors.GatewayError)


def test_list_that_is_left_early() -> None:
    """Pages are read as they are needed: who stops early leaves nothing open, and nothing more is asked."""
    wire = Wire(b'[["1", "2"], "c"]', b'[["3"], null]')

    async def first(gateway: AsyncGateway) -> str:
        async with contextlib.aclosing(gateway.list_payments()) as payments:
            async for payment in payments:
                return payment.id
        raise AssertionError

    async def twice() -> list[str]:
        async for payment in awaiting(wire).list_payments():
            return [payment.id, await first(awaiting(Wire(b'[["4"], "c"]')))]
        raise AssertionError

    assert (asyncio.run(twice()), wire.sent) == (["1", "4"], ["GET /payments"])


def test_list_that_breaks() -> None:
    """R8: a list that cannot be read to its end fails."""
    given: list[str] = []

    async def read() -> None:
        payments = awaiting(Wire(b'[["1"], "b"]', 503)).list_payments()
        given.append((await anext(payments)).id)
        await anext(payments)

    with pytest.raises(errors.ProviderUnavailableError):
        asyncio.run(read())
    assert given == ["1"]


def test_one_deadline_for_each_call() -> None:
    """R1: each page of a list has a deadline of its own, which is the configured one."""
    wire = Wire(b'[["1"], "b"]', b'[["2"], null]')
    gateway = AsyncGateway(fake(Wire())._operations, wire, TransportSettings(deadline=7.0))

    asyncio.run(awaited(lambda gateway: gateway.list_payments(), gateway))

    assert all(6.0 < remaining <= 7.0 for remaining in wire.deadlines)


def test_several_loops() -> None:
    """A gateway belongs to no event loop: it may be made before there is one, and be used by the next one too."""
    gateway = awaiting(Wire(b"one", b"two"))

    actual = [asyncio.run(awaited(OPERATIONS["run"], gateway)) for _ in range(2)]

    assert actual == ["one", "two"]


@pytest.mark.parametrize("error", [None, ValueError("the application's")])
def test_close(error: Exception | None) -> None:
    """A gateway gives its connections back at the end of its block, and refuses further calls."""
    wire = Wire(b"one", b"two")

    async def use() -> str:
        with contextlib.suppress(ValueError):
            async with awaiting(wire) as gateway:
                await gateway.run(gateway.provider.ping("x"))
                if error is not None:
                    raise error
        return await gateway.run(gateway.provider.ping("x"))

    with pytest.raises(errors.InvalidRequestError, match="closed"):
        asyncio.run(use())
    assert (wire.closed, len(wire.sent)) == (1, 1)


def test_open(tmp_path: Any, emulator: SandboxEmulator) -> None:
    """The configuration file is the same door for both."""
    path = tmp_path / "gateway.toml"
    lines = [f'{name} = "{value}"' for name, value in emulator.settings("http://127.0.0.1:4010").items()]
    path.write_text("\n".join(["[gateways.a]", 'backend = "sandbox"', "transport = {pool_size = 3}", *lines]))

    gateway = AsyncGateway.open("a", config=path, transport=EmulatorTransport(emulator))

    assert asyncio.run(gateway.create_invoice(ORDER)).amount == ORDER.amount
    assert (repr(gateway), gateway._threads._most) == ("<AsyncGateway sandbox>", 3)


def test_secret_is_in_no_error() -> None:
    """S1: what a transport of one's own says is scrubbed on this side too."""
    with pytest.raises(errors.OutcomeUnknownError) as caught:
        asyncio.run(awaiting(Wire(errors.OutcomeUnknownError(f"with {KEY}"))).create_invoice(ORDER))

    assert (KEY in str(caught.value), caught.value.operation) == (False, "create_invoice")


def test_import_is_light() -> None:
    """Whoever blocks does not pay for asyncio."""
    program = "import sys, gateway_core; print({'asyncio', 'concurrent.futures'} & {*sys.modules})"

    actual = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert actual == "set()\n"
