"""Answers that no provider documents, and what may come of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Self

import attrs

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
from gateway_core.testing.suite._checks import failed, named, see
from gateway_core.testing.suite._stage import Operation, Stage

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


def attack(stage: Stage, change: Callable[[HttpResponse], HttpResponse]) -> Iterator[tuple[Operation, int, Result]]:
    """Run every operation with its first answer changed, then with its second, and so on; yield what came of each."""
    for operation in stage.operations():
        number = 0
        while number < 5:
            result = _run(stage, operation, number, change)
            if len(result[2]) <= number:
                break
            yield operation, number, result
            number += 1


def _run(stage: Stage, operation: Operation, at: int, change: Callable[[HttpResponse], HttpResponse]) -> Result:
    def answer(number: int, _: HttpRequest, genuine: Callable[[], HttpResponse]) -> HttpResponse:
        return change(genuine()) if number == at else genuine()

    outcome, caught = None, None
    with stage.wire.answering(answer) as asked:
        try:
            outcome = called(operation, stage.gateway)
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
        see((bare and operation.name in _LISTS) or operation.name not in _TELLING, f"{what} gave {outcome!r}")
        return
    by_id = wanted.reading is not None and operation.name == "get_status"
    kinds = wanted.reading if by_id and wanted.reading else wanted.errors
    see(isinstance(error, kinds), f"{what} raised {named(error)}, which is no {' or '.join(k.__name__ for k in kinds)}")
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
    elif operation.name != "create_invoice":
        return
    else:
        allowed = effects
    see(error.effect in allowed, f"{what} raised {type(error).__name__} with effect {error.effect}, not {allowed[0]}")


def judge_documented(answer: str, attacked: tuple[Operation, int, Result]) -> None:
    """Fail unless an error is one of a provider's documented ones, and no result is a success that nobody told."""
    operation, number, (outcome, error, asked) = attacked
    what = f"{operation.name} with {answer} in answer {number + 1}"
    if error is None:
        success = isinstance(outcome, StatusReport) and outcome.status in _SUCCESS
        see(not success, f"{what} gave {outcome!r}, and nobody has paid")
        return
    fine = isinstance(error, ProviderError) and not isinstance(error, PluginError)
    see(fine, f"{what} raised {named(error)}")
    judge_effect(what, ("unknown", "done"), operation, number, error, asked)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in parsed JSON, of objects and lists too; of a list the first item only."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*path, 0))


def parsed(body: bytes) -> Any:
    """Return the JSON of a body; None if it is none. Numbers stay as they are written."""
    try:
        return json.loads(body, parse_float=_Number, parse_int=_Number)
    except ValueError:
        return None


class _Number(int):
    """A number as it is written."""

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, 0)
        made.text = text  # type: ignore[attr-defined]  # what `written` writes
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]  # set when it was made


def written(value: Any) -> bytes:
    """Write JSON, with numbers as they were written."""
    match value:
        case _Number():
            return repr(value).encode()
        case dict():
            pairs = (json.dumps(name).encode() + b":" + written(each) for name, each in value.items())
            return b"{" + b",".join(pairs) + b"}"
        case list():
            return b"[" + b",".join(map(written, value)) + b"]"
    return json.dumps(value).encode()


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return parsed JSON in which the value at a path is another, or is gone if the new one is `...`."""
    first, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[first] = changed(copy[first], tuple(rest), new)
    elif new is ...:
        del copy[first]
    else:
        copy[first] = new
    return copy


def first_answer(stage: Stage, operation: Any) -> HttpResponse:
    """Return the provider's own first answer to an operation."""
    before = len(stage.wire.answers)
    try:
        called(operation, stage.gateway)
    except GatewayError as error:
        failed(f"{operation.name} failed with {named(error)}")
    see(len(stage.wire.answers) > before, f"{operation.name} sent no request")
    return stage.wire.answers[before]


def outcome_of(stage: Stage, operation: Any, answer: Any) -> Result:
    """Call an operation with other answers; return what came of it."""
    outcome, caught = None, None
    with stage.wire.answering(answer) as asked:
        try:
            outcome = called(operation, stage.gateway)
        except GatewayError as error:
            caught = error
    return outcome, caught, asked


def error_of(stage: Stage, operation: Any, answer: Any) -> GatewayError | None:
    """Call an operation with other answers; return the error."""
    return outcome_of(stage, operation, answer)[1]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path of parsed JSON."""
    for step in path:
        value = value[step]
    return value


def judge_all(
    stage: Stage, answer: str, wanted: Wanted, change: Callable[[HttpResponse], HttpResponse], *, bare: bool = False
) -> None:
    """Fail unless every operation makes of an answer, wherever it comes, what must come of it. As `judge`."""
    attacks = 0
    for attacked in attack(stage, change):
        judge(answer, wanted, attacked, bare=bare)
        attacks += 1
    see(attacks, "no operation sent a request")
