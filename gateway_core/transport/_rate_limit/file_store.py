"""The requests of one account, for the processes of one machine, in an SQLite file."""

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

from gateway_core.transport._rate_limit.rules import LEASE, Rules, StoreError

#: How many seconds the file may be in use by another process: it is, for a fraction of a millisecond each time.
_BUSY = 1.0

_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS leases (
        account TEXT PRIMARY KEY, owner TEXT, leased_at REAL, paused_at REAL, paused_for REAL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS requests (
        account TEXT NOT NULL, at REAL NOT NULL, id TEXT NOT NULL, PRIMARY KEY (account, at, id)
    ) WITHOUT ROWID
    """,
)
_BEGIN = "INSERT INTO leases VALUES (?, NULL, 0, 0, 0) ON CONFLICT DO NOTHING"
_NOT_IN_THE_FUTURE = (
    "UPDATE requests SET at = :now WHERE account = :account AND at > :now",
    "UPDATE leases SET leased_at = :now WHERE account = :account AND leased_at > :now",
    "UPDATE leases SET paused_at = :now WHERE account = :account AND paused_at > :now",
)
_READ = "SELECT owner, leased_at, paused_at + paused_for FROM leases WHERE account = ?"
_NTH_NEWEST = "SELECT at, id FROM requests WHERE account = ? ORDER BY at DESC, id DESC LIMIT 1 OFFSET ?"
_TAKE = "UPDATE leases SET owner = ?, leased_at = ? WHERE account = ?"
_FREE = "UPDATE leases SET owner = NULL WHERE account = ? AND owner = ?"
_LOG = "INSERT INTO requests VALUES (?, ?, ?)"
_MOVE = "UPDATE requests SET at = max(at, ?) WHERE account = ? AND id = ? AND at = ?"
_FORGET = "DELETE FROM requests WHERE account = ? AND at < ?"
_PAUSE = """
UPDATE leases SET paused_at = :now, paused_for = :seconds
WHERE account = :account AND paused_at + paused_for < :now + :seconds
"""


class FileStore:
    """A store on a file of this machine; its clock is the machine's, which begins anew when the machine does.

    Args:
        rules: The limits.
        key: The account's name in the file.
        path: The file; made if it is not there. Its folder must be on a disk of this machine.
    """

    def __init__(self, rules: Rules, key: str, path: str) -> None:
        self._rules = rules
        self._path = Path(path)
        self._account = hashlib.sha256(key.encode()).hexdigest()[:32]
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        _OPEN.add(self)

    def acquire(self, process: str) -> float:
        """As `Store.acquire`."""
        with self._used() as (connection, now):
            row: tuple[str | None, float, float] = connection.execute(_READ, (self._account,)).fetchone()
            owner, leased_at, paused_until = row
            if owner not in (None, process) and now < leased_at + LEASE:
                return min(leased_at + LEASE - now, self._rules.nap)
            wait = paused_until - now
            for requests, seconds in self._rules.windows:
                nth: tuple[float, str] | None = connection.execute(
                    _NTH_NEWEST, (self._account, requests - 1)
                ).fetchone()
                wait = max(wait, nth[0] + seconds - now) if nth else wait
            if wait <= 0:
                connection.execute(_TAKE, (process, now, self._account))
            return max(0.0, wait)

    def leave(self, process: str, request: str) -> bool:
        """As `Store.leave`."""
        with self._used() as (connection, now):
            if not connection.execute(_FREE, (self._account, process)).rowcount:
                return False
            connection.execute(_LOG, (self._account, now, request))
            connection.execute(_FORGET, (self._account, now - self._rules.longest))
            return True

    def answered(self, request: str, ago: float) -> None:
        """As `Store.answered`."""
        with self._used() as (connection, now):
            newest = connection.execute(_NTH_NEWEST, (self._account, 0)).fetchone()
            if newest and newest[1] == request:
                connection.execute(_MOVE, (now - ago, self._account, request, newest[0]))

    def release(self, process: str) -> None:
        """As `Store.release`."""
        with self._used() as (connection, _):
            connection.execute(_FREE, (self._account, process))

    def pause(self, seconds: float) -> None:
        """As `Store.pause`."""
        with self._used() as (connection, now):
            connection.execute(_PAUSE, {"account": self._account, "now": now, "seconds": seconds})

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

    @contextlib.contextmanager
    def _used(self) -> Iterator[tuple[sqlite3.Connection, float]]:
        """Give the file to this process alone, and the moment as of which it is read and written."""
        why = ""
        with self._lock:
            try:
                connection = self._opened()
                with _together(connection):
                    now = time.monotonic()
                    connection.execute(_BEGIN, (self._account,))
                    for query in _NOT_IN_THE_FUTURE:
                        connection.execute(query, {"account": self._account, "now": now})
                    yield connection, now
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
        for query in _SCHEMA:
            connection.execute(query)
        self._identity = self._seen()
        return connection

    def _seen(self) -> tuple[int, int]:
        """Return which file it is: one that was put in its place is opened anew, as every other process does."""
        seen = self._path.stat()
        return seen.st_dev, seen.st_ino

    def _close(self) -> None:
        connection, self._connection = self._connection, None
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
