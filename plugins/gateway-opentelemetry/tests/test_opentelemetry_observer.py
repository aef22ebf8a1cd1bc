"""What OpenTelemetry's SDK keeps of the events of calls."""

from __future__ import annotations

import contextvars
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway_core import Invoice, InvoiceStatus, Money, hookimpl
from gateway_core.errors import GatewayError, NotFoundError, NotSentError, OutcomeUnknownError, WebhookReason
from gateway_core.observers import (
    AnswerReceived,
    BreakerClosed,
    BreakerOpened,
    CallEvents,
    Event,
    LimiterFellBack,
    Observers,
    RateLimited,
    RequestFailed,
    RequestSent,
    Retried,
    WebhookAccepted,
    WebhookRefused,
)
from gateway_opentelemetry import OpenTelemetryObserver
from gateway_opentelemetry.spans import Spans

ABOUT = {"gateway.backend": "bitsby", "gateway.operation": "create_invoice"}
INVOICE = Invoice(id="inv_1", order_id="1042", status=InvoiceStatus.PENDING, amount=Money("49.90", "EUR"))
SENT: dict[str, Any] = {"method": "POST", "host": "api.example", "path": "/v1/invoices"}


class Sdk:
    """An SDK that keeps everything, and the observers that tell it."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.observers = Observers.load([OpenTelemetryObserver(self.tracer_provider, self.meter_provider)])

    def call(self, operation: str = "create_invoice") -> CallEvents:
        """Begin a call."""
        return self.observers.call("bitsby", operation)

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that have ended, in that order."""
        return list(self._spans.get_finished_spans())

    def measured(self) -> dict[str, list[tuple[dict[str, Any], float]]]:
        """Return what was measured: of each instrument the attributes and the sum."""
        data = self._reader.get_metrics_data()
        metrics = [] if data is None else data.resource_metrics[0].scope_metrics[0].metrics
        return {
            metric.name: [
                (dict(point.attributes or {}), point.value if isinstance(point, NumberDataPoint) else point.sum)
                for point in metric.data.data_points
            ]
            for metric in metrics
        }


@pytest.fixture
def sdk() -> Iterator[Sdk]:
    """An SDK, in a context of its own."""
    made = Sdk()
    yield made
    made.tracer_provider.shutdown()
    made.meter_provider.shutdown()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes without those that every span has."""
    return {name: value for name, value in (span.attributes or {}).items() if name not in ABOUT}


def noted(span: ReadableSpan) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the events in a span."""
    return [(event.name, dict(event.attributes or {})) for event in span.events]


def test_call_is_a_span_and_each_request_one_below_it(sdk: Sdk) -> None:
    """The tree shows what the caller waited for: the call, and each time that a request left."""
    with sdk.call() as call:
        call.tell(RequestSent, **SENT, attempt=1)
        call.tell(AnswerReceived, **SENT, status=503, seconds=0.1, size=7, attempt=1)
        call.tell(Retried, attempt=2, wait=0.5, reason="the answer 503")
        call.tell(RequestSent, **SENT, attempt=2)
        call.tell(AnswerReceived, **SENT, status=201, seconds=0.1, size=7, attempt=2)
        call.created(INVOICE)

    first, second, whole = sdk.spans()
    assert [span.name for span in (first, second, whole)] == ["POST", "POST", "gateway create_invoice"]
    assert [span.kind for span in (first, second, whole)] == [SpanKind.CLIENT, SpanKind.CLIENT, SpanKind.INTERNAL]
    assert whole.context is not None
    assert [span.parent and span.parent.span_id for span in (first, second, whole)] == [
        whole.context.span_id,
        whole.context.span_id,
        None,
    ]
    request = {"http.request.method": "POST", "server.address": "api.example"}
    assert attributes(first) == {**request, "http.response.status_code": 503, "error.type": "503"}
    assert attributes(second) == {**request, "http.response.status_code": 201, "http.request.resend_count": 1}
    assert attributes(whole) == {"gateway.invoice.id": "inv_1", "gateway.invoice.status": "pending"}
    assert dict(whole.attributes or {}).items() >= ABOUT.items()
    assert noted(whole) == [
        ("gateway.retry", {"gateway.attempt": 2, "gateway.wait": 0.5, "gateway.reason": "the answer 503"})
    ]
    assert [span.status.status_code for span in (first, second, whole)] == [
        StatusCode.ERROR,
        StatusCode.UNSET,
        StatusCode.UNSET,
    ]


def test_call_belongs_to_the_span_that_is_current_when_it_begins(sdk: Sdk) -> None:
    """The application's own span is the parent, and stays the current one while the call runs."""
    tracer = sdk.tracer_provider.get_tracer("shop")
    with tracer.start_as_current_span("checkout") as checkout:
        call = sdk.call()
        assert trace.get_current_span() is checkout

    contextvars.Context().run(call.end)

    [_, whole] = sdk.spans()
    assert (whole.parent and whole.parent.span_id) == checkout.get_span_context().span_id
    assert otel_context.get_current() == {}


@pytest.mark.parametrize(
    "host, expected",
    [
        ("api.example", {"server.address": "api.example"}),
        ("127.0.0.1:4010", {"server.address": "127.0.0.1", "server.port": 4010}),
        ("[::1]:4010", {"server.address": "::1", "server.port": 4010}),
    ],
)
def test_host_and_port_are_told_apart(sdk: Sdk, host: str, expected: dict[str, Any]) -> None:
    """The conventions have an attribute for each."""
    with sdk.call() as call:
        call.tell(RequestSent, **{**SENT, "method": "GET", "host": host})

    assert attributes(sdk.spans()[0]).items() >= expected.items()
    assert ("server.port" in attributes(sdk.spans()[0])) == ("server.port" in expected)


@pytest.mark.parametrize(
    "error, effect",
    [(OutcomeUnknownError("canary"), "unknown"), (NotFoundError("canary", invoice_id="inv_9"), "none")],
)
def test_error_marks_the_call(sdk: Sdk, error: GatewayError, effect: str) -> None:
    """S9: Of an error the class and the effect are told; its words may quote the customer, and stay away."""
    call = sdk.call()

    call.end(error)

    [whole] = sdk.spans()
    invoice = {} if error.invoice_id is None else {"gateway.invoice.id": error.invoice_id}
    assert attributes(whole) == {"error.type": type(error).__name__, "gateway.effect": effect, **invoice}
    assert whole.status.status_code is StatusCode.ERROR
    assert "canary" not in whole.to_json()
    assert sdk.measured()["gateway.call.duration"][0][0] == {
        **ABOUT,
        "error.type": type(error).__name__,
        "gateway.effect": effect,
    }


def test_request_without_an_answer_is_marked(sdk: Sdk) -> None:
    """A request that failed ends with the class of its failure."""
    with sdk.call() as call:
        call.tell(RequestSent, **SENT)
        call.tell(RequestFailed, **SENT, error=NotSentError("canary"), seconds=0.1)

    [request, whole] = sdk.spans()
    assert attributes(request)["error.type"] == "NotSentError"
    assert (request.status.status_code, whole.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)


def test_abandoned_call_ends_its_request_too(sdk: Sdk) -> None:
    """A task that was cancelled in mid-request leaves no span open."""
    call = sdk.call()
    call.tell(RequestSent, **SENT)

    call.end(abandoned=True)

    [request, whole] = sdk.spans()
    assert [attributes(span)["error.type"] for span in (request, whole)] == ["abandoned", "abandoned"]
    assert [span.status.status_code for span in (request, whole)] == [StatusCode.ERROR, StatusCode.UNSET]


@pytest.mark.parametrize(
    "kind, fields, name, expected",
    [
        (RateLimited, {"waited": 2.5}, "gateway.rate_limit.wait", {"gateway.waited": 2.5}),
        (LimiterFellBack, {"reason": "gone"}, "gateway.rate_limit.fallback", {"gateway.reason": "gone"}),
        (BreakerOpened, {"seconds": 30.0}, "gateway.breaker.opened", {"gateway.seconds": 30.0}),
        (BreakerClosed, {}, "gateway.breaker.closed", {}),
    ],
)
def test_what_happens_in_a_call_is_noted_in_its_span(
    sdk: Sdk, kind: type[Event], fields: dict[str, Any], name: str, expected: dict[str, Any]
) -> None:
    """Waits and breaks are moments of a call, and not calls of their own."""
    with sdk.call() as call:
        call.tell(kind, **fields)

    [whole] = sdk.spans()
    assert noted(whole) == [(name, expected)]


@pytest.mark.parametrize(
    "kind, fields, noted_as, counted_as",
    [
        (
            WebhookAccepted,
            {"verified_by": "signature", "events": (("invoice.paid", "inv_1"),)},
            {"gateway.webhook.outcome": "accepted", "gateway.webhook.verified_by": "signature"},
            {"gateway.webhook.outcome": "accepted"},
        ),
        (
            WebhookRefused,
            {"reason": WebhookReason.WRONG_SIGNATURE},
            {"gateway.webhook.outcome": "refused", "gateway.webhook.reason": "wrong_signature"},
            {"gateway.webhook.outcome": "refused", "gateway.webhook.reason": "wrong_signature"},
        ),
    ],
)
def test_webhook_is_counted_by_what_became_of_it(
    sdk: Sdk, kind: type[Event], fields: dict[str, Any], noted_as: dict[str, str], counted_as: dict[str, str]
) -> None:
    """Refusals are counted by their reason, of which there are few."""
    with sdk.call("verify_webhook") as call:
        call.tell(kind, **fields)

    [whole] = sdk.spans()
    about = {"gateway.backend": "bitsby", "gateway.operation": "verify_webhook"}
    assert whole.attributes == {**about, **noted_as}
    assert sdk.measured()["gateway.webhooks"] == [({**about, **counted_as}, 1)]


def test_everything_is_counted_without_ids(sdk: Sdk) -> None:
    """No instrument has an attribute that grows with the number of invoices."""
    for _ in range(2):
        with sdk.call() as call:
            call.tell(RateLimited, waited=2.5)
            call.tell(Retried, attempt=2, wait=0.5, reason="the answer 503")
            call.tell(LimiterFellBack, reason="gone")
            call.tell(BreakerOpened, seconds=30.0)
            call.created(INVOICE)

    measured = sdk.measured()
    [(about, seconds)] = measured.pop("gateway.call.duration")
    assert measured == {
        "gateway.rate_limit.wait": [(ABOUT, 5.0)],
        "gateway.retries": [(ABOUT, 2)],
        "gateway.rate_limit.fallbacks": [(ABOUT, 2)],
        "gateway.breaker.openings": [(ABOUT, 2)],
        "gateway.invoices.created": [(ABOUT, 2)],
    }
    assert (about, 0 < seconds < 60) == (ABOUT, True)


def test_calls_at_the_same_time_do_not_mix(sdk: Sdk) -> None:
    """The events of two calls come in any order, and each finds its own span."""
    one, two = sdk.call("create_invoice"), sdk.call("get_status")
    one.tell(RequestSent, **{**SENT, "method": "POST", "host": "api.example"})
    two.tell(RequestSent, **{**SENT, "method": "GET", "host": "api.example"})
    one.tell(AnswerReceived, **SENT, status=201, seconds=0.1, size=7)
    two.tell(AnswerReceived, **SENT, status=200, seconds=0.1, size=7)
    two.end()
    one.end()

    post, get, status, create = sdk.spans()
    assert (post.name, get.name, status.name, create.name) == (
        "POST",
        "GET",
        "gateway get_status",
        "gateway create_invoice",
    )
    assert create.context is not None
    assert status.context is not None
    assert post.parent is not None
    assert get.parent is not None
    assert (post.parent.span_id, get.parent.span_id) == (create.context.span_id, status.context.span_id)


def test_forgotten_calls_do_not_pile_up(sdk: Sdk) -> None:
    """A call whose end nobody tells is ended when too many are open, the oldest first, and then known no more."""
    spans = Spans(sdk.tracer_provider.get_tracer("test"), limit=2)
    told: list[Event] = []
    observers = Observers.load([Collector(told)])
    calls = [observers.call("bitsby", operation) for operation in ("one", "two", "three")]
    calls[0].tell(RequestSent, **SENT)
    for event in (told[0], told[3], told[1], told[2]):
        spans.observe(event)

    ended = [span.name for span in sdk.spans()]
    calls[0].tell(AnswerReceived, **SENT, status=200, seconds=0.1, size=7)
    calls[0].end()
    spans.observe(told[4])
    spans.observe(told[5])

    assert ended == ["POST", "gateway one"]
    assert [span.name for span in sdk.spans()] == ended


def test_calls_that_have_ended_take_no_room(sdk: Sdk) -> None:
    """Only what is under way counts, so that a long call outlives any number of short ones."""
    spans = Spans(sdk.tracer_provider.get_tracer("test"), limit=2)
    told: list[Event] = []
    observers = Observers.load([Collector(told)])
    with observers.call("bitsby", "long"):
        for _ in range(3):
            observers.call("bitsby", "short").end()

    for event in told:
        spans.observe(event)

    assert [span.name for span in sdk.spans()] == [*["gateway short"] * 3, "gateway long"]


class Collector:
    """Keeps what it is told."""

    def __init__(self, told: list[Event]) -> None:
        self.told = told

    @hookimpl
    def observe(self, event: Event) -> None:
        """Keep an event."""
        self.told.append(event)


def test_without_an_sdk_nothing_happens() -> None:
    """The API alone swallows everything, so that the plugin may be installed before anybody collects."""
    program = """if True:
        from gateway_core.observers import *
        with Observers.load(["opentelemetry"]).call("bitsby", "get_status") as call:
            about = {"method": "GET", "host": "api.example", "path": "/v1/invoices"}
            call.tell(RequestSent, **about)
            call.tell(AnswerReceived, **about, status=200, seconds=0.1, size=7)
    """

    done = subprocess.run([sys.executable, "-Werror", "-c", program], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_observer_is_found_by_its_name() -> None:
    """It is chosen as any other, through the public entry point."""
    [listener] = Observers.load(["opentelemetry"]).listeners

    assert listener.wants(RequestSent)
