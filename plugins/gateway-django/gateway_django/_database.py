"""The journal in a database of Django's: where it is, and how its statements join a transaction of Django's."""

from __future__ import annotations

import contextlib
import functools
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from sqlalchemy import Connection, DateTime, Engine, create_engine
from sqlalchemy.dialects.sqlite import DATETIME
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from gateway_core.config import all_accounts
from gateway_core.errors import ConfigurationError
from gateway_core.journal import Journal
from gateway_django import _settings

#: Options of Django's own; the others are those of PostgreSQL's client.
_NOT_THE_CLIENTS = ("assume_role", "isolation_level", "pool", "server_side_binding")


def journal_url() -> str | None:
    """Return the URL of the journal in Django's database; None if the accounts name one themselves.

    Raises:
        ConfigurationError: If the accounts cannot be read, or that database cannot hold a journal.
    """
    if any(all_accounts(_settings.config()).journals.values()):
        return None
    return url_of(_settings.database()).render_as_string(hide_password=False)


def config_with_journal() -> Path | Mapping[str, Any]:
    """Return the accounts with the journal's place among them, for what is given nothing else.

    Raises:
        ConfigurationError: As of `journal_url`.
    """
    config, url = _settings.config(), journal_url()
    if url is None:
        return config if isinstance(config, Mapping) else Path(config)
    content = config if isinstance(config, Mapping) else tomllib.loads(Path(config).read_text(encoding="utf-8"))
    return {**content, "journal": url}


def journal_alias() -> str | None:
    """Return the alias of the database that holds the journal; None if that is none of Django's.

    Raises:
        ConfigurationError: As of `journal_url`.
    """
    named = {secret.reveal() for secret in all_accounts(_settings.config()).journals.values() if secret is not None}
    if not named:
        url = url_of(_settings.database())
        return None if _is_memory(url) else _settings.database()
    if len(named) > 1:
        return None
    wanted = _place(named.pop())
    for alias in connections:
        with contextlib.suppress(ConfigurationError):
            if wanted is not None and _place(url_of(alias)) == wanted:
                return alias
    return None


def name_of(alias: str | None) -> str | None:
    """Return what a database of Django's is called at its server, or its file."""
    return None if alias is None else str(connections[alias].settings_dict["NAME"])


def url_of(alias: str) -> URL:
    """Return the URL of a database of Django's, for the journal's own connections to it.

    Raises:
        ConfigurationError: If it is of a kind that holds no journal, or there is none of this name.
    """
    if alias not in connections:
        raise ConfigurationError(f"settings: GATEWAY_DATABASE names {alias}, which is not in DATABASES")
    connection = connections[alias]
    options: Mapping[str, Any] = connection.settings_dict
    if connection.vendor == "sqlite":
        name = str(options["NAME"])
        return URL.create("sqlite", database=None if connection.is_in_memory_db() else name)  # type: ignore[attr-defined]  # SQLite's has it
    if connection.vendor == "postgresql":
        return _postgresql(options)
    raise ConfigurationError(
        f"settings: the database {alias} is of the kind {connection.vendor}, and a journal is kept in SQLite or"
        ' PostgreSQL: name one beside the accounts, such as "journal": "sqlite:////var/lib/shop/gateway.db"'
    )


def upgrade(*, using: str, **_: Any) -> None:
    """Make the journal's tables after ``migrate``, or bring them up to date, in the database that holds them.

    Raises:
        JournalError: If that fails.
    """
    with contextlib.suppress(ConfigurationError):  # which the checks have told
        if using == journal_alias():
            with Journal(url_of(using).render_as_string(hide_password=False)) as journal:
                journal.upgrade()


def _postgresql(settings: Mapping[str, Any]) -> URL:
    options = {key: value for key, value in settings["OPTIONS"].items() if key not in _NOT_THE_CLIENTS}
    query = {key: str(value) for key, value in options.items() if isinstance(value, str | int)}
    host = settings["HOST"] or None
    if host is not None and host.startswith("/"):  # the folder of a socket
        query["host"], host = host, None
    return URL.create(
        "postgresql+psycopg",
        username=settings["USER"] or None,
        password=settings["PASSWORD"] or None,
        host=host,
        port=int(settings["PORT"]) if settings["PORT"] else None,
        database=settings["NAME"] or None,
        query=query,
    )


def _place(url: URL | str) -> tuple[Any, ...] | None:
    """Return what tells whether two URLs are of one database; None if they are of memory, or no URLs."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return None
    if parsed.get_backend_name() == "sqlite":
        return None if _is_memory(parsed) else ("sqlite", _absolute(str(parsed.database)))
    host = parsed.host or parsed.query.get("host") or "localhost"
    return "postgresql", host, parsed.port or 5432, parsed.database


def _absolute(path: str) -> str:
    return str(Path(path).resolve())


def _is_memory(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:")


@contextlib.contextmanager
def shared_transaction(alias: str) -> Iterator[Connection]:
    """Begin a transaction of Django's, and give it to the journal as a connection of SQLAlchemy.

    What Django's models write in the block and what the journal writes are committed together, or not at all.

    Raises:
        ConfigurationError: If Django uses another driver than the journal.
    """
    with transaction.atomic(using=alias):
        connection = connections[alias]
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            _take_the_turn(connection)
        elif type(connection.connection).__module__.partition(".")[0] != "psycopg":
            raise ConfigurationError(
                "the journal joins Django's transaction with psycopg 3: pip install 'gateway-django[postgresql]'"
            )
        with _engine(alias, connection.vendor).connect() as given:
            yield given


def _take_the_turn(connection: BaseDatabaseWrapper) -> None:
    """Wait for other writers now: a transaction of SQLite that has only read fails if it writes after another did."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM gateway_claims WHERE 0 = 1")


@functools.cache
def _engine(alias: str, vendor: str) -> Engine:
    """Return an engine whose connections are Django's own: opened, committed, rolled back and closed by Django alone.

    Args:
        alias: The database.
        vendor: Its kind, as Django calls it.
    """

    def borrow() -> Any:
        return _Borrowed(connections[alias].connection)  # that of this thread

    if vendor == "sqlite":
        engine = create_engine("sqlite://", creator=borrow, poolclass=NullPool)
        # Django lets the driver read moments, which SQLAlchemy then need not.
        engine.dialect.colspecs = {**engine.dialect.colspecs, DateTime: _Moment}
        return engine
    return create_engine("postgresql+psycopg://", creator=borrow, poolclass=NullPool, use_native_hstore=False)


class _Borrowed:
    """A connection that SQLAlchemy may use, and neither begin, end nor close."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def commit(self) -> None:
        """Leave it to Django."""

    def rollback(self) -> None:
        """Leave it to Django."""

    def close(self) -> None:
        """Leave it to Django."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _Moment(DATETIME):
    """A moment in SQLite, as text or as the driver has read it already."""

    cache_ok = True

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        """Return what reads a column."""
        read: Any = super().result_processor(dialect, coltype)
        return lambda value: read(value) if isinstance(value, str) else value
