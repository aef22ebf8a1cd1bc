"""Telling observers: cheaply where nobody listens, and without harm where one is at fault."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from gateway_core._tracebacks import describe
from gateway_core.errors import GatewayError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import Invoice
from gateway_core.observers._events import CallEnded, Event, InvoiceCreated

#: The usual names of the header in which an API tells its id of a request.
_REQUEST_IDS = ("X-Request-Id", "Request-Id", "X-Correlation-Id", "PayPal-Debug-Id")

_ID = re.compile(r"[!-~]{1,100}")

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
        scrub: Returns a text without what the observers are not told.
    """

    __slots__ = ("_backend", "_listeners", "_number", "_operation", "_started", "scrub", "watched")

    def __init__(self, listeners: tuple[Listener, ...], backend: str, operation: str) -> None:
        self._listeners = listeners
        self._backend = backend
        self._operation = operation
        self.watched = bool(listeners)
        self.scrub: Callable[[str], str] = str
        self._number = next(_numbers)
        self._started = time.perf_counter()

    def tell(
        self,
        kind: type[Event],
        request: HttpRequest | None = None,
        response: HttpResponse | None = None,
        /,
        **fields: Any,
    ) -> None:
        """Tell the observers an event of a class. It is made only if one of them wants it.

        Args:
            kind: The class.
            request: The request that it is about.
            response: The answer to it.
            fields: The fields that do not follow from these.
        """
        event = None
        for listener in self._listeners:
            if listener.wants(kind):
                if event is None:
                    if request is not None:
                        fields |= self._about(request, response)
                    event = kind(backend=self._backend, operation=self._operation, call=self._number, **fields)
                listener.tell(event)

    def _about(self, request: HttpRequest, response: HttpResponse | None) -> dict[str, Any]:
        parts = request.url.partition("?")[0].split("/", 3)
        about: dict[str, Any] = {
            "method": request.method,
            "host": parts[2].rpartition("@")[2] if len(parts) > 2 else "",
            "path": self.scrub(f"/{parts[3]}" if len(parts) > 3 else "/"),
        }
        if response is not None:
            headers = response.headers
            request_id = next((headers[name] for name in _REQUEST_IDS if name in headers), "")
            about |= {"status": response.status, "size": len(response.body)}
            # What is no single word quotes something, and that may be a customer's.
            about["request_id"] = self.scrub(request_id) if _ID.fullmatch(request_id) else None
        return about

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
