"""The README's tables say what the code does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from gateway_paypal import PayPalOptions, PayPalSettings, mapping

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
_NAMES = {field.name for kind in (PayPalSettings, PayPalOptions) for field in attrs.fields(kind)}


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_every_setting_is_described(name: str) -> None:
    """The tables of settings and options have each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize(
    "words",
    [
        mapping.ORDER_STATUSES,
        mapping.CAPTURE_STATUSES,
        mapping.AUTHORIZATION_STATUSES,
        mapping.REFUND_STATUSES,
    ],
    ids=["order", "capture", "authorization", "refund"],
)
def test_every_word_is_described(words: dict[str, object]) -> None:
    """The tables of statuses have each word."""
    assert [word for word in words if f"`{word}`" not in _README] == []
