"""The pytest plugin of gateway-core: fixtures for applications that want to be paid in their tests.

pytest imports this module at each start, in every project that has gateway-core. So it stands outside of the package,
and imports nothing of it before a test asks for a fixture.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gateway_core.testing import EmulatedAccount, ManualClock


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let no test find what the one before it left behind: a provider left alone or paused, an answer, a budget."""
    for name in ("_account_health", "_account_pause", "_answer_cache", "_confirmation_budget"):
        shared = sys.modules.get(f"gateway_core.transport.{name}")
        if shared is not None:
            shared.forget()


@pytest.fixture
def gateway_clock() -> ManualClock:
    """Give the clock of emulated accounts, which stands at the same moment in each run; override it for another."""
    from gateway_core.testing import ManualClock
    from gateway_core.testing.account import NOON

    return ManualClock(NOON)


@pytest.fixture
def gateway_emulated(gateway_clock: ManualClock) -> Iterator[Callable[..., EmulatedAccount]]:
    """Make an account at an emulated provider: ``gateway_emulated("bitsby")``, with settings of the plugin by name."""
    from gateway_core.testing import EmulatedAccount

    made = 0
    with ExitStack() as accounts:

        def make(backend: str, **settings: Any) -> EmulatedAccount:
            nonlocal made
            made += 1
            account = EmulatedAccount(backend, clock=gateway_clock, seed=made, settings=settings)
            return accounts.enter_context(account)

        yield make


@pytest.fixture
def gateway_sandbox(gateway_emulated: Callable[..., EmulatedAccount]) -> EmulatedAccount:
    """Give an account at the sandbox: create an invoice, pay it, and let the webhook come; no socket, no waiting."""
    return gateway_emulated("sandbox")
