"""What Stripe's words mean: a table over every documented word, and the traps one by one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import AmountVerdict, Gateway, InvoiceStatus, Money, PaymentStatus, RefundStatus, StatusReport

_S = InvoiceStatus

_SESSIONS = ("open", "complete", "expired")
_INTENTS = (
    None,
    "requires_payment_method",
    "requires_confirmation",
    "requires_action",
    "processing",
    "requires_capture",
    "succeeded",
    "canceled",
)

#: What must come of each pair that the documentation explains; every other pair is UNKNOWN.
_EXPECTED = {
    ("open", None): _S.PENDING,
    ("open", "requires_payment_method"): _S.PENDING,
    ("open", "requires_confirmation"): _S.PENDING,
    ("open", "requires_action"): _S.PENDING,
    ("open", "processing"): _S.PENDING,
    ("complete", "requires_payment_method"): _S.FAILED,
    ("complete", "requires_confirmation"): _S.PENDING,
    ("complete", "requires_action"): _S.PENDING,
    ("complete", "processing"): _S.PENDING,
    ("complete", "requires_capture"): _S.AUTHORIZED,
    ("complete", "succeeded"): _S.PAID,
    ("complete", "canceled"): _S.CANCELED,
    ("expired", None): _S.EXPIRED,
    ("expired", "requires_payment_method"): _S.EXPIRED,
    ("expired", "requires_confirmation"): _S.EXPIRED,
    ("expired", "requires_action"): _S.EXPIRED,
    ("expired", "canceled"): _S.EXPIRED,
}


def charge(**more: Any) -> dict[str, Any]:
    """Return a charge that was taken."""
    refunds = {"object": "list", "data": [], "has_more": False}
    return {
        "id": "ch_1",
        "object": "charge",
        "created": 1760000100,
        "captured": True,
        "refunded": False,
        "disputed": False,
        "refunds": refunds,
        **more,
    }


def intent(status: str, **more: Any) -> dict[str, Any]:
    """Return the payment of the example's session."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 1099,
        "amount_received": 1099 if status == "succeeded" else 0,
        "currency": "eur",
        "created": 1760000050,
        "latest_charge": None,
        **more,
    }


def refund(number: int, amount: int, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    """Return a refund."""
    known = {"object": "refund", "created": 1760000900, "currency": "eur", "reason": None, "metadata": {}}
    return {"id": f"re_{number}", "amount": amount, "status": status, **known, **more}


@pytest.fixture
def told(gateway: Gateway, answers: Callable[..., None], example: Callable[[str], Any]) -> Callable[..., StatusReport]:
    """Give what asks for the status of the example's session with changes."""

    def told(**changes: Any) -> StatusReport:
        answers("checkout/sessions/cs_test_a1X", example("session-open") | changes)
        return gateway.get_status("cs_test_a1X")

    return told


@pytest.mark.parametrize("session, payment", list(itertools.product(_SESSIONS, _INTENTS)))
def test_each_pair_of_words(told: Callable[..., StatusReport], session: str, payment: str | None) -> None:
    """A session and its payment are read together; what the documentation does not explain is UNKNOWN."""
    report = told(status=session, payment_intent=payment and intent(payment))

    assert report.status is _EXPECTED.get((session, payment), _S.UNKNOWN)
    assert report.provider_status == (payment or session)


@pytest.mark.parametrize("payment_status", ["paid", "unpaid", "no_payment_required"])
def test_payment_status_is_not_believed_against_the_payment(
    told: Callable[..., StatusReport], payment_status: str
) -> None:
    """Whatever `payment_status` says of a hold, the payment says that nothing was taken."""
    report = told(status="complete", payment_status=payment_status, payment_intent=intent("requires_capture"))

    assert (report.status, report.received) == (_S.AUTHORIZED, Money("0", "EUR"))


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "zorblax"},
        {"status": "complete", "payment_intent": intent("zorblax")},
        {"status": "complete", "payment_status": "zorblax", "payment_intent": intent("succeeded")},
        {"status": None},
    ],
)
def test_new_word_is_unknown(told: Callable[..., StatusReport], changes: dict[str, Any]) -> None:
    """A word that nobody knows is neither success nor failure."""
    assert told(**changes).status is _S.UNKNOWN


def test_complete_and_unpaid_is_not_paid(told: Callable[..., StatusReport]) -> None:
    """A bank debit under way: the payer is done, and the money may never come."""
    report = told(status="complete", payment_status="unpaid", payment_intent=intent("processing"))

    assert (report.status, report.received, report.verdict) == (_S.PENDING, Money("0", "EUR"), AmountVerdict.NONE)


def test_debit_that_came_back_has_failed(told: Callable[..., StatusReport]) -> None:
    """Days later the bank says no: the session stays complete, and the payment wants another method."""
    assert told(status="complete", payment_intent=intent("requires_payment_method")).status is _S.FAILED


def test_declined_card_leaves_the_session_open(told: Callable[..., StatusReport]) -> None:
    """The payer may try another card."""
    declined = intent("requires_payment_method", latest_charge=charge(captured=False))

    assert told(status="open", payment_intent=declined).status is _S.PENDING


@pytest.mark.parametrize(
    "reason, expected",
    [
        (None, _S.CANCELED),
        ("requested_by_customer", _S.CANCELED),
        ("fraudulent", _S.CANCELED),
        ("automatic", _S.EXPIRED),
        ("expired", _S.EXPIRED),
    ],
)
def test_hold_that_lapsed_is_told_from_one_that_was_released(
    told: Callable[..., StatusReport], reason: str | None, expected: InvoiceStatus
) -> None:
    """Stripe itself cancels a payment that nobody captured in time, and says so by its reason."""
    ended = intent("canceled", cancellation_reason=reason, latest_charge=charge(captured=False, refunded=True))

    assert told(status="complete", payment_intent=ended).status is expected


def test_mark_counts_for_an_expired_session_only(told: Callable[..., StatusReport]) -> None:
    """The shop called it off and the payer was faster: it is paid."""
    mark = {"gateway_canceled": "true"}

    assert told(status="expired", metadata=mark).status is _S.CANCELED
    assert told(status="open", metadata=mark).status is _S.PENDING
    assert told(status="complete", metadata=mark, payment_intent=intent("succeeded")).status is _S.PAID


def test_nothing_to_pay_is_paid(told: Callable[..., StatusReport]) -> None:
    """A session that costs nothing, by a coupon of the dashboard, has no payment at all."""
    report = told(status="complete", payment_status="no_payment_required", amount_total=0)

    assert (report.status, report.received) == (_S.PAID, None)


def test_part_of_the_hold_is_a_part_of_the_amount(told: Callable[..., StatusReport]) -> None:
    """A partial capture is read from the payment; the rest is released, and no refund."""
    taken = intent("succeeded", amount_received=500, latest_charge=charge(amount_captured=500, amount_refunded=599))

    report = told(status="complete", payment_status="paid", payment_intent=taken)

    assert (report.status, report.received, report.refunded) == (
        _S.PARTIALLY_PAID,
        Money("5", "EUR"),
        Money("0", "EUR"),
    )


def test_other_currency_than_asked_for_is_told(told: Callable[..., StatusReport]) -> None:
    """Money in another currency pays nothing."""
    report = told(status="complete", payment_status="paid", payment_intent=intent("succeeded", currency="usd"))

    assert (report.verdict, report.status) == (AmountVerdict.WRONG_CURRENCY, _S.UNKNOWN)


@pytest.mark.parametrize(
    "word, expected, gone",
    [
        ("succeeded", RefundStatus.DONE, "3"),
        ("pending", RefundStatus.PENDING, "0"),
        ("requires_action", RefundStatus.PENDING, "0"),
        ("failed", RefundStatus.FAILED, "0"),
        ("canceled", RefundStatus.FAILED, "0"),
        ("zorblax", RefundStatus.PENDING, "0"),
    ],
)
def test_only_refunds_that_are_done_count(
    told: Callable[..., StatusReport], word: str, expected: RefundStatus, gone: str
) -> None:
    """Each refund is told with its status, and one that may still fail has given nothing back."""
    refunds = {"object": "list", "data": [refund(1, 300, word, metadata={"refund_id": "r-1"})], "has_more": False}

    report = told(status="complete", payment_intent=intent("succeeded", latest_charge=charge(refunds=refunds)))

    assert [(each.refund_id, each.status) for each in report.refunds] == [("r-1", expected)]
    assert report.refunded == Money(gone, "EUR")
    assert report.status is (_S.PARTIALLY_REFUNDED if gone == "3" else _S.PAID)


def test_released_hold_is_no_refund(told: Callable[..., StatusReport]) -> None:
    """A hold that lapsed shows a refund at Stripe, of money that never came."""
    lapse = refund(1, 1099, reason="expired_uncaptured_charge")
    ended = charge(captured=False, refunded=True, refunds={"object": "list", "data": [lapse], "has_more": False})

    report = told(
        status="complete",
        payment_intent=intent("canceled", cancellation_reason="automatic", latest_charge=ended),
    )

    assert (report.status, report.refunds, report.refunded) == (_S.EXPIRED, (), Money("0", "EUR"))


def test_many_refunds_are_all_counted(told: Callable[..., StatusReport], answers: Callable[..., None]) -> None:
    """A charge shows ten refunds; where there are more, the list is read to its end."""
    some = [refund(number, 10) for number in range(100)]
    more = [refund(number, 1) for number in range(100, 109)]
    answers(
        "refunds",
        {"object": "list", "data": some, "has_more": True},
        {"object": "list", "data": more, "has_more": False},
    )
    shown = charge(refunds={"object": "list", "data": some[:10], "has_more": True})

    report = told(status="complete", payment_intent=intent("succeeded", latest_charge=shown))

    assert (len(report.refunds), report.refunded) == (109, Money("10.09", "EUR"))


@pytest.mark.parametrize(
    "word, counts",
    [
        ("warning_needs_response", True),
        ("warning_under_review", True),
        ("warning_closed", False),
        ("needs_response", True),
        ("under_review", True),
        ("appeal_needs_response", True),
        ("appeal_under_review", True),
        ("won", False),
        ("lost", True),
        ("prevented", False),
        ("zorblax", True),
    ],
)
def test_disputes_are_told_beside_the_status(
    told: Callable[..., StatusReport], answers: Callable[..., None], word: str, counts: bool
) -> None:
    """What is disputed or lost is told as an amount; what was paid stays paid."""
    dispute = {"id": "dp_1", "object": "dispute", "amount": 700, "currency": "eur", "status": word}
    answers("disputes", {"object": "list", "data": [dispute], "has_more": False})

    report = told(status="complete", payment_intent=intent("succeeded", latest_charge=charge(disputed=True)))

    assert report.status is _S.PAID
    assert report.disputed == Money("7" if counts else "0", "EUR")


@pytest.mark.parametrize(
    "word, expected",
    [
        ("succeeded", PaymentStatus.CONFIRMED),
        ("processing", PaymentStatus.PENDING),
        ("requires_capture", PaymentStatus.PENDING),
        ("requires_action", PaymentStatus.PENDING),
        ("requires_confirmation", PaymentStatus.PENDING),
        ("requires_payment_method", PaymentStatus.FAILED),
        ("canceled", PaymentStatus.FAILED),
        ("zorblax", PaymentStatus.UNKNOWN),
    ],
)
def test_payments_in_the_list(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], Any], word: str, expected: PaymentStatus
) -> None:
    """A payment is told by its own word, with the moment of its charge and the ids that a refund needs."""
    paid = example("session-open") | {"status": "complete", "payment_intent": intent(word, latest_charge=charge())}
    answers("checkout/sessions", {"object": "list", "data": [paid], "has_more": False})

    [payment] = gateway.list_payments()

    assert (payment.id, payment.invoice_id, payment.status) == ("pi_1", "cs_test_a1X", expected)
    assert payment.amount == Money("10.99", "EUR")
    assert payment.paid_at is not None
    assert payment.paid_at.timestamp() == 1760000100
    assert payment.references == {"payment_intent": "pi_1", "charge": "ch_1"}


def test_payment_that_went_back_whole(
    gateway: Gateway, answers: Callable[..., None], example: Callable[[str], Any]
) -> None:
    """A charge that was refunded whole is REFUNDED; sessions of other modes are left out."""
    gone = intent("succeeded", latest_charge=charge(refunded=True))
    paid = example("session-open") | {"status": "complete", "payment_intent": gone}
    other = example("session-open") | {"id": "cs_test_b2Y", "mode": "setup", "amount_total": None, "currency": None}
    answers("checkout/sessions", {"object": "list", "data": [other, paid], "has_more": False})

    assert [payment.status for payment in gateway.list_payments()] == [PaymentStatus.REFUNDED]
