"""What a provider told, each event once, however often it came."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from gateway_core.journal import _records
from gateway_core.journal._intents import insert
from gateway_core.journal._judging import Known
from gateway_core.journal._schema import events
from gateway_core.journal._store import Store
from gateway_core.models.status import InvoiceStatus
from gateway_core.models.webhook import WebhookEvent


class EventLog:
    """The events of one account.

    Args:
        store: Where they are kept.
        account: The account.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account

    def left(self, limit: int, order_id: str | None = None) -> tuple[WebhookEvent, ...]:
        """Return events that were not handled: that came too early, or whose worker died."""
        with self._store.reading() as connection:
            chosen = select(events).where(events.c.account == self._account, events.c.state.in_(("kept", "open")))
            if order_id is not None:
                chosen = chosen.where(events.c.order_id == order_id)
            found = connection.execute(chosen.order_by(events.c.id).limit(limit)).mappings()
            return tuple(_event(row) for row in found)

    def note(  # noqa: PLR0913, PLR0917  # each is a column
        self,
        connection: Connection,
        event: WebhookEvent,
        known: Known | None,
        state: str,
        now: datetime,
        keep: tuple[str, ...] = (),
    ) -> tuple[int, str]:
        """Write an event down, unless it is in a state to keep. Return its number, and the state that it was in."""
        move = event.move
        written = {
            "kind": event.kind[:255],
            "invoice_id": event.invoice_id,
            "order_id": None if known is None else known.order_id,
            "attempt": None if known is None else known.attempt,
            "status_before": None if move is None else move.before,
            "status_after": None if move is None else move.after,
            "review": event.review,
            "facts": _facts(event),
            "state": state,
        }
        kept = (*keep, "done", "review") if state == "ignored" else keep
        row = connection.execute(
            select(events.c.id, events.c.state)
            .where(events.c.account == self._account, events.c.event_id == event.id)
            .with_for_update()
        ).first()
        if row is not None:
            changed = {} if row.state in kept else written
            connection.execute(update(events).where(events.c.id == row.id).values(times=events.c.times + 1, **changed))
            return int(row.id), str(row.state)
        number: int = connection.execute(
            insert(connection, events)
            .values(
                account=self._account,
                event_id=event.id,
                times=1,
                occurred_at=event.occurred_at,
                received_at=now,
                **written,
            )
            .on_conflict_do_update(index_elements=["account", "event_id"], set_={"times": events.c.times + 1})
            .returning(events.c.id)
        ).scalar_one()
        return number, "new"

    def reviewed(self, connection: Connection, event: WebhookEvent) -> bool:
        """Return whether somebody is to look at the same already, or has."""
        before = select(events.c.facts).where(
            events.c.account == self._account,
            events.c.invoice_id == event.invoice_id,
            events.c.review == event.review,
            events.c.state.in_(("review", "done")),
        )
        claims = _claims(_facts(event))
        return any(_claims(facts) == claims for facts in connection.execute(before).scalars())

    def told_paid(self, connection: Connection, ids: Collection[str]) -> bool:
        """Return whether the shop was told that one of these invoices was paid, whatever became of it later."""
        paid = select(events.c.id).where(
            events.c.account == self._account,
            events.c.invoice_id.in_(ids),
            events.c.status_after.in_((InvoiceStatus.PAID, InvoiceStatus.OVERPAID)),
            events.c.state == "done",
        )
        return connection.execute(paid.limit(1)).first() is not None


def _claims(facts: Mapping[str, Any]) -> list[Any]:
    """Return what of an event's facts a person has to look at."""
    report = facts.get("report") or {}
    return [report.get(name) for name in ("expected", "received", "order_id", "attempt")]


def _facts(event: WebhookEvent) -> dict[str, Any]:
    return {
        "report": None if event.report is None else _records.of_report(event.report),
        "refund": None if event.refund is None else _records.of_refund(event.refund),
    }


def _event(row: RowMapping) -> WebhookEvent:
    report, refund = row["facts"].get("report"), row["facts"].get("refund")
    return WebhookEvent(
        id=row["event_id"],
        kind=row["kind"],
        invoice_id=row["invoice_id"],
        report=None if report is None else _records.to_report(report),
        refund=None if refund is None else _records.to_refund(refund),
        occurred_at=row["occurred_at"],
    )
