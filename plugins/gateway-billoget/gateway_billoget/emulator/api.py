"""The emulator's API: which request is answered how, in the generation that it speaks."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gateway_billoget.emulator import documents
from gateway_billoget.emulator.limits import SlidingWindow
from gateway_billoget.emulator.reading import NEEDED, Fields, RefusedError, body_of, is_listed, page_of, wrong
from gateway_billoget.emulator.shelf import Shelf
from gateway_billoget.writing import time_text
from gateway_core import HttpRequest, HttpResponse, InvoiceStatus
from gateway_core.testing import EmulatedInvoice, query_of
from gateway_core.wire import dumps

if TYPE_CHECKING:
    from gateway_billoget.emulator.emulator import BillogetEmulator

#: The scopes that a key may have.
SCOPES = frozenset(
    {f"{verb}_{kind}" for verb in ("READ", "WRITE") for kind in ("BUDGETS", "CUSTOMERS", "PRODUCTS")} | {"WEBHOOKS"}
)

#: Tests of the webhook in a minute.
_MOST_TESTS = 10


class Api:
    """Answers requests to one emulated account.

    Args:
        emulator: The account.
        rate_limit: Requests that its key may make in any hour.
    """

    def __init__(self, emulator: BillogetEmulator, rate_limit: int) -> None:
        self._emulator = emulator
        self._requests = SlidingWindow(emulator.ledger, "requests", rate_limit, timedelta(hours=1))
        self._tests = SlidingWindow(emulator.ledger, "webhook tests", _MOST_TESTS, timedelta(minutes=1))

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        now = self._emulator.clock()
        more: Mapping[str, str] = {}
        # Refusals are answers like others: what was noted of the request stays noted.
        with self._emulator.ledger.transaction():
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

    def _answer(self, request: HttpRequest) -> tuple[int, Any]:
        path = [unquote(segment) for segment in urlsplit(request.url).path.strip("/").split("/")]
        self._emulator.expire_due()
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
                return self._shelved(method, self._emulator.customers, rest, request)
            case (method, "api", "public", "products", *rest):
                self._admit(request, "PRODUCTS")
                return self._shelved(method, self._emulator.products, rest, request)
            case ("POST", "api", "public", "webhooks", "test"):
                self._admit(request, None)
                return 200, {"data": self._tested(request)}
        raise _not_found()

    def _admit(self, request: HttpRequest, kind: str | None) -> None:
        """Refuse a request without a good key, beyond the limit, or without the scope."""
        given = request.headers.get("Authorization")
        if given is None:
            raise RefusedError(401, "unauthorized", "The Authorization header is missing")
        if not hmac.compare_digest(
            given.encode("utf-8", "replace"), f"Bearer {self._emulator.credentials['api_key']}".encode()
        ):
            raise RefusedError(401, "invalid_api_key", "The API key is invalid")
        self._requests.enter(self._emulator.clock())
        scope = "WEBHOOKS" if kind is None else f"{'READ' if request.method == 'GET' else 'WRITE'}_{kind}"
        if scope not in self._emulator.scopes:
            raise RefusedError(403, "insufficient_scope", "The API key has no such scope", {"required": scope})

    def _budgets(self, method: str, rest: list[str], request: HttpRequest) -> tuple[int, Any]:
        match (method, *rest):
            case ("GET",):
                return 200, self._listed(request)
            case ("POST",):
                fields = Fields(body_of(request), self._emulator.generation)
                return 201, self._single(self._document(self._emulator.create(fields)))
            case ("GET", budget_id):
                return 200, self._single(self._document(self._budget(budget_id)))
            case ("PUT", budget_id):
                fields = Fields(body_of(request), self._emulator.generation)
                return 200, self._single(self._document(self._emulator.change(self._budget(budget_id), fields)))
            case ("DELETE", budget_id):
                self._emulator.delete(self._budget(budget_id))
                return 204, None
        raise _not_found()

    def _shelved(self, method: str, shelf: Shelf, rest: list[str], request: HttpRequest) -> tuple[int, Any]:
        kind, at = shelf.kind.removesuffix("s"), time_text(self._emulator.clock())
        match (method, *rest):
            case ("GET",):
                return 200, self._cut([*shelf.all().values()], request)
            case ("POST",):
                fields = body_of(request)
                for name in NEEDED[shelf.kind][self._emulator.generation]:
                    if name not in fields:
                        raise wrong(name, "must be there")
                added = shelf.add(fields, at)
                self._emulator.announce_other(f"{kind}.created", str(added["id"]), added)
                return 201, self._single(added)
            case ("GET" | "PUT" | "DELETE", identifier):
                known = shelf.get(identifier)
                if known is None:
                    raise _not_found()
                if method == "PUT":
                    known = shelf.change(identifier, body_of(request), at)
                    self._emulator.announce_other(f"{kind}.updated", identifier, known)
                if method == "DELETE":
                    shelf.remove(identifier)
                    self._emulator.announce_other(f"{kind}.deleted", identifier, {"id": known["id"]})
                    return 204, None
                return 200, self._single(known)
        raise _not_found()

    def _created_publicly(self, request: HttpRequest) -> dict[str, Any]:
        if self._emulator.generation != "G3":
            raise _not_found()
        invoice = self._emulator.create(Fields(body_of(request), "G3"))
        return {
            "success": True,
            "message": "Budget created",
            "publicUrl": self._emulator.page_url(invoice),
            "budgetId": int(invoice.id),
            "publicToken": invoice.token,
        }

    def _decided(self, token: str, what: str) -> dict[str, Any]:
        invoice = self._by_token(token)
        if not self._emulator.payable(invoice):
            raise RefusedError(409, "conflict", "The budget is no longer pending")
        if what == "reject":
            rejected = self._emulator.decide(invoice, InvoiceStatus.CANCELED)
            return {"message": "Budget rejected", "budget": self._document(rejected)}
        approved = self._emulator.decide(invoice, InvoiceStatus.APPROVED)
        told = {"message": "Budget confirmed", "budget": self._document(approved)}
        return {**told, "paymentUrl": self._emulator.page_url(approved)}

    def _tested(self, request: HttpRequest) -> dict[str, Any]:
        self._tests.enter(self._emulator.clock())
        body = body_of(request)
        event, data = body.get("event"), body.get("data")
        if not isinstance(event, str) or not isinstance(data, dict):
            raise wrong("event", "must be text, and data an object")
        self._emulator.announce_other(event, "test", data)
        told = {"message": "Webhook test sent", "timestamp": time_text(self._emulator.clock())}
        if self._emulator.generation == "G1":
            return {"success": True, **told}
        return {**told, "apiKey": self._emulator.credentials["api_key"][:12]}

    def _listed(self, request: HttpRequest) -> dict[str, Any]:
        query = query_of(request)
        found = [
            invoice
            for _, invoice in self._emulator.ledger.select(EmulatedInvoice, order="newest")
            if not invoice.data["deleted"] and is_listed(invoice, query, self._emulator.generation)
        ]
        if self._emulator.generation == "G1" and query.get("sort") == "total":
            found.sort(key=lambda invoice: invoice.amount.amount, reverse=True)
        if self._emulator.generation == "G1" and query.get("order") == "asc":
            found.reverse()
        shown = [
            documents.summary(invoice) if self._emulator.generation == "G1" else self._document(invoice)
            for invoice in found
        ]
        return self._cut(shown, request)

    def _cut(self, found: list[dict[str, Any]], request: HttpRequest) -> dict[str, Any]:
        page, limit = page_of(query_of(request))
        shown = found[(page - 1) * limit : page * limit]
        return documents.page(
            shown, page=page, limit=limit, total=len(found), around=self._meta(), generation=self._emulator.generation
        )

    def _single(self, document: Mapping[str, Any]) -> dict[str, Any]:
        return {"data": document}

    def _meta(self) -> dict[str, str]:
        return {"requestId": f"req_{self._emulator.new_token(12)}", "timestamp": time_text(self._emulator.clock())}

    def _error(self, refused: RefusedError) -> dict[str, Any]:
        details = {} if refused.details is None else {"details": refused.details}
        meta = self._meta()
        told = {"error": refused.code, "message": refused.message, **details}
        return {**told, "timestamp": meta["timestamp"], "requestId": meta["requestId"]}

    def _document(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        customer = self._emulator.customers.get(invoice.data["customer"])
        return documents.budget(invoice, self._emulator.generation, customer, self._emulator.page_url(invoice))

    def _budget(self, budget_id: str) -> EmulatedInvoice:
        invoice = self._emulator.ledger.get(EmulatedInvoice, budget_id)
        if invoice is None or invoice.data["deleted"]:
            raise _not_found()
        return invoice

    def _by_token(self, token: str) -> EmulatedInvoice:
        for _, invoice in self._emulator.ledger.select(EmulatedInvoice, token=token):
            if not invoice.data["deleted"]:
                return invoice
        raise _not_found()


def _not_found() -> RefusedError:
    return RefusedError(404, "not_found", "There is no such thing")
