"""Who may repeat what: the one table, and how long to wait before the next attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from gateway_core.errors import NotSentError, TransportError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.provider.facts import RetryAdvice

if TYPE_CHECKING:
    from gateway_core.provider import ProviderInfo

#: A server that is down, overloaded or too slow; from 520 on, the networks in front of it.
_UNAVAILABLE = frozenset({500, 502, 503, 504, *range(520, 531)})


@attrs.frozen
class Verdict:
    """What an attempt's outcome means for the next one.

    Attributes:
        again: Whether another attempt is allowed, and may do better.
        doubt: Whether this one may have been carried out, though it brought no usable answer.
        failing: Whether it speaks against the provider's health. One who answers "no" is well.
        throttled: Whether the provider counted it as one request too many.
        reason: What happened, in a few words; empty if it needs none.
    """

    again: bool
    doubt: bool = False
    failing: bool = False
    throttled: bool = False
    reason: str = ""


#: The provider answered: nothing more is to be done.
ANSWERED = Verdict(again=False)


def judge(request: HttpRequest, outcome: HttpResponse | TransportError, info: ProviderInfo) -> Verdict:
    """Return what the outcome of an attempt allows.

    Without a key that the provider honours, a request that changes something is repeated only after it surely was not
    carried out: it did not leave, or the provider counted it as one too many. What the provider advises
    (`ProviderInfo.retry_advice`) decides among the others, in place of the status.
    """
    repeatable = request.safe or (request.idempotency_key is not None and info.idempotency is not None)
    if isinstance(outcome, TransportError):
        if isinstance(outcome, NotSentError):
            return Verdict(again=not outcome.permanent, failing=True, reason="not sent")
        again = repeatable and not outcome.permanent
        return Verdict(again, doubt=not request.safe, failing=True, reason="no usable answer")
    status = outcome.status
    advice = _advice(outcome, info)
    if status == 429 or _says_too_many(outcome, info):
        return Verdict(advice is not RetryAdvice.DO_NOT_RETRY, throttled=True, reason="too many requests")
    if status < 400 and advice is None:
        return ANSWERED
    # With a key, a conflict means that the first request with it is still under way.
    in_progress = advice is RetryAdvice.IN_PROGRESS or (status == 409 and not request.safe)
    unavailable = status == 408 or status in _UNAVAILABLE
    failing = unavailable or status >= 500
    passes = unavailable or in_progress if advice is None else advice is not RetryAdvice.DO_NOT_RETRY
    return Verdict(
        again=repeatable and passes,
        doubt=not request.safe and (failing or in_progress),
        failing=failing,
        reason="in progress" if in_progress else f"status {status}",
    )


def _advice(response: HttpResponse, info: ProviderInfo) -> RetryAdvice | None:
    """Ask the plugin. What it says counts for requests only that may be repeated at all."""
    try:
        return None if info.retry_advice is None else info.retry_advice(response)
    except Exception:  # noqa: BLE001  # whatever a plugin's mistake raises
        return None


def _says_too_many(response: HttpResponse, info: ProviderInfo) -> bool:
    """Ask the plugin. The flow will tell what is wrong with an answer that it cannot read."""
    try:
        return info.says_too_many is not None and bool(info.says_too_many(response))
    except Exception:  # noqa: BLE001  # whatever a plugin's mistake raises
        return False


def backoff(attempt: int, base: float, most: float, jitter: float) -> float:
    """Return the seconds to wait after an attempt that failed: anything up to a bound that doubles ("full jitter").

    Args:
        attempt: Which one failed, counted from 1.
        base: The bound after the first, in seconds.
        most: The largest bound, in seconds.
        jitter: A random number from 0 to 1.
    """
    return jitter * min(most, base * 2.0 ** min(attempt - 1, 60))
