"""What every test shares: names that resolve to loopback only, a real browser, and documents that run."""

from __future__ import annotations

import base64
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from doctest import ELLIPSIS
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sybil import Example, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers import myst, rest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Fits whatever a provider may demand of a key: visible ASCII, and the form of a Standard Webhooks secret.
_MADE_UP_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()

_SHELL = frozenset("|&;<>")
_REFERENCE = re.compile(r'"(?:env|file)://[^"]*"')


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Read documents from top to bottom, after the tests: their blocks share names, so these cannot be shuffled."""
    items.sort(key=lambda item: (str(item.path), item.example.line) if isinstance(item, SybilItem) else ("", 0))


@pytest.fixture(autouse=True)
def _no_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every name but this machine's own, as a name service does that does not know it."""
    known = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host in (None, "", "localhost") or re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]+", str(host)):
            return known(host, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Give Debian's Chromium. Without one the test is skipped, and fails where the environment variable CI is set."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("no Chromium on PATH: `apt-get install chromium`")
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    idle = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*quiet, *idle])
        yield browser
        browser.close()


def _enter(namespace: dict[str, Any]) -> None:
    """Give a document an empty folder of its own to work in."""
    namespace["_left"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory()
    os.chdir(namespace["_folder"].name)


def _leave(namespace: dict[str, Any]) -> None:
    os.chdir(namespace["_left"])
    namespace["_folder"].cleanup()


def _check_toml(example: Example) -> None:
    """Hold each account of a `gateway.toml` against its plugin's settings; other TOML has to parse.

    The file stays for the blocks below it. Secrets that it refers to are replaced by made-up ones.
    """
    text = _REFERENCE.sub(f'"{_MADE_UP_SECRET}"', str(example.parsed))
    accounts = tomllib.loads(text).get("gateways", {})
    if not accounts:
        return
    from gateway_core import Gateway

    path = Path("gateway.toml")
    path.write_text(text, encoding="utf-8")
    for name in accounts:
        Gateway.open(name, config=path).close()


def _check_commands(prompt: str) -> Callable[[Example], None]:
    """Return an evaluator that asks for the help of each `gateway` command in a block, its options included.

    A command or an option that does not exist is refused; nothing is carried out.
    """

    def check(example: Example) -> None:
        lines = str(example.parsed).replace("\\\n", " ").splitlines()
        for line in lines:
            words = [*takewhile(_SHELL.isdisjoint, shlex.split(line.removeprefix(prompt), comments=True))]
            if line.startswith(prompt) and words[:1] == ["gateway"]:
                subprocess.run([*words, "--help"], check=True, stdout=subprocess.DEVNULL)

    return check


_markdown = Sybil(
    name="markdown",
    patterns=["*.md"],
    parsers=[
        myst.PythonCodeBlockParser(doctest_optionflags=ELLIPSIS),
        myst.CodeBlockParser("toml", _check_toml),
        myst.CodeBlockParser("bash", _check_commands("")),
        myst.CodeBlockParser("console", _check_commands("$ ")),
        myst.SkipParser(),
    ],
    setup=_enter,
    teardown=_leave,
    fixtures=["_no_name_service"],
)
_docstrings = Sybil(
    name="docstrings",
    patterns=["gateway_*/*.py", "gateway_*/*/*.py", "gateway_*/*/*/*.py"],
    parsers=[
        rest.DocTestParser(ELLIPSIS),
        rest.PythonCodeBlockParser(),
        rest.SkipParser(),
    ],
    fixtures=["_no_name_service"],
)

pytest_collect_file = (_markdown + _docstrings).pytest()
