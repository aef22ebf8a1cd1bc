"""Rows about starting: imports, the way to the first invoice, and finding the plugin among many distributions."""

from __future__ import annotations

import atexit
import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from benchmarks import shop
from benchmarks.measuring import Pair, Row, Side, timed
from benchmarks.server import ROOT, serving
from gateway_core import Gateway

#: Distributions beside ours, in the row about many.
_INSTALLED = 1_000

#: What every shop imports.
_NAMES = "from gateway_core import Gateway, InvoiceRequest, Money"


def _import(statement: str) -> Side:
    """Return a side that imports in new processes; what the interpreter needs for itself is not counted."""
    program = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    return lambda times: sum(float(_first_line("-c", program)) for _ in range(times))


@contextmanager
def _imports(_: float) -> Iterator[Pair]:
    yield Pair(_import(_NAMES), _import("import requests"))


@contextmanager
def _first_invoice(_: float) -> Iterator[Pair]:
    with serving() as url:
        yield Pair(_first(url, "gateway"), _first(url, "requests"))


def _first(url: str, by: str) -> Side:
    """Return a side that runs a program up to the line that it prints when it has its invoice."""

    def side(times: int) -> float:
        took = 0.0
        for _ in range(times):
            read_at: list[float] = []
            started = time.perf_counter()
            _first_line("-m", "benchmarks.first", by, url, read_at=read_at)
            took += read_at[0] - started
        return took

    return side


def _first_line(*arguments: str, read_at: list[float] | None = None) -> str:
    """Return what a new interpreter prints first; add to `read_at` when that was read."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=_compiling(), stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        assert process.stdout is not None  # noqa: S101  # for the type checker
        line = process.stdout.readline()
        if read_at is not None:
            read_at.append(time.perf_counter())
    return line


@functools.cache
def _compiling() -> dict[str, str]:
    """Return an environment in which all sides have compiled bytecode, once each has run: in a folder of its own."""
    folder = tempfile.mkdtemp(prefix="bytecode-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": folder}


@contextmanager
def _open_among_many(share: float) -> Iterator[Pair]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(int(_INSTALLED * share)):
            pretend(folder, f"other-{number:04}")
        secret, key = shop.WEBHOOK_SECRET, shop.API_KEY
        config = folder / "gateway.toml"
        config.write_text(f'[gateways.shop]\nbackend = "sandbox"\napi_key = "{key}"\nwebhook_secret = "{secret}"\n')

        def scan() -> object:
            return importlib.metadata.entry_points(group="gateway_core.providers", name="sandbox")

        with mock.patch.object(sys, "path", [*sys.path, name]):
            yield Pair(timed(lambda: Gateway.open("shop", config=config).close()), timed(scan))


def pretend(folder: Path, name: str) -> None:
    """Pretend that a distribution is installed, with a command as most have one."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\n{name} = {name.replace('-', '_')}:main\n")


ROWS = [
    Row(name="import", work=_NAMES, against="import requests", make=_imports, target=0.6),
    Row(
        name="first-invoice",
        work="from the start of a process to its first invoice",
        against="requests",
        make=_first_invoice,
        target=1.35,
    ),
    Row(
        name="open-among-many",
        work=f"Gateway.open, {_INSTALLED:,} distributions installed",
        against="one scan of entry_points()",
        make=_open_among_many,
        target=1.08,
    ),
]
