"""A store at an emulated BTCPay Server whose clock is moved by hand, and one whose answers are written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from gateway_btcpay.emulator import BTCPayEmulator
from gateway_core import Gateway, HttpRequest
from gateway_core.testing import EmulatedAccount, HttpClient

DATA = Path(__file__).parent / "data"
BASE = "https://btcpay.example"
STORE = f"{BASE}/api/v1/stores/S1"
SECRET = "topsecret-topsecret"


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """Give a store at the emulator."""
    with EmulatedAccount("btcpay") as account:
        yield account


@pytest.fixture
def emulator(account: EmulatedAccount) -> BTCPayEmulator:
    """Give the emulator of that store."""
    assert isinstance(account.emulator, BTCPayEmulator)
    return account.emulator


@pytest.fixture
def document() -> Callable[..., Any]:
    """Give a reader of the documented examples, with changes."""

    def document(name: str, changes: Mapping[str, Any] | None = None) -> Any:
        found = json.loads((DATA / f"{name}.json").read_bytes())
        return found | dict(changes) if changes else found

    return document


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; nothing is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def gateway(mocker: requests_mock.Mocker) -> Iterator[Gateway]:
    """Give a gateway to a store whose answers are written by the test."""
    settings = {"base_url": BASE, "store_id": "S1", "api_key": "made-up-key-0123456789", "webhook_secret": SECRET}
    with Gateway.connect("btcpay", transport=HttpClient(BASE), **settings) as gateway:
        yield gateway


@pytest.fixture
def sent(mocker: requests_mock.Mocker) -> Callable[[], list[HttpRequest]]:
    """Give what tells the requests that were sent."""

    def sent() -> list[HttpRequest]:
        return [
            HttpRequest(method=each.method, url=each.url, headers=dict(each.headers), body=each.body or b"")
            for each in mocker.request_history
        ]

    return sent
