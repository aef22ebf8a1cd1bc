"""The Checkout API of an emulated account: what each endpoint answers."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import attrs

from gateway_adyen import mapping
from gateway_adyen.emulator import documents
from gateway_adyen.settings import VERSION
from gateway_core import Currency, HttpRequest, HttpResponse, InvoiceStatus, Money
from gateway_core.errors import InvalidRequestError, NotFoundError, UnexpectedResponseError
from gateway_core.testing import EmulatedInvoice
from gateway_core.wire import loads, moment

if TYPE_CHECKING:
    from gateway_adyen.emulator.emulator import AdyenEmulator

_LIFE, _LONGEST_LIFE = timedelta(hours=24), timedelta(days=70)
_LONGEST_KEY, _LONGEST_REFERENCE = 64, 80


class RefusedError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status.
        code: Adyen's code of the error.
        message: The error, for people.
        kind: Adyen's kind of the error.
    """

    def __init__(self, status: int, code: str, message: str, kind: str = "validation") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.kind = kind


class Api:
    """What an account answers to requests.

    Args:
        emulator: The account.
    """

    def __init__(self, emulator: AdyenEmulator) -> None:
        self.emulator = emulator

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request.

        Raises:
            RefusedError: If it is refused.
        """
        version, *path = [unquote(part) for part in urlsplit(request.url).path.strip("/").split("/")]
        given = (request.headers.get("X-API-Key") or "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self.emulator.credentials["api_key"].encode("utf-8")):
            raise RefusedError(401, "000", "HTTP Status Response - Unauthorized", "security")
        self.emulator.expire_due()
        if version == VERSION:
            match (request.method, path):
                case ("POST", ["paymentLinks"]):
                    return self._once(request, self._create)
                case ("GET", ["paymentLinks", link_id]):
                    return documents.answer(200, self._link(self._known(link_id)))
                case ("PATCH", ["paymentLinks", link_id]):
                    return self._expire(self._known(link_id), _body(request))
                case ("POST", ["paymentMethods"]):
                    self._check_account(_body(request))
                    methods = [
                        {"name": "Cards", "type": "scheme"},
                        {"name": "SEPA Direct Debit", "type": "sepadirectdebit"},
                    ]
                    return documents.answer(200, {"paymentMethods": methods})
                case ("POST", ["payments", psp, "captures" | "cancels" | "refunds" as what]):
                    return self._once(request, lambda body: self._modify(what, psp, body))
        raise RefusedError(404, "000", "Not found", "validation")

    def _once(self, request: HttpRequest, carry_out: Callable[[Mapping[str, Any]], HttpResponse]) -> HttpResponse:
        """Carry a request out, or give the first answer to its idempotency key again."""
        body = _body(request)
        self._check_account(body)
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return carry_out(body)
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise RefusedError(422, "702", "Idempotency-Key is too long")
        note = "idempotency " + hashlib.sha256(f"{urlsplit(request.url).path} {key}".encode()).hexdigest()
        kept = json.loads(self.emulator.ledger.note(note) or "null")
        if kept is not None:
            return documents.answer(kept["status"], json.loads(kept["body"]), {"idempotency-key": key})
        answer = carry_out(body)
        self.emulator.ledger.set_note(note, json.dumps({"status": answer.status, "body": answer.body.decode("utf-8")}))
        return answer

    def _check_account(self, body: Mapping[str, Any]) -> None:
        if body.get("merchantAccount") != self.emulator.credentials["merchant_account"]:
            raise RefusedError(403, "901", "Invalid Merchant Account", "security")

    def _create(self, body: Mapping[str, Any]) -> HttpResponse:
        amount, reference = _amount(body.get("amount")), body.get("reference")
        if not isinstance(reference, str) or not reference:
            raise RefusedError(422, "130", "Reference Missing")
        if len(reference) > _LONGEST_REFERENCE:
            raise RefusedError(422, "702", "Reference too long")
        metadata = body.get("metadata") or {}
        _check_metadata(metadata)
        now = self.emulator.clock()
        try:
            expires_at = moment(body["expiresAt"]) if "expiresAt" in body else now + _LIFE
        except UnexpectedResponseError:
            raise RefusedError(422, "702", "expiresAt is no date and time") from None
        if not now < expires_at <= now + _LONGEST_LIFE:
            raise RefusedError(422, "702", "expiresAt must be in the future, 70 days at most")
        invoice = EmulatedInvoice(
            id=self.emulator.new_link_id(),
            token=self.emulator.new_token(16),
            order_id=reference,
            amount=amount,
            description=str(body.get("description") or ""),
            created_at=now,
            expires_at=expires_at,
            return_url=body.get("returnUrl"),
            received=amount - amount,
            refunded=amount - amount,
            data={"status": "active", "asked": {name: value for name, value in body.items() if name != "amount"}},
        )
        self.emulator.ledger.save(invoice)
        return documents.answer(201, self._link(invoice))

    def _expire(self, invoice: EmulatedInvoice, body: Mapping[str, Any]) -> HttpResponse:
        if body != {"status": "expired"}:
            raise RefusedError(422, "702", "Unexpected input: only status expired is possible")
        if invoice.data["status"] in ("completed", "paymentPending"):
            raise RefusedError(422, "702", "This link cannot be expired any more")
        data = {**invoice.data, "status": "expired"}
        expired = attrs.evolve(invoice, status=InvoiceStatus.EXPIRED, data=data)
        self.emulator.ledger.save(expired)
        return documents.answer(200, self._link(expired))

    def _modify(self, what: str, psp: str, body: Mapping[str, Any]) -> HttpResponse:
        try:
            payment, invoice = self.emulator.payment(psp)
        except NotFoundError:
            raise RefusedError(422, "167", "Original pspReference required for this operation") from None
        reference = body.get("reference") or invoice.order_id or ""
        if len(reference) > _LONGEST_REFERENCE:
            raise RefusedError(422, "702", "Reference too long")
        document = {"merchantAccount": body["merchantAccount"], "paymentPspReference": psp, "status": "received"}
        if what == "cancels":
            document["pspReference"] = self.emulator.void(payment, invoice, reference)
        else:
            amount = _amount(body.get("amount"))
            if amount.unit != payment.amount.unit or amount > payment.amount:
                raise RefusedError(422, "702", "The amount is more than was authorised, or in another currency")
            carry_out = self.emulator.capture if what == "captures" else self.emulator.refund
            document["pspReference"] = carry_out(payment, invoice, amount, reference)
            document["amount"] = body["amount"]
        return documents.answer(201, {**document, "reference": reference})

    def _known(self, link_id: str) -> EmulatedInvoice:
        found = self.emulator.ledger.get(EmulatedInvoice, link_id)
        if found is None:
            raise RefusedError(404, "000", "Payment link not found")
        return self.emulator.current(found)

    def _link(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        return documents.link(invoice, self.emulator.credentials["merchant_account"], self.emulator.page_url(invoice))


def _body(request: HttpRequest) -> Mapping[str, Any]:
    try:
        found = loads(request.body)
    except UnexpectedResponseError:
        found = None
    if not isinstance(found, Mapping):
        raise RefusedError(400, "702", "Unexpected input")
    return found


def _amount(told: Any) -> Money:
    try:
        value, code = told["value"], told["currency"]
        unit = Currency.find(code)
        unit = Currency(code, mapping.EXPONENTS.get(code, unit.exponent))
        amount = Money.from_minor(value, unit)
    except (InvalidRequestError, KeyError, TypeError):
        raise RefusedError(422, "702", "Unexpected input: amount") from None
    if amount.amount <= 0:
        raise RefusedError(422, "137", "Invalid amount specified")
    return amount


def _check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, Mapping):
        raise RefusedError(422, "702", "Unexpected input: metadata")
    if len(metadata) > 20:  # pairs
        raise RefusedError(422, "177", "Metadata size exceeds limit")
    if any(len(key) > 20 or len(value) > 80 for key, value in metadata.items()):  # characters
        raise RefusedError(422, "178", "Metadata key or value is too long")
