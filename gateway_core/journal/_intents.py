"""Intents: what must happen at most once is written down before it is tried, and owned by one worker at a time.

An owner has a lease and a fencing number. Each write names the number, so that a worker that was paused past its lease
changes nothing any more. What the lease cannot close is the gap between the last check and the first byte: after the
mark `SENDING` nobody sends again, unless the provider's key or a search makes that safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
from sqlalchemy import Connection, RowMapping, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway_core.errors import ConflictError, JournalError
from gateway_core.journal._orders import check_alone
from gateway_core.journal._schema import OPEN_STATES, IntentState, intents
from gateway_core.journal._store import Store
from gateway_core.models.currency import Currency
from gateway_core.models.money import Money


@attrs.frozen(kw_only=True)
class Intent:
    """One thing that must happen at most once.

    Attributes:
        id: Its number in the journal.
        account: The account.
        operation: ``create_invoice``, ``refund_payment``, ``capture_payment`` or ``cancel_invoice``.
        key: What it is known by within the operation: the invoice's reference, the shop's key of the refund or capture,
            the invoice's id.
        content: A digest of what was asked.
        order_id: The shop's key of the order, if it makes an invoice.
        attempt: The attempt, if it makes an invoice.
        invoice_id: The provider's id, as soon as it is known.
        amount: The amount; None if there is none.
        state: What is known.
        fence: How many owners it has had.
        leased_until: Until when its owner is at it.
        requested_at: When it was first asked for: repetitions say so, too.
        sent_at: When it was first sent.
        result: What the provider answered, as `gateway_core.journal` keeps it.
        error: The class of the last error, and the provider's code.
        updated_at: When it was last written.
        seen_at: The journal's time when this was read.
    """

    id: int
    account: str
    operation: str
    key: str
    content: str = attrs.field(repr=False)
    order_id: str | None = None
    attempt: int | None = None
    invoice_id: str | None = None
    amount: Money | None = None
    state: IntentState
    fence: int
    leased_until: datetime
    requested_at: datetime
    sent_at: datetime | None = None
    result: Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    error: str | None = None
    updated_at: datetime
    seen_at: datetime

    @property
    def leased(self) -> bool:
        """Whether somebody was at it when it was read."""
        return self.leased_until > self.seen_at


@attrs.frozen(kw_only=True)
class Asked:
    """What is to be written down as an intent; the fields are those of `Intent`.

    Attributes:
        others: Accounts that must not have the order, if it makes an invoice.
    """

    operation: str
    key: str
    content: str
    order_id: str | None = None
    attempt: int | None = None
    invoice_id: str | None = None
    amount: Money | None = None
    requested_at: datetime | None = None
    others: tuple[str, ...] = ()


class Intents:
    """The intents of one account.

    Args:
        store: Where they are kept.
        account: The account.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account

    def begin(self, asked: Asked, lease: timedelta) -> tuple[Intent, bool]:
        """Write an intent down, or read what was written before. Return it, and whether the caller owns it now.

        Raises:
            ElsewhereError: If one of ``asked.others`` has the order.
            ConflictError: If the same was asked for before with other content, and may exist.
            JournalError: If it cannot be written.
        """
        with self._store.transaction() as connection:
            if asked.order_id is not None and asked.others:
                check_alone(connection, asked.order_id, self._account, asked.others)
            now = self._store.now(connection)
            values = {
                "account": self._account,
                "operation": asked.operation,
                "key": asked.key,
                "content": asked.content,
                "order_id": asked.order_id,
                "attempt": asked.attempt,
                "invoice_id": asked.invoice_id,
                **amount_columns(asked.amount),
                "requested_at": asked.requested_at or now,
                "leased_until": now + lease,
                "updated_at": now,
                "state": IntentState.NEW,
            }
            inserted = connection.execute(
                insert(connection, intents)
                .values(fence=1, **values)
                .on_conflict_do_nothing(index_elements=["account", "operation", "key"])
                .returning(intents)
            ).mappings()
            if (row := inserted.first()) is not None:
                return _intent(row, now), True
            found = _intent(self._row(connection, asked.operation, asked.key), now)
            if found.state is not IntentState.FAILED and found.content != asked.content:
                raise ConflictError(_conflict(found, asked), invoice_id=found.invoice_id)
            if found.state is IntentState.DONE or found.leased:
                return found, False
            taken = {"fence": found.fence + 1, "leased_until": now + lease, "updated_at": now}
            if found.state is IntentState.FAILED:
                taken = {**values, "fence": found.fence + 1, "sent_at": None, "error": None}
            return self._write(connection, found, now, taken), True

    def sending(self, intent: Intent, *, anew: bool) -> Intent:
        """Mark that it is about to be sent; the last thing before it is.

        Args:
            intent: The caller's intent.
            anew: Whether what was sent before surely was not carried out, so that time counts from now on.
        """
        with self._store.transaction() as connection:
            now = self._store.now(connection)
            if intent.leased_until <= now:
                raise JournalError("the lease on the intent ended before it was sent: nothing was sent")
            sent_at = now if anew or intent.sent_at is None else intent.sent_at
            return self._write(connection, intent, now, {"state": IntentState.SENDING, "sent_at": sent_at})

    def end(self, intent: Intent, state: IntentState, connection: Connection | None = None, **values: Any) -> Intent:
        """Write down what has become of it, and give it to whoever comes next."""
        with self._store.transaction(connection) as given:
            now = self._store.now(given)
            return self._write(given, intent, now, {"state": state, "leased_until": now, **values})

    def abandon(self, intent: Intent, *, sent: bool) -> None:
        """Give an intent back whose call was cancelled, unless its outcome is written down already.

        Args:
            intent: The caller's intent, as it was when it was begun.
            sent: Whether a request of the call may have been carried out; what came before it stands as it is.
        """
        with self._store.transaction() as connection:
            now = self._store.now(connection)
            state = IntentState.FAILED if intent.state is IntentState.NEW else intent.state
            connection.execute(
                update(intents)
                .where(intents.c.id == intent.id, intents.c.fence == intent.fence, intents.c.state.in_(OPEN_STATES))
                .values(
                    state=IntentState.UNKNOWN if sent else state,
                    leased_until=now,
                    updated_at=now,
                    error="CancelledError",
                )
            )

    def take(self, intent: Intent, lease: timedelta) -> Intent:
        """Take over an intent that nobody is at."""
        with self._store.transaction() as connection:
            now = self._store.now(connection)
            return self._write(connection, intent, now, {"fence": intent.fence + 1, "leased_until": now + lease})

    def find(self, operation: str, key: str) -> Intent | None:
        """Return an intent by its key."""
        with self._store.reading() as connection:
            row = self._row_or_none(connection, operation, key)
            return None if row is None else _intent(row, self._store.now(connection))

    def get_open(self, number: int) -> Intent | None:
        """Return an intent of which something is left to do, by its number; None if it is none."""
        chosen = select(intents).where(
            intents.c.account == self._account, intents.c.id == number, intents.c.state.in_(OPEN_STATES)
        )
        with self._store.reading() as connection:
            row = connection.execute(chosen).mappings().first()
            return None if row is None else _intent(row, self._store.now(connection))

    def list(self, *, opened: bool = True, order_id: str | None = None, limit: int | None = None) -> tuple[Intent, ...]:
        """Return intents, those first that were written last.

        Args:
            opened: Only those of which something is left to do.
            order_id: Those of this order only.
            limit: The most to return; None for all.
        """
        chosen = select(intents).where(intents.c.account == self._account).order_by(intents.c.updated_at.desc())
        if opened:
            chosen = chosen.where(intents.c.state.in_(OPEN_STATES))
        if order_id is not None:
            chosen = chosen.where(intents.c.order_id == order_id)
        with self._store.reading() as connection:
            now = self._store.now(connection)
            return tuple(_intent(row, now) for row in connection.execute(chosen.limit(limit)).mappings())

    def _write(self, connection: Connection, intent: Intent, now: datetime, values: Mapping[str, Any]) -> Intent:
        """Change an intent that nobody else has taken over.

        Raises:
            JournalError: If somebody has.
        """
        written = connection.execute(
            update(intents)
            .where(intents.c.id == intent.id, intents.c.fence == intent.fence)
            .values(**{"updated_at": now, **values})
            .returning(intents)
        ).mappings()
        if (row := written.first()) is None:
            raise JournalError("another worker has taken this over: look at what it has found out")
        return _intent(row, now)

    def _row(self, connection: Connection, operation: str, key: str) -> RowMapping:
        row = self._row_or_none(connection, operation, key)
        if row is None:
            raise JournalError("the intent was removed while it was read")
        return row

    def _row_or_none(self, connection: Connection, operation: str, key: str) -> RowMapping | None:
        return (
            connection.execute(
                select(intents).where(
                    intents.c.account == self._account, intents.c.operation == operation, intents.c.key == key
                )
            )
            .mappings()
            .first()
        )


def insert(connection: Connection, table: Any) -> Any:
    """Return an INSERT that can say what to do about a conflict, which both engines write alike."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def amount_columns(amount: Money | None) -> dict[str, Any]:
    """Return an amount as the columns that hold it."""
    if amount is None:
        return {"amount": None, "currency": None, "network": None, "exponent": None}
    unit = amount.unit
    return {
        "amount": f"{amount.amount:f}",
        "currency": unit.code,
        "network": unit.network,
        "exponent": unit.exponent,
    }


def amount_of(row: RowMapping) -> Money | None:
    """Read an amount from its columns."""
    if row["amount"] is None:
        return None
    return Money(row["amount"], Currency(row["currency"], row["exponent"], row["network"]))


def _intent(row: RowMapping, now: datetime) -> Intent:
    values = {name: value for name, value in row.items() if name not in ("currency", "network", "exponent")}
    return Intent(**{**values, "amount": amount_of(row), "state": IntentState(row["state"]), "seen_at": now})


def _conflict(found: Intent, asked: Asked) -> str:
    what = "an invoice of this order and attempt" if asked.operation == "create_invoice" else "this"
    other = "another amount" if found.amount != asked.amount else "other content"
    advice = ": another attempt has another number" if asked.operation == "create_invoice" else ""
    return f"{what} was asked for before, with {other}{advice}"
