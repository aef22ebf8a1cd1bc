"""Lost requests and answers, at every request of every operation: repeated, each thing happens once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import CaptureRequest, InvoiceRequest, Money, RefundRequest
from gateway_core.errors import GatewayError
from gateway_core.testing import Answer, AnswerLost, EmulatedAccount, EmulatedInvoice, Fault, NotSent, RequestLost

_FAULTS = [NotSent(), RequestLost(), AnswerLost(), Answer(500), Answer(503, carried_out=True), Answer(429)]

_REQUEST = InvoiceRequest(order_id="A-1", amount=Money("49.90", "EUR"))
_HELD = InvoiceRequest(order_id="A-1", amount=Money("49.90", "EUR"), options={"capture_method": "manual"})

Operation = Callable[[EmulatedAccount, str], Any]


def _create(account: EmulatedAccount, _: str) -> Any:
    return account.gateway.create_invoice(_REQUEST).status.value


def _refund(account: EmulatedAccount, invoice_id: str) -> Any:
    request = RefundRequest(refund_id="r-1", invoice_id=invoice_id, amount=Money("10", "EUR"))
    return account.gateway.refund_payment(request).status.value


def _capture(account: EmulatedAccount, invoice_id: str) -> Any:
    request = CaptureRequest(capture_id="c-1", invoice_id=invoice_id, amount=Money("20", "EUR"))
    return account.gateway.capture_payment(request).status.value


def _cancel(account: EmulatedAccount, invoice_id: str) -> Any:
    return account.gateway.cancel_invoice(invoice_id).status.value


def _facts(account: EmulatedAccount) -> list[tuple[str, str, str, int]]:
    return [
        (invoice.status.value, str(invoice.received), str(invoice.refunded), len(invoice.data["refunds"]))
        for _, invoice in account.emulator.ledger.select(EmulatedInvoice)
    ]


@pytest.mark.parametrize("fault", _FAULTS, ids=repr)
@pytest.mark.parametrize(
    "asked, paid, operation, requests",
    [
        pytest.param(None, False, _create, 1, id="create"),
        pytest.param(_REQUEST, True, _refund, 3, id="refund"),
        pytest.param(_HELD, True, _capture, 2, id="capture"),
        pytest.param(_REQUEST, False, _cancel, 4, id="cancel"),
        pytest.param(_HELD, True, _cancel, 3, id="release"),
    ],
)
def test_what_is_repeated_happens_once(
    asked: InvoiceRequest | None, paid: bool, operation: Operation, requests: int, fault: Fault
) -> None:
    """Whichever request goes wrong, the second call ends as one that went well at once, and so do the books."""

    def run(broken: int | None) -> tuple[Any, list[tuple[str, str, str, int]]]:
        with EmulatedAccount("stripe") as account:
            invoice_id = ""
            if asked is not None:
                invoice_id = account.gateway.create_invoice(asked).id
            if paid:
                account.pay(invoice_id)
            before = len(account.faults.exchanges)
            if broken is not None:
                account.faults.script(fault, after=broken)
                with contextlib.suppress(GatewayError):
                    operation(account, invoice_id)
                assert account.faults.pending == ()
            ended = operation(account, invoice_id)
            assert broken is not None or len(account.faults.exchanges) - before == requests
            return ended, _facts(account)

    expected = run(None)

    assert [run(number) for number in range(requests)] == [expected] * requests
