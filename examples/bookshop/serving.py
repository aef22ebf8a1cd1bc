"""The command line of the shops: one command that serves a shop, and the sandbox beside it where that is wanted.

Settings stand in the environment, which its workers inherit: ``GATEWAY_CONFIG`` names the configuration, and
``SHOP_DATABASE`` the one database of the shop and of its journal.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Engine, create_engine

from examples.bookshop import orders
from gateway_core.journal import Journal

CONFIG = Path(__file__).parents[1] / "gateway.toml"
SANDBOX_PORT = 4010


def database_url(*, is_async: bool = False) -> str:
    """Return the URL of the shop's database, with the driver that SQLAlchemy needs."""
    scheme, _, place = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db").partition("://")
    drivers = {"sqlite": "sqlite+aiosqlite" if is_async else "sqlite", "postgresql": "postgresql+psycopg"}
    return f"{drivers.get(scheme, scheme)}://{place}"


def open_database() -> Engine:
    """Return the shop's database."""
    return create_engine(database_url(), connect_args=patience())


def patience() -> dict[str, int]:
    """Return how long a writer of a SQLite file waits for the others."""
    return {"timeout": 30} if database_url().startswith("sqlite") else {}


def prepare() -> None:
    """Make the tables of the shop and of its journal, where they are missing."""
    with Journal(os.environ.setdefault("SHOP_DATABASE", "sqlite:///shop.db")) as journal:
        journal.upgrade()
    engine = open_database()
    with engine.begin() as connection:
        orders.prepare(connection)
    engine.dispose()


def main(serve: Callable[[int, int], None], description: str) -> None:
    """Read the command line and serve a shop until it is interrupted.

    Args:
        serve: Serves the shop at a port of this machine, with a number of workers.
        description: What the shop is.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="how many processes, where the server has any")
    parser.add_argument("--database", default="sqlite:///shop.db", help="sqlite:///FILE, or postgresql://...")
    parser.add_argument("--config", type=Path, default=CONFIG, help="which provider is used")
    parser.add_argument("--sandbox", action="store_true", help="start the sandbox, too, and use it")
    arguments = parser.parse_args()
    os.environ["SHOP_DATABASE"] = arguments.database
    os.environ["GATEWAY_CONFIG"] = str(arguments.config)
    beside = _sandbox(arguments.port) if arguments.sandbox else contextlib.nullcontext()
    with beside:
        prepare()
        print(f"http://127.0.0.1:{arguments.port}/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            serve(arguments.port, arguments.workers)


@contextlib.contextmanager
def _sandbox(shop_port: int) -> Iterator[None]:
    """Run `gateway sandbox` beside the shop, and put the keys of its account where `gateway.toml` looks for them."""
    command = [sys.executable, "-m", "gateway_core.cli", "sandbox", "--json", "--stop-with-stdin"]
    where = ["--port", str(SANDBOX_PORT), "--webhook-url", f"http://127.0.0.1:{shop_port}/webhooks"]
    what = ["--merchant", "Marginalia", "--state", "sandbox.db"]
    with subprocess.Popen(  # noqa: S603  # our own command
        [*command, *where, *what], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None  # noqa: S101  # it is a pipe
        told = json.loads(process.stdout.readline() or "{}")
        if "settings" not in told:
            sys.exit("the sandbox did not start")
        os.environ["SANDBOX_API_KEY"] = told["settings"]["api_key"]
        os.environ["SANDBOX_WEBHOOK_SECRET"] = told["settings"]["webhook_secret"]
        print(f"{told['dashboard']} is the provider's dashboard", flush=True)
        yield
