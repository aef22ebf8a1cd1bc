"""One merchant account at Adyen, as flows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs

from gateway_adyen import mapping, webhook, wire
from gateway_adyen.settings import TEST_URL, AdyenOptions, AdyenSettings
from gateway_core import (
    Acknowledgement,
    Capture,
    CaptureRequest,
    Flow,
    HttpRequest,
    Invoice,
    InvoiceRequest,
    InvoiceStatus,
    Page,
    Payment,
    PaymentQuery,
    ProviderInfo,
    Refund,
    RefundRequest,
    StatusReport,
    WebhookDelivery,
    WebhookEvent,
    WebhookRequest,
    hookimpl,
)
from gateway_core.errors import (
    InvalidRequestError,
    NotFoundError,
    RejectedError,
    UnexpectedResponseError,
    UnsupportedOperationError,
    WebhookError,
    WebhookReason,
)
from gateway_core.http import endpoint, idempotency_key
from gateway_core.provider import Declines, Expiry, Idempotency, WebhookAuthentication
from gateway_core.wire import naming_invoice, structure

_NO_LIST = "the Checkout API lists no payments: they stand in reports, and the journal keeps its own"


@attrs.frozen
class Adyen:
    """One merchant account at Adyen. An invoice is a payment link of the Checkout API.

    Attributes:
        settings: Its settings.
    """

    settings: AdyenSettings
    info = ProviderInfo(
        title="Adyen",
        docs_url="https://docs.adyen.com/unified-commerce/pay-by-link/payment-links/api",
        base_url=TEST_URL,
        exponents=mapping.EXPONENTS,
        options=AdyenOptions,
        honours=("description", "return_url", "expires_in", "metadata", "customer", "line_items", "locale"),
        expiry=Expiry(maximum=timedelta(days=70)),
        order_reference_length=80,
        idempotency=dict.fromkeys(
            ("create_invoice", "capture_payment", "cancel_invoice", "refund_payment"),
            Idempotency(scope="company account", life=timedelta(days=7)),
        ),
        retry_advice=wire.advice,
        account_settings=("api_key", "merchant_account"),
        webhook_authentication=WebhookAuthentication.SIGNATURE_AND_CALLBACK,
        webhook_covers=(
            "Each item bears a signature over its pspReference, originalReference, account, merchantReference, amount, "
            "eventCode and success. Which link it is about is proven by the reference of a modification of ours, or by "
            "the link, which Adyen is asked for and which must have the reference that is signed."
        ),
        webhook_unsigned=webhook.UNSIGNED,
        webhook_batches=True,
        list_guarantee=_NO_LIST,
        unsupported={
            "list_payments": _NO_LIST,
            "find_invoice": "a payment link cannot be looked up by its reference: repeat the creation, with its key",
            "register_webhook": "webhooks are set up in the Customer Area, or by the Management API with another key",
        },
        crypto_assets=False,
        partial_payments=False,
        overpayments=False,
        declines=Declines.RETRYABLE,
        notes=(
            "A link does not lead the payer back by itself: it has a button to `return_url`.",
            "Captures, refunds and voids need the `references` that the AUTHORISATION webhook's report tells.",
            "Captures, refunds and voids are PENDING until their webhook.",
            "A completed link is PAID, and AUTHORIZED where captures are made by hand.",
            "The status of a link does not change by a capture, refund or dispute: webhooks tell of these.",
            "Of a customer's address only the country is given; a name that is one word is not given.",
            "UNKNOWN: the shortest time that a link can be payable, and the rate limits.",
            "UNKNOWN: what a key with another body is answered; keys live 7 days at least.",
        ),
    )

    @hookimpl
    def create_invoice(self, request: InvoiceRequest) -> Flow[Invoice]:
        """Create a payment link. Where Adyen repeats its first answer, the link is read as it stands now."""
        key = idempotency_key("create_invoice", self.settings.merchant_account, request.reference)
        response = yield self._post(mapping.link_body(request, self.settings), key, "paymentLinks")
        with naming_invoice(response.body, "id"):
            invoice = mapping.invoice(wire.read(response), self.settings, request.amount)
        if not wire.is_replayed(response):
            return invoice
        raw = wire.read((yield self._get("paymentLinks", invoice.id)))
        return mapping.invoice(raw, self.settings, request.amount, replayed=True)

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report how a payment link stands."""
        link, raw = yield from self._link(invoice_id)
        return mapping.report(link, raw, self.settings)

    @hookimpl
    def list_payments(self, query: PaymentQuery) -> Page[Payment]:  # noqa: ARG002  # what the hook is given
        """Refuse: there is no list.

        Raises:
            UnsupportedOperationError: Always.
        """
        raise UnsupportedOperationError(_NO_LIST)

    @hookimpl
    def verify_webhook(self, request: WebhookRequest) -> Flow[WebhookDelivery]:
        """Check each item's signature, and ask for the link that it names."""
        told, refused = webhook.read(request, self.settings)
        events: list[WebhookEvent] = []
        asked = False
        for each in told:
            report = None
            if each.link_id is not None:
                asked = True
                report = yield from self._confirmed(each, each.link_id)
            events.append(webhook.event(each, report))
        return WebhookDelivery(
            events=events,
            verified_by="signature+callback" if asked else "signature",
            acknowledgement=Acknowledgement(body=b"[accepted]"),
            refused=refused,
        )

    @hookimpl
    def cancel_invoice(self, invoice_id: str, references: Mapping[str, str]) -> Flow[StatusReport]:
        """Let an open link expire, or void the payment that `references` names.

        Voiding is received only: it ends as CANCELED when its webhook says so.

        Raises:
            RejectedError: If the link is completed, and no payment was given.
        """
        link, raw = yield from self._link(invoice_id)
        if mapping.PAYMENT in references:
            body = {"reference": mapping.modification_reference(invoice_id, "cancel")}
            yield from self._modify(body, invoice_id, mapping.payment_reference(references), "cancels", "cancel")
            return mapping.report(link, raw, self.settings)
        if link.status == "expired":
            return mapping.report(link, raw, self.settings)
        if link.status != "active":
            raise RejectedError(f"this payment link is {link.status}: to void its payment, give its `references`")
        url = endpoint(self.settings.address, "paymentLinks", invoice_id)
        answer = wire.read((yield HttpRequest.json("PATCH", url, {"status": "expired"}, headers=self._headers)))
        report = mapping.report(self._same(answer, invoice_id), answer, self.settings)
        if report.status is not InvoiceStatus.EXPIRED:
            raise UnexpectedResponseError("the answer does not say that the link has expired")
        return report

    @hookimpl
    def capture_payment(self, request: CaptureRequest) -> Flow[Capture]:
        """Take authorized money; what is left after a part is given free, unless the account captures in parts."""
        amount = request.amount
        if amount is None:
            link, _ = yield from self._link(request.invoice_id)
            amount = mapping.money(link.amount)
        body = {
            "amount": mapping.amount(amount),
            "reference": mapping.modification_reference(request.invoice_id, request.capture_id),
        }
        psp_reference = mapping.payment_reference(request.references)
        raw = yield from self._modify(body, request.invoice_id, psp_reference, "captures", request.capture_id)
        return mapping.capture(raw, attrs.evolve(request, amount=amount), self.settings)

    @hookimpl
    def refund_payment(self, request: RefundRequest) -> Flow[Refund]:
        """Give money back. Adyen's reasons are words of its own: `reason` is not told."""
        body = {
            "amount": mapping.amount(request.amount),
            "reference": mapping.modification_reference(request.invoice_id, request.refund_id),
        }
        psp_reference = mapping.payment_reference(request.references)
        raw = yield from self._modify(body, request.invoice_id, psp_reference, "refunds", request.refund_id)
        return mapping.refund(raw, request, self.settings)

    @hookimpl
    def check_account(self) -> Flow[None]:
        """Ask which payment methods the account has: that needs the key, its role, and the account's name."""
        url = endpoint(self.settings.address, "paymentMethods")
        body = {"merchantAccount": self.settings.merchant_account}
        request = HttpRequest.json("POST", url, body, headers=self._headers, safe=True)
        structure(wire.read((yield request)), wire.PaymentMethods)

    def _confirmed(self, told: webhook.Told, link_id: str) -> Flow[StatusReport]:
        """Return the report of a genuine item about a link, which must be the one that the item is about.

        Raises:
            WebhookError: If Adyen says that this link has another reference.
        """
        link, raw = yield from self._link(link_id)
        if not told.is_proven and link.reference != told.item.merchant_reference:
            raise WebhookError("the link that it names has another reference", reason=WebhookReason.NOT_CONFIRMED)
        return webhook.report(told, link, raw, self.settings)

    def _link(self, invoice_id: str) -> Flow[tuple[wire.Link, Any]]:
        if not mapping.is_link_id(invoice_id):
            raise NotFoundError("Adyen has no payment link with this id: they begin with PL")
        try:
            raw = wire.read((yield self._get("paymentLinks", invoice_id)))
        except RejectedError as error:
            # What an unknown link is answered with is not documented: 404 and 422 are taken for it.
            if error.http_status != 422 or error.code is None:
                raise
            refused = error
        else:
            return self._same(raw, invoice_id), raw
        raise NotFoundError(refused.message, http_status=422, code=refused.code, request_id=refused.request_id)

    def _same(self, raw: Any, invoice_id: str) -> wire.Link:
        link = mapping.link(raw, self.settings)
        if link.id != invoice_id:
            raise UnexpectedResponseError("the answer is about another payment link than was asked for")
        return link

    def _modify(self, body: Mapping[str, Any], invoice_id: str, psp_reference: str, what: str, key: str) -> Flow[Any]:
        if not mapping.is_link_id(invoice_id):
            raise InvalidRequestError("Adyen has no payment link with this id: they begin with PL")
        content = {"merchantAccount": self.settings.merchant_account, **body}
        made = idempotency_key(what, self.settings.merchant_account, psp_reference, key)
        raw = wire.read((yield self._post(content, made, "payments", psp_reference, what)))
        mapping.check_received(raw, self.settings)
        return raw

    def _get(self, *path: str) -> HttpRequest:
        return HttpRequest(method="GET", url=endpoint(self.settings.address, *path), headers=self._headers)

    def _post(self, body: Mapping[str, Any], key: str, *path: str) -> HttpRequest:
        headers = {**self._headers, "Idempotency-Key": key}
        url = endpoint(self.settings.address, *path)
        return HttpRequest.json("POST", url, body, headers=headers, idempotency_key=key)

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self.settings.api_key.reveal(), "Accept": "application/json"}
