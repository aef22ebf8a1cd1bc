"""What the shop and time can do to an invoice in the emulator, beside what the API does."""

from __future__ import annotations

import pytest

from gateway_core import InvoiceRequest, InvoiceStatus, Money
from gateway_core.errors import RejectedError
from gateway_core.testing import EmulatedAccount

_REQUEST = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))


@pytest.mark.parametrize(
    "action, status", [("cancel", InvoiceStatus.CANCELED), ("expire", InvoiceStatus.EXPIRED)], ids=str
)
def test_open_invoice_can_be_ended(action: str, status: InvoiceStatus) -> None:
    """As on Bitsby's own pages, and as time does."""
    with EmulatedAccount("bitsby") as account:
        invoice = account.gateway.create_invoice(_REQUEST)

        account.act(invoice.id, action)

        assert account.gateway.get_status(invoice.id).status is status


def test_invoice_whose_page_was_opened_is_not_canceled() -> None:
    """The payer may be paying."""
    with EmulatedAccount("bitsby") as account:
        invoice = account.gateway.create_invoice(_REQUEST)
        account.emulator.opened(account.invoice(invoice.id).token)

        with pytest.raises(RejectedError):
            account.act(invoice.id, "cancel")
