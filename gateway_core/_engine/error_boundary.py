"""What stands between a plugin's flow and everybody else: only our errors come out, and each says what is known."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, Literal

from gateway_core._plugins import loading
from gateway_core._redaction import scrub
from gateway_core._tracebacks import behind, forget
from gateway_core.errors import (
    Effect,
    GatewayError,
    InvalidRequestError,
    NotSentError,
    OutcomeUnknownError,
    PluginError,
    ProviderError,
    ProviderUnavailableError,
    TransportError,
    UnexpectedResponseError,
)
from gateway_core.http import Flow, HttpRequest, HttpResponse
from gateway_core.models._fields import is_identifier
from gateway_core.transport._retry_after import retry_after

#: Operations that change something; through a plain function they do so unseen, and the plugin's word counts.
_CHANGING = ("create_invoice", "cancel_invoice", "refund_payment", "run")


class ErrorBoundary:
    """Watches one run of a flow.

    Args:
        backend: The backend's name.
        operation: The operation's name.
        secrets: What must be in no text of an error.
        plugin: Whom to name where the plugin is at fault.

    Attributes:
        requests: How many requests the flow has yielded so far.
    """

    def __init__(
        self, backend: str, operation: str, secrets: tuple[str, ...], plugin: loading.Plugin | None = None
    ) -> None:
        self._backend = backend
        self._operation = operation
        self._secrets = secrets
        self._plugin = plugin
        self._effect = _EffectSoFar()
        self._answer: HttpResponse | None = None
        self._thrown: GatewayError | None = None
        self.requests = 0

    def run(self, start: Callable[[], Any]) -> Flow[Any]:
        """Run what `start` returns, a flow or a result; raise a `GatewayError`, whatever it raises."""
        failure: GatewayError
        try:
            outcome = start()
            return (yield from self._watch(outcome)) if isinstance(outcome, Generator) else outcome
        except InvalidRequestError as error:
            failure = error
            if self._answer is not None and error is not self._thrown:
                # Not "refused before anything was sent": one of our records refused what the provider answered.
                reason = f"the answer is unusable: {error.message}"
                failure = UnexpectedResponseError(reason, effect=error.effect, invoice_id=error.invoice_id)
        except GatewayError as error:
            failure = error
        except Exception as error:  # noqa: BLE001  # whatever a plugin's mistake raises
            failure = PluginError(f"the plugin failed with {loading.describe(error, text=False)}")
        # Raised outside of the handler, so that what the plugin raised, and the values in it, are not in the chain.
        raise self.complete(failure)

    def _watch(self, flow: Generator[Any, HttpResponse, Any]) -> Flow[Any]:
        """Pass requests and answers on, and note what they tell of the provider's side."""
        try:
            request = next(flow)
            while True:
                if not isinstance(request, HttpRequest):
                    raise PluginError(f"a flow yields HttpRequest, not {type(request).__name__}")
                self.requests += 1
                self._effect.asked(request)
                try:
                    response = yield request
                except GatewayError as error:
                    self._thrown = error
                    self._effect.failed(error)
                    request = flow.throw(error)
                else:
                    self._answer = response
                    self._effect.answered(response)
                    request = flow.send(response)
        except StopIteration as stop:
            return stop.value
        finally:
            # What a plugin raises while it is closed must not take the place of what is under way.
            with contextlib.suppress(Exception):
                flow.close()

    def complete(self, error: GatewayError) -> GatewayError:
        """Return the error with what the place that raised it did not know, and without secrets."""
        forget(error)
        if self.requests:
            error.effect = self._effect.after(error)
            if isinstance(error, NotSentError) and error.effect != "none":
                # Its class says "repeat as you like", which is true of the last request and not of those before it.
                reason = f"{error.message}; an earlier request of the call may have been carried out"
                error = OutcomeUnknownError(
                    reason, permanent=error.permanent, effect=error.effect, invoice_id=error.invoice_id
                )
        elif error.effect == "unknown" and self._operation not in _CHANGING:
            error.effect = "none"
        error.backend = error.backend or self._backend
        error.operation = error.operation or self._operation
        if isinstance(error, PluginError) and self._plugin is not None and error.distribution is None:
            error.entry_point = self._plugin.entry_point
            error.distribution, error.version = self._plugin.distribution, self._plugin.version
            error.message += f" (distribution {error.distribution} {error.version}; the {error.who_must_act} must act)"
        error.message = scrub(error.message, self._secrets)
        error.args = (error.message,)
        error.invoice_id = self._id(error.invoice_id)
        if isinstance(error, ProviderError):
            if error.retry_after is None and self._answer is not None and not self._answer.ok:
                error.retry_after = retry_after(self._answer.headers)
            error.code = error.code and scrub(error.code, self._secrets)
            error.request_id = error.request_id and scrub(error.request_id, self._secrets)
        if any(scrub(text, self._secrets) != text for text in _texts_behind(error)):
            error.__cause__ = error.__context__ = None
            error.__notes__ = []
        return error

    def _id(self, kept: object) -> str | None:
        """Return an id that an error keeps, or None for what can be none: a provider may send anything in its place."""
        return scrub(kept, self._secrets) if is_identifier(kept) else None


class _EffectSoFar:
    """What is known of the provider's side, from the requests that could change something and their answers.

    Of the last one the kind of the error tells what the status alone does not; of those before it nobody told.
    """

    def __init__(self) -> None:
        self._before: Effect = "none"
        self._last: Literal["none", "unknown", "refused", "accepted"] = "none"

    def asked(self, request: HttpRequest) -> None:
        if self._last in ("unknown", "accepted"):
            self._before = "unknown"
        self._last = "none" if request.safe else "unknown"

    def failed(self, error: GatewayError) -> None:
        if error.effect == "none" and (isinstance(error, NotSentError) or not isinstance(error, TransportError)):
            self._last = "none"

    def answered(self, response: HttpResponse) -> None:
        if self._last == "none" or response.doubtful:
            return
        if response.ok:
            self._last = "accepted"
        elif _is_refusal(response.status):
            self._last = "refused"

    def after(self, error: GatewayError) -> Effect:
        """Return what is known now that the flow has ended with this error."""
        if error.effect == "done":
            return "done"
        if "unknown" in (self._before, self._last):
            return "unknown"
        if self._last == "none":
            return "none"
        if isinstance(error, UnexpectedResponseError | PluginError | ProviderUnavailableError):
            return "unknown"
        status = error.http_status if isinstance(error, ProviderError) else None
        return error.effect if status is None or status < 300 or _is_refusal(status) else "unknown"


def _is_refusal(status: int) -> bool:
    """Return whether nothing was done, for certain: neither 408 nor 409 says that."""
    return 400 <= status < 500 and status not in (408, 409)


def _texts_behind(error: BaseException) -> Iterator[str]:
    """Yield the texts of everything that a traceback would show besides the error's own message."""
    yield from getattr(error, "__notes__", ())
    for each in behind(error):
        try:
            yield f"{each}\n{each.args}"
        except Exception:  # noqa: BLE001  # a plugin's exception may be as broken as the plugin
            yield ""
        yield from getattr(each, "__notes__", ())
