"""Bringing the journal's schema up to date, with alembic embedded: without a file of its own, beside other tables."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "gateway_schema"

#: The newest version, so that a journal that is up to date is opened without alembic.
HEAD = "0002"

#: Those that this version can read, or bring up to date.
VERSIONS = (None, "0001", HEAD)


def version(connection: Connection) -> str | None:
    """Return the version of the schema; None if there is none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608  # the name is our own
    return found


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the schema up to date, or to a version, in the connection's transaction."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)


def upgrade_sql(dialect: str, since: str | None = None) -> str:
    """Return the statements that bring a schema up to date, for who runs them by hand.

    Args:
        dialect: ``sqlite`` or ``postgresql``.
        since: The version to begin at; None for an empty database.
    """
    from alembic import command

    written = io.StringIO()
    config = _config(written)
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{since}:head" if since else "head", sql=True)
    return written.getvalue()


def _config(output: io.StringIO | None = None) -> Config:
    from alembic.config import Config

    config = Config(output_buffer=output) if output else Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
