"""``python -m examples.bookshop --sandbox``: serve one of the shops, and the sandbox beside it where that is wanted.

Settings go to the shop by the environment: ``GATEWAY_CONFIG`` names the configuration, and ``SHOP_DATABASE`` the one
database of the shop and of its journal.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from examples.bookshop import database

CONFIG = Path(__file__).parents[1] / "gateway.toml"
SANDBOX_PORT = 4010


def main() -> None:
    """Read the command line and serve a shop until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m examples.bookshop", description="A bookshop.")
    parser.add_argument("framework", nargs="?", choices=["fastapi", "flask", "django"], default="fastapi")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--database", help="sqlite:///FILE, or postgresql://...  [default: a file for each framework]")
    parser.add_argument("--config", type=Path, default=CONFIG, help="which provider is used")
    parser.add_argument("--sandbox", action="store_true", help="start the sandbox, too, and use it")
    arguments = parser.parse_args()
    os.environ["SHOP_DATABASE"] = arguments.database or f"sqlite:///shop-{arguments.framework}.db"
    os.environ["GATEWAY_CONFIG"] = str(arguments.config)
    with _sandbox(arguments) if arguments.sandbox else contextlib.nullcontext():
        if arguments.framework != "django":  # it makes its tables itself
            database.prepare()
        print(f"http://127.0.0.1:{arguments.port}/", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            # Not before its settings are in the environment.
            shop = importlib.import_module(f"examples.{arguments.framework}_shop")
            shop.serve(arguments.port)


@contextlib.contextmanager
def _sandbox(shop: argparse.Namespace) -> Iterator[None]:
    """Run `gateway sandbox` beside the shop, and put the keys of its account where `gateway.toml` looks for them."""
    command = [sys.executable, "-m", "gateway_core.cli", "sandbox", "--json", "--stop-with-stdin"]
    where = ["--port", str(SANDBOX_PORT), "--webhook-url", f"http://127.0.0.1:{shop.port}/webhooks"]
    what = ["--merchant", "Marginalia", "--state", f"sandbox-{shop.framework}.db"]
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


if __name__ == "__main__":
    main()
