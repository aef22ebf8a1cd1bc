"""Checks of refusals and lost answers: the right class of error, and what is known of the provider's side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import attrs

from gateway_conformance import fault_injection
from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, require
from gateway_conformance.harness import Harness
from gateway_conformance.operations import operations_of
from gateway_core.errors import NotSentError, OutcomeUnknownError, RateLimitedError, TransportError
from gateway_core.http import HttpRequest, HttpResponse

_JSON = {"Content-Type": "application/json"}


class HttpErrorChecks(Checks):
    """A refusal is told by its class, and says whether anything was done."""

    @check
    def test_redirect_is_unexpected(self) -> None:
        """A redirect is `UnexpectedResponseError`: it is not followed, and of a creation nothing is known.

        Why: Followed, it takes the key to another host, or makes a GET of a creation.
        """
        for status in (301, 302, 304, 307):
            self._status_of_a_new_account(status, headers={"Location": "https://elsewhere.example/"})

    @check
    def test_status_400_is_a_rejection(self, harness: Harness) -> None:
        """Status 400 is `RejectedError`, and nothing was done.

        Why: A request that is wrong stays wrong: it is not repeated.
        """
        self._status(harness, 400)

    @check
    def test_status_401_is_an_authentication_error(self, harness: Harness) -> None:
        """Status 401 is `AuthenticationError`, and nothing was done.

        Why: The operator must renew the key; nobody else can help.
        """
        self._status(harness, 401)

    @check
    def test_status_403_is_a_permission_error(self, harness: Harness) -> None:
        """Status 403 is `PermissionDeniedError`, or `AuthenticationError`, and nothing was done.

        Why: The operator must give the key more rights; repeating is of no use.
        """
        self._status(harness, 403)

    @check
    def test_status_404_is_not_found(self, harness: Harness) -> None:
        """Status 404 is `NotFoundError` where one thing is asked for, and nothing was done.

        Why: It is how an invoice that never was is told from one that cannot be read just now.
        """
        self._status(harness, 404)

    @check
    def test_status_409_leaves_a_creation_unknown(self, harness: Harness) -> None:
        """Status 409 is `RejectedError`, and of a creation nothing is known.

        Why: A conflict is often with the same request, sent before.
        """
        self._status(harness, 409)

    @check
    def test_status_422_is_a_rejection(self, harness: Harness) -> None:
        """Status 422 is `RejectedError`, and nothing was done.

        Why: The provider has read the request and refuses it.
        """
        self._status(harness, 422)

    @check
    def test_status_429_is_a_rate_limit(self, harness: Harness) -> None:
        """Status 429 is `RateLimitedError`, and nothing was done.

        Why: It is the one refusal after which repeating is right, later.
        """
        self._status(harness, 429)

    @check
    def test_retry_after_is_told(self, harness: Harness) -> None:
        """The seconds of `Retry-After` with status 429 are told as `retry_after`.

        Why: Who asks again sooner is locked out for longer.
        """
        for operation in operations_of(harness):
            answer = HttpResponse(status=429, headers={"Retry-After": "7", **_JSON}, body=b"{}")
            seen = fault_injection.error_of(harness, operation, answer)
            require(isinstance(seen, RateLimitedError), f"{operation.name} raised {seen and describe(seen)}")
            wait = seen.retry_after if isinstance(seen, RateLimitedError) else None
            require(wait == 7, f"{operation.name} was told to wait for 7 s, and says {wait}")

    @check
    def test_strange_retry_after_is_ignored(self, harness: Harness) -> None:
        """A `Retry-After` that is no number of seconds is still `RateLimitedError`, with nothing made up.

        Why: Anybody's proxy writes this header. Converted without care, it raises in the middle of a refusal.
        """
        for text in ("", "soon", "-1", "1e999", "9" * 5000, "Fri, 99 Nov 2026 00:00:00 GMT", "\u0667", "7, 8", "nan"):
            for operation in operations_of(harness):
                seen = fault_injection.error_of(
                    harness, operation, HttpResponse(status=429, headers={"Retry-After": text}, body=b"{}")
                )
                require(
                    isinstance(seen, RateLimitedError), f"{operation.name}, {text[:40]!r}: {seen and describe(seen)}"
                )
                wait = seen.retry_after if isinstance(seen, RateLimitedError) else None
                usable = wait is None or 0 <= wait < 10**9
                require(usable, f"{operation.name} makes {wait} s of {text[:40]!r}")

    @check
    def test_status_500_leaves_a_creation_unknown(self, harness: Harness) -> None:
        """Status 500 is `ProviderUnavailableError`, and of a creation nothing is known.

        Why: The failure may have come after the invoice was made. Who repeats it makes a second.
        """
        self._status(harness, 500)

    @check
    def test_status_502_503_504_leave_a_creation_unknown(self) -> None:
        """Statuses 502, 503 and 504 are `ProviderUnavailableError`, and of a creation nothing is known.

        Why: A proxy says so that lost the answer, not the request.
        """
        for status in (502, 503, 504):
            self._status_of_a_new_account(status)

    @check
    def test_error_status_is_never_a_success(self, harness: Harness) -> None:
        """An answer of any status of 4xx or 5xx is an error, also where its body is that of a success.

        Why: 402 says that nobody paid, and 409 that something else was done. What stands beside it is history.
        """
        for status in (402, 405, 406, 409, 410, 418, 422, 423, 424, 428, 451, 499, 500, 501, 505, 511, 520, 599):

            def put(answer: HttpResponse, status: int = status) -> HttpResponse:
                return attrs.evolve(answer, status=status)

            for operation, number, (outcome, error, _) in fault_injection.attack(harness, put):
                require(
                    error is not None, f"{operation.name}, answer {number + 1} of status {status}, gave {outcome!r}"
                )

    @check
    def test_request_that_was_not_sent_is_told_so(self, harness: Harness) -> None:
        """A request that never left is `NotSentError`, with effect `none`.

        Why: It may be repeated at once, and only then.
        """
        for operation in operations_of(harness):

            def refuse(*_: object) -> HttpResponse:
                raise NotSentError("no connection")

            seen = fault_injection.error_of(harness, operation, refuse)
            require(isinstance(seen, NotSentError), f"{operation.name} raised {seen and describe(seen)}")
            require(seen is None or seen.effect == "none", f"{operation.name} says effect {seen and seen.effect}")

    @check
    def test_lost_answer_leaves_a_creation_unknown(self, harness: Harness) -> None:
        """A lost answer is `OutcomeUnknownError`; its effect is `unknown` for a change, and `none` for a read.

        Why: This is how customers are charged twice: the invoice exists, and the shop believes that it does not.
        """
        for operation in operations_of(harness):
            for lost, wanted in ((True, "none"), (False, "unknown")):  # the answers to what is safe, or to what is not

                def lose(
                    _: int,
                    request: HttpRequest,
                    genuine: Callable[[], HttpResponse],
                    lost: bool = lost,  # noqa: FBT001  # the loop's, of this turn
                ) -> HttpResponse:
                    if request.safe is lost:
                        raise OutcomeUnknownError("the connection was closed")
                    return genuine()

                _, seen, asked = fault_injection.outcome_of(harness, operation, lose)
                if not any(request.safe is lost for request in asked):
                    reads = lost or operation.name in fault_injection.READS
                    require(reads, f"{operation.name} sends no request that changes something")
                    continue
                changed = any(not request.safe for request in asked)
                require(isinstance(seen, TransportError), f"{operation.name} raised {seen and describe(seen)}")
                allowed = ("unknown", "done") if lost and changed else (wanted,)
                require(seen is None or seen.effect in allowed, f"{operation.name} says effect {seen and seen.effect}")

    @check
    def test_creation_is_marked_as_changing_something(self, harness: Harness) -> None:
        """The request that creates an invoice is not `safe`, and those of reads are.

        Why: What is safe is repeated after a lost answer. A creation is then made twice; a read that is not safe never.
        """
        for operation in operations_of(harness):
            with harness.transport.recording() as asked:
                fault_injection.called(operation, harness.gateway)
            require(asked, f"{operation.name} sent no request")
            unsafe = [request for request in asked if not request.safe]
            if operation.name in fault_injection.READS:
                require(not unsafe, f"{operation.name} sends {unsafe[:1]} as one that changes something")
            else:
                require(unsafe, f"{operation.name} sends no request that changes something")

    @check
    def test_refusal_tells_its_status(self, harness: Harness) -> None:
        """An error that stands for an HTTP status bears it as `http_status`.

        Why: It is the first thing that the provider's support desk asks for.
        """
        for status in (401, 404, 422, 500):
            for operation in operations_of(harness):
                seen = fault_injection.error_of(harness, operation, HttpResponse(status=status, body=b"{}"))
                told = getattr(seen, "http_status", None)
                require(told == status, f"{operation.name} was answered with {status}, and says {told}")

    def _status_of_a_new_account(self, status: int, headers: dict[str, str] | None = None) -> None:
        """Judge one of several statuses in an account of its own: one with many invoices is slow to look through."""
        with contextlib.closing(Harness(self)) as harness:
            self._status(harness, status, headers)

    def _status(self, harness: Harness, status: int, headers: dict[str, str] | None = None) -> None:
        for body in fault_injection.REFUSALS:

            def put(_: HttpResponse, body: bytes = body) -> HttpResponse:
                return HttpResponse(status=status, headers=headers or {}, body=body)

            fault_injection.judge_all(
                harness, f"status {status} ({body[:20]!r})", fault_injection.STATUSES[status], put
            )
