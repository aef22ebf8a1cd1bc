"""An order has one invoice, whatever is lost on the way, and however often it is asked for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from sqlalchemy import select

from gateway_core import Gateway, InvoiceStatus, errors
from gateway_core.journal import Intent, IntentState, Journal
from gateway_core.journal._intents import Asked
from gateway_core.journal._schema import metadata
from gateway_core.provider import Idempotency
from gateway_core.testing import AnswerLost, EmulatedInvoice, RequestLost, changing
from tests.journal.shops import Shop


def made(shop: Shop) -> int:
    """Return how many invoices the provider has."""
    return len(list(shop.account.emulator.ledger.select(EmulatedInvoice)))


def intent(shop: Shop, key: str = "1042") -> Intent:
    """Return the intent of an order."""
    found = shop.gateway._recorder and shop.gateway._recorder.intents.find("create_invoice", key)
    assert found
    return found


def test_same_order_gives_the_same_invoice(shop: Shop) -> None:
    """The second call sends nothing."""
    first = shop.gateway.create_invoice(shop.order())
    sent = len(shop.account.faults.exchanges)
    second = shop.gateway.create_invoice(shop.order(amount="49.9"))

    assert (second.id, second.payment_url, second.amount) == (first.id, first.payment_url, first.amount)
    assert (first.replayed, second.replayed) == (False, True)
    assert len(shop.account.faults.exchanges) == sent


def test_other_content_is_a_conflict(shop: Shop) -> None:
    """Who asks for the same order with another amount has made a mistake, and nothing is sent for it."""
    first = shop.gateway.create_invoice(shop.order())

    with pytest.raises(errors.ConflictError, match="another amount") as caught:
        shop.gateway.create_invoice(shop.order(amount="50"))
    with pytest.raises(errors.ConflictError, match="other content"):
        shop.gateway.create_invoice(shop.order(description="Something else"))

    assert (caught.value.invoice_id, caught.value.effect, caught.value.operation) == (
        first.id,
        "none",
        "create_invoice",
    )
    assert made(shop) == 1


@pytest.mark.parametrize("backend", ["sandbox", "bitsby"])
def test_lost_answer_is_found_at_once(make_shop: Callable[..., Shop], backend: str) -> None:
    """With a search the caller does not even notice."""
    shop = make_shop(backend)
    shop.account.drop_next_answer()

    invoice = shop.gateway.create_invoice(shop.order())

    assert made(shop) == 1
    assert shop.account.invoice(invoice.id).id == invoice.id
    assert intent(shop).state is IntentState.DONE


def test_lost_request_is_sent_again_after_a_while(make_shop: Callable[..., Shop]) -> None:
    """Absence proves nothing at first; later it does, and the invoice is made."""
    shop = make_shop("bitsby")
    shop.account.faults.script(RequestLost(), where=changing)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    with pytest.raises(errors.OutcomeUnknownError, match="proves nothing before 60 seconds"):
        shop.gateway.create_invoice(shop.order())
    before = made(shop), intent(shop).state
    shop.account.advance(minutes=2)

    invoice = shop.gateway.create_invoice(shop.order())

    assert before == (0, IntentState.UNKNOWN)
    assert made(shop) == 1
    assert shop.account.invoice(invoice.id).id == invoice.id


@pytest.mark.parametrize("age, requests", [(timedelta(minutes=30), 2), (timedelta(minutes=58), 1)])
def test_key_is_used_while_it_lives(shop: Shop, age: timedelta, requests: int) -> None:
    """A request is repeated with its key only while the provider surely remembers it; later it is looked for."""
    recorder = shop.gateway._recorder
    assert recorder is not None
    recorder._plans._info = attrs.evolve(
        recorder._plans._info, idempotency=Idempotency(scope="account", life=timedelta(hours=1))
    )
    shop.account.faults.script(AnswerLost(), times=2)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    shop.account.clock.move(age)
    shop.gateway.create_invoice(shop.order())

    sent = [each.request for each in shop.account.faults.exchanges if changing(each.request)]
    assert len(sent) == requests
    assert len({request.body for request in sent}) == 1
    assert made(shop) == 1


def test_lost_answer_without_search_stays_open(make_shop: Callable[..., Shop]) -> None:
    """AzothPay has neither keys nor a search: nothing is sent a second time, and the list of open intents has it."""
    shop = make_shop("azothpay")
    shop.account.faults.script(AnswerLost(), where=changing)
    for _ in range(3):
        with pytest.raises(errors.OutcomeUnknownError):
            shop.gateway.create_invoice(shop.order())
        shop.account.advance(days=1)

    assert made(shop) == 1
    assert shop.gateway._recorder is not None
    assert [each.key for each in shop.gateway._recorder.intents.list()] == ["1042"]


def test_refusal_lets_the_order_be_asked_for_again(shop: Shop) -> None:
    """What surely was not made may be asked for with other content."""
    shop.account.fail_next(400)
    with pytest.raises(errors.RejectedError):
        shop.gateway.create_invoice(shop.order())
    before = intent(shop)

    shop.gateway.create_invoice(shop.order(amount="50"))

    assert (before.state, before.error) == (IntentState.FAILED, "RejectedError")
    assert made(shop) == 1


def test_dead_invoice_is_followed_by_the_next_attempt(shop: Shop) -> None:
    """A buyer who comes back after the time to pay gets another invoice, and two tabs of his get the same one."""
    first = shop.gateway.create_invoice(shop.order())
    shop.account.expire(first.id)
    shop.deliver()

    second = shop.gateway.create_invoice(shop.order())
    third = shop.gateway.create_invoice(shop.order())

    assert second.id != first.id
    assert (second.attempt, third.id) == (2, second.id)


def test_dead_invoice_is_seen_without_a_webhook(shop: Shop) -> None:
    """An invoice whose time has passed is asked about, so that it is not given out as open."""
    first = shop.gateway.create_invoice(shop.order())
    shop.account.expire(first.id)
    shop.account.lose()

    second = shop.gateway.create_invoice(shop.order())

    assert (second.attempt, second.status) == (2, InvoiceStatus.PENDING)


def test_paid_invoice_is_not_followed_by_another(shop: Shop) -> None:
    """Who asks again for a paid order learns that it is paid."""
    first = shop.gateway.create_invoice(shop.order())
    shop.account.pay(first.id)
    shop.deliver()

    again = shop.gateway.create_invoice(shop.order())

    assert (again.id, again.status) == (first.id, InvoiceStatus.PAID)


def test_no_journal_no_request(make_shop: Callable[..., Shop], tmp_path: Path) -> None:
    """Where the intent cannot be written, nothing is sent."""
    shop = make_shop()
    broken = tmp_path / "no.db"
    broken.write_bytes(b"this is no database, and never was one" * 100)
    with Journal(f"sqlite:///{broken}") as journal:
        gateway = shop.account.connect(journal=journal)
        with pytest.raises(errors.JournalError) as caught:
            gateway.create_invoice(shop.order())

    assert caught.value.effect == "none"
    assert made(shop) == 0


def test_journal_that_fails_after_the_request_tells_that_it_was_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the invoice's id, and the next call finds the invoice instead of making another."""
    recorder = shop.gateway._recorder
    assert recorder is not None

    def fail(*_: object) -> None:
        raise errors.JournalError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(recorder._plans._invoices, "record", fail)
        with pytest.raises(errors.JournalError) as caught:
            shop.gateway.create_invoice(shop.order())
    with pytest.raises(errors.InProgressError):
        _impatient(shop).create_invoice(shop.order())
    shop.account.advance(minutes=5)
    invoice = shop.gateway.create_invoice(shop.order())

    assert (caught.value.effect, caught.value.invoice_id) == ("done", invoice.id)
    assert made(shop) == 1


def _impatient(shop: Shop) -> Gateway:
    """Return a gateway that waits for nobody."""
    gateway = shop.account.connect(journal=shop.journal)
    gateway._bounds = attrs.evolve(gateway._bounds, deadline=0.05)
    return gateway


def test_stale_worker_changes_nothing(shop: Shop) -> None:
    """A worker that was paused past its lease finds that another one has taken over."""
    recorder = shop.gateway._recorder
    assert recorder is not None
    asked = Asked(operation="create_invoice", key="1042", content="x", order_id="1042", attempt=1)
    slow, mine = recorder.intents.begin(asked, timedelta(seconds=10))
    shop.account.advance(seconds=11)
    with pytest.raises(errors.JournalError, match="lease"):
        recorder.intents.sending(slow, anew=True)
    fast, also_mine = recorder.intents.begin(asked, timedelta(seconds=10))

    with pytest.raises(errors.JournalError, match="taken this over"):
        recorder.intents.end(slow, IntentState.FAILED)

    assert (mine, also_mine, fast.fence) == (True, True, 2)


@pytest.mark.parametrize("orders", [3, pytest.param(1000, marks=pytest.mark.soak)])
def test_same_order_from_many_threads(make_shop: Callable[..., Shop], orders: int) -> None:
    """Fifty callers at the same moment get one invoice."""
    shop = make_shop()
    with ThreadPoolExecutor(50) as threads:
        for number in range(orders):
            order = shop.order(str(number))
            ids = Counter(threads.map(lambda _, order=order: shop.gateway.create_invoice(order).id, range(50)))
            assert list(ids.values()) == [50]

    assert made(shop) == orders


async def _create_async(shop: Shop) -> tuple[str, str]:
    async with shop.account.async_gateway as gateway:
        first = await gateway.create_invoice(shop.order())
        return first.id, (await gateway.create_invoice(shop.order())).id


def test_async_gateway_keeps_the_journal_too(shop: Shop) -> None:
    """The same rules hold for code that awaits."""
    shop.account._journal = shop.journal

    first, second = asyncio.run(_create_async(shop))

    assert first == second == shop.gateway.create_invoice(shop.order()).id
    assert made(shop) == 1


def test_journal_has_no_secret(make_shop: Callable[..., Shop], tmp_path: Path) -> None:
    """What is written down holds neither the keys nor what the customer is told."""
    shop = make_shop()
    shop.gateway.create_invoice(shop.order(description="For Mrs Miller", metadata={"phone": "555-1234"}))
    with shop.journal._store.transaction() as connection:
        kept = "".join(str(connection.execute(select(table)).all()) for table in metadata.tables.values())

    assert "1042" in kept
    for hidden in [*shop.account.settings.values(), "Miller", "555-1234"]:
        assert str(hidden) not in kept or str(hidden).startswith("http")


@pytest.mark.parametrize("status", [401, 429, 503])
def test_repeated_request_that_is_turned_away_leaves_the_first_one_unknown(shop: Shop, status: int) -> None:
    """What is said before the key is looked at tells nothing of the request that had it first."""
    shop.account.faults.script(RequestLost(), times=3)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    shop.account.faults._script.clear()
    shop.account.fail_next(status)

    with pytest.raises(errors.ProviderError) as caught:
        shop.gateway.create_invoice(shop.order())

    assert caught.value.effect == "unknown"
    assert intent(shop).state is IntentState.UNKNOWN
    with pytest.raises(errors.ConflictError):
        shop.gateway.create_invoice(shop.order(amount="50"))


def test_refusal_of_a_repeated_request_settles_it(shop: Shop) -> None:
    """A provider that knew the key would have answered as it did before."""
    shop.account.faults.script(RequestLost(), times=3)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    shop.account.faults._script.clear()
    shop.account.fail_next(400)

    with pytest.raises(errors.RejectedError) as caught:
        shop.gateway.create_invoice(shop.order())

    assert caught.value.effect == "none"
    assert intent(shop).state is IntentState.FAILED
