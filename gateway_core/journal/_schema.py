"""The tables of the journal, as every SQL tool can read them. `docs/reference/journal.md` explains each column."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    text,
)

metadata = MetaData()


class Moment(TypeDecorator[datetime]):
    """A moment in UTC: ``timestamptz`` in PostgreSQL, text in SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Write it as UTC; SQLite keeps no zone."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Read it with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class IntentState(enum.StrEnum):
    """What is known of an intent."""

    NEW = "new"  #: Written down; nothing was sent.
    SENDING = "sending"  #: About to be sent, or sent; no result was written down.
    UNKNOWN = "unknown"  #: Sent, and it may have been carried out.
    DONE = "done"  #: Carried out.
    FAILED = "failed"  #: Surely not carried out.


#: The states in which something is left to do.
OPEN_STATES = (IntentState.NEW, IntentState.SENDING, IntentState.UNKNOWN)

_IS_OPEN = text(f"state IN ({', '.join(repr(state.value) for state in OPEN_STATES)})")

_Number = BigInteger().with_variant(Integer, "sqlite")


def _amount(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, String(70), nullable=nullable)  # exact: 30 digits, a dot and 30 decimals


def _moment(name: str, *, nullable: bool = True) -> Column[Any]:
    return Column(name, Moment, nullable=nullable)


#: What we are about to do at a provider, or did: one row for each thing that must not happen twice.
intents = Table(
    "gateway_intents",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("account", String(100), nullable=False),
    Column("operation", String(32), nullable=False),
    Column("key", String(300), nullable=False),
    Column("content", String(64), nullable=False),
    Column("order_id", String(255)),
    Column("attempt", Integer),
    Column("invoice_id", String(255)),
    _amount("amount"),
    Column("currency", String(40)),
    Column("network", String(40)),
    Column("exponent", Integer),
    Column("state", String(16), nullable=False),
    Column("fence", _Number, nullable=False),
    _moment("leased_until", nullable=False),
    _moment("requested_at", nullable=False),
    _moment("sent_at"),
    Column("result", JSON(none_as_null=True)),
    Column("error", String(100)),
    _moment("updated_at", nullable=False),
    UniqueConstraint("account", "operation", "key", name="gateway_intents_once"),
    Index("gateway_intents_updated", "account", "updated_at"),
    Index("gateway_intents_order", "account", "order_id"),
    Index(
        "gateway_intents_open",
        "account",
        "state",
        sqlite_where=_IS_OPEN,
        postgresql_where=_IS_OPEN,
    ),
)

#: What exists at the provider, and what the shop was told of it.
invoices = Table(
    "gateway_invoices",
    metadata,
    Column("account", String(100), primary_key=True),
    Column("invoice_id", String(255), primary_key=True),
    Column("order_id", String(255), nullable=False),
    Column("attempt", Integer, nullable=False),
    _amount("amount", nullable=False),
    Column("currency", String(40), nullable=False),
    Column("network", String(40)),
    Column("exponent", Integer, nullable=False),
    Column("status", String(32), nullable=False),
    _amount("received"),
    _amount("refunded"),
    _amount("disputed"),
    Column("refunds", JSON, nullable=False),
    Column("refs", JSON, nullable=False),
    _moment("expires_at"),
    _moment("recorded_at", nullable=False),
    _moment("check_at"),
    Index("gateway_invoices_order", "account", "order_id"),
    Index("gateway_invoices_recorded", "account", "recorded_at"),
    Index(
        "gateway_invoices_due",
        "account",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
)

#: What the provider told, by a webhook, or asked by `poll`: each event once, however often it came.
events = Table(
    "gateway_events",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("account", String(100), nullable=False),
    Column("event_id", String(255), nullable=False),
    Column("kind", String(255), nullable=False),
    Column("invoice_id", String(255)),
    Column("order_id", String(255)),
    Column("attempt", Integer),
    Column("state", String(16), nullable=False),
    Column("status_before", String(32)),
    Column("status_after", String(32)),
    Column("review", String(32)),
    Column("facts", JSON, nullable=False),
    Column("times", Integer, nullable=False),
    _moment("occurred_at"),
    _moment("received_at", nullable=False),
    _moment("done_at"),
    UniqueConstraint("account", "event_id", name="gateway_events_once"),
    Index("gateway_events_invoice", "account", "invoice_id"),
    Index("gateway_events_received", "account", "received_at"),
    Index(
        "gateway_events_open",
        "account",
        "state",
        sqlite_where=text("state IN ('kept', 'open', 'review')"),
        postgresql_where=text("state IN ('kept', 'open', 'review')"),
    ),
)

#: Who handles an order, or an event without one, right now: written by one conditional statement.
claims = Table(
    "gateway_claims",
    metadata,
    Column("account", String(100), primary_key=True),
    Column("subject", String(300), primary_key=True),
    Column("fence", _Number, nullable=False),
    _moment("claimed_until", nullable=False),
)
