"""Finding emulators by the names of their backends."""

from __future__ import annotations

import importlib.metadata
from types import SimpleNamespace
from typing import Any

import pytest

from gateway_core import errors
from gateway_core.testing import Emulator, find_emulator


class Penny(Emulator):
    """An emulator."""

    title = "Penny"


class Offered:
    """An entry point of a distribution."""

    def __init__(self, owner: str, loaded: Any) -> None:
        self.name = "sandbox"
        self.dist = SimpleNamespace(name=owner)
        self._loaded = loaded

    def load(self) -> Any:
        """Return what is offered, or raise it."""
        if isinstance(self._loaded, BaseException):
            raise self._loaded
        return self._loaded


class OfferedByAll(list[Offered]):
    """What all distributions offer."""

    def select(self, name: str) -> list[Offered]:
        """Return what is offered under a name."""
        return [each for each in self if each.name == name]


def offer(monkeypatch: pytest.MonkeyPatch, *offered: Offered) -> None:
    """Let distributions offer emulators."""
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: OfferedByAll(offered))


def test_missing_emulator_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backends that have one are told, and the distribution to look for."""
    offer(monkeypatch, Offered("ours", Penny))

    with pytest.raises(errors.UnknownBackendError, match=r"there are: sandbox.*such as gateway-acme"):
        find_emulator("acme")


def test_only_the_chosen_emulator_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken emulator beside it has no effect."""
    other = Offered("broken", AssertionError("imported"))
    other.name = "other"
    offer(monkeypatch, Offered("ours", Penny), other)

    assert find_emulator("sandbox") is Penny


def test_two_owners_of_one_name_are_both_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two distributions is meant is not guessed, and neither is imported."""
    offer(monkeypatch, Offered("ours", AssertionError()), Offered("theirs", AssertionError()))

    with pytest.raises(errors.UnknownBackendError, match="ours and theirs"):
        find_emulator("sandbox")


@pytest.mark.parametrize(
    "loaded, reason",
    [
        (ImportError("no such module"), "cannot be imported .ImportError: no such module"),
        (SystemExit(3), "cannot be imported .SystemExit"),
        (object, "is no class of"),
        (Penny.handle, "is no class of"),
    ],
)
def test_broken_emulator_is_told_with_its_owner(monkeypatch: pytest.MonkeyPatch, loaded: Any, reason: str) -> None:
    """What cannot be imported, and what is no emulator, is the fault of a distribution that has a name."""
    offer(monkeypatch, Offered("theirs", loaded))

    with pytest.raises(errors.PluginError, match=f"theirs, {reason}"):
        find_emulator("sandbox")
