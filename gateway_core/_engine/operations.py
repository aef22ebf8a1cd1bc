"""One account at one provider: the hooks, each as a flow that is checked on both ends.

What is checked here is the same for blocking and for async code, so it is written as flows and a facade only runs them.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import attrs

from gateway_core import hookspecs
from gateway_core._engine.error_boundary import ErrorBoundary
from gateway_core._engine.pagination import Pagination
from gateway_core._plugins import loading
from gateway_core.errors import (
    ConfigurationError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    PluginError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import Flow
from gateway_core.models.currency import Currency
from gateway_core.models.invoice import Invoice, InvoiceRequest, Refund, RefundRequest, StatusReport
from gateway_core.models.money import Money
from gateway_core.models.payment import Page, Payment, PaymentQuery
from gateway_core.models.webhook import WebhookDelivery, WebhookRequest
from gateway_core.provider import ProviderInfo, secrets_of

T = TypeVar("T")

#: Standard Webhooks advises less than 20 kB; nothing that tells of a payment is larger than this.
LARGEST_WEBHOOK = 1 << 20


class Account:
    """A provider object with its hooks.

    Args:
        backend: The backend's name.
        provider: The provider, made with its settings.
        plugin: Where it came from, for errors that say who must act.
    """

    def __init__(self, backend: str, provider: Any, plugin: loading.Plugin | None = None) -> None:
        self.backend = backend
        self._plugin = plugin
        self.provider = provider
        self.info: ProviderInfo = provider.info
        self._hooks = loading.register(provider).hook
        self._secrets = secrets_of(provider.settings)

    @classmethod
    def make(cls, plugin: loading.Plugin, provider_class: Any, settings: Any) -> Account:
        """Make the provider of its settings.

        Raises:
            GatewayError: What the plugin itself says of its settings.
            PluginError: If it raises anything else.
        """
        try:
            return cls(plugin.name, loading.make(provider_class, settings), plugin)
        except GatewayError as error:
            failure = error
        raise ErrorBoundary(plugin.name, "connect", secrets_of(settings), plugin).complete(failure)

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
            self._check_amount(request.amount)
            invoice = yield from self._call("create_invoice", Invoice, request=ready)
            other = [] if invoice.amount == request.amount else ["amount"]
            other += [] if invoice.order_id in (None, request.order_id) else ["order_id"]
            if other:
                raise UnexpectedResponseError(
                    f"the provider made an invoice of another {' and '.join(other)}: call it off, or deliver nothing",
                    effect="done",
                    invoice_id=invoice.id,
                )
            return invoice

        return self.guard("create_invoice").run(checked)

    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        def checked() -> Flow[StatusReport]:
            report = yield from self._call("get_status", StatusReport, invoice_id=_identifier(invoice_id))
            return _about(invoice_id, report)

        return self.guard("get_status").run(checked)

    def list_payments(self, listing: Pagination, query: PaymentQuery) -> Flow[tuple[Payment, ...]]:
        """Read the page of a listing that `query` asks for, and return what is new on it."""

        def checked() -> Flow[tuple[Payment, ...]]:
            page = yield from self._call("list_payments", Page, query=query)
            if not all(isinstance(item, Payment) for item in page.items):
                raise PluginError("a page of payments holds something else")
            return listing.accept(query, page)

        return self.guard("list_payments").run(checked)

    def find_invoice(self, order_id: str) -> Flow[Invoice | None]:
        def checked() -> Flow[Invoice | None]:
            invoice = yield from self._call("find_invoice", Invoice, optional=True, order_id=_identifier(order_id))
            found: Invoice | None = invoice
            if found is not None and found.order_id not in (None, order_id):
                raise UnexpectedResponseError("the provider found the invoice of another order", invoice_id=found.id)
            return found

        return self.guard("find_invoice").run(checked)

    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        def checked() -> Flow[StatusReport]:
            report = yield from self._call("cancel_invoice", StatusReport, invoice_id=_identifier(invoice_id))
            return _about(invoice_id, report)

        return self.guard("cancel_invoice").run(checked)

    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        def checked() -> Flow[Refund]:
            _expect(request, RefundRequest)
            refund = yield from self._call("refund_payment", Refund, request=request)
            if refund.amount != request.amount or refund.invoice_id != request.invoice_id:
                raise UnexpectedResponseError(
                    "the provider refunded something else than asked for", effect="done", invoice_id=request.invoice_id
                )
            return refund

        return self.guard("refund_payment").run(checked)

    def check_account(self) -> Flow[None]:
        def checked() -> Flow[None]:
            yield from self._call("check_account", type(None))

        return self.guard("check_account").run(checked)

    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        def checked() -> Flow[WebhookDelivery]:
            _expect(request, WebhookRequest)
            if len(request.body) > LARGEST_WEBHOOK:
                raise WebhookError(f"more than {LARGEST_WEBHOOK} bytes", reason=WebhookReason.TOO_LARGE)
            stamped = attrs.evolve(request, received_at=request.received_at or _now())
            return (yield from self._call("verify_webhook", WebhookDelivery, request=stamped))

        # What was not shown to be genuine is not: every failure is a refusal, but for mistakes of the application.
        guard = self.guard("verify_webhook")
        try:
            genuine: WebhookDelivery = yield from guard.run(checked)
        except (WebhookError, UnsupportedOperationError, ConfigurationError):
            raise
        except GatewayError as error:
            if not isinstance(request, WebhookRequest):
                raise
            reason = _why_refused(error, asked=guard.requests > 0)
            refusal = WebhookError(error.message, reason=reason, backend=error.backend, operation=error.operation)
            raise refusal from error
        return genuine

    def guard(self, operation: str) -> ErrorBoundary:
        """Return the guard of one run of a flow."""
        return ErrorBoundary(self.backend, operation, self._secrets, self._plugin)

    def _call(self, operation: str, kind: type[T], /, *, optional: bool = False, **arguments: Any) -> Flow[T]:
        if not self.supports(operation):
            reason = self.info.unsupported.get(
                operation, "its API has no such thing, or the plugin does not implement it"
            )
            raise UnsupportedOperationError(f"{self.info.title} has no {operation}: {reason}")
        outcome = getattr(self._hooks, operation)(**arguments)
        result = (yield from outcome) if isinstance(outcome, Generator) else outcome
        if not isinstance(result, kind) and not (optional and result is None):
            raise PluginError(f"{operation} must give {kind.__name__}, and gave {type(result).__name__}")
        return cast(T, result)

    def _check_amount(self, amount: Money) -> None:
        known, code = self.info.currencies, amount.currency
        if known is not None and code not in known:
            raise InvalidRequestError(f"{self.info.title} makes no invoice in {code}: it knows {', '.join(known)}")
        try:
            amount.to_minor(self._exponent(amount.unit))
        except InvalidRequestError as error:
            reason = error.message
        else:
            return
        raise InvalidRequestError(f"{self.info.title} cannot count {amount}: {reason}")

    def _exponent(self, unit: Currency) -> int:
        """Return how many decimals the provider counts; of an asset that nobody declares, what the caller says."""
        declared = self.info.exponents.get(unit.code)
        if declared is not None:
            return declared
        try:
            return Currency.find(unit.code, unit.network).exponent
        except InvalidRequestError:
            return unit.exponent

    def _options(self, options: Any) -> Any:
        declared = self.info.options
        if declared is None:
            if options:
                raise ConfigurationError(f"{self.info.title} has no options for an invoice")
            return {}
        from gateway_core.config import structure

        return options if isinstance(options, declared) else structure(declared, options, where="options")


def _about(invoice_id: str, report: StatusReport) -> StatusReport:
    if report.invoice_id != invoice_id:
        raise UnexpectedResponseError("the provider answered about another invoice than the one asked for")
    return report


def _why_refused(error: GatewayError, *, asked: bool) -> WebhookReason:
    if isinstance(error, PluginError):
        return WebhookReason.FAULTY_PLUGIN
    if not asked and isinstance(error, UnexpectedResponseError | InvalidRequestError):
        return WebhookReason.MALFORMED
    return WebhookReason.NOT_CONFIRMED if isinstance(error, NotFoundError) else WebhookReason.UNCONFIRMED


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequestError("an id is text, and not empty")
    return value


def _expect(value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidRequestError(f"give {kind.__name__}, not {type(value).__name__}")


def _now() -> datetime:
    return datetime.now(UTC)
