"""What comes out of a flow that fails: the kind of error, what is known of the provider's side, and no secret."""

from __future__ import annotations

import base64
import copy
import importlib.metadata
import traceback
from collections.abc import Callable, Generator, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

import pytest

from gateway_core import Flow, HttpRequest, HttpResponse, Money, errors
from gateway_core._engine.call import Call
from gateway_core._engine.error_boundary import ErrorBoundary
from gateway_core._engine.sync_driver import SyncDriver
from gateway_core._plugins.loading import Plugin
from gateway_core._redaction import Redactor
from gateway_core.errors import for_status
from gateway_core.observers import Observers
from gateway_core.transport import Deadline
from gateway_core.transport._pipeline import DirectPipeline

SECRET = "sk-live/7f3c+9b1e5a2d=60b4"
GET = HttpRequest(method="GET", url="https://fake.example/")
POST = HttpRequest(method="POST", url="https://fake.example/")
READING_POST = HttpRequest(method="POST", url="https://fake.example/", safe=True)

Answer = int | HttpResponse | errors.GatewayError


def run(start: Callable[[], Any], answer: Callable[[], Any], operation: str, plugin: Plugin | None = None) -> Any:
    """Run a call whose every request is answered by a function."""
    boundary = ErrorBoundary("fake", operation, Redactor([SECRET]), plugin)
    call = Call(operation, boundary, DirectPipeline(), Deadline.after(15.0), Observers().call("fake", operation))

    class Answers:
        def send(self, _: HttpRequest, __: Deadline) -> HttpResponse:
            response: HttpResponse = answer()
            return response

        def close(self) -> None:
            pass

    outcome = call.start(start)
    if isinstance(outcome, Generator):
        return SyncDriver(Answers()).run(call.actions(outcome), call.deadline)
    return outcome


def failure(
    start: Callable[[], Any], *answers: Answer, operation: str = "create_invoice", plugin: Plugin | None = None
) -> errors.GatewayError:
    """Run a flow against answers, each a status, a response or an error of the transport; return what it raises."""
    left = list(answers)

    def answer() -> HttpResponse:
        answer = left.pop(0)
        if isinstance(answer, errors.GatewayError):
            raise copy.copy(answer)
        return answer if isinstance(answer, HttpResponse) else HttpResponse(status=answer)

    with pytest.raises(errors.GatewayError) as caught:
        run(start, answer, operation, plugin)
    assert left == []
    return caught.value


def asking(*requests: HttpRequest, then: BaseException | None = None) -> Callable[[], Flow[None]]:
    """Return a flow that sends requests whatever is answered and then raises: this, or what the last status means."""

    def flow() -> Flow[None]:
        response = HttpResponse(status=200)
        for request in requests:
            response = yield request
        raise then or for_status(response.status, "no")

    return flow


def translating(request: HttpRequest, then: BaseException) -> Callable[[], Flow[None]]:
    """Return a flow that raises something else in place of the transport's error."""

    def flow() -> Flow[None]:
        try:
            yield request
        except errors.TransportError:
            raise then from None

    return flow


@pytest.mark.parametrize("status", range(300, 600))
def test_effect_of_each_status(status: int) -> None:
    """I6: after a create only a 4xx that is not 408 or 409 says for certain that nothing was done."""
    expected = "none" if 400 <= status < 500 and status not in (408, 409) else "unknown"

    assert failure(asking(POST), status).effect == expected


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 408, 409, 302])
def test_status_counts_whatever_the_plugin_makes_of_it(status: int) -> None:
    """A plugin that reads a refusal out of a 5xx does not make it certain."""
    assert failure(asking(POST, then=errors.RejectedError("declined")), status).effect == "unknown"


@pytest.mark.parametrize(
    "error, expected",
    [
        (errors.RejectedError("no"), "none"),
        (errors.AuthenticationError("no"), "none"),
        (errors.RateLimitedError("too frequent"), "none"),
        (errors.RejectedError("no", http_status=400), "none"),
        (errors.RejectedError("no", http_status=500), "unknown"),
        (errors.ProviderUnavailableError("maintenance"), "unknown"),
        (errors.UnexpectedResponseError("what?"), "unknown"),
        (errors.OutcomeUnknownError("lost"), "unknown"),
        (errors.PluginError("oh"), "unknown"),
        (KeyError("id"), "unknown"),
        (errors.UnexpectedResponseError("another amount", effect="done", invoice_id="i-1"), "done"),
        (errors.UnexpectedResponseError("an empty answer", effect="done"), "unknown"),
    ],
)
def test_effect_after_an_accepting_answer(error: Exception, expected: str) -> None:
    """After a 2xx the kind of the error decides: a refusal inside of it is one, what makes no sense is not."""
    assert failure(asking(POST, then=error), 200).effect == expected


@pytest.mark.parametrize("status", [200, 404, 422, 429])
def test_effect_of_a_refusal_after_an_attempt_that_may_have_worked(status: int) -> None:
    """R3: what an earlier attempt may have done is not undone by a "no" to the last one, in whatever status."""
    refused = errors.RateLimitedError("too many requests", http_status=status)
    answer = HttpResponse(status=status, doubtful=True)

    assert failure(asking(POST, then=refused), answer).effect == "unknown"


@pytest.mark.parametrize(
    "error, expected",
    [
        (errors.NotSentError("refused"), "none"),
        (errors.OutcomeUnknownError("timeout"), "unknown"),
        (errors.OutcomeUnknownError("timeout", effect="none"), "unknown"),
        (errors.TransportError("?"), "unknown"),
        (errors.InvalidRequestError("a host that is not the provider's"), "none"),
    ],
)
def test_effect_of_transport_errors(error: errors.GatewayError, expected: str) -> None:
    """Only what was surely not sent has surely no effect; the transport's error itself comes out."""
    actual = failure(asking(POST), error)

    assert (type(actual), actual.message, actual.effect) == (type(error), error.message, expected)


@pytest.mark.parametrize(
    "thrown, raised, expected",
    [
        (errors.OutcomeUnknownError("timeout"), errors.RejectedError("no"), "unknown"),
        (errors.OutcomeUnknownError("timeout"), KeyError("id"), "unknown"),
        (errors.NotSentError("refused"), KeyError("id"), "none"),
        (errors.NotSentError("refused"), errors.ProviderUnavailableError("down"), "none"),
    ],
)
def test_effect_of_a_translated_transport_error(
    thrown: errors.GatewayError, raised: BaseException, expected: str
) -> None:
    """What the transport knows counts, whatever error a plugin makes of it."""
    assert failure(translating(POST, raised), thrown).effect == expected


@pytest.mark.parametrize("request_", [GET, READING_POST], ids=["GET", "POST that only reads"])
@pytest.mark.parametrize("answer", [200, 404, 409, 500, errors.OutcomeUnknownError("timeout")], ids=str)
def test_reading_has_no_effect(request_: HttpRequest, answer: Answer) -> None:
    """A request that changes nothing has no effect, whatever is answered, even by what the error says of itself."""
    assert failure(asking(request_), answer, operation="get_status").effect == "none"


@pytest.mark.parametrize("answer", [404, 500, errors.NotSentError("refused"), errors.OutcomeUnknownError("x")], ids=str)
@pytest.mark.parametrize("first, expected", [(201, "unknown"), (500, "unknown"), (400, "none")])
def test_effect_of_a_read_that_fails_after_a_create(first: int, answer: Answer, expected: str) -> None:
    """A create that was accepted, or may have been, is not undone by the refusal of the request after it."""
    assert failure(asking(POST, GET), first, answer).effect == expected


@pytest.mark.parametrize("first", [201, 500])
def test_request_that_was_not_sent_after_a_create(first: int) -> None:
    """Nobody is told to repeat a call whose create may have been carried out because its next request did not leave."""
    actual = failure(asking(POST, GET), first, errors.NotSentError("refused", permanent=True, invoice_id="i-1"))

    assert isinstance(actual, errors.OutcomeUnknownError)
    assert actual.message == "refused; an earlier request of the call may have been carried out"
    assert (actual.permanent, actual.invoice_id, actual.backend) == (True, "i-1", "fake")


@pytest.mark.parametrize(
    "first, expected", [(errors.NotSentError("refused"), "none"), (errors.OutcomeUnknownError("x"), "unknown")]
)
def test_effect_of_a_second_try(first: errors.GatewayError, expected: str) -> None:
    """A try that may have worked is not undone by the refusal of the next."""

    def flow() -> Flow[None]:
        with pytest.raises(errors.TransportError):
            yield POST
        yield POST
        raise errors.RejectedError("no")

    assert failure(flow, first, 400).effect == expected


@pytest.mark.parametrize("operation, expected", [("create_invoice", "unknown"), ("get_status", "none")])
def test_effect_of_a_plain_function(operation: str, expected: str) -> None:
    """A plain function sends unseen: its word counts, where the operation can change something."""

    def plain() -> None:
        raise errors.OutcomeUnknownError("timeout")

    assert failure(plain, operation=operation).effect == expected


def test_record_that_refuses_an_answer() -> None:
    """What a record refuses after a request was answered is an unexpected response, and not "nothing was sent"."""

    def flow() -> Flow[Money]:
        yield POST
        return Money("1.234", "EUR")

    actual = failure(flow, 200)

    assert isinstance(actual, errors.UnexpectedResponseError)
    assert actual.effect == "unknown"
    assert actual.message.startswith("the answer is unusable: ")


def test_an_unusable_answer_bears_its_status() -> None:
    """Whoever reads the error sees that the provider answered, and with what."""
    actual = failure(asking(POST, then=errors.UnexpectedResponseError("no JSON")), 201)

    assert isinstance(actual, errors.UnexpectedResponseError)
    assert actual.http_status == 201


@pytest.mark.parametrize(
    "kept, expected",
    [
        ("inv_1", "inv_1"),
        (None, None),
        ("", None),
        ("9" * 300, None),
        (7, None),
        ("a\x00b", None),
        (f"i-{SECRET}", "i-***"),
    ],
    ids=range(7),
)
@pytest.mark.parametrize("kind", [errors.UnexpectedResponseError, errors.InvalidRequestError])
def test_id_of_an_error(kind: type[errors.GatewayError], kept: Any, expected: str | None) -> None:
    """I6: an id that could be read is kept, whatever refused the rest of the answer; what can be none is not."""
    actual = failure(asking(POST, then=kind("no", invoice_id=kept)), 200)

    assert (type(actual), actual.invoice_id) == (errors.UnexpectedResponseError, expected)


def test_record_that_refuses_an_argument() -> None:
    """What a record refuses before anything was sent stays what it is."""
    error = errors.InvalidRequestError("no")

    assert failure(asking(then=error)) is error


def test_transport_that_refuses_a_second_request() -> None:
    """What the transport refuses was refused before it was sent, whatever was answered before."""
    actual = failure(asking(GET, POST), 200, errors.InvalidRequestError("another host"))

    assert (type(actual), actual.effect) == (errors.InvalidRequestError, "none")


@pytest.mark.parametrize("value", [None, "GET /", GET.url, object()])
def test_flow_that_yields_something_else(value: Any) -> None:
    """P4: a flow yields requests, and nothing else."""

    def flow() -> Iterator[Any]:
        yield value

    actual = failure(flow)

    assert isinstance(actual, errors.PluginError)
    assert actual.message == f"a flow yields HttpRequest, not {type(value).__name__}"


class UnprintableError(Exception):
    """Cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    "error",
    [
        KeyError(SECRET),
        ValueError(SECRET),
        RecursionError(SECRET),
        InvalidOperation(SECRET),
        UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET),
        ExceptionGroup(SECRET, [ValueError(SECRET)]),
        UnprintableError(),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("requests", [(), (GET,)], ids=["before a request", "after a request"])
def test_raw_exception(error: Exception, requests: tuple[HttpRequest, ...]) -> None:
    """S9: whatever a plugin raises becomes an error of ours with kind and place, without its text or a chain."""
    actual = failure(asking(*requests, then=error), *(200 for _ in requests))

    assert isinstance(actual, errors.PluginError)
    assert actual.message.startswith(f"the plugin failed with {type(error).__name__} at {__file__}:")
    assert SECRET not in actual.message
    assert (actual.__cause__, actual.__context__) == (None, None)


FORMS = {
    "plain": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "basic": base64.b64encode(f"user:{SECRET}".encode()).decode(),
    "hex": SECRET.encode().hex(),
    "url": quote(SECRET, safe=""),
    "part": SECRET[3:18],
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_provider_that_echoes_the_key(form: str) -> None:
    """S1, S2: no text of a provider brings a secret into an error, in whatever form."""
    error = errors.RejectedError(f"bad key {form}!", code=f"c-{form}", request_id=f"r-{form}")

    actual = failure(asking(POST, then=error), 200)

    shown = "".join(traceback.format_exception(actual)) + repr(actual) + repr(vars(actual))
    assert not [part for part in (form[i : i + 12] for i in range(len(form) - 11)) if part in shown]
    assert actual.message.startswith("bad key ")
    assert "***" in actual.message


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("place", ["cause", "context", "group", "note", "note in a group", "own note", "deep"])
def test_secret_behind_an_error(form: str, place: str) -> None:
    """S1: a chain that holds a secret is cut off."""

    def flow() -> Flow[None]:
        yield POST
        behind: Exception = ValueError("bad" if "note" in place else f"bad {form}")
        if "note" in place:
            behind.add_note(form)
        if "group" in place:
            behind = ExceptionGroup("several", [ExceptionGroup("inner", [behind])])
        if place == "deep":
            deep, behind = behind, KeyError("x")
            behind.__cause__ = deep
        error = errors.UnexpectedResponseError("what?")
        if place == "own note":
            error.add_note(form)
            raise error
        try:
            raise behind
        except Exception as caught:
            if place == "context":
                raise error  # noqa: B904  # the point of the test
            raise error from caught

    actual = failure(flow, 200)

    assert form not in "".join(traceback.format_exception(actual))
    assert (actual.__cause__, actual.__context__) == (None, None)


def test_cause_that_cannot_be_printed() -> None:
    """A chain that cannot be looked at does not hide the error itself."""
    error = errors.UnexpectedResponseError("what?")
    error.__cause__ = UnprintableError()

    assert failure(asking(POST, then=error), 200).message == "what?"


def test_harmless_cause_is_kept() -> None:
    """A cause without a secret stays, for whoever looks for the reason."""
    cause = ValueError("no amount")
    error = errors.UnexpectedResponseError("what?")
    error.__cause__ = cause

    assert failure(asking(POST, then=error), 200).__cause__ is cause


def test_stop_iteration() -> None:
    """An exception that Python itself gives a meaning in a generator does not end a flow as if it had a result."""
    actual = failure(asking(GET, then=StopIteration(SECRET)), 200)

    assert actual.message.startswith("the plugin failed with RuntimeError")
    assert (actual.__cause__, actual.__context__) == (None, None)


def test_context_of_an_error() -> None:
    """Every error carries backend, operation and effect; what the plugin filled in stays."""
    actual = failure(asking(GET), 404)
    named = failure(asking(then=errors.RejectedError("no", backend="b", operation="o")))

    assert (actual.backend, actual.operation, actual.effect) == ("fake", "create_invoice", "none")
    assert (named.backend, named.operation) == ("b", "o")


def test_plugin_error_names_who_must_act() -> None:
    """A plugin that fails is named with its entry point, distribution and version."""
    source = importlib.metadata.EntryPoint("fake", "gateway_fake:Fake", "gateway_core.providers")
    plugin = Plugin("fake", "fake = gateway_fake:Fake", "gateway-fake", "1.2", source)

    actual = failure(asking(POST, then=KeyError("id")), 200, plugin=plugin)

    assert isinstance(actual, errors.PluginError)
    assert (actual.entry_point, actual.distribution, actual.version) == (plugin.entry_point, "gateway-fake", "1.2")
    assert actual.message.endswith("(distribution gateway-fake 1.2; the plugin author must act)")


@pytest.mark.parametrize("result", [None, 7, Decimal(1)])
def test_plain_result(result: Any) -> None:
    """What needs no request is returned as it is."""

    def no_sending() -> HttpResponse:
        raise AssertionError

    assert run(lambda: result, no_sending, "run") == result


@pytest.mark.parametrize("trouble", [None, KeyError("while closing")], ids=repr)
def test_flow_that_nobody_waits_for(trouble: Exception | None) -> None:
    """A plugin's flow is closed with the run of it; what it raises meanwhile replaces nothing that is under way."""
    cleaned: list[str] = []

    def flow() -> Flow[None]:
        try:
            yield GET
        finally:
            cleaned.append("up")
            if trouble is not None:
                raise trouble

    def interrupted() -> HttpResponse:
        raise KeyboardInterrupt

    kept = flow()
    with pytest.raises(KeyboardInterrupt):
        run(lambda: kept, interrupted, "run")

    assert cleaned == ["up"]
