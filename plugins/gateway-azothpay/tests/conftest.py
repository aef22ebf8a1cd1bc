"""AzothPay at a made-up address, answering with documented examples, and an emulator whose clock is moved by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from gateway_azothpay.emulator import AzothPayEmulator
from gateway_core import Gateway, HttpRequest, InvoiceRequest, Money
from gateway_core.testing import EmulatorTransport, HttpClient, ManualClock

DATA = Path(__file__).parent / "data"
BASE = "https://invoice-api.example"
KEY = "made-up-key-0123456789-abcdefghijklmnop"


@pytest.fixture
def example() -> Callable[[str], bytes]:
    """Give a reader of the documented examples."""
    return lambda name: (DATA / f"{name}.json").read_bytes()


@pytest.fixture
def changed(example: Callable[[str], bytes]) -> Callable[..., bytes]:
    """Give a maker of documented examples with changes to their fields; a field changed to `...` is left out."""

    def changed(name: str, **changes: Any) -> bytes:
        merged = json.loads(example(name)) | changes
        return json.dumps({key: value for key, value in merged.items() if value is not ...}).encode()

    return changed


@pytest.fixture
def request_of() -> Callable[..., InvoiceRequest]:
    """Give a maker of requests with no more than is needed, the period included."""

    def request_of(**changes: Any) -> InvoiceRequest:
        known = {"order_id": "1042", "amount": Money("10.50", "USD"), "options": {"period": "PerMonth"}}
        return InvoiceRequest(**{**known, **changes})

    return request_of


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; nothing is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def answers(mocker: requests_mock.Mocker) -> Callable[..., None]:
    """Give what answers requests to a path with these bodies in turn, and with the last one for ever."""

    def answers(path: str, *bodies: bytes, status: int = 200, method: str = "GET", **more: Any) -> None:
        mocker.register_uri(
            method, f"{BASE}/{path}", [{"content": body, "status_code": status, **more} for body in bodies]
        )

    return answers


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
    """Give a maker of gateways."""
    made: list[Gateway] = []

    def connect(**settings: Any) -> Gateway:
        known = {"api_key": KEY, "base_url": BASE}
        made.append(Gateway.connect("azothpay", transport=HttpClient(BASE), **{**known, **settings}))
        return made[-1]

    yield connect
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(connect: Callable[..., Gateway]) -> Gateway:
    """Give a gateway with no more settings than are needed."""
    return connect()


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that stands still."""
    return ManualClock(datetime(2030, 1, 31, 12, tzinfo=UTC))


@pytest.fixture
def emulator(clock: ManualClock) -> AzothPayEmulator:
    """Give an emulator whose shop has a webhook address."""
    return AzothPayEmulator(clock=clock, webhook_url="http://127.0.0.1/webhooks/azothpay")


@pytest.fixture
def shop(emulator: AzothPayEmulator) -> Iterator[Gateway]:
    """Give a gateway at the emulator."""
    settings = emulator.settings("http://127.0.0.1")
    with Gateway.connect("azothpay", transport=EmulatorTransport(emulator), **settings) as gateway:
        yield gateway
