"""The invoices that exist at the provider, and when to ask about each again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select, update

from gateway_core.errors import ConflictError
from gateway_core.journal._intents import insert
from gateway_core.journal._judging import Known
from gateway_core.journal._schema import OPEN_STATES, intents, invoices
from gateway_core.journal._store import Store
from gateway_core.models.invoice import Invoice
from gateway_core.models.status import InvoiceStatus

#: When an invoice is first asked about by `poll`; later the pause grows with its age.
_FIRST_CHECK = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(days=1)

#: Of these nothing more is expected.
ENDED = (
    InvoiceStatus.PAID,
    InvoiceStatus.OVERPAID,
    InvoiceStatus.EXPIRED,
    InvoiceStatus.CANCELED,
    InvoiceStatus.FAILED,
    InvoiceStatus.REFUNDED,
    InvoiceStatus.PARTIALLY_REFUNDED,
)


class Invoices:
    """The invoices of one account.

    Args:
        store: Where they are kept.
        account: The account.
    """

    def __init__(self, store: Store, account: str) -> None:
        self._store = store
        self._account = account

    def record(self, invoice: Invoice, order_id: str, attempt: int, connection: Connection, now: datetime) -> None:
        """Write down an invoice that exists at the provider, in a transaction under way.

        It begins as PENDING whatever the provider says already: that somebody paid is told by an event.

        Raises:
            ConflictError: If it belongs to another order or attempt already: an invoice pays one of them.
        """
        written = connection.execute(
            insert(connection, invoices)
            .values(
                account=self._account,
                invoice_id=invoice.id,
                order_id=order_id,
                attempt=attempt,
                amount=f"{invoice.amount.amount:f}",
                currency=invoice.amount.currency,
                network=invoice.amount.network,
                exponent=invoice.amount.unit.exponent,
                status=InvoiceStatus.PENDING,
                refunds={},
                refs=dict(invoice.references),
                expires_at=invoice.expires_at,
                recorded_at=now,
                check_at=now + _FIRST_CHECK,
            )
            .on_conflict_do_nothing(index_elements=["account", "invoice_id"])
            .returning(invoices.c.invoice_id)
        )
        if written.first() is not None:
            return
        row = self.rows(connection, [invoice.id])[invoice.id]
        if (row["order_id"], row["attempt"]) != (order_id, attempt):
            raise ConflictError(
                "the provider gave an invoice that another order, or another attempt, has already",
                effect="done",
                invoice_id=invoice.id,
            )

    def find(self, invoice_id: str) -> RowMapping | None:
        """Return the row of an invoice; None if the journal does not know it."""
        with self._store.reading() as connection:
            return self.rows(connection, [invoice_id]).get(invoice_id)

    def rows(self, connection: Connection, ids: Sequence[str]) -> dict[str, RowMapping]:
        """Return the rows of those invoices that the journal knows, by id."""
        if not ids:
            return {}
        found = select(invoices).where(invoices.c.account == self._account, invoices.c.invoice_id.in_(ids))
        return {row["invoice_id"]: row for row in connection.execute(found).mappings()}

    def of_order(self, connection: Connection, order_id: str) -> dict[str, Known]:
        """Return what is known of the invoices of an order, by id."""
        found = select(invoices).where(invoices.c.account == self._account, invoices.c.order_id == order_id)
        return {row["invoice_id"]: Known.of(row) for row in connection.execute(found).mappings()}

    def told(self, connection: Connection, invoice_id: str, known: Known, now: datetime) -> None:
        """Write down what the shop was told of an invoice."""
        self._change(connection, invoice_id, check_at=_next_check(known, now), **known.columns())

    def knows_any(self, texts: Sequence[str]) -> bool:
        """Return whether one of these texts names an invoice or an order, or an invoice may exist that nobody knows."""
        with self._store.reading() as connection:
            named = select(invoices.c.invoice_id).where(
                invoices.c.account == self._account,
                invoices.c.invoice_id.in_(texts) | invoices.c.order_id.in_(texts),
            )
            if connection.execute(named.limit(1)).first() is not None:
                return True
            unfinished = select(intents.c.id).where(
                intents.c.account == self._account,
                intents.c.operation == "create_invoice",
                intents.c.state.in_(OPEN_STATES),
            )
            return connection.execute(unfinished.limit(1)).first() is not None

    def due(self, limit: int, order_id: str | None = None) -> tuple[str, ...]:
        """Return the ids of invoices that `poll` should ask about: those of an order, or those whose time has come."""
        with self._store.reading() as connection:
            now = self._store.now(connection)
            chosen = select(invoices.c.invoice_id).where(invoices.c.account == self._account)
            if order_id is not None:
                chosen = chosen.where(invoices.c.order_id == order_id)
            else:
                chosen = chosen.where(invoices.c.check_at <= now).order_by(invoices.c.check_at)
            return tuple(connection.execute(chosen.limit(limit)).scalars())

    def checked(self, invoice_id: str) -> None:
        """Note that an invoice was asked about, so that it is asked about later again, and not at once."""
        with self._store.transaction() as connection:
            row = self.rows(connection, [invoice_id]).get(invoice_id)
            if row is not None and row["check_at"] is not None:
                now = self._store.now(connection)
                self._change(connection, invoice_id, check_at=_next_check(Known.of(row), now))

    def _change(self, connection: Connection, invoice_id: str, **values: object) -> None:
        connection.execute(
            update(invoices)
            .where(invoices.c.account == self._account, invoices.c.invoice_id == invoice_id)
            .values(**values)
        )


def asked_at(recorded_at: datetime, check_at: datetime) -> datetime:
    """Return when an invoice was last asked about, or recorded: `_next_check` the other way round."""
    return check_at - min(max(_FIRST_CHECK, (check_at - recorded_at) / 11), _LONGEST_PAUSE)


def _next_check(known: Known, now: datetime) -> datetime | None:
    """Return when to ask about an invoice again: a tenth of its age from now; never once it has ended."""
    if known.status in ENDED:
        return None
    return now + min(max(_FIRST_CHECK, (now - known.recorded_at) / 10), _LONGEST_PAUSE)
