"""The error boundary between a plugin and everybody else: only our errors come out, and each says what is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gateway_core._plugins import loading
from gateway_core._redaction import Redactor
from gateway_core._tracebacks import chained, clear_locals, describe
from gateway_core.errors import (
    ConfigurationError,
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
    UnsupportedOperationError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models._fields import is_identifier
from gateway_core.transport._retry_after import retry_after

#: Operations that change something; through a plain function they do so unseen, and the plugin's word counts.
_CHANGING = ("create_invoice", "cancel_invoice", "refund_payment", "capture_payment", "register_webhook", "run")


class ErrorBoundary:
    """Follows one call, and translates whatever ends it into an error of ours.

    Args:
        backend: The backend's name.
        operation: The operation's name.
        redactor: Takes the account's secrets out of the texts of an error.
        plugin: Whom to name where the plugin is at fault.
    """

    def __init__(self, backend: str, operation: str, redactor: Redactor, plugin: loading.Plugin | None = None) -> None:
        self._backend = backend
        self._operation = operation
        self.scrub = redactor.scrub
        self._plugin = plugin
        self._requests = 0
        self._effect = _EffectSoFar()
        self._answer: HttpResponse | None = None
        self._thrown: GatewayError | None = None

    def asked(self, request: object) -> HttpRequest:
        """Note what the flow asks for.

        Raises:
            PluginError: If it is no request.
        """
        if not isinstance(request, HttpRequest):
            raise PluginError(f"a flow yields HttpRequest, not {type(request).__name__}")
        self._requests += 1
        self._effect.asked(request)
        return request

    def answered(self, response: HttpResponse) -> None:
        """Note an answer."""
        self._answer = response
        self._effect.answered(response)

    def failed(self, error: GatewayError) -> None:
        """Note that there is no usable answer."""
        self._thrown = error
        self._effect.failed(error)

    def translate(self, error: BaseException) -> GatewayError:
        """Return the error of ours for what ended the call. Raise it where the original is no longer handled."""
        if not isinstance(error, GatewayError):
            return self._complete(PluginError(f"the plugin failed with {describe(error, text=False)}"))
        if isinstance(error, InvalidRequestError) and self._answer is not None and error is not self._thrown:
            # Not "refused before anything was sent": one of our records refused what the provider answered.
            reason = f"the answer is unusable: {error.message}"
            return self._complete(UnexpectedResponseError(reason, effect=error.effect, invoice_id=error.invoice_id))
        return self._complete(error)

    def _complete(self, error: GatewayError) -> GatewayError:
        """Complete an error with what its raiser did not know, and take secrets out of it."""
        clear_locals(error)
        error.invoice_id = self._id(error.invoice_id)
        if error.effect == "done" and not self._shows_what_was_done(error):
            error.effect = "unknown"
        if self._requests:
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
        error.message = self.scrub(error.message)
        error.args = (error.message,)
        if isinstance(error, ProviderError):
            if isinstance(error, UnexpectedResponseError) and error.http_status is None and self._answer is not None:
                error.http_status = self._answer.status
            if error.retry_after is None and self._answer is not None and not self._answer.ok:
                error.retry_after = retry_after(self._answer.headers)
            error.code = error.code and self.scrub(error.code)
            error.request_id = error.request_id and self.scrub(error.request_id)
        if any(self.scrub(text) != text for text in _chained_texts(error)):
            error.__cause__ = error.__context__ = None
            error.__notes__ = []
        return error

    def _shows_what_was_done(self, error: GatewayError) -> bool:
        """Return whether an error can tell that something was done: of an invoice that was made, only its id can."""
        if self._operation == "create_invoice":
            return error.invoice_id is not None
        return self._operation in _CHANGING

    def _id(self, kept: object) -> str | None:
        """Return an id that an error keeps, or None for what can be none: a provider may send anything in its place."""
        return self.scrub(kept) if is_identifier(kept) else None


class WebhookErrorBoundary(ErrorBoundary):
    """The boundary of `verify_webhook`: what was not shown to be genuine is refused, whatever the reason."""

    def asked(self, request: object) -> HttpRequest:
        """Note what the flow asks for.

        Raises:
            PluginError: If it is no request, or one that changes something: who verifies does nothing else.
        """
        asked = super().asked(request)
        if not asked.safe:
            raise PluginError("verify_webhook must not change anything at the provider, and sends a request that may")
        return asked

    def translate(self, error: BaseException) -> GatewayError:
        """Return a `WebhookError` for all but mistakes of the application."""
        failure = super().translate(error)
        if isinstance(failure, WebhookError | UnsupportedOperationError | ConfigurationError):
            return failure
        refusal = WebhookError(
            failure.message, reason=self._reason(failure), backend=failure.backend, operation=failure.operation
        )
        refusal.__cause__ = failure
        return refusal

    def _reason(self, error: GatewayError) -> WebhookReason:
        if isinstance(error, PluginError):
            return WebhookReason.FAULTY_PLUGIN
        if not self._requests and isinstance(error, UnexpectedResponseError | InvalidRequestError):
            return WebhookReason.MALFORMED
        # What the provider does not know yet, or a proxy in between hides, is not forged: it may be told again.
        return WebhookReason.UNCONFIRMED


class _EffectSoFar:
    """What is known of the provider's side, from the requests that could change something and their answers.

    Of the last one the kind of the error tells what the status alone does not; of those before it nobody told.
    """

    __slots__ = ("_before", "_last")

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


def _chained_texts(error: BaseException) -> Iterator[str]:
    """Yield the texts of everything that a traceback would show besides the error's own message."""
    yield from getattr(error, "__notes__", ())
    for each in chained(error):
        try:
            yield f"{each}\n{each.args}"
        except Exception:  # noqa: BLE001  # a plugin's exception may be as broken as the plugin
            yield ""
        yield from getattr(each, "__notes__", ())
