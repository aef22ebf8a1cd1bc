"""Mollie's API, payers and webhooks, emulated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlencode

import attrs

from gateway_core import HttpRequest, HttpResponse, Money, PaymentStatus, RefundStatus
from gateway_core.errors import NotFoundError, RejectedError
from gateway_core.http import origin
from gateway_core.testing import (
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Emulator,
    InvoiceAction,
    QueuedDelivery,
    WayToPay,
)
from gateway_core.webhooks import sign
from gateway_core.wire import dumps
from gateway_mollie.emulator import actions, documents
from gateway_mollie.emulator.api import Api
from gateway_mollie.emulator.reading import RefusedError
from gateway_mollie.emulator.records import (
    METHODS,
    UNPAID,
    changed,
    charged_back_of,
    derived,
    kept,
    new_capture,
    new_chargeback,
    reserved_of,
    time_text,
    with_moment,
)

#: The methods that hold money until it is captured, and for how long.
_HOLDING = ("creditcard", "klarna")
_HOLD = timedelta(days=7)

#: What these amounts in EUR have a card fail with (docs.mollie.com, "Testing").
_CARD_FAILURES = {"1001.00": "invalid_card_number", "1007.00": "insufficient_funds", "1011.00": "card_declined"}

_BASE = "https://api.mollie.com/v2"


class MollieEmulator(Emulator):
    """Mollie: payments, refunds, captures and chargebacks, told by webhooks of both generations.

    Only one webhook subscription is kept, the latest.
    """

    title: ClassVar[str] = "Mollie"
    decline_label: ClassVar[str] = "Fail"
    partial_payments: ClassVar[bool] = False
    overpayments: ClassVar[bool] = False
    redelivery: ClassVar[tuple[timedelta, ...]] = (
        *(timedelta(minutes=minutes) for minutes in (1, 2, 4, 8, 16, 29)),
        *(timedelta(hours=hours) for hours in (1, 2, 22)),
    )
    #: How long a refund waits until it is carried out; until then it can be canceled. At Mollie it is about two hours,
    #: here nobody has to wait. Set it on an emulator to see what a shop does meanwhile.
    refund_delay: timedelta = timedelta(0)

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random test key, the id of its profile, and the secret of a webhook subscription."""
        return {
            "api_key": f"test_{self.new_token(30)}",
            "profile_id": f"pfl_{self.new_token(10)}",
            "webhook_secrets": self.new_token(32),
        }

    def settings(self, base_url: str) -> dict[str, str]:
        """Return the settings with which the plugin reaches this emulator at an address."""
        shop = origin(self.webhook_url or self.checkout_url)
        known = {"mode": "live" if self.credentials["api_key"].startswith("live_") else "test", "return_url": shop}
        return super().settings(base_url) | known | ({"webhook_url": self.webhook_url} if self.webhook_url else {})

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API."""
        self.expire_due()
        try:
            with self.ledger.transaction():
                return Api(self).answer(request)
        except RefusedError as refused:
            return refused.answer

    # What the payer and the payer's bank can do.

    def ways_to_pay(self, invoice: EmulatedInvoice) -> tuple[WayToPay, ...]:
        """Return the methods that the payment offers."""
        offered = invoice.data["offered"] or (_HOLDING if invoice.data["captureMode"] == "manual" else METHODS)
        return tuple(WayToPay(id=each, label=METHODS[each][0], amount=invoice.amount) for each in offered)

    def new_payment(self, invoice: EmulatedInvoice, amount: Money, way: WayToPay) -> EmulatedPayment:
        """Return the record of a payment: its id is the invoice's, for at Mollie these are one thing."""
        held = invoice.data["captureMode"] == "manual"
        return EmulatedPayment(
            id=invoice.id,
            invoice_id=invoice.id,
            amount=amount,
            status=PaymentStatus.PENDING if held else PaymentStatus.CONFIRMED,
            paid_at=self.clock(),
            data={"method": way.id},
        )

    def settle(self, invoice: EmulatedInvoice, payment: EmulatedPayment) -> None:
        """Make a payment paid, or authorized where it is to be captured, and tell the shop."""
        chosen = changed(invoice, method=payment.data["method"])
        if payment.status is PaymentStatus.PENDING:
            self.move(with_moment(chosen, "captureBefore", self.clock() + _HOLD), "authorized")
        else:
            self.move(attrs.evolve(chosen, received=payment.amount), "paid")

    def begin(self, token: str, way: str | None = None) -> EmulatedInvoice:
        """Begin to pay, with a bank that takes its time: the payment is ``pending``, and may still fail days later.

        Raises:
            NotFoundError: If there is no such invoice or way.
            RejectedError: If it can no longer be paid.
        """
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            ways = [each.id for each in self.ways_to_pay(invoice) if way in (None, each.id)]
            if not ways:
                raise NotFoundError("there is no such way to pay")
            return self.move(attrs.evolve(changed(invoice, method=ways[0]), expires_at=None), "pending")

    def decline(self, token: str) -> EmulatedInvoice:
        """Fail to pay, for good: a payer who may choose another method has an open payment still.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it can no longer be paid.
        """
        return self._give_up(token, "failed")

    def cancel(self, token: str) -> EmulatedInvoice:
        """Turn back, as the payer does.

        Raises:
            NotFoundError: If there is no such invoice.
            RejectedError: If it can no longer be paid.
        """
        return self._give_up(token, "canceled")

    def charge_back(self, invoice_id: str, amount: Money | None = None) -> str:
        """Take money back, as the payer's bank does; return the chargeback's id.

        Raises:
            RejectedError: If there is no such payment, or so much is not there.
        """
        with self.ledger.transaction():
            invoice = self._paid(invoice_id)
            left = invoice.received - charged_back_of(invoice)
            taken = amount or left
            if taken > left or taken.amount <= 0:
                raise RejectedError(f"at most {left} can be charged back")
            record = new_chargeback(self.new_id("chb"), taken, self.clock())
            after = changed(invoice, chargebacks=[*invoice.data["chargebacks"], record])
            self.ledger.save(after)
            self._tell("chargeback.received", after, documents.chargeback(record, after, _BASE))
            return str(record["id"])

    def reverse_chargeback(self, invoice_id: str, chargeback_id: str) -> None:
        """Give back what was charged back.

        Raises:
            RejectedError: If there is no such payment.
        """
        with self.ledger.transaction():
            invoice = self._paid(invoice_id)
            records = [dict(each) for each in invoice.data["chargebacks"]]
            after = changed(invoice, chargebacks=records)
            for each in records:
                if each["id"] == chargeback_id and each["reversedAt"] is None:
                    each["reversedAt"] = time_text(self.clock())
                    self._tell("chargeback.reversed", after, documents.chargeback(each, after, _BASE))
            self.ledger.save(after)

    def fail_refund(self, refund_id: str) -> None:
        """Let a refund fail, before it was carried out or after: the money comes back to the shop.

        Raises:
            NotFoundError: If there is no such refund.
        """
        with self.ledger.transaction():
            record = self.ledger.get(EmulatedRefund, refund_id)
            if record is None:
                raise NotFoundError("there is no such refund")
            self.end_refund(record, "failed")

    def actions(self, invoice: EmulatedInvoice) -> tuple[InvoiceAction, ...]:
        """Return what else the payer, the shop and the payer's bank can do to a payment as it stands now."""
        return (*actions.offered(invoice), *super().actions(invoice))

    def perform(self, invoice: EmulatedInvoice, action: str, amount: Money | None) -> None:
        """Do one of the `actions`."""
        match action:
            case actions.BEGIN.id:
                self.begin(invoice.token)
            case actions.TURN_BACK.id:
                self.cancel(invoice.token)
            case actions.CAPTURE.id:
                self.capture(invoice, invoice.amount)
            case actions.RELEASE.id:
                self.move(invoice, "canceled")
            case actions.REFUND.id if amount is not None:
                self.refund(invoice, amount)
            case actions.CHARGE_BACK.id:
                self.charge_back(invoice.id)
            case actions.REVERSE.id:
                for each in invoice.data["chargebacks"]:
                    self.reverse_chargeback(invoice.id, each["id"])
            case _:
                super().perform(invoice, action, amount)

    # What the shop asks for.

    def capture(
        self, invoice: EmulatedInvoice, amount: Money, description: str | None = None, metadata: Any = None
    ) -> dict[str, Any]:
        """Take money that is held; return the capture as it stood before it was carried out, which is at once."""
        now = self.clock()
        record = new_capture(self.new_id("cpt"), amount, now, description, metadata)
        held = self.ledger.get(EmulatedPayment, invoice.id)
        if held is not None:
            self.ledger.save(attrs.evolve(held, amount=amount, status=PaymentStatus.CONFIRMED, paid_at=now))
        done = changed(invoice, captures=[{**record, "word": "succeeded"}])
        self.move(attrs.evolve(done, received=amount), "paid")
        return record

    def refund(
        self, invoice: EmulatedInvoice, amount: Money, description: str | None = None, metadata: Any = None
    ) -> EmulatedRefund:
        """Begin a refund, which is carried out after `refund_delay`.

        Raises:
            RejectedError: If so much is not there.
        """
        reserved, now = reserved_of(invoice), self.clock()
        if invoice.data["word"] != "paid" or amount.amount <= 0 or amount > invoice.received - reserved:
            raise RejectedError("The specified amount cannot be refunded")
        record = EmulatedRefund(
            id=self.new_id("re"),
            refund_id=metadata.get("refund_id") if isinstance(metadata, dict) else None,
            invoice_id=invoice.id,
            amount=amount,
            created_at=now,
            status=RefundStatus.PENDING,
            due_at=now + self.refund_delay,
            data={"word": "pending", "description": description or invoice.description, "metadata": kept(metadata)},
        )
        self.ledger.save(record)
        refunds = [*invoice.data["refunds"], record.id]
        self.ledger.save(changed(invoice, refunds=refunds, reserved=f"{(reserved + amount).amount:f}"))
        return record

    # What time brings.

    def current(self, invoice: EmulatedInvoice) -> EmulatedInvoice:
        """Return an invoice as it stands now: one whose time is over has expired, and due refunds are carried out."""
        self._carry_out_due()
        invoice = self.ledger.get(EmulatedInvoice, invoice.id) or invoice
        if invoice.data["word"] == "open" and invoice.expires_at is not None and invoice.expires_at <= self.clock():
            with self.ledger.transaction():
                invoice = self.move(invoice, "expired")
        return invoice

    def expire_due(self) -> None:
        """Let every payment expire whose time is over, carry out the refunds that are due, and tell the shop."""
        self._carry_out_due()
        super().expire_due()

    def _carry_out_due(self) -> None:
        with self.ledger.transaction():
            for _, record in self.ledger.select(EmulatedRefund, due=self.clock()):
                self.end_refund(record, "refunded")

    def end_refund(self, record: EmulatedRefund, word: str) -> None:
        """Bring a refund to its end. What comes back to the shop can be refunded again."""
        status = RefundStatus.DONE if word == "refunded" else RefundStatus.FAILED
        ended = attrs.evolve(record, status=status, due_at=None, data={**record.data, "word": word})
        self.ledger.save(ended)
        invoice = self._known(record.invoice_id)
        refunded, reserved = invoice.refunded, reserved_of(invoice)
        if record.data["word"] == "refunded":
            refunded -= record.amount
        if word == "refunded":
            refunded += record.amount
        else:
            reserved -= record.amount
        after = attrs.evolve(changed(invoice, reserved=f"{reserved.amount:f}"), refunded=refunded)
        self.ledger.save(derived(after))
        if word != "canceled":  # of which the shop is not told
            self._tell(f"refund.{word}", after, documents.refund(ended, invoice.data["mode"], _BASE))

    def move(self, invoice: EmulatedInvoice, word: str) -> EmulatedInvoice:
        """Bring a payment to another of Mollie's words, and tell the shop."""
        moved = changed(invoice, word=word)
        if word not in UNPAID:
            moved = with_moment(moved, f"{word}At", self.clock())
        moved = derived(moved)
        self.ledger.save(moved)
        self.on_change(moved, None)
        return moved

    # The webhooks.

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:  # noqa: ARG002  # see below
        """Tell of every status but ``open`` and ``pending``; a payment has no webhook beside its invoice's."""
        if invoice.data["word"] not in UNPAID:
            document = documents.payment(invoice, _BASE, self.page_url(invoice))
            self._tell(f"payment.{invoice.data['word']}", invoice, document)

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:  # noqa: ARG002  # always the same
        """Return the classic webhook, whatever happened: the payment's id."""
        return urlencode({"id": invoice.id}).encode("ascii")

    def webhook_address(self, delivery: QueuedDelivery) -> str | None:
        """Return the payment's own address, or the subscription's for a signed webhook."""
        if _is_signed(delivery):
            return self.subscription().get("url")
        invoice = self.ledger.get(EmulatedInvoice, delivery.invoice_id)
        return self.webhook_url if invoice is None else invoice.data["webhookUrl"]

    def webhook_headers(self, delivery: QueuedDelivery, at: datetime) -> dict[str, str]:  # noqa: ARG002  # no time is signed
        """Return the headers of a classic webhook, or of a signed one with its signature."""
        agent = {"User-Agent": "Mollie HTTP client/1.0"}
        if not _is_signed(delivery):
            return {"Content-Type": "application/x-www-form-urlencoded", **agent}
        signature = sign(self.subscription()["secret"].encode("ascii"), delivery.body).decode("ascii")
        return {"Content-Type": "application/json", "X-Mollie-Signature": f"sha256={signature}", **agent}

    def webhook_accepted(self, status: int) -> bool:
        """Return whether the status is 200: no other will do."""
        return status == 200

    def _tell(self, kind: str, invoice: EmulatedInvoice, entity: Mapping[str, Any]) -> None:
        """Queue the classic webhook, if the payment has an address, and the signed one, if there is a subscription."""
        if invoice.data["webhookUrl"] is not None:
            self.announce(kind, invoice)
        if not {kind, "*"} & {*self.subscription().get("kinds", ())}:
            return
        event = dumps(documents.event(self.new_id("event"), kind, entity, self.clock()))
        # A body that was parsed and written anew has no such escapes, and another signature.
        self.enqueue(kind, invoice.id, event.replace(b"/", b"\\/"))

    def event_key(self, body: bytes) -> str:
        """Return the id of a signed event; a classic webhook has none."""
        return str(json.loads(body)["id"]) if body.startswith(b"{") else super().event_key(body)

    def subscription(self) -> Mapping[str, Any]:
        """Return the webhook subscription; nothing if there is none."""
        found: Mapping[str, Any] = json.loads(self.ledger.note("subscription") or "{}")
        return found

    # Small things.

    def new_id(self, kind: str) -> str:
        """Return a new id: with a digit at its end, so that one that is tampered with is always another one."""
        return f"{kind}_{self.new_token(10)}{self.random.randrange(10)}"

    def _known(self, payment_id: str) -> EmulatedInvoice:
        invoice = self.ledger.get(EmulatedInvoice, payment_id)
        if invoice is None:
            raise NotFoundError("there is no such payment")
        return invoice

    def _paid(self, payment_id: str) -> EmulatedInvoice:
        invoice = self._known(payment_id)
        if invoice.data["word"] != "paid":
            raise RejectedError("this payment is not paid")
        return invoice

    def _give_up(self, token: str, word: str) -> EmulatedInvoice:
        with self.ledger.transaction():
            invoice = self.invoice(token)
            self.check_payable(invoice)
            failure = _CARD_FAILURES.get(f"{invoice.amount.amount:f}") if invoice.amount.currency == "EUR" else None
            if word == "failed" and failure and invoice.data["method"] == "creditcard":
                invoice = changed(invoice, details={"failureReason": failure})
            return self.move(invoice, word)


def _is_signed(delivery: QueuedDelivery) -> bool:
    return delivery.body.startswith(b"{")
