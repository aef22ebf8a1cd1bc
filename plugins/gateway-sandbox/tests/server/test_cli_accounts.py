from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway_core import errors
from gateway_sandbox import accounts
from gateway_sandbox.emulator import SandboxEmulator


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


def test_emulator_is_found_by_its_backend() -> None:
    """The sandbox's own emulator comes in as everybody else's does."""
    assert accounts.find_emulator("sandbox") is SandboxEmulator


def test_only_the_chosen_emulator_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken emulator beside it has no effect."""
    other = Offered("broken", AssertionError("imported"))
    other.name = "other"
    offer(monkeypatch, Offered("ours", SandboxEmulator), other)

    assert accounts.find_emulator("sandbox") is SandboxEmulator


def test_two_owners_of_one_name_are_both_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two distributions is meant is not guessed, and neither is imported."""
    offer(monkeypatch, Offered("ours", AssertionError()), Offered("theirs", AssertionError()))

    with pytest.raises(errors.UnknownBackendError, match="ours and theirs"):
        accounts.find_emulator("sandbox")


@pytest.mark.parametrize(
    "loaded, reason",
    [
        (ImportError("no such module"), "cannot be imported .ImportError: no such module"),
        (SystemExit(3), "cannot be imported .SystemExit"),
        (object, "is no class of"),
        (SandboxEmulator.handle, "is no class of"),
    ],
)
def test_broken_emulator_is_told_with_its_owner(monkeypatch: pytest.MonkeyPatch, loaded: Any, reason: str) -> None:
    """What cannot be imported, and what is no emulator, is the fault of a distribution that has a name."""
    offer(monkeypatch, Offered("theirs", loaded))

    with pytest.raises(errors.PluginError, match=f"theirs, {reason}"):
        accounts.find_emulator("sandbox")


def test_configuration_holds_any_text() -> None:
    """Quotes, backslashes, line ends and control characters come back as they were."""
    nasty = 'a"b\\c\nd\x7fe\té€😀'

    parsed = tomllib.loads(accounts.config_text("shop", "sandbox", {"api_key": nasty}))

    assert parsed == {"default": "shop", "gateways": {"shop": {"backend": "sandbox", "api_key": nasty}}}


def test_configuration_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full, the old file stands, and nothing is left beside it."""
    file = tmp_path / "gateway.toml"
    accounts.write_config(file, "old\n")
    before = file.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)

    with pytest.raises(errors.ConfigurationError, match="No space left"):
        accounts.write_config(file, "new\n")
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
