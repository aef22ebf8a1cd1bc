"""The observer that writes events to the log of the application. It is on unless another choice is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import attrs

from gateway_core._markers import hookimpl
from gateway_core._redaction import one_line
from gateway_core.errors import GatewayError, ProviderError
from gateway_core.observers import _events as events
from gateway_core.observers._log import logger

#: The logger of each class of events, below ``gateway_core``.
_LOGGERS: dict[type[events.Event], str] = {
    events.CallStarted: "calls",
    events.CallEnded: "calls",
    events.RequestSent: "http",
    events.AnswerReceived: "http",
    events.RequestFailed: "http",
    events.Retried: "http",
    events.RateLimited: "http",
    events.BreakerOpened: "http",
    events.BreakerClosed: "http",
    events.LimiterFellBack: "http",
    events.InvoiceCreated: "invoices",
    events.WebhookAccepted: "webhooks",
    events.WebhookRefused: "webhooks",
    events.StatusMoved: "journal",
}

#: The most severe level that an event of a class can have; DEBUG for the others.
_LEVELS: dict[type[events.Event], int] = {
    events.CallEnded: logging.WARNING,
    events.Retried: logging.INFO,
    events.RateLimited: logging.INFO,
    events.BreakerOpened: logging.WARNING,
    events.BreakerClosed: logging.INFO,
    events.InvoiceCreated: logging.INFO,
    events.StatusMoved: logging.INFO,
    events.WebhookAccepted: logging.INFO,
    events.WebhookRefused: logging.WARNING,
}

#: A shorter wait for the rate limit is as it should be, and not worth a line at INFO.
_LONG_WAIT = 1.0

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+/@#~")


class LoggingObserver:
    """Writes each event as one record of one line: its name, then its fields as ``name=value``.

    The fields are attributes of the record too, as ``gateway_<name>``. Control and bidi characters are escaped. Of an
    error its class, effect and codes are written, and not its message, in which a provider may quote a customer.
    """

    def wants(self, kind: type[events.Event]) -> bool:
        """Return whether an event of a class may be written at the levels that are set now."""
        return logger(_LOGGERS.get(kind, "calls")).isEnabledFor(_LEVELS.get(kind, logging.DEBUG))

    @hookimpl
    def observe(self, event: events.Event) -> None:
        """Write an event."""
        kind = type(event)
        log, level = logger(_LOGGERS.get(kind, "calls")), _level(event)
        if not log.isEnabledFor(level):
            return
        fields = dict(_fields(event))
        words = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
        extra = {"gateway_event": kind.__name__, **{f"gateway_{name}": value for name, value in fields.items()}}
        log.log(level, "%s %s", kind.__name__, words, extra=extra)


def _level(event: events.Event) -> int:
    match event:
        case events.CallEnded(error=None, abandoned=True):
            return logging.INFO
        case events.CallEnded(error=None | GatewayError(effect="none")):
            return logging.DEBUG
        case events.RateLimited(waited=waited) if waited <= _LONG_WAIT:
            return logging.DEBUG
    return _LEVELS.get(type(event), logging.DEBUG)


def _fields(event: events.Event) -> Iterator[tuple[str, str | float]]:
    """Yield the fields of an event that say something, in order. Texts are fit for one line."""
    for field in attrs.fields(type(event)):
        value = getattr(event, field.name)
        if isinstance(value, GatewayError):
            yield from _about(value)
        elif isinstance(value, tuple):
            yield field.name, one_line(", ".join(" ".join(filter(None, told)) for told in value))
        elif isinstance(value, bool):
            if value:
                yield field.name, "yes"
        elif isinstance(value, int | float):
            yield field.name, value
        elif value is not None:
            yield field.name, one_line(str(value))


def _about(error: GatewayError) -> Iterator[tuple[str, str | float]]:
    """Yield what is said of an error. Its message is left out where it may quote a provider, and so a customer."""
    yield "error", type(error).__name__
    yield "effect", error.effect
    if error.invoice_id is not None:
        yield "invoice_id", one_line(error.invoice_id)
    if isinstance(error, ProviderError):
        found = {"http_status": error.http_status, "code": error.code, "request_id": error.request_id}
        yield from ((name, value) for name, value in found.items() if value is not None)


def _quoted(value: str | float) -> str:
    """Return a value as it stands in the line: what is more than one plain word is put in quotes."""
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    if text and _PLAIN.issuperset(text):
        return text
    return '"{}"'.format(text.replace('"', r"\x22"))
