"""PayPal's REST API for an emulated account: what each endpoint answers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, PaymentStatus
from gateway_core.errors import NotFoundError, UnexpectedResponseError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, EmulatedRefund, fields_of, query_of
from gateway_core.wire import moment
from gateway_paypal import mapping
from gateway_paypal.emulator import documents
from gateway_paypal.emulator.certificate import CERTIFICATE
from gateway_paypal.emulator.documents import RefusedError
from gateway_paypal.emulator.reading import amount_of, body_of, check_items, context_of
from gateway_paypal.settings import INTENTS
from gateway_paypal.webhook import ALGORITHM, HEADERS

if TYPE_CHECKING:
    from gateway_paypal.emulator.emulator import PayPalEmulator

_TOKEN_LIFE = timedelta(hours=9)
_FORGOTTEN = timedelta(hours=6)
_LONGEST_RANGE = timedelta(days=31)
_LONGEST_KEY, _LONGEST_TEXT = 108, 127

_Handler = Callable[[Mapping[str, Any]], tuple[int, Any]]


class Api:
    """What an account answers to requests.

    Args:
        emulator: The account.
    """

    def __init__(self, emulator: PayPalEmulator) -> None:
        self.emulator = emulator

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request.

        Raises:
            RefusedError: If it is refused.
        """
        path = [unquote(part) for part in urlsplit(request.url).path.strip("/").split("/")]
        match (request.method, path):
            case ("POST", ["v1", "oauth2", "token"]):
                return self._token(request)
            case ("GET", ["v1", "notifications", "certs", name]) if name == CERTIFICATE:
                pem = self.emulator.signing_key.certificate.encode("ascii")
                return HttpResponse(status=200, headers={"Content-Type": "application/x-pem-file"}, body=pem)
        self._authenticate(request)
        status, document = self._carry_out(request, path)
        return documents.answer(status, document, self.emulator.clock())

    def _carry_out(self, request: HttpRequest, path: list[str]) -> tuple[int, Any]:
        match path:
            case ["v1", "notifications", *rest]:
                return self._notifications(request, rest)
            case ["v1", *_]:
                return self._report(request, path)
            case ["v2", "payments", *_]:
                return self._pay(request, path)
        match (request.method, path):
            case ("POST", ["v2", "checkout", "orders"]):
                return self._once(request, self._create)
            case ("GET", ["v2", "checkout", "orders", order_id]):
                return 200, self.emulator.document(self._order(order_id))
            case ("POST", ["v2", "checkout", "orders", order_id, "capture"]):
                return self._once(request, lambda _: self._capture(self._order(order_id)))
            case ("POST", ["v2", "checkout", "orders", order_id, "authorize"]):
                return self._once(request, lambda _: self._authorize(self._order(order_id)))
        raise RefusedError(404, "INVALID_RESOURCE_ID")

    def _pay(self, request: HttpRequest, path: list[str]) -> tuple[int, Any]:
        match (request.method, path):
            case ("POST", ["v2", "payments", "authorizations", number, "capture"]):
                return self._once(request, lambda body: self._capture_authorized(number, body))
            case ("POST", ["v2", "payments", "authorizations", number, "void"]):
                return self._void(number)
            case ("GET", ["v2", "payments", "captures", capture_id]):
                return 200, documents.capture_alone(self._captured(capture_id), self.emulator.base_url)
            case ("POST", ["v2", "payments", "captures", capture_id, "refund"]):
                return self._once(request, lambda body: self._refund(capture_id, body))
        raise RefusedError(404, "INVALID_RESOURCE_ID")

    def _report(self, request: HttpRequest, path: list[str]) -> tuple[int, Any]:
        match (request.method, path):
            case ("GET", ["v1", "reporting", "transactions"]):
                return 200, self._transactions(query_of(request))
            case ("GET", ["v1", "customer", "disputes", dispute_id]):
                return 200, self._noted(f"dispute {dispute_id}")
        raise RefusedError(404, "INVALID_RESOURCE_ID")

    # OAuth.

    def _token(self, request: HttpRequest) -> HttpResponse:
        known = f"{self.emulator.credentials['client_id']}:{self.emulator.credentials['client_secret']}".encode()
        expected = f"Basic {base64.b64encode(known).decode('ascii')}".encode()
        given = (request.headers.get("Authorization") or "").encode("utf-8", "replace")
        now = self.emulator.clock()
        if not hmac.compare_digest(given, expected):
            refusal = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return documents.answer(401, refusal, now)
        if fields_of(request).get("grant_type") != "client_credentials":
            return documents.answer(400, {"error": "unsupported_grant_type", "error_description": "unsupported"}, now)
        token = f"A21AA{self.emulator.new_token(92)}"
        self.emulator.ledger.set_note(f"token {token}", (now + _TOKEN_LIFE).isoformat())
        document = {
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": int(_TOKEN_LIFE.total_seconds()),
            "nonce": f"{documents.time_text(now)}{self.emulator.new_token(20)}",
        }
        return documents.answer(200, document, now)

    def _authenticate(self, request: HttpRequest) -> None:
        kind, _, token = (request.headers.get("Authorization") or "").partition(" ")
        ends = self.emulator.ledger.note(f"token {token}") if kind == "Bearer" else None
        if ends is None or datetime.fromisoformat(ends) <= self.emulator.clock():
            refused = RefusedError(401, "INVALID_ACCOUNT_STATUS")
            refused.document = {"error": "invalid_token", "error_description": "Access Token not found in cache"}
            raise refused

    def _once(self, request: HttpRequest, carry_out: _Handler) -> tuple[int, Any]:
        """Carry a request out, or tell how the first with its id stands."""
        body = body_of(request)
        key = request.headers.get("PayPal-Request-Id")
        if key is None:
            return carry_out(body)
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise RefusedError(400, "INVALID_STRING_LENGTH", "PayPal-Request-Id")
        digest = hashlib.sha256(f"{urlsplit(request.url).path} {key}".encode()).hexdigest()
        kept = self.emulator.ledger.note(f"request {digest}")
        if kept is not None:
            kind, number = json.loads(kept)
            return 200, self._latest(kind, number)
        status, document = carry_out(body)
        kind = "order" if "purchase_units" in document else "refund" if "/refund" in request.url else "capture"
        self.emulator.ledger.set_note(f"request {digest}", json.dumps([kind, document["id"]]))
        return status, document

    def _latest(self, kind: str, number: str) -> Any:
        if kind == "order":
            return self.emulator.document(self._order(number))
        if kind == "refund":
            found = self.emulator.ledger.get(EmulatedRefund, number)
            assert found is not None  # noqa: S101  # it was made before
            return documents.refund(found, self.emulator.base_url)
        return documents.capture_alone(self._captured(number), self.emulator.base_url)

    # Orders and their money.

    def _create(self, body: Mapping[str, Any]) -> tuple[int, Any]:
        units = body.get("purchase_units")
        if body.get("intent") not in INTENTS or not isinstance(units, list) or len(units) != 1:
            raise RefusedError(400, "INVALID_PARAMETER_VALUE", "/intent")
        [unit] = units
        amount = amount_of(unit.get("amount"), "/purchase_units/0/amount")
        for name in ("custom_id", "invoice_id", "description"):
            if len(unit.get(name, "")) > _LONGEST_TEXT:
                raise RefusedError(400, "INVALID_STRING_LENGTH", f"/purchase_units/0/{name}")
        check_items(unit, amount)
        invoice = EmulatedInvoice(
            id=self.emulator.new_id(),
            token=self.emulator.new_token(17),
            order_id=unit.get("custom_id"),
            amount=amount,
            description=str(unit.get("description") or ""),
            created_at=self.emulator.clock(),
            return_url=context_of(body).get("return_url"),
            received=amount - amount,
            refunded=amount - amount,
            data={
                "status": "PAYER_ACTION_REQUIRED" if "payment_source" in body else "CREATED",
                "asked": body,
                "authorizations": [],
            },
        )
        self.emulator.ledger.save(invoice)
        return 201, self.emulator.document(invoice)

    def _capture(self, invoice: EmulatedInvoice) -> tuple[int, Any]:
        if invoice.data["asked"]["intent"] != "CAPTURE":
            raise RefusedError(422, "ACTION_DOES_NOT_MATCH_INTENT")
        self._check_approved(invoice, "ORDER_ALREADY_CAPTURED")
        self._check_paid_once(invoice)
        self.emulator.capture(invoice, invoice.amount)
        return 201, self.emulator.document(self._order(invoice.id))

    def _authorize(self, invoice: EmulatedInvoice) -> tuple[int, Any]:
        if invoice.data["asked"]["intent"] != "AUTHORIZE":
            raise RefusedError(422, "ACTION_DOES_NOT_MATCH_INTENT")
        self._check_approved(invoice, "ORDER_ALREADY_AUTHORIZED")
        self._check_paid_once(invoice)
        made = {
            "id": self.emulator.new_id(),
            "status": "CREATED",
            "amount": mapping.amount(invoice.amount),
            "custom_id": invoice.order_id,
            "create_time": documents.time_text(self.emulator.clock()),
        }
        self.emulator.ledger.set_note(f"authorization {made['id']}", json.dumps(invoice.id))
        changed = self.emulator.change(invoice, "COMPLETED", InvoiceStatus.AUTHORIZED, authorizations=[made])
        related = {"supplementary_data": {"related_ids": {"order_id": invoice.id}}}
        self.emulator.tell("PAYMENT.AUTHORIZATION.CREATED", changed, {**made, **related})
        return 201, self.emulator.document(changed)

    def _capture_authorized(self, number: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        invoice, made = self._authorization(number)
        if made["status"] != "CREATED":
            issue = "AUTHORIZATION_VOIDED" if made["status"] == "VOIDED" else "AUTHORIZATION_ALREADY_CAPTURED"
            raise RefusedError(422, issue)
        amount = amount_of(body["amount"], "/amount") if "amount" in body else invoice.amount
        if amount > invoice.amount:
            raise RefusedError(422, "MAX_CAPTURE_AMOUNT_EXCEEDED")
        changed = self.emulator.change(
            invoice, "COMPLETED", InvoiceStatus.PENDING, authorizations=[{**made, "status": "CAPTURED"}]
        )
        payment = self.emulator.capture(changed, amount)
        return 201, documents.capture_alone(payment, self.emulator.base_url)

    def _void(self, number: str) -> tuple[int, Any]:
        invoice, made = self._authorization(number)
        if made["status"] != "CREATED":
            raise RefusedError(422, "PREVIOUSLY_VOIDED" if made["status"] == "VOIDED" else "PREVIOUSLY_CAPTURED")
        voided = {**made, "status": "VOIDED"}
        changed = self.emulator.change(invoice, "COMPLETED", InvoiceStatus.CANCELED, authorizations=[voided])
        related = {"supplementary_data": {"related_ids": {"order_id": invoice.id}}}
        self.emulator.tell("PAYMENT.AUTHORIZATION.VOIDED", changed, {**voided, **related})
        return 200, voided

    def _refund(self, capture_id: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        payment = self._captured(capture_id)
        if payment.data["status"] == "PENDING":
            raise RefusedError(422, "PENDING_CAPTURE")
        if payment.status not in (PaymentStatus.CONFIRMED, PaymentStatus.REFUNDED):
            raise RefusedError(422, "CAPTURE_FULLY_REFUNDED")
        refunds = self.emulator.ledger.select(EmulatedRefund, parent=payment.invoice_id)
        left = payment.amount
        for _, each in refunds:
            left -= each.amount if each.data["status"] != "FAILED" else left - left
        amount = amount_of(body["amount"], "/amount") if "amount" in body else left
        if amount.unit != payment.amount.unit:
            raise RefusedError(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        if not left:
            raise RefusedError(422, "CAPTURE_FULLY_REFUNDED")
        if amount > left:
            raise RefusedError(422, "REFUND_AMOUNT_EXCEEDED")
        made = self.emulator.refund(payment, amount, body.get("custom_id"))
        return 201, documents.refund(made, self.emulator.base_url)

    def _transactions(self, query: Mapping[str, str]) -> Any:
        try:
            start, end = moment(query["start_date"]), moment(query["end_date"])
            size, page = int(query.get("page_size", "100")), int(query.get("page", "1"))
        except (KeyError, ValueError, UnexpectedResponseError):
            raise RefusedError(400, "INVALID_PARAMETER_SYNTAX", "start_date") from None
        if not start <= end <= start + _LONGEST_RANGE or not 1 <= size <= 500 or page < 1:
            raise RefusedError(400, "INVALID_PARAMETER_VALUE", "end_date")
        lines: list[tuple[datetime, Any]] = [
            (each.paid_at, documents.transaction(each))
            for _, each in self.emulator.ledger.select(EmulatedPayment)
            if each.data["status"] is not None
        ]
        lines += [
            (each.created_at, documents.transaction(each)) for _, each in self.emulator.ledger.select(EmulatedRefund)
        ]
        found = [line for at, line in sorted(lines, key=lambda each: each[0]) if start <= at <= end]
        pages = max(1, -(-len(found) // size))
        shown = found[(page - 1) * size : page * size]
        return {"transaction_details": shown, "page": page, "total_items": len(found), "total_pages": pages}

    # Webhooks.

    def _notifications(self, request: HttpRequest, rest: list[str]) -> tuple[int, Any]:
        hook = {
            "id": self.emulator.credentials["webhook_id"],
            "url": self.emulator.webhook_url or "https://shop.invalid",
        }
        match (request.method, rest):
            case ("GET", ["webhooks"]):
                return 200, {"webhooks": [hook]}
            case ("POST", ["webhooks"]):
                self.emulator.webhook_url = str(body_of(request).get("url"))
                return 201, {**hook, "url": self.emulator.webhook_url, "event_types": [{"name": "*"}]}
            case ("GET", ["webhooks", number]) if number == hook["id"]:
                return 200, hook
            case ("POST", ["verify-webhook-signature"]):
                return 200, {"verification_status": "SUCCESS" if self._has_sent(request) else "FAILURE"}
        raise RefusedError(404, "INVALID_RESOURCE_ID")

    def _has_sent(self, request: HttpRequest) -> bool:
        asked = body_of(request)
        if any(not isinstance(asked.get(name), str) for name in (*HEADERS, "webhook_id")):
            raise RefusedError(400, "MISSING_REQUIRED_PARAMETER")
        # The event's own bytes: PayPal looks at these, too, and not at what they stand for.
        event = request.body.partition(b'"webhook_event": ')[2][:-1]
        text = "|".join(
            (asked["transmission_id"], asked["transmission_time"], asked["webhook_id"], str(zlib.crc32(event)))
        )
        genuine = self.emulator.signing_key.sign(text.encode("utf-8", "surrogatepass"))
        own = asked["webhook_id"] == self.emulator.credentials["webhook_id"]
        return own and asked["auth_algo"] == ALGORITHM and hmac.compare_digest(genuine, asked["transmission_sig"])

    # Small things.

    def _order(self, order_id: str) -> EmulatedInvoice:
        found = self.emulator.ledger.get(EmulatedInvoice, order_id)
        if found is None or self._is_forgotten(found):
            raise RefusedError(404, "INVALID_RESOURCE_ID")
        return found

    def _is_forgotten(self, invoice: EmulatedInvoice) -> bool:
        unpaid = invoice.data["status"] in ("CREATED", "PAYER_ACTION_REQUIRED", "APPROVED")
        return unpaid and self.emulator.clock() >= invoice.created_at + _FORGOTTEN

    def _captured(self, capture_id: str) -> EmulatedPayment:
        try:
            payment = self.emulator.payment(capture_id)[0]
        except NotFoundError:
            raise RefusedError(404, "INVALID_RESOURCE_ID") from None
        if payment.data["status"] is None:
            raise RefusedError(404, "INVALID_RESOURCE_ID")
        return payment

    def _authorization(self, number: str) -> tuple[EmulatedInvoice, dict[str, Any]]:
        invoice = self._order(self._noted(f"authorization {number}"))
        [made] = [each for each in invoice.data["authorizations"] if each["id"] == number]
        return invoice, made

    def _noted(self, name: str) -> Any:
        kept = self.emulator.ledger.note(name)
        if kept is None:
            raise RefusedError(404, "INVALID_RESOURCE_ID")
        return json.loads(kept)

    def _check_approved(self, invoice: EmulatedInvoice, ended: str) -> None:
        if invoice.data["status"] == "COMPLETED":
            raise RefusedError(422, ended)
        if invoice.data["status"] != "APPROVED":
            raise RefusedError(422, "ORDER_NOT_APPROVED")

    def _check_paid_once(self, invoice: EmulatedInvoice) -> None:
        """Refuse a second payment with an `invoice_id`, which is unique by default."""
        [unit] = invoice.data["asked"]["purchase_units"]
        number = unit.get("invoice_id")
        if number is None:
            return
        name = f"invoice id {hashlib.sha256(number.encode('utf-8')).hexdigest()}"
        if self.emulator.ledger.note(name) is not None:
            raise RefusedError(422, "DUPLICATE_INVOICE_ID")
        self.emulator.ledger.set_note(name, json.dumps(invoice.id))
