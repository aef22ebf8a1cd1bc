"""The README's tables say what the code does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from gateway_adyen import AdyenOptions, AdyenSettings, mapping, webhook

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", sorted({field.name for kind in (AdyenSettings, AdyenOptions) for field in attrs.fields(kind)})
)
def test_every_setting_is_described(name: str) -> None:
    """The tables of settings and options have each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize("word, status", mapping.STATUSES.items())
def test_every_word_is_described(word: str, status: object) -> None:
    """The table of statuses has each word, with what becomes of it."""
    [row] = [line for line in _README.splitlines() if line.startswith(f"| `{word}` |")]

    assert str(status).upper() in row.upper()


@pytest.mark.parametrize("field", [*webhook.SIGNED, *webhook.UNSIGNED])
def test_every_field_of_a_webhook_is_described(field: str) -> None:
    """What is signed, and what is not."""
    assert f"`{field}`" in _README
