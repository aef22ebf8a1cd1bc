"""Section 4 of the promises, "who may repeat what", as the one table that the code is held to."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from gateway_core.errors import NotSentError, OutcomeUnknownError, TransportError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider import Idempotency, ProviderInfo, RetryAdvice
from gateway_core.transport._error_translation import unusable
from gateway_core.transport._retry import Verdict, backoff, judge
from tests.transport.asking import get, post

URL = "https://api.example.test/invoices"
HONOURS_KEYS = ProviderInfo(title="Example", idempotency=Idempotency(scope="account", life=None))
KNOWS_NO_KEYS = ProviderInfo(title="Example")

#: Each kind of request: the request, what is known of the provider.
KINDS: dict[str, tuple[HttpRequest, ProviderInfo]] = {
    "read": (get(URL), HONOURS_KEYS),
    "read by POST": (post(URL, safe=True), HONOURS_KEYS),
    "create": (post(URL), HONOURS_KEYS),
    "create with a key that is not honoured": (post(URL, idempotency_key="k-1"), KNOWS_NO_KEYS),
    "create with key": (post(URL, idempotency_key="k-1"), HONOURS_KEYS),
}
CREATES = ("create", "create with a key that is not honoured", "create with key")

#: Who may repeat it.
ALL = frozenset(KINDS)
NOBODY: frozenset[str] = frozenset()
READS = frozenset({"read", "read by POST"})
REPEATABLE = READS | {"create with key"}
KEYED = frozenset({"create with key"})

#: After which answer who may repeat, whether a create may have been carried out, whether it speaks against the
#: provider's health, whether the provider counted it as one too many.
TABLE: list[tuple[str, int | str, frozenset[str], bool, bool, bool]] = [
    # seen                 outcome               repeat     doubt  failing throttled
    ("not sent", "not sent", ALL, False, True, False),
    ("TLS not verified", "not sent, for good", NOBODY, False, True, False),
    ("answer lost", "unknown", REPEATABLE, True, True, False),
    ("answer too large", "unknown, for good", NOBODY, True, True, False),
    *((f"status {status}", status, NOBODY, False, False, False) for status in (200, 201, 202, 204, 206)),
    *((f"status {status}", status, NOBODY, False, False, False) for status in (300, 301, 302, 303, 304, 307, 308)),
    *((f"status {status}", status, NOBODY, False, False, False) for status in (400, 401, 402, 403, 404, 405, 406)),
    *((f"status {status}", status, NOBODY, False, False, False) for status in (410, 411, 413, 415, 418, 421, 422)),
    *((f"status {status}", status, NOBODY, False, False, False) for status in (423, 424, 425, 426, 428, 431, 451)),
    ("status 408", 408, REPEATABLE, True, True, False),
    ("status 409", 409, KEYED, True, False, False),
    ("status 429", 429, ALL, False, False, True),
    *((f"status {status}", status, REPEATABLE, True, True, False) for status in (500, 502, 503, 504)),
    *((f"status {status}", status, REPEATABLE, True, True, False) for status in range(520, 531)),
    *((f"status {status}", status, NOBODY, True, True, False) for status in (501, 505, 507, 511, 599, 600, 999)),
]


def _outcome(what: int | str, *, safe: bool) -> HttpResponse | TransportError:
    if isinstance(what, int):
        return HttpResponse(status=what)
    permanent = what.endswith("for good")
    if what.startswith("not sent"):
        return NotSentError("refused", permanent=permanent)
    return unusable("api.example.test", "lost", safe=safe, permanent=permanent)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "what, repeat, doubt, failing, throttled",
    [pytest.param(what, *expected, id=seen) for seen, what, *expected in TABLE],
)
def test_table(
    kind: str, what: int | str, repeat: frozenset[str], *, doubt: bool, failing: bool, throttled: bool
) -> None:
    """R2, R3: after each outcome, each kind of request is repeated or not, and leaves a doubt or not."""
    request, info = KINDS[kind]

    verdict = judge(request, _outcome(what, safe=request.safe), info)

    assert (verdict.again, verdict.doubt) == (kind in repeat, doubt and kind in CREATES)
    assert (verdict.failing, verdict.throttled) == (failing, throttled)


@pytest.mark.parametrize("seen, what", [(row[0], row[1]) for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_a_create_without_a_key_repeats_was_surely_not_carried_out(seen: str, what: int | str) -> None:
    """R3: no outcome both leaves a doubt and lets a create without a key be sent again."""
    request, info = KINDS["create with a key that is not honoured"]

    verdict = judge(request, _outcome(what, safe=False), info)

    assert not (verdict.again and verdict.doubt), seen


@pytest.mark.parametrize("kind", KINDS)
def test_provider_that_says_too_many_in_its_own_way(kind: str) -> None:
    """R3: an answer that the plugin knows as "too many requests" is one, even with status 200."""
    request, _ = KINDS[kind]
    info = ProviderInfo(title="Example", says_too_many=lambda response: response.body == b"Requests too frequent")

    throttled = judge(request, HttpResponse(status=200, body=b"Requests too frequent"), info)
    good = judge(request, HttpResponse(status=200, body=b"{}"), info)

    assert (throttled.again, throttled.throttled, throttled.doubt, throttled.failing) == (True, True, False, False)
    assert good == Verdict(again=False)


#: After which answer with which advice who may repeat, whether a create may have been carried out, whether it speaks
#: against the provider's health.
ADVISED: list[tuple[int, RetryAdvice, frozenset[str], bool, bool]] = [
    # status  advice                 repeat      doubt  failing
    (202, RetryAdvice.IN_PROGRESS, REPEATABLE, True, False),
    (200, RetryAdvice.RETRY, REPEATABLE, False, False),
    (200, RetryAdvice.DO_NOT_RETRY, NOBODY, False, False),
    (400, RetryAdvice.RETRY, REPEATABLE, False, False),
    (409, RetryAdvice.RETRY, REPEATABLE, True, False),
    (409, RetryAdvice.DO_NOT_RETRY, NOBODY, True, False),
    (422, RetryAdvice.IN_PROGRESS, REPEATABLE, True, False),
    (429, RetryAdvice.RETRY, ALL, False, False),
    (429, RetryAdvice.DO_NOT_RETRY, NOBODY, False, False),
    (500, RetryAdvice.RETRY, REPEATABLE, True, True),
    (500, RetryAdvice.DO_NOT_RETRY, NOBODY, True, True),
    (501, RetryAdvice.RETRY, REPEATABLE, True, True),
    (503, RetryAdvice.DO_NOT_RETRY, NOBODY, True, True),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status, advice, repeat, doubt, failing", ADVISED)
def test_advice_of_the_provider_goes_before_the_status(
    kind: str, status: int, advice: RetryAdvice, repeat: frozenset[str], *, doubt: bool, failing: bool
) -> None:
    """R2, R3: a stored failure is not asked for again, and one that passes is, by requests that may be repeated."""
    request, info = KINDS[kind]

    verdict = judge(request, HttpResponse(status=status), attrs.evolve(info, retry_advice=lambda _: advice))

    assert (verdict.again, verdict.doubt) == (kind in repeat, doubt and kind in CREATES)
    assert (verdict.failing, verdict.throttled) == (failing, status == 429)


@pytest.mark.parametrize("status", [200, 400, 409, 429, 503])
@pytest.mark.parametrize("advice", [lambda _: None, lambda _: 1 / 0], ids=["none", "mistake"])
def test_without_advice_the_status_decides(status: int, advice: Callable[[HttpResponse], RetryAdvice | None]) -> None:
    """A plugin that says nothing, or makes a mistake, changes nothing."""
    request, info = KINDS["create with key"]
    advised = attrs.evolve(info, retry_advice=advice)

    assert judge(request, HttpResponse(status=status), advised) == judge(request, HttpResponse(status=status), info)


def test_lost_answer_without_a_class_of_its_own_leaves_a_doubt() -> None:
    """R3: an error of a transport that does not say what it means is not taken to be harmless."""
    verdict = judge(post(URL), TransportError("odd"), HONOURS_KEYS)

    assert (verdict.again, verdict.doubt) == (False, True)


def test_effect_that_the_transport_tells_does_not_change_the_rule() -> None:
    """R3: who may repeat what follows from the request, not from a word of the transport."""
    verdict = judge(post(URL), OutcomeUnknownError("odd", effect="none"), HONOURS_KEYS)

    assert (verdict.again, verdict.doubt) == (False, True)


@pytest.mark.parametrize("what", ["not sent", "unknown", 408, 409, 429, 503], ids=str)
def test_each_repetition_has_a_reason(what: int | str) -> None:
    """What observers are told of a repetition says why."""
    verdict = judge(*_with(KINDS["create with key"], _outcome(what, safe=False)))

    assert verdict.again
    assert verdict.reason


def _with(
    kind: tuple[HttpRequest, ProviderInfo], outcome: HttpResponse | TransportError
) -> tuple[HttpRequest, HttpResponse | TransportError, ProviderInfo]:
    request, info = kind
    return request, outcome, info


@pytest.mark.parametrize(
    "attempt, bound", [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, 20.0), (61, 20.0), (5_000, 20.0)]
)
def test_backoff_is_anything_up_to_a_bound_that_doubles(attempt: int, bound: float) -> None:
    """R4: full jitter, capped, and no overflow however often it failed."""
    waits = [backoff(attempt, base=0.5, most=20.0, jitter=luck) for luck in (0.0, 0.25, 1.0)]

    assert waits == [0.0, bound / 4, bound]


@pytest.mark.parametrize("attempt", [1, 10, 100])
def test_backoff_of_nothing_is_no_wait(attempt: int) -> None:
    """R4: a base of zero switches waiting off."""
    assert backoff(attempt, base=0.0, most=20.0, jitter=1.0) == 0.0
