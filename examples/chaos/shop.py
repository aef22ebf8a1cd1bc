"""The shop under chaos: uvicorn with several workers, of which one is killed every now and then, and its servers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import requests

from examples.bookshop import database
from gateway_core.errors import ConfigurationError

#: Seconds until a shop that was started answers.
_PATIENCE = 180.0


def free_port() -> int:
    """Return a port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def configure(folder: Path, journal: str, limiter: str, sandbox: dict[str, str], rate_limit: str) -> Path:
    """Write the shop's `gateway.toml`, and make its tables."""
    config = folder / "gateway.toml"
    config.write_text(
        f"""default = "sandbox"
journal = "env://SHOP_DATABASE"

[gateways.sandbox]
backend = "sandbox"
base_url = "{sandbox["base_url"]}"
api_key = "{sandbox["api_key"]}"
webhook_secret = "{sandbox["webhook_secret"]}"
rate_limits = ["{rate_limit}"]
limiter = "{limiter}"
""",
        encoding="utf-8",
    )
    os.environ["SHOP_DATABASE"] = journal
    os.environ["GATEWAY_CONFIG"] = str(config)
    return config


def fill(titles: int, copies: int) -> None:
    """Fill the shelf: so many titles, of each so many copies."""
    database.prepare([(f"Volume {number}", "Anonymous", f"{12 + number % 40}.90", copies) for number in range(titles)])


@contextlib.contextmanager
def running(app: str, port: int, workers: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a shop: an application that uvicorn finds by its name."""
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning", "--no-access-log"]
    # One that is slow to start is not taken for dead; but so long uvicorn waits for one that dies while it is asked.
    many = ["--workers", str(workers), "--timeout-worker-healthcheck", "8"]
    environment = os.environ | {"SHOP_PAUSE": "2"}
    with (
        log.open("wb") as file,
        subprocess.Popen([*command, *many], stdout=file, stderr=file, env=environment) as shop,  # noqa: S603  # ours
    ):
        try:
            wait_for(f"http://127.0.0.1:{port}/")
            yield shop
        finally:
            shop.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                shop.wait(20)
            for worker in workers_of(shop.pid):
                os.kill(worker, signal.SIGKILL)
            shop.kill()


def wait_for(url: str) -> None:
    """Wait until a server answers.

    Raises:
        ConfigurationError: If it does not.
    """
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=5).ok:
                return
        time.sleep(0.1)
    raise ConfigurationError(f"the shop at {url} does not answer")


def workers_of(pid: int) -> list[int]:
    """Return the worker processes of uvicorn's supervisor, as Linux lists them."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    except OSError:
        return []
    return [child for child, command in commands.items() if b"spawn_main" in command]


def kill_one_of(workers: list[int], randomness: random.Random) -> bool:
    """Kill a worker without a warning; return whether there was one."""
    if not workers:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(randomness.choice(workers), signal.SIGKILL)
        return True
    return False
