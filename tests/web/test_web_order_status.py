"""The page to which a buyer comes back shows what is known, and takes nothing for paid that nobody confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway_core import InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import ConfigurationError, JournalError, NotFoundError
from gateway_core.journal import AccountJournal
from gateway_core.testing import EmulatedAccount, NotSent
from gateway_core.web import OrderStatus, known_now, known_now_async
from tests.web.apps import Shop

Ask = Callable[..., OrderStatus]

_NONE = timedelta(0)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, shop: Shop) -> Ask:
    """Ask what is known of an order, with each kind of gateway."""

    def sync(order_id: str = "1042", **more: Any) -> OrderStatus:
        return known_now(shop.gateway, order_id, shop.handle, **more)

    def run(order_id: str = "1042", **more: Any) -> OrderStatus:
        return asyncio.run(known_now_async(shop.account.async_gateway, order_id, shop.handle_async, **more))

    return sync if request.param == "sync" else run


def order(shop: Shop, amount: str = "50") -> str:
    """Create the invoice of an order, and return its id."""
    return shop.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money(amount, "USD"))).id


def questions(shop: Shop) -> int:
    """Return how many requests the provider was sent."""
    return len(shop.account.faults.exchanges)


def test_return_is_no_payment(shop: Shop, ask: Ask) -> None:
    """The buyer who comes back without having paid is told that nothing has come, and where to pay."""
    invoice_id = order(shop)
    known = ask()

    assert known.status is InvoiceStatus.PENDING
    assert not known.is_paid
    assert known.asked
    assert known.payment_url
    assert (known.invoice_id, known.attempt, known.amount) == (invoice_id, 1, Money("50", "USD"))
    assert shop.told == []


def test_payment_is_found_before_its_webhook(shop: Shop, ask: Ask) -> None:
    """It has its effect at once; the webhook, which comes later, has none."""
    shop.pay()
    known = ask()
    answers = [shop.gateway.receive_webhook(each) for each in shop.account.webhooks()]
    for answer in answers:
        with answer as delivery:
            assert delivery.events == ()

    assert known.is_paid
    assert known.received == Money("50", "USD")
    assert known.payment_url is None
    assert shop.delivered == ["1042"]


def test_settled_order_is_not_asked_about(shop: Shop, ask: Ask) -> None:
    """Whoever reloads the page of a paid order costs the provider nothing."""
    shop.pay()
    ask()
    before = questions(shop)
    known = ask()

    assert known.is_paid
    assert not known.asked
    assert questions(shop) == before


def test_page_that_is_reloaded_asks_now_and_then(shop: Shop, ask: Ask) -> None:
    """One question in two seconds, however many look."""
    order(shop)
    asked = []
    for _ in range(8):
        shop.account.advance(seconds=0.5)
        asked.append(ask().asked)

    assert asked == [True, False, False, False, True, False, False, False]


@pytest.mark.parametrize("minutes", [1, 9, 30, 600, 20_000])
def test_pause_holds_for_old_invoices_too(shop: Shop, ask: Ask, minutes: int) -> None:
    """When an order was asked about follows from when `poll` asks again, whatever its age."""
    order(shop)
    shop.account.advance(minutes=minutes)
    first = ask()
    shop.account.advance(seconds=1)
    second = ask()
    shop.account.advance(seconds=1.1)
    third = ask()

    if first.status is InvoiceStatus.PENDING:
        assert (first.asked, second.asked, third.asked) == (True, False, True)
    else:
        assert first.asked


def test_unreachable_provider_leaves_what_was_known(shop: Shop, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """The page is shown all the same, and the log says why."""
    order(shop)
    shop.account.fail_next(NotSent())
    known = ask()

    assert (known.status, known.asked) == (InvoiceStatus.PENDING, False)
    assert "order 1042 was not asked about" in caplog.text


def test_handler_that_raises_gets_the_event_again(shop: Shop, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """The page shows what is known; the order is delivered when the page is loaded next."""
    shop.pay()
    shop.fail.append(RuntimeError("the warehouse is on fire"))
    first, second = ask(pause=_NONE), ask(pause=_NONE)

    assert (first.status, first.asked, second.is_paid) == (InvoiceStatus.PENDING, True, True)
    assert shop.delivered == ["1042"]
    assert "order 1042 was not handled" in caplog.text


def test_unknown_order_is_told_so(shop: Shop, ask: Ask) -> None:
    """Nobody is asked about an order that has no invoice."""
    known = ask("another")

    assert known == OrderStatus(order_id="another")
    assert (known.is_paid, questions(shop)) == (False, 0)


def test_second_attempt_that_is_paid_counts(shop: Shop, ask: Ask) -> None:
    """After a decline the order has another invoice; the one with the money is shown."""
    first = order(shop)
    shop.account.decline(first)
    assert ask(pause=_NONE).status is InvoiceStatus.FAILED
    second = shop.gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("50", "USD")))
    assert (ask(pause=_NONE).invoice_id, ask(pause=_NONE).attempt) == (second.id, 2)
    shop.account.pay(second.id)

    known = ask(pause=_NONE)
    assert (known.invoice_id, known.is_paid) == (second.id, True)


def test_part_of_the_money_is_shown(shop: Shop, ask: Ask) -> None:
    """What has come, and where to pay the rest."""
    invoice_id = order(shop)
    shop.account.pay(invoice_id, Money("20", "USD"))
    known = ask()

    assert (known.status, known.received) == (InvoiceStatus.PARTIALLY_PAID, Money("20", "USD"))
    assert known.payment_url
    assert not known.is_paid


def test_what_needs_a_look_is_told(shop: Shop, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page can say that somebody looks at it, and does not ask the buyer to pay once more."""
    order(shop)
    rows = shop.gateway.journal.order  # type: ignore[union-attr]  # it has one

    def with_review(_: AccountJournal, order_id: str) -> dict[str, Any]:
        return {**rows(order_id), "events": ({"state": "review"},)}

    monkeypatch.setattr(AccountJournal, "order", with_review)

    assert ask().review


def test_journal_is_needed() -> None:
    """Without one there is nothing to compare an answer with."""
    with EmulatedAccount("sandbox") as account, pytest.raises(ConfigurationError, match="journal"):
        known_now(account.gateway, "1042", print)


def test_journal_that_cannot_be_read_is_an_error(shop: Shop, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then nothing is known, and the page must not say that nothing was paid."""

    def broken(*_: Any) -> None:
        raise JournalError("the disk is gone")

    monkeypatch.setattr(AccountJournal, "order", broken)

    with pytest.raises(JournalError):
        ask()


class Several(dict[str, Any]):
    """Accounts by name, of which the journal knows who has an order."""

    def of(self, order_id: str) -> Any:
        """Return the account that has an order."""
        if order_id != "1042":
            raise NotFoundError("no account has it")
        return self["eu"]


class AsyncSeveral(Several):
    """The same, to be awaited."""

    async def of(self, order_id: str) -> Any:
        """Return the account that has an order."""
        return super().of(order_id)


def test_account_of_the_order_is_found(shop: Shop) -> None:
    """Among several accounts, by the journal."""
    shop.pay()
    several = Several(eu=shop.gateway)
    later = AsyncSeveral(eu=shop.account.async_gateway)

    assert known_now(several, "1042", shop.handle).is_paid
    assert known_now(several, "7", shop.handle) == OrderStatus(order_id="7")
    assert asyncio.run(known_now_async(later, "1042", shop.handle)).is_paid
    assert asyncio.run(known_now_async(later, "7", shop.handle)) == OrderStatus(order_id="7")


def test_async_handler_is_refused_by_blocking_code(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """It would never run, and its event would be done for good."""
    shop.pay()
    first = known_now(shop.gateway, "1042", shop.handle_async)

    assert not first.is_paid
    assert "plain function" in caplog.text
    assert known_now(shop.gateway, "1042", shop.handle, pause=_NONE).is_paid
