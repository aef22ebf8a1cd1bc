"""A folder of installed plugins: the projects of `tests/data`, and others that a test makes up."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core._plugins.loading import PROVIDERS

DATA = Path(__file__).parents[1] / "data"
PROJECTS = {each.parent.name: tomllib.loads(each.read_text()) for each in sorted(DATA.glob("*/pyproject.toml"))}


@attrs.frozen
class Broken:
    """A broken project, and what must be said of it."""

    name: str
    fault: str
    who_must_act: str


class Site:
    """A folder on the path, into which distributions are put as an installer would, without the time that takes."""

    data = DATA
    projects = tuple(PROJECTS)

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def add(self, *names: str) -> None:
        """Install projects of `tests/data`."""
        for name in names:
            for module in (DATA / name).glob("*.py"):
                shutil.copy(module, self.path)
            for package in (DATA / name).glob("gateway_*/"):
                shutil.copytree(package, self.path / package.name)
            project = PROJECTS[name]["project"]
            points = project["entry-points"][PROVIDERS]
            self.make(project["name"], points, version=project["version"], requires=project["dependencies"])

    def make(
        self,
        name: str,
        points: dict[str, str],
        *,
        version: str = "1.0",
        requires: list[str] | None = None,
        group: str = PROVIDERS,
    ) -> Path:
        """Install the metadata of a distribution, and return its folder."""
        info = self.path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        head = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        needs = [f"Requires-Dist: {each}" for each in requires or []]
        (info / "METADATA").write_text("\n".join([*head, *needs, ""]))
        (info / "entry_points.txt").write_text(
            "\n".join([f"[{group}]", *(f"{point} = {value}" for point, value in points.items()), ""])
        )
        (info / "RECORD").write_text("")
        return info

    def module(self, name: str, source: str) -> None:
        """Install a module."""
        (self.path / f"{name}.py").write_text(source)

    def imported(self) -> set[str]:
        """Return the modules of projects that this process has imported."""
        return {f"gateway_{name.replace('-', '_')}" for name in PROJECTS} & set(sys.modules)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder on this process's path. What was imported from it is forgotten afterwards."""
    made = Site(tmp_path / "site")
    monkeypatch.syspath_prepend(made.path)
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(made.path)):
            del sys.modules[name]


def _broken() -> Iterator[Any]:
    for name, project in PROJECTS.items():
        if said := project.get("tool", {}).get("gateway-tests"):
            yield pytest.param(Broken(name, said["fault"], said["who-must-act"]), id=name)


@pytest.fixture(params=_broken())
def broken(request: pytest.FixtureRequest) -> Broken:
    """Each broken project in turn."""
    found: Broken = request.param
    return found
