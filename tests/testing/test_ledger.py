"""A ledger gives back what it was given, finds it, and does several things as one."""

from __future__ import annotations

import gc
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core import Currency, InvoiceStatus, Money, PaymentStatus
from gateway_core.errors import ConfigurationError
from gateway_core.testing import (
    OPEN,
    Attempt,
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Ledger,
    QueuedDelivery,
)

_NOW = datetime(2026, 11, 21, 8, 0, 0, 123457, tzinfo=UTC)
_EUR = Money("49.90", "EUR")


def _invoice(number: int = 1, **changes: Any) -> EmulatedInvoice:
    made = EmulatedInvoice(
        id=f"inv_{number}", token=f"t{number}", amount=_EUR, created_at=_NOW, received=_EUR - _EUR, refunded=_EUR - _EUR
    )
    return attrs.evolve(made, **changes)


def _payment(number: int, **changes: Any) -> EmulatedPayment:
    return attrs.evolve(EmulatedPayment(id=f"pay_{number}", amount=_EUR, paid_at=_NOW), **changes)


def _refund(**changes: Any) -> EmulatedRefund:
    made = EmulatedRefund(id="re_1", refund_id="r-7", invoice_id="inv_1", amount=_EUR, created_at=_NOW)
    return attrs.evolve(made, **changes)


def _delivery(**changes: Any) -> QueuedDelivery:
    made = QueuedDelivery(
        id="d", event_id="e", invoice_id="inv_1", kind="paid", body=b"{}", created_at=_NOW, due_at=_NOW
    )
    return attrs.evolve(made, **changes)


def _ids(rows: list[tuple[int, Any]]) -> list[str]:
    return [record.id for _, record in rows]


@pytest.mark.parametrize(
    "record",
    [
        _invoice(order_id="1042", description="Zwei Bücher 📚", data={"metadata": {"a": "b"}, "count": 3, "list": [1]}),
        _invoice(status=InvoiceStatus.EXPIRED, expires_at=_NOW, return_url="https://shop.example/"),
        _invoice(amount=Money("0.000001", "USDT", network="tron")),
        _invoice(amount=Money("0.0001", Currency("WIDG", 4, "widgetchain"))),
        _payment(1, invoice_id="inv_1", status=PaymentStatus.REFUNDED, reference="abc", data={"way": "test"}),
        _refund(),
        _refund(due_at=_NOW, data={"reason": "damaged"}),
        _delivery(body=b"\x00\xff", attempts=(Attempt(at=_NOW, status=None, note="no answer"),), tampered=True),
    ],
    ids=["open", "expired", "token", "own asset", "payment", "refund", "waiting refund", "delivery"],
)
def test_record_comes_back_as_it_was(record: Any) -> None:
    """Nothing of a record is lost or changed, its amounts and microseconds included."""
    ledger = Ledger()

    ledger.save(record)

    assert ledger.get(type(record), record.id) == record


def test_unknown_record_is_none() -> None:
    """A record that is not there is None, also where another kind has that id."""
    ledger = Ledger()
    ledger.save(_invoice(1))

    assert ledger.get(EmulatedInvoice, "inv_2") is None
    assert ledger.get(EmulatedPayment, "inv_1") is None


def test_records_survive_reopening_the_file(tmp_path: Path) -> None:
    """A ledger in a file is found again after it was closed."""
    path = tmp_path / "ledger.sqlite"
    first = Ledger(path)
    first.save(_invoice(1))
    first.set_note("name", "value")
    first.close()

    second = Ledger(path)

    assert second.get(EmulatedInvoice, "inv_1") == _invoice(1)
    assert second.note("name") == "value"


def test_changed_record_keeps_its_place() -> None:
    """A record that is saved again replaces the old one where it stood, so that pages do not shift."""
    ledger = Ledger()
    for number in (1, 2, 3):
        ledger.save(_payment(number))

    ledger.save(_payment(1, reference="changed"))

    rows = ledger.select(EmulatedPayment)
    assert _ids(rows) == ["pay_1", "pay_2", "pay_3"]
    assert rows[0][1].reference == "changed"


@pytest.mark.parametrize(
    "filters,expected",
    [
        ({}, [1, 2, 3, 4]),
        ({"parent": "inv_1"}, [1, 3]),
        ({"parent": "inv_9"}, []),
        ({"since": _NOW + timedelta(seconds=2)}, [2, 3, 4]),
        ({"until": _NOW + timedelta(seconds=2)}, [1]),
        ({"since": _NOW + timedelta(seconds=2), "until": _NOW + timedelta(seconds=4)}, [2, 3]),
        ({"since": _NOW + timedelta(seconds=2, microseconds=1)}, [3, 4]),
        ({"limit": 2}, [1, 2]),
        ({"limit": 0}, []),
        ({"limit": 2, "offset": 1}, [2, 3]),
        ({"offset": 3}, [4]),
        ({"order": "newest"}, [4, 3, 2, 1]),
        ({"order": "newest", "limit": 1}, [4]),
    ],
)
def test_select_finds_what_was_asked_for(filters: dict[str, Any], expected: list[int]) -> None:
    """Each filter leaves out what it says: from `since` on, before `until`, to the microsecond."""
    ledger = Ledger()
    for number in (1, 2, 3, 4):
        parent = "inv_1" if number % 2 else "inv_2"
        ledger.save(_payment(number, invoice_id=parent, paid_at=_NOW + timedelta(seconds=number)))

    actual = ledger.select(EmulatedPayment, **filters)

    assert _ids(actual) == [f"pay_{number}" for number in expected]


def test_pages_neither_lose_nor_repeat_what_is_added_meanwhile() -> None:
    """A page that starts after the last position has what comes next, whatever was added or changed since."""
    ledger = Ledger()
    for number in range(5):
        ledger.save(_payment(number))
    seen: list[str] = []
    position = 0

    for _ in range(10):
        rows = ledger.select(EmulatedPayment, after=position, limit=2)
        position = rows[-1][0] if rows else position
        seen += _ids(rows)
        if len(seen) < 8:
            ledger.save(_payment(100 + len(seen)))
            ledger.save(_payment(0, reference="changed"))

    assert seen == _ids(ledger.select(EmulatedPayment))
    assert len(seen) > 5


def test_invoice_is_found_by_token_and_order() -> None:
    """An invoice's checkout token and order find it."""
    ledger = Ledger()
    for number in (1, 2):
        ledger.save(_invoice(number, order_id=f"order-{number}"))

    assert _ids(ledger.select(EmulatedInvoice, token="t2")) == ["inv_2"]
    assert _ids(ledger.select(EmulatedInvoice, parent="order-1")) == ["inv_1"]


@pytest.mark.parametrize(
    "record,is_due",
    [
        (_invoice(expires_at=_NOW), True),
        (_invoice(expires_at=_NOW, status=InvoiceStatus.PARTIALLY_PAID), True),
        (_invoice(expires_at=_NOW, status=InvoiceStatus.PAID), False),
        (_invoice(expires_at=_NOW + timedelta(microseconds=1)), False),
        (_invoice(), False),
        (_delivery(), True),
        (_delivery(due_at=None), False),
        (_refund(due_at=_NOW), True),
        (_refund(), False),
    ],
)
def test_due_are_open_invoices_refunds_and_queued_deliveries(record: Any, is_due: bool) -> None:
    """What is over is not due, and what is later is not due yet."""
    ledger = Ledger()
    ledger.save(record)

    actual = ledger.select(type(record), due=_NOW)

    assert bool(actual) is is_due


def test_failed_transaction_leaves_nothing() -> None:
    """After an exception nothing of a transaction is there, nor of one within it."""
    ledger = Ledger()

    def fail() -> None:
        with ledger.transaction():
            ledger.save(_invoice(1))
            with ledger.transaction():
                ledger.set_note("name", "value")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert ledger.select(EmulatedInvoice) == []
    assert ledger.note("name") is None


def test_transactions_of_threads_do_not_mix() -> None:
    """A record that is read and written in a transaction loses no change of another thread."""
    ledger = Ledger()
    ledger.set_note("count", "0")

    def count() -> None:
        for _ in range(50):
            with ledger.transaction():
                ledger.set_note("count", str(int(ledger.note("count") or "0") + 1))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ledger.note("count") == "400"


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_bytes(b"no database, but a text" * 100)])
def test_file_that_is_no_ledger_is_told(tmp_path: Path, make: Any) -> None:
    """A path that cannot be used is a configuration error that names it."""
    path = tmp_path / "ledger"
    make(path)

    with pytest.raises(ConfigurationError, match=str(path)):
        Ledger(path)


def test_forgotten_ledger_closes_its_file() -> None:
    """A ledger that nobody holds any more leaves no open file behind."""
    ledger = Ledger()
    database = ledger._db

    del ledger
    gc.collect()

    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


@pytest.mark.parametrize("status", InvoiceStatus)
def test_invoice_is_due_while_it_is_open(status: InvoiceStatus) -> None:
    """What can still be paid expires one day; what is settled, failed or called off does not."""
    ledger = Ledger()
    ledger.save(_invoice(status=status, expires_at=_NOW))

    due = ledger.select(EmulatedInvoice, due=_NOW)
    ledger.close()

    assert bool(due) == (status in OPEN) == (status.value in ("pending", "partially_paid"))
