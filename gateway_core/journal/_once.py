"""Doing a thing at a provider at most once: the intent, the mark, one request, and what to do about a lost answer."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import attrs

from gateway_core.errors import (
    ConflictError,
    GatewayError,
    InProgressError,
    JournalError,
    NotSentError,
    OutcomeUnknownError,
    ProviderError,
    RejectedError,
    UnsupportedOperationError,
)
from gateway_core.journal._intents import Asked, Intent, Intents
from gateway_core.journal._schema import IntentState
from gateway_core.provider import Idempotency
from gateway_core.transport import Deadline
from gateway_core.transport._actions import Actions, CallCanceledError, RunBlocking, Sleep

T = TypeVar("T")

#: A request may still be carried out this long after it was sent: before that, an absence proves nothing.
SETTLE = timedelta(seconds=60)

#: Kept from the end of a key's life, for clocks that differ.
_KEY_MARGIN = timedelta(minutes=5)

#: How much longer than its call a lease lasts, for the last writes.
_SPARE = timedelta(seconds=10)


@attrs.frozen(kw_only=True)
class Plan(Generic[T]):
    """What is to be done once.

    Attributes:
        asked: What is written down of it.
        send: Does it; given the moment when it was first asked for.
        find: Looks whether it was done, given the intent; None if nobody can look.
        absence_proves: Whether what is not found after that was surely not done.
        settle: How long after the request an absence proves nothing.
        idempotency: How the provider honours its key; None if it does not.
        keep: Returns what is written down of the result.
        read: Reads that again.
        done: Writes down what else follows from the result, in the same transaction.
    """

    asked: Asked
    send: Callable[[datetime], Actions[T]]
    find: Callable[[Intent], Actions[T | None]] | None
    absence_proves: bool = True
    settle: timedelta
    idempotency: Idempotency | None
    keep: Callable[[T], Mapping[str, Any]]
    read: Callable[[Mapping[str, Any]], T]
    done: Callable[[Intents, Intent, T, Mapping[str, Any]], object]


def once(intents: Intents, plan: Plan[T], deadline: Deadline) -> Actions[tuple[T, bool]]:
    """Do it, or return what it came to before; and whether it was done by this very call.

    Raises:
        ConflictError: If it was asked for before with other content, or the provider has something else.
        InProgressError: If another worker is at it, and not ready before the deadline.
        JournalError: If it cannot be written down; then nothing was sent, or the error's ``effect`` says otherwise.
        OutcomeUnknownError: If it may have been done, and cannot be found out now.
        GatewayError: As of sending it.
    """
    intent, mine = yield from _begin(intents, plan.asked, deadline)
    if not mine:
        return plan.read(intent.result or {}), False
    try:
        return (yield from _own(intents, plan, intent, deadline))
    except CallCanceledError as canceled:
        sent = canceled.sent
        with contextlib.suppress(JournalError):
            yield RunBlocking(lambda: intents.abandon(intent, sent=sent))
        raise


def _own(intents: Intents, plan: Plan[T], intent: Intent, deadline: Deadline) -> Actions[tuple[T, bool]]:
    """Do what the caller owns now."""
    anew = intent.state is IntentState.NEW
    if not anew:
        found = yield from _look_once_more(intents, plan, intent)
        if found is not None:
            yield from _succeed(intents, plan, intent, found)
            return found, False
        anew = not _keyed(plan, intent)
    marked: Intent = yield RunBlocking(lambda: intents.sending(intent, anew=anew))
    try:
        result = yield from plan.send(marked.requested_at)
    except GatewayError as error:
        failure = error
    else:
        yield from _succeed(intents, plan, marked, result)
        return result, True
    # Of a repeated request only a refusal tells of the first one, whose key the provider would have known.
    if failure.effect == "none" and not anew and not isinstance(failure, RejectedError):
        failure = _unknown_still(failure)
    return (yield from _after_failure(intents, plan, marked, failure, deadline)), True


def _begin(intents: Intents, asked: Asked, deadline: Deadline) -> Actions[tuple[Intent, bool]]:
    """Own the intent, or wait until whoever owns it is ready."""
    pause = 0.02
    while True:
        lease = timedelta(seconds=max(0.0, deadline.remaining())) + _SPARE
        intent, mine = yield RunBlocking(functools.partial(intents.begin, asked, lease))
        if mine or intent.state is IntentState.DONE:
            return intent, mine
        if deadline.remaining() <= pause:
            raise InProgressError("another worker is at it right now: ask again in a moment", effect="unknown")
        yield Sleep(pause)
        pause = min(2 * pause, 0.5)


def look(plan: Plan[T], intent: Intent) -> Actions[T | None]:
    """Find out what has become of a request whose result nobody wrote down; None if it may be sent (again)."""
    if _keyed(plan, intent):
        return None
    sent_at = intent.sent_at or intent.seen_at
    if plan.find is None:
        raise OutcomeUnknownError(
            "it may have been carried out, and the provider has neither a search nor keys that would tell: look at the"
            " provider, then say so with `gateway journal resolve`",
            invoice_id=intent.invoice_id,
        )
    try:
        found = yield from plan.find(intent)
    except UnsupportedOperationError:
        found, reason = None, "the provider cannot look that far"
    else:
        if found is not None:
            return found
        if not plan.absence_proves:
            reason = "what the provider tells has not everything: look there, and say so with `gateway journal resolve`"
        elif intent.seen_at - sent_at >= plan.settle:
            return None
        else:
            seconds = plan.settle.total_seconds()
            reason = f"it is not there, which proves nothing before {seconds:.0f} seconds have passed"
    raise OutcomeUnknownError(f"it may have been carried out, and {reason}", invoice_id=intent.invoice_id)


def _look_once_more(intents: Intents, plan: Plan[T], intent: Intent) -> Actions[T | None]:
    """Find out what has become of it, and leave it for the next one where that fails."""
    try:
        return (yield from look(plan, intent))
    except GatewayError as error:
        failure = _unknown_still(error)
    yield from _leave(intents, intent, failure)
    raise failure


def _keyed(plan: Plan[T], intent: Intent) -> bool:
    """Return whether the provider would carry a second request with the same key out as well."""
    if plan.idempotency is None:
        return False
    life = plan.idempotency.life
    return life is None or intent.sent_at is None or intent.seen_at - intent.sent_at < life - _KEY_MARGIN


def _succeed(intents: Intents, plan: Plan[T], intent: Intent, result: T) -> Actions[None]:
    """Write the result down.

    Raises:
        ConflictError: If it belongs to something else.
        JournalError: If that fails; with the effect, since it was done all the same.
    """
    note = RunBlocking(lambda: plan.done(intents, intent, result, plan.keep(result)))
    try:
        try:
            yield note
        except CallCanceledError:
            yield note  # the result is known, whoever waits for it
            raise
    except JournalError as error:
        error.effect = "done"
        error.invoice_id = getattr(result, "invoice_id", None) or getattr(result, "id", None)
        raise
    except ConflictError as error:
        yield from _leave(intents, intent, error)
        raise


def _after_failure(
    intents: Intents, plan: Plan[T], intent: Intent, failure: GatewayError, deadline: Deadline
) -> Actions[T]:
    """Write the failure down, and look once whether it was done all the same."""
    if failure.effect == "none":
        yield from _leave(intents, intent, failure, IntentState.FAILED)
        raise failure
    if (
        failure.effect == "unknown"
        and plan.find is not None
        and failure.invoice_id is None
        and deadline.remaining() > 0
    ):
        try:
            found = yield from plan.find(intent)
        except ConflictError as conflict:
            failure = conflict
        except GatewayError:
            found = None
        else:
            if found is not None:
                yield from _succeed(intents, plan, intent, found)
                return found
    yield from _leave(intents, intent, failure)
    raise failure


def _leave(
    intents: Intents, intent: Intent, failure: GatewayError, state: IntentState = IntentState.UNKNOWN
) -> Actions[None]:
    """Write down what went wrong, for whoever looks next. Where that fails, the mark before the sending says enough."""
    known: dict[str, Any] = {} if failure.invoice_id is None else {"invoice_id": failure.invoice_id}
    with contextlib.suppress(JournalError):
        yield RunBlocking(lambda: intents.end(intent, state, error=_name(failure), **known))


def _unknown_still(error: GatewayError) -> GatewayError:
    """Return an error that says what is known of all requests, and not of the last one only."""
    if isinstance(error, NotSentError):
        return OutcomeUnknownError(
            f"an earlier request may have been carried out, and it cannot be looked up now ({error.message})",
            backend=error.backend,
            operation=error.operation,
        )
    if error.effect == "none":
        error.effect = "unknown"
    return error


def _name(error: GatewayError) -> str:
    code = error.code if isinstance(error, ProviderError) else None
    return f"{type(error).__name__} {code or ''}".strip()[:100]
