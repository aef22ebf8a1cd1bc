"""The kit without an emulator: a provider whose answers are written down, judged by the same checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from gateway_conformance import ProviderSuite
from gateway_core import InvoiceRequest, InvoiceStatus, RefundRequest, Secret, WebhookRequest
from gateway_core.webhooks import sign_standard

BASE = "http://127.0.0.1:4010/v1"
SECRET = "whsec_c2NlbmFyaW9zLW9mLXRoZS1raXQ="
WORDS = {
    InvoiceStatus.PARTIALLY_PAID: ("partially_paid", "1.00"),
    InvoiceStatus.PAID: ("paid", "49.90"),
    InvoiceStatus.OVERPAID: ("overpaid", "59.90"),
    InvoiceStatus.EXPIRED: ("expired", "0"),
    InvoiceStatus.FAILED: ("failed", "0"),
}
AT = datetime(2030, 1, 31, 12, tzinfo=UTC)
NOW = AT.isoformat()


def money(amount: Any) -> dict[str, str]:
    """Return an amount as the sandbox writes it."""
    return {"amount": f"{amount.amount:f}", "currency": amount.currency} | (
        {"network": amount.network} if amount.network else {}
    )


class TestScenarios(ProviderSuite):
    """Every check of the kit, of the sandbox's plugin without its emulator."""

    backend = "sandbox"
    settings: ClassVar = {"api_key": "sk_sandbox_scenarios", "webhook_secret": SECRET}

    def given_invoice(self, mocker: Any, request: InvoiceRequest) -> None:
        """Answer to the creation, and to questions about the invoice."""
        nothing = money(request.amount) | {"amount": "0"}
        made: dict[str, Any] = {
            "id": f"inv-{request.order_id.encode().hex()[-40:]}",
            "order_id": request.order_id,
            "status": "open",
            "amount": money(request.amount),
            "received": nothing,
            "refunded": nothing,
            "checkout_url": "http://127.0.0.1:4010/pay/1",
            "created_at": NOW,
            "expires_at": ((request.requested_at or AT) + (request.expires_in or timedelta(hours=1))).isoformat(),
        }
        self.made: dict[str, Any] = {**getattr(self, "made", {}), made["id"]: made}
        mocker.post(f"{BASE}/invoices", json=made, status_code=201)
        mocker.get(f"{BASE}/invoices/{made['id']}", json=made)

    def given_status(self, mocker: Any, invoice_id: str, status: InvoiceStatus) -> bool:
        """Answer that the invoice has got somewhere."""
        made = self.made[invoice_id]
        word, came = WORDS[status]
        self.made[invoice_id] = made | {"status": word, "received": {**made["amount"], "amount": came}}
        mocker.get(f"{BASE}/invoices/{invoice_id}", json=self.made[invoice_id])
        return True

    def given_payments(self, mocker: Any, count: int) -> Sequence[str]:
        """Answer with pages of so many payments."""
        ids = [f"pay-{number}" for number in range(count)]

        def page(request: Any, _: Any) -> dict[str, Any]:
            query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
            start = int(query.get("cursor", "0")) if query.get("cursor", "0").isdecimal() else 0
            end = start + int(query["limit"])
            amount = {"amount": "49.90", "currency": "EUR"}
            data = [
                {"id": each, "invoice_id": "inv-1", "amount": amount, "status": "succeeded", "created_at": NOW}
                for each in ids[start:end]
            ]
            return {"data": data, "next_cursor": str(end) if end < count else None}

        mocker.get(f"{BASE}/payments", json=page)
        return ids

    def given_webhook(self, mocker: Any, invoice_id: str) -> WebhookRequest:
        """Return the event that the invoice was paid."""
        event = {"id": f"evt-{invoice_id}", "type": "invoice.paid", "created_at": NOW}
        body = json.dumps({**event, "data": {"invoice": self.made[invoice_id]}}).encode()
        return WebhookRequest(body=body, headers=sign_standard(Secret(SECRET), event["id"], AT, body), received_at=AT)

    def given_found(self, mocker: Any, order_id: str) -> None:
        """Answer with the invoice of the order."""
        found = [made for made in self.made.values() if made["order_id"] == order_id]
        mocker.get(f"{BASE}/invoices", json={"data": found, "next_cursor": None})

    def given_canceled(self, mocker: Any, invoice_id: str) -> None:
        """Answer that the invoice is canceled."""
        mocker.post(f"{BASE}/invoices/{invoice_id}/cancel", json=self.made[invoice_id] | {"status": "canceled"})

    def given_refunded(self, mocker: Any, refund: RefundRequest) -> None:
        """Answer that the money went back."""
        made: dict[str, Any] = {
            "id": "ref-1",
            "invoice_id": refund.invoice_id,
            "amount": money(refund.amount),
            "reference": refund.refund_id,
            "status": "succeeded",
            "created_at": NOW,
        }
        mocker.post(f"{BASE}/refunds", json=made, status_code=201)

    def given_account(self, mocker: Any) -> None:
        """Answer to the harmless read."""
        mocker.get(f"{BASE}/account", json={"id": "acct-1"})
