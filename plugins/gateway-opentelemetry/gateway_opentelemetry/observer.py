"""The observer."""

from __future__ import annotations

from importlib.metadata import version

from opentelemetry import metrics, trace

from gateway_core import hookimpl
from gateway_core.observers import Event
from gateway_opentelemetry.instruments import Instruments
from gateway_opentelemetry.spans import Spans

_NAME = "gateway-opentelemetry"


class OpenTelemetryObserver:
    """Makes spans and measurements of events.

    Args:
        tracer_provider: Where spans go; None for the one that the application has set, or sets later.
        meter_provider: Where measurements go; likewise.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._spans = Spans(trace.get_tracer(_NAME, version(_NAME), tracer_provider))
        self._instruments = Instruments(metrics.get_meter(_NAME, version(_NAME), meter_provider))

    @hookimpl
    def observe(self, event: Event) -> None:
        """Take note of an event."""
        self._spans.observe(event)
        self._instruments.observe(event)
