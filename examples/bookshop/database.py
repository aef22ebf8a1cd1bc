"""The one database of a shop and of its journal, as ``SHOP_DATABASE`` in the environment names it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sqlalchemy import Engine, create_engine

from examples.bookshop import orders
from examples.bookshop.stock import STOCK
from gateway_core.journal import Journal


def url(*, is_async: bool = False) -> str:
    """Return the URL of the shop's database, with the driver that SQLAlchemy needs."""
    scheme, _, place = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db").partition("://")
    drivers = {"sqlite": "sqlite+aiosqlite" if is_async else "sqlite", "postgresql": "postgresql+psycopg"}
    return f"{drivers.get(scheme, scheme)}://{place}"


def connect() -> Engine:
    """Return the shop's database."""
    return create_engine(url(), connect_args=patience())


def patience() -> dict[str, int]:
    """Return how long a writer of a SQLite file waits for the others."""
    return {"timeout": 30} if url().startswith("sqlite") else {}


def prepare(stock: Sequence[tuple[str, str, str, int]] = STOCK) -> None:
    """Make the tables of the shop and of its journal, where they are missing, and fill an empty shelf."""
    with Journal(os.environ.setdefault("SHOP_DATABASE", "sqlite:///shop.db")) as journal:
        journal.upgrade()
    engine = connect()
    with engine.begin() as connection:
        orders.prepare(connection, stock)
    engine.dispose()
