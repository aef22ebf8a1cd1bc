"""One span for a call, and below it one for each request, named by OpenTelemetry's conventions for HTTP clients."""

from __future__ import annotations

import threading
from collections import OrderedDict
from urllib.parse import urlsplit

import attrs
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from gateway_core.observers import (
    AnswerReceived,
    BreakerClosed,
    BreakerOpened,
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
from gateway_opentelemetry import attributes


@attrs.define
class _Live:
    """The spans of a call that is under way."""

    span: Span
    request: Span | None = None

    def end(self) -> None:
        """End what has not ended, the request first."""
        self.end_request()
        self.span.end()

    def end_request(self) -> None:
        if self.request is not None:
            self.request.end()
            self.request = None


class Spans:
    """Makes spans of events.

    A call's span is a child of the span that is current when the call begins. It is never made the current one itself:
    a call may be suspended and resumed in another context, where it has no business.

    Args:
        tracer: Makes the spans.
        limit: How many calls may be under way; beyond, the oldest is taken to have been forgotten.
    """

    def __init__(self, tracer: Tracer, limit: int = 10_000) -> None:
        self._tracer = tracer
        self._limit = limit
        self._live: OrderedDict[int, _Live] = OrderedDict()
        self._lock = threading.Lock()

    def observe(self, event: Event) -> None:
        """Make of an event a span, the end of one, or a note in one."""
        if isinstance(event, CallStarted):
            self._start(event)
            return
        with self._lock:
            live = self._live.pop(event.call, None) if isinstance(event, CallEnded) else self._live.get(event.call)
        if live is None:
            return
        match event:
            case CallEnded():
                _end(live, event)
            case RequestSent():
                live.end_request()
                live.request = self._request(event, set_span_in_context(live.span))
            case AnswerReceived() | RequestFailed():
                _answer(live, event)
            case _:
                _note(live.span, event)

    def _start(self, event: CallStarted) -> None:
        # Requests are what leaves the process, so they are the clients, and a map of services shows each once.
        span = self._tracer.start_span(
            f"gateway {event.operation}", kind=SpanKind.INTERNAL, attributes=attributes.of(event)
        )
        forgotten = None
        with self._lock:
            self._live[event.call] = _Live(span)
            if len(self._live) > self._limit:
                _, forgotten = self._live.popitem(last=False)
        if forgotten is not None:
            forgotten.end()

    def _request(self, event: RequestSent, context: Context) -> Span:
        # No `url.full`, though the conventions want it: addresses hold ids, and with some providers secrets.
        where = urlsplit(f"//{event.host}")
        about: dict[str, AttributeValue] = {**attributes.of(event), "http.request.method": event.method}
        if where.hostname:
            about["server.address"] = where.hostname
        if where.port:
            about["server.port"] = where.port
        if event.attempt > 1:
            about["http.request.resend_count"] = event.attempt - 1
        return self._tracer.start_span(event.method, context, SpanKind.CLIENT, about)


def _answer(live: _Live, event: AnswerReceived | RequestFailed) -> None:
    if live.request is None:
        return
    if isinstance(event, RequestFailed):
        _fail(live.request, type(event.error).__name__)
    else:
        live.request.set_attribute("http.response.status_code", event.status)
        if event.status >= 400:
            _fail(live.request, str(event.status))
    live.end_request()


def _end(live: _Live, event: CallEnded) -> None:
    if live.request is not None:
        _fail(live.request, attributes.ABANDONED)
    live.span.set_attributes(attributes.outcome(event))
    if event.error is not None:
        live.span.set_status(StatusCode.ERROR)
        if event.error.invoice_id is not None:
            live.span.set_attribute("gateway.invoice.id", event.error.invoice_id)
    live.end()


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _note(span: Span, event: Event) -> None:
    """Note an event in the span of its call: what is so of the whole call as an attribute, what happens as an event."""
    match event:
        case Retried():
            _tell(span, "retry", {"attempt": event.attempt, "wait": event.wait, "reason": event.reason})
        case RateLimited():
            _tell(span, "rate_limit.wait", {"waited": event.waited})
        case LimiterFellBack():
            _tell(span, "rate_limit.fallback", {"reason": event.reason})
        case BreakerOpened():
            _tell(span, "breaker.opened", {"seconds": event.seconds})
        case BreakerClosed():
            _tell(span, "breaker.closed", {})
        case InvoiceCreated():
            span.set_attribute("gateway.invoice.id", event.invoice_id)
            span.set_attribute("gateway.invoice.status", event.status.value)
        case WebhookAccepted():
            span.set_attribute("gateway.webhook.outcome", "accepted")
            span.set_attribute("gateway.webhook.verified_by", event.verified_by)
        case WebhookRefused():
            span.set_attribute("gateway.webhook.outcome", "refused")
            span.set_attribute("gateway.webhook.reason", event.reason.name.lower())


def _tell(span: Span, name: str, fields: dict[str, AttributeValue]) -> None:
    span.add_event(f"gateway.{name}", {f"gateway.{field}": value for field, value in fields.items()})
