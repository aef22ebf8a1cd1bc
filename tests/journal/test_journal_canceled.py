"""Async calls that nobody waits for any more: the journal knows what became of them, and whoever comes next goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from gateway_core import AsyncGateway, InvoiceRequest, Money, RefundRequest, errors
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.journal import Journal
from gateway_core.testing import EmulatedAccount, EmulatedInvoice
from gateway_core.transport import Deadline

ORDER = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
PATIENT = 10.0


@attrs.define(eq=False)
class Held:
    """A transport that stops where it is told to, as a slow provider does.

    Attributes:
        account: The provider.
        before: Whether it stops before a request leaves; or else before its answer is there.
        at: Set when it has stopped.
        go_on: Lets it go on.
    """

    asks_to_leave: ClassVar[bool] = True

    account: EmulatedAccount
    before: bool = False
    holding: bool = True
    at: threading.Event = attrs.field(factory=threading.Event)
    go_on: threading.Event = attrs.field(factory=threading.Event)

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Send a request, sooner or later."""
        if self.holding and self.before:
            self._stop()
        if not deadline.leave():
            raise errors.NotSentError("the call was cancelled; nothing was sent")
        answer = self.account.faults.send(request, deadline)
        if self.holding and not self.before:
            self._stop()
        return answer

    def close(self) -> None:
        """Have nothing to close."""

    def _stop(self) -> None:
        self.at.set()
        assert self.go_on.wait(PATIENT)


@asynccontextmanager
async def shop(journal: Journal, **how: Any) -> AsyncIterator[tuple[AsyncGateway, Held]]:
    """Give a gateway whose transport stops."""
    with EmulatedAccount("sandbox") as account:
        held = Held(account, **how)
        async with AsyncGateway.connect("sandbox", transport=held, journal=journal, **account.settings) as gateway:
            try:
                yield gateway, held
            finally:
                held.go_on.set()
        await asyncio.to_thread(_drained, gateway)


def _drained(gateway: AsyncGateway) -> None:
    executor = gateway._threads._executor
    if executor is not None:
        executor.shutdown(wait=True)


async def canceled_at(held: Held | threading.Event, call: Any) -> asyncio.CancelledError:
    """Cancel a call where it has stopped, and return what it ends with."""
    task = asyncio.ensure_future(call)
    at = held.at if isinstance(held, Held) else held
    assert await asyncio.to_thread(at.wait, PATIENT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


async def intent_of(gateway: AsyncGateway, done: Callable[[Any], bool] = lambda intent: not intent.leased) -> Any:
    """Return the first intent, as soon as nobody is at it any more: that is written in a thread."""
    while True:
        (row,) = await asyncio.to_thread(lambda: gateway._recorder.intents.list(opened=False))  # type: ignore[union-attr]
        if done(row):
            return row
        await asyncio.sleep(0.005)


@pytest.fixture
def journal(tmp_path: Path) -> Any:
    """Give a journal."""
    kept = Journal(f"sqlite:///{tmp_path}/gateway.db")
    yield kept
    kept.close()


def test_create_that_may_have_been_sent_is_unknown(journal: Journal) -> None:
    """The journal says so at once; and the next who asks for the order finds the invoice that was made."""

    async def main() -> None:
        async with shop(journal) as (gateway, held):
            canceled = await canceled_at(held, gateway.create_invoice(ORDER))
            intent = await asyncio.wait_for(intent_of(gateway), PATIENT)
            held.holding = False
            held.go_on.set()
            invoice = await gateway.create_invoice(ORDER)

            assert "may have been carried out" in canceled.__notes__[0]
            assert (intent.state, intent.error) == ("unknown", "CancelledError")
            assert [invoice.id] == [each.id for _, each in held.account.emulator.ledger.select(EmulatedInvoice)]

    asyncio.run(main())


def test_create_that_was_not_sent_is_free_again(journal: Journal) -> None:
    """It surely was not carried out, so that the order may be asked for anew, with another amount even."""

    async def main() -> None:
        async with shop(journal, before=True) as (gateway, held):
            canceled = await canceled_at(held, gateway.create_invoice(ORDER))
            intent = await asyncio.wait_for(intent_of(gateway), PATIENT)
            held.holding = False
            held.go_on.set()
            invoice = await gateway.create_invoice(attrs.evolve(ORDER, amount=Money("59.90", "EUR")))

            assert "before anything left" in canceled.__notes__[0]
            assert (intent.state, intent.error) == ("failed", "CancelledError")
            assert [invoice.id] == [each.id for _, each in held.account.emulator.ledger.select(EmulatedInvoice)]

    asyncio.run(main())


def test_earlier_doubt_stays(journal: Journal) -> None:
    """That a repetition was not sent says nothing of the request before it."""

    async def main() -> None:
        async with shop(journal) as (gateway, held):
            await canceled_at(held, gateway.create_invoice(ORDER))
            await asyncio.wait_for(intent_of(gateway), PATIENT)
            held.go_on.set()
            held.go_on, held.at, held.before = threading.Event(), threading.Event(), True
            await canceled_at(held, gateway.create_invoice(ORDER))
            intent = await asyncio.wait_for(
                intent_of(gateway, lambda each: each.fence == 2 and not each.leased), PATIENT
            )

            assert intent.state == "unknown"

    asyncio.run(main())


@pytest.mark.parametrize("method, state", [("begin", "failed"), ("sending", "failed")])
def test_cancelled_while_the_journal_is_written(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, method: str, state: str
) -> None:
    """What the thread writes meanwhile is taken back: nothing was sent, and nobody has to wait for a lease."""

    async def main() -> None:
        async with shop(journal) as (gateway, held):
            held.holding = False
            assert gateway._recorder is not None
            original = getattr(gateway._recorder.intents, method)
            at, go_on = threading.Event(), threading.Event()

            def slow(*arguments: Any, **more: Any) -> Any:
                found = original(*arguments, **more)
                at.set()
                assert go_on.wait(PATIENT)
                return found

            monkeypatch.setattr(gateway._recorder.intents, method, slow)
            await canceled_at(at, gateway.create_invoice(ORDER))
            go_on.set()
            intent = await asyncio.wait_for(intent_of(gateway), PATIENT)
            monkeypatch.undo()
            await gateway.create_invoice(ORDER)

            assert intent.state == state
            assert len(held.account.faults.exchanges) == 1

    asyncio.run(main())


@pytest.mark.parametrize("begun", [True, False])
def test_result_that_is_there_is_written_down(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, *, begun: bool
) -> None:
    """Cancelled while the invoice is written down, or right before: it is known, whoever waits for it."""

    async def main() -> None:
        async with shop(journal) as (gateway, held):
            held.holding = False
            recorder = gateway._recorder
            assert recorder is not None
            at, go_on = threading.Event(), threading.Event()
            written = recorder._plans.made
            submit = gateway._threads.submit

            def slow(*arguments: Any) -> None:
                if begun:
                    at.set()
                    assert go_on.wait(PATIENT)
                written(*arguments)

            def late(function: Callable[[], Any]) -> Any:
                """Find no thread for the note."""
                if held.account.faults.exchanges and not at.is_set():
                    at.set()
                    return asyncio_future()
                return submit(function)

            monkeypatch.setattr(recorder._plans, "made", slow)
            if not begun:
                monkeypatch.setattr(gateway._threads, "submit", late)
            await canceled_at(at, gateway.create_invoice(ORDER))
            go_on.set()
            intent = await asyncio.wait_for(intent_of(gateway), PATIENT)

            assert intent.state == "done"
            assert recorder.inbox.invoices.find(intent.invoice_id) is not None

    asyncio.run(main())


def asyncio_future() -> Any:
    """Return what waits for a thread and never gets one."""
    from concurrent.futures import Future

    return Future()


def test_timeout_of_asyncio_and_a_refund(journal: Journal) -> None:
    """As any call of asyncio it can be bounded; and money goes back once, however often that is cut short."""

    async def main() -> None:
        async with shop(journal) as (gateway, held):
            held.holding = False
            invoice = await gateway.create_invoice(ORDER)
            held.account.pay(invoice.id)
            request = RefundRequest(refund_id="r1", invoice_id=invoice.id, amount=Money("10", "EUR"))
            held.holding = True
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await gateway.refund_payment(request)
            held.holding = False
            held.go_on.set()
            await gateway.refund_payment(request)

            assert held.account.invoice(invoice.id).refunded == Money("10", "EUR")

    asyncio.run(main())


def test_journal_of_its_own_is_closed_after_the_last_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`close` waits for nothing, and cuts nothing short."""
    order: list[str] = []
    closed = threading.Event()

    async def main() -> None:
        with EmulatedAccount("sandbox") as account:
            held = Held(account)
            gateway = AsyncGateway.connect(
                "sandbox", transport=held, journal=f"sqlite:///{tmp_path}/gateway.db", **account.settings
            )
            assert gateway._recorder is not None
            assert gateway._own_journal is not None
            abandon, close = gateway._recorder.intents.abandon, gateway._own_journal.close
            wait = threading.Event()

            def slow(*arguments: Any, **more: Any) -> None:
                assert wait.wait(PATIENT)
                abandon(*arguments, **more)
                order.append("written")

            def told() -> None:
                close()
                order.append("closed")
                closed.set()

            monkeypatch.setattr(gateway._recorder.intents, "abandon", slow)
            monkeypatch.setattr(gateway._own_journal, "close", told)
            await canceled_at(held, gateway.create_invoice(ORDER))
            await gateway.close()
            assert order == []
            wait.set()
            held.go_on.set()
            assert await asyncio.to_thread(closed.wait, PATIENT)

    asyncio.run(main())

    assert order == ["written", "closed"]


def test_journal_that_fails_is_in_no_log(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The mark before the sending says enough: somebody was at it, until the lease is over."""

    async def main() -> None:
        async with shop(journal) as (gateway, held):
            assert gateway._recorder is not None
            tried = threading.Event()

            def broken(*_: Any, **__: Any) -> None:
                tried.set()
                raise errors.JournalError("the disk is full")

            monkeypatch.setattr(gateway._recorder.intents, "abandon", broken)
            await canceled_at(held, gateway.create_invoice(ORDER))
            assert await asyncio.to_thread(tried.wait, PATIENT)
            intent = await intent_of(gateway, lambda _: True)

            assert (intent.state, intent.leased) == ("sending", True)

    asyncio.run(main())

    assert [record for record in caplog.records if record.name in ("asyncio", "concurrent.futures")] == []
