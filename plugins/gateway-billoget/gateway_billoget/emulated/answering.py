"""The emulator's API: which request is answered how, in the generation that it speaks."""

from __future__ import annotations

import abc
import hmac
from collections.abc import Collection, Mapping
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import attrs

from gateway_billoget.emulated import documents, drafting
from gateway_billoget.emulated.limits import SlidingWindow
from gateway_billoget.emulated.reading import NEEDED, Fields, RefusedError, body_of, is_listed, page_of, wrong
from gateway_billoget.emulated.shelf import Shelf
from gateway_billoget.settings import Generation
from gateway_billoget.writing import time_text
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus
from gateway_core.testing import EmulatedInvoice, Emulator, Ledger, query_of
from gateway_core.wire import dumps

#: The scopes that a key may have.
SCOPES = frozenset(
    {f"{verb}_{kind}" for verb in ("READ", "WRITE") for kind in ("BUDGETS", "CUSTOMERS", "PRODUCTS")} | {"WEBHOOKS"}
)

#: Tests of the webhook in a minute.
_MOST_TESTS = 10


class Answering(Emulator, abc.ABC):
    """Answers Billoget's API; `gateway_billoget.emulator.BillogetEmulator` has the page and the webhooks."""

    def __init__(  # noqa: PLR0913  # all but the ledger by name
        self,
        ledger: Ledger | None = None,
        *,
        generation: Generation = "G3",
        currency: str = "EUR",
        rate_limit: int = 1000,
        scopes: Collection[str] = SCOPES,
        redelivery: tuple[timedelta, ...] | None = None,
        webhook_encoding: Literal["hex", "base64"] = "hex",
        webhook_prefix: str = "",
        **more: Any,
    ) -> None:
        super().__init__(ledger, **more)
        self.generation: Generation = generation
        self.currency = currency
        self.scopes = frozenset(scopes)
        self.webhook_encoding: Literal["hex", "base64"] = webhook_encoding
        self.webhook_prefix = webhook_prefix
        if redelivery is not None:
            self.redelivery = redelivery  # type: ignore[misc]  # the class has the usual ones, this one its own
        self.customers = Shelf(self.ledger, "customers", generation, 501)
        self.products = Shelf(self.ledger, "products", generation, 301)
        self._requests = SlidingWindow(self.ledger, "requests", rate_limit, timedelta(hours=1))
        self._tests = SlidingWindow(self.ledger, "webhook tests", _MOST_TESTS, timedelta(minutes=1))
        with self.ledger.transaction():
            self._stock()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        now = self.clock()
        more: Mapping[str, str] = {}
        # Refusals are answers like others: what was noted of the request stays noted.
        with self.ledger.transaction():
            try:
                status, body = self._answer(request)
            except RefusedError as refused:
                status, body, more = refused.status, self._error(refused), refused.headers
            headers = {
                "Content-Type": "application/json",
                "Date": format_datetime(now.astimezone(UTC).replace(microsecond=0), usegmt=True),
                "X-RateLimit-Limit": str(self._requests.most),
                "X-RateLimit-Remaining": str(self._requests.left(now)),
                "X-RateLimit-Reset": str(int(self._requests.free_at(now).timestamp())),
                "X-RateLimit-Window": "3600",
            }
        return HttpResponse(status=status, headers={**headers, **more}, body=b"" if body is None else dumps(body))

    @abc.abstractmethod
    def announce_other(self, kind: str, about: str, data: Mapping[str, Any]) -> None:
        """Queue a webhook that is about no budget."""

    def decide(self, invoice: EmulatedInvoice, status: InvoiceStatus) -> EmulatedInvoice:
        """Approve or reject a budget."""
        approved = time_text(self.clock()) if status is InvoiceStatus.APPROVED else None
        decided = self._kept(attrs.evolve(invoice, status=status), approved=approved)
        self.on_change(decided, None)
        return decided

    def next_number(self, name: str, first: int) -> int:
        """Return the next number of a series."""
        number = int(self.ledger.note(f"next of {name}") or first)
        self.ledger.set_note(f"next of {name}", str(number + 1))
        return number

    def _answer(self, request: HttpRequest) -> tuple[int, Any]:
        path = [unquote(segment) for segment in urlsplit(request.url).path.strip("/").split("/")]
        self.expire_due()
        match (request.method, *path[1 if path[0] == "v1" else 0 :]):
            case ("GET", "api", "public", "budgets", "public", budget_id):
                return 200, self._single(self._document(self._budget(budget_id)))
            case ("GET", "api", "public", "budgets", "token", token) | (
                "GET",
                "api",
                "public",
                "budgets",
                "debug",
                "token",
                token,
            ):
                return 200, self._single(self._document(self._by_token(token)))
            case ("POST", "api", "public", "budgets", "token", token, "confirm" | "reject" as what):
                return 200, {"data": self._decided(token, what)}
            case ("POST", "api", "budgets", "public") | ("POST", "api", "public", "budgets", "public"):
                self._admit(request, "BUDGETS")
                return 201, {"data": self._created_publicly(request)}
            case (method, "api", "public", "budgets", *rest):
                self._admit(request, "BUDGETS")
                return self._budgets(method, rest, request)
            case (method, "api", "public", "customers", *rest):
                self._admit(request, "CUSTOMERS")
                return self._shelved(method, self.customers, rest, request)
            case (method, "api", "public", "products", *rest):
                self._admit(request, "PRODUCTS")
                return self._shelved(method, self.products, rest, request)
            case ("POST", "api", "public", "webhooks", "test"):
                self._admit(request, None)
                return 200, {"data": self._tested(request)}
        raise _not_found()

    def _admit(self, request: HttpRequest, kind: str | None) -> None:
        """Refuse a request without a good key, beyond the limit, or without the scope."""
        given = request.headers.get("Authorization")
        if given is None:
            raise RefusedError(401, "unauthorized", "The Authorization header is missing")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {self.credentials['api_key']}".encode()):
            raise RefusedError(401, "invalid_api_key", "The API key is invalid")
        self._requests.enter(self.clock())
        scope = "WEBHOOKS" if kind is None else f"{'READ' if request.method == 'GET' else 'WRITE'}_{kind}"
        if scope not in self.scopes:
            raise RefusedError(403, "insufficient_scope", "The API key has no such scope", {"required": scope})

    def _budgets(self, method: str, rest: list[str], request: HttpRequest) -> tuple[int, Any]:
        match (method, *rest):
            case ("GET",):
                return 200, self._listed(request)
            case ("POST",):
                fields = Fields(body_of(request), self.generation)
                return 201, self._single(self._document(self._create(fields)))
            case ("GET", budget_id):
                return 200, self._single(self._document(self._budget(budget_id)))
            case ("PUT", budget_id):
                fields = Fields(body_of(request), self.generation)
                changed = self._kept(drafting.change(self._budget(budget_id), fields, self.customers))
                self.announce("budget.updated", changed)
                return 200, self._single(self._document(changed))
            case ("DELETE", budget_id):
                self.announce("budget.deleted", self._kept(self._budget(budget_id), deleted=True))
                return 204, None
        raise _not_found()

    def _shelved(self, method: str, shelf: Shelf, rest: list[str], request: HttpRequest) -> tuple[int, Any]:
        kind, at = shelf.kind.removesuffix("s"), time_text(self.clock())
        match (method, *rest):
            case ("GET",):
                return 200, self._cut([*shelf.all().values()], request)
            case ("POST",):
                fields = body_of(request)
                for name in NEEDED[shelf.kind][self.generation]:
                    if name not in fields:
                        raise wrong(name, "must be there")
                added = shelf.add(fields, at)
                self.announce_other(f"{kind}.created", str(added["id"]), added)
                return 201, self._single(added)
            case ("GET" | "PUT" | "DELETE", identifier):
                known = shelf.get(identifier)
                if known is None:
                    raise _not_found()
                if method == "PUT":
                    known = shelf.change(identifier, body_of(request), at)
                    self.announce_other(f"{kind}.updated", identifier, known)
                if method == "DELETE":
                    shelf.remove(identifier)
                    self.announce_other(f"{kind}.deleted", identifier, {"id": known["id"]})
                    return 204, None
                return 200, self._single(known)
        raise _not_found()

    def _create(self, fields: Fields) -> EmulatedInvoice:
        number = self.next_number("budgets", 123)
        made = drafting.draft(fields, self.currency, self.customers, self.clock())
        budget_id = str(number) if self.generation == "G3" else f"budget_{number}"
        invoice = attrs.evolve(made, id=budget_id, token=self.new_token(24))
        self.ledger.save(invoice)
        self.announce("budget.created", invoice)
        return invoice

    def _created_publicly(self, request: HttpRequest) -> dict[str, Any]:
        if self.generation != "G3":
            raise _not_found()
        invoice = self._create(Fields(body_of(request), "G3"))
        return {
            "success": True,
            "message": "Budget created",
            "publicUrl": self.page_url(invoice),
            "budgetId": int(invoice.id),
            "publicToken": invoice.token,
        }

    def _decided(self, token: str, what: str) -> dict[str, Any]:
        invoice = self._by_token(token)
        if not self.payable(invoice):
            raise RefusedError(409, "conflict", "The budget is no longer pending")
        if what == "reject":
            rejected = self.decide(invoice, InvoiceStatus.CANCELED)
            return {"message": "Budget rejected", "budget": self._document(rejected)}
        approved = self.decide(invoice, InvoiceStatus.APPROVED)
        told = {"message": "Budget confirmed", "budget": self._document(approved)}
        return {**told, "paymentUrl": self.page_url(approved)}

    def _tested(self, request: HttpRequest) -> dict[str, Any]:
        self._tests.enter(self.clock())
        body = body_of(request)
        event, data = body.get("event"), body.get("data")
        if not isinstance(event, str) or not isinstance(data, dict):
            raise wrong("event", "must be text, and data an object")
        self.announce_other(event, "test", data)
        told = {"message": "Webhook test sent", "timestamp": time_text(self.clock())}
        if self.generation == "G1":
            return {"success": True, **told}
        return {**told, "apiKey": self.credentials["api_key"][:12]}

    def _listed(self, request: HttpRequest) -> dict[str, Any]:
        query = query_of(request)
        found = [
            invoice
            for _, invoice in self.ledger.select(EmulatedInvoice, order="newest")
            if not invoice.data["deleted"] and is_listed(invoice, query, self.generation)
        ]
        if self.generation == "G1" and query.get("sort") == "total":
            found.sort(key=lambda invoice: invoice.amount.amount, reverse=True)
        if self.generation == "G1" and query.get("order") == "asc":
            found.reverse()
        shown = [
            documents.summary(invoice) if self.generation == "G1" else self._document(invoice) for invoice in found
        ]
        return self._cut(shown, request)

    def _cut(self, found: list[dict[str, Any]], request: HttpRequest) -> dict[str, Any]:
        page, limit = page_of(query_of(request))
        shown = found[(page - 1) * limit : page * limit]
        return documents.page(
            shown, page=page, limit=limit, total=len(found), around=self._meta(), generation=self.generation
        )

    def _single(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return {"data": document}

    def _meta(self) -> dict[str, str]:
        return {"requestId": f"req_{self.new_token(12)}", "timestamp": time_text(self.clock())}

    def _error(self, refused: RefusedError) -> dict[str, Any]:
        details = {} if refused.details is None else {"details": refused.details}
        meta = self._meta()
        told = {"error": refused.code, "message": refused.message, **details}
        return {**told, "timestamp": meta["timestamp"], "requestId": meta["requestId"]}

    def _document(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        customer = self.customers.get(invoice.data["customer"])
        return documents.budget(invoice, self.generation, customer, self.page_url(invoice))

    def _budget(self, budget_id: str) -> EmulatedInvoice:
        invoice = self.ledger.get(EmulatedInvoice, budget_id)
        if invoice is None or invoice.data["deleted"]:
            raise _not_found()
        return invoice

    def _by_token(self, token: str) -> EmulatedInvoice:
        for _, invoice in self.ledger.select(EmulatedInvoice, token=token):
            if not invoice.data["deleted"]:
                return invoice
        raise _not_found()

    def _kept(self, invoice: EmulatedInvoice, **changes: Any) -> EmulatedInvoice:
        """Save a budget with changes in its data."""
        changed = attrs.evolve(invoice, data={**invoice.data, **changes, "updated": time_text(self.clock())})
        self.ledger.save(changed)
        return changed

    def _stock(self) -> None:
        """Give a new account a customer and a product."""
        at = time_text(self.clock())
        if not self.customers.all():
            name = {"name": "Ana Gómez"} if self.generation == "G1" else {"firstName": "Ana", "lastName": "Gómez"}
            self.customers.add({**name, "email": "ana@shop.example"}, at)
        if not self.products.all():
            product = {"productCode": "TEST-1", "description": "Anything", "category": "Test", "price": 1}
            self.products.add(product, at)


def _not_found() -> RefusedError:
    return RefusedError(404, "not_found", "There is no such thing")
