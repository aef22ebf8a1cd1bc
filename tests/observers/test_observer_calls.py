"""What observers are told, in which order, and what a faulty one can do: nothing."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from gateway_core import Invoice, InvoiceStatus, Money, hookimpl
from gateway_core.errors import NotFoundError
from gateway_core.observers import (
    BreakerOpened,
    CallEnded,
    CallEvents,
    CallStarted,
    Event,
    InvoiceCreated,
    Observers,
    RateLimited,
)

INVOICE = Invoice(
    id="inv_1",
    order_id="1042",
    status=InvoiceStatus.PENDING,
    amount=Money("49.90", "EUR"),
    payment_url="https://pay.example/canary",
    raw={"description": "canary"},
)


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    @hookimpl
    def observe(self, event: Event) -> None:
        """Keep an event."""
        self.told.append(event)


class Choosy(Recorder):
    """Wants events of one class only."""

    def __init__(self, kind: type[Event]) -> None:
        super().__init__()
        self.kind = kind
        self.asked: list[type[Event]] = []

    def wants(self, kind: type[Event]) -> bool:
        """Note the question."""
        self.asked.append(kind)
        return kind is self.kind


class Faulty:
    """Raises whatever it is given, whenever it is told something."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.times = 0

    @hookimpl
    def observe(self, event: Event) -> None:
        """Raise."""
        self.times += 1
        raise self.error


@pytest.fixture
def recorder() -> Recorder:
    """An observer that keeps what it is told."""
    return Recorder()


@pytest.fixture
def call(recorder: Recorder) -> CallEvents:
    """A call that has just begun."""
    call = Observers.load([recorder]).call("bitsby", "create_invoice")
    recorder.told.clear()
    return call


def untimed(event: Event) -> Event:
    """Return an event with its duration set to zero."""
    return attrs.evolve(event, seconds=0.0) if isinstance(event, CallEnded) else event


def test_event_bears_the_backend_the_operation_and_the_number_of_its_call(recorder: Recorder) -> None:
    """The events of a call belong together by its number, and those of another call have another."""
    observers = Observers.load([recorder])

    for operation in ("create_invoice", "get_status"):
        call = observers.call("bitsby", operation)
        call.tell(RateLimited, waited=2.5)
        call.end()

    one, two = recorder.told[0].call, recorder.told[3].call
    first: dict[str, Any] = {"backend": "bitsby", "operation": "create_invoice", "call": one}
    second: dict[str, Any] = {"backend": "bitsby", "operation": "get_status", "call": two}
    assert one != two
    assert [untimed(event) for event in recorder.told] == [
        event
        for about in (first, second)
        for event in (CallStarted(**about), RateLimited(**about, waited=2.5), CallEnded(**about, seconds=0.0))
    ]


def test_numbers_are_unique_over_threads() -> None:
    """Two calls in two threads never have one number."""
    recorder = Recorder()
    observers = Observers.load([recorder])
    start = threading.Barrier(8)

    def run() -> None:
        start.wait()
        for _ in range(200):
            observers.call("bitsby", "get_status")

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({event.call for event in recorder.told}) == 1600


@pytest.mark.parametrize("error", [None, NotFoundError("no such invoice")], ids=["result", "error"])
@pytest.mark.parametrize("abandoned", [False, True])
def test_end_tells_how_the_call_ended(
    recorder: Recorder, call: CallEvents, error: NotFoundError | None, abandoned: bool
) -> None:
    """An error of ours is told as it is, and whether the caller gave up."""
    call.end(error, abandoned=abandoned)

    [event] = recorder.told
    assert isinstance(event, CallEnded)
    assert (event.error, event.abandoned, event.seconds >= 0) == (error, abandoned, True)


def test_observer_is_told_in_the_context_of_the_call() -> None:
    """What the application keeps in context variables, such as a request's id, is what the observer finds."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("request")
    found = []

    class Reader:
        @hookimpl
        def observe(self, event: Event) -> None:
            found.append((variable.get(), threading.current_thread()))

    variable.set("r-1")
    Observers.load([Reader()]).call("bitsby", "get_status")

    assert found == [("r-1", threading.current_thread())]


def test_event_that_nobody_wants_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """An observer says which classes of events it wants, and nothing is made for those that it does not."""
    choosy = Choosy(BreakerOpened)
    call = Observers.load([choosy]).call("bitsby", "get_status")

    call.tell(RateLimited, no_such_field=1)
    call.tell(BreakerOpened, seconds=30.0)

    assert [type(event) for event in choosy.told] == [BreakerOpened]
    assert choosy.asked == [CallStarted, RateLimited, BreakerOpened]


def test_observers_are_told_one_event(recorder: Recorder) -> None:
    """Those who want an event are told the same one, in the order in which they were chosen."""
    order = []

    class Ordered:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def observe(self, event: Event) -> None:
            order.append((self.name, event))

    Observers.load([Ordered("first"), Choosy(BreakerOpened), Ordered("second"), recorder]).call("x", "get_status")

    [event] = recorder.told
    assert [(name, found is event) for name, found in order] == [("first", True), ("second", True)]


def test_without_observers_no_event_is_made() -> None:
    """A gateway that nobody watches makes no event, so that wrong fields of one are not even noticed."""
    with Observers().call("bitsby", "create_invoice") as call:
        call.tell(RateLimited, no_such_field=1)

    assert not call.watched


@pytest.mark.parametrize("error", [ValueError("canary"), NotFoundError("canary"), RecursionError("canary")])
def test_faulty_observer_is_logged_once_and_passed_over(
    recorder: Recorder, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """S9: What an observer raises reaches nobody; the log names it and the exception's class once."""
    faulty = Faulty(error)
    observers = Observers.load([faulty, recorder])

    for _ in range(3):
        observers.call("bitsby", "get_status")

    [record] = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "gateway_core.observers")
    assert f"{__name__}.Faulty failed with {type(error).__name__} at {__file__}:" in record.getMessage()
    assert "canary" not in record.getMessage()
    assert (faulty.times, len(recorder.told)) == (3, 3)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit()])
def test_interruption_passes_through_an_observer(interruption: BaseException) -> None:
    """Ctrl-C in an observer is still the user's wish to stop."""
    with pytest.raises(type(interruption)):
        Observers.load([Faulty(interruption)]).call("bitsby", "get_status")


def test_observer_that_cannot_say_what_it_wants_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A fault in `wants` is logged once too, and does not hide events."""

    class Undecided(Recorder):
        def wants(self, kind: type[Event]) -> bool:
            raise ValueError

    observer = Undecided()
    observers = Observers.load([observer])

    observers.call("bitsby", "get_status")
    observers.call("bitsby", "get_status")

    assert [type(event) for event in observer.told] == [CallStarted, CallStarted]
    assert len(caplog.records) == 1


def test_fault_of_a_handler_is_passed_over_too() -> None:
    """Where even the log raises, the payment goes on."""

    class Strict(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            raise RuntimeError

    strict = Strict()
    log = logging.getLogger("gateway_core.observers")
    log.addFilter(strict)
    try:
        call = Observers.load([Faulty(ValueError())]).call("bitsby", "get_status")
    finally:
        log.removeFilter(strict)

    assert isinstance(call, CallEvents)


def test_created_invoice_is_told_without_what_it_is_for(recorder: Recorder, call: CallEvents) -> None:
    """S9: Of an invoice the ids, the amount and the status are told, and neither its page nor the provider's answer."""
    call.created(INVOICE)

    [event] = recorder.told
    assert attrs.asdict(event, recurse=False) == {
        "backend": "bitsby",
        "operation": "create_invoice",
        "call": event.call,
        "invoice_id": "inv_1",
        "order_id": "1042",
        "amount": Money("49.90", "EUR"),
        "status": InvoiceStatus.PENDING,
    }


@pytest.mark.parametrize("kind", [CallStarted, InvoiceCreated])
def test_event_cannot_be_changed(recorder: Recorder, kind: type[Event]) -> None:
    """Observers share an event, so none of them can change it for the next."""
    Observers.load([recorder]).call("bitsby", "create_invoice").created(INVOICE)

    [event] = [event for event in recorder.told if type(event) is kind]
    change: Callable[..., Any] = setattr

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        change(event, "backend", "other")
