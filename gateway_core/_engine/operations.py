"""The operations of one account: the provider's hooks, each checked on both ends.

What is checked here is the same for blocking and for async code, so it is written as flows, and a facade runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import attrs

from gateway_core import hookspecs
from gateway_core._engine import request_checks
from gateway_core._engine.error_boundary import ErrorBoundary, WebhookErrorBoundary
from gateway_core._engine.idempotent_replay import ReplayDetector
from gateway_core._engine.pagination import Pagination
from gateway_core._markers import direct
from gateway_core._plugins import loading
from gateway_core._plugins.validation import register
from gateway_core._redaction import Redactor
from gateway_core.errors import (
    GatewayError,
    InvalidRequestError,
    PluginError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import Flow, HttpRequest, HttpResponse
from gateway_core.models import _fields as check
from gateway_core.models.capture import Capture, CaptureRequest
from gateway_core.models.invoice import Invoice, InvoiceRequest, StatusReport
from gateway_core.models.payment import Page, Payment, PaymentQuery
from gateway_core.models.reference import check_attempt
from gateway_core.models.refund import Refund, RefundRequest
from gateway_core.models.webhook import WebhookDelivery, WebhookRegistration, WebhookRequest
from gateway_core.provider import ProviderInfo
from gateway_core.provider.settings import secrets_of

T = TypeVar("T")

#: Standard Webhooks advises less than 20 kB; nothing that tells of a payment is larger than this.
LARGEST_WEBHOOK = 1 << 20


class Operations:
    """The hooks of one account at one provider, each checked on both ends.

    An operation is a flow, or a plain function where the provider may answer without a request.

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
        hooks = register(provider).hook
        self._redactor = Redactor(secrets_of(provider.settings))
        self._ignored: set[str] = set()
        self._open_address = request_checks.open_address(self.info, provider.settings)
        self._hooks = {
            name: getattr(hooks, name)
            for name in hookspecs.REQUIRED + hookspecs.OPTIONAL
            if name not in self.info.unsupported and getattr(hooks, name).get_hookimpls()
        }
        self._callers = {name: direct(hook) for name, hook in self._hooks.items()}

    @classmethod
    def make(cls, plugin: loading.Plugin, provider_class: Any, settings: Any) -> Operations:
        """Make the provider of its settings.

        Raises:
            GatewayError: What the plugin itself says of its settings.
            PluginError: If it raises anything else.
        """
        try:
            return cls(plugin.name, loading.make(provider_class, settings), plugin)
        except GatewayError as error:
            failure = error
        raise ErrorBoundary(plugin.name, "connect", Redactor(secrets_of(settings)), plugin).translate(failure)

    def supports(self, operation: str) -> bool:
        """Return whether the provider has this operation."""
        if operation not in hookspecs.REQUIRED + hookspecs.OPTIONAL:
            raise InvalidRequestError(f"there is no operation {operation!r}")
        return operation in self._callers

    def boundary(self, operation: str, *arguments: object) -> ErrorBoundary:
        """Return the error boundary of one call."""
        webhook = operation == "verify_webhook" and isinstance(arguments[0], WebhookRequest)
        kind = WebhookErrorBoundary if webhook else ErrorBoundary
        return kind(self.backend, operation, self._redactor, self._plugin)

    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        _expect(request, InvoiceRequest)
        requested_at = request.requested_at or _now()
        options = request_checks.structured_options(self.info, request.options)
        ready = attrs.evolve(request, requested_at=requested_at, options=options)
        request_checks.check_invoice_request(self.info, request)
        ignored = request_checks.ignored_fields(self.info, request)
        self._log_ignored(ignored)
        replays = ReplayDetector(self.info.idempotency_of("create_invoice"))
        made = yield from _watched(self._ask("create_invoice", request=ready), replays.see)
        invoice = _checked("create_invoice", Invoice, made)
        other = [] if invoice.amount == request.amount else ["amount"]
        other += [] if invoice.order_id in (None, request.order_id) else ["order_id"]
        other += [] if invoice.attempt in (None, request.attempt) else ["attempt"]
        if other:
            raise UnexpectedResponseError(
                f"the provider made an invoice of another {' and '.join(other)}: call it off, or deliver nothing",
                effect="done",
                invoice_id=invoice.id,
            )
        if invoice.amount.unit.exponent != request.amount.unit.exponent:
            invoice = attrs.evolve(invoice, amount=request.amount)
        if replays.is_replay(invoice, requested_at):
            invoice = yield from self._as_it_is_now(invoice)
        return attrs.evolve(invoice, ignored=(*ignored, *invoice.ignored)) if ignored else invoice

    def _as_it_is_now(self, invoice: Invoice) -> Flow[Invoice]:
        """Return an invoice that was made before with its status of now: it may have been paid, or be dead."""
        if not self.supports("get_status"):
            return attrs.evolve(invoice, replayed=True)
        try:
            report = yield from self._call("get_status", StatusReport, invoice_id=invoice.id)
            return attrs.evolve(invoice, status=_about(invoice.id, report).status, replayed=True)
        except GatewayError as error:
            error.effect, error.invoice_id = "done", invoice.id
            raise

    def _log_ignored(self, fields: tuple[str, ...]) -> None:
        """Log once for each field that this provider does not take it."""
        for field in fields:
            if field not in self._ignored:
                from gateway_core.observers._log import logger

                self._ignored.add(field)
                logger("invoices").warning("%s ignores %s of an invoice request", self.backend, field)

    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        report = yield from self._call("get_status", StatusReport, invoice_id=_identifier(invoice_id))
        return _about(invoice_id, report)

    def list_payments(self, pagination: Pagination, query: PaymentQuery) -> Flow[tuple[Payment, ...]]:
        """Read the page that `query` asks for, and return what is new on it."""
        last = _LastBody()
        answered = yield from _watched(self._ask("list_payments", query=query), last.see)
        page = _checked("list_payments", Page, answered)
        if not all(isinstance(item, Payment) for item in page.items):
            raise PluginError("a page of payments holds something else")
        return pagination.accept(query, page, last.body)

    def find_invoice(self, order_id: str, attempt: int = 1, since: datetime | None = None) -> Flow[Invoice | None]:
        check_attempt(attempt)
        check.aware_or_none("since", since)
        if attempt > 1 and not self._takes("find_invoice", "attempt"):
            raise UnsupportedOperationError(f"{self.info.title} cannot find a later attempt by its order")
        found = yield from self._call(
            "find_invoice", Invoice, optional=True, order_id=_identifier(order_id), attempt=attempt, since=since
        )
        invoice: Invoice | None = found
        if invoice is not None and (invoice.order_id not in (None, order_id) or invoice.attempt not in (None, attempt)):
            raise UnexpectedResponseError("the provider found the invoice of another order", invoice_id=invoice.id)
        return invoice

    def cancel_invoice(self, invoice_id: str, references: Mapping[str, str] | None = None) -> Flow[StatusReport]:
        kept = request_checks.references(references)
        report = yield from self._call(
            "cancel_invoice", StatusReport, invoice_id=_identifier(invoice_id), references=kept
        )
        return _about(invoice_id, report)

    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        _expect(request, RefundRequest)
        request_checks.check_amount(self.info, request.amount)
        refund = yield from self._call("refund_payment", Refund, request=request)
        if refund.amount != request.amount or refund.invoice_id != request.invoice_id:
            raise UnexpectedResponseError(
                "the provider refunded something else than asked for", effect="done", invoice_id=request.invoice_id
            )
        return refund

    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        _expect(request, CaptureRequest)
        if request.amount is not None:
            request_checks.check_amount(self.info, request.amount)
        capture = yield from self._call("capture_payment", Capture, request=request)
        other_amount = request.amount is not None and capture.amount not in (None, request.amount)
        if other_amount or capture.invoice_id != request.invoice_id:
            raise UnexpectedResponseError(
                "the provider captured something else than asked for", effect="done", invoice_id=request.invoice_id
            )
        return capture

    def register_webhook(self, url: str) -> Flow[WebhookRegistration]:
        check.web_address("url", url)
        return (yield from self._call("register_webhook", WebhookRegistration, url=url))

    def check_account(self) -> Flow[None]:
        yield from self._call("check_account", type(None))

    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        _expect(request, WebhookRequest)
        if len(request.body) > LARGEST_WEBHOOK:
            raise WebhookError(f"more than {LARGEST_WEBHOOK} bytes", reason=WebhookReason.TOO_LARGE)
        if self._open_address is not None:
            self._log_open_address(self._open_address)
        stamped = attrs.evolve(request, received_at=request.received_at or _now())
        outcome = self._ask("verify_webhook", request=stamped)
        if isinstance(outcome, Generator):
            return _delivery(outcome)
        # No flow where nothing has to be asked: a facade takes a result as it is.
        return cast("Flow[WebhookDelivery]", _checked("verify_webhook", WebhookDelivery, outcome))

    def _log_open_address(self, advice: str) -> None:
        """Log once that anybody may call the webhook's address."""
        from gateway_core.observers._log import logger

        self._open_address = None
        logger("webhooks").warning("%s: %s", self.backend, advice)

    def run(self, flow: Flow[T]) -> Flow[T]:
        """Return a flow of the provider's own."""
        return flow

    def _takes(self, operation: str, argument: str) -> bool:
        """Return whether the plugin's implementation of a hook takes an argument."""
        return any(argument in each.argnames for each in self._hooks[operation].get_hookimpls())

    def _ask(self, operation: str, /, **arguments: Any) -> Any:
        """Call a hook, and return its flow or its result."""
        call = self._callers.get(operation)
        if call is None:
            reason = self.info.unsupported.get(
                operation, "its API has no such thing, or the plugin does not implement it"
            )
            raise UnsupportedOperationError(f"{self.info.title} has no {operation}: {reason}")
        return call(**arguments)

    def _call(self, operation: str, kind: type[T], /, *, optional: bool = False, **arguments: Any) -> Flow[T]:
        """Call a hook and check its result, whether it is a flow or a plain function."""
        outcome = self._ask(operation, **arguments)
        result = (yield from outcome) if isinstance(outcome, Generator) else outcome
        return cast("T", result) if optional and result is None else _checked(operation, kind, result)


def _about(invoice_id: str, report: StatusReport) -> StatusReport:
    if report.invoice_id != invoice_id:
        raise UnexpectedResponseError("the provider answered about another invoice than the one asked for")
    return report


class _LastBody:
    """The body of the last answer that a flow was given."""

    body: bytes | None = None

    def see(self, _: HttpRequest, response: HttpResponse) -> None:
        self.body = response.body


def _watched(outcome: Any, see: Callable[[HttpRequest, HttpResponse], None]) -> Flow[Any]:
    """Run what a hook gave to its result, and show each answer that it receives."""
    if not isinstance(outcome, Generator):
        return outcome
    try:
        request = next(outcome)
        while True:
            try:
                response = yield request
            except GatewayError as error:
                request = outcome.throw(error)
            else:
                see(request, response)
                request = outcome.send(response)
    except StopIteration as stop:
        return stop.value


def _delivery(flow: Flow[Any]) -> Flow[WebhookDelivery]:
    return _checked("verify_webhook", WebhookDelivery, (yield from flow))


def _checked(operation: str, kind: type[T], result: object) -> T:
    """Return what a hook gave, if it is what the contract says."""
    if not isinstance(result, kind):
        raise PluginError(f"{operation} must give {kind.__name__}, and gave {type(result).__name__}")
    return result


def _identifier(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidRequestError("an id is text, and not empty")
    return value


def _expect(value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise InvalidRequestError(f"give {kind.__name__}, not {type(value).__name__}")


def _now() -> datetime:
    return datetime.now(UTC)
