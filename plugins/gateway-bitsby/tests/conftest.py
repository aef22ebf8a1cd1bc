"""Bitsby at its address, answering with documented examples, and an emulator whose clock is moved by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from gateway_bitsby.emulator import BitsbyEmulator
from gateway_core import Gateway, HttpRequest, HttpResponse
from gateway_core.testing import EmulatorTransport, HttpClient
from gateway_core.transport import Deadline

DATA = Path(__file__).parent / "data"
BASE = "https://api.bitsby.app"
KEY = "made-up-key-0123456789-abcdefghijklmnop"
PROJECT = "1c48b092-9878-48f5-b441-07a8a48e7b54"


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

    def answers(path: str, *bodies: bytes, status: int = 200) -> None:
        mocker.post(f"{BASE}/{path}", [{"content": body, "status_code": status} for body in bodies])

    return answers


@pytest.fixture
def tells(answers: Callable[..., None]) -> Callable[..., None]:
    """Give what answers requests to a path with these values in the envelope of success."""

    def tells(path: str, *data: Any) -> None:
        answers(path, *(json.dumps({"result": "success", "data": each}).encode() for each in data))

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
    """Give a maker of gateways whose requests wait for no rate limit."""
    made: list[Gateway] = []

    def connect(**settings: Any) -> Gateway:
        known = {"api_key": KEY, "project_id": PROJECT}
        made.append(Gateway.connect("bitsby", transport=HttpClient(BASE), **{**known, **settings}))
        return made[-1]

    yield connect
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(connect: Callable[..., Gateway]) -> Gateway:
    """Give a gateway with no more settings than are needed."""
    return connect()


class _Clock:
    def __init__(self) -> None:
        self.now = datetime(2030, 1, 31, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    """Give a clock that stands still."""
    return _Clock()


@pytest.fixture
def wait(clock: _Clock) -> Callable[..., None]:
    """Give what moves the clock, by what a `timedelta` is made of."""

    def wait(**by: float) -> None:
        clock.now += timedelta(**by)

    return wait


@pytest.fixture
def emulator(clock: _Clock) -> BitsbyEmulator:
    """Give an emulator whose shop has a webhook address."""
    return BitsbyEmulator(clock=clock, webhook_url="http://127.0.0.1/webhooks/bitsby")


class _Patient(EmulatorTransport):
    """Lets a second pass before each request, as the rate limit demands."""

    def __init__(self, emulator: BitsbyEmulator, wait: Callable[..., None]) -> None:
        super().__init__(emulator)
        self._wait = wait

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        self._wait(seconds=1)
        return super().send(request, deadline)


@pytest.fixture
def shop(emulator: BitsbyEmulator, wait: Callable[..., None]) -> Iterator[Gateway]:
    """Give a gateway at the emulator; a second passes before each of its requests."""
    settings = emulator.settings("http://127.0.0.1")
    with Gateway.connect("bitsby", transport=_Patient(emulator, wait), **settings) as gateway:
        yield gateway
