"""The tutorial for authors of plugins, and what it is made of; `tox -e wheels-all` follows it, command by command."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway_core.cli import _group
from gateway_core.hookspecs import REQUIRED
from tests import tutorial

#: What the author of the example wrote in his own words, and what is imported there and not installed.
OWN = {"README.md", "LICENSE", "tests/test_gateway_meadow.py"}


def skeleton(folder: Path) -> Path:
    """Write what `gateway new-plugin meadow` writes, and return its folder."""
    result = CliRunner().invoke(_group.gateway, ["new-plugin", "meadow", "--into", str(folder)])
    assert result.exit_code == 0, result.output
    return folder / tutorial.NAME


def files(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, but for what tools leave behind."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    kept = [path for path in paths if not any(part == "__pycache__" or part.endswith("_cache") for part in path.parts)]
    return {str(path): (folder / path).read_bytes() for path in kept if str(path) not in OWN}


def test_tutorial_ends_in_the_example(tmp_path: Path) -> None:
    """What its blocks make of the skeleton is the folder in `examples`, byte by byte."""
    made = skeleton(tmp_path)

    tutorial.assemble(made)

    assert files(made) == files(tutorial.MODEL)


def test_tutorial_counts_its_lines_right(tmp_path: Path) -> None:
    """The lines that the reader wrote are those of the finished plugin that the skeleton has not."""
    before = files(skeleton(tmp_path))
    after = files(tutorial.MODEL)

    lines = {
        Path(name).name: tutorial.written(before[name].decode(), after[name].decode())
        for name in after
        if name.startswith("gateway_meadow/") and name != "gateway_meadow/__init__.py" and name.endswith(".py")
    }

    assert tutorial.told_lines() == {**lines, "together": sum(lines.values())}


def here(folder: Path, name: str) -> tuple[dict[str, str], Callable[[str], str]]:
    """Return the environment of commands in a folder, and what is run in place of each: pip changes nothing here.

    Args:
        folder: The folder.
        name: The distribution that is written there. Its metadata is installed beside it, without a network.
    """
    site = folder / "site"
    path = os.pathsep.join(map(str, [folder / name, site]))
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    alone = f"--quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check --target {site}"

    def instead(command: str) -> str:
        if command.startswith("python -m pip install --editable"):
            return command.replace("--editable", alone)
        return ":" if command.startswith(("python3 -m venv", ". .venv", "python -m pip")) else command

    known = {key: value for key, value in os.environ.items() if not key.startswith("COV")}  # measured elsewhere
    return known | {"PATH": programs, "PYTHONPATH": path, "PYTEST_ADDOPTS": "-p no:randomly"}, instead


def test_readme_leads_to_what_is_to_be_written(tmp_path: Path) -> None:
    """The commands of the README for authors work, and end in one failure for each hook."""
    section = (tutorial.ROOT / "README.md").read_text(encoding="utf-8").partition("## Write a plugin")[2]
    commands = [line.removeprefix("$ ") for line in section.splitlines() if line.startswith("$ ")]
    environment, instead = here(tmp_path, "gateway-acme")

    done = tutorial.run("\n".join(map(instead, commands)), tmp_path, environment)

    assert [name.partition("::")[2] for name in tutorial.failures(done.stdout)] == [
        f"TestAcme::test_hook_is_implemented[{hook}]" for hook in REQUIRED
    ]


@pytest.mark.parametrize(
    "caption, text, expected",
    [
        ("**`a.py`**, the whole file:", "x = 1\n", "x = 1\n"),
        ("**`a.py`**, in place of `b`:", "b = 3\n", "a = 1\nb = 3\n\n\ndef c():\n    return 1\n"),
        ("**`a.py`**, in place of `c`:", "c = 3\n", "a = 1\nb = (\n    2\n)\n\n\nc = 3\n"),
        ("**`a.py`**, after `a`:", "z = 3\n", "a = 1\n\nz = 3\nb = (\n    2\n)\n\n\ndef c():\n    return 1\n"),
        ("**`a.py`**, at the end:", "z = 3\n", "a = 1\nb = (\n    2\n)\n\n\ndef c():\n    return 1\n\n\nz = 3\n"),
    ],
)
def test_block_is_written_where_its_caption_says(caption: str, text: str, expected: str, tmp_path: Path) -> None:
    """The sentence that the reader follows is the one that the tests follow."""
    (tmp_path / "a.py").write_text("a = 1\nb = (\n    2\n)\n\n\ndef c():\n    return 1\n", encoding="utf-8")

    tutorial.write(tutorial.Block("py", text, caption), tmp_path)

    assert (tmp_path / "a.py").read_text(encoding="utf-8") == expected


@pytest.mark.parametrize(
    "caption", ["Here it is:", "**`a.py`**, in place of `d`:", "**`b.py`**, the whole file:", "**`a.py`**, before `b`:"]
)
def test_caption_that_leads_nowhere_is_refused(caption: str, tmp_path: Path) -> None:
    """A block whose place is not told, or does not exist, is a fault of the page."""
    (tmp_path / "a.py").write_text("b = 1\n", encoding="utf-8")

    with pytest.raises(AssertionError):
        tutorial.write(tutorial.Block("py", "b = 2\n", caption), tmp_path)
