"""What an operator sees of an account's journal, and says about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs
from sqlalchemy import Column, ColumnElement, Table, delete, exists, or_, select, update

from gateway_core.errors import InvalidRequestError
from gateway_core.journal import _records
from gateway_core.journal._intents import Intent, Intents
from gateway_core.journal._invoices import ENDED, asked_at
from gateway_core.journal._schema import OPEN_STATES, IntentState, claims, events, intents, invoices
from gateway_core.journal._store import Store
from gateway_core.models.capture import Capture, CaptureStatus
from gateway_core.models.invoice import StatusReport
from gateway_core.models.refund import Refund, RefundStatus
from gateway_core.models.status import InvoiceStatus

#: How long deliveries of a provider that signs no time are remembered, at least.
RETENTION = timedelta(days=400)

#: So many rows are removed in one transaction, so that no worker waits long for its turn to write.
_BATCH = 1000


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
        made = self._rows(invoices, invoices.c.order_id == order_id)
        about = events.c.invoice_id.in_([row["invoice_id"] for row in made])
        return {
            "intents": self._rows(intents, intents.c.order_id == order_id),
            "invoices": made,
            "events": self._rows(events, about),
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

    def carried_out(self, number: int, provider_id: str | None = None) -> Intent:
        """Say that a refund, a capture or a cancellation was carried out, by its number in ``gateway_intents``.

        Who asks for it again gets a record of what was asked for: PENDING, since only the provider knows how far it is.

        Args:
            number: The intent's number.
            provider_id: The provider's id of the refund or capture.

        Raises:
            InvalidRequestError: If there is no such open intent, a worker is at it, it makes an invoice, or the id is
                missing.
            JournalError: If the journal cannot be written.
        """
        intent = self.take(number)
        try:
            kept = _carried_out(intent, provider_id)
        except InvalidRequestError:
            self._intents.end(intent, intent.state)
            raise
        return self._intents.end(intent, IntentState.DONE, result=kept, error="resolved by hand")

    def take(self, number: int) -> Intent:
        """Take an open intent over from whoever has left it."""
        intent = self._intents.get_open(number)
        if intent is None:
            raise InvalidRequestError(f"there is no open intent {number}")
        if intent.leased:
            raise InvalidRequestError(f"a worker is at intent {number} right now")
        return self._intents.take(intent, timedelta(minutes=1))

    def prune(self, older_than: timedelta = RETENTION) -> int:
        """Remove what has ended and was not touched for so long, and return how many rows.

        An invoice stays while an event of it is kept, and the intent that made it stays as long as the invoice. An
        order that was removed is a new one to whoever asks for it again.

        Raises:
            JournalError: If the journal cannot be written.
        """
        with self._store.reading() as connection:
            before = self._store.now(connection) - older_than
        told = exists().where(events.c.account == invoices.c.account, events.c.invoice_id == invoices.c.invoice_id)
        kept = exists().where(invoices.c.account == intents.c.account, invoices.c.invoice_id == intents.c.invoice_id)
        return (
            self._remove(events.c.id, events.c.state.in_(("done", "ignored")), events.c.received_at < before)
            + self._remove(invoices.c.invoice_id, invoices.c.status.in_(ENDED), invoices.c.recorded_at < before, ~told)
            + self._remove(
                intents.c.id,
                intents.c.state.not_in(OPEN_STATES),
                intents.c.updated_at < before,
                or_(intents.c.operation != "create_invoice", intents.c.invoice_id.is_(None), ~kept),
            )
            + self._remove(claims.c.subject, claims.c.claimed_until < before)
        )

    def _remove(self, key: Column[Any], *conditions: ColumnElement[bool]) -> int:
        """Remove rows, a batch in each transaction."""
        table, removed = key.table, 0
        mine = table.c.account == self.account
        some = select(key).where(mine, *conditions).limit(_BATCH)
        while True:
            with self._store.transaction() as connection:
                batch = connection.execute(delete(table).where(mine, key.in_(some))).rowcount
            removed += batch
            if batch < _BATCH:
                return removed

    def _rows(self, table: Table, condition: ColumnElement[bool]) -> tuple[dict[str, Any], ...]:
        chosen = select(table).where(table.c.account == self.account, condition)
        with self._store.reading() as connection:
            return tuple(dict(row) for row in connection.execute(chosen).mappings())


def _carried_out(intent: Intent, provider_id: str | None) -> dict[str, Any]:
    """Return what is kept of something that a person has found at the provider."""
    asked: dict[str, Any] = {"invoice_id": intent.invoice_id, "amount": intent.amount}
    if intent.operation == "create_invoice":
        raise InvalidRequestError("an invoice is named by its id, and the provider is asked about it")
    if intent.operation == "cancel_invoice":
        return _records.of_report(StatusReport(invoice_id=intent.key, status=InvoiceStatus.CANCELED))
    if provider_id is None:
        raise InvalidRequestError("give the provider's id of it")
    if intent.operation == "refund_payment":
        refund = Refund(id=provider_id, refund_id=intent.key, status=RefundStatus.PENDING, **asked)
        return _records.of_refund(refund)
    capture = Capture(id=provider_id, capture_id=intent.key, status=CaptureStatus.PENDING, **asked)
    return _records.of_capture(capture)
