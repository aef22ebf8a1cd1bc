"""A transport that records what goes over it, and on which a check may answer in the provider's place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.transport import Deadline, Transport

#: Answers a request in place of the provider: told which request of the call it is, from 0, the request, and what
#: gives the provider's own answer.
Answering: TypeAlias = Callable[[int, HttpRequest, Callable[[], HttpResponse]], HttpResponse]


class RecordingTransport:
    """A transport that records its requests and answers, and on which a check may answer in the provider's place.

    Args:
        inner: What answers otherwise.
        before: What happens before each request, such as time that passes.
    """

    def __init__(self, inner: Transport, before: Callable[[], None] = lambda: None) -> None:
        self._inner = inner
        self._before = before
        self._answering: Answering | None = None
        self._first = 0
        self.requests: list[HttpRequest] = []
        self.answers: list[HttpResponse] = []

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Answer one request."""
        self.requests.append(request)
        self._before()

        def genuine() -> HttpResponse:
            return self._inner.send(request, deadline)

        number = len(self.requests) - 1 - self._first
        answer = genuine() if self._answering is None else self._answering(number, request, genuine)
        self.answers.append(answer)
        return answer

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    @contextlib.contextmanager
    def answering(self, answering: Answering | HttpResponse) -> Iterator[list[HttpRequest]]:
        """Let a function answer, or one answer be given to everything; give the list of what is asked meanwhile."""
        self._first = len(self.requests)
        self._answering = answering if not isinstance(answering, HttpResponse) else lambda *_: answering
        with self.recording() as asked:
            try:
                yield asked
            finally:
                self._answering = None

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[HttpRequest]]:
        """Give the list of what is asked meanwhile, complete at the end."""
        first = len(self.requests)
        asked: list[HttpRequest] = []
        try:
            yield asked
        finally:
            asked += self.requests[first:]
