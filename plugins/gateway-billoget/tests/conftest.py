"""Billoget at its address, answering with documented examples, and an emulator whose clock is moved by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from gateway_billoget.emulator import BillogetEmulator
from gateway_core import Gateway, HttpRequest
from gateway_core.testing import EmulatorTransport, HttpClient, ManualClock

DATA = Path(__file__).parent / "data"
BASE = "https://api.billoget.com/v1"
KEY = "bk_test_made-up-0123456789-abcdef"
SECRET = "made-up-webhook-secret-0123456789"

#: What an account needs to make invoices, in each generation.
ACCOUNTS: dict[str, dict[str, Any]] = {
    "G1": {"currency": "USD", "customer_id": "customer_456", "product_id": "product_301"},
    "G3": {
        "create_mode": "public",
        "customer_id": "501",
        "product_id": "301",
        "seller_id": "7",
        "minimum_payment_to_confirm": 0,
    },
}


@pytest.fixture
def example() -> Callable[[str], bytes]:
    """Give a reader of the documented examples."""
    return lambda name: (DATA / f"{name}.json").read_bytes()


@pytest.fixture
def data_of(example: Callable[[str], bytes]) -> Callable[[str], Any]:
    """Give a reader of what a documented answer has in its envelope, for tests that change something in it."""
    return lambda name: json.loads(example(name))["data"]


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; nothing is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def answers(mocker: requests_mock.Mocker) -> Callable[..., None]:
    """Give what answers requests to a path with these bodies in turn, and with the last one for ever."""

    def answers(method: str, path: str, *bodies: bytes, status: int = 200, **more: Any) -> None:
        several = [{"content": body, "status_code": status, **more} for body in bodies]
        mocker.register_uri(method, f"{BASE}/{path}", several)

    return answers


@pytest.fixture
def tells(answers: Callable[..., None]) -> Callable[..., None]:
    """Give what answers requests to a path with these values in the envelope of one thing."""

    def tells(method: str, path: str, *data: Any, **more: Any) -> None:
        answers(method, path, *(json.dumps({"data": each}).encode() for each in data), **more)

    return tells


@pytest.fixture
def sent(mocker: requests_mock.Mocker) -> Callable[[], list[HttpRequest]]:
    """Give what tells the requests that were sent."""

    def sent() -> list[HttpRequest]:
        return [
            HttpRequest(method=each.method, url=each.url, headers=dict(each.headers), body=each.body or b"")
            for each in mocker.request_history
        ]

    return sent


@pytest.fixture
def connect(mocker: requests_mock.Mocker) -> Iterator[Callable[..., Gateway]]:
    """Give a maker of gateways whose requests wait for no rate limit: of a generation, with changes to its account."""
    made: list[Gateway] = []

    def connect(generation: str = "G1", **settings: Any) -> Gateway:
        known = {"api_key": KEY, "webhook_secret": SECRET, **ACCOUNTS[generation]}
        made.append(Gateway.connect("billoget", transport=HttpClient(BASE), **{**known, **settings}))
        return made[-1]

    yield connect
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(connect: Callable[..., Gateway]) -> Gateway:
    """Give a gateway that writes G1."""
    return connect()


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands still."""
    return ManualClock(datetime(2030, 1, 31, 12, tzinfo=UTC))


@pytest.fixture
def emulate(clock: ManualClock) -> Callable[..., BillogetEmulator]:
    """Give a maker of emulators whose shop has a webhook address."""
    return lambda **more: BillogetEmulator(**{"clock": clock, "webhook_url": "http://127.0.0.1/webhooks", **more})


@pytest.fixture
def at() -> Iterator[Callable[..., Gateway]]:
    """Give a maker of gateways at an emulator."""
    made: list[Gateway] = []

    def at(emulator: BillogetEmulator, **settings: Any) -> Gateway:
        known = {**emulator.settings("http://127.0.0.1"), **settings}
        made.append(Gateway.connect("billoget", transport=EmulatorTransport(emulator), **known))
        return made[-1]

    yield at
    for gateway in made:
        gateway.close()
