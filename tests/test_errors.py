"""Errors are a tree that is drawn once, and each says what is known of the money on one line."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway_core import errors
from gateway_core.errors import (
    AuthenticationError,
    ConfigurationError,
    Effect,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PermissionDeniedError,
    PluginError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RejectedError,
    UnexpectedResponseError,
    UnknownBackendError,
    WebhookError,
    WebhookReason,
    for_status,
)

#: The whole tree as it was designed: each class below its base.
TREE = {
    "ConfigurationError": "GatewayError",
    "PluginError": "GatewayError",
    "UnknownBackendError": "PluginError",
    "UnsupportedOperationError": "GatewayError",
    "OutOfReachError": "UnsupportedOperationError",
    "InvalidRequestError": "GatewayError",
    "TransportError": "GatewayError",
    "NotSentError": "TransportError",
    "OutcomeUnknownError": "TransportError",
    "ProviderError": "GatewayError",
    "AuthenticationError": "ProviderError",
    "PermissionDeniedError": "ProviderError",
    "NotFoundError": "ProviderError",
    "RejectedError": "ProviderError",
    "RateLimitedError": "ProviderError",
    "ProviderUnavailableError": "ProviderError",
    "UnexpectedResponseError": "ProviderError",
    "WebhookError": "GatewayError",
    "JournalError": "GatewayError",
    "ConflictError": "JournalError",
    "InProgressError": "JournalError",
}

CLASSES = [getattr(errors, name) for name in ["GatewayError", *TREE]]
PLUGIN = {"entry_point": "x = y:Z", "distribution": "gateway-x", "version": "1.0", "who_must_act": "operator"}
ANSWER = {"http_status": 404, "code": "E7", "request_id": "r-7"}
OWN: dict[type[GatewayError], dict[str, Any]] = {
    PluginError: PLUGIN,
    UnknownBackendError: PLUGIN,
    WebhookError: {"reason": WebhookReason.STALE},
    RateLimitedError: ANSWER | {"retry_after": 1.5},
}


def full(kind: type[GatewayError]) -> tuple[GatewayError, dict[str, Any]]:
    """Return an error with every attribute that it can have, and these attributes."""
    own = OWN.get(kind, ANSWER if issubclass(kind, ProviderError) else {})
    context: dict[str, Any] = {"backend": "bitsby", "operation": "create_invoice", "effect": "done", "invoice_id": "7"}
    return kind("what is wrong", **context, **own), context | own | {"message": "what is wrong"}


def drawn() -> Iterator[tuple[str, str]]:
    """Read the tree out of the module's docstring: each class and its base."""
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r" {4}((?:\|  |   )*\+- )?(\w+Error)\b", line)
        if found:
            depth = len(found[1] or "") // 3
            above[depth] = found[2]
            if depth:
                yield found[2], above[depth - 1]


def test_the_drawing_is_the_tree() -> None:
    """The tree at the top of the module is the one that was designed."""
    actual = dict(drawn())

    assert actual == TREE


def test_the_classes_are_the_tree() -> None:
    """No class is missing from the drawing, and each stands below its base."""
    actual = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not GatewayError
    }

    assert actual == TREE


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_says_in_one_sentence_what_it_means(kind: type) -> None:
    """The docstring is what the reference shows."""
    actual = (kind.__doc__ or "").splitlines()[0]

    assert actual.endswith(".")


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_carry_their_context(kind: type[GatewayError]) -> None:
    """Every error tells the backend, the operation, the effect and the invoice where they are known."""
    error, expected = full(kind)

    actual = {name: getattr(error, name) for name in expected}

    assert actual == expected


@pytest.mark.parametrize("kind", CLASSES)
def test_context_is_optional(kind: type[GatewayError]) -> None:
    """A place that knows nothing of the context raises with a message alone."""
    error = kind("what is wrong")
    expected = "unknown" if kind is OutcomeUnknownError else "none"

    actual = error.message, error.backend, error.operation, error.invoice_id, error.effect

    assert actual == ("what is wrong", None, None, None, expected)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize(
    "clone",
    [copy.copy, copy.deepcopy, *(lambda error, n=n: pickle.loads(pickle.dumps(error, n)) for n in range(6))],  # noqa: S301
    ids=["copy", "deepcopy", *(f"pickle {n}" for n in range(6))],
)
def test_clones_keep_everything(kind: type[GatewayError], clone: Callable[[GatewayError], GatewayError]) -> None:
    """An error that went to another process says the same."""
    error, expected = full(kind)

    actual = clone(error)

    assert (type(actual), str(actual), {name: getattr(actual, name) for name in expected}) == (
        kind,
        str(error),
        expected,
    )


def test_a_pickle_holds_no_cause() -> None:
    """S1: what an error was raised from stays in the process."""
    error = GatewayError("what is wrong")
    error.__cause__ = ValueError("canary")

    actual = pickle.dumps(error)

    assert b"canary" not in actual


@pytest.mark.parametrize(
    "context, expected",
    [
        ({}, "no"),
        ({"backend": "bitsby"}, "bitsby: no"),
        ({"operation": "create_invoice"}, "create_invoice: no"),
        ({"backend": "bitsby", "operation": "create_invoice"}, "bitsby create_invoice: no"),
        ({"effect": "unknown"}, "no [effect: unknown]"),
        ({"backend": "bitsby", "effect": "done", "invoice_id": "7"}, "bitsby: no [effect: done]"),
    ],
    ids=range(6),
)
def test_text_says_where_and_what(context: dict[str, Any], expected: str) -> None:
    """The text names backend, operation and effect."""
    actual = str(GatewayError("no", **context))

    assert actual == expected


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("hostile", ["a\r\nb", "a\x1b[2Jb", "a\u202eb", "a\u2028b", "a\ud800b", "a\x00b"], ids=ascii)
def test_text_is_one_line(kind: type[GatewayError], hostile: str) -> None:
    """S8: neither a provider's words nor a backend's name forge a line of a log."""
    error = kind(hostile, backend=hostile, operation=hostile, invoice_id=hostile)

    actual = str(error), repr(error), error.message

    assert [text for text in actual if not (text.isprintable() and text.isascii())] == []


@pytest.mark.parametrize("field", ["code", "request_id"])
def test_what_the_provider_calls_things_is_one_short_line(field: str) -> None:
    """S2: the provider's codes are escaped and cut."""
    given: dict[str, Any] = {field: "a\n" + "b" * 1000}

    actual = getattr(ProviderError("no", **given), field)

    assert actual == "a\\n" + "b" * 198 + "..."


def test_long_messages_are_cut() -> None:
    """S2: what a provider says fills no log."""
    actual = len(str(GatewayError("a" * 10**6, backend="b" * 10**6)))

    assert actual <= 2503


@pytest.mark.parametrize("effect", ["none", "unknown", "done"])
def test_the_effect_of_a_lost_answer_can_be_said(effect: Effect) -> None:
    """A read changes nothing, so its lost answer has no effect."""
    actual = OutcomeUnknownError("no answer", effect=effect).effect

    assert actual == effect


def test_refused_arguments_are_pythons_errors_too() -> None:
    """A constructor that refuses may be caught as Python's own would be."""
    actual = issubclass(InvalidRequestError, ValueError), issubclass(InvalidRequestError, TypeError)

    assert actual == (True, True)


KINDS = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ProviderUnavailableError,
    410: NotFoundError,
    429: RateLimitedError,
}


@pytest.mark.parametrize("status", [-1, 0, 99, *range(100, 600), 600, 999])
def test_every_status_has_its_error(status: int) -> None:
    """Each HTTP status is one error; what is neither 4xx nor 5xx makes no sense as a refusal."""
    by_hundred = {4: RejectedError, 5: ProviderUnavailableError}
    expected = KINDS.get(status, by_hundred.get(status // 100, UnexpectedResponseError))

    actual = for_status(status, "no", code="E7", request_id="r-7", retry_after=2)

    assert (type(actual), actual.http_status, actual.code, actual.request_id) == (expected, status, "E7", "r-7")


@pytest.mark.parametrize(
    "status, code, expected",
    [
        (400, "throttled", RateLimitedError),
        (404, "throttled", RateLimitedError),
        (400, "other", RejectedError),
        (400, None, RejectedError),
        (500, "throttled", ProviderUnavailableError),
        (302, "throttled", UnexpectedResponseError),
    ],
)
def test_a_code_says_more_than_a_refusal(status: int, code: str | None, expected: type[ProviderError]) -> None:
    """A provider's own code goes before a status of 4xx, and never before one that leaves the outcome open."""
    error = for_status(status, "no", code=code, request_id="r-7", codes={"throttled": RateLimitedError})

    assert (type(error), error.http_status, error.code, error.request_id) == (expected, status, code, "r-7")


@pytest.mark.parametrize("retry_after", [None, 0.5])
def test_a_rate_limit_says_when_to_come_back(retry_after: float | None) -> None:
    """R4: the time to wait is kept."""
    error = for_status(429, "slow down", retry_after=retry_after)

    actual = error.retry_after if isinstance(error, RateLimitedError) else "missing"

    assert actual == retry_after


@pytest.mark.parametrize("reason", WebhookReason)
def test_webhook_errors_say_what_to_answer(reason: WebhookReason) -> None:
    """A redelivery is asked for only where the message could not be judged."""
    expected = {
        WebhookReason.TOO_LARGE: (413, False),
        WebhookReason.UNCONFIRMED: (503, True),
        WebhookReason.FAULTY_PLUGIN: (503, True),
    }.get(reason, (400, False))
    error = WebhookError("no", reason=reason)

    actual = error.http_status, error.retry

    assert actual == expected


def test_all_errors_are_caught_as_one() -> None:
    """An application that wants one except clause has it."""
    actual = [kind for kind in CLASSES if not issubclass(kind, GatewayError)]

    assert (actual, issubclass(GatewayError, Exception)) == ([], True)


def test_configuration_errors_are_no_value_errors() -> None:
    """A wrong deployment is not a wrong argument."""
    actual = issubclass(ConfigurationError, ValueError)

    assert actual is False
