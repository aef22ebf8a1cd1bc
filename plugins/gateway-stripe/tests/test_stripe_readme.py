"""The README's tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from gateway_stripe import StripeOptions, StripeSettings, mapping
from gateway_stripe.info import API_VERSION, INFO
from gateway_stripe.webhook import EVENTS

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(StripeSettings)])
def test_every_setting_is_described(name: str) -> None:
    """The table of settings has each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(StripeOptions)])
def test_every_option_is_described(name: str) -> None:
    """The table of what is sent has each option."""
    assert f'| `options["{name}"]` |' in _README


@pytest.mark.parametrize("field", [*(INFO.honours or ()), "webhook_url"])
def test_every_field_is_described(field: str) -> None:
    """The table of what is sent has each field of a request, honoured or not."""
    table = _README.partition("## What is sent")[2].partition("## ")[0]
    assert re.search(rf"^\| .*`{field}`", table, re.MULTILINE)


@pytest.mark.parametrize("session, intent", mapping.STATUSES)
def test_every_word_is_described(session: str, intent: str | None) -> None:
    """The table of statuses has each word; of an open or expired session the intent's do not matter."""
    rows = re.findall(rf"^\| `{session}` \| (.*?) \|", _README, re.MULTILINE)
    assert any(f"`{intent}`" in row or row.startswith("none") for row in rows)


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_is_described(event: str) -> None:
    """The list of events to choose is what `register_webhook` asks for."""
    assert f"`{event}`" in _README


def test_version_is_told() -> None:
    """The README names the version that every request asks for."""
    assert API_VERSION in _README
