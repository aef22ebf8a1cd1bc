"""The turns of one account for the processes of one machine, in an SQLite file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from pyrate_limiter import RateItem, SQLiteBucket

from gateway_core.transport._rate_limit.rules import LEASE, Rules, StoreError

#: How many seconds the file may be in use by another process: it is, for a fraction of a millisecond each time.
_BUSY = 1.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS turns (
    account TEXT PRIMARY KEY, owner TEXT NOT NULL, "left" INTEGER NOT NULL, until REAL NOT NULL, closed REAL NOT NULL
) WITHOUT ROWID
"""
_BEGIN = "INSERT INTO turns VALUES (?, '', 1, 0, 0) ON CONFLICT DO NOTHING"
_READ = 'SELECT owner, "left", until, closed FROM turns WHERE account = ?'
_TAKE = 'UPDATE turns SET owner = ?, "left" = 0, until = ? WHERE account = ?'
_HOLD = 'UPDATE turns SET "left" = 1, until = ? WHERE account = ?'
_FREE = 'UPDATE turns SET owner = \'\', "left" = 1, until = 0 WHERE account = ? AND owner = ? AND NOT "left"'
_BLOCK = "UPDATE turns SET closed = max(min(closed, ?), ?) WHERE account = ?"

#: The engine's table, one for each account.
_LOG_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS {log} (name VARCHAR, item_timestamp INTEGER)",
    "CREATE INDEX IF NOT EXISTS {log}_when ON {log} (item_timestamp)",
)
_NEWEST = "SELECT rowid, name FROM {log} ORDER BY item_timestamp DESC, rowid DESC LIMIT 1"
_MOVE = "UPDATE {log} SET item_timestamp = ? WHERE rowid = ?"
_BOUND = "UPDATE {log} SET item_timestamp = ?1 WHERE item_timestamp > ?1"
_DELETE = "DELETE FROM {log} WHERE rowid = ?"


class FileStore:
    """A store on a file of this machine; its clock is the machine's, which begins anew when the machine does.

    What is read from before a restart lies in the future, and is bounded by what it can be at most.

    Args:
        rules: The limits.
        key: The account's name in the file.
        path: The file; made if it is not there. Its folder must be on a disk of this machine.
    """

    blocks = True

    def __init__(self, rules: Rules, key: str, path: str) -> None:
        self._rules = rules
        self._path = Path(path)
        self._account = hashlib.sha256(key.encode()).hexdigest()[:32]
        self._table = f"log_{self._account}"  # nothing but letters and digits, so it may stand in a query
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._log: SQLiteBucket | None = None
        self._identity = (0, 0)
        _OPEN.add(self)

    def admit(self, owner: str) -> float:
        """As `Store.admit`."""
        with self._used() as connection:
            seconds, now = self._take(connection, owner)
            if seconds or self._log is None or self._newest(connection, owner) is not None:
                return seconds
            # Nobody else writes here while the lease lasts, which is why the engine needs no lock of its own.
            seconds = self._put(connection, self._log, owner, int(now * 1000))
            if seconds:
                connection.execute(_FREE, (self._account, owner))
            return seconds

    def hold(self, owner: str, seconds: float) -> bool:
        """As `Store.hold`."""
        with self._used() as connection, _together(connection):
            now = time.monotonic()
            if self._row(connection)[0] != owner:
                return False
            connection.execute(_HOLD, (now + seconds, self._account))
            newest = self._newest(connection, owner)
            if newest is not None:
                connection.execute(self._of_log(_MOVE), (int(now * 1000), newest))
            return True

    def release(self, owner: str) -> None:
        """As `Store.release`."""
        with self._used() as connection, _together(connection):
            if connection.execute(_FREE, (self._account, owner)).rowcount:
                newest = self._newest(connection, owner)
                if newest is not None:
                    connection.execute(self._of_log(_DELETE), (newest,))

    def block(self, seconds: float) -> None:
        """As `Store.block`."""
        with self._used() as connection:
            now = time.monotonic()
            connection.execute(_BLOCK, (now + self._rules.furthest, now + seconds, self._account))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._close()

    def hold_closed(self) -> None:
        """Close the file, and let no other thread open it until `let_go`."""
        self._lock.acquire()
        self._close()

    def let_go(self) -> None:
        """Let the file be opened again."""
        self._lock.release()

    def _take(self, connection: sqlite3.Connection, owner: str) -> tuple[float, float]:
        """Take the lease, or say when it ends; with the moment of that."""
        with _together(connection):
            now = time.monotonic()
            holder, left, until, closed = self._row(connection)
            furthest = now + self._rules.furthest
            if holder != owner or left:
                if now < until <= furthest:
                    return (until - now if left else min(until - now, self._rules.nap)), now
                if now < closed <= furthest:
                    return closed - now, now
            connection.execute(_TAKE, (owner, now + LEASE, self._account))
            return 0.0, now

    def _put(self, connection: sqlite3.Connection, log: SQLiteBucket, owner: str, now: int) -> float:
        """Write a request into the log, or say how long the log is full."""
        # From before the machine was started: nobody knows how long ago that was.
        connection.execute(self._of_log(_BOUND), (now,))
        log.leak(now)
        item = RateItem(owner, now)
        if log.put(item):
            return 0.0
        return log.waiting(item) / 1000  # type: ignore[operator]  # this bucket does not await

    def _row(self, connection: sqlite3.Connection) -> tuple[str, int, float, float]:
        row: tuple[str, int, float, float] | None = connection.execute(_READ, (self._account,)).fetchone()
        if row is None:
            raise sqlite3.DatabaseError("somebody emptied it")
        return row

    def _newest(self, connection: sqlite3.Connection, owner: str) -> int | None:
        """Return the row of the last entry of the log, if it is the owner's."""
        if self._log is None:
            return None
        row = connection.execute(self._of_log(_NEWEST)).fetchone()
        return int(row[0]) if row is not None and row[1] == owner else None

    def _of_log(self, query: str) -> str:
        return query.format(log=self._table)

    @contextlib.contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """Give the file, open."""
        why = ""
        with self._lock:
            try:
                yield self._opened()
            except (sqlite3.Error, OSError) as error:
                why = str(error)
                self._close()
        if why:
            raise StoreError(f"{self._path}: {why}")

    def _opened(self) -> sqlite3.Connection:
        if self._connection is not None and self._identity == self._seen():
            return self._connection
        self._close()
        connection = sqlite3.connect(self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        self._connection = connection
        # Nothing here has to outlive a power cut, so no write waits for the disk.
        _switch_to_wal(connection)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_SCHEMA)
        connection.execute(_BEGIN, (self._account,))
        if self._rules.logged:
            for query in _LOG_SCHEMA:
                connection.execute(self._of_log(query))
            self._log = SQLiteBucket(list(self._rules.logged), connection, self._table)
        self._identity = self._seen()
        return connection

    def _seen(self) -> tuple[int, int]:
        """Return which file it is: one that was put in its place is opened anew, as every other process does."""
        seen = self._path.stat()
        return seen.st_dev, seen.st_ino

    def _close(self) -> None:
        connection, self._connection, self._log = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch a new file; for this, SQLite does not wait by itself while another process does the same."""
    patience = time.monotonic() + _BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > patience:
                raise
            time.sleep(0.005)
        else:
            return


@contextlib.contextmanager
def _together(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep other processes out until all is written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


_OPEN: weakref.WeakSet[FileStore] = weakref.WeakSet()


_HELD: list[FileStore] = []


def _before_fork() -> None:
    """Close every file, and hold it closed: SQLite cannot tell the locks of a copied connection from real ones."""
    for store in list(_OPEN):
        store.hold_closed()
        _HELD.append(store)


def _after_fork() -> None:
    while _HELD:
        _HELD.pop().let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
