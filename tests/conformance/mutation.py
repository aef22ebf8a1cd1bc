"""Making mutants: copies of the example plugin with one deliberate fault each, from the table in `mutants.toml`."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from gateway_conformance import ProviderSuite
from gateway_core import WebhookRequest
from gateway_meadow.emulator import MeadowEmulator

TABLE = Path(__file__).parent / "mutants.toml"
_PACKAGE = "gateway_meadow"
_SOURCES = Path(__file__).parents[2] / "examples" / "gateway-meadow" / _PACKAGE
_PLUGIN = ("settings", "wire", "mapping", "provider", "__init__")


@attrs.frozen
class Mutant:
    """A plugin with one fault.

    Attributes:
        name: Its name.
        fault: What its author did wrong.
        caught_by: The check that finds it.
        edits: By module, what is replaced by what.
    """

    name: str
    fault: str
    caught_by: str
    edits: Mapping[str, Mapping[str, str]]


def mutants() -> list[Mutant]:
    """Read the table."""
    tables: list[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutants"]
    return [
        Mutant(table.pop("name"), table.pop("fault"), table.pop("caught_by"), table)  # what is left are the edits
        for table in tables
    ]


@contextmanager
def suite_of(mutant: Mutant, folder: Path) -> Iterator[type[ProviderSuite]]:
    """Write a mutant into a folder and import it; give the suite that judges it.

    The emulator is the sound one: it is Meadow, and the fault is the plugin's.
    """
    name = f"{_PACKAGE}_{mutant.name}"
    (folder / name).mkdir()
    for module in _PLUGIN:
        source = (_SOURCES / f"{module}.py").read_text(encoding="utf-8")
        for old, new in mutant.edits.get(module, {}).items():
            assert source.count(old) == 1, f"{mutant.name}: {module}.py holds {old!r} {source.count(old)} times"
            source = source.replace(old, new)
        (folder / name / f"{module}.py").write_text(source.replace(_PACKAGE, name), encoding="utf-8")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        provider = importlib.import_module(name).Meadow
        members = {
            "provider_class": provider,
            "emulator": MeadowEmulator,
            "with_both_signatures": _with_both_signatures,
        }
        yield type("TestMutant", (ProviderSuite,), members)
    finally:
        sys.path.remove(str(folder))
        for module in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[module]


def _with_both_signatures(_: object, message: WebhookRequest, other: WebhookRequest) -> list[WebhookRequest]:
    """Return a message with the signatures of both, in either order, as Meadow writes several."""
    time, own = message.headers["Meadow-Signature"].split(",")
    foreign = other.headers["Meadow-Signature"].split(",")[1]
    return [
        attrs.evolve(message, headers={"Meadow-Signature": f"{time},{one},{two}"})
        for one, two in ((own, foreign), (foreign, own))
    ]
