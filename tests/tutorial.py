"""Following the tutorial for authors of plugins: its commands, its files and what it says the kit says.

A block of ``bash`` is run, a block of ``py`` is written to the file that the line above it names, and each line of a
block of ``text`` must be in what the commands above it printed. So what is tested is what the reader reads.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorial" / "write-a-provider-plugin.md"
MODEL = ROOT / "examples" / "gateway-meadow"
NAME = MODEL.name

_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_CAPTION = re.compile(
    r"^\*\*`(?P<path>[^`]+)`\*\*, (?:(?P<whole>the whole file)|(?P<head>in place of all above the first `@hookimpl`)"
    r"|in place of `(?P<old>\w+)`|after `(?P<before>\w+)`|(?P<end>at the end)):$"
)


@attrs.frozen
class Block:
    """A fenced block of the tutorial.

    Attributes:
        language: Its language.
        text: What is in it.
        caption: The line above it.
    """

    language: str
    text: str
    caption: str


def blocks() -> Iterator[Block]:
    """Yield the blocks, from first to last."""
    page = PAGE.read_text(encoding="utf-8")
    for found in _FENCE.finditer(page):
        caption = page[: found.start()].rstrip("\n").rpartition("\n")[2]
        yield Block(found["language"], found["text"], caption)


def write(block: Block, folder: Path) -> None:
    """Do what the caption says: write the block to its file, or to its place in that file."""
    how = _CAPTION.fullmatch(block.caption)
    assert how, f"this says not where the block is to be written: {block.caption}"
    path = folder / how["path"]
    assert path.is_file(), f"the template writes no {how['path']}"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = block.text.splitlines(keepends=True)
    if how["whole"]:
        lines = new
    elif how["head"]:
        lines = [*new, "\n", *lines[lines.index("    @hookimpl\n") :]]
    elif how["end"]:
        lines += ["\n", "\n", *new]
    else:
        first, last = _place(lines, how["old"] or how["before"])
        lines[first:last] = new if how["old"] else [*lines[first:last], "\n", *new]
    path.write_text("".join(lines), encoding="utf-8")


def _place(lines: list[str], name: str) -> tuple[int, int]:
    """Return from which line to which a function, with its decorators, or a value stands."""
    found = []
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            found.append((min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1, node.end_lineno or 0))
        elif isinstance(node, ast.Assign) and any(ast.unparse(each) == name for each in node.targets):
            found.append((node.lineno - 1, node.end_lineno or 0))
    assert len(found) == 1, f"{name} stands there {len(found)} times"
    return found[0]


def follow(folder: Path, environment: Mapping[str, str], instead: Callable[[str], str] = str) -> str:
    """Follow the tutorial in an empty folder, and check what it says of each command.

    Args:
        folder: The folder.
        environment: The environment of the commands.
        instead: Returns what is run in place of a command.

    Returns:
        What the last command printed.
    """
    found = [*blocks(), Block("end", "", "")]
    printed = ""
    for block, after in itertools.pairwise(found):
        if block.language == "bash":
            done = run("\n".join(map(instead, block.text.splitlines())), folder, {**environment, "COLUMNS": "150"})
            printed = done.stdout + done.stderr
            said = [line for line in after.text.splitlines() if line != "..."] if after.language == "text" else []
            assert [line for line in said if not re.search(_pattern(line), printed, re.MULTILINE)] == [], printed
            assert failures(printed) == failures(after.text), printed
            assert (done.returncode != 0) == bool(failures(printed)), printed
        elif block.language == "py":
            write(block, folder / NAME)
    return printed


def run(script: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run commands where the ones before them left off: in their folder, and with what they exported."""
    state = shlex.quote(str(folder / ".state"))
    script = f'set -e; [ ! -f {state} ] || . {state}\n{script}\n(export -p; echo "cd $(printf %q "$PWD")") > {state}'
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


def _pattern(line: str) -> str:
    """Return an expression for a line of output, in which three dots stand for anything."""
    return ".*".join(map(re.escape, line.split("...")))


def failures(printed: str) -> list[str]:
    """Return the names of the tests that failed, of what pytest printed."""
    return re.findall(r"^FAILED (\S+)", printed, re.MULTILINE)


def assemble(folder: Path) -> None:
    """Write all blocks over a skeleton, without a command."""
    for block in blocks():
        if block.language == "py":
            write(block, folder)


def written(skeleton: str, finished: str) -> int:
    """Return how many lines of a file are not of the skeleton, empty ones left out."""
    old, new = skeleton.splitlines(), finished.splitlines()
    moves = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(1 for kind, _, _, first, last in moves if kind != "equal" for line in new[first:last] if line.strip())


def told_lines() -> dict[str, int]:
    """Return the lines that the tutorial says its reader wrote, by file, and `together`."""
    rows = re.findall(r"^\| `?(\w+(?:\.py)?)`? \| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: int(lines) for name, lines in rows}


def told_checks() -> int:
    """Return how many checks the tutorial says pass at its end, at least."""
    [number] = re.findall(r"^More than (\d+) checks passed", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return int(number)


def passed(printed: str) -> int:
    """Return how many checks passed, of what pytest printed."""
    [number] = re.findall(r"(\d+) passed", printed)
    return int(number)
