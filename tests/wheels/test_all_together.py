"""Runs beside the installed wheels of all distributions, outside of the checkout: `tox -e wheels-all`."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway_core import InvoiceRequest, Money
from gateway_core.testing import EmulatedAccount

DISTRIBUTIONS = sorted({each.name for each in importlib.metadata.distributions() if each.name.startswith("gateway-")})
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
    files = importlib.metadata.files(distribution) or []
    names = {file.name for file in files if "template" not in file.parts}

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


def test_shop_is_paid_by_the_fixture(gateway_sandbox: EmulatedAccount) -> None:
    """The wheels bring pytest its fixtures, and the sandbox its emulator."""
    order = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
    invoice = gateway_sandbox.gateway.create_invoice(order)

    gateway_sandbox.pay(invoice.id)

    (request,) = gateway_sandbox.webhooks()
    (event,) = gateway_sandbox.gateway.verify_webhook(request).events
    assert event.report == gateway_sandbox.gateway.get_status(invoice.id)


def test_skeleton_is_written_whole(tmp_path: Path) -> None:
    """The wheel brings every file of the template, those with a dot or a brace in their names too."""
    program = Path(sys.executable).with_name("gateway")
    template = Path(__file__).parents[2] / "gateway_core" / "cli" / "template" / "{{cookiecutter.__distribution}}"
    expected = [path for path in template.rglob("*") if path.is_file() and "__pycache__" not in path.parts]

    command = [str(program), "new-plugin", "acme", "--into", str(tmp_path), "--json"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert len(told["files"]) == len(expected) > 10
    assert {".gitignore", "gateway_acme/py.typed", "tests/test_gateway_acme.py"} <= set(told["files"])


def test_demo_ends_in_a_paid_invoice() -> None:
    """The wheels together carry an invoice from PENDING to PAID over real HTTP."""
    program = Path(sys.executable).with_name("gateway")

    told = subprocess.run([program, "demo"], capture_output=True, text=True, check=False, timeout=60)

    assert told.returncode == 0, told.stdout + told.stderr
