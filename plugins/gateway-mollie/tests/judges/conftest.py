"""Mollie's own clients as judges: collected where they are installed (dependency group ``judges``)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from gateway_core import Gateway
from gateway_mollie.emulator import MollieEmulator

if TYPE_CHECKING:
    from gateway_sandbox.server import Serving

_INSTALLED = all(find_spec(each) for each in ("mollie", "uvicorn")) and all(
    find_spec(each) for each in ("mollie.api", "mollie.utils", "gateway_sandbox.server")
)

collect_ignore_glob = [] if _INSTALLED else ["test_*.py"]


@pytest.fixture
def served() -> Iterator[Serving]:
    """Serve the emulator over HTTP."""
    from gateway_sandbox.server import serving

    with serving(MollieEmulator) as served:
        yield served


@pytest.fixture
def gateway(served: Serving) -> Iterator[Gateway]:
    """Give our gateway to the same account."""
    settings = {**served.settings, "webhook_url": "https://shop.example/webhooks/mollie"}
    with Gateway.connect("mollie", **settings) as gateway:
        yield gateway


@pytest.fixture
def mollie(served: Serving) -> MollieEmulator:
    """Give the emulator that is served."""
    assert isinstance(served.emulator, MollieEmulator)
    return served.emulator
