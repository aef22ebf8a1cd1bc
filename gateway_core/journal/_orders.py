"""At which of several accounts an order is: it has invoices at one of them, or none."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select, union

from gateway_core.errors import ConflictError
from gateway_core.journal._schema import OPEN_STATES, intents, invoices


class ElsewhereError(ConflictError):
    """The order is at another account; never seen outside.

    Attributes:
        account: That account.
    """

    def __init__(self, account: str) -> None:
        super().__init__(f"the order is at the account {account}: nothing was asked for here")
        self.account = account


def accounts_of(connection: Connection, order_id: str, accounts: Iterable[str]) -> tuple[str, ...]:
    """Return those of some accounts that have an invoice of an order, or may have."""
    names = tuple(accounts)
    made = select(invoices.c.account).where(invoices.c.account.in_(names), invoices.c.order_id == order_id)
    asked = select(intents.c.account).where(
        intents.c.account.in_(names),
        intents.c.state.in_(OPEN_STATES),
        intents.c.operation == "create_invoice",
        intents.c.order_id == order_id,
    )
    return tuple(sorted(connection.execute(union(made, asked)).scalars()))


def check_alone(connection: Connection, order_id: str, account: str, others: Iterable[str]) -> None:
    """Refuse an order that another account has, and let nobody else give it to one before the transaction ends.

    Raises:
        ElsewhereError: If another account has it.
    """
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"gateway_core {order_id}", 0))))
    found = accounts_of(connection, order_id, {account, *others})
    if found and account not in found:
        raise ElsewhereError(found[0])
