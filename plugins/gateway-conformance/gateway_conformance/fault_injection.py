"""Answers that no provider documents, and what may come of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from gateway_conformance.check import describe, fail, require
from gateway_conformance.harness import Harness
from gateway_conformance.operations import Operation, operations_of
from gateway_core.errors import (
    AuthenticationError,
    GatewayError,
    NotFoundError,
    PermissionDeniedError,
    PluginError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
)
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import StatusReport
from gateway_core.models.status import InvoiceStatus

#: Operations that only read, and those whose result is made of the answer.
READS = frozenset({"get_status", "list_payments", "find_invoice", "check_account"})
_TELLING = frozenset({"create_invoice", "get_status", "list_payments", "find_invoice", "refund_payment"})
#: Operations that answer with nothing where a bare empty list is all that the provider says.
_LISTS = frozenset({"list_payments", "find_invoice"})

_SUCCESS = frozenset({InvoiceStatus.PAID, InvoiceStatus.OVERPAID, InvoiceStatus.AUTHORIZED, InvoiceStatus.APPROVED})

#: Bodies of refusals: what a provider, a proxy and a web server write.
REFUSALS = (b"", b"{}", b"[]", b"null", b'{"error": 7}', b"<html><h1>Error</h1></html>", b"\xff\xfe", b'{"error": {')

Result = tuple[Any, GatewayError | None, list[HttpRequest]]


@attrs.frozen(kw_only=True)
class Wanted:
    """What has to come of one kind of answer.

    Attributes:
        errors: The classes of which the error must be.
        effects: What a creation's error must say where the answer is that to the creation itself.
        reading: The classes for operations that read one thing by its id, where they differ.
    """

    errors: tuple[type[GatewayError], ...]
    effects: tuple[str, ...]
    reading: tuple[type[GatewayError], ...] | None = None


GARBAGE = Wanted(errors=(UnexpectedResponseError,), effects=("unknown", "done"))
_NOTHING = ("none",)
_UNSURE = ("unknown",)

STATUSES: dict[int, Wanted] = {
    301: Wanted(errors=(UnexpectedResponseError,), effects=_UNSURE),
    302: Wanted(errors=(UnexpectedResponseError,), effects=_UNSURE),
    307: Wanted(errors=(UnexpectedResponseError,), effects=_UNSURE),
    304: Wanted(errors=(UnexpectedResponseError,), effects=_UNSURE),
    400: Wanted(errors=(RejectedError,), effects=_NOTHING),
    401: Wanted(errors=(AuthenticationError,), effects=_NOTHING),
    403: Wanted(errors=(PermissionDeniedError, AuthenticationError), effects=_NOTHING),
    404: Wanted(errors=(NotFoundError, RejectedError), effects=_NOTHING, reading=(NotFoundError,)),
    409: Wanted(errors=(RejectedError, UnexpectedResponseError), effects=_UNSURE),
    422: Wanted(errors=(RejectedError,), effects=_NOTHING),
    429: Wanted(errors=(RateLimitedError,), effects=_NOTHING),
    500: Wanted(errors=(ProviderUnavailableError,), effects=_UNSURE),
    502: Wanted(errors=(ProviderUnavailableError,), effects=_UNSURE),
    503: Wanted(errors=(ProviderUnavailableError,), effects=_UNSURE),
    504: Wanted(errors=(ProviderUnavailableError,), effects=_UNSURE),
}


def attack(harness: Harness, change: Callable[[HttpResponse], HttpResponse]) -> Iterator[tuple[Operation, int, Result]]:
    """Run every operation with its first answer changed, then with its second, and so on; yield what came of each."""
    for operation in operations_of(harness):
        number = 0
        while number < 5:
            result = _run(harness, operation, number, change)
            if len(result[2]) <= number:
                break
            yield operation, number, result
            number += 1


def _run(harness: Harness, operation: Operation, at: int, change: Callable[[HttpResponse], HttpResponse]) -> Result:
    def answer(number: int, _: HttpRequest, genuine: Callable[[], HttpResponse]) -> HttpResponse:
        return change(genuine()) if number == at else genuine()

    outcome, caught = None, None
    with harness.transport.answering(answer) as asked:
        try:
            outcome = called(operation, harness.gateway)
        except GatewayError as error:
            caught = error
    return outcome, caught, asked


def called(operation: Operation, gateway: Any) -> Any:
    """Call an operation, and read a listing to its end."""
    result = operation.call(gateway)
    return list(result) if operation.name == "list_payments" else result


def judge(answer: str, wanted: Wanted, attacked: tuple[Operation, int, Result], *, bare: bool) -> None:
    """Fail unless what came of an answer is what must.

    Args:
        answer: What the answer was, in words.
        wanted: What must come of it.
        attacked: What came of it.
        bare: Whether the answer may mean that a list is empty.
    """
    operation, number, (outcome, error, asked) = attacked
    what = f"{operation.name} with {answer} as answer {number + 1}"
    if error is None:
        again = any(each.url == asked[number].url for each in asked[number + 1 :])
        renewed = (
            again and AuthenticationError in wanted.errors
        )  # a token that had run out, and another try with a new one
        fine = renewed or (bare and operation.name in _LISTS) or operation.name not in _TELLING
        require(fine, f"{what} gave {outcome!r}")
        return
    by_id = wanted.reading is not None and operation.name == "get_status"
    kinds = wanted.reading if by_id and wanted.reading else wanted.errors
    require(
        isinstance(error, kinds),
        f"{what} raised {describe(error)}, which is no {' or '.join(k.__name__ for k in kinds)}",
    )
    judge_effect(what, wanted.effects, operation, number, error, asked)


def judge_effect(  # noqa: PLR0913, PLR0917  # all that the effect depends on
    what: str,
    effects: tuple[str, ...],
    operation: Operation,
    number: int,
    error: GatewayError,
    asked: list[HttpRequest],
) -> None:
    """Fail unless an error says what is known of the provider's side."""
    if operation.name in READS:
        allowed: tuple[str, ...] = ("none",)
    elif any(not request.safe for request in asked[:number]):
        allowed = ("unknown", "done")
    elif all(request.safe for request in asked[: number + 1]):
        allowed = ("none",)  # it was a question before the change
    elif operation.name != "create_invoice":
        return
    else:
        allowed = effects
    require(
        error.effect in allowed, f"{what} raised {type(error).__name__} with effect {error.effect}, not {allowed[0]}"
    )


def judge_documented(answer: str, attacked: tuple[Operation, int, Result]) -> None:
    """Fail unless an error is one of a provider's documented ones, and no result is a success that nobody told."""
    operation, number, (outcome, error, asked) = attacked
    what = f"{operation.name} with {answer} in answer {number + 1}"
    if error is None:
        success = isinstance(outcome, StatusReport) and outcome.status in _SUCCESS
        require(not success, f"{what} gave {outcome!r}, and nobody has paid")
        return
    fine = isinstance(error, ProviderError) and not isinstance(error, PluginError)
    require(fine, f"{what} raised {describe(error)}")
    judge_effect(what, ("unknown", "done"), operation, number, error, asked)


def first_answer(harness: Harness, operation: Any) -> HttpResponse:
    """Return the provider's own first answer to an operation."""
    before = len(harness.transport.answers)
    try:
        called(operation, harness.gateway)
    except GatewayError as error:
        fail(f"{operation.name} failed with {describe(error)}")
    require(len(harness.transport.answers) > before, f"{operation.name} sent no request")
    return harness.transport.answers[before]


def outcome_of(harness: Harness, operation: Any, answer: Any) -> Result:
    """Call an operation with other answers; return what came of it."""
    outcome, caught = None, None
    with harness.transport.answering(answer) as asked:
        try:
            outcome = called(operation, harness.gateway)
        except GatewayError as error:
            caught = error
    return outcome, caught, asked


def error_of(harness: Harness, operation: Any, answer: Any) -> GatewayError | None:
    """Call an operation with other answers; return the error."""
    return outcome_of(harness, operation, answer)[1]


def judge_all(
    harness: Harness, answer: str, wanted: Wanted, change: Callable[[HttpResponse], HttpResponse], *, bare: bool = False
) -> None:
    """Fail unless every operation makes of an answer, wherever it comes, what must come of it. As `judge`."""
    attacks = 0
    for attacked in attack(harness, change):
        judge(answer, wanted, attacked, bare=bare)
        attacks += 1
    require(attacks, "no operation sent a request")
