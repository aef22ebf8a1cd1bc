"""The Greenfield API of an emulated store: what each endpoint answers."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import attrs

from gateway_btcpay.emulator import documents
from gateway_btcpay.emulator.documents import answer
from gateway_btcpay.emulator.reading import Body, RefusedError, body_of
from gateway_core import HttpRequest, HttpResponse
from gateway_core.errors import RejectedError
from gateway_core.testing import EmulatedInvoice, EmulatedRefund

if TYPE_CHECKING:
    from gateway_btcpay.emulator.emulator import BTCPayEmulator

_REFUNDABLE = frozenset(
    {("Expired", "PaidLate"), ("Expired", "PaidOver"), ("Expired", "PaidPartial")}
    | {(status, more) for status in ("Settled", "Invalid") for more in ("None", "PaidOver", "Marked")}
)

#: What the store's owner has chosen for invoices that do not say.
_EXPIRATION, _MONITORING, _SPEED = 15, 1440, "HighSpeed"


class Api:
    """What a store answers to requests.

    Args:
        emulator: The store.
    """

    def __init__(self, emulator: BTCPayEmulator) -> None:
        self.emulator = emulator

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request.

        Raises:
            RefusedError: If it is refused.
        """
        path = [unquote(part) for part in urlsplit(request.url).path.strip("/").split("/")]
        if path[:3] != ["api", "v1", "stores"] or len(path) < 5:  # api/v1/stores/ID/...
            raise RefusedError(404, "not-found", "There is nothing at this address")
        self._authenticate(request, path[3])
        self.emulator.expire_due()
        handlers = self._handlers(path[4:])
        if request.method not in handlers:
            raise RefusedError(405, "method-not-allowed", "This method is not allowed here")
        return handlers[request.method](request)

    def _authenticate(self, request: HttpRequest, store_id: str) -> None:
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, f"token {self.emulator.credentials['api_key']}".encode()):
            raise RefusedError(401, "unauthenticated", "Authentication is required for accessing this endpoint")
        if store_id != self.emulator.credentials["store_id"]:
            raise _no_permission("btcpay.store.canviewinvoices")

    def _handlers(self, path: list[str]) -> dict[str, Callable[[HttpRequest], HttpResponse]]:
        match path:
            case ["invoices"]:
                return {"GET": self._list, "POST": self._create}
            case ["webhooks"]:
                return {"POST": self._register}
            case ["invoices", invoice_id]:
                return {
                    "GET": lambda _: self._document(self._known(invoice_id)),
                    "PUT": partial(self._update, invoice_id),
                    "DELETE": lambda _: self._archive(invoice_id, archived=True),
                }
            case ["invoices", invoice_id, "unarchive"]:
                return {"POST": lambda _: self._archive(invoice_id, archived=False)}
            case ["invoices", invoice_id, "payment-methods"]:
                return {"GET": partial(self._methods, invoice_id)}
            case ["invoices", invoice_id, "status"]:
                return {"POST": partial(self._mark, invoice_id)}
            case ["invoices", invoice_id, "refund"]:
                return {"POST": partial(self._refund, invoice_id)}
        raise RefusedError(404, "not-found", "There is nothing at this address")

    def _create(self, request: HttpRequest) -> HttpResponse:
        body = Body(body_of(request))
        amount = body.amount()
        checkout = body.checkout(_EXPIRATION, _MONITORING, _SPEED, documents.METHODS)
        metadata = body.metadata()
        body.done()
        now = self.emulator.clock()
        order_id = metadata.get("orderId")
        invoice = EmulatedInvoice(
            id=self.emulator.new_token(22),
            token=self.emulator.new_token(22),
            order_id=order_id if isinstance(order_id, str) else None,
            amount=amount,
            description=str(metadata.get("itemDesc") or ""),
            created_at=now,
            expires_at=now + timedelta(minutes=checkout["expirationMinutes"]),
            return_url=checkout["redirectURL"],
            received=amount - amount,
            refunded=amount - amount,
            data={
                "status": "New",
                "additional": "None",
                "marked": None,
                "archived": False,
                "monitoring": checkout["monitoringMinutes"],
                "metadata": metadata,
                "checkout": checkout,
            },
        )
        self.emulator.ledger.save(invoice)
        self.emulator.announce("InvoiceCreated", invoice)
        return self._document(invoice)

    def _list(self, request: HttpRequest) -> HttpResponse:
        query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
        first, last = _number(query, "startDate"), _number(query, "endDate")
        if first is not None and last is not None and first > last:
            raise RefusedError.of_field("StartDate", "startDate is later than endDate")
        wanted = {word.lower() for word in query.get("status", ())}
        archived = query.get("includeArchived", ["false"])[0].lower() == "true"
        found = [
            invoice
            for _, invoice in self.emulator.ledger.select(EmulatedInvoice, order="newest")
            if ("orderId" not in query or invoice.order_id in query["orderId"])
            and (not wanted or invoice.data["status"].lower() in wanted)
            and (archived or not invoice.data["archived"])
            and (first is None or documents.seconds(invoice.created_at) >= first)
            and (last is None or documents.seconds(invoice.created_at) <= last)
        ]
        skip, take = _number(query, "skip") or 0, _number(query, "take")
        page = found[skip:] if take is None else found[skip : skip + take]
        return answer(200, [self._json(each) for each in page])

    def _methods(self, invoice_id: str, request: HttpRequest) -> HttpResponse:
        query = parse_qs(urlsplit(request.url).query)
        accounted = query.get("onlyAccountedPayments", ["true"])[0].lower() != "false"
        invoice = self._known(invoice_id)
        came = [each for each in self.emulator.payments(invoice) if not accounted or each.data["status"] != "Invalid"]
        return answer(
            200,
            [
                documents.method_document(method, invoice, [each for each in came if each.data["method"] == method])
                for method in invoice.data["checkout"]["paymentMethods"]
            ],
        )

    def _mark(self, invoice_id: str, request: HttpRequest) -> HttpResponse:
        status = body_of(request).get("status")
        invoice = self._known(invoice_id)
        try:
            return self._document(self.emulator.mark(invoice.id, str(status)))
        except RejectedError as error:
            refused = error.message
        raise RefusedError.of_field("Status", refused)

    def _update(self, invoice_id: str, request: HttpRequest) -> HttpResponse:
        invoice, metadata = self._known(invoice_id), Body(body_of(request)).metadata()
        changed = attrs.evolve(invoice, data={**invoice.data, "metadata": metadata})
        self.emulator.ledger.save(changed)
        return self._document(changed)

    def _archive(self, invoice_id: str, *, archived: bool) -> HttpResponse:
        invoice = self._known(invoice_id)
        if not archived and not invoice.data["archived"]:
            raise RefusedError(400, "already-unarchived", "Invoice is already unarchived")
        changed = attrs.evolve(invoice, data={**invoice.data, "archived": archived})
        self.emulator.ledger.save(changed)
        return answer(200) if archived else self._document(changed)

    def _refund(self, invoice_id: str, request: HttpRequest) -> HttpResponse:
        invoice, body = self._known(invoice_id), Body(body_of(request))
        if (invoice.data["status"], invoice.data["additional"]) not in _REFUNDABLE:
            raise RefusedError(400, "non-refundable", "Cannot refund this invoice")
        paid = sum((each.amount for each in self.emulator.payments(invoice)), documents.in_bitcoin(invoice.amount) * 0)
        amount = body.refund_amount(invoice, paid)
        refund = EmulatedRefund(
            id=self.emulator.new_token(27), invoice_id=invoice.id, amount=amount, created_at=self.emulator.clock()
        )
        self.emulator.ledger.save(refund)
        self.emulator.ledger.set_note(f"refund of {invoice.id}", refund.id)
        self.emulator.announce("InvoiceRefund", invoice)
        document = {
            "id": refund.id,
            "name": body.text("name"),
            "description": body.text("description"),
            "currency": amount.currency,
            "amount": documents.text(amount),
            "autoApproveClaims": amount.currency == "BTC",
            "archived": False,
            "viewLink": f"{self.emulator.checkout_url}/pull-payments/{refund.id}",
            "startsAt": documents.seconds(self.emulator.clock()),
            "expiresAt": None,
        }
        return answer(200, document)

    def _register(self, request: HttpRequest) -> HttpResponse:
        body = Body(body_of(request))
        self.emulator.webhook_url = body.web_address("url")
        document = {
            "id": self.emulator.webhook_id,
            "enabled": True,
            "automaticRedelivery": True,
            "url": self.emulator.webhook_url,
            "authorizedEvents": {"everything": True, "specificEvents": []},
            "secret": self.emulator.credentials["webhook_secret"],
        }
        return answer(200, document)

    def _json(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        return documents.invoice_document(
            invoice, self.emulator.credentials["store_id"], self.emulator.page_url(invoice)
        )

    def _document(self, invoice: EmulatedInvoice) -> HttpResponse:
        return answer(200, self._json(invoice))

    def _known(self, invoice_id: str) -> EmulatedInvoice:
        found = self.emulator.ledger.get(EmulatedInvoice, invoice_id)
        if found is None:
            # By the code of 2.4.1 the permission of an invoice that is unknown cannot be checked, so it fails.
            raise _no_permission("btcpay.store.canviewinvoices")
        return self.emulator.current(found)


def _no_permission(name: str) -> RefusedError:
    return RefusedError(403, "missing-permission", f"Insufficient API Permissions ({name})", missingPermission=name)


def _number(query: Mapping[str, list[str]], name: str) -> int | None:
    values = query.get(name)
    if not values or not values[0]:
        return None
    if not values[0].isascii() or not values[0].isdigit() or len(values[0]) > 12:  # of Unix seconds
        raise RefusedError.of_field(name, f"The value '{values[0][:20]}' is not valid.")
    return int(values[0])
