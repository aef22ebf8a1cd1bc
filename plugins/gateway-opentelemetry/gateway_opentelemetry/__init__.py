"""Spans and metrics of what a gateway does, for OpenTelemetry."""

from gateway_opentelemetry.observer import OpenTelemetryObserver

__all__ = ["OpenTelemetryObserver"]
