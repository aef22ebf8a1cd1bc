"""An account at the emulator whose clock is moved by hand, and one whose answers are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests_mock

from gateway_adyen.emulator import AdyenEmulator
from gateway_core import Gateway, HttpRequest
from gateway_core.testing import EmulatedAccount, HttpClient

BASE = "https://checkout-test.adyen.com"
#: Of the official SDK's tests (adyen-python-api-library 15.0.2, test/UtilTest.py).
HMAC_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
LINK_ID = "PL00AA11BB22CC33DD"


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """Give an account at the emulator."""
    with EmulatedAccount("adyen") as account:
        yield account


@pytest.fixture
def emulator(account: EmulatedAccount) -> AdyenEmulator:
    """Give the emulator of that account."""
    assert isinstance(account.emulator, AdyenEmulator)
    return account.emulator


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; nothing is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def connect(mocker: requests_mock.Mocker) -> Iterator[Callable[..., Gateway]]:
    """Give a maker of gateways to an account whose answers are written by the test."""
    made: list[Gateway] = []

    def connect(**settings: Any) -> Gateway:
        known = {"api_key": "AQE-made-up-0123456789", "merchant_account": "DemoShop", "webhook_hmac_key": HMAC_KEY}
        made.append(Gateway.connect("adyen", transport=HttpClient(BASE), **{**known, **settings}))
        return made[-1]

    yield connect
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(connect: Callable[..., Gateway]) -> Gateway:
    """Give a gateway with no more settings than are needed."""
    return connect()


@pytest.fixture
def link() -> Callable[..., dict[str, Any]]:
    """Give what makes a documented payment link, with changes."""

    def link(**changes: Any) -> dict[str, Any]:
        return {
            "id": LINK_ID,
            "url": f"https://test.adyen.link/{LINK_ID}",
            "status": "active",
            "reusable": False,
            "reference": "order-1001",
            "merchantAccount": "DemoShop",
            "amount": {"currency": "EUR", "value": 1250},
            "expiresAt": "2030-01-02T10:00:00Z",
            **changes,
        }

    return link


@pytest.fixture
def sent(mocker: requests_mock.Mocker) -> Callable[[], list[HttpRequest]]:
    """Give what tells the requests that were sent."""

    def sent() -> list[HttpRequest]:
        return [
            HttpRequest(method=each.method, url=each.url, headers=dict(each.headers), body=each.body or b"")
            for each in mocker.request_history
        ]

    return sent
