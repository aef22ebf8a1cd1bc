"""What an emulated provider knows, in SQLite: a file, or memory only."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

import attrs
from cattrs.preconf.json import JsonConverter, make_converter

from gateway_core.errors import ConfigurationError
from gateway_core.models.currency import Currency
from gateway_core.models.money import Money
from gateway_core.models.payment import PaymentStatus
from gateway_core.models.refund import RefundStatus
from gateway_core.models.status import InvoiceStatus


@attrs.frozen(kw_only=True)
class EmulatedInvoice:
    """An invoice on the provider's side.

    Attributes:
        id: The provider's id.
        token: The code in the address of its checkout page.
        order_id: The shop's key.
        amount: The amount asked for.
        description: What the payer reads.
        status: Where it stands.
        created_at: When it was made.
        expires_at: Until when it can be paid.
        return_url: Where the payer goes afterwards.
        received: All that has come.
        refunded: All that has gone back.
        data: The provider's own fields: texts, numbers without a fraction, lists and mappings.
    """

    id: str
    token: str
    order_id: str | None = None
    amount: Money
    description: str = ""
    status: InvoiceStatus = InvoiceStatus.PENDING
    created_at: datetime
    expires_at: datetime | None = None
    return_url: str | None = None
    received: Money
    refunded: Money
    data: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EmulatedPayment:
    """A payment on the provider's side.

    Attributes:
        id: The provider's id.
        invoice_id: The invoice it belongs to; None if to none.
        amount: What came.
        status: Its status.
        paid_at: When it came.
        reference: What the payer's side calls it.
        data: The provider's own fields.
    """

    id: str
    invoice_id: str | None = None
    amount: Money
    status: PaymentStatus = PaymentStatus.CONFIRMED
    paid_at: datetime
    reference: str | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class EmulatedRefund:
    """A refund on the provider's side.

    Attributes:
        id: The provider's id.
        refund_id: The shop's key.
        invoice_id: The invoice whose money went back.
        amount: What goes back.
        created_at: When it was asked for.
        status: Its status.
        due_at: When something becomes of it next; None if it is over.
        data: The provider's own fields.
    """

    id: str
    refund_id: str | None = None
    invoice_id: str
    amount: Money
    created_at: datetime
    status: RefundStatus = RefundStatus.DONE
    due_at: datetime | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Attempt:
    """One try to deliver a webhook.

    Attributes:
        at: When.
        status: The shop's HTTP status; None if it gave no answer.
        note: What happened, for people.
        url: Where it was sent.
        headers: The headers that were sent, the signature of this try among them.
        answer: The beginning of what the shop answered, if that is known.
    """

    at: datetime
    status: int | None
    note: str = ""
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    answer: str = ""


@attrs.frozen(kw_only=True)
class QueuedDelivery:
    """A webhook on its way to the shop.

    Attributes:
        id: Its own key.
        event_id: The key of the event; a duplicate has the same.
        invoice_id: The invoice it is about.
        kind: The provider's name of the event.
        body: What is sent.
        created_at: When it was queued.
        due_at: When to send it next; None if it is over.
        attempts: What was tried.
        tampered: Whether the body is changed after it was signed, to see the shop refuse it.
    """

    id: str
    event_id: str
    invoice_id: str
    kind: str
    body: bytes
    created_at: datetime
    due_at: datetime | None
    attempts: tuple[Attempt, ...] = ()
    tampered: bool = False


Record = EmulatedInvoice | EmulatedPayment | EmulatedRefund | QueuedDelivery
R = TypeVar("R", EmulatedInvoice, EmulatedPayment, EmulatedRefund, QueuedDelivery)

#: An invoice in one of these can be paid, and expires.
OPEN = frozenset({InvoiceStatus.PENDING, InvoiceStatus.PARTIALLY_PAID})

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    token TEXT,
    at REAL NOT NULL,
    due REAL,
    document TEXT NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX IF NOT EXISTS records_by_parent ON records (kind, parent);
CREATE INDEX IF NOT EXISTS records_by_token ON records (kind, token);
CREATE INDEX IF NOT EXISTS records_by_due ON records (kind, due);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Ledger:
    """The records of one emulated account. It may be shared by threads.

    Args:
        path: The SQLite file; None keeps everything in memory.

    Raises:
        ConfigurationError: If the file cannot be opened, or is no SQLite file.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        #: Held while the file is used. Whoever works on several records holds it throughout, by `transaction`.
        self.lock = threading.RLock()
        try:
            self._db = sqlite3.connect(
                ":memory:" if path is None else path, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise ConfigurationError(f"the ledger {path} cannot be opened: {error}") from None
        self._finalizer = weakref.finalize(self, self._db.close)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self.close()
            raise ConfigurationError(f"the ledger {path} cannot be used: {error}") from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several things as one, alone: all of them, or none after an exception.

        A transaction within another is a part of it.
        """
        with self.lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def save(self, record: Record) -> None:
        """Add a record, or replace the one with its id."""
        values = (type(record).__name__, record.id, *_keys(record), _converter.dumps(record))
        with self.lock:
            self._db.execute(
                "INSERT INTO records (kind, id, parent, token, at, due, document) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET parent = excluded.parent, token = excluded.token,"
                " at = excluded.at, due = excluded.due, document = excluded.document",
                values,
            )

    def get(self, kind: type[R], record_id: str) -> R | None:
        """Return the record with this id."""
        with self.lock:
            row = self._db.execute(
                "SELECT document FROM records WHERE kind = ? AND id = ?", (kind.__name__, record_id)
            ).fetchone()
        return _converter.loads(row[0], kind) if row else None

    def select(  # noqa: PLR0913  # all but the class by name
        self,
        kind: type[R],
        *,
        parent: str | None = None,
        token: str | None = None,
        due: datetime | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: int = 0,
        limit: int | None = None,
        offset: int = 0,
        order: Literal["oldest", "newest"] = "oldest",
    ) -> list[tuple[int, R]]:
        """Return records with their positions, in the order in which they were added.

        Args:
            kind: Their class.
            parent: Of this invoice only; of invoices, of this order only.
            token: With this checkout token only.
            due: Those only for which something must be done by this moment: open invoices that expire, refunds to carry
                out, deliveries to send.
            since: Of this moment or later.
            until: Before this moment.
            after: Beyond this position, for pages that neither lose nor repeat anything.
            limit: The most records.
            offset: How many to leave out at the beginning.
            order: Which come first.
        """
        conditions = {
            "kind = ?": kind.__name__,
            "position > ?": after,
            "parent = ?": parent,
            "token = ?": token,
            "due <= ?": _seconds(due),
            "at >= ?": _seconds(since),
            "at < ?": _seconds(until),
        }
        wanted: dict[str, object] = {what: value for what, value in conditions.items() if value is not None}
        direction = "ASC" if order == "oldest" else "DESC"
        statement = (
            f"SELECT position, document FROM records WHERE {' AND '.join(wanted)}"  # noqa: S608  # fixed texts only
            f" ORDER BY position {direction} LIMIT ? OFFSET ?"
        )
        with self.lock:
            rows = self._db.execute(statement, (*wanted.values(), -1 if limit is None else limit, offset)).fetchall()
        return [(position, _converter.loads(document, kind)) for position, document in rows]

    def note(self, name: str) -> str | None:
        """Return a text kept under a name."""
        with self.lock:
            row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_note(self, name: str, value: str) -> None:
        """Keep a text under a name."""
        with self.lock:
            self._db.execute("INSERT OR REPLACE INTO notes (name, value) VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self._finalizer()


def _keys(record: Record) -> tuple[str | None, str | None, float, float | None]:
    """Return what a record is found by: its parent, checkout token, moment, and the moment at which it is due."""
    match record:
        case EmulatedInvoice():
            due = record.expires_at if record.status in OPEN else None
            return record.order_id, record.token, record.created_at.timestamp(), _seconds(due)
        case EmulatedPayment():
            return record.invoice_id, None, record.paid_at.timestamp(), None
        case EmulatedRefund():
            return record.invoice_id, None, record.created_at.timestamp(), _seconds(record.due_at)
        case QueuedDelivery():
            return record.invoice_id, None, record.created_at.timestamp(), _seconds(record.due_at)


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _make_converter() -> JsonConverter:
    made = make_converter()
    made.register_unstructure_hook(
        Money,
        lambda money: [f"{money.amount:f}", money.unit.code, money.unit.exponent, money.unit.network],
    )
    made.register_structure_hook(
        Money, lambda value, _: Money(Decimal(value[0]), Currency(value[1], value[2], value[3]))
    )
    return made


_converter = _make_converter()
