"""What an operator sees of an account's journal, and says about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs
from sqlalchemy import Table, delete, func, select, update

from gateway_core.errors import InvalidRequestError
from gateway_core.journal._inbox import ENDED, asked_at
from gateway_core.journal._intents import OPEN_STATES, Intent, Intents, IntentState
from gateway_core.journal._schema import claims, events, intents, invoices
from gateway_core.journal._store import Store

#: How long deliveries of a provider that signs no time are remembered, at least.
RETENTION = timedelta(days=400)


@attrs.frozen(kw_only=True)
class Open:
    """What is left to do.

    Attributes:
        intents: What was asked for, without an outcome.
        events: Events that nobody has handled, and cases that need a look: rows of ``gateway_events``.
        lag: How long the oldest event has been waiting; None if none is.
    """

    intents: tuple[Intent, ...]
    events: tuple[Mapping[str, Any], ...]
    lag: timedelta | None


class AccountJournal:
    """An account's part of the journal: `Gateway.journal`.

    Args:
        store: Where it is kept.
        account: The account.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self.account = account
        self._intents = Intents(store, account)

    def open(self, limit: int = 1000) -> Open:
        """Return what is left to do: intents without an outcome, events that nobody handled, cases that need a look.

        Raises:
            JournalError: If the journal cannot be read.
        """
        with self._store.reading() as connection:
            now = self._store.now(connection)
            chosen = select(events).where(
                events.c.account == self.account, events.c.state.in_(("kept", "open", "review"))
            )
            found = tuple(dict(row) for row in connection.execute(chosen.order_by(events.c.id).limit(limit)).mappings())
        waiting = [row["received_at"] for row in found if row["state"] != "review"]
        return Open(intents=self._intents.list(limit=limit), events=found, lag=now - min(waiting) if waiting else None)

    def order(self, order_id: str) -> dict[str, Any]:
        """Return all that is known of an order: its ``intents``, its ``invoices`` and its ``events``.

        Raises:
            JournalError: If the journal cannot be read.
        """
        return {
            "intents": self._of_order(intents, order_id),
            "invoices": self._of_order(invoices, order_id),
            "events": self._of_order(events, order_id),
        }

    def asked_ago(self, order_id: str) -> timedelta | None:
        """Return how long ago the provider was asked, or told, about the open invoices of an order; None if never.

        Raises:
            JournalError: If the journal cannot be read.
        """
        chosen = select(invoices.c.recorded_at, invoices.c.check_at).where(
            invoices.c.account == self.account, invoices.c.order_id == order_id, invoices.c.check_at.is_not(None)
        )
        with self._store.reading() as connection:
            now = self._store.now(connection)
            found = [(recorded, asked_at(recorded, check)) for recorded, check in connection.execute(chosen)]
        return min((now - asked for recorded, asked in found if asked > recorded), default=None)

    def reviewed(self, number: int) -> None:
        """Say that a case was looked at, by its number in ``gateway_events``.

        Raises:
            InvalidRequestError: If there is no such case.
            JournalError: If the journal cannot be written.
        """
        with self._store.transaction() as connection:
            now = self._store.now(connection)
            done = connection.execute(
                update(events)
                .where(
                    events.c.account == self.account,
                    events.c.id == number,
                    events.c.state.in_(("review", "kept")),
                )
                .values(state="done", done_at=now)
            )
        if not done.rowcount:
            raise InvalidRequestError(f"there is no case {number} that needs a look")

    def absent(self, number: int) -> Intent:
        """Say that an intent was surely not carried out, by its number in ``gateway_intents``: it may be tried again.

        Raises:
            InvalidRequestError: If there is no such open intent, or a worker is at it.
            JournalError: If the journal cannot be written.
        """
        return self._intents.end(self.take(number), IntentState.FAILED, error="resolved by hand")

    def take(self, number: int) -> Intent:
        """Take an open intent over from whoever has left it."""
        for intent in self._intents.list(limit=100_000):
            if intent.id == number:
                if intent.leased:
                    raise InvalidRequestError(f"a worker is at intent {number} right now")
                return self._intents.take(intent, timedelta(minutes=1))
        raise InvalidRequestError(f"there is no open intent {number}")

    def prune(self, older_than: timedelta = RETENTION) -> int:
        """Remove what has ended and was not touched for so long, and return how many rows.

        Raises:
            JournalError: If the journal cannot be written.
        """
        with self._store.transaction() as connection:
            before = self._store.now(connection) - older_than
            gone = [
                delete(events).where(
                    events.c.account == self.account,
                    events.c.state.in_(("done", "ignored")),
                    events.c.received_at < before,
                ),
                delete(invoices).where(
                    invoices.c.account == self.account,
                    invoices.c.status.in_(ENDED),
                    invoices.c.recorded_at < before,
                ),
                delete(intents).where(
                    intents.c.account == self.account,
                    intents.c.state.not_in(OPEN_STATES),
                    intents.c.updated_at < before,
                ),
                delete(claims).where(claims.c.account == self.account, claims.c.claimed_until < before),
            ]
            return sum(connection.execute(statement).rowcount for statement in gone)

    def counts(self) -> dict[str, int]:
        """Return how many invoices there are of each status.

        Raises:
            JournalError: If the journal cannot be read.
        """
        with self._store.reading() as connection:
            found = connection.execute(
                select(invoices.c.status, func.count())
                .where(invoices.c.account == self.account)
                .group_by(invoices.c.status)
            )
            return {str(status): int(number) for status, number in found}

    def _of_order(self, table: Table, order_id: str) -> tuple[dict[str, Any], ...]:
        chosen = select(table).where(table.c.account == self.account, table.c.order_id == order_id)
        with self._store.reading() as connection:
            return tuple(dict(row) for row in connection.execute(chosen).mappings())

    def since(self, moment: datetime, limit: int | None = None) -> tuple[dict[str, Any], ...]:
        """Return the invoices that were written down since a moment, the oldest first."""
        chosen = (
            select(invoices)
            .where(invoices.c.account == self.account, invoices.c.recorded_at >= moment)
            .order_by(invoices.c.recorded_at)
        )
        with self._store.reading() as connection:
            return tuple(dict(row) for row in connection.execute(chosen.limit(limit)).mappings())
