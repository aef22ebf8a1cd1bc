"""The shop under chaos: uvicorn with several workers, of which one is killed every now and then, and its servers."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

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
def running(port: int, workers: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the shop."""
    command = [sys.executable, "-m", "examples.bookshop", "--port", str(port), "--workers", str(workers)]
    where = ["--database", os.environ["SHOP_DATABASE"], "--config", os.environ["GATEWAY_CONFIG"]]
    environment = os.environ | {"SHOP_PAUSE": "2"}
    with (
        log.open("wb") as file,
        subprocess.Popen([*command, *where], stdout=file, stderr=file, env=environment) as shop,  # noqa: S603  # ours
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


class Killer:
    """Kills a worker every now and then, without a warning.

    Args:
        pid: The supervisor, which starts another worker.
        every: Seconds between two kills, on average.
        randomness: What chooses.

    Attributes:
        killed: How many workers were killed.
    """

    def __init__(self, pid: int, every: float, randomness: random.Random) -> None:
        self.killed = 0
        self._pid = pid
        self._every = every
        self._random = randomness
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def _run(self) -> None:
        while not self._stopped.wait(self._random.uniform(0.5 * self._every, 1.5 * self._every)):
            workers = workers_of(self._pid)
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(workers), signal.SIGKILL)
                    self.killed += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
