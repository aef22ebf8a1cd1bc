"""Where the journal is kept: one SQLite file, or a PostgreSQL that several machines share."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from gateway_core.errors import ConfigurationError, InvalidRequestError, JournalError
from gateway_core.journal import _upgrade

#: How long to wait for another writer, in seconds.
_PATIENCE = 10

#: What two who upgrade the same PostgreSQL at once wait for.
_UPGRADING = 0x67617465

_OTHER_VERSION = (
    "the journal was made by a newer version of gateway-core, which this one cannot read: upgrade gateway-core"
)

_READING = {"gateway_reading": True}

_EXAMPLES = '"sqlite:///var/gateway.db" or "postgresql://user:password@host/database"'


class Store:
    """A database with the journal's tables.

    Args:
        url: ``sqlite:///path``, ``sqlite://`` for this process's memory, or ``postgresql://...``.
        clock: What time it is, for tests; None for the database server's clock, which all machines share.

    Raises:
        ConfigurationError: If the URL names no such database, or its driver is not installed.
    """

    def __init__(self, url: str, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock
        self._ready = False
        self._checked: set[tuple[str, str | None]] = set()
        self.engine = _engine(_parsed(url))
        self.dialect = self.engine.dialect.name
        _forget_connections_after_fork(self.engine)

    @contextlib.contextmanager
    def transaction(self, given: Connection | None = None) -> Iterator[Connection]:
        """Give a connection in a transaction, which is committed at the end of the block.

        Args:
            given: A connection of the application's own, in a transaction of its own: it is used as it is, and nothing
                is committed.

        Raises:
            JournalError: If the database cannot be reached, is locked, full or read-only, or has no journal.
        """
        with _told():
            if given is not None:
                self._check_given(given)
                yield given
                return
            self._prepare()
            with self.engine.begin() as connection:
                yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection for reading, which waits for no writer, not even for the application's own transaction.

        Raises:
            JournalError: If the database cannot be reached, or has no journal.
        """
        with _told():
            self._prepare()
            with self.engine.connect() as connection:
                yield connection.execution_options(**_READING)

    def now(self, connection: Connection) -> datetime:
        """Return the time that all who share the journal agree on."""
        if self._clock is not None:
            return self._clock().astimezone(UTC)
        if connection.dialect.name == "sqlite":  # one machine, whose clock is the database's
            return datetime.now(UTC)
        found: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)

    def upgrade(self) -> None:
        """Make the tables, or bring them up to date.

        Raises:
            JournalError: If that fails.
        """
        with _told(), self.engine.begin() as connection:
            if self.dialect == "postgresql":  # an index takes its time, and two who upgrade at once take turns
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADING})")
            found = _upgrade.version(connection)
            if found not in _upgrade.VERSIONS:
                raise JournalError(_OTHER_VERSION)
            if found != _upgrade.HEAD:
                _upgrade.upgrade(connection)

    def _check_given(self, given: Connection) -> None:
        """Refuse an application's connection to a database that has no journal, and make none in it."""
        address = str(given.engine.url.database), given.engine.url.host
        if address in self._checked:
            return
        if _upgrade.version(given) != _upgrade.HEAD:
            raise JournalError("the connection is to a database without this journal: use the journal's own URL")
        self._checked.add(address)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _prepare(self) -> None:
        """Make the tables of a new SQLite file; a shared database is changed by its operator only."""
        if self._ready:
            return
        with self.engine.connect() as connection:
            found = _upgrade.version(connection.execution_options(**_READING))
        if found not in _upgrade.VERSIONS:
            raise JournalError(_OTHER_VERSION)
        if found != _upgrade.HEAD:
            if self.dialect != "sqlite":
                raise JournalError(
                    f"the journal's tables are {'not there' if found is None else 'of an older version'}: run"
                    " `gateway journal upgrade`"
                )
            self.upgrade()
        self._ready = True


def own_connection(given: Any) -> Connection | None:
    """Return the connection that an application gives: itself, or that of its session.

    Raises:
        InvalidRequestError: If it is something else.
    """
    if given is None or isinstance(given, Connection):
        return given
    connection = given.connection() if callable(getattr(given, "connection", None)) else None
    if isinstance(connection, Connection):
        return connection
    raise InvalidRequestError(f"give a SQLAlchemy connection or session, not {type(given).__name__}")


def _parsed(url: str) -> URL:
    fault = None
    try:
        parsed = make_url(url)
    except ArgumentError:
        fault = f"journal: is no database URL: write {_EXAMPLES}"
    else:
        if parsed.drivername in ("postgresql", "postgres"):
            return parsed.set(drivername="postgresql+psycopg")
        if parsed.drivername in ("sqlite", "postgresql+psycopg"):
            return parsed
        fault = f"journal: {parsed.drivername} is not supported: write {_EXAMPLES}"
    raise ConfigurationError(fault)  # outside of the handler, whose error quotes the URL with its password


def _engine(url: URL) -> Engine:
    fault: str
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url)
        import psycopg

        return create_engine(
            url,
            module=psycopg,
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=20,
            pool_timeout=_PATIENCE,
            connect_args={
                "connect_timeout": _PATIENCE,
                "options": f"-c lock_timeout={_PATIENCE}s -c statement_timeout={3 * _PATIENCE}s -c timezone=UTC",
            },
        )
    except (ImportError, NoSuchModuleError):
        fault = "journal: the driver is not installed: pip install 'gateway-core[journal,postgresql]'"
    raise ConfigurationError(fault)


def _sqlite(url: URL) -> Engine:
    memory = url.database in (None, "", ":memory:")
    if not memory:
        _make_folder(Path(str(url.database)).absolute().parent)
    pool = {"pool_size": 1, "max_overflow": 0} if memory else {"pool_size": 10, "max_overflow": 50}
    engine = create_engine(
        url,
        poolclass=QueuePool,  # of memory there is one connection, which all threads wait for
        pool_timeout=_PATIENCE,
        connect_args={"timeout": _PATIENCE, "check_same_thread": False},
        **pool,
    )

    @event.listens_for(engine, "connect")
    def _connected(raw: Any, _: object) -> None:
        raw.isolation_level = None  # transactions are begun below, and not by the driver
        raw.execute("PRAGMA journal_mode=WAL")
        raw.execute("PRAGMA synchronous=FULL")  # what is committed is there after a power cut

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        reading = connection.get_execution_options().get("gateway_reading")
        # A writer waits for its turn here, and never fails half-way.
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"journal: its folder cannot be made ({type(error).__name__})") from None


def _forget_connections_after_fork(engine: Engine) -> None:
    """Let a forked worker open connections of its own: a socket or a lock that two processes share belongs to none."""
    if hasattr(os, "register_at_fork"):
        kept = weakref.ref(engine)

        def forget() -> None:
            if (found := kept()) is not None:
                found.dispose(close=False)

        os.register_at_fork(after_in_child=forget)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell an error of the database by its kind. Its own text may hold values, or the URL with its password."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
        fault = f"the journal cannot be used ({type(cause).__name__}{f' {code}' if code else ''})"
    except OSError as error:
        fault = f"the journal cannot be used ({type(error).__name__})"
    else:
        return
    raise JournalError(fault)
