"""Whatever happens to an invoice, in any order: the plugin tells what is so at the provider."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway_core import InvoiceRequest, Money
from gateway_core.errors import RejectedError
from gateway_core.testing import EmulatedAccount

_ACTIONS = ("card", "sepa_debit", "decline", "settle", "bounce", "capture", "release", "refund", "refund-done")
_LATER = ("refund-fail", "dispute", "inquire", "win", "lose", "expire", "cancel", "week")


def _happens(account: EmulatedAccount, invoice_id: str, action: str, cents: int) -> None:
    token = account.invoice(invoice_id).token
    match action:
        case "card" | "sepa_debit":
            ways = {way.id for way in account.emulator.ways_to_pay(account.invoice(invoice_id))}
            account.emulator.pay(token, way=action if action in ways else "card")
        case "decline":
            account.emulator.decline(token)
        case "cancel":
            account.gateway.cancel_invoice(invoice_id)
        case "week":
            account.advance(days=7)
        case "capture" | "refund":
            account.act(invoice_id, action, Money.from_minor(cents, "EUR"))
        case _:
            account.act(invoice_id, action)


@given(
    manual=st.booleans(),
    steps=st.lists(st.tuples(st.sampled_from(_ACTIONS + _LATER), st.integers(1, 4990)), max_size=12),
)
@settings(max_examples=150, deadline=None)
def test_plugin_tells_what_is_so(manual: bool, steps: list[tuple[str, int]]) -> None:
    """After each step status, received and refunded are those of the provider's books, and webhooks tell the same."""
    with EmulatedAccount("stripe") as account:
        options = {"capture_method": "manual"} if manual else {}
        request = InvoiceRequest(order_id="A-1", amount=Money("49.90", "EUR"), options=options)
        invoice = account.gateway.create_invoice(request)
        for action, cents in steps:
            known = account.invoice(invoice.id)
            left = known.received.to_minor() - sum(
                refund["amount"] for refund in known.data["refunds"] if refund["status"] in ("pending", "succeeded")
            )
            try:
                _happens(account, invoice.id, action, min(cents, left) if action == "refund" and left > 0 else cents)
            except RejectedError:
                continue

            known = account.invoice(invoice.id)
            report = account.gateway.get_status(invoice.id)
            assert (report.status, report.received, report.refunded) == (known.status, known.received, known.refunded)
            deliveries = [account.gateway.verify_webhook(each) for each in account.webhooks()]
            for event in [event for delivery in deliveries for event in delivery.events]:
                assert event.report is not None
                assert event.report.status is report.status, (action, event.kind)
