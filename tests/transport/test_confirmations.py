"""W13: webhooks that are confirmed by asking back cost the shop's own calls nothing, whoever forges them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar

import attrs
import pytest

from gateway_core import (
    AsyncGateway,
    Flow,
    Gateway,
    HttpRequest,
    InvoiceStatus,
    ProviderInfo,
    RateLimit,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import NotSentError, OutcomeUnknownError, WebhookError, WebhookReason
from gateway_core.http import HttpResponse
from gateway_core.provider import WebhookAuthentication
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, Send, Sleep, WaitFor
from gateway_core.transport._answer_cache import AnswerCache
from gateway_core.transport._confirmation_budget import PATIENCE, ConfirmationBudget
from gateway_core.transport._rate_limit import Priority
from tests.transport.asking import quiet
from tests.transport.bench import CREATE, LOST, READ, Bench, Limiter, answered, drive
from tests.transport.fault_server import FaultServer, answer
from tests.transport.permits import Clock
from tests.transport.shop import GOOD, Shop, gateway


@pytest.fixture
def clock() -> Clock:
    """A clock of the test's own."""
    return Clock()


def spent(budget: ConfirmationBudget) -> int:
    """Spend what there is, and count it."""
    return next(number for number in range(1000) if not budget.spend())


@pytest.mark.parametrize(
    "limits, at_once, a_minute_later",
    [
        pytest.param((), 100, 100, id="none declared"),
        pytest.param((RateLimit(requests=1, seconds=1),), 10, 10, id="one a second"),
        pytest.param((RateLimit(requests=100, seconds=60),), 50, 50, id="half of many"),
        pytest.param(
            (RateLimit(requests=1, seconds=1), RateLimit(requests=1000, seconds=3600)), 10, 10, id="two limits"
        ),
        pytest.param((RateLimit(requests=6, seconds=3600),), 10, 0, id="few an hour"),
    ],
)
def test_budget_is_half_of_what_is_allowed(
    clock: Clock, limits: tuple[RateLimit, ...], at_once: int, a_minute_later: int
) -> None:
    """The other half is the shop's; and what was spent comes back as fast."""
    budget = ConfirmationBudget(limits, clock)

    first = spent(budget)
    clock.sleep(60.0)

    assert (first, spent(budget)) == (at_once, a_minute_later)


def test_budget_is_one_for_all_gateways_of_an_account() -> None:
    """An application that makes a gateway for each webhook gets no new budget each time."""
    limits = (RateLimit(requests=1, seconds=3600),)
    spent(ConfirmationBudget.of("account", limits))

    assert spent(ConfirmationBudget.of("account", limits)) == 0
    assert spent(ConfirmationBudget.of("other", limits)) == 10


def test_forked_process_has_a_lock_of_its_own(clock: Clock) -> None:
    """A lock that another thread held when the process was forked is given back by nobody."""
    budget = ConfirmationBudget((), clock)
    budget._lock.acquire()

    budget.forked()

    assert budget.spend()


def confirming(bench: Bench, seconds: float = 30.0) -> Actions[HttpResponse]:
    """Return the steps of asking about a webhook."""
    bench.deadline = Deadline.after(seconds, bench.clock)
    return bench.pipeline.confirm(READ, bench.deadline, quiet())


def refused(bench: Bench) -> NotSentError:
    """Ask about a webhook, and return the refusal."""
    with pytest.raises(NotSentError) as caught:
        drive(confirming(bench), bench.perform)
    return caught.value


def test_question_over_the_budget_is_refused_at_once() -> None:
    """W13: it waits for nobody, and nothing is sent."""
    bench = Bench(answered())
    spent(bench.pipeline.confirmations)

    error = refused(bench)

    assert (bench.pauses, bench.wire.sent) == ([], [])
    assert "confirmed" in error.message


def test_shop_does_not_pay_for_questions() -> None:
    """W13: its own calls have no such budget."""
    bench = Bench(answered(), answered())
    spent(bench.pipeline.confirmations)

    assert [bench.send().status, bench.send(CREATE).status] == [200, 200]


def test_question_comes_last_in_line() -> None:
    """W13: whatever the shop asks goes first."""
    limiter = Limiter()
    bench = Bench(answered(), limiter=limiter)

    drive(confirming(bench), bench.perform)

    assert limiter.asked == [Priority.CONFIRMATION]
    assert max(Priority) is Priority.CONFIRMATION


def test_question_waits_a_moment_for_the_rate_limit() -> None:
    """W13: a genuine webhook is worth that, and no forged one holds a worker for longer."""
    short, long = (Bench(answered(), limiter=Limiter(waits=[seconds])) for seconds in (PATIENCE, PATIENCE + 0.1))

    assert drive(confirming(short), short.perform).status == 200
    refused(long)

    assert (short.pauses, long.pauses) == ([PATIENCE], [])


def test_question_does_not_sit_out_a_pause() -> None:
    """W13: while the account waits, a redelivery is better."""
    bench = Bench(answered())
    bench.pause.begin(10.0)

    refused(bench)

    assert bench.pauses == []


def test_question_is_repeated_within_the_moment_only() -> None:
    """W13: a redelivery is the repetition that a webhook has anyway."""
    bench = Bench(LOST, answered(503, Retry_After="5"), answered(), luck=1.0)

    response = drive(confirming(bench), bench.perform)

    assert (response.status, bench.pauses) == (503, [0.5])


def test_answer_may_take_its_time() -> None:
    """W13: the moment bounds what a question waits for, and not its answer."""
    bench = Bench(answered(), seconds=10.0)

    assert drive(confirming(bench), bench.perform).status == 200


@attrs.define(eq=False)
class Asked:
    """Questions of many webhooks about one invoice, on a clock of their own."""

    clock: Clock = attrs.field(factory=Clock)
    sent: int = 0
    answers: AnswerCache = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.answers = AnswerCache(self.clock)

    def ask(self) -> Actions[HttpResponse]:
        """Return the steps of one webhook's question."""
        self.clock.sleep(0.001)
        return self.answers.share(READ, Deadline.after(2.0, self.clock), self._sending())

    def _sending(self) -> Actions[HttpResponse]:
        self.sent += 1
        body = b"%d" % self.sent
        yield Send(READ)
        return HttpResponse(status=200, body=body)


def ended(steps: Actions[HttpResponse]) -> bytes:
    """Carry out what is left, and return the answer's body."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        response: HttpResponse = stop.value
        return response.body


def test_those_who_come_while_it_is_asked_share_the_next_answer() -> None:
    """W13: forty senders with one id cost two questions."""
    asked = Asked()
    first = asked.ask()
    next(first)
    others = [asked.ask() for _ in range(39)]
    assert all(isinstance(next(each), WaitFor) for each in others)

    bodies = [ended(first)]
    asked.clock.sleep(0.001)
    leader, *followers = others
    assert isinstance(next(leader), Send)
    assert all(isinstance(next(each), WaitFor) for each in followers)
    bodies += [ended(each) for each in others]

    assert (bodies, asked.sent) == ([b"1"] + [b"2"] * 39, 2)


def test_no_answer_is_older_than_the_webhook() -> None:
    """W3: what was read before this webhook came may not know yet what it tells: a payment would be missed for good."""
    asked = Asked()

    first = ended(asked.ask())

    assert (first, ended(asked.ask())) == (b"1", b"2")


def test_those_who_wait_for_an_answer_do_so_for_a_moment() -> None:
    """W13: a provider that hangs holds the one who asks, and not all who would ask the same."""
    asked = Asked()
    first = asked.ask()
    next(first)
    other = asked.ask()
    step = next(other)
    assert isinstance(step, WaitFor)
    asked.clock.sleep(step.seconds)

    with pytest.raises(NotSentError):
        next(other)

    assert step.seconds == pytest.approx(2.0)


@attrs.frozen
class UnsignedShop(Shop):
    """The small provider, with webhooks that are confirmed by asking back."""

    info: ClassVar = ProviderInfo(
        title="Shop", currencies=("EUR",), webhook_authentication=WebhookAuthentication.CALLBACK
    )

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:  # type: ignore[override]  # a hook may
        """Ask for the invoice that is named."""
        invoice_id = request.body.decode()
        response = yield HttpRequest(method="GET", url=self._url("confirm", invoice_id))
        if not response.ok:
            raise WebhookError("not confirmed", reason=WebhookReason.UNCONFIRMED)
        report = StatusReport(invoice_id=invoice_id, status=InvoiceStatus.PENDING)
        event = WebhookEvent(id=invoice_id, kind="changed", invoice_id=invoice_id, report=report)
        return WebhookDelivery(events=[event], verified_by="callback")


def test_flood_of_forgeries_leaves_the_shop_its_reads(serve: Callable[..., FaultServer]) -> None:
    """W13: forty senders, with one id and with many, at a provider that allows few requests: all reads are served."""
    server = serve(*[answer(GOOD)] * 1000)
    over = threading.Event()
    refusals: list[int] = []

    def forge(shop: Gateway, number: int) -> None:
        while not over.is_set():
            try:
                shop.verify_webhook(WebhookRequest(body=b"i-%d" % (number % 5)))
            except WebhookError as error:
                refusals.append(error.http_status)

    with gateway(Gateway, server.url, UnsignedShop, limits=("10/s",)) as shop:
        senders = [threading.Thread(target=forge, args=(shop, number)) for number in range(40)]
        for sender in senders:
            sender.start()
        reads = [shop.get_status("i-1").status for _ in range(20)]
        over.set()
        for sender in senders:
            sender.join()

    asked = [seen for seen in server.requests if "/confirm/" in seen.target]
    seconds = server.requests[-1].at - server.requests[0].at
    assert reads == [InvoiceStatus.PENDING] * 20
    assert set(refusals) == {503}
    assert len(asked) <= 10 + 5 * (seconds + 1)


@pytest.mark.parametrize("kind", [Gateway, AsyncGateway])
def test_address_without_a_secret_is_told_once(
    serve: Callable[..., FaultServer], caplog: pytest.LogCaptureFixture, kind: type[Gateway | AsyncGateway]
) -> None:
    """W13: the operator learns from the log that anybody may ask, at the first webhook."""
    import asyncio
    import inspect

    server = serve(*[answer(GOOD)] * 2)
    shop = gateway(kind, server.url, UnsignedShop)

    for _ in range(2):
        outcome = shop.verify_webhook(WebhookRequest(body=b"i-1"))
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)

    told = [record for record in caplog.records if "not signed" in record.message]
    assert [(record.levelname, record.name) for record in told] == [("WARNING", "gateway_core.webhooks")]


def test_question_that_fails_leaves_the_others_to_a_redelivery() -> None:
    """W2: all who shared it are told so."""
    asked = Asked()
    lost = OutcomeUnknownError("lost")

    def failing() -> Actions[HttpResponse]:
        yield Sleep(0.0)
        raise lost

    running = asked.ask()
    next(running)
    asked.clock.sleep(0.001)
    leader = asked.answers.share(READ, Deadline.after(2.0, asked.clock), failing())
    follower = asked.ask()
    next(leader)
    next(follower)
    ended(running)
    asked.clock.sleep(0.001)
    next(leader)
    next(follower)

    with pytest.raises(OutcomeUnknownError):
        next(leader)
    with pytest.raises(OutcomeUnknownError):
        next(follower)
