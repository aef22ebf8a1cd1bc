"""A shop with a journal, and its webhooks in each kind of application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway_core.testing import EmulatedAccount
from tests.web.apps import APPS, NEEDED, Send, Shop


@pytest.fixture(params=["sandbox"])
def shop(request: pytest.FixtureRequest) -> Iterator[Shop]:
    """Give a shop with an account at the sandbox, or at another emulated provider."""
    backend: str = request.param
    with EmulatedAccount(backend, settings=NEEDED[backend], journal=True) as account:
        yield Shop(account)


@pytest.fixture(params=sorted(APPS))
def send(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Send]:
    """Give what sends requests to the shop, in each kind of application."""
    with APPS[request.param](shop) as sending:
        yield sending
