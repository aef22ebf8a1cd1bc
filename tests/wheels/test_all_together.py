"""Runs beside the installed wheels of all distributions, outside of the checkout: `tox -e wheels-all`."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

DISTRIBUTIONS = ["gateway-core", "gateway-sandbox", "gateway-bitsby", "gateway-azothpay", "gateway-billoget"]
GROUPS = ["gateway_core.providers", "gateway_core.emulators", "gateway_core.commands"]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_checkout_is_not_what_is_tested(distribution: str) -> None:
    """What is imported is what the wheel brought."""
    module = importlib.import_module(distribution.replace("-", "_"))
    files = importlib.metadata.files(distribution) or []

    assert Path(str(module.__file__)) in [Path(str(file.locate())).resolve() for file in files]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_wheel_tells_its_types_and_its_licence(distribution: str) -> None:
    """Each wheel holds `py.typed` and LICENSE, and no tests."""
    names = {file.name for file in importlib.metadata.files(distribution) or []}

    assert {"py.typed", "LICENSE"} <= names
    assert not [name for name in names if name.startswith(("test_", "conftest"))]


@pytest.mark.parametrize(
    "entry_point",
    [entry_point for group in GROUPS for entry_point in importlib.metadata.entry_points(group=group)],
    ids=lambda entry_point: f"{entry_point.group}:{entry_point.name}",
)
def test_entry_point_loads(entry_point: importlib.metadata.EntryPoint) -> None:
    """What a wheel announces, it has."""
    assert callable(entry_point.load())


def test_command_finds_every_provider() -> None:
    """`gateway providers --json` lists what is installed, and finds no fault."""
    program = Path(sys.executable).with_name("gateway")

    printed = subprocess.run([program, "providers", "--json"], capture_output=True, text=True, check=True).stdout

    assert {"azothpay", "billoget", "bitsby", "sandbox"} <= {provider["name"] for provider in json.loads(printed)}


def test_demo_ends_in_a_paid_invoice() -> None:
    """The wheels together carry an invoice from PENDING to PAID over real HTTP."""
    program = Path(sys.executable).with_name("gateway")

    told = subprocess.run([program, "demo"], capture_output=True, text=True, check=False, timeout=60)

    assert told.returncode == 0, told.stdout + told.stderr
