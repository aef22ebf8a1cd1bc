"""One account at one provider: the hooks, each as a flow that is checked on both ends.

What is checked here is the same for blocking and for async code, so it is written as flows and a facade only runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import attrs

from gateway_core import _plugins, hookspecs
from gateway_core._text import scrub
from gateway_core.errors import (
    ConfigurationError,
    Effect,
    GatewayError,
    InvalidRequestError,
    PluginError,
    ProviderError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import Flow, HttpRequest
from gateway_core.models.invoice import Invoice, InvoiceRequest, Refund, RefundRequest, StatusReport
from gateway_core.models.payment import Page, Payment, PaymentQuery
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.provider import ProviderInfo, secrets_of

T = TypeVar("T")

#: Standard Webhooks advises less than 20 kB; nothing that tells of a payment is larger than this.
LARGEST_WEBHOOK = 1 << 20

#: Refusals after which the provider may still have done what was asked (HTTP has no better word for them).
_AMBIGUOUS_STATUSES = frozenset({408, 409})


class Account:
    """A provider object with its hooks.

    Args:
        backend: The backend's name.
        provider: The provider, made with its settings.
    """

    def __init__(self, backend: str, provider: Any) -> None:
        self.backend = backend
        self.provider = provider
        self.info: ProviderInfo = provider.info
        self._hooks = _plugins.register(provider).hook
        self._secrets = secrets_of(provider.settings)

    def supports(self, operation: str) -> bool:
        """Return whether the provider has this operation."""
        if operation not in hookspecs.REQUIRED + hookspecs.OPTIONAL:
            raise InvalidRequestError(f"there is no operation {operation!r}")
        return operation not in self.info.unsupported and bool(getattr(self._hooks, operation).get_hookimpls())

    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        def checked() -> Flow[Invoice]:
            _expect(request, InvoiceRequest)
            ready = attrs.evolve(
                request, requested_at=request.requested_at or _now(), options=self._options(request.options)
            )
            self._check_currency(request.amount.currency)
            invoice = yield from self._call("create_invoice", Invoice, request=ready)
            if invoice.amount != request.amount:
                raise UnexpectedResponseError(
                    "the provider made an invoice of another amount: call it off, or do not deliver for it",
                    effect="done",
                    invoice_id=invoice.id,
                )
            return invoice

        return self.guard("create_invoice", checked)

    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        def checked() -> Flow[StatusReport]:
            report = yield from self._call("get_status", StatusReport, invoice_id=_identifier(invoice_id))
            return _about(invoice_id, report)

        return self.guard("get_status", checked)

    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        def checked() -> Flow[Page[Payment]]:
            page = yield from self._call("list_payments", Page, query=query)
            if not all(isinstance(item, Payment) for item in page.items):
                raise PluginError("a page of payments holds something else")
            return page

        return self.guard("list_payments", checked)

    def find_invoice(self, order_id: str) -> Flow[Invoice | None]:
        def checked() -> Flow[Invoice | None]:
            return (
                yield from self._call("find_invoice", Invoice, optional=True, order_id=_identifier(order_id))
            )

        return self.guard("find_invoice", checked)

    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        def checked() -> Flow[StatusReport]:
            report = yield from self._call("cancel_invoice", StatusReport, invoice_id=_identifier(invoice_id))
            return _about(invoice_id, report)

        return self.guard("cancel_invoice", checked)

    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        def checked() -> Flow[Refund]:
            _expect(request, RefundRequest)
            refund = yield from self._call("refund_payment", Refund, request=request)
            if refund.amount != request.amount or refund.invoice_id != request.invoice_id:
                raise UnexpectedResponseError(
                    "the provider refunded something else than asked for", effect="done", invoice_id=request.invoice_id
                )
            return refund

        return self.guard("refund_payment", checked)

    def check_account(self) -> Flow[None]:
        def checked() -> Flow[None]:
            yield from self._call("check_account", type(None))

        return self.guard("check_account", checked)

    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        def checked() -> Flow[WebhookDelivery]:
            _expect(request, WebhookRequest)
            if len(request.body) > LARGEST_WEBHOOK:
                raise WebhookError(f"more than {LARGEST_WEBHOOK} bytes", reason=WebhookReason.TOO_LARGE)
            stamped = attrs.evolve(request, received_at=request.received_at or _now())
            return (yield from self._call("verify_webhook", WebhookDelivery, request=stamped))

        return self._refuse_unless_verified(self.guard("verify_webhook", checked))

    def guard(self, operation: str, start: Callable[[], Any]) -> Flow[Any]:
        """Run what `start` returns, and see to it that only our errors come out, each with its context."""
        unsafe = 0
        failure: GatewayError
        try:
            outcome = start()
            if not isinstance(outcome, Generator):
                return outcome
            request = next(outcome)
            while True:
                if not isinstance(request, HttpRequest):
                    outcome.close()
                    raise PluginError(f"a flow yields HttpRequest, not {type(request).__name__}")
                unsafe += not request.safe
                try:
                    response = yield request
                except GatewayError as error:
                    request = outcome.throw(error)
                else:
                    request = outcome.send(response)
        except StopIteration as stop:
            return stop.value
        except GatewayError as error:
            failure = error
            if not isinstance(error, ConfigurationError | InvalidRequestError):
                failure.effect = _effect(error, unsafe)
        except Exception as error:  # whatever a plugin's mistake raises
            fault = _plugins.describe(error, text=False)  # its text may quote a customer's data
            failure = PluginError(f"the plugin failed with {fault}", effect="unknown" if unsafe else "none")
        # Raised outside of the handler, so that what the plugin raised, and the values in it, are not in the chain.
        raise self._annotate(failure, operation)

    def _call(self, operation: str, kind: type[T], /, *, optional: bool = False, **arguments: Any) -> Flow[T]:
        if not self.supports(operation):
            reason = self.info.unsupported.get(operation, "its API has no such thing, or the plugin does not implement it")
            raise UnsupportedOperationError(f"{self.info.title} has no {operation}: {reason}")
        outcome = getattr(self._hooks, operation)(**arguments)
        result = (yield from outcome) if isinstance(outcome, Generator) else outcome
        if not isinstance(result, kind) and not (optional and result is None):
            raise PluginError(f"{operation} must give {kind.__name__}, and gave {type(result).__name__}")
        return cast(T, result)

    def _refuse_unless_verified(self, flow: Flow[WebhookDelivery]) -> Flow[WebhookDelivery]:
        """Turn every failure into a refusal: what was not shown to be genuine is not."""
        try:
            return (yield from flow)
        except (WebhookError, UnsupportedOperationError, ConfigurationError, InvalidRequestError):
            raise
        except GatewayError as error:
            faulty = isinstance(error, PluginError)
            reason = WebhookReason.FAULTY_PLUGIN if faulty else WebhookReason.UNCONFIRMED
            refusal = WebhookError(error.message, reason=reason, backend=error.backend, operation="verify_webhook")
            raise refusal from error

    def _annotate(self, error: GatewayError, operation: str) -> GatewayError:
        error.backend = error.backend or self.backend
        error.operation = error.operation or operation
        error.message = scrub(error.message, self._secrets)
        error.args = (error.message,)
        if isinstance(error, ProviderError):
            error.code = error.code and scrub(error.code, self._secrets)
            error.request_id = error.request_id and scrub(error.request_id, self._secrets)
        return error

    def _check_currency(self, currency: str) -> None:
        known = self.info.currencies
        if known is not None and currency not in known:
            raise InvalidRequestError(f"{self.info.title} makes no invoice in {currency}: it knows {', '.join(known)}")

    def _options(self, options: Any) -> Any:
        declared = self.info.options
        if declared is None:
            if options:
                raise ConfigurationError(f"{self.info.title} has no options for an invoice")
            return {}
        from gateway_core.config import structure

        return options if isinstance(options, declared) else structure(declared, options, where="options")


def _effect(error: GatewayError, unsafe: int) -> Effect:
    """Say what is known of the provider's side, after `unsafe` requests that could change something were yielded."""
    if unsafe == 0:
        return "none" if error.effect == "unknown" else error.effect
    if error.effect != "none" or unsafe > 1:
        return error.effect if error.effect != "none" else "unknown"
    if isinstance(error, UnexpectedResponseError | PluginError):
        return "unknown"
    if isinstance(error, ProviderError):
        status = error.http_status or 0
        return "unknown" if status >= 500 or status in _AMBIGUOUS_STATUSES else "none"
    return error.effect


def _about(invoice_id: str, report: StatusReport) -> StatusReport:
    if report.invoice_id != invoice_id:
        raise UnexpectedResponseError("the provider answered about another invoice than the one asked for")
    return report


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequestError("an id is text, and not empty")
    return value


def _expect(value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidRequestError(f"give {kind.__name__}, not {type(value).__name__}")


def _now() -> datetime:
    return datetime.now(UTC)
