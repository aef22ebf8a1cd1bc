"""What every test shares: names that resolve to loopback only, a real browser, and documents that run."""

from __future__ import annotations

import base64
import contextlib
import functools
import os
import re
import shlex
import shutil
import socket
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from doctest import ELLIPSIS
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests_mock
from sybil import Example, Sybil
from sybil.integration.pytest import SybilItem
from sybil.parsers import myst, rest

from gateway_core import Gateway, HttpRequest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: Fits whatever a provider may demand of a key: visible ASCII, and the form of a Standard Webhooks secret.
_MADE_UP_SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()

_SHELL = frozenset("|&;<>")
_REFERENCE = re.compile(r'"(?:env|file)://([^"]*)"')
#: What stands in place of a reference whose secret has a form of its own.
_MADE_UP_KEYS = {"ADYEN_HMAC_KEY": "A1" * 32, "MOLLIE_API_KEY": "live_abcdefghij0123456789"}


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
        raise socket.gaierror(socket.EAI_NONAME, "only localhost is known while tests run")

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


class SandboxForDocuments:
    """The sandbox, as the examples in a document find it: running, with an account, and a payer to act in it."""

    def __init__(self) -> None:
        self._webhooks: list[HttpRequest] = []

    @functools.cached_property
    def _emulator(self) -> Any:
        from gateway_sandbox.emulator import SandboxEmulator

        account = {"api_key": _MADE_UP_SECRET, "webhook_secret": _MADE_UP_SECRET}
        return SandboxEmulator(credentials=account, webhook_url="http://127.0.0.1:8000/webhooks")

    def answer(self, request: Any, context: Any) -> bytes:
        """Answer what the transport sends."""
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        asked = HttpRequest(method=request.method, url=request.url, headers=request.headers, body=body)
        answer = self._emulator.handle(asked)
        context.status_code, context.headers = answer.status, dict(answer.headers.pairs)
        return bytes(answer.body)

    def pay(self, payment_url: str) -> None:
        """Press the button on the page, and let the webhooks arrive."""
        self._emulator.pay(payment_url.rpartition("/")[2])
        self._emulator.deliver(self._receive)

    def _receive(self, webhook: HttpRequest) -> int:
        self._webhooks.append(webhook)
        return 200

    def last_webhook(self) -> HttpRequest:
        """Return the webhook that arrived last."""
        return self._webhooks[-1]


def _enter(namespace: dict[str, Any]) -> None:
    """Give a document an empty folder to work in, and a sandbox in place of every provider."""
    namespace["sandbox"] = SandboxForDocuments()
    with contextlib.ExitStack() as entered:
        entered.enter_context(contextlib.chdir(entered.enter_context(tempfile.TemporaryDirectory())))
        entered.enter_context(requests_mock.Mocker()).register_uri(
            requests_mock.ANY, requests_mock.ANY, content=namespace["sandbox"].answer
        )
        namespace["_left"] = entered.pop_all()


def _leave(namespace: dict[str, Any]) -> None:
    namespace["_left"].close()


def _check_toml(example: Example) -> None:
    """Hold each account of a `gateway.toml` against its plugin's settings; other TOML has to parse.

    The file stays for the blocks below it. Secrets that it refers to are replaced by made-up ones.
    """
    text = _REFERENCE.sub(lambda found: f'"{_MADE_UP_KEYS.get(found[1], _MADE_UP_SECRET)}"', str(example.parsed))
    accounts = tomllib.loads(text).get("gateways", {})
    if not accounts:
        return
    path = Path("gateway.toml")
    path.write_text(text, encoding="utf-8")
    for name in accounts:
        Gateway.open(name, config=path).close()


def _check_commands(prompt: str) -> Callable[[Example], None]:
    """Return an evaluator that asks for the help of each `gateway` command in a block, its options included.

    A command or an option that does not exist is refused; nothing is carried out.
    """

    def check(example: Example) -> None:
        from click.testing import CliRunner

        from gateway_core.cli import _group

        lines = str(example.parsed).replace("\\\n", " ").splitlines()
        for line in lines:
            words = [*takewhile(_SHELL.isdisjoint, shlex.split(line.removeprefix(prompt), comments=True))]
            if line.startswith(prompt) and words[:1] == ["gateway"]:
                done = CliRunner().invoke(_group.gateway, [*words[1:], "--help"])
                assert done.exit_code == 0, done.output

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
