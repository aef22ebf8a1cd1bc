"""What an operation costs without a clock: generators, calls of own functions, system calls, and modules imported.

These numbers may go down. Whoever makes one go up says here why it is worth it. What has:

- Invoices, statuses and payments carry an attempt and references; each field of a record is checked where it is made.
- A repeated creation is asked about, so the one that is counted is new: its count holds what the emulator does with the
  core's JSON writer, too.
- A request and a response check what they are made of, so that a mistake is told where it was made.
- A webhook's amounts may be in a currency of the past.
- Each record checks all its fields; whether an account pauses, and whether an answer is kept, is looked at before a
  request is sent; observers are told its path and its id.
- A webhook that is not confirmed yet is wanted again, so what was delivered is looked at.
"""

from __future__ import annotations

import itertools
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import gateway_core
from benchmarks.server import serving
from benchmarks.shop import REQUEST, SETTINGS
from gateway_core import Gateway, InvoiceRequest, Money, WebhookRequest
from gateway_core._engine.call import Call
from gateway_core._engine.sync_driver import SyncDriver
from gateway_core.testing import EmulatedAccount
from gateway_core.transport import Deadline

_POLL = type(select.poll())
_OURS = str(Path(gateway_core.__file__).parent)


def calls_in(operation: Callable[[], Any]) -> int:
    """Count the calls of the core's own functions in one run of an operation that has run before."""
    count = 0
    operation()

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        name = frame.f_code.co_filename
        count += event == "call" and name.startswith(_OURS) and "/testing/" not in name

    sys.setprofile(profile)
    try:
        operation()
    finally:
        sys.setprofile(None)
    return count


def live_generators(operation: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the generators that wait while a request of an operation is on its way, those of the plugin included."""
    flows: list[Any] = []
    found: list[int] = [0]
    run, actions = SyncDriver.run, Call.actions

    def chain(generator: Any) -> int:
        length = 0
        while generator is not None:
            length, generator = length + 1, getattr(generator, "gi_yieldfrom", None)
        return length

    def watched_actions(call: Call, flow: Any) -> Any:
        flows.append(flow)
        return actions(call, flow)

    def watched_run(driver: SyncDriver, running: Any, deadline: Deadline) -> Any:
        carry_out = driver._carry_out

        def watched(action: Any, deadline: Deadline) -> Any:
            found.append(chain(running) + chain(flows[-1]))
            return carry_out(action, deadline)

        with monkeypatch.context() as patch:
            patch.setattr(driver, "_carry_out", watched)
            return run(driver, running, deadline)

    monkeypatch.setattr(Call, "actions", watched_actions)
    monkeypatch.setattr(SyncDriver, "run", watched_run)
    operation()
    return max(found)


def system_calls_in(operation: Callable[[], Any]) -> Counter[str]:
    """Count what one run of an operation, that has run before, asks of the operating system for its connection."""
    found: Counter[str] = Counter()
    operation()

    def profile(_: FrameType, event: str, function: Any) -> None:
        if event == "c_call" and isinstance(getattr(function, "__self__", None), socket.socket | _POLL):
            found[function.__name__] += 1

    sys.setprofile(profile)
    try:
        operation()
    finally:
        sys.setprofile(None)
    return found


@pytest.fixture
def account() -> Iterator[EmulatedAccount]:
    """An account at the emulated sandbox, without observers."""
    with EmulatedAccount("sandbox") as account:
        yield account


def test_create(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven generators wait for the answer to a creation: four of the core's, two of the operation's, the plugin's."""
    requests = (InvoiceRequest(order_id=str(number), amount=Money("49.90", "EUR")) for number in itertools.count())

    def create() -> object:
        return account.gateway.create_invoice(next(requests))

    assert calls_in(create) <= 464
    assert live_generators(create, monkeypatch) <= 7


def test_system_calls() -> None:
    """A creation on an open connection looks whether it is still open, writes once and reads once."""
    with serving() as url, Gateway.connect("sandbox", base_url=url, observers=(), **SETTINGS) as gateway:
        found = system_calls_in(lambda: gateway.create_invoice(REQUEST))

    assert found["sendall"] == 1
    # An answer that is slow to come may need one more look, or come in two parts.
    assert found <= Counter({"poll": 3, "register": 1, "settimeout": 4, "sendall": 1, "recv_into": 2})


def test_webhook(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A webhook whose proof is in it needs no generator."""
    account.pay(account.gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("49.90", "EUR"))).id)
    sent = account.webhooks()[0]
    request = WebhookRequest(body=sent.body, headers=sent.headers, received_at=sent.received_at)

    def verify() -> object:
        return account.gateway.verify_webhook(request)

    assert calls_in(verify) <= 162
    assert live_generators(verify, monkeypatch) == 0


def test_page(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of a list costs what a creation does, and its payments."""
    account.pay(account.gateway.create_invoice(InvoiceRequest(order_id="1", amount=Money("49.90", "EUR"))).id)

    def read() -> object:
        return list(account.gateway.list_payments())

    assert calls_in(read) <= 201
    assert live_generators(read, monkeypatch) <= 8


def modules_of(program: str) -> set[str]:
    """Return the modules that a program imports in a new process, which may be measured for coverage."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; before = {{*sys.modules}}; {program}; print(*{{*sys.modules}} - before)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_imports() -> None:
    """The names that every shop imports bring nothing that only some need, and nothing that a gateway stands on."""
    found = modules_of("from gateway_core import Gateway, InvoiceRequest, Money")

    unwanted = {"asyncio", "requests", "urllib3", "cattrs", "pluggy", "logging", "importlib.metadata"}
    assert unwanted.isdisjoint(found)
    assert len([name for name in found if name.startswith("gateway_core")]) <= 21


def test_imports_of_a_gateway() -> None:
    """A gateway is made without what only explains or configures: cattrs, packaging, a file's format, a database."""
    found = modules_of(
        "from gateway_core import Gateway;"
        "Gateway.connect('sandbox', api_key='sk_sandbox_demo', webhook_secret='whsec_c2FuZGJveC1kZW1vLXNlY3JldA==')"
    )

    unwanted = {"asyncio", "cattrs", "sqlalchemy", "redis", "click", "rich", "cryptography", "packaging", "tomllib"}
    assert unwanted.isdisjoint(found)
    assert len([name for name in found if name.startswith("gateway_core")]) <= 92
