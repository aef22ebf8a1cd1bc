"""Intents, invoices, events and claims."""

import sqlalchemy as sa
from alembic import op

from gateway_core.journal._schema import Moment

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "gateway_intents",
        sa.Column("id", _number, primary_key=True),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("operation", sa.String(32), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(255)),
        sa.Column("attempt", sa.Integer),
        sa.Column("invoice_id", sa.String(255)),
        sa.Column("amount", sa.String(70)),
        sa.Column("currency", sa.String(40)),
        sa.Column("network", sa.String(40)),
        sa.Column("exponent", sa.Integer),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("fence", _number, nullable=False),
        sa.Column("leased_until", Moment, nullable=False),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("sent_at", Moment),
        sa.Column("result", sa.JSON),
        sa.Column("error", sa.String(100)),
        sa.Column("updated_at", Moment, nullable=False),
        sa.UniqueConstraint("account", "operation", "key", name="gateway_intents_once"),
    )
    op.create_index("gateway_intents_updated", "gateway_intents", ["account", "updated_at"])
    _open_index("gateway_intents_open", "gateway_intents", "state", "state IN ('new', 'sending', 'unknown')")
    op.create_table(
        "gateway_invoices",
        sa.Column("account", sa.String(100), primary_key=True),
        sa.Column("invoice_id", sa.String(255), primary_key=True),
        sa.Column("order_id", sa.String(255), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("amount", sa.String(70), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("network", sa.String(40)),
        sa.Column("exponent", sa.Integer, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("received", sa.String(70)),
        sa.Column("refunded", sa.String(70)),
        sa.Column("disputed", sa.String(70)),
        sa.Column("refunds", sa.JSON, nullable=False),
        sa.Column("refs", sa.JSON, nullable=False),
        sa.Column("expires_at", Moment),
        sa.Column("recorded_at", Moment, nullable=False),
        sa.Column("check_at", Moment),
    )
    op.create_index("gateway_invoices_order", "gateway_invoices", ["account", "order_id"])
    op.create_index("gateway_invoices_recorded", "gateway_invoices", ["account", "recorded_at"])
    _open_index("gateway_invoices_due", "gateway_invoices", "check_at", "check_at IS NOT NULL")
    op.create_table(
        "gateway_events",
        sa.Column("id", _number, primary_key=True),
        sa.Column("account", sa.String(100), nullable=False),
        sa.Column("event_id", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(255), nullable=False),
        sa.Column("invoice_id", sa.String(255)),
        sa.Column("order_id", sa.String(255)),
        sa.Column("attempt", sa.Integer),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("status_before", sa.String(32)),
        sa.Column("status_after", sa.String(32)),
        sa.Column("review", sa.String(32)),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("occurred_at", Moment),
        sa.Column("received_at", Moment, nullable=False),
        sa.Column("done_at", Moment),
        sa.UniqueConstraint("account", "event_id", name="gateway_events_once"),
    )
    op.create_index("gateway_events_invoice", "gateway_events", ["account", "invoice_id"])
    op.create_index("gateway_events_received", "gateway_events", ["account", "received_at"])
    _open_index("gateway_events_open", "gateway_events", "state", "state IN ('kept', 'open', 'review')")
    op.create_table(
        "gateway_claims",
        sa.Column("account", sa.String(100), primary_key=True),
        sa.Column("subject", sa.String(300), primary_key=True),
        sa.Column("fence", _number, nullable=False),
        sa.Column("claimed_until", Moment, nullable=False),
    )


def _open_index(name: str, table: str, column: str, where: str) -> None:
    """Make an index over the few rows that are not finished."""
    only = sa.text(where)
    op.create_index(name, table, ["account", column], sqlite_where=only, postgresql_where=only)
