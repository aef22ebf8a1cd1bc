"""Several accounts: an order has its invoice at one of them, whatever fails, and however many ask for it at once."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway_core import AsyncGateways, Gateway, Gateways, Invoice, InvoiceRequest, Money, RefundRequest, errors
from gateway_core.journal import Journal
from gateway_core.testing import EmulatedAccount, EmulatedInvoice, NotSent, RequestLost, changing

Work = Callable[[Any], Any]


def order(order_id: str = "1042", amount: str = "49.90") -> InvoiceRequest:
    """Return an order."""
    return InvoiceRequest(order_id=order_id, amount=Money(amount, "EUR"))


class Accounts:
    """Two accounts at the sandbox, of which the second is there for when nothing could be sent to the first.

    Attributes:
        eu: The first.
        us: The second.
        config: The file that names both.
        journal: The journal of both; None for none.
    """

    def __init__(self, folder: Path, journal_url: str | None) -> None:
        self.eu = EmulatedAccount("sandbox", seed=1)
        self.us = EmulatedAccount("sandbox", seed=2, clock=self.eu.clock)
        self.journal = None if journal_url is None else Journal(journal_url, clock=self.eu.clock)
        self.config = folder / "gateway.toml"
        tables = "".join(
            f'[gateways.{name}]\nbackend = "sandbox"\n'
            + "".join(f'{key} = "{value}"\n' for key, value in account.settings.items())
            for name, account in (("eu", self.eu), ("us", self.us))
        )
        accounts = '"eu"' if journal_url is None else '["eu", "us"]'
        self.config.write_text(f'default = "eu"\n[[routes]]\naccounts = {accounts}\n{tables}', encoding="utf-8")

    def open(self, kind: type[Any] = Gateways) -> Any:
        """Open both, as another worker does."""
        transports = {"eu": self.eu.faults, "us": self.us.faults}
        return kind.open(self.config, transports=transports, journal=self.journal or False)

    @property
    def made(self) -> tuple[int, int]:
        """How many invoices each has."""
        eu, us = (len(list(each.emulator.ledger.select(EmulatedInvoice))) for each in (self.eu, self.us))
        return eu, us

    def heal(self) -> None:
        """Let the first account be reached again."""
        self.eu.faults._script.clear()

    def close(self) -> None:
        """Close everything."""
        for each in (self.eu, self.us, self.journal):
            if each is not None:
                each.close()


@pytest.fixture
def accounts(tmp_path: Path, journal_url: str) -> Iterator[Accounts]:
    """Give two accounts with one journal."""
    made = Accounts(tmp_path, journal_url)
    yield made
    made.close()


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Accounts]:
    """Give two accounts without a journal."""
    made = Accounts(tmp_path, None)
    yield made
    made.close()


@pytest.fixture(params=["blocking", "async"])
def perform(request: pytest.FixtureRequest, accounts: Accounts) -> Callable[[Work], Any]:
    """Do something with the gateways of both accounts, in blocking code and in async code."""

    def blocking(work: Work) -> Any:
        with accounts.open() as gateways:
            return work(gateways)

    async def awaiting(work: Work) -> Any:
        async with accounts.open(AsyncGateways) as gateways:
            result = work(gateways)
            return await result if asyncio.iscoroutine(result) else result

    return blocking if request.param == "blocking" else lambda work: asyncio.run(awaiting(work))


def create(gateways: Any) -> Any:
    """Ask for the invoice of the order."""
    return gateways.create_invoice(order())


def test_first_account_makes_the_invoice(perform: Callable[[Work], Any], accounts: Accounts) -> None:
    """Nothing is asked of the second, and the invoice says where it was made."""
    invoice = perform(create)

    assert (invoice.account, accounts.made) == ("eu", (1, 0))


def test_next_account_takes_over_after_surely_not_sent(perform: Callable[[Work], Any], accounts: Accounts) -> None:
    """Nobody could be reached, so that nothing happened; and there the order stays when the first is back."""
    accounts.eu.faults.script(NotSent(), times=99)
    first = perform(create)
    accounts.heal()
    again = perform(create)

    assert (first.account, again.account, again.id) == ("us", "us", first.id)
    assert again.replayed
    assert accounts.made == (0, 1)


def test_no_other_account_after_unknown(perform: Callable[[Work], Any], accounts: Accounts) -> None:
    """A request that may have been carried out is looked up where it went, also once that account cannot be reached."""
    accounts.eu.faults.script(RequestLost(), times=9)
    with pytest.raises(errors.OutcomeUnknownError):
        perform(create)
    accounts.heal()
    accounts.eu.faults.script(NotSent(), times=99)
    with pytest.raises(errors.OutcomeUnknownError, match="an earlier request may have been carried out"):
        perform(create)

    assert accounts.made == (0, 0)
    accounts.heal()
    accounts.eu.advance(minutes=2)
    assert perform(create).account == "eu"
    assert accounts.made == (1, 0)


@pytest.mark.parametrize("status", [400, 401, 429, 503])
def test_no_other_account_after_an_answer(perform: Callable[[Work], Any], accounts: Accounts, status: int) -> None:
    """What a provider refuses is the caller's news, and nothing goes around it."""
    accounts.eu.fail_next(status)

    with pytest.raises(errors.ProviderError):
        perform(create)

    assert accounts.made == (0, 0)


def test_nobody_can_be_reached(perform: Callable[[Work], Any], accounts: Accounts) -> None:
    """The error is that of the first account, and the order is free again."""
    accounts.eu.faults.script(NotSent(), times=99)
    accounts.us.faults.script(NotSent(), times=99)
    with pytest.raises(errors.NotSentError):
        perform(create)
    accounts.heal()

    assert perform(create).account == "eu"
    assert accounts.made == (1, 0)


def test_next_account_that_cannot_take_the_order(accounts: Accounts) -> None:
    """That the second has no such option is no news: the first could not be reached."""
    accounts.eu.faults.script(NotSent(), times=99)
    path = accounts.config
    path.write_text(path.read_text(encoding="utf-8").replace('backend = "sandbox"', 'backend = "snadbox"', 2))
    path.write_text(path.read_text(encoding="utf-8").replace('backend = "snadbox"', 'backend = "sandbox"', 1))

    with accounts.open() as gateways, pytest.raises(errors.NotSentError):
        gateways.create_invoice(order())


def test_order_that_was_made_before_there_were_routes(accounts: Accounts) -> None:
    """An account's own gateway writes down what it makes, so that its orders are known here, too."""
    with accounts.open() as gateways:
        first = gateways["us"].create_invoice(order())
        again = gateways.create_invoice(order())

        assert (again.account, again.id) == ("us", first.id)
    assert accounts.made == (0, 1)


def test_later_attempt_stays_with_its_account(accounts: Accounts) -> None:
    """The second invoice of an order is made where the first one has expired: what is paid late is seen there."""
    with accounts.open() as gateways:
        accounts.eu.faults.script(NotSent(), times=99)
        first = gateways.create_invoice(order())
        accounts.heal()
        accounts.us.expire(first.id)
        second = gateways.create_invoice(order())

    assert (second.account, second.attempt) == ("us", 2)
    assert accounts.made == (0, 2)


def test_two_workers_fail_over_at_once(accounts: Accounts) -> None:
    """One has given up on the first account as the other one reaches it: the order has one invoice all the same."""
    halfway, back = threading.Event(), threading.Event()
    gateways = accounts.open()

    class Hesitating(Gateways):
        def __getitem__(self, name: str) -> Gateway:
            if name == "us":
                halfway.set()
                back.wait(30)
            return super().__getitem__(name)

    accounts.eu.faults.script(NotSent(), times=1, where=changing)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(lambda: accounts.open(Hesitating).create_invoice(order()))
        assert halfway.wait(30)
        quick = gateways.create_invoice(order())
        back.set()

    assert quick.account == "eu"
    assert (slow.result().account, slow.result().id) == ("eu", quick.id)
    assert accounts.made == (1, 0)


def test_many_workers_and_a_failing_account(accounts: Accounts) -> None:
    """Forty calls for five orders while the first account comes and goes: each order has one invoice."""
    for index in range(10):
        accounts.eu.faults.script(NotSent(), after=2 * index, times=1)
    gateways = accounts.open()

    def buy(number: int) -> Invoice | None:
        try:
            made: Invoice = gateways.create_invoice(order(str(number % 5)))
        except errors.GatewayError:
            return None
        return made

    with ThreadPoolExecutor(8) as threads:
        invoices = list(threads.map(buy, range(40)))
    accounts.heal()
    invoices += [gateways.create_invoice(order(str(number))) for number in range(5)]

    assert sum(accounts.made) == 5
    assert len({(each.account, each.id) for each in invoices if each}) == 5
    gateways.close()


def test_account_of_an_order(perform: Callable[[Work], Any], accounts: Accounts) -> None:
    """Refund, cancel and status go where the invoice is."""
    accounts.eu.faults.script(NotSent(), times=99)
    invoice = perform(create)
    accounts.us.pay(invoice.id)

    def refund(gateways: Any) -> Any:
        request = RefundRequest(refund_id="r-1", invoice_id=invoice.id, amount=Money("10", "EUR"))
        if isinstance(gateways, Gateways):
            return gateways.of("1042").refund_payment(request)

        async def awaiting() -> Any:
            return await (await gateways.of("1042")).refund_payment(request)

        return awaiting()

    assert perform(refund).amount == Money("10", "EUR")


def test_account_of_an_order_whose_outcome_is_unknown(accounts: Accounts) -> None:
    """It is where it was asked for."""
    accounts.eu.faults.script(RequestLost(), times=9)
    with accounts.open() as gateways:
        with pytest.raises(errors.OutcomeUnknownError):
            gateways.create_invoice(order())

        assert gateways.of("1042") is gateways["eu"]


def test_orders_that_no_account_or_several_have(accounts: Accounts) -> None:
    """Neither is guessed."""
    with accounts.open() as gateways:
        with pytest.raises(errors.NotFoundError, match="no such order"):
            gateways.of("1042")
        gateways["eu"].create_invoice(order())
        gateways["us"].create_invoice(order())
        with pytest.raises(errors.ConflictError, match="eu, us"):
            gateways.of("1042")
        assert gateways.create_invoice(order()).account == "eu"


def test_webhooks_find_their_account_by_name(accounts: Accounts) -> None:
    """The path of the webhook's address names the account."""
    with accounts.open() as gateways:
        accounts.eu.faults.script(NotSent(), times=99)
        invoice = gateways.create_invoice(order())
        accounts.us.pay(invoice.id)
        (request,) = accounts.us.webhooks()

        with pytest.raises(errors.WebhookError), gateways["eu"].receive_webhook(request):
            pass
        with gateways["us"].receive_webhook(request) as delivery:
            assert [event.order_id for event in delivery.events if event.pays] == ["1042"]


def test_without_a_journal_there_is_no_other_account(forgetful: Accounts) -> None:
    """Nothing would remember that the order went there."""
    with forgetful.open() as gateways:
        forgetful.eu.faults.script(NotSent(), times=1)
        with pytest.raises(errors.NotSentError):
            gateways.create_invoice(order())
        assert gateways.create_invoice(order()).account == "eu"
        with pytest.raises(errors.ConfigurationError, match=r"keep Invoice\.account"):
            gateways.of("1042")


def test_accounts_are_opened_when_they_are_used(forgetful: Accounts) -> None:
    """Once each, whoever asks, and closed together."""
    gateways = forgetful.open()
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: gateways["eu"], range(32)))

    assert (gateways.names, list(gateways), len(gateways)) == (("eu", "us"), ["eu", "us"], 2)
    assert ("us" in gateways, "su" in gateways) == (True, False)
    assert len(found) == 1
    assert gateways.default is gateways["eu"]
    gateways.close()
    with pytest.raises(errors.InvalidRequestError, match="closed"):
        gateways["us"]
    with pytest.raises(errors.InvalidRequestError, match="closed"):
        gateways.create_invoice(order())
    with pytest.raises(errors.InvalidRequestError, match="closed"):
        found.pop().get_status("x")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_fork_while_accounts_are_opened(accounts: Accounts) -> None:
    """A worker that is forked while another thread opens an account is not stuck, and knows the same orders."""
    gateways = accounts.open()
    gateways["eu"].create_invoice(order())
    inside, go_on = threading.Event(), threading.Event()

    class Slow(dict[str, Gateway]):
        def setdefault(self, key: str, default: Any = None) -> Any:
            inside.set()
            go_on.wait(30)
            return super().setdefault(key, default)

    gateways._opened = Slow(gateways._opened)
    with ThreadPoolExecutor() as threads:
        threads.submit(lambda: gateways["us"])
        assert inside.wait(30)
        child = os.fork()
        if child == 0:
            go_on.set()
            same = gateways["us"].backend == "sandbox" and gateways.of("1042") is gateways["eu"]
            os._exit(0 if same else 1)
        go_on.set()

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
