"""The database is full, read-only, locked, restarted, old or new: nothing is sent that is not written down."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, event, text

from gateway_core import Gateway, errors
from gateway_core.journal import Journal, _upgrade
from gateway_core.journal import _store as store
from gateway_core.testing import EmulatedInvoice
from tests.journal.conftest import NewJournal
from tests.journal.shops import Shop


def made(shop: Shop) -> int:
    """Return how many invoices the provider has."""
    return len(list(shop.account.emulator.ledger.select(EmulatedInvoice)))


@pytest.fixture
def file_journal(tmp_path: Path, sqlite_template: Path) -> Path:
    """Give a journal's file."""
    path = tmp_path / "gateway.db"
    path.write_bytes(sqlite_template.read_bytes())
    return path


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for another writer a moment only."""
    monkeypatch.setattr(store, "_PATIENCE", 0.05)


def make_read_only(connection: sqlite3.Connection) -> None:
    """Let every write fail as on a read-only disk."""
    connection.execute("PRAGMA query_only=ON")


def make_full(connection: sqlite3.Connection) -> None:
    """Let the file not grow any more."""
    connection.execute("PRAGMA max_page_count=1")


@pytest.mark.parametrize("damage, code", [(make_read_only, "READONLY"), (make_full, "FULL")])
def test_what_cannot_be_written_is_not_sent(
    shop: Shop, file_journal: Path, damage: Callable[[sqlite3.Connection], None], code: str
) -> None:
    """On a full or read-only disk an order gets no invoice, and gets one when the disk is well again."""
    with Journal(f"sqlite:///{file_journal}", clock=shop.account.clock) as journal:
        gateway: Gateway = shop.account.connect(journal=journal)
        event.listen(journal._store.engine, "connect", lambda raw, _: damage(raw), named=False)
        failures: list[errors.JournalError] = []
        number = 0
        while not failures or failures[-1].effect != "none":  # what is free in the file's pages is written first
            try:
                gateway.create_invoice(shop.order(str(number)))
            except errors.JournalError as error:
                failures.append(error)
            number += 1
        before = made(shop)
    with Journal(f"sqlite:///{file_journal}", clock=shop.account.clock) as journal:
        shop.account.advance(minutes=5)
        for again in range(number):
            shop.account.connect(journal=journal).create_invoice(shop.order(str(again)))

    assert all(code in str(failure) for failure in failures)
    assert before < number == made(shop)


def test_locked_file_sends_nothing(shop: Shop, file_journal: Path, patience: None) -> None:
    """Another program that does not let go of the file stops creations, and reading goes on."""
    with (
        Journal(f"sqlite:///{file_journal}", clock=shop.account.clock) as journal,
        closing(sqlite3.connect(file_journal)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        gateway = shop.account.connect(journal=journal)
        with pytest.raises(errors.JournalError, match="BUSY") as caught:
            gateway.create_invoice(shop.order())
        assert gateway.journal is not None
        opened = gateway.journal.open()

    assert caught.value.effect == "none"
    assert opened.intents == ()
    assert made(shop) == 0


def test_folder_that_cannot_be_made() -> None:
    """It is told when the journal is opened, and not by an error of the operating system."""
    with pytest.raises(errors.ConfigurationError, match="folder"):
        Journal("sqlite:////dev/null/gateway.db")


def test_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Amounts and orders are nobody else's business: the folder that is made is closed to others."""
    with Journal(f"sqlite:///{tmp_path}/var/gateway.db") as journal:
        journal.upgrade()

    assert stat.S_IMODE((tmp_path / "var").stat().st_mode) == 0o700


@pytest.fixture(params=["sqlite", "postgresql"])
def old_journal(request: pytest.FixtureRequest, new_journal: NewJournal, tmp_path: Path) -> str:
    """Give the URL of a journal as the first version made it, with an order in it."""
    url = f"sqlite:///{tmp_path}/old.db"
    if request.param == "postgresql":
        url = new_journal("postgresql")
        with Journal(url) as journal, journal._store.engine.begin() as connection:
            for name in ("intents", "invoices", "events", "claims", "schema"):
                connection.execute(text(f"DROP TABLE gateway_{name}"))
    with Journal(url) as journal, journal._store.engine.begin() as connection:
        _upgrade.upgrade(connection, "0001")
    return url


def test_older_journal_is_brought_up_to_date(old_journal: str, shop: Shop) -> None:
    """A file is changed when it is opened, a shared database when its operator says so; what is in it stays."""
    with Journal(old_journal, clock=shop.account.clock) as journal:
        gateway = shop.account.connect(journal=journal)
        if old_journal.startswith("postgresql"):
            with pytest.raises(errors.JournalError, match="older version: run `gateway journal upgrade`"):
                gateway.create_invoice(shop.order())
            journal.upgrade()
        gateway.create_invoice(shop.order())
        with journal._store.reading() as connection:
            assert _upgrade.version(connection) == _upgrade.HEAD


def test_newer_journal_is_left_alone(journal_url: str, shop: Shop) -> None:
    """A worker of yesterday's release does not write into what it cannot read."""
    with Journal(journal_url, clock=shop.account.clock) as journal:
        with journal._store.engine.begin() as connection:
            connection.execute(text("UPDATE gateway_schema SET version_num = '9999'"))
        gateway = shop.account.connect(journal=journal)
        with pytest.raises(errors.JournalError, match="newer version"):
            gateway.create_invoice(shop.order())
        with pytest.raises(errors.JournalError, match="newer version"):
            journal.upgrade()

    assert made(shop) == 0


def test_connection_to_another_database_is_told(shop: Shop, tmp_path: Path) -> None:
    """An application's connection to a database without the journal is refused by name, and nothing is made there."""
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    (request,) = shop.account.webhooks()
    engine = create_engine(f"sqlite:///{tmp_path}/shop.db")

    with (
        engine.begin() as connection,
        pytest.raises(errors.JournalError, match="without this journal"),
        shop.gateway.receive_webhook(request, connection=connection),
    ):
        pass
    engine.dispose()

    assert shop.receive(request) == 200
    assert shop.delivered == ["1042"]


def cut_connections(url: str) -> None:
    """End every connection of others, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
            "current_database()"
        )


@pytest.mark.parametrize("moment", ["before the intent", "after the request", "in the handler"])
def test_database_restarts(shop: Shop, new_journal: NewJournal, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Whenever the connections are cut, an order has one invoice and one effect in the end."""
    url = new_journal("postgresql")
    with Journal(url, clock=shop.account.clock) as journal:
        gateway = shop.account.connect(journal=journal)
        recorder = gateway._recorder
        assert recorder is not None
        gateway.create_invoice(shop.order("warm"))
        if moment == "before the intent":
            cut_connections(url)
        if moment == "after the request":
            once = recorder.intents.end

            def cut(*arguments: Any, **more: Any) -> Any:
                monkeypatch.undo()
                cut_connections(url)
                return once(*arguments, **more)

            monkeypatch.setattr(recorder.intents, "end", cut)
            with pytest.raises(errors.JournalError) as caught:
                gateway.create_invoice(shop.order())
            assert caught.value.effect == "done"
            shop.account.advance(minutes=5)
        invoice = gateway.create_invoice(shop.order())
        shop.account.pay(invoice.id)
        (request,) = shop.account.webhooks()
        delivered: list[str | None] = []
        for _ in range(2):
            with gateway.receive_webhook(request) as delivery:
                if moment == "in the handler":
                    cut_connections(url)
                delivered += [each.order_id for each in delivery.events if each.pays]

    assert delivered == ["1042"]
    assert made(shop) == 2
