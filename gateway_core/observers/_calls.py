"""Telling observers: cheaply where nobody listens, and without harm where one is at fault."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from gateway_core._tracebacks import describe
from gateway_core.errors import GatewayError
from gateway_core.models.invoice import Invoice
from gateway_core.observers._events import CallEnded, Event, InvoiceCreated

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
            from gateway_core.observers._log import logger

            fault = describe(error, text=False)
            with contextlib.suppress(Exception):  # a handler of the application's may be at fault too
                logger("observers").warning("%s failed with %s; it is not said again", self._description, fault)


class CallEvents:
    """Tells the observers what happens in one call, in the caller's thread or task: their context is the caller's.

    As a context manager, for who tests an observer, it ends the call as its block ends.

    Attributes:
        watched: Whether anybody is told.
    """

    __slots__ = ("_backend", "_listeners", "_number", "_operation", "_started", "watched")

    def __init__(self, listeners: tuple[Listener, ...], backend: str, operation: str) -> None:
        self._listeners = listeners
        self._backend = backend
        self._operation = operation
        self.watched = bool(listeners)
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

    def end(self, error: GatewayError | None = None, *, abandoned: bool = False) -> None:
        """Tell that the call has ended."""
        if self.watched:
            self.tell(CallEnded, seconds=time.perf_counter() - self._started, error=error, abandoned=abandoned)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        ours = error if isinstance(error, GatewayError) else None
        self.end(ours, abandoned=error is not ours)
