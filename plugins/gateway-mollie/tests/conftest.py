"""Mollie at its address, answering with bodies in its documented shape, and a shop's account at its emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from gateway_core import Gateway
from gateway_core.testing import EmulatedAccount, HttpClient

DATA = Path(__file__).parent / "data"
BASE = "https://api.mollie.com"


@pytest.fixture
def example() -> Callable[..., dict[str, Any]]:
    """Give a reader of documented bodies, with changes to their fields; a field that is changed to ... is left out."""

    def example(name: str, **changes: Any) -> dict[str, Any]:
        body = json.loads((DATA / f"{name}.json").read_bytes()) | changes
        return {field: value for field, value in body.items() if value is not ...}

    return example


@pytest.fixture
def mocker() -> Iterator[requests_mock.Mocker]:
    """Take the place of the network; nothing is answered unless a test says so."""
    with requests_mock.Mocker(case_sensitive=True) as mocker:
        yield mocker


@pytest.fixture
def tells(mocker: requests_mock.Mocker, example: Callable[..., dict[str, Any]]) -> Callable[..., None]:
    """Give what answers a method at a path with a documented body, with changes to its fields."""

    def tells(method: str, path: str, name: str, *, code: int = 200, headers: Any = None, **changes: Any) -> None:
        body = json.dumps(example(name, **changes))
        mocker.register_uri(method, f"{BASE}/v2/{path}", text=body, status_code=code, headers=headers or {})

    return tells


@pytest.fixture
def connect(mocker: requests_mock.Mocker) -> Iterator[Callable[..., Gateway]]:
    """Give a maker of gateways, with changes to the settings of an account in test mode."""
    made: list[Gateway] = []

    def connect(**settings: Any) -> Gateway:
        known = {"api_key": "test_abcdefghij0123456789", "mode": "test", "return_url": "https://shop.example/back"}
        made.append(Gateway.connect("mollie", transport=HttpClient(BASE), **{**known, **settings}))
        return made[-1]

    yield connect
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(connect: Callable[..., Gateway]) -> Gateway:
    """Give a gateway with no more settings than are needed."""
    return connect()


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """Give a shop's account at the emulator."""
    with EmulatedAccount("mollie") as account:
        yield account
