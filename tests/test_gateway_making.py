"""How a gateway is made: by name and settings, from the file, and at no cost before."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import types
from typing import Any

import pytest

from gateway_core import Gateway, Secret, errors
from gateway_core.transport import TransportSettings
from tests.fake_gateway import KEY, Fake, Settings, Wire, shown


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the fake provider as the backend `fake`."""
    module = types.ModuleType("gateway_fake")
    vars(module)["Fake"] = Fake
    monkeypatch.setitem(sys.modules, "gateway_fake", module)
    offer = importlib.metadata.EntryPoint("fake", "gateway_fake:Fake", "gateway_core.providers")
    monkeypatch.setattr("gateway_core._plugins.discovery.scan", lambda _: ([offer], []))


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("transport", [None, TransportSettings(deadline=5.0)])
def test_connect(transport: TransportSettings | None) -> None:
    """A gateway is made by its backend's name and the plugin's settings, with a real transport."""
    with Gateway.connect("fake", transport=transport, api_key=KEY) as gateway:
        actual = gateway.provider

    assert actual == Fake(settings=Settings(api_key=Secret(KEY)))


@pytest.mark.usefixtures("_installed")
def test_connect_with_a_transport_of_ones_own() -> None:
    """A transport that is given is used."""
    wire = Wire(b"pong")

    gateway = Gateway.connect("fake", transport=wire, api_key=KEY)

    assert gateway.run(gateway.provider.ping("x")) == "pong"


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("transport", [5, "https://api.example", {"deadline": 5.0}])
def test_connect_with_what_is_no_transport(transport: Any) -> None:
    """A mistake is told when the gateway is made, not by the first call; and without the value (S1)."""
    with pytest.raises(errors.ConfigurationError, match=r"^a transport is TransportSettings, or an object with"):
        Gateway.connect("fake", transport=transport, api_key=KEY)


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    "settings, kind, expected",
    [
        ({}, errors.ConfigurationError, "fake: settings: api_key: missing"),
        ({"api_key": f"{KEY} "}, errors.ConfigurationError, "fake: settings: api_key: a secret must have no blank"),
        ({"api_key": KEY, "fial": "x"}, errors.ConfigurationError, "fake: settings: fial: unknown, did you mean fail?"),
        ({"api_key": KEY, "fail": "settings"}, errors.ConfigurationError, "fake: settings: fail must not be this"),
        ({"api_key": KEY, "fail": "ours"}, errors.ConfigurationError, "fake connect: not with ***"),
        (
            {"api_key": KEY, "fail": "key"},
            errors.PluginError,
            "fake connect: making the provider of its settings failed",
        ),
    ],
)
def test_connect_with_wrong_settings(settings: Any, kind: type[errors.GatewayError], expected: str) -> None:
    """S1: a setting that is wrong, for us or for the plugin, is told without its value."""
    with pytest.raises(kind) as caught:
        Gateway.connect("fake", **settings)

    assert str(caught.value).startswith(expected)
    assert KEY not in shown(caught.value)


@pytest.mark.usefixtures("_installed")
def test_open(tmp_path: Any) -> None:
    """A gateway is made from the configuration file, whose deadline holds for a transport of one's own too."""
    path = tmp_path / "gateway.toml"
    path.write_text('[gateways.a]\nbackend = "fake"\napi_key = "k-k"\ntransport = {deadline = 3}')
    wire = Wire(b"pong")

    with Gateway.open("a", config=path, transport=wire) as gateway:
        gateway.run(gateway.provider.ping("x"))
    with Gateway.open("a", config=path) as real:
        assert real.provider == gateway.provider
    assert 2.0 < wire.deadlines[0] <= 3.0


def test_import_is_light() -> None:
    """Importing the package imports neither HTTP nor anything else that is not needed until a gateway is made."""
    heavy = {"requests", "urllib3", "cattrs", "click", "rich", "sqlalchemy", "iso4217", "packaging"}
    program = f"import sys, gateway_core; print(sorted({heavy!r} & {{*sys.modules}}))"

    actual = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert actual == "[]\n"


def test_gateway_without_rate_limits_imports_nothing_for_them() -> None:
    """What keeps rate limits takes longer to import than most of the core, so it waits until there is one to keep."""
    settings = {"api_key": "k-k", "webhook_secret": "whsec_" + "a" * 32}
    program = (
        "import sys; from gateway_core import Gateway\n"
        "for limits in (), ['1/s']:\n"
        f"    Gateway.connect('sandbox', rate_limits=limits, **{settings!r}).close()\n"
        "    print('gateway_core.transport._rate_limit' in sys.modules)"
    )

    actual = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert actual == "False\nTrue\n"
