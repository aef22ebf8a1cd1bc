"""What is measured. No attribute is an id, so that the number of time series stays small."""

from __future__ import annotations

from opentelemetry.metrics import Meter

from gateway_core.observers import (
    BreakerOpened,
    CallEnded,
    Event,
    InvoiceCreated,
    LimiterFellBack,
    RateLimited,
    Retried,
    WebhookAccepted,
    WebhookRefused,
)
from gateway_opentelemetry import attributes

#: Seconds: those of OpenTelemetry's HTTP conventions, and up to the deadline that a call has unless another is set.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 30.0)


class Instruments:
    """Measures events.

    Args:
        meter: Makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        self._duration = meter.create_histogram(
            "gateway.call.duration",
            "s",
            "How long calls take, waits included",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        self._retries = meter.create_counter("gateway.retries", "{retry}", "Requests that were repeated")
        self._waited = meter.create_counter("gateway.rate_limit.wait", "s", "Time spent waiting for the rate limit")
        self._fallbacks = meter.create_counter(
            "gateway.rate_limit.fallbacks", "{fallback}", "Times that the store of the shared rate limit was not there"
        )
        self._breaks = meter.create_counter(
            "gateway.breaker.openings", "{opening}", "Times that a provider was given up"
        )
        self._invoices = meter.create_counter("gateway.invoices.created", "{invoice}", "Invoices that were made")
        self._webhooks = meter.create_counter("gateway.webhooks", "{webhook}", "Webhooks that came in")

    def observe(self, event: Event) -> None:
        """Measure an event."""
        about = attributes.of(event)
        match event:
            case CallEnded():
                self._duration.record(event.seconds, {**about, **attributes.outcome(event)})
            case Retried():
                self._retries.add(1, about)
            case RateLimited():
                self._waited.add(event.waited, about)
            case LimiterFellBack():
                self._fallbacks.add(1, about)
            case BreakerOpened():
                self._breaks.add(1, about)
            case InvoiceCreated():
                self._invoices.add(1, about)
            case WebhookAccepted():
                self._webhooks.add(1, {**about, "gateway.webhook.outcome": "accepted"})
            case WebhookRefused():
                reason = event.reason.name.lower()
                self._webhooks.add(1, {**about, "gateway.webhook.outcome": "refused", "gateway.webhook.reason": reason})
