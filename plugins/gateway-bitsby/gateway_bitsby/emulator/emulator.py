"""Bitsby's API, payers and webhooks, emulated."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

import attrs

from gateway_bitsby import mapping
from gateway_bitsby.emulator import bookkeeping, documents
from gateway_bitsby.settings import TIMES_TO_PAY
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, RejectedError
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Emulator, InvoiceAction, WayToPay, fields_of

#: Bitsby's limit: at most one request in this time.
_SPACING = timedelta(seconds=1)

_DEFAULT_LIMIT = 10
_LARGEST_LIMIT = 100

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?", re.ASCII)
_COUNT = re.compile(r"[0-9]{1,9}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


_CANCEL = InvoiceAction(id="cancel", label="Cancel", hint="Call the invoice off, while nobody has opened its page.")


class _RefusedError(Exception):
    """The answer is an error with this text."""

    def __init__(self, text: str, status: int = 200) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class BitsbyEmulator(Emulator):
    """Bitsby: invoices in fiat money, paid in crypto by a reserved exact amount, told by unsigned webhooks.

    Whatever is paid in exactly the amount that an open invoice reserves makes that invoice paid. Any other amount stays
    a payment that is bound to no invoice until ``/invoices/bindPayment`` binds it.
    """

    title: ClassVar[str] = "Bitsby"
    declines: ClassVar[Declines] = Declines.NONE
    redelivery: ClassVar[tuple[timedelta, ...]] = (
        timedelta(minutes=5),
        timedelta(minutes=15),
        timedelta(minutes=30),
        timedelta(hours=1),
        timedelta(hours=3),
        timedelta(hours=6),
        timedelta(hours=12),
        timedelta(hours=24),
    )

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key and the id of a project."""
        return {"api_key": self.new_token(40), "project_id": self.new_uuid()}

    def settings(self, base_url: str) -> dict[str, str]:
        """Return the settings with which the plugin reaches this emulator at an address."""
        return {**super().settings(base_url), "checkout_url": self.checkout_url}

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The paths that are served, below the base address."""
        return tuple(self._handlers())

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        # Refusals are answers like others: what was noted of the request stays noted.
        with self.ledger.transaction():
            try:
                status, body = 200, documents.envelope("success", self._answer(request))
            except _RefusedError as refused:
                status, body = refused.status, documents.envelope("error", refused.text)
        return HttpResponse(status=status, headers={"Content-Type": "application/json"}, body=body)

    # What the payer can do.

    def opened(self, token: str) -> EmulatedInvoice:
        """Count the view, since an invoice whose page was opened cannot be canceled any more."""
        with self.ledger.transaction():
            invoice = self.invoice(token)
            seen = attrs.evolve(invoice, data={**invoice.data, "views": invoice.data["views"] + 1})
            self.ledger.save(seen)
            return seen

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return each wallet with the amount that the invoice reserves in it."""
        return tuple(
            WayToPay(
                id=wallet.name,
                label=wallet.title,
                amount=Money(invoice.data["reserved"][wallet.name], wallet.unit),
                address=wallet.address,
            )
            for wallet in documents.WALLETS
        )

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return a transfer to a wallet, bound to the open invoice that reserves this amount there, if any."""
        wallet = documents.WALLET_BY_NAME[way.id]
        paid = self._in_asset(invoice, amount, way, wallet)
        matching = [each for each in self._open() if Decimal(each.data["reserved"][wallet.name]) == paid.amount]
        return EmulatedPayment(
            id=self.new_uuid(),
            invoice_id=matching[0].id if matching else None,
            amount=paid,
            paid_at=self.clock(),
            reference=f"{wallet.hash_prefix}{self.random.getrandbits(256):064x}",
            data={"wallet": wallet.name},
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:  # noqa: ARG002  # see below
        """Make the invoice paid that the payment is bound to. It may be another than the one whose page was open."""
        bound = payment.invoice_id and self.ledger.get(EmulatedInvoice, payment.invoice_id)
        if bound:
            self._make_paid(bound, payment)

    def decline(self, token: str) -> EmulatedInvoice:
        """Refuse: nobody declines a transfer that the payer simply does not make.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: Always.
        """
        invoice = self.invoice(token)
        raise RejectedError(
            f"a crypto payment is made or not made, never declined: this invoice stays {documents.status_word(invoice)}"
        )

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what the shop and time can do to an invoice: nobody cancels one whose page was opened."""
        return (*((_CANCEL,) if _is_cancelable(invoice) else ()), *super().actions(invoice))

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        """Do one of the `actions`."""
        if action == _CANCEL.id:
            self._call_off(invoice)
        else:
            super().perform(invoice, action, amount)

    def _call_off(self, invoice: EmulatedInvoice) -> None:
        self.ledger.save(attrs.evolve(invoice, status=InvoiceStatus.CANCELED))

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Tell of paid invoices, and of nothing else."""
        if payment is not None:
            self.announce("paid", invoice, payment)

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:  # noqa: ARG002  # the one kind
        """Return what is sent to the shop, unsigned."""
        assert payment is not None  # noqa: S101  # nothing else is announced
        document = documents.webhook_document(invoice, payment, self._project)
        return json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode("ascii")

    def event_key(self, body: bytes) -> str:
        """Return the payment's id: the same event is known by it."""
        key: str = json.loads(body)["payment"]["id"]
        return key

    def webhook_accepted(self, status: int) -> bool:
        """Return whether the status is 200: no other will do."""
        return status == 200

    # The API.

    def _answer(self, request: HttpRequest) -> Any:
        self._authenticate(request)
        self._limit()
        handler = self._handlers().get("/".join(urlsplit(request.url).path.strip("/").split("/")[-2:]))
        if handler is None:
            raise _RefusedError("Not found", 404)
        if request.method != "POST":
            raise _RefusedError("Method not allowed", 405)
        content_type = request.headers.get("Content-Type", "")
        if request.body and not content_type.startswith("multipart/form-data"):
            raise _RefusedError("Send the fields as multipart/form-data")
        self.expire_due()
        return handler(fields_of(request))

    def _authenticate(self, request: HttpRequest) -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"Token {self.credentials['api_key']}".encode()):
            raise _RefusedError("Invalid API key", 401)

    def _limit(self) -> None:
        now, last = self.clock(), self.ledger.note("last request")
        if last is not None and timedelta(0) <= now - datetime.fromisoformat(last) < _SPACING:
            raise _RefusedError("Requests too frequent")
        if last is None:
            self.ledger.set_note("opened", now.isoformat())
        self.ledger.set_note("last request", now.isoformat())

    def _handlers(self) -> dict[str, Callable[[Mapping[str, str]], Any]]:
        return {
            "invoices/create": self._create,
            "invoices/list": self._list_invoices,
            "invoices/cancel": self._cancel,
            "invoices/bindPayment": self._bind,
            "payments/list": self._list_payments,
            "statistics/invoices": self._statistics,
            "billing/balances": lambda _: bookkeeping.balances(self.ledger, self._opened_at),
            "billing/history": lambda fields: _cut(bookkeeping.history(self.ledger, self._opened_at), fields),
            "billing/tarrifs": lambda _: [bookkeeping.tariff(self.ledger, self._project, self.clock())],
        }

    def _create(self, fields: Mapping[str, str]) -> Any:
        if fields.get("projectId", "").lower() != self._project:
            raise _RefusedError("Project not found")
        amount, currency = fields.get("amountFiat", ""), fields.get("currencyFiat", "")
        if currency not in mapping.CURRENCIES:
            raise _RefusedError("Wrong currencyFiat")
        if not _AMOUNT.fullmatch(amount) or not Decimal(amount):
            raise _RefusedError("Wrong amountFiat")
        hours = {f"{word:f}": word for word in TIMES_TO_PAY}.get(fields.get("timeToPay", ""))
        if hours is None:
            raise _RefusedError("Wrong timeToPay")
        now, money = self.clock(), Money(amount, currency)
        service_data = fields.get("serviceData")
        invoice = EmulatedInvoice(
            id=self.new_uuid(),
            token=self.new_token(12),
            order_id=mapping.order_of(service_data)[0],
            amount=money,
            description=fields.get("description", ""),
            created_at=now,
            expires_at=now + timedelta(seconds=int(hours * 3600)),
            received=money - money,
            refunded=money - money,
            data={"serviceData": service_data, "views": 0, "reserved": self._reserve(money)},
        )
        self.ledger.save(invoice)
        return documents.created_document(invoice, self._project, self.page_url(invoice))

    def _list_invoices(self, fields: Mapping[str, str]) -> Any:
        first, last = _day(fields, "startDate"), _day(fields, "endDate")
        wanted = {name: fields[name] for name in ("status", "projectId", "invoiceUid", "invoiceId") if fields.get(name)}
        found = []
        for _, invoice in self.ledger.select(EmulatedInvoice, since=first, until=_next(last), order="newest"):
            document = documents.invoice_document(invoice, self._project)
            known = {**document, "invoiceId": invoice.id, "invoiceUid": invoice.token}
            if all(known[name] == value for name, value in wanted.items()):
                found.append(self._with_payment(invoice, document))
        return _cut(found, fields)

    def _with_payment(self, invoice: EmulatedInvoice, document: dict[str, Any]) -> dict[str, Any]:
        for _, payment in self.ledger.select(EmulatedPayment, parent=invoice.id):
            wallet = documents.wallet_document(documents.wallet_of(payment), self._project)
            return {**document, "payment": documents.payment_document(payment), "wallet": wallet}
        return document

    def _cancel(self, fields: Mapping[str, str]) -> Any:
        invoice = self._invoice(fields)
        if not _is_cancelable(invoice):
            raise _RefusedError("Invoice cannot be canceled")
        self._call_off(invoice)
        return "Invoice canceled"

    def _bind(self, fields: Mapping[str, str]) -> Any:
        invoice = self._invoice(fields)
        payment = self.ledger.get(EmulatedPayment, fields.get("paymentId", ""))
        if payment is None:
            raise _RefusedError("Payment not found")
        if payment.invoice_id is not None:
            raise _RefusedError("Payment is already binded")
        if invoice.status not in (InvoiceStatus.PENDING, InvoiceStatus.EXPIRED):
            raise _RefusedError("Invoice cannot be paid")
        data = {**payment.data, "boundAt": self.clock().isoformat()}
        bound = attrs.evolve(payment, invoice_id=invoice.id, data=data)
        self.ledger.save(bound)
        self._make_paid(invoice, bound)
        return "Invoice binded to payment"

    def _list_payments(self, fields: Mapping[str, str]) -> Any:
        first, last = _day(fields, "startDate"), _day(fields, "endDate")
        wanted = {name: fields[name] for name in ("walletId", "invoiceId") if fields.get(name)}
        found = []
        for _, payment in self.ledger.select(EmulatedPayment, since=first, until=_next(last), order="newest"):
            document = documents.payment_document(payment)
            wallet = documents.wallet_document(documents.wallet_of(payment), self._project)
            invoice = payment.invoice_id and self.ledger.get(EmulatedInvoice, payment.invoice_id)
            if invoice:
                document |= {"invoice": documents.invoice_document(invoice, self._project), "wallet": wallet}
            known = {"walletId": wallet["id"], "invoiceId": payment.invoice_id}
            if all(known[name] == value for name, value in wanted.items()):
                found.append(document)
        return _cut(found, fields)

    def _statistics(self, fields: Mapping[str, str]) -> Any:
        first, last = _day(fields, "startDate"), _day(fields, "endDate")
        found = self.ledger.select(EmulatedInvoice, since=first, until=_next(last))
        return bookkeeping.statistics((invoice for _, invoice in found), self._project)

    # Small things.

    @property
    def _project(self) -> str:
        return self.credentials["project_id"].lower()

    @property
    def _opened_at(self) -> datetime:
        """When the account came to be: with its first request."""
        return datetime.fromisoformat(self.ledger.note("opened") or self.clock().isoformat())

    def _invoice(self, fields: Mapping[str, str]) -> EmulatedInvoice:
        invoice = self.ledger.get(EmulatedInvoice, fields.get("invoiceId", ""))
        if invoice is None:
            raise _RefusedError("Invoice not found")
        return invoice

    def _open(self) -> list[EmulatedInvoice]:
        now = self.clock()
        # Only what is open falls due.
        waiting = (invoice for _, invoice in self.ledger.select(EmulatedInvoice, due=datetime.max.replace(tzinfo=UTC)))
        return [invoice for invoice in waiting if invoice.expires_at is None or invoice.expires_at > now]

    def _reserve(self, amount: Money) -> dict[str, str]:
        """Return an amount for each wallet that no other open invoice reserves there."""
        others = self._open()
        reserved: dict[str, str] = {}
        for wallet in documents.WALLETS:
            taken = {Decimal(other.data["reserved"][wallet.name]) for other in others}
            free = documents.in_asset(amount, wallet)
            while free in taken:
                free += wallet.step
            reserved[wallet.name] = f"{free:f}"
        return reserved

    def _in_asset(
        self, invoice: EmulatedInvoice, amount: Money, way: WayToPay, wallet: documents.EmulatedWallet
    ) -> Money:
        """Return what the payer sends: an amount in the invoice's currency is changed, and the whole of it is exact."""
        if amount.unit == way.amount.unit:
            return amount
        if amount.unit != invoice.amount.unit:
            raise InvalidRequestError(f"pay in {way.amount.currency} or {invoice.amount.currency}")
        return way.amount if amount == invoice.amount else Money(documents.in_asset(amount, wallet), wallet.unit)

    def _make_paid(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        paid = attrs.evolve(invoice, status=InvoiceStatus.PAID, received=invoice.amount)
        self.ledger.save(paid)
        self.on_change(paid, payment)


def _is_cancelable(invoice: EmulatedInvoice) -> bool:
    return invoice.status is InvoiceStatus.PENDING and not invoice.data["views"]


def _day(fields: Mapping[str, str], name: str) -> datetime | None:
    text = fields.get(name)
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        pass
    raise _RefusedError(f"Wrong {name}")


def _next(day: datetime | None) -> datetime | None:
    """Return the end of a day: the last day counts."""
    return None if day is None or day.year == 9999 else day + timedelta(days=1)


def _cut(found: list[dict[str, Any]], fields: Mapping[str, str]) -> list[dict[str, Any]]:
    offset = _count(fields, "offset", 0)
    return found[offset : offset + min(_count(fields, "limit", _DEFAULT_LIMIT), _LARGEST_LIMIT)]


def _count(fields: Mapping[str, str], name: str, default: int) -> int:
    text = fields.get(name) or str(default)
    if not _COUNT.fullmatch(text):
        raise _RefusedError(f"Wrong {name}")
    return int(text)
