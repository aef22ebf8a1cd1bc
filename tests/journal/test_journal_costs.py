"""What the journal costs: commits, questions, and which indexes its questions use."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, text

from gateway_core import errors
from gateway_core.journal import Journal
from gateway_core.journal._schema import metadata
from gateway_core.testing.account import NOON
from tests.journal.conftest import NewJournal
from tests.journal.shops import Shop


@pytest.fixture
def statements(shop: Shop) -> Iterator[list[str]]:
    """Note each statement, and each end of a transaction that wrote."""
    noted: list[str] = []
    engine = shop.journal._store.engine

    def execute(_: Connection, __: Any, statement: str, *___: Any) -> None:
        noted.append(statement.split(maxsplit=1)[0])

    def commit(_: Connection) -> None:
        noted.append("COMMIT")

    event.listen(engine, "before_cursor_execute", execute)
    event.listen(engine, "commit", commit)
    yield noted
    event.remove(engine, "before_cursor_execute", execute)
    event.remove(engine, "commit", commit)


def test_creation_costs_three_commits(shop: Shop, statements: list[str]) -> None:
    """The intent, the mark before the request, and the result; the same order again costs one that writes nothing."""
    shop.gateway.create_invoice(shop.order())
    first = statements.count("COMMIT")
    statements.clear()
    shop.gateway.create_invoice(shop.order())

    assert first == 3
    assert statements.count("COMMIT") == 1
    assert statements.count("UPDATE") == 0


def test_webhook_costs_two_commits(shop: Shop, statements: list[str]) -> None:
    """The claim, and the note that it is done."""
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    statements.clear()
    shop.deliver()

    assert statements.count("COMMIT") == 2


def test_questions_use_an_index(shop: Shop) -> None:
    """With however many rows, no question that a call asks reads a whole table."""
    recorder = shop.gateway._recorder
    assert recorder is not None
    assert shop.gateway.journal is not None
    engine = shop.journal._store.engine
    if engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL reads a small table whole, whatever its indexes; the indexes are the same")
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    shop.deliver()
    shop.gateway.create_invoice(shop.order())
    shop.gateway.poll(shop.handle)
    shop.gateway.poll(shop.handle, order_id="1042")
    shop.gateway.journal.open()
    shop.gateway.journal.order("1042")
    shop.gateway.reconcile(NOON - timedelta(days=1))
    event.remove(engine, "before_cursor_execute", note)

    assert len(asked) > 10
    with engine.connect() as connection:
        for statement, parameters in asked:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert not [row for row in plan if str(row[3]).startswith("SCAN gateway_")], statement


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_migrations_make_the_documented_tables(new_journal: NewJournal, engine: str) -> None:
    """What the migrations make is what the code reads, and the page about it names each column."""
    page = (Path(__file__).parents[2] / "docs/reference/journal.md").read_text(encoding="utf-8")
    with Journal(new_journal(engine)) as journal, journal._store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "gateway_schema"})
        differences = compare_metadata(context, metadata)

    assert differences == []
    named = set(page.replace("`", " ").replace(",", " ").split())
    columns = {column.name for table in metadata.tables.values() for column in table.columns}
    assert columns - {"id", "facts"} <= named
    assert set(metadata.tables) <= named | {name.rstrip(":") for name in named}


def test_statements_can_be_run_by_hand(new_journal: NewJournal) -> None:
    """What `upgrade --sql` prints is made of the dialect's own statements."""
    with Journal(new_journal("sqlite")) as journal:
        assert "CREATE TABLE gateway_claims" in journal.upgrade_sql()


def test_postgres_without_tables_says_what_to_do(postgres_url: str) -> None:
    """A shared database is changed by its operator only."""
    with (
        Journal(postgres_url) as journal,
        pytest.raises(errors.JournalError, match="gateway journal upgrade"),
        journal._store.transaction(),
    ):
        pass


@pytest.mark.parametrize("url", ["mysql://x", "no url", "sqlite+aiosqlite:///x"])
def test_other_databases_are_refused(url: str) -> None:
    """Only the two engines that are tested are taken."""
    with pytest.raises(errors.ConfigurationError, match="sqlite:///"):
        Journal(url)


def test_password_is_in_no_error() -> None:
    """A database that cannot be reached is told without its URL."""
    with (
        Journal("postgresql://shop:hunter2@127.0.0.1:1/none") as journal,
        pytest.raises(errors.JournalError) as caught,
        journal._store.transaction() as connection,
    ):
        connection.execute(text("SELECT 1"))

    assert "hunter2" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)
    assert caught.value.__cause__ is None
