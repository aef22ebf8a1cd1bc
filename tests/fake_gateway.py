"""A gateway at a provider that exists in tests only, over a transport with prepared answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import attrs

from gateway_core import (
    Capture,
    CaptureRequest,
    CaptureStatus,
    Flow,
    Gateway,
    HttpRequest,
    HttpResponse,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Money,
    Page,
    Payment,
    PaymentQuery,
    PaymentStatus,
    ProviderInfo,
    Refund,
    RefundRequest,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRegistration,
    WebhookRequest,
    errors,
    hookimpl,
)
from gateway_core._engine.operations import Operations
from gateway_core.errors import for_status
from gateway_core.http import endpoint
from gateway_core.provider import secret_field
from gateway_core.transport import Deadline
from gateway_core.webhooks import check_signature, single_header
from gateway_core.wire import decode

KEY = "sk-live-7f3c9b1e5a2d"
BASE = "https://fake.example"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Settings:
    """One account."""

    api_key: Secret = secret_field()
    fail: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse one value."""
        if self.fail == "settings":
            raise errors.ConfigurationError("fail must not be this")


@attrs.frozen(kw_only=True)
class Options:
    """The options of one invoice."""

    speed: int = attrs.field(default=1, validator=attrs.validators.gt(0))


def made(request: InvoiceRequest, **changes: Any) -> Invoice:
    """Return the invoice that was asked for, or another."""
    asked = Invoice(id="i-1", order_id=request.order_id, status=InvoiceStatus.PENDING, amount=request.amount)
    return attrs.evolve(asked, **changes)


def ask(method: str, *path: str, **query: str | None) -> Flow[HttpResponse]:
    """Send a request, and raise the error that its status stands for."""
    response = yield HttpRequest(method=method, url=endpoint(BASE, *path, query=query))
    if not response.ok:
        raise for_status(response.status, response.body.decode())
    return response


@attrs.frozen
class Fake:
    """A provider with every hook."""

    settings: Settings
    info: ClassVar = ProviderInfo(title="Fake", contract_version=1, currencies=("EUR", "USD"), options=Options)

    def __attrs_post_init__(self) -> None:
        """Fail if told to."""
        if self.settings.fail == "key":
            raise KeyError(self.settings.api_key.reveal())
        if self.settings.fail == "ours":
            raise errors.ConfigurationError(f"not with {self.settings.api_key.reveal()}")

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create an invoice."""
        yield from ask("POST", "invoices")
        return made(request)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on an invoice."""
        yield from ask("GET", "invoices", invoice_id)
        return StatusReport(invoice_id=invoice_id, status=InvoiceStatus.PENDING)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Flow[Page[Payment]]:
        """Return the page that the body describes."""
        response = yield from ask("GET", "payments", cursor=query.cursor, invoice=query.invoice_id)
        ids, cursor = json.loads(response.body)
        return Page([Payment(id=each, status=PaymentStatus.CONFIRMED) for each in ids], cursor)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        """Verify the signature, then parse."""
        check_signature(
            request.body, [single_header(request, "X-Signature")], [self.settings.api_key.reveal().encode()]
        )
        event = WebhookEvent(id=decode(request.body, str), kind="paid", occurred_at=request.received_at)
        return WebhookDelivery(events=(event,), verified_by="signature")

    @hookimpl
    def find_invoice(self, order_id: str) -> Flow[Invoice | None]:
        """Look an order up."""
        response = yield from ask("GET", "orders", order_id)
        return made(ORDER, order_id=order_id) if response.body else None

    @hookimpl
    def cancel_invoice(self, invoice_id: str) -> Flow[StatusReport]:
        """Call an invoice off."""
        yield from ask("DELETE", "invoices", invoice_id)
        return StatusReport(invoice_id=invoice_id, status=InvoiceStatus.CANCELED)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Give money back."""
        yield from ask("POST", "refunds")
        return Refund(id="r-1", refund_id=request.refund_id, invoice_id=request.invoice_id, amount=request.amount)

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        """Take authorized money."""
        yield from ask("POST", "captures")
        return Capture(
            id="c-1",
            capture_id=request.capture_id,
            invoice_id=request.invoice_id,
            amount=request.amount,
            status=CaptureStatus.DONE,
        )

    @hookimpl
    def register_webhook(self, url: str) -> Flow[WebhookRegistration]:
        """Register an address."""
        yield from ask("POST", "webhooks")
        return WebhookRegistration(id="w-1", url=url)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Read something."""
        yield from ask("GET", "me")

    def ping(self, word: str) -> Flow[str]:
        """Do what only this provider does."""
        response = yield from ask("GET", "ping", word)
        return response.body.decode()


ORDER = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
REFUND = RefundRequest(refund_id="r-7", invoice_id="i-1", amount=Money(10, "EUR"))
CAPTURE = CaptureRequest(capture_id="c-7", invoice_id="i-1", amount=Money(10, "EUR"))
WEBHOOKS = "https://shop.example/webhooks"


class Wire:
    """A transport that gives prepared answers, and keeps what it was sent."""

    def __init__(self, *answers: int | bytes | HttpResponse | BaseException) -> None:
        self.answers = list(answers)
        self.sent: list[str] = []
        self.deadlines: list[float] = []
        self.closed = 0

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Give the next answer."""
        self.sent.append(f"{request.method} {request.url.removeprefix(BASE)}")
        self.deadlines.append(deadline.remaining())
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, HttpResponse):
            return answer
        return HttpResponse(status=answer) if isinstance(answer, int) else HttpResponse(status=200, body=answer)

    def close(self) -> None:
        """Count."""
        self.closed += 1


def fake(wire: Wire, *, key: str = KEY, info: ProviderInfo | None = None, **hooks: Any) -> Gateway:
    """Return a gateway at the fake provider, with some hooks replaced by functions without `self`."""
    members: dict[str, Any] = {name: hookimpl(_method(hook)) for name, hook in hooks.items()}
    if info is not None:
        members["info"] = info
    provider: Any = type("Variant", (Fake,), members)
    return Gateway(Operations("fake", provider(settings=Settings(api_key=Secret(key)))), wire)


def _method(hook: Callable[..., Any]) -> Callable[..., Any]:
    names = hook.__code__.co_varnames[: hook.__code__.co_argcount]
    scope: dict[str, Any] = {"hook": hook}
    exec(f"def method(self, {', '.join(names)}): return hook({', '.join(names)})", scope)  # noqa: S102  # pluggy reads names
    method: Callable[..., Any] = scope["method"]
    return method


def shown(error: BaseException | None) -> str:
    """Return every text of an error and of what hangs on it."""
    if error is None:
        return ""
    return f"{error!r} {error} {vars(error)} {shown(error.__cause__)} {shown(error.__context__)}"
