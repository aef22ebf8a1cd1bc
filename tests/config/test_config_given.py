"""A configuration that a program gives as a mapping, such as the settings of a web framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_core import Gateway, Gateways
from gateway_core.config import accounts, all_accounts, default_account, load_account
from gateway_core.errors import ConfigurationError


def given(**more: Any) -> dict[str, Any]:
    """Return a configuration with an account."""
    account = {"backend": "shoply", "api_key": "env://SHOPLY_API_KEY"}
    return {"default": "shop", "gateways": {"shop": {**account, **more}}}


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLY_API_KEY", "k-k")


def test_gateway_opens_by_a_mapping() -> None:
    """What stands in a file may be given; references and the environment's variables hold in it as well."""
    config = given(transport={"deadline": 20})

    with Gateway.open(config=config) as gateway, Gateways.open(config) as gateways:
        assert gateway.backend == gateways["shop"].backend == gateways.default.backend == "shoply"
    assert load_account(config=config).settings.api_key.reveal() == "k-k"
    assert default_account(config) == "shop"
    assert all_accounts(config).names == ("shop",)
    assert [entry.name for entry in accounts(config)] == ["shop"]


def test_mapping_may_hold_what_a_program_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tuples and paths are written as a list and as text; the environment comes before them."""
    monkeypatch.setenv("GATEWAY_SHOP_TRANSPORT_DEADLINE", "7")

    loaded = load_account(config=given(rate_limits=("2/s",), limiter=tmp_path / "limits.db"))

    assert loaded.limits.limiter is not None
    assert loaded.limits.limiter.reveal() == str(tmp_path / "limits.db")
    assert loaded.limits.rate_limits is not None
    assert loaded.transport.deadline == 7


@pytest.mark.parametrize(
    "config,told",
    [
        ({}, "there is no account"),
        ({"gateways": {"shop": {"backend": "shoply"}}, "defualt": "shop"}, "defualt: unknown, did you mean default"),
        ({"gateways": {"shop": "shoply"}}, "must be a table"),
        (given(api_kye="sk_live_secret"), r"\[gateways.shop\] api_kye: unknown, did you mean api_key"),
        (given(api_key="env://NOT_THERE"), r"\[gateways.shop\] api_key \(from env://NOT_THERE\)"),
        (given(count="many"), r"\[gateways.shop\] count: must be"),
    ],
)
def test_fault_is_told_by_key(config: dict[str, Any], told: str) -> None:
    """An error names what was given and the key, and no value."""
    with pytest.raises(ConfigurationError, match=f"the given configuration: .*{told}") as caught:
        load_account("shop", config)

    assert "sk_live_secret" not in str(caught.value)
