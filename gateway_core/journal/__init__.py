"""The journal: what was asked of providers and what they told, kept so that nothing happens twice and nothing is lost.

::

    journal = "sqlite:///var/gateway.db"     # in gateway.toml; or postgresql://user@host/database, for several machines

It needs ``pip install 'gateway-core[journal]'``. What becomes of each operation with a journal stands at `Gateway`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from gateway_core.errors import ConfigurationError

try:
    from gateway_core.journal import _orders, _upgrade
    from gateway_core.journal._account_journal import AccountJournal, Open
    from gateway_core.journal._intents import Intent
    from gateway_core.journal._once import SETTLE
    from gateway_core.journal._reconciling import Difference, Finding, Reconciliation
    from gateway_core.journal._recorder import Recorder
    from gateway_core.journal._schema import IntentState
    from gateway_core.journal._store import Store
except ImportError as error:
    if error.name is None or error.name.partition(".")[0] not in ("alembic", "sqlalchemy"):
        raise
    raise ConfigurationError("a journal needs its extra: pip install 'gateway-core[journal]'") from None

__all__ = ["AccountJournal", "Difference", "Finding", "Intent", "IntentState", "Journal", "Open", "Reconciliation"]


class Journal:
    """A journal, which any number of accounts, processes and machines may share.

    Args:
        url: ``sqlite:///path`` for one machine, ``postgresql://...`` for several, ``sqlite://`` for the memory of this
            process, in tests.
        clock: Returns the time, for tests; None for the database's own clock.
        settle: How long after a request its absence at the provider proves nothing: longer than the provider may take
            to carry a request out.

    Raises:
        ConfigurationError: If the URL names no database of these, or its driver is not installed.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] | None = None, settle: timedelta = SETTLE) -> None:
        self._store = Store(url, clock)
        self._settle = settle

    def upgrade(self) -> None:
        """Make the tables, or bring them up to date. A new SQLite file needs no such call.

        Raises:
            JournalError: If that fails.
        """
        self._store.upgrade()

    def upgrade_sql(self) -> str:
        """Return the statements that make the tables, for who runs them by hand."""
        return _upgrade.upgrade_sql(self._store.dialect)

    def accounts_of(self, order_id: str, accounts: Iterable[str]) -> tuple[str, ...]:
        """Return those of some accounts that have an invoice of an order, or may have: one was asked for.

        Raises:
            JournalError: If the journal cannot be read.
        """
        with self._store.reading() as connection:
            return _orders.accounts_of(connection, order_id, accounts)

    def recorder(self, account: str, info: Any, supports: Callable[[str], bool]) -> Recorder:
        """Return what a gateway does with the journal."""
        return Recorder(self._store, account, info, supports, self._settle)

    def close(self) -> None:
        """Give the connections back."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
