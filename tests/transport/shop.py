"""A small provider that is served by a fault server, and its gateways of both colours."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

import attrs

from gateway_core import (
    AsyncGateway,
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
    ProviderInfo,
    RateLimit,
    Secret,
    StatusReport,
    WebhookDelivery,
    WebhookRequest,
    hookimpl,
)
from gateway_core._engine.base import BaseGateway
from gateway_core._engine.operations import Operations
from gateway_core.errors import GatewayError, WebhookError, for_status
from gateway_core.http import endpoint
from gateway_core.observers import Event, Observers, RequestSent
from gateway_core.provider import Idempotency, base_url_field, secret_field
from gateway_core.transport import LimitSettings, TransportSettings
from gateway_core.wire import decode
from tests.transport.asking import PATIENT

D = TypeVar("D", bound=BaseGateway)

ORDER = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))

#: What a good server answers to whatever is asked.
GOOD = b'{"id": "i-1", "status": "pending", "amount": 49.90}'


@attrs.frozen(kw_only=True)
class Settings:
    """One account."""

    api_key: Secret = secret_field()
    base_url: str = base_url_field("http://127.0.0.1")


@attrs.frozen
class _Answer:
    id: str
    status: InvoiceStatus
    amount: Decimal


@attrs.frozen
class Shop:
    """A provider whose API keeps no key."""

    settings: Settings
    info: ClassVar = ProviderInfo(title="Shop", currencies=("EUR",))
    keyed: ClassVar = False

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create an invoice."""
        key = f"key-{request.order_id}" if self.keyed else None
        body = {"order": request.order_id, "amount": request.amount.amount}
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = yield from self._ask(
            HttpRequest.json("POST", self._url("invoices"), body, headers=headers, idempotency_key=key)
        )
        amount = Money(answer.amount, "EUR")
        return Invoice(id=answer.id, order_id=request.order_id, status=answer.status, amount=amount)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report on an invoice."""
        answer = yield from self._ask(HttpRequest(method="GET", url=self._url("invoices", invoice_id)))
        return StatusReport(invoice_id=answer.id, status=answer.status)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Page[Payment]:
        """Know of none."""
        return Page([], None)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> WebhookDelivery:
        """Refuse all."""
        raise WebhookError(f"{len(request.body)} bytes of nonsense")

    def _url(self, *path: str) -> str:
        return endpoint(self.settings.base_url, *path)

    def _ask(self, request: HttpRequest) -> Flow[_Answer]:
        response: HttpResponse = yield request
        if not response.ok:
            raise for_status(response.status, "the provider says no")
        return decode(response.body, _Answer)


@attrs.frozen
class KeyedShop(Shop):
    """The same provider, with an API that carries out a request with a key once."""

    info: ClassVar = attrs.evolve(Shop.info, idempotency=Idempotency(scope="account", life=None))
    keyed: ClassVar = True


@attrs.frozen
class DeafShop(KeyedShop):
    """The same provider, that is sent a key and promises nothing of it."""

    info: ClassVar = Shop.info


@attrs.define(eq=False)
class Attempts:
    """An observer that counts how often a request was about to leave."""

    count: int = 0

    @hookimpl
    def observe(self, event: Event) -> None:
        """Count."""
        self.count += isinstance(event, RequestSent)


#: What a test asks of the shop: the provider, the operation, its argument.
ASKED: dict[str, tuple[type[Shop], str, Any]] = {
    "read": (Shop, "get_status", "i-1"),
    "create": (Shop, "create_invoice", ORDER),
    "create with key": (KeyedShop, "create_invoice", ORDER),
}

#: Both colours of the gateway.
COLOURS: dict[str, type[BaseGateway]] = {"sync": Gateway, "async": AsyncGateway}


def gateway(
    kind: type[D],
    base_url: str,
    shop: type[Shop] = Shop,
    *,
    observers: tuple[object, ...] = (),
    limits: tuple[str, ...] = (),
    **bounds: Any,
) -> D:
    """Return a gateway at the shop, for an account of which nothing is known yet, that pauses before no repetition."""
    settings = Settings(api_key=Secret(uuid.uuid4().hex), base_url=base_url)
    fast = TransportSettings(**{"backoff": 0.0, "deadline": PATIENT, **bounds})
    kept = LimitSettings(rate_limits=tuple(RateLimit.parse(limit) for limit in limits))
    return kind(Operations("shop", shop(settings)), None, fast, limits=kept, observers=Observers.load(observers))


def call(door: BaseGateway, asked: str) -> Any:
    """Ask what is to be asked, in the gateway's own colour, and return the result or the error of ours."""
    _, operation, argument = ASKED[asked]
    try:
        outcome = getattr(door, operation)(argument)
        return asyncio.run(outcome) if isinstance(outcome, Coroutine) else outcome
    except GatewayError as error:
        return error


def close(door: BaseGateway) -> None:
    """Close the gateway in its own colour."""
    if isinstance(door, AsyncGateway):
        asyncio.run(door.close())
    elif isinstance(door, Gateway):
        door.close()


def ask(colour: str, base_url: str, asked: str, **bounds: Any) -> tuple[Any, int]:
    """Ask once through a gateway made for it; return the result or the error, and the number of attempts."""
    attempts = Attempts()
    door = gateway(COLOURS[colour], base_url, ASKED[asked][0], observers=(attempts,), **bounds)
    try:
        return call(door, asked), attempts.count
    finally:
        close(door)
