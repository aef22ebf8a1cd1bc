"""What `gateway new-plugin` writes installs and is clean, and its kit leads to a finished plugin."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest
from click.testing import CliRunner

from gateway_core import HttpResponse
from gateway_core.cli import _group
from gateway_core.errors import (
    AuthenticationError,
    NotFoundError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.hookspecs import REQUIRED

MEADOW = Path(__file__).parents[2] / "examples" / "gateway-meadow" / "gateway_meadow"
MODULES = ("settings", "wire", "mapping", "provider", "emulator")


@attrs.frozen
class Baked:
    """A plugin that was just written, and the folder that it is installed in.

    Attributes:
        folder: The distribution's folder.
        site: Where pip put it.
    """

    folder: Path
    site: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a Python module in the folder, as the plugin's author does."""
        path = os.pathsep.join(filter(None, [str(self.folder), str(self.site), os.environ.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-m", *command],
            cwd=self.folder,
            # Measured elsewhere: what the kit and the core do is the same in each of these processes.
            env={key: value for key, value in os.environ.items() if not key.startswith("COV")} | {"PYTHONPATH": path},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def judge(self) -> tuple[list[str], list[str], int]:
        """Run the kit; return the checks that fail, what was seen in each, and how many pass."""
        told = self.run("pytest", "-p", "no:randomly", "-p", "no:cacheprovider").stdout
        failed = re.findall(r"^FAILED \S+::TestAcme::test_(\S+)", told, re.MULTILINE)
        seen = re.findall(r"^      seen  (.*)$", told, re.MULTILINE)
        passed = re.search(r"(\d+) passed", told)
        assert "error" not in told.splitlines()[-1], told
        return failed, seen, int(passed[1]) if passed else 0

    def write(self, *modules: str) -> None:
        """Write modules, as an author does who has Meadow's documentation and calls it Acme."""
        for module in modules:
            text = (MEADOW / f"{module}.py").read_text(encoding="utf-8")
            own = text.replace("meadow", "acme").replace("Meadow", "Acme")
            (self.folder / "gateway_acme" / f"{module}.py").write_text(own, encoding="utf-8")

    def copy(self, path: Path) -> Baked:
        """Return a copy to write in."""
        return Baked(Path(shutil.copytree(self.folder, path / self.folder.name)), self.site)


def written(name: str, into: Path) -> Path:
    """Write a plugin, and return its folder."""
    result = CliRunner().invoke(_group.gateway, ["new-plugin", name, "--into", str(into)])
    assert result.exit_code == 0, result.output
    return into / f"gateway-{name}"


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> Baked:
    """Acme, written and installed by pip without a network."""
    path = tmp_path_factory.mktemp("baked")
    made = Baked(written("acme", path), path / "site")
    pip = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    done = made.run(*pip, "--disable-pip-version-check", "--target", str(made.site), str(made.folder))
    assert done.returncode == 0, done.stderr
    return made


def test_skeleton_is_listed(baked: Baked) -> None:
    """`gateway providers` finds the installed skeleton whole: its class fits the contract already."""
    listed = json.loads(baked.run("gateway_core.cli", "providers", "--json").stdout)

    acme = next(each for each in listed if each["name"] == "acme")
    assert (acme["title"], acme["distribution"], acme["fault"]) == ("Acme", "gateway-acme", None)
    assert acme["operations"] == list(REQUIRED)


def test_skeleton_is_installed_whole(baked: Baked) -> None:
    """The wheel that is built of it has the package, its types, its licence, and nothing of the tests."""
    files = {str(path.relative_to(baked.site)) for path in baked.site.rglob("*") if "__pycache__" not in path.parts}

    assert {f"gateway_acme/{name}" for name in ("py.typed", *(f"{module}.py" for module in MODULES))} <= files
    assert "gateway_acme-0.1.0.dist-info/licenses/LICENSE" in files
    assert [name for name in files if name.startswith("test")] == []


@pytest.mark.parametrize("name", ["acme", "x", "an-acme-with-a-long-name-of-30"])
def test_skeleton_keeps_its_own_rules(name: str, tmp_path: Path) -> None:
    """Whatever its name: ruff, with the rules that its pyproject.toml brings, has nothing to say."""
    made = Baked(written(name, tmp_path), tmp_path)

    checked = made.run("ruff", "check", "--no-cache")
    formatted = made.run("ruff", "format", "--no-cache", "--check")

    assert (checked.returncode, formatted.returncode) == (0, 0), checked.stdout + formatted.stdout
    assert checked.stdout == "All checks passed!\n"


def test_skeleton_is_typed(baked: Baked, tmp_path: Path) -> None:
    """`mypy --strict`, as its pyproject.toml asks for, passes the package and its tests."""
    done = baked.run("mypy", "--cache-dir", str(tmp_path))

    assert done.stdout == "Success: no issues found in 7 source files\n"


@pytest.fixture
def provider(baked: Baked, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The skeleton's module with the hooks, imported; forgotten afterwards."""
    monkeypatch.syspath_prepend(baked.folder)
    yield importlib.import_module("gateway_acme.provider")
    for name in [name for name in sys.modules if name.partition(".")[0] == "gateway_acme"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "status, body, kind, code, message",
    [
        (401, b'{"code": "no_key", "message": "Give a key."}', AuthenticationError, "no_key", "Give a key."),
        (404, b'{"message": "There is none."}', NotFoundError, None, "There is none."),
        (422, b"<html>", RejectedError, None, "HTTP 422 without an explanation"),
        (429, b"", RateLimitedError, None, "HTTP 429 without an explanation"),
        (500, b'{"message": 7}', ProviderUnavailableError, None, "HTTP 500 without an explanation"),
        (302, b"[]", UnexpectedResponseError, None, "HTTP 302 without an explanation"),
        (200, b"<html>", UnexpectedResponseError, None, "the body is not JSON"),
    ],
)
def test_skeleton_reads_answers(
    status: int, body: bytes, kind: type[ProviderError], code: str | None, message: str, provider: ModuleType
) -> None:
    """What the skeleton does for every hook, it does right: a refusal is an error of its kind, whatever its body."""
    with pytest.raises(kind) as caught:
        provider._read(HttpResponse(status=status, body=body), dict)

    assert (type(caught.value), caught.value.code) == (kind, code)
    assert message in caught.value.message


def test_skeleton_asks_with_the_key(provider: ModuleType) -> None:
    """An id of the provider's is one segment of the path, and the key is in the header alone."""
    acme = provider.Acme(provider.AcmeSettings(api_key="canary", webhook_secret="secret-of-the-test"))

    asked = acme._get("invoices", "../7", limit=2, cursor=None)

    assert (asked.method, asked.url) == ("GET", "https://api.acme.example/v1/invoices/..%2F7?limit=2")
    assert asked.headers["Authorization"] == "Bearer canary"
    assert "canary" not in repr(acme)


def test_kit_tells_each_hook_that_is_to_be_written_once(baked: Baked) -> None:
    """The work that is to be done is one failure a hook, each with the hook's name, and nothing else fails."""
    failed, seen, passed = baked.judge()

    assert failed == [f"hook_is_implemented[{hook}]" for hook in REQUIRED]
    assert [text.partition(":")[0] for text in seen] == [f"{hook} is still to be written" for hook in REQUIRED]
    assert passed


@pytest.mark.parametrize("hook", [*REQUIRED, "find_invoice", "check_account"])
def test_kit_tells_the_one_hook_that_is_left(hook: str, baked: Baked, tmp_path: Path) -> None:
    """What is finished is judged though something is missing, and what is missing is told once."""
    made = baked.copy(tmp_path)
    made.write(*MODULES)
    provider = made.folder / "gateway_acme" / "provider.py"
    head, found, rest = provider.read_text(encoding="utf-8").partition(f"    def {hook}(")
    signature, _, body = rest.partition(":\n")
    provider.write_text(
        f'{head}{found}{signature}:\n        raise NotImplementedError("{hook} is missing")\n{body}', encoding="utf-8"
    )

    failed, seen, passed = made.judge()

    assert (failed, seen) == ([f"hook_is_implemented[{hook}]"], [f"{hook} is missing"])
    assert passed


def test_kit_tells_that_the_emulator_is_to_be_written(baked: Baked, tmp_path: Path) -> None:
    """Where the hooks stand and the emulator does not, that is one failure too."""
    made = baked.copy(tmp_path)
    made.write("settings", "wire", "mapping", "provider")

    failed, seen, _ = made.judge()

    assert failed == ["emulator_is_implemented"]
    assert re.findall(r"\w+ is still to be written", seen[0]) == [
        "handle is still to be written",
        "webhook_body is still to be written",
    ]


def test_plugin_that_is_written_passes(baked: Baked, tmp_path: Path) -> None:
    """With its five modules written the same kit is green, and has judged it by most of its checks."""
    made = baked.copy(tmp_path)
    made.write(*MODULES)

    failed, seen, passed = made.judge()

    assert (failed, seen) == ([], [])
    assert passed > 60
