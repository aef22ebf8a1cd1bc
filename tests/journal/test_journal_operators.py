"""What went wrong is looked at again, said by a person, and removed when it is old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from gateway_core import CaptureRequest, InvoiceStatus, Money, RefundRequest, errors
from gateway_core.cli._group import gateway as command
from gateway_core.journal import AccountJournal, Intent, IntentState
from gateway_core.journal._intents import Asked
from gateway_core.testing import AnswerLost, RequestLost, changing
from tests.journal.shops import Shop


def journal_of(shop: Shop) -> AccountJournal:
    """Return what an operator sees."""
    assert shop.gateway.journal is not None
    return shop.gateway.journal


def paid(shop: Shop) -> RefundRequest:
    """Return the refund of a part of an invoice that was paid."""
    invoice = shop.gateway.create_invoice(shop.order(return_url="https://shop.example/"))
    shop.account.pay(invoice.id)
    shop.deliver()
    return RefundRequest(refund_id="r", invoice_id=invoice.id, amount=Money("10", "EUR"))


def without_keys(shop: Shop, *, lists_refunds: bool) -> None:
    """Let the provider honour no keys."""
    recorder = shop.gateway._recorder
    assert recorder is not None
    recorder._plans._info = attrs.evolve(recorder._plans._info, idempotency=None, lists_refunds=lists_refunds)


def refunds_asked_for(shop: Shop) -> int:
    """Return how often the provider was asked to give money back."""
    return len(
        [each for each in shop.account.faults.exchanges if "refund" in each.request.url and changing(each.request)]
    )


def lose_refund(shop: Shop, asked: RefundRequest) -> Intent:
    """Lose the request to give money back, and return its intent."""
    shop.account.faults.script(RequestLost(), where=changing)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.refund_payment(asked)
    (intent,) = journal_of(shop).open().intents
    return intent


def test_refund_that_a_report_does_not_list_is_not_sent_again(shop: Shop) -> None:
    """Where reports do not tell every refund, that one is not in them proves nothing, however much time has passed."""
    asked = paid(shop)
    without_keys(shop, lists_refunds=False)
    intent = lose_refund(shop, asked)
    shop.account.advance(days=30)

    with pytest.raises(errors.OutcomeUnknownError, match="not everything"):
        shop.gateway.refund_payment(asked)

    assert refunds_asked_for(shop) == 1
    assert [each.id for each in journal_of(shop).open().intents] == [intent.id]


def test_refund_that_a_report_would_list_is_sent_again(shop: Shop) -> None:
    """Where reports tell every refund, one that is not in them after a while was not made."""
    asked = paid(shop)
    without_keys(shop, lists_refunds=True)
    lose_refund(shop, asked)
    with pytest.raises(errors.OutcomeUnknownError, match="60 seconds"):
        shop.gateway.refund_payment(asked)
    shop.account.advance(minutes=2)

    assert shop.gateway.refund_payment(asked).amount == Money("10", "EUR")
    assert refunds_asked_for(shop) == 2


@pytest.mark.parametrize("backend", ["mollie", "stripe"])
def test_reports_list_refunds_by_their_keys(make_shop: Callable[..., Shop], backend: str) -> None:
    """What a plugin declares about its reports is true of its emulator."""
    shop = make_shop(backend)
    invoice = shop.account.connect().create_invoice(shop.order(return_url="https://shop.example/"))
    shop.account.pay(invoice.id)
    for number in (1, 2):
        asked = RefundRequest(refund_id=f"r{number}", invoice_id=invoice.id, amount=Money(number, "EUR"))
        shop.account.connect().refund_payment(asked)

    listed = shop.gateway.get_status(invoice.id).refunds

    assert shop.gateway.info.lists_refunds
    assert {each.refund_id for each in listed} == {"r1", "r2"}


def test_order_shows_its_refunds(shop: Shop) -> None:
    """All that was asked for about an order is found by the order."""
    asked = paid(shop)
    shop.gateway.refund_payment(asked)
    other = shop.gateway.create_invoice(shop.order("7"))
    shop.gateway.cancel_invoice(other.id)

    def operations(order_id: str) -> list[str]:
        return [row["operation"] for row in journal_of(shop).order(order_id)["intents"]]

    assert operations("1042") == ["create_invoice", "refund_payment"]
    assert operations("7") == ["create_invoice", "cancel_invoice"]
    assert [row["status_after"] for row in journal_of(shop).order("1042")["events"]] == ["paid"]


def test_lost_refund_is_looked_up_without_being_sent(make_shop: Callable[..., Shop]) -> None:
    """An operator's look finds the refund whose answer was lost."""
    shop = make_shop("stripe")
    asked = paid(shop)
    shop.account.faults.script(AnswerLost(), where=changing, times=9)
    shop.account.faults.script(RequestLost(), where=lambda request: not changing(request) and "sessions" in request.url)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.refund_payment(asked)
    (intent,) = journal_of(shop).open().intents

    found = shop.gateway.resolve_intent(intent.id)

    assert (found.state, found.invoice_id) == (IntentState.DONE, asked.invoice_id)
    assert shop.gateway.refund_payment(asked).refund_id == "r"
    assert refunds_asked_for(shop) == 1


def test_person_has_found_the_refund(shop: Shop) -> None:
    """Who asks for it again gets what the person has found, and nothing is sent."""
    asked = paid(shop)
    without_keys(shop, lists_refunds=False)
    intent = lose_refund(shop, asked)

    with pytest.raises(errors.InvalidRequestError, match="provider's id"):
        journal_of(shop).carried_out(intent.id)
    with pytest.raises(errors.InvalidRequestError, match="makes no invoice"):
        shop.gateway.resolve_intent(intent.id, invoice_id="inv_1")
    journal_of(shop).carried_out(intent.id, "re_7")
    refund = shop.gateway.refund_payment(asked)

    assert (refund.id, refund.refund_id, refund.amount, refund.status) == ("re_7", "r", asked.amount, "pending")
    assert refunds_asked_for(shop) == 1


def open_intent(shop: Shop, **more: object) -> int:
    """Write down an intent whose worker died after the mark, and return its number."""
    recorder = shop.gateway._recorder
    assert recorder is not None
    intent, _ = recorder.intents.begin(Asked(content="", **more), timedelta(seconds=1))  # type: ignore[arg-type]
    recorder.intents.sending(intent, anew=True)
    shop.account.advance(minutes=5)
    return intent.id


def test_person_has_found_a_capture_and_a_cancellation(shop: Shop) -> None:
    """Nothing tells of a capture, so a person does."""
    amount = Money("5", "EUR")
    request = CaptureRequest(capture_id="c", invoice_id="inv_1", amount=amount)
    recorder = shop.gateway._recorder
    assert recorder is not None
    asked = recorder._plans.capture(lambda *_: iter(()), request).asked  # type: ignore[arg-type]
    capture = open_intent(shop, operation=asked.operation, key="c", invoice_id="inv_1", amount=amount)
    cancellation = open_intent(shop, operation="cancel_invoice", key="inv_1", invoice_id="inv_1")

    with pytest.raises(errors.InvalidRequestError, match="own pages"):
        shop.gateway.resolve_intent(capture)
    done = [journal_of(shop).carried_out(capture, "cap_1"), journal_of(shop).carried_out(cancellation)]

    assert [each.state for each in done] == [IntentState.DONE] * 2
    assert shop.gateway.cancel_invoice("inv_1").status is InvoiceStatus.CANCELED


def test_creation_is_not_just_said_to_be_carried_out(shop: Shop) -> None:
    """An invoice is named, so that the provider can be asked about it; the intent stays open until then."""
    number = open_intent(shop, operation="create_invoice", key="1042", order_id="1042", attempt=1)

    for _ in range(2):
        with pytest.raises(errors.InvalidRequestError, match="named by its id"):
            journal_of(shop).carried_out(number, "x")


def test_pruned_invoice_does_not_lose_its_intent(shop: Shop) -> None:
    """An order whose invoice is still open keeps the intent, so that it gets no second invoice after 400 days."""
    first = shop.gateway.create_invoice(shop.order())
    shop.account.advance(days=500)
    journal_of(shop).prune()

    kept = journal_of(shop).order("1042")

    assert [row["invoice_id"] for row in kept["intents"]] == [first.id]


def test_invoice_stays_while_its_events_do(shop: Shop) -> None:
    """A refund of last week keeps the invoice of two years ago, so that what is told of it next is known."""
    asked = paid(shop)
    shop.account.advance(days=500)
    shop.gateway.refund_payment(asked)
    shop.deliver()
    removed = journal_of(shop).prune()

    kept = journal_of(shop).order("1042")

    assert removed == 1  # the event that it was paid
    assert (len(kept["invoices"]), len(kept["intents"]), len(kept["events"])) == (1, 2, 1)


def test_prune_removes_in_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows there are, nobody waits long for a turn to write."""
    monkeypatch.setattr("gateway_core.journal._account_journal._BATCH", 2)
    for number in range(5):
        shop.account.pay(shop.gateway.create_invoice(shop.order(str(number))).id)
    shop.deliver()
    shop.account.advance(days=401)

    assert journal_of(shop).prune() == 20
    with shop.journal._store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM gateway_intents")).scalar() == 0


def test_retry_looks_at_every_intent(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that stays open stands before no other, and the exit code tells of it."""
    open_intent(shop, operation="capture_payment", key="c", invoice_id="inv_1", amount=Money("5", "EUR"))
    shop.account.faults.script(AnswerLost(), times=2)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    monkeypatch.setattr("gateway_core.cli.options.open_gateway", lambda *_: shop.account.connect(journal=shop.journal))

    ended = CliRunner().invoke(command, ["journal", "retry"])

    assert ended.exit_code == 1
    assert "own pages" in ended.output
    assert [each.operation for each in journal_of(shop).open().intents] == ["capture_payment"]
