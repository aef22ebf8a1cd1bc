"""A real provider among broken ones: it works, they are never imported, and the command tells each one's fault."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.plugins.conftest import Site

BROKEN = ("import-error", "syntax-error", "misspelt-hook")

STORY = """
import json, sys
from gateway_bitsby.emulator import BitsbyEmulator
from gateway_core import Gateway, InvoiceRequest, Money
from gateway_core.testing import EmulatorTransport

provider = BitsbyEmulator()
settings = provider.settings("https://api.bitsby.app")
with Gateway.connect("bitsby", transport=EmulatorTransport(provider), **settings) as gateway:
    invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
print(json.dumps([invoice.status, sorted(name for name in sys.modules if name.startswith("gateway_"))]))
"""


def run(site: Site, *arguments: str, code: int = 0) -> str:
    """Run Python with the broken plugins installed, expect an exit code, and return what it printed."""
    env = os.environ | {"PYTHONPATH": str(site.path)}
    done = subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def test_bitsby_works_beside_broken_plugins(site: Site) -> None:
    """P1: Three broken plugins harm nobody, and their modules are never imported."""
    site.add(*BROKEN)

    status, modules = json.loads(run(site, "-c", STORY))

    assert status == "pending"
    assert {name.partition(".")[0] for name in modules} == {"gateway_bitsby", "gateway_core"}


def test_providers_tells_each_fault_and_its_owner(site: Site) -> None:
    """`gateway providers` names fault, distribution and who must act, and lists the good ones all the same."""
    site.add(*BROKEN)

    listed = {
        each["name"]: each for each in json.loads(run(site, "-m", "gateway_core.cli", "providers", "--json", code=1))
    }

    assert [listed[name]["fault"] is None for name in ("bitsby", "sandbox", *BROKEN)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert {listed[name]["who_must_act"] for name in BROKEN} == {"plugin author"}
    assert [listed[name]["distribution"] for name in BROKEN] == [f"gateway-{name}" for name in BROKEN]


def test_providers_shows_people_the_faults(site: Site) -> None:
    """The table says it in words."""
    site.add(*BROKEN)

    table = run(site, "-m", "gateway_core.cli", "providers", code=1)

    assert table.count("broken") >= len(BROKEN)
    assert "gateway-import-error" in table
