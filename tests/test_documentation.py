"""What others build on has a section in the documentation and a test that names it.

A section is what a Sphinx directive in `docs/` draws: `automodule` a module's public names, `autoclass` one class,
`py:data` a value, `conformance-checks` every check. They are read here from the pages, so no build is needed to see
that something is missing. The tables that stand in the pages are held beside the code.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gateway_conformance
import gateway_core
from gateway_conformance.check import DOCS_PAGE
from gateway_core import errors, hookspecs, observers, testing, web
from gateway_core.web import fastapi, flask, starlette

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TESTS = sorted(
    path
    for folder in [ROOT / "tests", *(ROOT / "plugins").glob("*/tests")]
    for path in folder.rglob("*.py")
    if path != Path(__file__) and "data" not in path.relative_to(folder).parts
)
MUTANTS = ROOT / "tests" / "conformance" / "mutants.toml"
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))

_DIRECTIVE = re.compile(r"^\.\. (automodule|autoclass|autofunction|py:data):: (\S+)\n((?:   :.*\n)*)", re.MULTILINE)
_GENERATED = re.compile(r"^(?:\.\. |```\{)([a-z-]+)(?:::|\})(?: (\S+))?$", re.MULTILINE)

HOOKS = [f"gateway_core.hookspecs.{name}" for name in hookspecs.REQUIRED + hookspecs.OPTIONAL]
ERRORS = [
    f"gateway_core.errors.{name}"
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.GatewayError)
]
EVENTS = [
    f"gateway_core.observers.{name}"
    for name in observers.__all__
    if inspect.isclass(getattr(observers, name)) and issubclass(getattr(observers, name), observers.Event)
]
NAMES = [
    f"{module.__name__}.{name}"
    for module in (gateway_core, testing, web, fastapi, flask, starlette, gateway_conformance)
    for name in module.__all__
]


def distribution(folder: Path) -> dict[str, Any]:
    """Return the table `project` of a plugin."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def offered(group: str) -> list[tuple[Path, str]]:
    """Return what our plugins offer in a group of entry points, each with its plugin's folder."""
    return [
        (folder, name) for folder in PLUGINS for name in distribution(folder).get("entry-points", {}).get(group, ())
    ]


def found(path: str) -> Any:
    """Return what a dotted name leads to."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(found(module), name)


def public(module: Any) -> Iterator[str]:
    """Yield the names of a module that `automodule` draws: those of `__all__`, or else its own that are explained."""
    source = inspect.getsource(module)
    for name, value in vars(module).items():
        if hasattr(module, "__all__"):
            if name in module.__all__:
                yield name
        elif getattr(value, "__module__", None) == module.__name__:
            if inspect.getdoc(value) and not name.startswith("_"):
                yield name
        elif re.search(rf"^#:.*\n{name}\b", source, re.MULTILINE):
            yield name


@functools.cache
def sections() -> list[Any]:
    """Return everything that a directive draws: modules, and what is in them."""
    drawn: list[Any] = []
    for page in PAGES:
        for kind, path, options in _DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            thing = found(path)
            drawn.append(thing)
            if kind == "automodule":
                left_out = re.findall(r"\w+", options.partition(":exclude-members:")[2].partition("\n")[0])
                drawn += [getattr(thing, name) for name in public(thing) if name not in left_out]
    return drawn


@functools.cache
def sources() -> str:
    """Return all tests as one text."""
    futures = "from __future__ import annotations\n"
    return "\n".join(path.read_text(encoding="utf-8").replace(futures, "") for path in TESTS)


@functools.cache
def named() -> set[str]:
    """Return the words that tests use: names, attributes, and texts that are one. An import is no use."""
    words = set()
    for node in ast.walk(ast.parse(sources())):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.Constant(value=str(word)):
                words.add(word)
    return words


@pytest.mark.parametrize("path", sorted({*HOOKS, *ERRORS, *EVENTS, *NAMES}))
def test_what_others_build_on_has_a_section(path: str) -> None:
    """A hook, an error, an event or a public name that the reference leaves out is there for nobody."""
    thing = found(path)

    assert any(thing is each for each in sections()), f"no page in docs/ draws {path}"


@pytest.mark.parametrize("path", sorted({*HOOKS, *ERRORS, *EVENTS, *NAMES}))
def test_what_others_build_on_has_a_test(path: str) -> None:
    """A hook, an error, an event or a public name that no test uses may change without anybody's noticing."""
    assert path.rpartition(".")[2] in named()


@pytest.mark.parametrize("name", [name for _, name in offered("gateway_core.providers")])
def test_provider_has_a_section(name: str) -> None:
    """The page of providers has the settings of each."""
    assert f"\n### {name}\n" in (ROOT / "docs" / "reference" / "providers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder, name", offered("gateway_core.providers"), ids=str)
def test_provider_passes_the_kit(folder: Path, name: str) -> None:
    """Ours are judged as everybody's are: the tests of each run the conformance kit on it."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("tests/test_*.py")]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]

    judged = [each.name for each in classes if "ProviderSuite" in map(ast.unparse, each.bases)]

    assert judged


@pytest.mark.parametrize("folder, name", offered("gateway_core.observers"), ids=str)
def test_observer_has_a_section(folder: Path, name: str) -> None:
    """A page tells how to install each observer, and by which name it is chosen."""
    pages = [page.read_text(encoding="utf-8") for page in PAGES]

    assert [page for page in pages if f"install {distribution(folder)['name']}" in page and f'"{name}"' in page]


def test_check_has_a_section() -> None:
    """The page that a failure of the kit names draws every check, below an anchor of its name."""
    page = ROOT / DOCS_PAGE.rpartition(": ")[2]

    assert ("conformance-checks", "") in _GENERATED.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [check.name for check in gateway_conformance.list_checks()])
def test_check_is_tested(name: str) -> None:
    """A check that no test names, in the table of mutants or otherwise, may pass everything."""
    assert re.search(rf"(?<![a-z_])(test_)?{name}(?![a-z_])", sources() + MUTANTS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_generated_tables_are_fresh(page: Path) -> None:
    """What a page says of the code is what the code says; `python docs/tables.py` writes it anew."""
    specification = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert specification is not None
    assert specification.loader is not None
    tables = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tables)
    text = page.read_text(encoding="utf-8")

    assert tables.fresh(text) == text


def test_tables_can_be_read_where_they_lie() -> None:
    """Errors, retries, providers, the contract, emulators and fixtures need no build."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert {"errors", "retries", "providers", "hooks", "emulator", "fixtures"} <= set(
        re.findall(r"^<!-- generated: ([a-z-]+) -->\n\n\| ", text, re.MULTILINE)
    )


def test_tour_through_the_code_leads_somewhere() -> None:
    """Each of its six stops names files that are there, and ends with a question; each question has an answer."""
    text = (ROOT / "docs" / "explanation" / "read-the-code.md").read_text(encoding="utf-8")
    stops, _, answers = text.partition("## The answers")

    asked = [stop for stop in re.split(r"^## \d\. ", stops, flags=re.MULTILINE)[1:] if stop.rstrip().endswith("*")]
    files = re.findall(r"`((?:gateway_core|examples)/[^`]+\.py)`", text)

    assert len(asked) == len(re.findall(r"^\d\. ", answers, re.MULTILINE)) == 6
    assert len(files) > 20
    assert [name for name in files if not (ROOT / name).is_file()] == []
