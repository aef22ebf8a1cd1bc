"""The README's tables say what the code does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from gateway_mollie import Mollie, MollieOptions, MollieSettings, mapping

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [field.name for each in (MollieSettings, MollieOptions) for field in attrs.fields(each)]
)
def test_every_setting_is_described(name: str) -> None:
    """The tables of settings and options have each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize("word", mapping.STATUSES)
def test_every_word_is_described(word: str) -> None:
    """The table of statuses has each word."""
    assert f"| `{word}` |" in _README


@pytest.mark.parametrize("word", mapping.REFUND_STATUSES)
def test_every_word_of_a_refund_is_described(word: str) -> None:
    """The table of refunds has each word."""
    assert f"`{word}`" in _README.partition("| refund at Mollie |")[2].partition("| endpoint |")[0]


def test_every_currency_and_field_is_named() -> None:
    """What `info` declares, the README tells."""
    currencies = _README.partition("Currencies: ")[2].partition("each with")[0]
    honoured = _README.partition("Mollie honours")[2].partition("Currencies")[0]

    assert [code for code in Mollie.info.currencies or () if code not in currencies] == []
    assert [field for field in Mollie.info.honours or () if f"`{field}`" not in honoured] == []
