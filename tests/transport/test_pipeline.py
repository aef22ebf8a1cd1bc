"""Waits, repetitions and doubts of one request, step by step, on a clock of the test's own."""

from __future__ import annotations

import pytest

from gateway_core.errors import NotSentError, OutcomeUnknownError, TransportError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.transport._rate_limit import Priority
from tests.transport.asking import post
from tests.transport.bench import CREATE, KEYED, LOST, NOT_SENT, READ, URL, Bench, Limiter, answered, left_in


def test_good_answer_is_given_as_it_came() -> None:
    """One attempt, no wait, and the answer itself."""
    good = answered(201)
    bench = Bench(good)

    response = bench.send(CREATE)

    assert response is good
    assert (bench.wire.sent, bench.pauses) == ([CREATE], [])


def test_waits_grow_with_full_jitter_up_to_the_cap() -> None:
    """R4: each wait is a random part of a bound that doubles, and ends at 20 s."""
    bench = Bench(*[answered(503)] * 9, luck=0.5, attempts=9, backoff=2.0)
    for _ in range(50):
        bench.health.retry_budget.earn()

    response = bench.send(READ, 1000.0)

    assert response.status == 503
    assert bench.pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0]


@pytest.mark.parametrize("luck", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("status", [429, 503, 408])
def test_retry_after_is_a_minimum(luck: float, status: int) -> None:
    """R4: luck never makes a wait shorter than what the provider asks for."""
    bench = Bench(answered(status, Retry_After="7"), answered(), luck=luck, backoff=0.5)

    bench.send()

    assert bench.pauses == [7.0]


def test_retry_after_does_not_shorten_the_backoff() -> None:
    """R4: a minimum is no maximum."""
    bench = Bench(answered(503, Retry_After="1"), answered(), luck=1.0, backoff=5.0)

    bench.send()

    assert bench.pauses == [5.0]


def test_retry_after_as_a_date_counts_from_the_injected_clock() -> None:
    """R4, R5: a date in an answer without one of its own is measured by the channel's clock."""
    bench = Bench(answered(503, Retry_After="Sat, 21 Nov 2026 12:00:09 GMT"), answered())

    bench.send()

    assert bench.pauses == [9.0]


def test_retry_after_of_a_refusal_is_no_reason_to_wait() -> None:
    """R2: an answer that is not asked for again costs no wait, whatever it says."""
    bench = Bench(answered(404, Retry_After="7"))

    response = bench.send()

    assert (response.status, bench.pauses) == (404, [])


@pytest.mark.parametrize("asked", ["30", "31", "3600", "999999999"])
def test_retry_after_beyond_the_deadline_fails_at_once(asked: str) -> None:
    """R4: a wait that cannot be done in time is not begun, and the answer that asks for it is given."""
    bench = Bench(answered(429, Retry_After=asked))

    response = bench.send(READ, 30.0)

    assert response.headers["Retry-After"] == asked
    assert (bench.pauses, bench.clock.now) == ([], 1000.0)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0, 10.0, 30.0])
def test_no_attempt_begins_past_the_deadline(seconds: float) -> None:
    """R1: waits and attempts together stay within the deadline."""
    bench = Bench(*[answered(503)] * 40, seconds=0.4, luck=1.0, attempts=40, backoff=0.3)

    bench.send(READ, seconds)

    assert all(left < bench.deadline.at for left in bench.wire.left)


def test_attempt_that_used_up_the_deadline_is_the_last() -> None:
    """R1: where no time is left there is no retry, and none is taken from the budget."""
    bench = Bench(LOST, seconds=30.0)

    error = bench.failure(READ, 30.0)

    assert error is LOST
    assert left_in(bench.health.retry_budget) == 5


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_attempts_are_bounded(attempts: int) -> None:
    """R2: how often a request is sent at most is the application's to say."""
    bench = Bench(*[answered(503)] * 9, attempts=attempts)

    bench.send()

    assert len(bench.wire.left) == attempts


def test_budget_that_is_spent_allows_no_retry() -> None:
    """R6: an account whose calls all fail soon makes one attempt for each call, and a fifth more."""
    bench = Bench(*[answered(503)] * 500, attempts=4, breaker=1000)

    for _ in range(100):
        bench.send()

    assert 124 <= len(bench.wire.left) <= 125


@pytest.mark.parametrize("request_", [READ, CREATE, KEYED])
def test_failure_for_good_is_not_repeated(request_: HttpRequest) -> None:
    """R2: a certificate that cannot be verified now cannot be a moment later."""
    wrong = NotSentError("its certificate cannot be verified", permanent=True)
    bench = Bench(wrong)

    error = bench.failure(request_)

    assert (error, bench.wire.outcomes) == (wrong, [])


@pytest.mark.parametrize("request_", [READ, CREATE, KEYED])
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_never_repeated(request_: HttpRequest, status: int) -> None:
    """R3: whatever the body is worth, what was done is not done twice."""
    bench = Bench(answered(status, Retry_After="1", X_RateLimit_Remaining="0"))

    bench.send(request_)

    assert bench.wire.sent == [request_]


@pytest.mark.parametrize("doubtful", [LOST, answered(503), answered(408), answered(409)])
def test_create_without_key_is_not_repeated_in_doubt(doubtful: HttpResponse | TransportError) -> None:
    """R3: what may have been carried out is sent once."""
    bench = Bench(doubtful, answered())

    outcome = bench.failure(CREATE) if isinstance(doubtful, TransportError) else bench.send(CREATE)

    assert outcome is doubtful
    assert bench.wire.sent == [CREATE]


def test_repetition_is_the_same_request() -> None:
    """R3: the same key and the same bytes, or the provider would take it for another one."""
    bench = Bench(LOST, answered(503), answered())

    bench.send(KEYED)

    assert all(sent is KEYED for sent in bench.wire.sent)
    assert len(bench.wire.sent) == 3


@pytest.mark.parametrize("first", [LOST, answered(503), answered(408), answered(409)])
def test_not_sent_after_a_doubt_is_no_comfort(first: HttpResponse | TransportError) -> None:
    """R3: that the last attempt was not sent says nothing of the one before."""
    bench = Bench(first, NOT_SENT, attempts=2)

    error = bench.failure(KEYED)

    assert (type(error), error.effect) == (OutcomeUnknownError, "unknown")
    assert error.message == "refused; an earlier attempt may have been carried out"


@pytest.mark.parametrize("first", [LOST, answered(503), answered(408), answered(409)])
@pytest.mark.parametrize("status", [200, 400, 401, 404, 422, 429, 302])
def test_answer_after_a_doubt_is_doubtful(first: HttpResponse | TransportError, status: int) -> None:
    """R3: nor does "no" to the last attempt, which may stand in a 200, and what the flow is given says so."""
    bench = Bench(first, answered(status), attempts=2)

    response = bench.send(KEYED)

    assert (response.status, response.doubtful) == (status, True)


@pytest.mark.parametrize(
    "request_, first",
    [
        pytest.param(READ, LOST, id="read"),
        pytest.param(READ, answered(503), id="read 503"),
        pytest.param(CREATE, NOT_SENT, id="not sent"),
        pytest.param(CREATE, answered(429), id="too many"),
        pytest.param(KEYED, NOT_SENT, id="keyed, not sent"),
        pytest.param(KEYED, answered(429), id="keyed, too many"),
    ],
)
def test_what_surely_did_nothing_leaves_no_doubt(request_: HttpRequest, first: HttpResponse | TransportError) -> None:
    """R3: a refusal is taken as it is where no attempt before may have been carried out."""
    refused = Bench(first, answered(422), attempts=2)
    lost = Bench(first, NotSentError("refused", permanent=True), attempts=2)

    assert refused.send(request_).doubtful is False
    assert type(lost.failure(request_)) is NotSentError


def test_doubt_is_kept_over_many_attempts() -> None:
    """R3: the doubt of the first attempt outlives any number of refusals."""
    bench = Bench(LOST, answered(429), NOT_SENT, answered(429), attempts=4)

    response = bench.send(KEYED)

    assert (response.status, response.doubtful) == (429, True)


def test_rules_that_stop_a_repetition_leave_the_last_outcome() -> None:
    """R1, R7: where the limits allow no second attempt in time, the flow is told how the first one ended."""
    limiter = Limiter(waits=[0.0, 60.0])
    bench = Bench(answered(503), answered(), limiter=limiter)

    response = bench.send(READ, 30.0)

    assert (response.status, len(bench.wire.left)) == (503, 1)


def test_rules_that_stop_a_repetition_leave_the_doubt() -> None:
    """R3: and where that was a lost answer, the effect stays unknown."""
    limiter = Limiter(waits=[0.0, 60.0])
    bench = Bench(LOST, answered(), limiter=limiter)

    error = bench.failure(KEYED, 30.0)

    assert (error, error.effect) == (LOST, "unknown")


def test_limit_that_allows_no_attempt_is_told() -> None:
    """R1: nothing was sent, and the error says so."""
    bench = Bench(limiter=Limiter(waits=[60.0]))

    error = bench.failure(CREATE, 30.0)

    assert (type(error), error.effect, bench.wire.sent) == (NotSentError, "none", [])


@pytest.mark.parametrize(
    "request_, priority", [(READ, Priority.READ), (CREATE, Priority.CHANGE), (post(URL, safe=True), Priority.READ)]
)
def test_what_changes_something_goes_first(request_: HttpRequest, priority: Priority) -> None:
    """R7: an invoice is not kept waiting by a listing."""
    limiter = Limiter()

    Bench(answered(), limiter=limiter).send(request_)

    assert limiter.asked == [priority]
