"""AzothPay's API, payers and webhooks, emulated."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

import attrs

from gateway_azothpay import mapping
from gateway_azothpay.emulator import documents
from gateway_azothpay.settings import DEFAULT_PAGE_SIZE, PERIODS
from gateway_azothpay.webhook import CREATED
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, NotFoundError, RejectedError, UnexpectedResponseError
from gateway_core.models import Headers
from gateway_core.provider import Declines
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    Emulator,
    InvoiceAction,
    QueuedDelivery,
    WayToPay,
    query_of,
)
from gateway_core.webhooks import sign
from gateway_core.wire import dumps, loads

#: The update that says that a subscription was ended.
_REVOKED = "stream_revoked"

_REVOKE = InvoiceAction(
    id="revoke", label="End the subscription", hint="As the payer does in the wallet. The invoice stays paid."
)

_LARGEST_LIMIT = 100

#: What the body of a creation may hold. Anything else is refused, as the documented schema says.
_FIELDS = frozenset({"message", "title", "rate", "period", "metadata"})
#: The finest that every emulated token is counted.
_MOST_DECIMALS = 6
_LARGEST_RATE = 10**12

_JSON = re.compile(r"(application/json|text/json|application/[a-z0-9.+-]+\+json)\s*(;.*)?", re.ASCII | re.IGNORECASE)
_COUNT = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class _RefusedError(Exception):
    """The answer is an error with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class AzothPayEmulator(Emulator):
    """AzothPay: recurring invoices, to which a payer subscribes from a wallet, told by webhooks.

    Attributes:
        down: Whether every request to the API is answered with HTTP status 500, which AzothPay documents.
    """

    title: ClassVar[str] = "AzothPay"
    declines: ClassVar[Declines] = Declines.NONE
    redelivery: ClassVar[tuple[timedelta, ...]] = (timedelta(minutes=1),) * 3
    down: bool = False

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key."""
        return {"api_key": self.new_token(40)}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        with self.ledger.transaction():
            try:
                status, document = 200, self._answer(request)
            except _RefusedError as refused:
                status, document = refused.status, {"status": refused.status, "title": refused.text}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return HttpResponse(status=status, headers=headers, body=dumps(document))

    # What the payer can do.

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return each stablecoin on each chain, with the rate of one period in it."""
        return tuple(
            WayToPay(id=token.id, label=token.label, amount=Money(invoice.amount.amount, token.unit))
            for token in documents.TOKENS.values()
        )

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return the subscription that a payer starts, at the invoice's rate and no other.

        Raises:
            RejectedError: If the amount is another.
            InvalidRequestError: If it is in another currency.
        """
        if amount.unit not in (way.amount.unit, invoice.amount.unit):
            raise InvalidRequestError(f"pay in {way.amount.currency}")
        if amount.amount != invoice.amount.amount:
            raise RejectedError(f"a subscription is started at the invoice's rate: {invoice.amount}")
        tx = self._new_tx()
        return EmulatedPayment(
            id=self._next("subscription"),
            invoice_id=invoice.id,
            amount=way.amount,
            paid_at=self.clock(),
            reference=tx,
            data={
                "token": way.id,
                "tx": tx,
                "tgUserId": self.random.randrange(10**8, 10**10),
                "userAddress": f"0x{self.random.getrandbits(160):040x}",
                "revokedBy": None,
            },
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Mark the invoice as paid, and tell the shop."""
        paid = attrs.evolve(invoice, status=InvoiceStatus.PAID, received=invoice.amount)
        self.ledger.save(paid)
        self.on_change(paid, payment)

    def decline(self, token: str) -> EmulatedInvoice:
        """Refuse: nobody declines a subscription that the payer simply does not start.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: Always.
        """
        invoice = self.invoice(token)
        self.check_payable(invoice)
        raise RejectedError("a subscription is started or not started, never declined: this invoice stays unpaid")

    def revoke(self, subscription_id: str) -> EmulatedPayment:
        """End a subscription, as the payer does in the wallet; the shop is told. The invoice stays paid.

        Raises:
            NotFoundError: If there is no such subscription.
            RejectedError: If it has ended before.
        """
        with self.ledger.transaction():
            payment = self.ledger.get(EmulatedPayment, subscription_id)
            invoice = payment and payment.invoice_id and self.ledger.get(EmulatedInvoice, payment.invoice_id)
            if not payment or not invoice:
                raise NotFoundError("there is no such subscription")
            if payment.data["revokedBy"] is not None:
                raise RejectedError("this subscription has ended before")
            ended = attrs.evolve(payment, data={**payment.data, "revokedBy": self._new_tx()})
            self.ledger.save(ended)
            self.announce(_REVOKED, invoice, ended)
            return ended

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what the payer can do in the wallet: end the subscription."""
        return () if self._running(invoice) is None else (_REVOKE,)

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:  # noqa: ARG002  # the one
        """End the subscription."""
        running = self._running(invoice)
        assert running is not None  # noqa: S101  # else there is no action
        self.revoke(running.id)

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Tell of subscriptions that were started."""
        if payment is not None:
            self.announce(CREATED, invoice, payment)

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return what is sent to the shop: the transaction that started the subscription, or the one that ended it."""
        assert payment is not None  # noqa: S101  # nothing else is announced
        tx: str = payment.data["revokedBy"] if kind == _REVOKED else payment.data["tx"]
        return dumps(documents.webhook_document(kind, tx, invoice, self._recipient, self.clock()))

    def event_key(self, body: bytes) -> str:
        """Return the id of the event that the plugin makes of every update about an invoice."""
        return f"{json.loads(body)['payload']['id']}:{CREATED}"

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> Headers:  # noqa: ARG002  # no time is signed
        """Return the signature, which covers the update's id and nothing else."""
        update_id: str = json.loads(delivery.body)["updateId"]
        signature = sign(self.credentials["api_key"].encode("ascii"), update_id.encode("utf-8")).decode("ascii")
        return Headers({self.credentials.get("signature_header", "X-Pay-Signature"): signature})

    # The API.

    def _answer(self, request: HttpRequest) -> Any:
        if self.down:
            raise _RefusedError(500, "An error occurred while processing your request.")
        given = request.headers.get("X-API-Key", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self.credentials["api_key"].encode()):
            raise _RefusedError(401, "Missing or invalid API key")
        match request.method, urlsplit(request.url).path.strip("/").split("/"):
            case "POST", ["api", "invoice"]:
                return self._create(request)
            case "GET", ["api", "invoice", number]:
                return self._invoice(number)
            case "GET", ["api", "subscriptions"]:
                return self._subscriptions(query_of(request))
            case "GET", ["api", "subscriptions", number]:
                return self._subscription(number)
            case _, ["api", "invoice" | "subscriptions", *rest] if len(rest) < 2:
                raise _RefusedError(405, "Method Not Allowed")
        raise _RefusedError(404, "Not Found")

    def _create(self, request: HttpRequest) -> dict[str, Any]:
        body = _body(request)
        rate = _rate(body.get("rate"))
        if body.get("period") not in (None, *PERIODS):
            raise _RefusedError(400, "The period is invalid.")
        if not all(isinstance(body.get(name), str | None) for name in ("message", "title")):
            raise _RefusedError(400, "A text is invalid.")
        metadata = body.get("metadata")
        if not isinstance(metadata, dict | None):
            raise _RefusedError(400, "The metadata is invalid.")
        amount = mapping.money(rate, "USD")
        invoice = EmulatedInvoice(
            id=self._next("invoice"),
            token=self.new_token(),
            order_id=mapping.order_of(metadata)[0],
            amount=amount,
            description=body.get("message") or "",
            created_at=self.clock(),
            received=amount - amount,
            refunded=amount - amount,
            # Kept as text, for the ledger has no exact fractions, and metadata may have any.
            data={
                "period": body.get("period") or "PerMonth",
                "metadata": None if metadata is None else dumps(metadata).decode("ascii"),
            },
        )
        self.ledger.save(invoice)
        return documents.created_document(invoice, self.page_url(invoice))

    def _invoice(self, number: str) -> dict[str, Any]:
        if not mapping.is_id(number):
            raise _RefusedError(400, "The id is invalid.")
        invoice = self.ledger.get(EmulatedInvoice, number)
        if invoice is None:
            raise _RefusedError(404, "Invoice not found")
        return documents.invoice_document(invoice, self._recipient, self.page_url(invoice))

    def _subscriptions(self, query: Mapping[str, str]) -> dict[str, Any]:
        page, limit = _count(query, "page", 1), min(_count(query, "limit", DEFAULT_PAGE_SIZE), _LARGEST_LIMIT)
        found = [payment for _, payment in self.ledger.select(EmulatedPayment, order="newest")]
        return {
            "items": [documents.subscription_document(each) for each in found[(page - 1) * limit : page * limit]],
            "totalCount": len(found),
            "page": page,
            "limit": limit,
            "totalPages": -(-len(found) // limit),
        }

    def _subscription(self, number: str) -> dict[str, Any]:
        payment = self.ledger.get(EmulatedPayment, number)
        if payment is None:
            raise _RefusedError(404, "Subscription not found")
        return documents.subscription_document(payment)

    # Small things.

    @property
    def _recipient(self) -> str:
        """The merchant's wallet. It breaks the rules of its chain, so that no real money can be sent to it."""
        return "0xEmulatedDoNotPay00000000000000000000000A"

    def _running(self, invoice: EmulatedInvoice) -> EmulatedPayment | None:
        started = self.ledger.select(EmulatedPayment, parent=invoice.id)
        return next((each for _, each in started if each.data["revokedBy"] is None), None)

    def _new_tx(self) -> str:
        return f"0x{self.random.getrandbits(256):064x}"

    def _next(self, what: str) -> str:
        number = int(self.ledger.note(f"last {what}") or 0) + 1
        self.ledger.set_note(f"last {what}", str(number))
        return str(number)


def _body(request: HttpRequest) -> dict[str, Any]:
    if not _JSON.fullmatch(request.headers.get("Content-Type", "")):
        raise _RefusedError(400, "Send JSON.")
    try:
        body = loads(request.body)
    except UnexpectedResponseError:
        body = None
    if not isinstance(body, dict):
        raise _RefusedError(400, "The body is no JSON object.")
    if body.keys() - _FIELDS:
        raise _RefusedError(400, "The body has unknown fields.")
    return body


def _rate(value: object) -> Decimal:
    """Return a rate as AzothPay sees it: a floating-point number."""
    number = Decimal(value) if type(value) is int else value
    if not isinstance(number, Decimal) or not 0 < number < _LARGEST_RATE:
        raise _RefusedError(400, "The rate is invalid.")
    rate = documents.double(number)
    exponent = rate.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_MOST_DECIMALS:
        raise _RefusedError(400, "The rate has too many decimals.")
    return rate


def _count(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not _COUNT.fullmatch(text):
        raise _RefusedError(400, f"The {name} is invalid.")
    return int(text)
