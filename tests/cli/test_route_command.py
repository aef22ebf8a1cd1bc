"""`gateway route`: where an order would go, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway_core import Gateway, InvoiceRequest, Money
from gateway_core.cli import _group
from gateway_core.testing import EmulatedAccount


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration with two accounts and a journal."""
    with EmulatedAccount("sandbox") as account:
        settings = "".join(f'{key} = "{value}"\n' for key, value in account.settings.items())
    path = tmp_path / "gateway.toml"
    path.write_text(
        f'default = "eu"\njournal = "sqlite:///{tmp_path}/gateway.db"\n'
        '[[routes]]\ncurrency = "USD"\ncountry = ["US"]\naccounts = ["us", "eu"]\n'
        '[[routes]]\ntag = "gift"\naccounts = "us"\n'
        + "".join(f'[gateways.{name}]\nbackend = "sandbox"\n{settings}' for name in ("eu", "us")),
        encoding="utf-8",
    )
    return path


def route(config: Path, *arguments: str) -> Any:
    """Return what the command says in JSON."""
    result = CliRunner().invoke(_group.gateway, ["route", *arguments, "--json", "--config", str(config)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize(
    "arguments, account, then, because",
    [
        (["1042", "5", "EUR"], "eu", [], "default"),
        (["1042", "5", "USD", "--country", "US"], "us", ["eu"], "routes[0]"),
        (["1042", "5", "USD", "--country", "CA"], "eu", [], "default"),
        (["1042", "5", "USDT", "--network", "tron", "--tag", "gift"], "us", [], "routes[1]"),
    ],
)
def test_order_and_its_route(config: Path, arguments: list[str], account: str, then: list[str], because: str) -> None:
    """The first route that fits is named by its number."""
    assert route(config, *arguments) == {"account": account, "then": then, "because": because}


def test_order_that_is_at_an_account(config: Path) -> None:
    """What was asked for before stays with its account, and the command says so."""
    with (
        EmulatedAccount("sandbox") as emulated,
        Gateway.open("us", config=config, transport=emulated.faults) as gateway,
    ):
        gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("5", "EUR")))

    assert route(config, "1042", "5", "EUR") == {"account": "us", "then": [], "because": "journal"}


def test_people_read_a_line_for_each_fact(config: Path) -> None:
    """What is empty is left out."""
    result = CliRunner().invoke(_group.gateway, ["route", "1042", "5", "EUR", "--config", str(config)])

    assert result.stdout == "account  eu\nbecause  default\n"


def test_wrong_routes_are_an_error_of_the_configuration(config: Path) -> None:
    """The exit code says who must act."""
    config.write_text(config.read_text(encoding="utf-8").replace('"gift"', "7"), encoding="utf-8")

    result = CliRunner().invoke(_group.gateway, ["route", "1042", "5", "EUR", "--config", str(config)])

    assert result.exit_code == 2
    assert "routes[1].tag: must be a list" in result.stderr
