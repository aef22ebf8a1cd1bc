"""Mollie's Payments API, as far as a shop needs it."""

from __future__ import annotations

import functools
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urlsplit

import attrs

from gateway_core import HttpRequest, HttpResponse
from gateway_core.errors import RejectedError
from gateway_core.testing import EmulatedInvoice, EmulatedRefund, query_of
from gateway_mollie.emulator import documents
from gateway_mollie.emulator.reading import RefusedError, answer, content_of, lines, money, text, web_address
from gateway_mollie.emulator.records import METHODS, UNPAID, changed, is_cancelable, kept, time_text

if TYPE_CHECKING:
    from gateway_mollie.emulator.emulator import MollieEmulator

_UNCHOSEN = timedelta(minutes=15)
_KEYS_LIVE = timedelta(hours=1)
_LARGEST_PAGE = 250
_USUAL_PAGE = 50
_DESCRIPTION = 255
_LIMIT = re.compile(r"[0-9]{1,3}", re.ASCII)


@attrs.frozen
class _Call:
    """One request that is from the account: to which base address, in which mode, and with what."""

    base: str
    mode: str
    content: Mapping[str, Any]
    query: Mapping[str, str]


class Api:
    """Answers the requests to one emulator.

    Args:
        emulator: The emulator.
    """

    def __init__(self, emulator: MollieEmulator) -> None:
        self._emulator = emulator
        self._ledger = emulator.ledger

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request.

        Raises:
            RefusedError: If it is refused.
        """
        parts = urlsplit(request.url)
        head, mark, tail = parts.path.partition("/v2/")
        if not mark:
            raise RefusedError(404, "Unknown resource")
        token = self._authenticate(request)
        content, query = content_of(request), query_of(request)
        testing = content.get("testmode") is True or query.get("testmode") == "true"
        mode = token.partition("_")[0] if not token.startswith("access_") else "test" if testing else "live"
        call = _Call(f"{parts.scheme}://{parts.netloc}{head}/v2", mode, content, query)
        handlers = self._handlers([unquote(each) for each in tail.split("/")], call)
        if not handlers:
            raise RefusedError(404, "Unknown resource")
        if request.method not in handlers:
            allowed = ", ".join(handlers)
            raise RefusedError(405, f"Method not allowed, use {allowed}", headers={"Allow": allowed})
        if request.method == "POST":
            return self._once(request, tail, handlers["POST"])
        return handlers[request.method]()

    def _authenticate(self, request: HttpRequest) -> str:
        given = request.headers.get_all("Authorization")
        token = self._emulator.credentials["api_key"]
        sent = given[0].encode("utf-8", "surrogateescape") if len(given) == 1 else b""
        if not hmac.compare_digest(sent, f"Bearer {token}".encode("ascii")):
            raise RefusedError(401, "Missing authentication, or failed to authenticate")
        return token

    def _handlers(self, path: list[str], call: _Call) -> dict[str, Callable[[], HttpResponse]]:
        """Return what answers at a path, by the HTTP method."""
        bind = functools.partial
        match path:
            case ["payments"]:
                return {"GET": bind(self._list_payments, call), "POST": bind(self._create, call)}
            case ["webhooks"]:
                return {"POST": bind(self._subscribe, call)}
            case ["payments", payment_id, *below]:
                invoice = self._payment(call, payment_id)
                return {
                    method: bind(handler, call, invoice) for method, handler in self._handlers_of_payment(below).items()
                }
        return {}

    def _handlers_of_payment(self, below: list[str]) -> dict[str, Callable[[_Call, EmulatedInvoice], HttpResponse]]:
        bind = functools.partial
        match below:
            case []:
                return {"GET": self._read, "PATCH": self._update, "DELETE": self._cancel}
            case ["release-authorization"]:
                return {"POST": self._release}
            case ["refunds"]:
                return {"GET": bind(self._list_parts, kind="refunds"), "POST": self._refund}
            case ["captures"]:
                return {"GET": bind(self._list_parts, kind="captures"), "POST": self._capture}
            case ["chargebacks"]:
                return {"GET": bind(self._list_parts, kind="chargebacks")}
            case ["refunds", part_id]:
                read = bind(self._read_part, kind="refunds", part_id=part_id)
                return {"GET": read, "DELETE": bind(self._cancel_refund, refund_id=part_id)}
            case [("captures" | "chargebacks") as kind, part_id]:
                return {"GET": bind(self._read_part, kind=kind, part_id=part_id)}
        return {}

    def _create(self, call: _Call) -> HttpResponse:
        content = call.content
        amount = money(content, "amount")
        if amount.amount <= 0:
            raise RefusedError(422, "The amount is lower than the minimum", "amount")
        profile, offered = self._profile(content), _methods(content)
        manner = text(content, "captureMode")
        if manner not in (None, "automatic", "manual"):
            raise RefusedError(422, "The captureMode is invalid", "captureMode")
        method = offered[0] if len(offered) == 1 else None
        metadata = content.get("metadata")
        now = self._emulator.clock()
        invoice = EmulatedInvoice(
            id=self._emulator.new_id("tr"),
            token=self._emulator.new_token(12),
            order_id=metadata.get("order_id") if isinstance(metadata, dict) else None,
            amount=amount,
            description=(text(content, "description", needed=True) or "")[:_DESCRIPTION],
            created_at=now,
            expires_at=now + (METHODS[method][1] if method else _UNCHOSEN),
            return_url=web_address(content, "redirectUrl", needed=True),
            received=amount - amount,
            refunded=amount - amount,
            data={
                "mode": call.mode,
                "profile": profile,
                "word": "open",
                "moments": {},
                "method": method,
                "offered": offered,
                "captureMode": manner,
                "locale": text(content, "locale"),
                "webhookUrl": web_address(content, "webhookUrl"),
                "cancelUrl": web_address(content, "cancelUrl"),
                "metadata": kept(metadata),
                "lines": kept(lines(content, amount)),
                "details": {},
                "reserved": "0",
                "refunds": [],
                "captures": [],
                "chargebacks": [],
            },
        )
        self._ledger.save(invoice)
        return answer(self._document(call, invoice), 201)

    def _profile(self, content: Mapping[str, Any]) -> str:
        """Return the profile of a new payment: an access token's has to be said, an API key's must not be."""
        given = text(content, "profileId")
        if self._emulator.credentials["api_key"].startswith("access_"):
            if given is None:
                raise RefusedError(422, "The profileId is missing", "profileId")
            return given
        for field in ("profileId", "testmode"):
            if field in content:
                raise RefusedError(422, f"The {field} is not allowed with an API key", field)
        return self._emulator.credentials["profile_id"]

    def _read(self, call: _Call, invoice: EmulatedInvoice) -> HttpResponse:
        document = self._document(call, invoice)
        wanted = [each for each in call.query.get("embed", "").split(",") if each]
        if wanted:
            document["_embedded"] = {kind: self._parts(call, invoice, kind) for kind in wanted}
        return answer(document)

    def _update(self, call: _Call, invoice: EmulatedInvoice) -> HttpResponse:
        if invoice.data["word"] not in UNPAID:
            raise RefusedError(422, "The payment is already finalised and cannot be updated")
        content = call.content
        given = {name: web_address(content, name) for name in ("webhookUrl", "cancelUrl") if name in content}
        if "metadata" in content:
            given["metadata"] = kept(content["metadata"])
        after = attrs.evolve(
            changed(invoice, **given),
            description=(text(content, "description") or invoice.description)[:_DESCRIPTION],
            return_url=web_address(content, "redirectUrl") or invoice.return_url,
        )
        self._ledger.save(after)
        return answer(self._document(call, after))

    def _cancel(self, call: _Call, invoice: EmulatedInvoice) -> HttpResponse:
        if not is_cancelable(invoice):
            raise RefusedError(422, "The payment cannot be cancelled")
        return answer(self._document(call, self._emulator.move(invoice, "canceled")))

    def _release(self, call: _Call, invoice: EmulatedInvoice) -> HttpResponse:  # noqa: ARG002  # nothing is answered
        if invoice.data["word"] != "authorized":
            raise RefusedError(422, "The payment has no authorization to release")
        self._emulator.move(invoice, "canceled")
        return HttpResponse(status=202)

    def _refund(self, call: _Call, invoice: EmulatedInvoice) -> HttpResponse:
        amount, since = money(call.content, "amount"), self._emulator.clock() - _KEYS_LIVE
        if amount.unit != invoice.amount.unit:
            raise RefusedError(422, "The amount contains an invalid currency", "amount.currency")
        for _, record in self._ledger.select(EmulatedRefund, parent=invoice.id, since=since):
            if record.amount == amount and record.data["word"] not in {"failed", "canceled"}:
                raise RefusedError(409, "A duplicate refund has been detected")
        description, metadata = text(call.content, "description"), call.content.get("metadata")
        try:
            made = self._emulator.refund(invoice, amount, description, metadata)
        except RejectedError as error:
            reason = error.message
        else:
            return answer(documents.refund(made, invoice.data["mode"], call.base), 201)
        raise RefusedError(422, reason, "amount.value")

    def _cancel_refund(self, call: _Call, invoice: EmulatedInvoice, refund_id: str) -> HttpResponse:
        self._read_part(call, invoice, "refunds", refund_id)
        record = self._ledger.get(EmulatedRefund, refund_id)
        if record is None or record.data["word"] != "pending":
            raise RefusedError(422, "The refund cannot be canceled")
        self._emulator.end_refund(record, "canceled")
        return HttpResponse(status=204)

    def _capture(self, call: _Call, invoice: EmulatedInvoice) -> HttpResponse:
        if invoice.data["word"] != "authorized":
            raise RefusedError(422, "The payment cannot be captured")
        amount = money(call.content, "amount") if call.content.get("amount") else invoice.amount
        if amount.unit != invoice.amount.unit or not amount or amount > invoice.amount:
            raise RefusedError(422, "The amount is higher than the maximum", "amount")
        description, metadata = text(call.content, "description"), call.content.get("metadata")
        made = self._emulator.capture(invoice, amount, description, metadata)
        return answer(documents.capture(made, invoice, call.base), 201)

    def _list_payments(self, call: _Call) -> HttpResponse:
        order = call.query.get("sort", "desc")
        if order not in ("asc", "desc"):
            raise RefusedError(400, "Invalid sort direction", "sort")
        rows = self._ledger.select(EmulatedInvoice, order="oldest" if order == "asc" else "newest")
        wanted = call.query.get("profileId")
        known = [
            invoice
            for _, invoice in rows
            if invoice.data["mode"] == call.mode and wanted in (None, invoice.data["profile"])
        ]
        start, size = _range([each.id for each in known], call.query)
        shown = [self._document(call, each) for each in known[start : start + size]]
        return answer(documents.page("payments", shown, _addresses(call, "payments", [x.id for x in known], start)))

    def _list_parts(self, call: _Call, invoice: EmulatedInvoice, kind: str) -> HttpResponse:
        known = self._parts(call, invoice, kind)
        ids = [str(each["id"]) for each in known]
        start, size = _range(ids, call.query)
        where = f"payments/{invoice.id}/{kind}"
        return answer(documents.page(kind, known[start : start + size], _addresses(call, where, ids, start)))

    def _read_part(self, call: _Call, invoice: EmulatedInvoice, kind: str, part_id: str) -> HttpResponse:
        for each in self._parts(call, invoice, kind):
            if each["id"] == part_id:
                return answer(each)
        raise RefusedError(404, f"No {kind[:-1]} exists with token {part_id}.")

    def _parts(self, call: _Call, invoice: EmulatedInvoice, kind: str) -> list[dict[str, Any]]:
        """Return what belongs to a payment, newest first; a canceled refund is not there any more."""
        if kind == "captures":
            return [documents.capture(each, invoice, call.base) for each in reversed(invoice.data["captures"])]
        if kind == "chargebacks":
            return [documents.chargeback(each, invoice, call.base) for each in reversed(invoice.data["chargebacks"])]
        if kind == "refunds":
            rows = self._ledger.select(EmulatedRefund, parent=invoice.id, order="newest")
            kept = [record for _, record in rows if record.data["word"] != "canceled"]
            return [documents.refund(record, invoice.data["mode"], call.base) for record in kept]
        raise RefusedError(400, "Invalid embed value", "embed")

    def _subscribe(self, call: _Call) -> HttpResponse:
        if not self._emulator.credentials["api_key"].startswith("access_"):
            raise RefusedError(403, "An organization access token is needed")
        url, kinds = web_address(call.content, "url", needed=True), call.content.get("eventTypes")
        if not isinstance(kinds, list) or not kinds or not all(isinstance(each, str) for each in kinds):
            raise RefusedError(422, "The eventTypes are invalid", "eventTypes")
        made = {"id": self._emulator.new_id("hook"), "url": url, "kinds": kinds}
        made["createdAt"] = time_text(self._emulator.clock())
        made["secret"] = self._emulator.credentials["webhook_secrets"]
        self._ledger.set_note("subscription", json.dumps(made))
        own = f"{call.base}/webhooks/{made['id']}"
        return answer(documents.subscription(made, text(call.content, "name", needed=True), own, call.mode), 201)

    def _once(self, request: HttpRequest, path: str, carry_out: Callable[[], HttpResponse]) -> HttpResponse:
        """Carry a request out, or give the first answer again if its key was seen within the hour.

        Only a success is kept: whether Mollie keeps a refusal is not documented.
        """
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return carry_out()
        note = f"idempotency {key}"
        fingerprint = hashlib.sha256(path.encode("utf-8") + b"\0" + request.body).hexdigest()
        kept = json.loads(self._ledger.note(note) or "null")
        if kept is None or self._emulator.clock() - datetime.fromisoformat(kept["at"]) >= _KEYS_LIVE:
            made = carry_out()
            known = {"at": self._emulator.clock().isoformat(), "fingerprint": fingerprint, "status": made.status}
            self._ledger.set_note(note, json.dumps({**known, "body": made.body.decode("utf-8")}))
            return made
        if kept["fingerprint"] != fingerprint:
            raise RefusedError(400, "This Idempotency-Key has already been used.")
        headers = {"Content-Type": "application/hal+json", "Idempotent-Replayed": "true"}
        return HttpResponse(status=kept["status"], headers=headers, body=kept["body"].encode("utf-8"))

    def _document(self, call: _Call, invoice: EmulatedInvoice) -> dict[str, Any]:
        return documents.payment(invoice, call.base, self._emulator.page_url(invoice))

    def _payment(self, call: _Call, payment_id: str) -> EmulatedInvoice:
        """Return a payment of the request's mode."""
        invoice = self._ledger.get(EmulatedInvoice, payment_id)
        if invoice is None or invoice.data["mode"] != call.mode:
            raise RefusedError(404, f"No payment exists with token {payment_id}.")
        return invoice


def _methods(content: Mapping[str, Any]) -> list[str]:
    """Return the ways to pay that a request allows; none for all."""
    given = content.get("method")
    offered = [given] if isinstance(given, str) else given or []
    if not isinstance(offered, list) or not all(isinstance(each, str) and each in METHODS for each in offered):
        raise RefusedError(422, "The payment method is not enabled in your website profile", "method")
    return offered


def _range(ids: list[str], query: Mapping[str, str]) -> tuple[int, int]:
    """Return where a page begins, and how many are on it at most.

    Raises:
        RefusedError: If it begins nowhere, or the number is none that Mollie takes.
    """
    given = query.get("limit", str(_USUAL_PAGE))
    if not _LIMIT.fullmatch(given) or not 1 <= int(given) <= _LARGEST_PAGE:
        raise RefusedError(400, f"Invalid limit, use 1 to {_LARGEST_PAGE}", "limit")
    first = query.get("from")
    if first is not None and first not in ids:
        raise RefusedError(400, "Invalid cursor value", "from")
    return 0 if first is None else ids.index(first), int(given)


def _addresses(call: _Call, path: str, ids: list[str], start: int) -> dict[str, str | None]:
    """Return the addresses of a page, of the one before and of the one after it."""
    _, size = _range(ids, call.query)

    def at(number: int) -> str:
        return f"{call.base}/{path}?{urlencode({**call.query, 'from': ids[number], 'limit': size})}"

    return {
        "self": f"{call.base}/{path}?{urlencode({**call.query, 'limit': size})}",
        "previous": at(max(0, start - size)) if start else None,
        "next": at(start + size) if start + size < len(ids) else None,
    }
