"""The sandbox itself: a small payment provider's API, its rules for payments, and its signed webhooks."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import attrs

from gateway_core import HttpRequest, HttpResponse, InvoiceStatus, Money, Secret
from gateway_core.errors import RejectedError
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Emulator,
    InvoiceAction,
    QueuedDelivery,
    WayToPay,
)
from gateway_core.webhooks import sign_standard
from gateway_sandbox.emulator import settlement
from gateway_sandbox.emulator.answers import (
    WORDS,
    RefusedError,
    capture_json,
    event_body,
    invoice_json,
    json_response,
    page_json,
    payment_json,
    refund_json,
)
from gateway_sandbox.emulator.reading import Fields, body_of, page_of
from gateway_sandbox.emulator.scenarios import Scenario, scenario_of

#: How long an invoice may be paid unless the shop says otherwise, and the longest that it may say.
USUAL_LIFE = timedelta(hours=1)
LONGEST_LIFE = timedelta(days=365)

_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)


class SandboxEmulator(Emulator):
    """A payment provider of our own: JSON over HTTP below ``/v1``, a bearer key, idempotency keys, Standard Webhooks.

    A payment that is declined does not end an invoice: the payer may try again until its time is over. A declined
    invoice stays ``failed`` until then, and afterwards.
    """

    title: ClassVar[str] = "Sandbox"
    redelivery: ClassVar[tuple[timedelta, ...]] = (
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(hours=1),
        timedelta(hours=6),
        timedelta(hours=24),
    )

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        try:
            with self.ledger.transaction():
                settlement.finish_refunds(self)
                answer = self._answer(request)
        except RefusedError as refused:
            answer = refused.answer
        return attrs.evolve(answer, headers=[*answer.headers.pairs, ("X-Request-Id", self._new_id("req"))])

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key and a random webhook secret."""
        secret = base64.b64encode(self.random.randbytes(32)).decode("ascii")
        return {"api_key": f"sk_sandbox_{self.new_token(32)}", "webhook_secret": f"whsec_{secret}"}

    # The API.

    def _answer(self, request: HttpRequest) -> HttpResponse:
        version, *path = (unquote(segment) for segment in urlsplit(request.url).path.removeprefix("/").split("/"))
        if version != "v1":
            raise RefusedError(404, "not_found", "This API lives below /v1.")
        self._authenticate(request)
        handlers = self._handlers(path)
        if request.method not in handlers:
            allowed = ", ".join(handlers)
            raise RefusedError(405, "method_not_allowed", f"Use {allowed} here.", headers={"Allow": allowed})
        return handlers[request.method](request)

    def _authenticate(self, request: HttpRequest) -> None:
        expected = f"Bearer {self.credentials['api_key']}".encode("ascii")
        given = request.headers.get_all("Authorization")
        bearer = given[0].encode("utf-8", "surrogateescape") if len(given) == 1 else b""
        if not hmac.compare_digest(bearer, expected):
            raise RefusedError(
                401,
                "unauthorized",
                "Send the account's key: Authorization: Bearer sk_sandbox_...",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _handlers(self, path: list[str]) -> dict[str, Callable[[HttpRequest], HttpResponse]]:
        match path:
            case ["invoices"]:
                return {"GET": self._list_invoices, "POST": self._create_invoice}
            case ["invoices", invoice_id]:
                return {"GET": functools.partial(self._read_invoice, invoice_id)}
            case ["invoices", invoice_id, "cancel"]:
                return {"POST": functools.partial(self._cancel_invoice, invoice_id)}
            case ["payments"]:
                return {"GET": self._list_payments}
            case ["captures"]:
                return {"POST": self._create_capture}
            case ["refunds"]:
                return {"POST": self._create_refund}
            case ["refunds", refund_id]:
                return {"GET": functools.partial(self._read_refund, refund_id)}
            case ["account"]:
                return {"GET": self._read_account}
        raise RefusedError(404, "not_found", "There is nothing at this address.")

    def _create_invoice(self, request: HttpRequest) -> HttpResponse:
        content = body_of(request)
        answer = self._once(request, content, lambda: self._new_invoice(content))
        if answer.status == 201 and "Idempotent-Replayed" not in answer.headers:
            scenario = scenario_of(content["amount"]["amount"])
            if scenario.created_all_the_same and self._is_first(scenario, content["order_id"]):
                return _bad_answer(scenario)
        return answer

    def _new_invoice(self, content: Any) -> HttpResponse:
        fields = Fields(content)
        order_id, amount = fields.needed_text("order_id"), fields.money("amount")
        description = fields.text("description", longest=1000) or ""
        return_url = fields.web_address("return_url")
        life = fields.whole_number("expires_in", least=1, most=int(LONGEST_LIFE.total_seconds()))
        metadata = fields.texts("metadata", most=50, longest=1000)
        capture = fields.one_of("capture", ("automatic", "manual"))
        fields.done()
        scenario = scenario_of(f"{amount.amount:f}")
        if not scenario.created_all_the_same and self._is_first(scenario, order_id):
            return _bad_answer(scenario)
        now = self.clock()
        invoice = EmulatedInvoice(
            id=self._new_id("inv"),
            token=self.new_token(24),
            order_id=order_id,
            amount=amount,
            description=description,
            created_at=now,
            expires_at=now + timedelta(seconds=scenario.expires_in or life or USUAL_LIFE.total_seconds()),
            return_url=return_url,
            received=amount - amount,
            refunded=amount - amount,
            data={"metadata": metadata, "capture": capture, "captured": None, "dispute": None},
        )
        self.ledger.save(invoice)
        return json_response(201, self._json(invoice))

    def _list_invoices(self, request: HttpRequest) -> HttpResponse:
        fields = Fields.of_query(request)
        order_id = fields.text("order_id")
        after, limit = page_of(fields)
        rows = self.ledger.select(EmulatedInvoice, parent=order_id, after=after, limit=limit + 1)
        return page_json([(position, self._json(self.current(invoice))) for position, invoice in rows], limit)

    def _read_invoice(self, invoice_id: str, request: HttpRequest) -> HttpResponse:
        Fields.of_query(request).done()
        return json_response(200, self._json(self._known(invoice_id)))

    def _cancel_invoice(self, invoice_id: str, request: HttpRequest) -> HttpResponse:
        if request.body:
            Fields(body_of(request)).done()
        invoice = self._known(invoice_id)
        if invoice.status is not InvoiceStatus.CANCELED:
            invoice = settlement.cancel(self, invoice)
        return json_response(200, self._json(invoice))

    def _list_payments(self, request: HttpRequest) -> HttpResponse:
        fields = Fields.of_query(request)
        invoice_id = fields.text("invoice_id")
        since, until = fields.time("created_gte"), fields.time("created_lt")
        after, limit = page_of(fields)
        rows = self.ledger.select(
            EmulatedPayment, parent=invoice_id, since=since, until=until, after=after, limit=limit + 1
        )
        return page_json([(position, payment_json(payment)) for position, payment in rows], limit)

    def _create_capture(self, request: HttpRequest) -> HttpResponse:
        content = body_of(request)
        return self._once(request, content, lambda: self._new_capture(content))

    def _new_capture(self, content: Any) -> HttpResponse:
        fields = Fields(content)
        invoice_id, amount = fields.needed_text("invoice_id"), fields.optional_money("amount")
        reference = fields.text("reference")
        fields.done()
        invoice = self._known(invoice_id)
        return json_response(201, capture_json(settlement.capture(self, invoice, amount, reference)))

    def _create_refund(self, request: HttpRequest) -> HttpResponse:
        content = body_of(request)
        return self._once(request, content, lambda: self._new_refund(content))

    def _new_refund(self, content: Any) -> HttpResponse:
        fields = Fields(content)
        invoice_id, amount = fields.needed_text("invoice_id"), fields.money("amount")
        reference, reason = fields.text("reference"), fields.text("reason", longest=1000) or ""
        fields.done()
        invoice = self._known(invoice_id)
        return json_response(201, refund_json(settlement.refund(self, invoice, amount, reference, reason)))

    def _read_refund(self, refund_id: str, request: HttpRequest) -> HttpResponse:
        Fields.of_query(request).done()
        refund = self.ledger.get(EmulatedRefund, refund_id)
        if refund is None:
            raise RefusedError(404, "not_found", "There is no such refund.")
        return json_response(200, refund_json(refund))

    def _read_account(self, request: HttpRequest) -> HttpResponse:
        Fields.of_query(request).done()
        account_id = self.ledger.note("account")
        if account_id is None:
            account_id = self._new_id("acct")
            self.ledger.set_note("account", account_id)
        return json_response(200, {"id": account_id, "live": False, "webhook_url": self.webhook_url})

    def _once(self, request: HttpRequest, content: Any, carry_out: Callable[[], HttpResponse]) -> HttpResponse:
        """Carry a request out, or give the first answer again if its idempotency key was seen before.

        Only a success is remembered: what was refused has changed nothing, and may be repeated with the same key.
        """
        keys = request.headers.get_all("Idempotency-Key")
        if not keys:
            return carry_out()
        if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
            raise RefusedError(400, "invalid_idempotency_key", "A key is 1 to 255 visible ASCII characters.")
        note = f"idempotency {keys[0]}"
        asked = json.dumps([urlsplit(request.url).path, content], sort_keys=True, default=str)
        fingerprint = hashlib.sha256(asked.encode("utf-8")).hexdigest()
        kept = json.loads(self.ledger.note(note) or "null")
        if kept is None:
            answer = carry_out()
            if answer.ok:
                kept = {"fingerprint": fingerprint, "status": answer.status, "body": answer.body.decode("utf-8")}
                self.ledger.set_note(note, json.dumps(kept))
            return answer
        if kept["fingerprint"] != fingerprint:
            raise RefusedError(422, "idempotency_conflict", "This key was used before, with other content.")
        headers = {"Content-Type": "application/json", "Idempotent-Replayed": "true"}
        return HttpResponse(status=kept["status"], headers=headers, body=kept["body"].encode("utf-8"))

    # What the payer can do.

    def payable(self, invoice: EmulatedInvoice) -> bool:
        """Return whether an invoice can be paid: an open one, or a declined one whose time is not over."""
        if invoice.data.get("captured"):
            return False
        if invoice.status is InvoiceStatus.FAILED and invoice.expires_at is not None:
            return self.clock() < invoice.expires_at
        return super().payable(invoice)

    def pay(self, token: str, amount: Money | None = None, way: str | None = None) -> EmulatedPayment:
        """Pay an invoice, as `Emulator.pay` does.

        Raises:
            RejectedError: Also if the payment is declined, which some amounts ask for.
        """
        if scenario_of(f"{self.invoice(token).amount.amount:f}").declines:
            self.decline(token)
            raise RejectedError("the payment was declined, which this invoice's amount asks for")
        return super().pay(token, amount, way)

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Count a payment, or reserve it until the shop captures it."""
        if settlement.is_manual(invoice):
            settlement.authorize(self, invoice, payment)
        else:
            super().settle(invoice, payment)

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what the shop, the payer's bank and time can do to an invoice now."""
        return (*settlement.actions(self, invoice), *super().actions(invoice))

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        """Do one of the `actions`."""
        try:
            match action, amount:
                case "capture", _:
                    settlement.capture(self, invoice, amount, None)
                case "cancel", _:
                    settlement.cancel(self, invoice)
                case "refund", Money():
                    settlement.refund(self, invoice, amount, None, "")
                case "dispute", _:
                    settlement.dispute(self, invoice)
                case (("win" | "lose"), _):
                    settlement.close_dispute(self, invoice, won=action == "win")
                case _:
                    super().perform(invoice, action, amount)
        except RefusedError as refused:
            reason = str(refused)
        else:
            return
        raise RejectedError(reason)

    def current(self, invoice: EmulatedInvoice) -> EmulatedInvoice:
        """Return an invoice as it stands now. One whose money was captured in part does not expire any more."""
        return invoice if invoice.data.get("captured") else super().current(invoice)

    def expire_due(self) -> None:
        """Let invoices expire and refunds be carried out whose time has come."""
        with self.ledger.transaction():
            super().expire_due()
            settlement.finish_refunds(self)

    def decline(self, token: str) -> EmulatedInvoice:
        """Refuse to pay. An invoice that money has come for stays as it is: the shop is told of the event only."""
        with self.ledger.transaction():
            invoice = self.invoice(token)
            if not invoice.received:
                return super().decline(token)
            self.check_payable(invoice)
            self.announce("invoice.failed", invoice)
            return invoice

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return the record of a payment of this invoice."""
        payment = super().new_payment(invoice, amount, way)
        return attrs.evolve(payment, id=self._new_id("pay"), reference=f"SBX-{self.new_token(8)}")

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Announce the new status of an invoice, or that its money is gone by a dispute."""
        lost = invoice.status is InvoiceStatus.REFUNDED and invoice.data.get("dispute") == "lost"
        self.announce("invoice.dispute_lost" if lost else f"invoice.{WORDS[invoice.status]}", invoice, payment)

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return an event about an invoice, with the payment that caused it."""
        data = {"invoice": self._json(invoice), "payment": payment and payment_json(payment)}
        return event_body(self, kind, data)

    def event_key(self, body: bytes) -> str:
        """Return the id of the event in a body: it is the signed message's id too, the same in every redelivery."""
        event_id: str = json.loads(body)["id"]
        return event_id

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> dict[str, str]:
        """Sign a delivery by Standard Webhooks, with the time of this attempt."""
        return sign_standard(Secret(self.credentials["webhook_secret"]), delivery.event_id, at, delivery.body)

    # Small things.

    def _known(self, invoice_id: str) -> EmulatedInvoice:
        invoice = self.ledger.get(EmulatedInvoice, invoice_id)
        if invoice is None:
            raise RefusedError(404, "not_found", "There is no such invoice.")
        return self.current(invoice)

    def _is_first(self, scenario: Scenario, order_id: str) -> bool:
        """Return whether a scenario that plays once for each order plays now."""
        note = f"scenario {order_id}"
        if scenario.refuse_once is None or self.ledger.note(note) is not None:
            return False
        self.ledger.set_note(note, scenario.summary)
        return True

    def _new_id(self, kind: str) -> str:
        return f"{kind}_{self.new_token(24)}"

    def _json(self, invoice: EmulatedInvoice) -> dict[str, Any]:
        return invoice_json(invoice, self.page_url(invoice))


def _bad_answer(scenario: Scenario) -> HttpResponse:
    """Give the answer that a scenario asks for. It is returned, not raised: what was done so far is kept."""
    wait = {} if scenario.retry_after is None else {"Retry-After": str(scenario.retry_after)}
    refused = RefusedError(scenario.refuse_once or 500, "scenario", f"On purpose: {scenario.summary}.", headers=wait)
    return refused.answer
