"""Runs beside the core's installed wheel only, outside of the checkout: `tox -e wheels-core`."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gateway_core
from gateway_core import Gateway, errors
from gateway_core.testing import EmulatedAccount

INSTALLED = importlib.metadata.files("gateway-core") or []


def test_checkout_is_not_what_is_tested() -> None:
    """What is imported is what the wheel brought."""
    assert Path(gateway_core.__file__) in [Path(str(file.locate())).resolve() for file in INSTALLED]


def test_wheel_holds_the_package_and_nothing_else() -> None:
    """Tests, plugins and tools stay in the repository; the plugin of pytest stands beside the package."""
    actual = {file.parts[0] for file in INSTALLED if not {"..", "__pycache__"} & {*file.parts[:1]}}

    about = f"gateway_core-{importlib.metadata.version('gateway-core')}.dist-info"
    assert actual == {"gateway_core", "pytest_gateway_core.py", about}


@pytest.mark.parametrize("name", ["py.typed", "LICENSE", "METADATA"])
def test_wheel_tells_its_types_and_its_licence(name: str) -> None:
    """Type checkers look for `py.typed`, lawyers for LICENSE."""
    assert name in {file.name for file in INSTALLED if "template" not in file.parts}


@pytest.mark.parametrize(
    "module",
    [
        "click",
        "cryptography",
        "rich",
        "starlette",
        "gateway_conformance",
        "gateway_sandbox",
        "gateway_bitsby",
        "gateway_azothpay",
        "gateway_billoget",
        "gateway_mollie",
        "gateway_opentelemetry",
    ],
)
def test_extras_are_not_installed(module: str) -> None:
    """The core needs neither a command line nor a server nor a plugin."""
    assert importlib.util.find_spec(module) is None


def test_import_loads_no_http_library() -> None:
    """`import gateway_core` is cheap: `requests` comes when a gateway is made."""
    program = "import sys, gateway_core; print({'requests', 'urllib3', 'typed_settings'} & {*sys.modules})"

    actual = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert actual == "set()\n"


def test_fixture_without_its_plugin_is_an_error_that_helps(gateway_emulated: Callable[[str], EmulatedAccount]) -> None:
    """Fixtures are wherever the core is; that the sandbox is missing is told, and by which name to get it."""
    with pytest.raises(errors.UnknownBackendError, match=r"emulator of 'sandbox' .*such as gateway-sandbox"):
        gateway_emulated("sandbox")


def test_every_public_name_is_there() -> None:
    """Each name in `__all__` can be had from the wheel."""
    assert [name for name in gateway_core.__all__ if not hasattr(gateway_core, name)] == []


def test_backend_without_plugin_is_an_error_that_helps() -> None:
    """Without any plugin, the error says that none is installed, and who must act."""
    with pytest.raises(errors.UnknownBackendError, match="no provider plugin is installed"):
        Gateway.connect("bitsby")


def test_command_without_its_extra_says_which_to_install() -> None:
    """`gateway` without click ends with exit code 2 and the way out, not with a traceback."""
    program = Path(sys.executable).with_name("gateway")

    actual = subprocess.run([program, "providers"], capture_output=True, text=True, check=False)

    assert (actual.returncode, "gateway-core[cli]" in actual.stderr, "Traceback" in actual.stderr) == (2, True, False)
