"""The README's tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from gateway_bitsby import BitsbySettings, mapping
from gateway_bitsby.emulator import BitsbyEmulator

_HERE = Path(__file__).parent
_README = (_HERE.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(BitsbySettings)])
def test_every_setting_is_described(name: str) -> None:
    """The table of settings has each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize("word", mapping.STATUSES)
def test_every_word_is_described(word: str) -> None:
    """The table of statuses has each word."""
    assert f"| `{word}` |" in _README


def test_every_endpoint_is_described() -> None:
    """The table of endpoints has each that the emulator serves, and the emulator serves each of the table."""
    described = re.findall(r"^\| `/([a-zA-Z/]+)` \|", _README.partition("Which test shows what")[0], re.MULTILINE)

    assert sorted(described) == sorted(BitsbyEmulator().endpoints)


def test_every_test_that_is_named_is_there() -> None:
    """A renamed file is renamed in the table, too."""
    named = set(re.findall(r"`(test_\w+\.py)`", _README))

    assert {name for name in named if not (_HERE / name).is_file()} == set()
