"""An index that finds what was asked for by its order."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the index."""
    op.create_index("gateway_intents_order", "gateway_intents", ["account", "order_id"])
