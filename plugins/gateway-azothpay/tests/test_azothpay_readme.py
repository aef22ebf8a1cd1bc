"""The README's tables say what the code does."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from gateway_azothpay import AzothPaySettings

_README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(AzothPaySettings)])
def test_every_setting_is_described(name: str) -> None:
    """The table of settings has each one."""
    assert f"| `{name}` |" in _README


@pytest.mark.parametrize(
    "endpoint",
    ["`POST /api/invoice`", "`GET /api/invoice/{id}`", "`GET /api/subscriptions`", "`GET /api/subscriptions/{id}`"],
)
def test_every_endpoint_has_its_flow_and_its_tests(endpoint: str) -> None:
    """The table of endpoints has each one that AzothPay documents, and the named tests are there."""
    (line,) = [line for line in _README.splitlines() if line.startswith(f"| {endpoint} |")]
    _, _, flow, tests, _ = line.split("|")

    assert flow.strip()
    assert all((Path(__file__).parent / name.strip(" `")).is_file() for name in tests.split(","))
