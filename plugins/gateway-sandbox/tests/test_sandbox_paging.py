"""Lists of payments: complete, without repetitions, and exact to the filter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any

import pytest

from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceRequest, Money
from gateway_core.testing import EmulatedPayment, ManualClock
from gateway_core.wire import loads
from gateway_sandbox.emulator import SandboxEmulator

Call = Callable[..., HttpResponse]

_CENT = Money("0.01", "EUR")
_numbers = count(1)


def _arrive(emulator: SandboxEmulator, at: datetime, many: int = 1, invoice_id: str = "inv_1") -> list[str]:
    ids = [f"pay_{next(_numbers)}" for _ in range(many)]
    with emulator.ledger.transaction():
        for each in ids:
            emulator.ledger.save(EmulatedPayment(id=each, invoice_id=invoice_id, amount=_CENT, paid_at=at))
    return ids


def _read(call: Call, **query: Any) -> tuple[list[str], str | None]:
    page = loads(call("GET", "/v1/payments", query=query).body)
    return [payment["id"] for payment in page["data"]], page["next_cursor"]


@pytest.mark.parametrize("limit,sizes", [(1, [1, 1, 1, 1, 1]), (2, [2, 2, 1]), (5, [5]), (100, [5])])
def test_pages_hold_as_many_as_asked_for(
    call: Call, emulator: SandboxEmulator, clock: ManualClock, limit: int, sizes: list[int]
) -> None:
    """Every page but the last is full, none is empty, and the last one has no cursor."""
    arrived = _arrive(emulator, clock(), 5)
    found: list[list[str]] = []
    cursor: dict[str, str] = {}

    for _ in sizes:
        page, more = _read(call, limit=limit, **cursor)
        found.append(page)
        cursor = {"cursor": more} if more else {}

    assert [len(page) for page in found] == sizes
    assert [each for page in found for each in page] == arrived
    assert cursor == {}


def test_usual_page_holds_twenty(call: Call, emulator: SandboxEmulator, clock: ManualClock) -> None:
    """Who says no limit gets 20."""
    arrived = _arrive(emulator, clock(), 21)

    page, more = _read(call)

    assert page == arrived[:20]
    assert more is not None


def test_empty_list_is_one_page(call: Call) -> None:
    """Where there is nothing, there is one empty page."""
    assert _read(call) == ([], None)


def test_thousand_payments_come_once_each_though_more_arrive(
    gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock
) -> None:
    """R8: while a thousand payments are read, others arrive on every page: none is lost, none comes twice."""
    arrived = _arrive(emulator, clock(), 1000)
    seen: list[str] = []

    for payment in gateway.list_payments():
        seen.append(payment.id)
        if len(seen) % 100 == 1 and len(seen) <= 1000:
            arrived += _arrive(emulator, clock(), 7)

    assert seen == arrived
    assert len(seen) == 1070


@pytest.mark.parametrize(
    "since,until,expected",
    [
        (None, None, [0, 1, 2, 3]),
        (1, None, [1, 2, 3]),
        (None, 2, [0, 1]),
        (1, 3, [1, 2]),
        (4, None, []),
        (0, 1, [0]),
    ],
)
def test_list_holds_what_came_in_the_time_asked_for(  # noqa: PLR0917  # pytest gives them by name
    gateway: Gateway,
    emulator: SandboxEmulator,
    clock: ManualClock,
    since: int | None,
    until: int | None,
    expected: list[int],
) -> None:
    """From `since` on, before `until`, to the microsecond, in whatever time zone the question is."""
    start = clock()
    arrived = [_arrive(emulator, start + timedelta(microseconds=step))[0] for step in range(4)]
    zone = timezone(timedelta(hours=-3, minutes=-30))

    def moment(step: int | None) -> datetime | None:
        return None if step is None else (start + timedelta(microseconds=step)).astimezone(zone)

    found = [payment.id for payment in gateway.list_payments(since=moment(since), until=moment(until))]

    assert found == [arrived[step] for step in expected]


def test_list_of_one_invoice(gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock) -> None:
    """The payments of one invoice are its own only."""
    mine = gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("1", "EUR")))
    arrived = _arrive(emulator, clock(), 3, invoice_id=mine.id)
    _arrive(emulator, clock(), 3, invoice_id="inv_other")

    found = [payment.id for payment in gateway.list_payments(invoice_id=mine.id)]

    assert found == arrived


def test_limit_reads_no_more_pages_than_it_needs(
    gateway: Gateway, emulator: SandboxEmulator, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short list of many payments asks the sandbox once."""
    _arrive(emulator, clock(), 300)
    asked: list[str] = []
    answer = emulator.handle

    def watched(request: HttpRequest) -> HttpResponse:
        asked.append(request.url)
        return answer(request)

    monkeypatch.setattr(emulator, "handle", watched)

    found = list(gateway.list_payments(limit=3))

    assert (len(found), len(asked)) == (3, 1)
