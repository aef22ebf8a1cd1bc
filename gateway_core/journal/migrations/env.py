"""What alembic runs: our tables, on the connection that the journal gives, or as SQL on stdout."""

from alembic import context

from gateway_core.journal._schema import metadata
from gateway_core.journal._upgrade import VERSION_TABLE

_connection = context.config.attributes.get("connection")
if context.is_offline_mode():
    context.configure(
        dialect_name=context.config.attributes["dialect"], target_metadata=metadata, version_table=VERSION_TABLE
    )
else:
    context.configure(connection=_connection, target_metadata=metadata, version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
