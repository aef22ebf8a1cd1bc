"""The attributes that spans and measurements have in common."""

from __future__ import annotations

from gateway_core.observers import CallEnded, Event

#: What `error.type` says of a call that the caller gave up: there is no error then, and no success either.
ABANDONED = "abandoned"


def of(event: Event) -> dict[str, str]:
    """Return what tells the calls of one kind from others. None of its values is an id: there are few of them."""
    return {"gateway.backend": event.backend, "gateway.operation": event.operation}


def outcome(event: CallEnded) -> dict[str, str]:
    """Return how a call ended; nothing if it went well. Of an error its class and effect are told, no words."""
    if event.error is not None:
        return {"error.type": type(event.error).__name__, "gateway.effect": event.error.effect}
    return {"error.type": ABANDONED} if event.abandoned else {}
