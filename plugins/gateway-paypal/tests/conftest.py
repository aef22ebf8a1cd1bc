"""An account at the emulator whose clock is moved by hand, and one whose answers are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests_mock

from gateway_core import Gateway, HttpRequest
from gateway_core.testing import EmulatedAccount, HttpClient
from gateway_paypal.emulator import PayPalEmulator

BASE = "https://api-m.sandbox.paypal.com"


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """Give an account at the emulator."""
    with EmulatedAccount("paypal") as account:
        yield account


@pytest.fixture
def emulator(account: EmulatedAccount) -> PayPalEmulator:
    """Give the emulator of that account."""
    assert isinstance(account.emulator, PayPalEmulator)
    return account.emulator


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; there is a token, and nothing else is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        mocker.post(f"{BASE}/v1/oauth2/token", json={"access_token": "A21AA-token", "expires_in": 32400})
        yield mocker


@pytest.fixture
def gateway(mocker: requests_mock.Mocker) -> Iterator[Gateway]:
    """Give a gateway to an account whose answers are written by the test."""
    settings = {"client_id": "the-client", "client_secret": "made-up-secret-0123456789", "webhook_id": "WID"}
    with Gateway.connect("paypal", transport=HttpClient(BASE), **settings) as gateway:
        yield gateway


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """Give what makes a documented order, with changes, and with the money that it has."""

    def order(status: str = "CREATED", *, unit: dict[str, Any] | None = None, **payments: Any) -> dict[str, Any]:
        money = {"payments": payments} if payments else {}
        return {
            "id": "7AB12345CD678901E",
            "intent": "CAPTURE",
            "status": status,
            "purchase_units": [
                {
                    "reference_id": "default",
                    "custom_id": "shop-7781",
                    "amount": {"currency_code": "EUR", "value": "12.30"},
                    **(unit or {}),
                    **money,
                }
            ],
            "create_time": "2030-01-01T10:00:00Z",
            "links": [
                {
                    "href": "https://www.sandbox.paypal.com/checkoutnow?token=7AB12345CD678901E",
                    "rel": "payer-action",
                    "method": "GET",
                }
            ],
        }

    return order


@pytest.fixture
def sent(mocker: requests_mock.Mocker) -> Callable[[], list[HttpRequest]]:
    """Give what tells the requests that were sent, those for a token left out."""

    def sent() -> list[HttpRequest]:
        return [
            HttpRequest(method=each.method, url=each.url, headers=dict(each.headers), body=each.body or b"")
            for each in mocker.request_history
            if "oauth2" not in each.url
        ]

    return sent
