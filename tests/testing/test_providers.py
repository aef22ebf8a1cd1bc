"""What the conformance kit and tests of plugins need: provider classes, gateways of them, and single pages."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway_core import InvoiceRequest, Money, PaymentQuery
from gateway_core.errors import ConfigurationError, UnknownBackendError
from gateway_core.testing import (
    EmulatedAccount,
    EmulatorTransport,
    connect_provider,
    connect_provider_async,
    find_provider,
    pages,
)
from gateway_core.testing.account import NOON
from gateway_sandbox import Sandbox
from gateway_sandbox.emulator import SandboxEmulator


@pytest.fixture
def emulator() -> SandboxEmulator:
    """Give a sandbox."""
    return SandboxEmulator(clock=lambda: NOON)


def settings(emulator: SandboxEmulator) -> dict[str, Any]:
    """Return what the sandbox's plugin is set up with."""
    return emulator.settings("http://127.0.0.1:4010")


def test_provider_is_found_by_its_backend() -> None:
    """A backend's name leads to the class that its plugin brings."""
    assert find_provider("sandbox") is Sandbox


def test_unknown_backend_is_an_error() -> None:
    """A backend that nobody offers is told as the gateway tells it."""
    with pytest.raises(UnknownBackendError, match="'nobody'"):
        find_provider("nobody")


def test_provider_class_is_connected_without_its_plugin(emulator: SandboxEmulator) -> None:
    """A class that no distribution offers, such as one in a test, becomes a gateway."""

    class Own(Sandbox):
        """A provider that is written in a test."""

    with connect_provider(Own, settings(emulator), EmulatorTransport(emulator)) as gateway:
        gateway.check_account()

    assert type(gateway.provider) is Own


def test_provider_class_is_connected_for_async_code(emulator: SandboxEmulator) -> None:
    """The same class becomes an async gateway."""

    async def check() -> None:
        gateway = connect_provider_async(Sandbox, settings(emulator), EmulatorTransport(emulator))
        async with gateway:
            await gateway.check_account()

    asyncio.run(check())


def test_wrong_settings_are_refused(emulator: SandboxEmulator) -> None:
    """Settings are read as strictly as those of a configuration file."""
    with pytest.raises(ConfigurationError, match="no_such_setting"):
        connect_provider(Sandbox, {**settings(emulator), "no_such_setting": 1}, EmulatorTransport(emulator))


def test_list_is_read_page_by_page() -> None:
    """Each page has what is new on it, and the last page ends the list."""
    with EmulatedAccount("sandbox") as account:
        for number in range(3):
            order = InvoiceRequest(order_id=str(number), amount=Money("50", "EUR"))
            account.pay(account.gateway.create_invoice(order).id)

        found = list(pages(account.gateway, PaymentQuery(page_size=2)))

    assert [len(page) for page in found] == [2, 1]
