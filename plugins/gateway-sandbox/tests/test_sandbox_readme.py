"""The README's tables say what the code does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from gateway_sandbox import SandboxOptions, SandboxSettings
from gateway_sandbox.emulator.answers import WORDS
from gateway_sandbox.emulator.scenarios import SCENARIOS
from gateway_sandbox.emulator.settlement import SLOW_REFUNDS
from gateway_sandbox.mapping import INVOICE_EVENTS, INVOICE_STATUSES

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(SandboxSettings)])
def test_every_setting_is_described(name: str) -> None:
    """The table of settings has each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize("word", INVOICE_STATUSES)
def test_every_word_is_described(word: str) -> None:
    """The table of statuses has each word."""
    assert f"`{word}`" in _README


@pytest.mark.parametrize("amount", SCENARIOS, ids=str)
def test_every_scenario_is_described(amount: object) -> None:
    """The table of scenarios has each amount."""
    assert f"| {amount} |" in _README


def test_plugin_knows_every_word_and_event() -> None:
    """Every word of the sandbox is in the plugin's table with its meaning, and so is the event named after it."""
    assert {word: status for status, word in WORDS.items()} == dict(INVOICE_STATUSES)
    assert {f"invoice.{word}" for word in WORDS.values()} - {"invoice.open"} < INVOICE_EVENTS


@pytest.mark.parametrize("kind", sorted(INVOICE_EVENTS))
def test_every_event_is_described(kind: str) -> None:
    """Those that are named after a status are told of by it, and every other by its name."""
    assert f"`{kind}`" in _README or f"`{kind.removeprefix('invoice.')}`" in _README


@pytest.mark.parametrize("amount", SLOW_REFUNDS, ids=str)
def test_every_slow_refund_is_described(amount: object) -> None:
    """The table of amounts has each one."""
    assert f"| {amount}, refunded |" in _README


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(SandboxOptions)])
def test_every_option_is_described(name: str) -> None:
    """By its name."""
    assert f"`{name}`" in _README
