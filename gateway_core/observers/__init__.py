"""What happens in the calls of a gateway, told to whoever wants to know.

An observer is an object with a method ``observe(event)`` that is marked with `hookimpl`. It is told each event in the
thread, or the task, of the call, and cannot change anything: what it returns is not looked at, and what it raises is
logged once and passed over. So it should be quick, and do nothing that may wait.

>>> from gateway_core import hookimpl
>>> from gateway_core.observers import Event, InvoiceCreated
>>> class Counter:
...     def __init__(self) -> None:
...         self.created = 0
...
...     @hookimpl
...     def observe(self, event: Event) -> None:
...         self.created += isinstance(event, InvoiceCreated)

An observer may have a plain method ``wants(kind)`` beside it, which returns whether it wants the events of a class now.
It is asked before such an event is made, and again each time.
"""

from gateway_core.observers._calls import CallEvents
from gateway_core.observers._events import (
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
    StatusMoved,
    WebhookAccepted,
    WebhookRefused,
)
from gateway_core.observers._loading import DEFAULT, Observers

__all__ = [
    "DEFAULT",
    "AnswerReceived",
    "BreakerClosed",
    "BreakerOpened",
    "CallEnded",
    "CallEvents",
    "CallStarted",
    "Event",
    "InvoiceCreated",
    "LimiterFellBack",
    "Observers",
    "RateLimited",
    "RequestFailed",
    "RequestSent",
    "Retried",
    "StatusMoved",
    "WebhookAccepted",
    "WebhookRefused",
]
