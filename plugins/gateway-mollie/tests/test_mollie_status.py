"""What is made of a payment: each of Mollie's words, and the traps between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway_core import AmountVerdict, Gateway, InvoiceStatus, Money, Refund, RefundStatus, StatusReport
from gateway_core.errors import NotFoundError, UnexpectedResponseError

Example = Callable[..., dict[str, Any]]
Tells = Callable[..., None]

ID = "tr_9xK2mQ"
#: The complete list of the API description (payment-status), with what came.
WORDS = {
    "open": (InvoiceStatus.PENDING, "0.00"),
    "pending": (InvoiceStatus.PENDING, "0.00"),
    "authorized": (InvoiceStatus.AUTHORIZED, "0.00"),
    "paid": (InvoiceStatus.PAID, "12.50"),
    "canceled": (InvoiceStatus.CANCELED, "0.00"),
    "expired": (InvoiceStatus.EXPIRED, "0.00"),
    "failed": (InvoiceStatus.FAILED, "0.00"),
}
#: The complete list of the API description (refund-status).
REFUND_WORDS = {
    "queued": RefundStatus.PENDING,
    "pending": RefundStatus.PENDING,
    "processing": RefundStatus.PENDING,
    "refunded": RefundStatus.DONE,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


def euros(value: str) -> dict[str, str]:
    """Return an amount as Mollie writes it."""
    return {"value": value, "currency": "EUR"}


@pytest.fixture
def reported(gateway: Gateway, tells: Tells) -> Callable[..., StatusReport]:
    """Give what reports on a payment that Mollie tells so."""

    def reported(name: str, **changes: Any) -> StatusReport:
        tells("GET", f"payments/{ID}", name, **changes)
        return gateway.get_status(ID)

    return reported


Reported = Callable[..., StatusReport]


@pytest.mark.parametrize("word", WORDS)
def test_each_word_is_mapped(reported: Reported, word: str) -> None:
    """The status follows from the word, and what came from the word and the amounts."""
    status, received = WORDS[word]

    report = reported("payment", status=word)

    assert (report.status, report.received, report.provider_status) == (status, Money(received, "EUR"), word)


@pytest.mark.parametrize("word", ["refunded", "charged_back", "Paid", "paidout", "cancelled", ""])
def test_new_word_is_unknown(reported: Reported, word: str) -> None:
    """A word that is not documented is neither success nor failure, and nobody knows what came."""
    report = reported("payment", status=word)

    assert (report.status, report.received, report.provider_status) == (InvoiceStatus.UNKNOWN, None, word)


def test_report_tells_the_whole_payment(reported: Reported, example: Example) -> None:
    """Order, amounts and verdict of a paid one."""
    report = reported("paid")

    assert report == StatusReport(
        invoice_id=ID,
        order_id="77",
        attempt=1,
        status=InvoiceStatus.PAID,
        expected=Money("12.50", "EUR"),
        received=Money("12.50", "EUR"),
        refunded=Money("0.00", "EUR"),
        disputed=Money("0.00", "EUR"),
        provider_status="paid",
        raw=example("paid"),
    )
    assert report.verdict is AmountVerdict.EXACT


def test_authorized_payment_is_not_paid(reported: Reported) -> None:
    """Trap: the money is held and not taken."""
    report = reported("payment", status="authorized", captureMode="manual", amountCaptured=euros("0.00"))

    assert (report.status, report.status.is_paid, report.verdict) == (
        InvoiceStatus.AUTHORIZED,
        False,
        AmountVerdict.NONE,
    )


@pytest.mark.parametrize("captured, status", [("12.50", InvoiceStatus.PAID), ("10.00", InvoiceStatus.PARTIALLY_PAID)])
def test_captured_payment_has_received_what_was_captured(
    reported: Reported, captured: str, status: InvoiceStatus
) -> None:
    """Trap: a payment of which a part was captured is `paid` at Mollie, and has not received its amount."""
    report = reported("paid", captureMode="manual", amountCaptured=euros(captured))

    assert (report.status, report.received) == (status, Money(captured, "EUR"))


@pytest.mark.parametrize("word", REFUND_WORDS)
def test_each_word_of_a_refund_is_mapped(reported: Reported, example: Example, word: str) -> None:
    """Only what is `refunded` has gone back, whatever `amountRefunded` counts."""
    embedded = {"refunds": [example("refund", status=word)], "chargebacks": []}
    done = REFUND_WORDS[word] is RefundStatus.DONE

    report = reported("paid", amountRefunded=euros("5.00"), _embedded=embedded)

    assert report.refunds == (
        Refund(
            id="re_4qqhO89gsT",
            refund_id="r-1",
            invoice_id=ID,
            amount=Money("5.00", "EUR"),
            status=REFUND_WORDS[word],
            created_at=datetime(2026, 1, 7, 9, tzinfo=UTC),
        ),
    )
    assert (report.refunded, report.status) == (
        Money("5.00" if done else "0.00", "EUR"),
        InvoiceStatus.PARTIALLY_REFUNDED if done else InvoiceStatus.PAID,
    )


def test_new_word_of_a_refund_is_pending(reported: Reported, example: Example) -> None:
    """It may still fail, so it has moved no money yet."""
    report = reported("paid", _embedded={"refunds": [example("refund", status="returned")]})

    assert ([each.status for each in report.refunds], report.refunded) == ([RefundStatus.PENDING], Money(0, "EUR"))


def test_refunds_that_are_not_told_are_not_guessed(reported: Reported) -> None:
    """`amountRefunded` may count what is under way: without the refunds themselves, what went back is not known."""
    assert reported("paid", amountRefunded=euros("5.00"), _embedded=...).refunded is None


def test_chargeback_is_a_dispute(reported: Reported, example: Example) -> None:
    """Trap: Mollie has no word for it. The payment stays paid, and the amount is told."""
    embedded = {"refunds": [], "chargebacks": [example("chargeback")]}

    report = reported("paid", amountChargedBack=euros("12.50"), _embedded=embedded)

    assert (report.status, report.disputed) == (InvoiceStatus.PAID, Money("12.50", "EUR"))


def test_reversed_chargeback_is_none_any_more(reported: Reported, example: Example) -> None:
    """The moment of the reversal is all that tells it."""
    chargeback = example("chargeback", reversedAt="2026-02-20T09:00:00+00:00")

    assert reported("paid", _embedded={"refunds": [], "chargebacks": [chargeback]}).disputed == Money(0, "EUR")


@pytest.mark.parametrize("metadata", [None, "77", {"order": "77"}, {"order_id": 77}, {"order_id": ""}, ["77"]])
def test_metadata_of_somebody_else_is_no_order(reported: Reported, metadata: object) -> None:
    """A payment that was made in the dashboard, or by another program."""
    report = reported("payment", metadata=metadata)

    assert (report.order_id, report.attempt) == (None, None)


def test_later_attempt_is_told(reported: Reported) -> None:
    """The reference names order and attempt."""
    report = reported("payment", metadata={"order_id": "77~3"})

    assert (report.order_id, report.attempt) == ("77", 3)


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"id": "tr_other"}, UnexpectedResponseError),
        ({"mode": "live"}, UnexpectedResponseError),
        ({"amount": {"value": "12.50"}}, UnexpectedResponseError),
        ({"amount": {"value": 12.5, "currency": "EUR", "x": 1}, "status": 7}, UnexpectedResponseError),
        ({"createdAt": "yesterday"}, UnexpectedResponseError),
        ({"status": ...}, UnexpectedResponseError),
        ({"profileId": "pfl_other"}, NotFoundError),
    ],
    ids=["id", "mode", "currency", "types", "time", "status", "profile"],
)
def test_payment_that_is_not_ours_or_not_whole_is_refused(
    connect: Callable[..., Gateway], tells: Tells, changes: dict[str, Any], error: type[Exception]
) -> None:
    """Another payment, one of the other mode or profile, or one that lacks something decides nothing."""
    tells("GET", f"payments/{ID}", "paid", **changes)

    with pytest.raises(error):
        connect(profile_id="pfl_3Rk").get_status(ID)


@pytest.mark.parametrize("payment_id", ["1", "ord_1", "tr_", "tr_a/b", "tr_ä", "pl_1", "tr_" + "a" * 65])
def test_id_of_another_form_is_not_asked_for(gateway: Gateway, payment_id: str) -> None:
    """Mollie's ids of payments begin with `tr_`."""
    with pytest.raises(NotFoundError):
        gateway.get_status(payment_id)
