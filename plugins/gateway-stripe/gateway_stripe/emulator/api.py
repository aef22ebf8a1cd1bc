"""The emulated API: what each endpoint takes, does and answers."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from gateway_core import HttpRequest, HttpResponse
from gateway_core.testing import EmulatedInvoice, QueuedDelivery
from gateway_core.wire import dumps
from gateway_stripe.emulator import changes, documents, idempotency, sessions
from gateway_stripe.emulator.requests import (
    RefusedError,
    absent,
    expansions,
    fields,
    listed,
    metadata,
    missing,
    needed,
    page,
    table,
    text,
    whole,
)

if TYPE_CHECKING:
    from gateway_stripe.emulator.emulator import StripeEmulator

Answer = dict[str, Any]

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")

#: What may be expanded in each kind of object.
_EXPANDABLE = {
    "checkout.session": ("payment_intent", "line_items"),
    "payment_intent": ("latest_charge",),
    "charge": ("payment_intent", "refunds"),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
}

#: Where an invoice keeps the objects of each kind.
_PARTS = {"payment_intent": "intent", "charge": "charges", "refund": "refunds", "dispute": "disputes"}

_LISTED = ("limit", "starting_after", "ending_before", "created")


class Api:
    """Answers one request.

    Args:
        account: The emulated account.
    """

    def __init__(self, account: StripeEmulator) -> None:
        self._account = account

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a request, or to the first one with its key."""
        headers = {"Content-Type": "application/json", "Request-Id": self._account.new_id("req")}
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        try:
            self._authenticate(request)
            kept = idempotency.recall(self._account.ledger, key, request, self._now())
            if kept is not None:
                told = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id}
                headers |= {"Idempotency-Key": str(key), **told}
                return HttpResponse(status=200, headers=headers, body=kept.body.encode("utf-8"))
            status, body = 200, dumps(self._account.in_mode(self._route(request)))
            if key is not None:
                headers["Idempotency-Key"] = key
                idempotency.keep(self._account.ledger, key, request, body, headers["Request-Id"], self._now())
        except RefusedError as refused:
            status, body = refused.status, dumps(refused.document)
        return HttpResponse(status=status, headers=headers, body=body)

    def _authenticate(self, request: HttpRequest) -> None:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            given = base64.b64decode(given + "==").decode("utf-8", "replace").partition(":")[0]
        if not given:
            raise RefusedError("You did not provide an API key.", 401)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._account.credentials["api_key"].encode()):
            raise RefusedError(f"Invalid API Key provided: {given[:8]}****", 401)

    # Where each request goes.

    def _route(self, request: HttpRequest) -> Answer:
        path = [unquote(segment) for segment in urlsplit(request.url).path.split("/")]
        handlers: dict[tuple[str, ...], Callable[..., Answer]] = {
            ("POST", "checkout", "sessions"): self._create_session,
            ("GET", "checkout", "sessions"): self._list_sessions,
            ("GET", "checkout", "sessions", "*"): self._session,
            ("POST", "checkout", "sessions", "*"): self._update_session,
            ("POST", "checkout", "sessions", "*", "expire"): self._expire_session,
            ("GET", "checkout", "sessions", "*", "line_items"): self._line_items,
            ("GET", "payment_intents"): self._list_intents,
            ("GET", "payment_intents", "*"): self._intent,
            ("POST", "payment_intents", "*", "capture"): self._capture,
            ("POST", "payment_intents", "*", "cancel"): self._cancel,
            ("GET", "charges"): self._list_charges,
            ("GET", "charges", "*"): self._charge,
            ("POST", "refunds"): self._create_refund,
            ("GET", "refunds"): self._list_refunds,
            ("GET", "refunds", "*"): self._refund,
            ("GET", "disputes"): self._list_disputes,
            ("GET", "disputes", "*"): self._dispute,
            ("GET", "events"): self._list_events,
            ("GET", "events", "*"): self._event,
            ("POST", "webhook_endpoints"): self._create_endpoint,
        }
        if path[:2] == ["", "v1"]:
            for (method, *shape), handler in handlers.items():
                if method == request.method and len(shape) == len(path) - 2:
                    pairs = list(zip(shape, path[2:], strict=True))
                    if all(wanted in ("*", given) for wanted, given in pairs):
                        return handler(request, *(given for wanted, given in pairs if wanted == "*"))
        where = f"{request.method}: {urlsplit(request.url).path}"
        raise RefusedError(f"Unrecognized request URL ({where}).", 404)

    # Checkout Sessions.

    def _create_session(self, request: HttpRequest) -> Answer:
        given = fields(request, sessions.FIELDS)
        invoice = sessions.read(given, self._account)
        self._account.ledger.save(invoice)
        return self._sent(self._session_of(invoice), given)

    def _list_sessions(self, request: HttpRequest) -> Answer:
        given = fields(request, (*_LISTED, "status", "payment_intent", "customer", "customer_details"))
        found = [self._session_of(invoice) for invoice in self._account.invoices()]
        email = text(table(given, "customer_details"), "email")
        fitting = [each for each in found if email in (None, each["customer_email"])]
        return self._page(fitting, given, "/v1/checkout/sessions", "status", "payment_intent", "customer")

    def _session(self, request: HttpRequest, session_id: str) -> Answer:
        return self._sent(self._session_of(self._invoice(session_id)), fields(request, ()))

    def _update_session(self, request: HttpRequest, session_id: str) -> Answer:
        given = fields(request, ("metadata",))
        invoice = self._invoice(session_id)
        changed = changes.with_metadata(invoice, metadata(given, invoice.data["session"]["metadata"]))
        return self._sent(self._session_of(self._account.save(changed)), given)

    def _expire_session(self, request: HttpRequest, session_id: str) -> Answer:
        given = fields(request, ())
        invoice = self._invoice(session_id)
        status = invoice.data["session"]["status"]
        if status != "open":
            raise RefusedError(
                'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status '
                f"of `{status}`."
            )
        ended = self._account.save(changes.expired(invoice, by_the_shop=True), "checkout.session.expired")
        return self._sent(self._session_of(ended), given)

    def _line_items(self, request: HttpRequest, session_id: str) -> Answer:
        fields(request, _LISTED)
        return documents.line_items(self._invoice(session_id))

    # Payments.

    def _list_intents(self, request: HttpRequest) -> Answer:
        given = fields(request, (*_LISTED, "customer"))
        return self._page(self._all("intent"), given, "/v1/payment_intents", "customer")

    def _intent(self, request: HttpRequest, intent_id: str) -> Answer:
        return self._sent(self._found("payment_intent", intent_id, param="intent"), fields(request, ("client_secret",)))

    def _capture(self, request: HttpRequest, intent_id: str) -> Answer:
        given = fields(request, ("amount_to_capture", "metadata", "statement_descriptor_suffix"))
        invoice, intent = self._paid(intent_id), self._found("payment_intent", intent_id, param="intent")
        if intent["status"] != "requires_capture":
            raise _unexpected_state("captured", intent, "requires_capture")
        amount = whole(given, "amount_to_capture", 1) or intent["amount_capturable"]
        if amount > intent["amount_capturable"]:
            raise RefusedError("The amount is above what can be captured.", code="amount_too_large")
        done = self._account.capture(invoice, amount)
        return self._sent(deepcopy(done.data["intent"]), given)

    def _cancel(self, request: HttpRequest, intent_id: str) -> Answer:
        given = fields(request, ("cancellation_reason",))
        invoice, intent = self._paid(intent_id), self._found("payment_intent", intent_id, param="intent")
        if invoice.data["session"]["status"] == "open" or intent["status"] != "requires_capture":
            raise _unexpected_state("canceled", intent, "requires_capture")
        reason = text(given, "cancellation_reason")
        return self._sent(deepcopy(self._account.release(invoice, reason).data["intent"]), given)

    def _list_charges(self, request: HttpRequest) -> Answer:
        given = fields(request, (*_LISTED, "customer", "payment_intent", "transfer_group"))
        return self._page(self._all("charges"), given, "/v1/charges", "customer", "payment_intent")

    def _charge(self, request: HttpRequest, charge_id: str) -> Answer:
        return self._sent(self._found("charge", charge_id), fields(request, ()))

    # Refunds and disputes.

    def _create_refund(self, request: HttpRequest) -> Answer:
        given = fields(request, ("payment_intent", "charge", "amount", "reason", "metadata"))
        charge_id, intent_id = text(given, "charge"), text(given, "payment_intent")
        if charge_id is not None:
            intent_id = self._found("charge", charge_id, param="charge")["payment_intent"]
        if intent_id is None:
            raise RefusedError("One of the following params should be provided: payment_intent or charge.")
        reason = text(given, "reason")
        if reason is not None and reason not in _REASONS:
            raise RefusedError(f"Invalid reason: must be one of {', '.join(_REASONS)}", param="reason")
        invoice = self._paid(intent_id, param="payment_intent")
        left = changes.refundable(invoice)
        amount = whole(given, "amount", 1) or left
        if amount > left:
            raise RefusedError(f"Refund amount ({amount}) is greater than charge amount ({left})", param="amount")
        made = self._account.refund(invoice, amount, reason=reason, metadata=metadata(given))
        return self._sent(made, given)

    def _list_refunds(self, request: HttpRequest) -> Answer:
        given = fields(request, (*_LISTED, "charge", "payment_intent"))
        return self._page(self._all("refunds"), given, "/v1/refunds", "charge", "payment_intent")

    def _refund(self, request: HttpRequest, refund_id: str) -> Answer:
        return self._sent(self._found("refund", refund_id), fields(request, ()))

    def _list_disputes(self, request: HttpRequest) -> Answer:
        given = fields(request, (*_LISTED, "charge", "payment_intent"))
        return self._page(self._all("disputes"), given, "/v1/disputes", "charge", "payment_intent")

    def _dispute(self, request: HttpRequest, dispute_id: str) -> Answer:
        return self._sent(self._found("dispute", dispute_id), fields(request, ()))

    # Events and endpoints.

    def _list_events(self, request: HttpRequest) -> Answer:
        given = fields(request, (*_LISTED, "type", "types"))
        return self._page(list(self._events()), given, "/v1/events", "type")

    def _event(self, request: HttpRequest, event_id: str) -> Answer:
        fields(request, ())
        for event in self._events():
            if event["id"] == event_id:
                return event
        raise missing("event", event_id)

    def _events(self) -> Iterator[Answer]:
        seen = set()
        for _, delivery in self._account.ledger.select(QueuedDelivery, order="newest"):
            if delivery.event_id not in seen:
                seen.add(delivery.event_id)
                yield json.loads(delivery.body)

    def _create_endpoint(self, request: HttpRequest) -> Answer:
        given = fields(request, ("url", "enabled_events", "api_version", "description", "metadata"))
        self._account.webhook_url = needed(given, "url")
        if not listed(given.get("enabled_events")):
            raise absent("enabled_events")
        return {
            "id": self._account.new_id("we"),
            "object": "webhook_endpoint",
            "api_version": text(given, "api_version"),
            "created": documents.seconds(self._now()),
            "enabled_events": listed(given["enabled_events"]),
            "livemode": False,
            "metadata": metadata(given),
            "secret": self._account.credentials["webhook_secret"],
            "status": "enabled",
            "url": self._account.webhook_url,
        }

    # Small things.

    def _now(self) -> datetime:
        return self._account.clock()

    def _session_of(self, invoice: EmulatedInvoice) -> Answer:
        return documents.session(invoice, self._account.page_url(invoice))

    def _invoice(self, session_id: str) -> EmulatedInvoice:
        if not session_id.startswith(("cs_test_", "cs_live_")):
            raise RefusedError(f"Invalid checkout.session id: {session_id}", param="session")
        found = self._account.ledger.get(EmulatedInvoice, session_id)
        if found is None:
            raise missing("checkout.session", session_id, param="session")
        return self._account.current(found)

    def _paid(self, intent_id: str, param: str = "intent") -> EmulatedInvoice:
        for invoice in self._account.invoices():
            if invoice.data["intent"] is not None and invoice.data["intent"]["id"] == intent_id:
                return invoice
        raise missing("payment_intent", intent_id, param=param)

    def _all(self, part: str) -> list[Answer]:
        """Return the payments, charges, refunds or disputes of all invoices, the newest first."""
        found = [invoice.data[part] for invoice in self._account.invoices()]
        flat = [each for several in found for each in reversed(several)] if part != "intent" else filter(None, found)
        return sorted(flat, key=lambda each: each["created"], reverse=True)

    def _found(self, kind: str, object_id: str, param: str = "id") -> Answer:
        found = self.by_id(kind).get(object_id)
        if found is None:
            raise missing(kind, object_id, param=param)
        return found

    def by_id(self, kind: str) -> dict[str, Answer]:
        """Return all payments, charges, refunds or disputes by their ids, the newest first."""
        return {each["id"]: each for each in self._all(_PARTS[kind])}

    def _page(self, found: list[Answer], given: Mapping[str, Any], url: str, *filters: str) -> Answer:
        fitting = [each for each in found if all(text(given, name) in (None, each.get(name)) for name in filters)]
        return self._sent(page(fitting, given, url), given)

    def _sent(self, document: Answer, given: Mapping[str, Any]) -> Answer:
        """Return an object with what is to be expanded in it."""
        made = deepcopy(document)
        known = _Known(self)
        for path in expansions(given):
            if made["object"] == "list":
                for each in made["data"]:
                    self._expand(each, path.removeprefix("data."), known)
            else:
                self._expand(made, path, known)
        return made

    def _expand(self, document: Answer, path: str, known: _Known) -> None:
        name, _, rest = path.partition(".")
        if name not in _EXPANDABLE.get(document["object"], ()):
            raise RefusedError(f"This property cannot be expanded ({name}).", param="expand")
        if name == "line_items":
            document[name] = documents.line_items(self._invoice(document["id"]))
        elif name == "refunds":
            mine = [each for each in known["refund"].values() if each["charge"] == document["id"]]
            document[name] = page(mine, {}, f"/v1/charges/{document['id']}/refunds")
        elif isinstance(document[name], str):
            kind = "payment_intent" if name == "payment_intent" else "charge"
            document[name] = known[kind][document[name]]
        if rest and document[name] is not None:
            self._expand(document[name], rest, known)


class _Known(dict[str, dict[str, Answer]]):
    """The objects of each kind by their ids, read once for all that is to be expanded in an answer."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api

    def __missing__(self, kind: str) -> dict[str, Answer]:
        self[kind] = self._api.by_id(kind)
        return self[kind]


def _unexpected_state(what: str, intent: Mapping[str, Any], wanted: str) -> RefusedError:
    return RefusedError(
        f"This PaymentIntent could not be {what} because it has a status of {intent['status']}. Only a PaymentIntent "
        f"with one of the following statuses may be {what}: {wanted}.",
        code="payment_intent_unexpected_state",
    )
