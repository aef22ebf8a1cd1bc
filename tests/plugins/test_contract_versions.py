"""A plugin and a core of different age: they work together, or the error says what to install."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
import pytest

from gateway_core import Gateway, hookspecs
from gateway_core._plugins import loading, validation
from gateway_core.errors import UnknownBackendError
from gateway_core.provider import CONTRACT_VERSION

if TYPE_CHECKING:
    from tests.plugins.conftest import Site

#: The plugin that was written for each version of the contract with the oldest core of that version, and its digest.
FROZEN = {1: ("frozen-contract-1", "692905231080a48b1ec86b0c275ced25ee2dc64aadd8d854542ff4418db41fd7")}
NAME, DIGEST = FROZEN[CONTRACT_VERSION]


def digest_of(folder: Path) -> str:
    """Return the digest of every file of a folder, names included."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def test_frozen_plugin_is_as_it_was(site: Site) -> None:
    """A plugin that is mended together with the core shows nothing of those that are not."""
    assert digest_of(site.data / NAME) == DIGEST, "see tests/data/frozen-contract-1/README.md"


def test_plugin_of_the_oldest_core_passes_the_kit_of_this_one(site: Site, tmp_path: Path) -> None:
    """Within one version of the contract no plugin has to be touched: the kit finds nothing, and leaves little out."""
    site.add(NAME)
    tests = shutil.copytree(site.data / NAME / "tests", tmp_path / "tests")
    path = os.pathsep.join(filter(None, [str(site.path), os.environ.get("PYTHONPATH")]))

    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tests, tests],
        cwd=tests,
        env=os.environ | {"PYTHONPATH": path},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )

    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout
    assert passed is not None
    assert int(passed[1]) > 60


def test_plugin_without_an_argument_that_came_later_is_called_as_before(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook may get another argument: a plugin that does not declare it is registered, and called without it."""
    site.add(NAME)

    def get_status(invoice_id: str, locale: str) -> Any:
        """Report what is known of an invoice, with what a core to come knows besides."""

    later = pluggy.HookspecMarker("gateway_core")(get_status, firstresult=True)
    monkeypatch.setattr(hookspecs, "get_status", later)
    with Gateway.connect(NAME, api_key="key", webhook_secret="a secret of tests") as gateway:
        flow = validation.register(gateway.provider).hook.get_status(invoice_id="7", locale="es-AR")

    assert next(flow).url == "https://api.frozen.example/v1/invoices/7"


def test_frozen_plugin_has_every_hook_of_its_contract(site: Site) -> None:
    """What the plugin does not implement would not be held to stay as it is."""
    site.add(NAME)

    _, _, supported = loading.find(NAME).examine()

    assert supported == (
        "create_invoice",
        "get_status",
        "list_payments",
        "verify_webhook",
        "find_invoice",
        "cancel_invoice",
        "refund_payment",
        "check_account",
    )


def test_plugin_of_a_contract_to_come_says_to_install_a_newer_core(site: Site) -> None:
    """The other way round nothing is tried: the error names both versions, what to do, and who must."""
    site.add("newer-contract")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("newer-contract").load()

    assert caught.value.who_must_act == "operator"
    assert (
        f"it is written for version 99 of the provider contract, and this core has version {CONTRACT_VERSION}: install"
        " a newer version of gateway-core (entry point newer-contract = gateway_newer_contract:Broken,"
        " distribution gateway-newer-contract 1.0; the operator must act)"
    ) in caught.value.message


def test_plugin_that_needs_a_core_to_come_says_what_to_install(site: Site) -> None:
    """A plugin that uses what came in a later core requires that core, and is told so before it is imported."""
    site.add("needs-newer-core")

    with pytest.raises(UnknownBackendError) as caught:
        loading.find("needs-newer-core").load()

    assert caught.value.who_must_act == "operator"
    assert "it requires gateway-core>=9, and " in caught.value.message
    assert (
        "install versions that go together, by `pip install --upgrade gateway-core gateway-needs-newer-core`"
        in caught.value.message
    )
    assert site.imported() == set()


def test_plugin_of_a_contract_that_is_over_says_to_install_a_newer_plugin(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the core has moved on, it is the plugin that is too old."""
    site.add(NAME)
    monkeypatch.setattr(validation, "CONTRACT_VERSION", CONTRACT_VERSION + 1)

    with pytest.raises(UnknownBackendError) as caught:
        loading.find(NAME).load()

    assert caught.value.who_must_act == "operator"
    assert (
        f"it is written for version {CONTRACT_VERSION} of the provider contract, and this core has version"
        f" {CONTRACT_VERSION + 1}: install a newer version of the plugin"
    ) in caught.value.message
