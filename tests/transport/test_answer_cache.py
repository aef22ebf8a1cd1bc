"""Answers that are kept, and questions that several calls ask at the same time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from gateway_core import AsyncGateway, Flow, Gateway, HttpRequest, HttpResponse
from gateway_core.errors import NotSentError, OutcomeUnknownError, PluginError
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, Send, WaitFor
from gateway_core.transport._answer_cache import LONGEST, MOST_ANSWERS, MOST_BYTES, AnswerCache
from tests.transport.asking import get, post
from tests.transport.fault_server import Act, Connection, FaultServer, answer, whole
from tests.transport.permits import Clock
from tests.transport.shop import gateway

URL = "https://api.example.test/token"


@attrs.define(eq=False)
class Provider:
    """Answers each request that is sent with a number, or as prepared, and counts them."""

    outcomes: list[HttpResponse | Exception] = attrs.field(factory=list)
    sent: int = 0

    def sending(self, request: HttpRequest) -> Actions[HttpResponse]:
        """Send a request."""
        self.sent += 1
        yield Send(request)
        outcome = self.outcomes.pop(0) if self.outcomes else HttpResponse(status=200, body=b"%d" % self.sent)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@attrs.define(eq=False)
class Account:
    """The answers of an account on a clock of its own."""

    clock: Clock = attrs.field(factory=Clock)
    provider: Provider = attrs.field(factory=Provider)
    answers: AnswerCache = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.answers = AnswerCache(self.clock)

    def steps(self, request: HttpRequest, seconds: float = 30.0) -> Actions[HttpResponse]:
        """Return the steps of one call's request."""
        return self.answers.ask(request, Deadline.after(seconds, self.clock), self.provider.sending(request))

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Ask, with nobody else there."""
        return ended(self.steps(request))


def kept(seconds: float | None = 60.0, url: str = URL, **more: Any) -> HttpRequest:
    """Return a request whose answer is kept for so long."""
    return get(url, keep=lambda _: seconds, **more)


def ended(steps: Actions[HttpResponse]) -> HttpResponse:
    """Carry out what is left."""
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        response: HttpResponse = stop.value
        return response


def wait(steps: Actions[HttpResponse]) -> WaitFor:
    """Go as far as to the wait for another call."""
    step = next(steps)
    assert isinstance(step, WaitFor)
    return step


@pytest.fixture
def account() -> Account:
    """An account that keeps nothing yet."""
    return Account()


@pytest.mark.parametrize("later, body", [(0.0, b"1"), (59.0, b"1"), (60.0, b"2")])
def test_answer_is_kept_as_long_as_the_plugin_says(account: Account, later: float, body: bytes) -> None:
    """An access token is fetched once, until it ends."""
    account.ask(kept())
    account.clock.sleep(later)

    assert account.ask(kept()).body == body


@pytest.mark.parametrize("seconds", [None, 0, 0.0, -1.0, -1e9])
def test_answer_that_the_plugin_does_not_keep_is_not(account: Account, seconds: float | None) -> None:
    """What may not stand for the next one is asked for again."""
    account.ask(kept(seconds))

    assert account.ask(kept(seconds)).body == b"2"


@pytest.mark.parametrize(
    "other",
    [
        kept(url=f"{URL}?scope=all"),
        kept(headers={"Authorization": "Basic b3RoZXI="}),
        post(URL, b"", safe=True, keep=lambda _: 60.0),
        post(URL, b"scope=all", safe=True, keep=lambda _: 60.0),
    ],
    ids=["address", "header", "method", "body"],
)
def test_only_the_very_same_question_gets_the_answer(account: Account, other: HttpRequest) -> None:
    """Another account's token, or one for another scope, is another question."""
    account.ask(kept())

    assert account.ask(other).body == b"2"


def test_fresh_one_takes_the_place_of_the_kept_one(account: Account) -> None:
    """After a token was refused, a new one is fetched, and stands from then on."""
    account.ask(kept())

    bodies = [account.ask(kept(fresh=True)).body, account.ask(kept()).body]

    assert bodies == [b"2", b"2"]


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500])
def test_failure_is_not_kept(account: Account, status: int) -> None:
    """Only a 2xx answer is worth keeping."""
    account.provider.outcomes = [HttpResponse(status=status)]
    account.ask(kept())

    assert account.ask(kept()).body == b"2"


def test_error_is_not_kept(account: Account) -> None:
    """A token that could not be fetched is tried again by the next call."""
    account.provider.outcomes = [OutcomeUnknownError("lost")]
    with pytest.raises(OutcomeUnknownError):
        account.ask(kept())

    assert account.ask(kept()).body == b"2"


def test_request_that_changes_something_is_refused(account: Account) -> None:
    """Its answer cannot stand for another one: nothing is sent, and the author is told."""
    with pytest.raises(PluginError, match="safe"):
        account.ask(post(URL, keep=lambda _: 60.0))

    assert account.provider.sent == 0


@pytest.mark.parametrize("seconds", [True, "60", float("nan"), object()])
def test_keep_gives_a_number(account: Account, seconds: Any) -> None:
    """A mistake of the plugin is told as one, and nobody waits for the call that made it."""
    with pytest.raises(PluginError, match="keep"):
        account.ask(kept(seconds))

    assert account.ask(kept()).body == b"2"


def test_nothing_is_kept_for_longer_than_a_day(account: Account) -> None:
    """Whatever the provider promises."""
    account.ask(kept(float("inf")))
    account.clock.sleep(LONGEST)

    assert account.ask(kept()).body == b"2"


def test_those_who_ask_together_ask_once(account: Account) -> None:
    """The first of them sends, and all get its answer."""
    first, *others = [account.steps(kept()) for _ in range(5)]
    next(first)
    waits = [wait(each) for each in others]

    bodies = [ended(each).body for each in (first, *others)]

    assert (bodies, account.provider.sent) == ([b"1"] * 5, 1)
    assert all(each.done.done() for each in waits)


def test_those_who_ask_together_fail_together(account: Account) -> None:
    """An error is told to all of them, each with one of its own."""
    lost = OutcomeUnknownError("lost")
    account.provider.outcomes = [lost]
    first, other = account.steps(kept()), account.steps(kept())
    next(first)
    wait(other)

    with pytest.raises(OutcomeUnknownError):
        next(first)
    with pytest.raises(OutcomeUnknownError) as caught:
        next(other)

    assert caught.value is not lost
    assert (caught.value.message, account.provider.sent) == ("lost", 1)


def test_call_that_is_abandoned_leaves_the_question_to_the_next(account: Account) -> None:
    """Those who waited for it wait for one of them from then on."""
    first, second, third = [account.steps(kept()) for _ in range(3)]
    next(first)
    wait(second)
    wait(third)

    first.close()

    assert isinstance(next(second), Send)
    assert isinstance(next(third), WaitFor)
    assert [ended(second).body, ended(third).body] == [b"2", b"2"]


def test_call_that_is_out_of_time_speaks_for_itself_alone(account: Account) -> None:
    """A short deadline of one call is no reason for another one to fail."""
    account.provider.outcomes = [OutcomeUnknownError("the deadline passed")]
    hasty, patient = account.steps(kept(), 1.0), account.steps(kept())
    next(hasty)
    wait(patient)
    account.clock.sleep(1.0)

    with pytest.raises(OutcomeUnknownError):
        next(hasty)

    assert ended(patient).body == b"2"


def test_wait_for_another_call_ends_with_the_deadline(account: Account) -> None:
    """R1: nothing was sent by then, and that is what is told."""
    first, other = account.steps(kept()), account.steps(kept(), 1.0)
    next(first)

    seconds = wait(other).seconds
    account.clock.sleep(seconds)
    with pytest.raises(NotSentError):
        next(other)

    assert seconds == 1.0


def test_number_of_answers_is_bounded(account: Account) -> None:
    """R11: the oldest ones go first."""
    for number in range(MOST_ANSWERS + 1):
        account.ask(kept(url=f"{URL}/{number}"))

    sent = account.provider.sent
    account.ask(kept(url=f"{URL}/{MOST_ANSWERS}"))
    account.ask(kept(url=f"{URL}/1"))
    assert account.provider.sent == sent
    account.ask(kept(url=f"{URL}/0"))
    assert account.provider.sent == sent + 1


def test_size_of_answers_is_bounded(account: Account) -> None:
    """R11: as is what all of them weigh; one that is very large is not kept at all."""
    quarter = MOST_BYTES // 4
    account.provider.outcomes = [HttpResponse(status=200, body=bytes(quarter + extra)) for extra in (1, 0, 0, 0, 0, 0)]
    for number in range(6):
        account.ask(kept(url=f"{URL}/{number}"))

    sent = account.provider.sent
    for number in (2, 3, 4, 5):
        account.ask(kept(url=f"{URL}/{number}"))
    assert account.provider.sent == sent
    account.ask(kept(url=f"{URL}/0"))
    account.ask(kept(url=f"{URL}/1"))
    assert account.provider.sent == sent + 2


def test_nothing_of_the_request_is_in_it(account: Account) -> None:
    """S1: a question may hold credentials, and is remembered by a digest only."""
    account.ask(kept(headers={"Authorization": "Basic c2VjcmV0"}))

    assert "c2VjcmV0" not in repr(vars(account.answers))


def test_accounts_keep_apart() -> None:
    """The gateways of one account share what is kept, and those of another one do not."""
    answers = AnswerCache.of("one")

    assert AnswerCache.of("one") is answers
    assert AnswerCache.of("other") is not answers


def test_forked_process_waits_for_nobody(account: Account) -> None:
    """Whoever was asking is not there in the new process; what was kept is."""
    account.ask(kept(url=f"{URL}/kept"))
    next(account.steps(kept()))
    account.answers._lock.acquire()

    account.answers.forked()

    assert account.ask(kept(url=f"{URL}/kept")).body == b"1"
    assert isinstance(next(account.steps(kept())), Send)


def slow(body: bytes) -> Act:
    """Take some time to answer."""

    def act(connection: Connection) -> None:
        connection.read_request()
        time.sleep(0.5)
        connection.write(whole(body))

    return act


def _token(url: str) -> Flow[bytes]:
    response = yield kept(url=f"{url}/token")
    return response.body


def test_threads_ask_once(serve: Callable[..., FaultServer]) -> None:
    """Over the wire, with a gateway for each call."""
    server = serve(slow(b"token"), *[answer(b"another")] * 20)
    bodies: list[bytes] = []
    with gateway(Gateway, server.url) as shop:
        threads = [threading.Thread(target=lambda: bodies.append(shop.run(_token(server.url)))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bodies.append(shop.run(_token(server.url)))

    assert (bodies, len(server.requests)) == ([b"token"] * 21, 1)


async def _together(server: FaultServer, hasty: float) -> tuple[list[Any], Any]:
    shop = gateway(AsyncGateway, server.url)
    tasks = [asyncio.create_task(shop.run(_token(server.url))) for _ in range(20)]
    abandoned = asyncio.create_task(shop.run(_token(server.url)))
    await asyncio.sleep(hasty)
    abandoned.cancel()
    told = await asyncio.gather(*tasks, abandoned, return_exceptions=True)
    await shop.close()
    return told[:-1], told[-1]


def test_tasks_ask_once(serve: Callable[..., FaultServer]) -> None:
    """Also on an event loop, where one that is cancelled takes nothing from the others."""
    server = serve(slow(b"token"), *[answer(b"another")] * 20)

    bodies, abandoned = asyncio.run(_together(server, 0.1))

    assert (bodies, len(server.requests)) == ([b"token"] * 20, 1)
    assert isinstance(abandoned, asyncio.CancelledError)
