"""What observers are told of real calls, to a server that fails first: the same of blocking and of async code."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway_core import (
    AsyncGateway,
    Flow,
    Gateway,
    HttpRequest,
    HttpResponse,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    ConfigurationError,
    GatewayError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    WebhookError,
    WebhookReason,
)
from gateway_core.observers import (
    AnswerReceived,
    CallEnded,
    CallStarted,
    Event,
    InvoiceCreated,
    LimiterFellBack,
    RateLimited,
    RequestFailed,
    RequestSent,
    Retried,
    WebhookAccepted,
    WebhookRefused,
)
from gateway_core.transport import TransportSettings
from gateway_opentelemetry import OpenTelemetryObserver
from gateway_sandbox.emulator import SandboxEmulator
from tests.transport.fault_server import Act, Connection, FaultServer, answer, nobody, reset_before_answering, whole

#: In everything that belongs to a customer.
CANARY = "canary-7f3c9b1e5a2d"
#: In every secret, and in nothing else.
SECRET = "0ddba11c0ffee5"
REQUEST = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"), description="A book")


class Recorder:
    """Keeps what it is told, without what differs from one run to the next."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    @hookimpl
    def observe(self, event: Event) -> None:
        """Keep an event."""
        self.told.append(event)

    def comparable(self) -> list[Event]:
        """Return the events with no duration, and with their calls counted from one."""
        numbers = list(dict.fromkeys(event.call for event in self.told))
        same: dict[str, Any] = {"seconds": 0.0}
        return [
            attrs.evolve(event, call=numbers.index(event.call) + 1, **(same if hasattr(event, "seconds") else {}))
            for event in self.told
        ]


class Telemetry:
    """An OpenTelemetry SDK that keeps everything."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.traces = TracerProvider(shutdown_on_exit=False)
        self.traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.metrics = MeterProvider([self.reader], shutdown_on_exit=False)
        self.observer = OpenTelemetryObserver(self.traces, self.metrics)

    def spans(self) -> list[tuple[str, Any]]:
        """Return the names of the spans that have ended, with the status that was answered."""
        ended = self.exporter.get_finished_spans()
        return [(span.name, (span.attributes or {}).get("http.response.status_code")) for span in ended]


class Shop:
    """A shop in blocking code, at a sandbox behind a server that fails as a test wants, and watched by everybody."""

    def __init__(self, server: FaultServer) -> None:
        self.server = server
        self.sandbox = SandboxEmulator(
            credentials={"api_key": f"sk_sandbox_{SECRET}", "webhook_secret": f"whsec_{SECRET * 3}AA"},
            webhook_url="https://shop.example/webhooks",
        )
        self.recorder = Recorder()
        self.telemetry = Telemetry()
        self.gateway = self.connect()

    def connect(self) -> Any:
        """Make the gateway, which repeats without a wait."""
        return Gateway.connect("sandbox", **self.configuration)

    @property
    def configuration(self) -> dict[str, Any]:
        """How to make the gateway."""
        return {
            "transport": TransportSettings(backoff=0.0),
            "observers": ["logging", self.recorder, self.telemetry.observer],
            **self.sandbox.settings(self.server.url),
        }

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Call an operation."""
        return getattr(self.gateway, operation)(*arguments)

    def close(self) -> None:
        """Close the gateway, and what watches it."""
        self.gateway.close()
        self.telemetry.traces.shutdown()
        self.telemetry.metrics.shutdown()

    def sandboxed(self, connection: Connection) -> None:
        """Answer one request as the sandbox does."""
        seen = connection.read_request()
        url = self.server.url + seen.target
        answered = self.sandbox.handle(HttpRequest(method=seen.method, url=url, headers=seen.headers, body=seen.body))
        connection.write(whole(answered.body, answered.status, *answered.headers.pairs))

    def paid(self, payment_url: str) -> HttpRequest:
        """Pay, and return the webhook that tells of it."""
        webhooks: list[HttpRequest] = []

        def receive(webhook: HttpRequest) -> int:
            webhooks.append(webhook)
            return 200

        self.sandbox.pay(payment_url.rpartition("/")[2])
        self.sandbox.deliver(receive)
        return webhooks[-1]


class AsyncShop(Shop):
    """The same shop in async code."""

    def connect(self) -> Any:
        """Make the gateway, and the loop that it runs in."""
        self.runner = asyncio.Runner()
        return AsyncGateway.connect("sandbox", **self.configuration)

    def ask(self, operation: str, *arguments: Any) -> Any:
        """Await an operation."""
        return self.runner.run(getattr(self.gateway, operation)(*arguments))

    def close(self) -> None:
        """Close the gateway, the loop, and what watches."""
        self.runner.run(self.gateway.close())
        self.runner.close()
        self.telemetry.traces.shutdown()
        self.telemetry.metrics.shutdown()


@pytest.fixture
def recorder() -> Recorder:
    """An observer that keeps what it is told."""
    return Recorder()


@pytest.fixture(params=[Shop, AsyncShop])
def shop(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Shop]:
    """A shop of each colour."""
    caplog.set_level(logging.DEBUG, "gateway_core")
    with FaultServer() as server:
        made = request.param(server)
        yield made
        made.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what is in the log, with every duration and call shown alike."""
    return [
        re.sub(
            r"call=\d+", "call=N", re.sub(r"(seconds)=[0-9.]+", r"\1=S", f"{record.levelname} {record.getMessage()}")
        )
        for record in caplog.records
        if record.name.startswith("gateway_core.")
    ]


def test_request_is_told_by_its_path_and_its_id(shop: Shop) -> None:
    """Support asks for these two. What follows the path may be a key, and the settings' secrets are told nowhere."""
    secret = f"sk_sandbox_{SECRET}"
    shop.server.script(answer(b"{}", 404, ("Request-Id", f"req/{secret}/1")))
    address = f"{shop.server.url}/v1/{secret}/things?key={secret}"

    def flow() -> Flow[int]:
        response: HttpResponse = yield HttpRequest(method="GET", url=address)
        return response.status

    shop.ask("run", flow())

    [event] = [each for each in shop.recorder.told if isinstance(each, AnswerReceived)]
    assert re.fullmatch(r"/v1/[a-z_]*\*\*\*/things", event.path)
    assert event.request_id is not None
    assert re.fullmatch(r"req/[a-z_]*\*\*\*/1", event.request_id)


def test_create_that_succeeds_at_the_second_attempt_is_told_whole(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Each observer is told exactly what happened, in its order, whichever colour the shop's code has."""
    shop.server.script(answer(b"{}", 503), shop.sandboxed)

    invoice = shop.ask("create_invoice", REQUEST)

    told, host = shop.recorder.comparable(), f"127.0.0.1:{shop.server.port}"
    about: dict[str, Any] = {"backend": "sandbox", "operation": "create_invoice", "call": 1}
    asked: dict[str, Any] = {**about, "method": "POST", "host": host, "path": "/v1/invoices"}
    request_id = next(event.request_id for event in told if isinstance(event, AnswerReceived) and event.status == 201)
    size = next(event.size for event in told if isinstance(event, AnswerReceived) and event.status == 201)
    assert told == [
        CallStarted(**about),
        RequestSent(**asked, attempt=1),
        AnswerReceived(**asked, status=503, seconds=0.0, size=2, attempt=1),
        Retried(**about, attempt=2, wait=0.0, reason="status 503"),
        RequestSent(**asked, attempt=2),
        AnswerReceived(**asked, status=201, seconds=0.0, size=size, request_id=request_id, attempt=2),
        InvoiceCreated(
            **about, invoice_id=invoice.id, order_id="1042", amount=REQUEST.amount, status=InvoiceStatus.PENDING
        ),
        CallEnded(**about, seconds=0.0),
    ]
    call = "backend=sandbox operation=create_invoice call=N"
    request = f"method=POST host={host} path=/v1/invoices"
    assert request_id
    assert lines(caplog) == [
        f"DEBUG CallStarted {call}",
        f"DEBUG RequestSent {call} {request} attempt=1",
        f"DEBUG AnswerReceived {call} {request} attempt=1 status=503 seconds=S size=2",
        f'INFO Retried {call} attempt=2 wait=0.000 reason="status 503"',
        f"DEBUG RequestSent {call} {request} attempt=2",
        f"DEBUG AnswerReceived {call} {request} attempt=2 status=201 seconds=S size={size} request_id={request_id}",
        f'INFO InvoiceCreated {call} invoice_id={invoice.id} order_id=1042 amount="49.90 EUR" status=pending',
        f"DEBUG CallEnded {call} seconds=S",
    ]
    assert shop.telemetry.spans() == [("POST", 503), ("POST", 201), ("gateway create_invoice", None)]
    assert len(shop.server.requests) == 2


def test_genuine_webhook_is_told_with_what_it_tells(shop: Shop) -> None:
    """An observer learns how a webhook was verified, and which events it holds."""
    shop.server.script(*[shop.sandboxed] * 3)
    invoice = shop.ask("create_invoice", REQUEST)
    shop.ask("get_status", invoice.id)
    webhook = shop.paid(invoice.payment_url)
    shop.recorder.told.clear()

    shop.ask("verify_webhook", WebhookRequest(body=webhook.body, headers=webhook.headers))
    shop.ask("get_status", invoice.id)

    assert [type(event) for event in shop.recorder.told] == [
        CallStarted,
        WebhookAccepted,
        CallEnded,
        CallStarted,
        RequestSent,
        AnswerReceived,
        CallEnded,
    ]
    accepted = shop.recorder.told[1]
    assert isinstance(accepted, WebhookAccepted)
    assert (accepted.verified_by, accepted.events) == ("signature", (("invoice.paid", invoice.id),))


def test_forged_webhook_is_told_with_its_reason(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """The operator learns why, and nobody what the message said."""
    now = str(int(datetime.now(UTC).timestamp()))
    headers = {"webhook-id": "m", "webhook-timestamp": now, "webhook-signature": "v1,"}

    with pytest.raises(WebhookError):
        shop.ask("verify_webhook", WebhookRequest(body=CANARY.encode(), headers=headers))

    assert [type(event) for event in shop.recorder.told] == [CallStarted, WebhookRefused, CallEnded]
    assert isinstance(shop.recorder.told[1], WebhookRefused)
    assert shop.recorder.told[1].reason is WebhookReason.WRONG_SIGNATURE
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "act, error, kinds",
    [
        (answer(b"{}", 404), NotFoundError, [CallStarted, RequestSent, AnswerReceived, CallEnded]),
        (
            reset_before_answering(),
            OutcomeUnknownError,
            [CallStarted, *[RequestSent, RequestFailed, Retried] * 3, RequestSent, RequestFailed, CallEnded],
        ),
    ],
)
def test_failure_is_the_last_thing_that_is_told(
    shop: Shop, act: Act, error: type[GatewayError], kinds: list[type[Event]]
) -> None:
    """A call ends with the very error that the application catches."""
    shop.server.script(*[act] * 4)

    with pytest.raises(error) as caught:
        shop.ask("get_status", "inv_1")

    assert [type(event) for event in shop.recorder.told] == kinds
    assert isinstance(shop.recorder.told[-1], CallEnded)
    assert shop.recorder.told[-1].error is caught.value


def test_refused_argument_is_a_call_without_requests(shop: Shop) -> None:
    """What the core refuses before anything is sent begins and ends as any other call."""
    with pytest.raises(GatewayError):
        shop.ask("get_status", "")

    assert [type(event) for event in shop.recorder.told] == [CallStarted, CallEnded]


@pytest.mark.parametrize("shop", [AsyncShop], indirect=True)
def test_cancelled_call_is_told_as_abandoned(shop: AsyncShop) -> None:
    """A task that is cancelled while it waits for the answer tells its end, without an error that nobody raised."""

    async def main() -> None:
        arrived, loop = asyncio.Event(), asyncio.get_running_loop()

        def hold(connection: Connection) -> None:
            connection.read_request()
            loop.call_soon_threadsafe(arrived.set)
            connection.hold()

        shop.server.script(hold)
        task = asyncio.create_task(shop.gateway.create_invoice(REQUEST))
        await asyncio.wait([task, asyncio.create_task(arrived.wait())], return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    shop.runner.run(main())

    told = shop.recorder.told
    assert [type(event) for event in told] == [CallStarted, RequestSent, CallEnded]
    assert isinstance(told[-1], CallEnded)
    assert (told[-1].error, told[-1].abandoned) == (None, True)


def test_observers_are_told_in_the_context_of_the_task(caplog: pytest.LogCaptureFixture) -> None:
    """Two tasks that call at the same time each find their own context variables in what they are told."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("request")
    found: dict[int, set[str]] = {}

    class Reader:
        @hookimpl
        def observe(self, event: Event) -> None:
            found.setdefault(event.call, set()).add(variable.get())

    async def pay(gateway: AsyncGateway, name: str) -> None:
        variable.set(name)
        with contextlib.suppress(GatewayError):
            await gateway.get_status("inv_1")

    async def main(url: str) -> None:
        settings: dict[str, Any] = {**SandboxEmulator().settings(url)}
        async with AsyncGateway.connect("sandbox", observers=[Reader()], **settings) as gateway:
            await asyncio.gather(pay(gateway, "r-1"), pay(gateway, "r-2"))

    with FaultServer() as server:
        asyncio.run(main(server.url))

    assert sorted(map(sorted, found.values())) == [["r-1"], ["r-2"]]
    assert caplog.records == []


@pytest.mark.parametrize(
    "line, expected", [("", 1), ('observers = ["logging"]\n', 1), ("observers = []\n", 0)], ids=["unset", "one", "none"]
)
def test_observers_of_the_configuration_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, line: str, expected: int
) -> None:
    """The names in `gateway.toml` choose who is told; an empty list chooses nobody."""
    caplog.set_level(logging.DEBUG, "gateway_core")
    path = tmp_path / "gateway.toml"
    with nobody() as url:
        keys = "".join(f'{key} = "{value}"\n' for key, value in SandboxEmulator().settings(url).items())
        path.write_text(f'[gateways.shop]\nbackend = "sandbox"\n{line}{keys}[gateways.shop.transport]\nattempts = 1\n')

        with Gateway.open("shop", config=path) as gateway, pytest.raises(NotSentError):
            gateway.create_invoice(REQUEST)

    assert len([line for line in lines(caplog) if "CallStarted" in line]) == expected


def test_unknown_observer_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody offers is found again: by file, table and key, and by where it came from."""
    path = tmp_path / "gateway.toml"
    keys = "".join(f'{key} = "{value}"\n' for key, value in SandboxEmulator().settings("http://127.0.0.1").items())
    path.write_text(f'[gateways.shop]\nbackend = "sandbox"\nobservers = ["nobody"]\n{keys}')

    with pytest.raises(ConfigurationError) as written:
        Gateway.open("shop", config=path)
    monkeypatch.setenv("GATEWAY_SHOP_OBSERVERS", "nobody")
    with pytest.raises(ConfigurationError) as set_:
        Gateway.open("shop", config=path)

    place = f"{path}: [gateways.shop] observers"
    assert written.value.message.startswith(f"{place}: the observer 'nobody' cannot be had")
    assert set_.value.message.startswith(f"{place} (from environment GATEWAY_SHOP_OBSERVERS): the observer 'nobody'")


def test_lost_store_of_the_rate_limit_is_told_once(tmp_path: Path, recorder: Recorder) -> None:
    """R7: The call in which the shared store is lost tells that this process now keeps the limit alone."""
    (tmp_path / "limits").mkdir()
    limits: dict[str, Any] = {
        "rate_limits": ["1000/s"],
        "limiter": str(tmp_path / "limits"),
        "limiter_fallback": "process",
    }

    with FaultServer() as server:
        settings: dict[str, Any] = {**SandboxEmulator().settings(server.url), **limits}
        with Gateway.connect("sandbox", observers=[recorder], **settings) as gateway:
            for _ in range(2):
                with contextlib.suppress(GatewayError):
                    gateway.get_status("inv_1")

    kinds = [type(event) for event in recorder.told if not isinstance(event, RateLimited)]
    one = [CallStarted, RequestSent, AnswerReceived, CallEnded]
    assert kinds == [*one[:3], LimiterFellBack, CallEnded, *one]


def test_neither_secret_nor_customer_is_told(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """S1, S9: Whatever the shop and the provider put into a call, events, lines and spans hold only what they name."""
    said = {"code": f"no-sk_sandbox_{SECRET}", "message": f"{CANARY} is no good description"}
    echo = json.dumps({"error": said}).encode()
    address = f"https://shop.example/{CANARY}"
    order = attrs.evolve(REQUEST, description=f"for {CANARY}", return_url=address, metadata={"name": CANARY})
    forged = WebhookRequest(body=CANARY.encode(), headers={"webhook-signature": CANARY}, url=address)
    shop.server.script(shop.sandboxed, *[answer(echo, status) for status in (422, 400, 401, 500, 503, 200)])
    shop.server.script(reset_before_answering(), answer(CANARY.encode(), 200))
    calls = [
        *[("create_invoice", order)] * 5,
        ("create_invoice", attrs.evolve(order, options={"speed": CANARY})),
        ("get_status", "inv_1"),
        ("verify_webhook", forged),
    ]

    for call in calls:
        with contextlib.suppress(GatewayError):
            shop.ask(*call)

    told = shop.recorder.told
    errors = [event.error for event in told if isinstance(event, CallEnded) and event.error is not None]
    measured = shop.telemetry.reader.get_metrics_data()
    assert [type(event) for event in told].count(InvoiceCreated) == 1
    assert any(CANARY in error.message for error in errors)
    sinks = [
        *map(repr, told),
        *(f"{record.getMessage()} {vars(record)}" for record in caplog.records),
        *(span.to_json() for span in shop.telemetry.exporter.get_finished_spans()),
        "" if measured is None else measured.to_json(),
    ]
    assert all(sinks)
    assert [sink for sink in sinks if CANARY in sink or SECRET in sink] == []
