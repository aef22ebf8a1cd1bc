"""The README's tables say what the code does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from gateway_btcpay import BTCPayOptions, BTCPaySettings, mapping
from gateway_btcpay.webhook import INVOICE_EVENTS

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [field.name for kind in (BTCPaySettings, BTCPayOptions) for field in attrs.fields(kind)]
)
def test_every_setting_is_described(name: str) -> None:
    """The tables of settings and options have each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize("words, status", mapping.STATUSES.items())
def test_every_pair_of_words_is_described(words: tuple[str, str], status: object) -> None:
    """The table of statuses has each pair, with what becomes of it."""
    [row] = [line for line in _README.splitlines() if line.startswith(f"| `{words[0]}` | `{words[1]}` |")]

    assert str(status).upper() in row.upper()


@pytest.mark.parametrize("event", sorted(INVOICE_EVENTS))
def test_every_event_is_described(event: str) -> None:
    """The list of events has each one."""
    assert f"`{event}`" in _README
