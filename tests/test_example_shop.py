"""The example shop runs on every provider, with nothing changed but its configuration."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parent.parent
SHOP = ROOT / "examples" / "shop.py"
PATIENCE = 30.0


@pytest.mark.parametrize("backend", ["sandbox", "bitsby", "mollie", "stripe"])
def test_same_shop_on_every_backend(backend: str, tmp_path: Path) -> None:
    """An order is paid by a webhook that crossed a socket, whichever backend the configuration names."""
    shop_port = _free_port()
    with _sandbox(backend, f"http://127.0.0.1:{shop_port}/webhooks") as settings:
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        config = tmp_path / "gateway.toml"
        config.write_text(
            "\n".join(
                [
                    'default = "shop"',
                    f"journal = {json.dumps(f'sqlite:///{tmp_path}/gateway.db')}",
                    "[gateways.shop]",
                    f'backend = "{backend}"',
                    *lines,
                ]
            ),
            encoding="utf-8",
        )
        with _shop(shop_port, config) as shop:
            placed = requests.post(f"{shop}orders", allow_redirects=False, timeout=PATIENCE)
            order = f"{shop}orders/{placed.headers['X-Order']}"
            before = _status(order)
            page = requests.get(placed.headers["Location"], timeout=PATIENCE)
            assert page.ok
            paid = requests.post(placed.headers["Location"], data={"action": "pay"}, timeout=PATIENCE)
            assert paid.ok
            after = _wait_for(order, "paid")

    assert (before, after) == ("waiting for payment", "paid")


@contextlib.contextmanager
def _sandbox(backend: str, webhook_url: str) -> Iterator[dict[str, str]]:
    arguments = ["sandbox", backend, "--port", "0", "--webhook-url", webhook_url, "--json"]
    with _process([sys.executable, "-m", "gateway_core.cli", *arguments]) as first_line:
        yield json.loads(first_line)["settings"]


@contextlib.contextmanager
def _shop(port: int, config: Path) -> Iterator[str]:
    arguments = ["--port", str(port), "--config", str(config), "--database", str(config.with_name("shop.db"))]
    with _process([sys.executable, str(SHOP), *arguments]) as first_line:
        yield first_line.strip()


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[str]:
    """Run a command that says on its first line that it is ready, and end it afterwards."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _status(order: str) -> str:
    found = re.search(r'id="status">([^<]*)', requests.get(order, timeout=PATIENCE).text)
    assert found is not None
    return found[1]


def _wait_for(order: str, status: str) -> str:
    deadline = time.monotonic() + PATIENCE
    while (seen := _status(order)) != status and time.monotonic() < deadline:
        time.sleep(0.1)
    return seen


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
