"""What holds for the repository as a whole."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.metadata
import re
import socket
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pytest_socket import SocketConnectBlockedError

import gateway_core
from gateway_core.testing import find_provider

ROOT = Path(__file__).parent.parent
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("gateway-*/pyproject.toml"))
DISTRIBUTIONS = [ROOT, *PLUGINS]
PACKAGES = [ROOT / "gateway_core", *(plugin / plugin.name.replace("-", "_") for plugin in PLUGINS)]
#: What `gateway new-plugin` fills in: no Python yet.
TEMPLATE = ROOT / "gateway_core" / "cli" / "template"
MODULES = sorted(
    module for package in PACKAGES for module in package.rglob("*.py") if not module.is_relative_to(TEMPLATE)
)
#: What a plugin is for, by its entry points: it is a provider, or an observer.
OFFERED = ["gateway_core.providers", "gateway_core.observers"]
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
SHARED = ["authors", "classifiers", "license", "license-files", "readme", "requires-python"]

each_distribution = pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
#: The kit is for authors of plugins, and an application of Django is found by its settings: nothing by an entry point.
NO_PLUGINS = [ROOT / "plugins" / "gateway-conformance", ROOT / "plugins" / "gateway-django"]

each_plugin = pytest.mark.parametrize("folder", PLUGINS, ids=lambda folder: folder.name)


def project(folder: Path) -> dict[str, Any]:
    """Return the table `project` of a distribution."""
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def name_of_package(folder: Path) -> str:
    """Return the import name of a distribution."""
    return str(project(folder)["name"]).replace("-", "_")


def imported_by(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a module imports, at its top or later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def tracked() -> list[Path]:
    """Return the files that git has or would take; none outside of a checkout, where there is nothing to check."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


@each_distribution
@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "LICENSE", "news", "tests"])
def test_distribution_can_be_copied_out_of_the_repository(folder: Path, name: str) -> None:
    """A folder is a whole distribution: whoever copies it as a template misses nothing."""
    assert (folder / name).exists()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_package_tells_that_it_is_typed(package: Path) -> None:
    """Type checkers read our annotations only beside `py.typed`."""
    assert (package / "py.typed").read_bytes() == b""


@each_plugin
def test_plugin_requires_every_core_of_this_contract(folder: Path) -> None:
    """Plugins and core are released apart, so a plugin takes every core of the same major version."""
    requirements = [Requirement(text) for text in project(folder)["dependencies"]]

    actual = {requirement.name: str(requirement.specifier) for requirement in requirements}

    assert actual["gateway-core"] == "<1,>=0.1"


@pytest.mark.parametrize("folder", [each for each in PLUGINS if each not in NO_PLUGINS], ids=lambda folder: folder.name)
def test_plugin_offers_what_it_is_named_for(folder: Path) -> None:
    """A distribution `gateway-x` offers the backend or the observer `x`, from the package `gateway_x`."""
    slug = folder.name.removeprefix("gateway-")
    points = project(folder)["entry-points"]

    [value] = [points[group][slug] for group in OFFERED if slug in points.get(group, {})]

    assert value.startswith(f"gateway_{slug}:")


@each_plugin
def test_every_check_looks_at_the_plugin(folder: Path) -> None:
    """A plugin that a check forgets would pass it. Other checks go through the folder: `.ci/plugins.py`."""
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    package = name_of_package(folder)
    contracts = tools["importlinter"]["contracts"]
    lists = [
        tools["mypy"]["mypy_path"],
        tools["coverage"]["run"]["source_pkgs"],
        tools["importlinter"]["root_packages"],
        *(contract["source_modules"] for contract in contracts if contract["type"] == "forbidden"),
        *(
            each["layers"][0].split(" | ")
            for each in contracts
            if each["type"] == "layers" and "containers" not in each
        ),
    ]
    installed = (ROOT / "plugins" / "requirements.txt").read_text(encoding="utf-8").splitlines()

    assert [entries for entries in lists if not {package, f"plugins/{folder.name}"} & {*entries}] == []
    assert [line for line in installed if re.fullmatch(rf"-e plugins/{folder.name}(\[[a-z,]+\])?", line)]


def test_tox_names_no_plugin_where_it_goes_through_all() -> None:
    """What runs for every plugin has no list of its own, which a new one would have to be added to."""
    text = (ROOT / "tox.ini").read_text(encoding="utf-8")
    named = [line for line in text.splitlines() if sum(folder.name in line for folder in PLUGINS) > 1]

    assert named == []
    assert {"FOLDER", "NAME"} <= set(re.findall(r"[A-Z]{4,}", text))


@each_plugin
def test_entry_points_load(folder: Path) -> None:
    """What `pyproject.toml` announces can be imported."""
    announced = {
        (group, name, value)
        for group, table in project(folder).get("entry-points", {}).items()
        for name, value in table.items()
    }

    installed = importlib.metadata.distribution(folder.name).entry_points

    assert announced == {(found.group, found.name, found.value) for found in installed}
    assert all(callable(found.load()) for found in installed)


@each_plugin
@pytest.mark.parametrize("key", [key for key in SHARED if key != "classifiers"])
def test_distributions_agree(folder: Path, key: str) -> None:
    """Licence and oldest Python are the same in every distribution."""
    assert project(folder).get(key) == project(ROOT).get(key)


@each_plugin
def test_licence_text_is_the_same(folder: Path) -> None:
    """The licence that a wheel brings is the repository's."""
    assert (folder / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")


@each_distribution
def test_version_is_stated_once(folder: Path) -> None:
    """The version stands in `pyproject.toml`; nothing in the package repeats it."""
    table = project(folder)

    assert importlib.metadata.version(table["name"]) == str(Version(table["version"]))
    assert "__version__" not in (folder / name_of_package(folder) / "__init__.py").read_text(encoding="utf-8")


@each_distribution
def test_dependency_tells_its_reason(folder: Path) -> None:
    """Each runtime dependency says on its line what it is for."""
    lines = (folder / "pyproject.toml").read_text(encoding="utf-8").partition("[dependency-groups]")[0].splitlines()
    extras = project(folder).get("optional-dependencies", {})
    wanted = [*project(folder)["dependencies"], *chain.from_iterable(extras.values())]

    actual = [text for text in wanted if not any(f'"{text}",' in line and "  # " in line for line in lines)]

    assert actual == []


@each_distribution
def test_dependencies_are_what_is_imported(folder: Path) -> None:
    """A distribution declares each library that it imports, though another may bring it too, and no other."""
    table = project(folder)
    wanted = [*table["dependencies"], *chain.from_iterable(table.get("optional-dependencies", {}).values())]
    modules = [module for module in MODULES if module.is_relative_to(folder / name_of_package(folder))]
    trees = [ast.parse(module.read_text(encoding="utf-8")) for module in modules]
    imports = {name.partition(".")[0] for tree in trees for name in imported_by(tree)} - {"_typeshed"}
    owners = importlib.metadata.packages_distributions()

    declared = {Requirement(text).name for text in wanted}
    imported = {
        # Several distributions may share a package.
        next((owner for owner in owning if owner in declared), owning[0])
        for name in imports - sys.stdlib_module_names
        for owning in [[canonicalize_name(owner) for owner in owners.get(name, [name])]]
    }

    assert imported - {table["name"]} == declared


@each_distribution
def test_news_fragment_is_named_for_its_kind(folder: Path) -> None:
    """A fragment of a kind that towncrier does not know is passed over, and the change never told."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = "|".join(settings["fragment"])
    fragments = [path.name for path in (folder / "news").iterdir() if not path.name.startswith(".")]

    assert [name for name in fragments if not re.fullmatch(rf"(\+[a-z0-9-]+|\d+)\.({kinds})(\.\d+)?\.md", name)] == []


@each_distribution
def test_changelog_has_a_place_for_the_next_release(folder: Path) -> None:
    """A release is written below the line that the settings name."""
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]

    assert settings["start_string"] in (folder / settings["filename"]).read_text(encoding="utf-8")


def test_every_check_is_explained_in_contributing() -> None:
    """CONTRIBUTING.md has a line for each environment of tox.ini, and none for another."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    sections = {name.partition(":")[2] for name in tox.sections() if name.startswith("testenv:")}
    expected = {"tests"} | {name for name in sections if "{" not in name}
    expected |= {
        f"{head}{part}"
        for name in sections
        if "{" in name
        for head, parts in [name[:-1].split("{")]
        for part in parts.split(",")
    }

    documented = set(
        re.findall(r"^\| `([a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    )

    assert documented == expected
    assert set(tox["tox"]["env_list"].replace(",", " ").split()) == expected - {"bench", "demo", "shop", "soak"}


@pytest.mark.parametrize("name", ["adyen", "azothpay", "billoget", "bitsby", "btcpay", "mollie", "paypal", "stripe"])
def test_index_shows_the_documentation_of_the_provider(name: str) -> None:
    """Where the package is looked up, there is the address of the API that it speaks, as its plugin declares it."""
    docs_url = find_provider(name).info.docs_url
    folder = ROOT / "plugins" / f"gateway-{name}"
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["urls"] == {"The provider's API": docs_url}


def test_ci_runs_the_command_of_the_readme() -> None:
    """Nothing runs in CI that a contributor cannot run, and the README tells how."""
    command = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]

    assert f"$ {command}" in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()


def test_lint_exception_tells_its_reason() -> None:
    """Each rule that is switched off, for all files or for some, says why on its line."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.flake8")[0]
    exceptions = [line for line in section.splitlines() if re.search(r'"[A-Z]+[0-9]*"', line) and "select" not in line]

    assert exceptions
    assert [line for line in exceptions if not re.search(r"  # .+", line)] == []


def test_private_module_is_closed_to_plugins() -> None:
    """The contract that keeps plugins to public names knows each private module."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    closed = {module for contract in settings["contracts"] for module in contract.get("forbidden_modules", ())}
    private = {
        f"gateway_core.{path.stem}" for path in (ROOT / "gateway_core").glob("_[a-z]*") if path.suffix in ("", ".py")
    }

    assert private - closed == set()


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_suppression_tells_its_reason(module: Path) -> None:
    """A `noqa`, `type: ignore` or `pragma` is followed by why; ruff sees to it that it names its rule."""
    bare = re.compile(
        r"# *(?:noqa[A-Z0-9:, ]*|type: *ignore(?:\[[a-z, -]+\])?|pragma: no (?:cover|branch))\W*$", re.MULTILINE
    )

    assert bare.findall(module.read_text(encoding="utf-8")) == []


def test_examples_are_skipped_for_a_reason_only() -> None:
    """A block of a document that is not run says why, and is then seen among the skipped tests."""
    documents = [path for path in tracked() if path.suffix == ".md"]
    skip = re.compile(r'^(?:%|<!---?) skip: (?!end)(?!(?:next|start) "[^"]{8,}")', re.MULTILINE)

    assert [str(path.relative_to(ROOT)) for path in documents if skip.search(path.read_text(encoding="utf-8"))] == []


def test_public_name_has_a_docstring() -> None:
    """The reference is made of docstrings: each public name, and each public method of it, has one."""
    undocumented = []
    for name in gateway_core.__all__:
        thing = getattr(gateway_core, name)
        module = importlib.import_module(getattr(thing, "__module__", None) or thing.__name__)
        if not module.__name__.startswith("gateway_core"):
            continue
        members = vars(thing).items() if isinstance(thing, type) else ()
        candidates = [(name, thing), *((f"{name}.{key}", value) for key, value in members if not key.startswith("_"))]
        undocumented += [key for key, value in candidates if callable(value) and not getattr(value, "__doc__", None)]

    assert undocumented == []


def test_public_names_are_sorted() -> None:
    """`__all__` is in order, so that two changes to it do not meet on one line."""
    assert sorted(gateway_core.__all__) == sorted(set(gateway_core.__all__))


@pytest.mark.parametrize(
    "module",
    [module for module in MODULES if "cli" not in str(module)],
    ids=lambda module: str(module.relative_to(ROOT)),
)
def test_library_does_not_print(module: Path) -> None:
    """Standard output belongs to the application; only commands write to it."""
    tree = ast.parse(module.read_text(encoding="utf-8"))

    assert not [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write")
    ]


def test_requests_is_imported_in_the_transport_only() -> None:
    """Timeouts, limits and redaction are written once, so nothing else in the core may speak HTTP."""
    library = re.compile(r"^\s*(?:import|from) (?:requests|httpx|aiohttp|http\.client|urllib\.request)\b", re.MULTILINE)
    core = [module for module in MODULES if module.is_relative_to(ROOT / "gateway_core")]
    speakers = [module for module in core if library.search(module.read_text(encoding="utf-8"))]

    assert {module.parent for module in speakers} <= {ROOT / "gateway_core" / "transport"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_module_is_not_too_long(module: Path) -> None:
    """Above about 400 lines, there is more than one thing in a module."""
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


def lines_of_code(module: Path) -> int:
    """Return how many lines hold code: no blank line, comment or docstring."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    texts = {
        node.lineno: node.end_lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    with tokenize.open(module) as file:
        found = {
            line
            for token in tokenize.generate_tokens(file.readline)
            if token.type not in NO_CODE
            for line in range(token.start[0], token.end[0] + 1)
        }
    return len(found - {line for first, last in texts.items() for line in range(first, (last or first) + 1)})


@pytest.mark.parametrize("name", ["adyen", "azothpay", "bitsby", "btcpay", "mollie", "paypal", "stripe"])
def test_provider_side_is_read_in_an_hour(name: str) -> None:
    """A plugin without its emulator stays below 900 lines of code; what several need moves into the core."""
    package = ROOT / "plugins" / f"gateway-{name}" / f"gateway_{name}"
    modules = [module for module in package.rglob("*.py") if "emulator" not in module.parts]

    assert modules
    assert sum(map(lines_of_code, modules)) < 900


def test_no_test_asks_a_name_service() -> None:
    """A name that is not this machine's is unknown while tests run."""
    with pytest.raises(socket.gaierror, match="only localhost is known"):
        socket.getaddrinfo("example.com", 443)


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "169.254.169.254"])
def test_no_test_connects_to_another_machine(address: str) -> None:
    """Tests stay on loopback; one that tries to leave it fails."""
    with socket.socket() as outside, pytest.raises(SocketConnectBlockedError):
        outside.connect((address, 443))


def test_test_modules_have_names_of_their_own() -> None:
    """A test is named by its file's name; two files of one name cannot be told apart in a report."""
    names = [path.name for path in tracked() if path.name.startswith("test_") and path.suffix == ".py"]

    assert sorted(names) == sorted(set(names))


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    """No home folder, no temporary folder of a person's, no package index: the repository works everywhere."""
    private = re.compile(
        rb"/(?:home|root|Users|[w]ork|[o]pt)/[a-z.]|/[t]mp/[a-z]|index[-]url|[/.]simple/[a-z]|files\.python[h]osted|127\.0\.0\.1:\d+/simple"
    )

    actual = [str(path.relative_to(ROOT)) for path in tracked() if private.search(path.read_bytes())]

    assert actual == []
