"""Telling observers: cheaply where nobody listens, and without harm where one is at fault."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

from gateway_core.errors import GatewayError
from gateway_core.models.invoice import Invoice
from gateway_core.models.status import AmountVerdict, InvoiceStatus
from gateway_core.observers._events import CallEnded, CallStarted, Event, InvoiceCreated, StatusMoved

#: The observers of a gateway for which no others are chosen.
DEFAULT = ("logging",)

_numbers = itertools.count(1)


class Listener:
    """One observer, as the core tells it.

    Args:
        observe: What to tell; whatever it raises is logged once, and stops nothing.
        wants: Whether events of a class are wanted now; None if all are.
        description: Who it is, for the log.
    """

    def __init__(
        self,
        observe: Callable[[Event], object],
        wants: Callable[[type[Event]], object] | None,
        description: str,
    ) -> None:
        self._observe = observe
        self._wants = wants
        self._description = description
        self._not_complained = threading.Lock()

    def wants(self, kind: type[Event]) -> bool:
        """Return whether to tell events of a class. What cannot say is told."""
        if self._wants is None:
            return True
        try:
            return bool(self._wants(kind))
        except Exception as error:  # noqa: BLE001  # an observer stops no payment
            self._complain(error)
            return True

    def tell(self, event: Event) -> None:
        """Tell the observer. An interruption of the program passes through, and nothing else."""
        try:
            self._observe(event)
        except Exception as error:  # noqa: BLE001  # as above
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        # The lock is never given back: whoever gets it is the first, in whatever thread.
        if self._not_complained.acquire(blocking=False):
            from gateway_core._plugins.discovery import describe
            from gateway_core.observers._log import logger

            fault = describe(error, text=False)
            with contextlib.suppress(Exception):  # a handler of the application's may be at fault too
                logger("observers").warning("%s failed with %s; it is not said again", self._description, fault)


class Observers:
    """All observers of one gateway; without any, telling them costs next to nothing.

    Args:
        listeners: The observers, as `load` returns them.
        remember: Of how many invoices the last status is kept.
    """

    def __init__(self, listeners: tuple[Listener, ...] = (), *, remember: int = 1_000) -> None:
        self.listeners = listeners
        self.last = LastStatus(remember)

    @classmethod
    def load(cls, observers: Iterable[str | object] = DEFAULT) -> Self:
        """Return the chosen observers, by their installed names or as objects. Only they are imported.

        One that is installed but broken is logged and left out: no payment fails because nobody watches it.

        Raises:
            ConfigurationError: If a name is offered by nobody or by two distributions, or an object is no observer.
        """
        from gateway_core.observers._loading import load

        return cls(load(observers))

    def call(self, backend: str, operation: str) -> Call:
        """Return a new call, of which the observers have been told."""
        call = Call(self, backend, operation)
        call.tell(CallStarted)
        return call


class Call:
    """One call of an operation, as it is told to observers.

    As a context manager it tells the call's end, with what was raised. To be used in the caller's thread or task, so
    that observers find the caller's context variables.
    """

    __slots__ = ("_backend", "_last", "_listeners", "_number", "_operation", "_started")

    def __init__(self, observers: Observers, backend: str, operation: str) -> None:
        self._listeners = observers.listeners
        self._last = observers.last
        self._backend = backend
        self._operation = operation
        self._number = next(_numbers)
        self._started = time.perf_counter()

    def tell(self, kind: type[Event], /, **fields: Any) -> None:
        """Tell the observers an event of a class. It is made only if one of them wants it."""
        event = None
        for listener in self._listeners:
            if listener.wants(kind):
                if event is None:
                    event = kind(backend=self._backend, operation=self._operation, call=self._number, **fields)
                listener.tell(event)

    def created(self, invoice: Invoice) -> None:
        """Tell that the provider made an invoice."""
        self.tell(
            InvoiceCreated,
            invoice_id=invoice.id,
            order_id=invoice.order_id,
            amount=invoice.amount,
            status=invoice.status,
        )
        if self._listeners:
            self._last.replace(invoice.id, invoice.status)

    def saw(self, invoice_id: str, status: InvoiceStatus, verdict: AmountVerdict | None = None) -> None:
        """Tell that an invoice has another status than when it was seen last, if it has."""
        if not self._listeners:
            return
        before = self._last.replace(invoice_id, status)
        if before is not status:
            self.tell(StatusMoved, invoice_id=invoice_id, before=before, after=status, verdict=verdict)

    def end(self, error: GatewayError | None = None, *, abandoned: bool = False) -> None:
        """Tell that the call has ended."""
        self.tell(CallEnded, seconds=time.perf_counter() - self._started, error=error, abandoned=abandoned)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if isinstance(error, GatewayError):
            self.end(error)
        else:
            self.end(abandoned=error is not None)


class LastStatus:
    """The status in which each of the last invoices was seen.

    Args:
        limit: Of how many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: OrderedDict[str, InvoiceStatus] = OrderedDict()
        self._lock = threading.Lock()

    def replace(self, invoice_id: str, status: InvoiceStatus) -> InvoiceStatus | None:
        """Keep the status and return the one before; None if there is none."""
        with self._lock:
            before = self._seen.pop(invoice_id, None)
            self._seen[invoice_id] = status
            if len(self._seen) > self._limit:
                self._seen.popitem(last=False)
        return before
