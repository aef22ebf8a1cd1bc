"""Finding emulators by the names of their backends."""

from __future__ import annotations

from email.message import Message
from importlib.metadata import EntryPoint
from types import SimpleNamespace
from typing import Any

import pytest

from gateway_core import errors
from gateway_core.testing import Emulator, find_emulator
from gateway_core.testing.finding import EMULATORS


class Penny(Emulator):
    """An emulator."""

    title = "Penny"


def offer(monkeypatch: pytest.MonkeyPatch, **offered: Any) -> None:
    """Let distributions offer emulators: by the distribution's name, the backend's name and what is loaded."""

    class Offered(EntryPoint):
        def load(self) -> Any:
            loaded = offered[self.value.partition(":")[0]][1]
            if isinstance(loaded, BaseException):
                raise loaded
            return loaded

    def source(owner: str, backend: str) -> EntryPoint:
        point = Offered(backend, f"{owner}:Emulator", EMULATORS)
        vars(point)["dist"] = SimpleNamespace(
            metadata=Message(), locate_file=lambda _: "", requires=[], read_text=lambda _: None
        )
        vars(point)["dist"].metadata["Name"] = owner
        return point

    sources = [source(owner, backend) for owner, (backend, _) in offered.items()]
    monkeypatch.setattr("gateway_core._plugins.discovery.scan", lambda group: (sources, []))


def test_missing_emulator_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backends that have one are told, and the distribution to look for."""
    offer(monkeypatch, ours=("sandbox", Penny))

    with pytest.raises(errors.UnknownBackendError, match=r"installed are sandbox.*such as gateway-acme"):
        find_emulator("acme")


def test_only_the_chosen_emulator_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken emulator beside it has no effect."""
    offer(monkeypatch, ours=("sandbox", Penny), broken=("other", AssertionError("imported")))

    assert find_emulator("sandbox") is Penny


def test_two_owners_of_one_name_are_both_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two distributions is meant is not guessed, and neither is imported."""
    offer(monkeypatch, ours=("sandbox", AssertionError()), theirs=("sandbox", AssertionError()))

    with pytest.raises(errors.UnknownBackendError, match=r"offered by ours .* and theirs .*: uninstall one"):
        find_emulator("sandbox")


@pytest.mark.parametrize(
    "loaded, reason",
    [
        (ImportError("no such module"), "its import failed with ImportError: no such module"),
        (SystemExit(3), "its import failed with SystemExit"),
        (object, "is no class of"),
        (Penny.handle, "is no class of"),
    ],
)
def test_broken_emulator_is_told_with_its_owner(monkeypatch: pytest.MonkeyPatch, loaded: Any, reason: str) -> None:
    """What cannot be imported, and what is no emulator, is the fault of a distribution that has a name."""
    offer(monkeypatch, theirs=("sandbox", loaded))

    with pytest.raises(errors.PluginError, match=f"theirs .* is broken: .*{reason}"):
        find_emulator("sandbox")
