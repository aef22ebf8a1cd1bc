"""Every error that the library raises, and what each one means for the money.

::

    GatewayError
    +- ConfigurationError             bad settings or options: fix the deployment
    +- PluginError                    a plugin is at fault
    |  +- UnknownBackendError         nobody offers this backend, two do, or the one who does is broken
    +- UnsupportedOperationError      this provider has no such operation
    |  +- OutOfReachError             it has, and this lies beyond what it can see
    +- InvalidRequestError            refused before anything was sent
    +- TransportError                 no usable answer
    |  +- NotSentError                surely nothing happened: repeat as you like
    |  +- OutcomeUnknownError         may have happened: look it up, never repeat blindly
    +- ProviderError                  the provider answered and refused
    |  +- AuthenticationError         it does not know our key
    |  +- PermissionDeniedError       it knows the key and forbids the operation
    |  +- NotFoundError               it has no such invoice or payment
    |  +- RejectedError               it refuses this request
    |  +- RateLimitedError            too many requests
    |  +- ProviderUnavailableError    it is down or too slow
    |  +- UnexpectedResponseError     its answer makes no sense to us
    +- WebhookError                   not a genuine webhook
    +- JournalError                   the record could not be written, so nothing was sent
       +- ConflictError               same order_id, other content
       +- InProgressError             another worker is at it

``effect`` says what is known about the provider's side: ``"none"`` nothing was changed, ``"unknown"`` it may have been,
``"done"`` it was. No error holds a secret, an expected signature, a webhook's body or a customer's data.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias, TypedDict, Unpack

from gateway_core._redaction import one_line

Effect: TypeAlias = Literal["none", "unknown", "done"]


class Context(TypedDict, total=False):
    """What every error can carry; the core fills in what the place that raises it does not know."""

    backend: str | None
    operation: str | None
    effect: Effect
    invoice_id: str | None


class GatewayError(Exception):
    """The base of all errors of this library.

    Attributes:
        message: What went wrong and what to do about it, on one line.
        backend: The backend's name, where one is known.
        operation: The operation's name, such as ``create_invoice``.
        effect: ``"none"``, ``"unknown"`` or ``"done"``.
        invoice_id: The provider's id of the invoice, when it could be read before the error.
    """

    def __init__(
        self,
        message: str,
        *,
        backend: str | None = None,
        operation: str | None = None,
        effect: Effect = "none",
        invoice_id: str | None = None,
    ) -> None:
        self.message = one_line(message, 2000)
        super().__init__(self.message)
        self.backend = backend
        self.operation = operation
        self.effect: Effect = effect
        self.invoice_id = invoice_id

    def __str__(self) -> str:
        where = " ".join(part for part in (self.backend, self.operation) if part)
        text = f"{where}: {self.message}" if where else self.message
        return one_line(text if self.effect == "none" else f"{text} [effect: {self.effect}]", 2500)


class ConfigurationError(GatewayError):
    """Settings or options are wrong. Names the key, never the value."""


class PluginError(GatewayError):
    """A plugin cannot be loaded, or did what the contract forbids.

    Attributes:
        entry_point: The entry point, as ``name = module:object``.
        distribution: The distribution that owns it.
        version: That distribution's version.
        who_must_act: ``"application"``, ``"plugin author"`` or ``"operator"``.
    """

    def __init__(
        self,
        message: str,
        *,
        entry_point: str | None = None,
        distribution: str | None = None,
        version: str | None = None,
        who_must_act: str = "plugin author",
        **context: Unpack[Context],
    ) -> None:
        super().__init__(message, **context)
        self.entry_point = entry_point
        self.distribution = distribution
        self.version = version
        self.who_must_act = who_must_act


class UnknownBackendError(PluginError):
    """The chosen backend cannot be had: nobody offers it, two distributions do, or the one who does is broken."""


class UnsupportedOperationError(GatewayError):
    """The provider has no such operation."""


class OutOfReachError(UnsupportedOperationError):
    """The provider cannot look that far: whether the invoice exists is not known."""


class InvalidRequestError(GatewayError, ValueError, TypeError):
    """An argument was refused before anything was sent.

    It is a `ValueError` and a `TypeError` too, which is what callers expect of a constructor that refuses.
    """


class TransportError(GatewayError):
    """There is no usable answer.

    Attributes:
        permanent: Whether another attempt would fail in the same way, because the server's certificate cannot be
            verified or its answer is larger than allowed.
    """

    def __init__(self, message: str, *, permanent: bool = False, **context: Unpack[Context]) -> None:
        super().__init__(message, **context)
        self.permanent = permanent


class NotSentError(TransportError):
    """The request surely never reached the provider: it may be repeated."""


class OutcomeUnknownError(TransportError):
    """The request may have reached the provider and no answer came back.

    ``effect`` is ``"unknown"`` if the request could change something: look it up, never repeat it blindly.
    For a read, which changes nothing, it is ``"none"``.
    """

    def __init__(self, message: str, *, permanent: bool = False, **context: Unpack[Context]) -> None:
        super().__init__(message, permanent=permanent, **({"effect": "unknown"} | context))


class Details(Context, total=False):
    """What every `ProviderError` can carry."""

    http_status: int | None
    code: str | None
    request_id: str | None
    retry_after: float | None


class ProviderError(GatewayError):
    """The provider answered, and the answer is no.

    Attributes:
        http_status: The answer's status code.
        code: The provider's own error code.
        request_id: The provider's id of the request, for its support desk.
        retry_after: Seconds to wait before the next request, if the provider said so.
    """

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        **context: Unpack[Context],
    ) -> None:
        super().__init__(message, **context)
        self.http_status = http_status
        self.retry_after = retry_after
        self.code = None if code is None else one_line(code, 200)
        self.request_id = None if request_id is None else one_line(request_id, 200)


class AuthenticationError(ProviderError):
    """The provider does not accept our credentials."""


class PermissionDeniedError(ProviderError):
    """The credentials are good and do not allow this operation."""


class NotFoundError(ProviderError):
    """The provider does not know this invoice or payment.

    Attributes:
        gone: Whether it existed once, or may have: absence is no proof then that it never did.
    """

    def __init__(self, message: str, *, gone: bool = False, **details: Unpack[Details]) -> None:
        super().__init__(message, **details)
        self.gone = gone


class RejectedError(ProviderError):
    """The provider refuses this request: repeating it unchanged is of no use."""


class RateLimitedError(ProviderError):
    """Too many requests."""


class ProviderUnavailableError(ProviderError):
    """The provider is down, overloaded or too slow."""


class UnexpectedResponseError(ProviderError):
    """The provider's answer makes no sense to us. What was asked may have been done."""


class WebhookReason(enum.StrEnum):
    """Why a webhook was refused. For the operator's eyes only: the sender learns nothing."""

    TOO_LARGE = "too large"
    MISSING_SIGNATURE = "missing signature"
    WRONG_SIGNATURE = "wrong signature"
    STALE = "timestamp too old or too far in the future"
    MALFORMED = "malformed"
    WRONG_ACCOUNT = "for another account"
    NOT_CONFIRMED = "the provider does not confirm it"
    UNCONFIRMED = "the provider could not be asked"
    FAULTY_PLUGIN = "the plugin gave no valid result"


class WebhookError(GatewayError):
    """A message that is not, or could not be shown to be, a genuine webhook. Nothing in it may be believed.

    Attributes:
        reason: A `WebhookReason`, for the operator.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: WebhookReason = WebhookReason.MALFORMED,
        **context: Unpack[Context],
    ) -> None:
        super().__init__(message, **context)
        self.reason = reason

    @property
    def retry(self) -> bool:
        """Whether a redelivery could succeed, because the message was not found wrong but could not be judged."""
        return self.reason in (WebhookReason.UNCONFIRMED, WebhookReason.FAULTY_PLUGIN)

    @property
    def http_status(self) -> int:
        """The status to answer with, 503 where a redelivery is wanted, 413 to too large a body, else 400."""
        if self.retry:
            return 503
        return 413 if self.reason is WebhookReason.TOO_LARGE else 400


class JournalError(GatewayError):
    """The journal could not be read or written, so nothing was sent.

    If it failed after the request, ``effect`` is ``"done"``: the same request, asked for again, finds what was made.
    """


class ConflictError(JournalError):
    """The same was asked for before with other content, or the provider has something else under its name."""


class InProgressError(JournalError):
    """Another worker is doing the same right now: ask again in a moment."""


_BY_STATUS: dict[int, type[ProviderError]] = {
    429: RateLimitedError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    410: NotFoundError,
    408: ProviderUnavailableError,
}


def for_status(  # noqa: PLR0913  # all but the first two by name
    http_status: int,
    message: str,
    *,
    code: str | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    codes: Mapping[str, type[ProviderError]] = MappingProxyType({}),
) -> ProviderError:
    """Return the error that an HTTP status outside 2xx stands for.

    >>> from gateway_core.errors import RateLimitedError, for_status
    >>> for_status(400, "slow down", code="throttled", codes={"throttled": RateLimitedError})
    RateLimitedError('slow down')

    Args:
        http_status: The answer's status code.
        message: The provider's own words, or ours.
        code: The provider's own error code.
        request_id: The provider's id of the request.
        retry_after: Seconds to wait before the next request; None lets the core read the answer's ``Retry-After``.
        codes: The provider's codes that say more than a status of 4xx; any other status counts by itself.
    """
    if code is not None and code in codes and 400 <= http_status < 500:
        kind = codes[code]
    elif http_status in _BY_STATUS:
        kind = _BY_STATUS[http_status]
    elif 400 <= http_status < 500:
        kind = RejectedError
    elif 500 <= http_status < 600:
        kind = ProviderUnavailableError
    else:
        kind = UnexpectedResponseError
    error = kind(message, http_status=http_status, code=code, request_id=request_id, retry_after=retry_after)
    if isinstance(error, NotFoundError):
        error.gone = http_status == 410
    return error
