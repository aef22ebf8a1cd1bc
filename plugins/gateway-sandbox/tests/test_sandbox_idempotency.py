"""A key carries a request out once, and gives the first answer again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from gateway_core import HttpResponse
from gateway_core.testing import ManualClock
from gateway_core.wire import loads
from gateway_sandbox.emulator import SandboxEmulator

Call = Callable[..., HttpResponse]

_BILL = {"order_id": "1042", "amount": {"amount": "49.90", "currency": "EUR"}, "metadata": {"a": "1", "b": "2"}}


def _invoices(call: Call) -> list[Any]:
    found: list[Any] = loads(call("GET", "/v1/invoices").body)["data"]
    return found


def test_same_key_gives_the_first_answer_again(call: Call, emulator: SandboxEmulator) -> None:
    """A repeated request is answered as the first was, though the invoice was paid meanwhile, and says so."""
    first = call("POST", "/v1/invoices", _BILL, idempotency_key="k")
    emulator.pay(loads(first.body)["checkout_url"].rpartition("/")[2])

    second = call("POST", "/v1/invoices", _BILL, idempotency_key="k")

    assert (second.status, second.body) == (first.status, first.body)
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert second.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert len(_invoices(call)) == 1


def test_order_of_fields_is_no_content(call: Call) -> None:
    """The content is what the JSON says, and not how it is written."""
    call("POST", "/v1/invoices", _BILL, idempotency_key="k")
    turned = {name: dict(reversed(v.items())) if isinstance(v, dict) else v for name, v in reversed(_BILL.items())}

    second = call("POST", "/v1/invoices", turned, idempotency_key="k")

    assert second.headers["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "path,content",
    [
        ("/v1/invoices", {**_BILL, "description": "x"}),
        ("/v1/invoices", {**_BILL, "order_id": "1043"}),
        ("/v1/invoices", {**_BILL, "amount": {"amount": "49.9", "currency": "EUR"}}),
        ("/v1/invoices", {}),
        ("/v1/refunds", _BILL),
    ],
)
def test_same_key_with_other_content_is_a_conflict(call: Call, path: str, content: Any) -> None:
    """A key that comes with other content, or at another address, is 422, and nothing is done."""
    call("POST", "/v1/invoices", _BILL, idempotency_key="k")

    response = call("POST", path, content, idempotency_key="k")

    assert (response.status, loads(response.body)["error"]["code"]) == (422, "idempotency_conflict")
    assert len(_invoices(call)) == 1


def test_other_keys_are_other_requests(call: Call) -> None:
    """Another key, or none, makes another invoice."""
    for more in ({"idempotency_key": "k"}, {"idempotency_key": "K"}, {}, {}):
        call("POST", "/v1/invoices", _BILL, **more)

    assert len({invoice["id"] for invoice in _invoices(call)}) == 4


def test_refused_request_does_not_use_up_its_key(call: Call) -> None:
    """What was refused may be corrected under the same key."""
    refused = call("POST", "/v1/invoices", {**_BILL, "amount": None}, idempotency_key="k")

    corrected = call("POST", "/v1/invoices", _BILL, idempotency_key="k")

    assert (refused.status, corrected.status) == (422, 201)


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, ["k", "k"]], ids=lambda key: repr(key)[:20])
def test_unusable_key_is_refused(call: Call, key: str | list[str]) -> None:
    """A key that is empty, too long, not visible ASCII or there twice is 400: it would not protect anything."""
    response = call("POST", "/v1/invoices", _BILL, idempotency_key=key)

    assert (response.status, loads(response.body)["error"]["code"]) == (400, "invalid_idempotency_key")
    assert _invoices(call) == []


def test_refund_with_the_same_key_goes_back_once(call: Call, emulator: SandboxEmulator) -> None:
    """A repeated refund gives nothing back a second time."""
    made = loads(call("POST", "/v1/invoices", _BILL).body)
    emulator.pay(made["checkout_url"].rpartition("/")[2])
    content = {"invoice_id": made["id"], "amount": {"amount": "40", "currency": "EUR"}}

    first = call("POST", "/v1/refunds", content, idempotency_key="k")
    second = call("POST", "/v1/refunds", content, idempotency_key="k")

    refunded = loads(call("GET", f"/v1/invoices/{made['id']}").body)["refunded"]
    assert first.body == second.body
    assert refunded == {"amount": "40.00", "currency": "EUR"}


@pytest.fixture
def twice(emulator: SandboxEmulator, clock: ManualClock) -> Callable[[Callable[[], HttpResponse]], list[HttpResponse]]:
    """Give a function that asks twice, the second time in the middle of the first, and returns both answers."""

    def twice(ask: Callable[[], HttpResponse]) -> list[HttpResponse]:
        answers: list[HttpResponse] = []
        second = threading.Thread(target=lambda: answers.append(ask()))

        def look() -> datetime:
            if second.ident is None:
                second.start()
                second.join(timeout=0.2)
            return clock()

        emulator.clock = look
        answers.append(ask())
        second.join()
        return answers

    return twice


def test_key_that_comes_twice_at_once_makes_one_invoice(
    call: Call, twice: Callable[[Callable[[], HttpResponse]], list[HttpResponse]]
) -> None:
    """A request that comes again while the first is carried out waits, and is given the first answer."""
    first, second = twice(lambda: call("POST", "/v1/invoices", _BILL, idempotency_key="k"))

    assert len(_invoices(call)) == 1
    assert first.body == second.body
    assert sorted("Idempotent-Replayed" in answer.headers for answer in (first, second)) == [False, True]


def test_refunds_that_come_at_once_give_no_more_than_came(
    call: Call,
    emulator: SandboxEmulator,
    twice: Callable[[Callable[[], HttpResponse]], list[HttpResponse]],
) -> None:
    """Of two refunds that race for the same money one succeeds."""
    made = loads(call("POST", "/v1/invoices", _BILL).body)
    emulator.pay(made["checkout_url"].rpartition("/")[2])
    content = {"invoice_id": made["id"], "amount": {"amount": "40", "currency": "EUR"}}

    answers = twice(lambda: call("POST", "/v1/refunds", content))

    assert sorted(answer.status for answer in answers) == [201, 422]


def test_threads_with_one_key_make_one_invoice(call: Call) -> None:
    """However many ask at once under one key, one invoice is made and all are told of it."""
    answers: list[HttpResponse] = []
    together = threading.Barrier(16)

    def ask() -> None:
        together.wait()
        answers.append(call("POST", "/v1/invoices", _BILL, idempotency_key="k"))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(_invoices(call)) == 1
    assert {answer.body for answer in answers} == {answers[0].body}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
