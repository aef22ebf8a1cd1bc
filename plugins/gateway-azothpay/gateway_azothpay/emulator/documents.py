"""What the emulator sends, field by field as AzothPay documents it, and the tokens that its payers have."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import attrs

from gateway_azothpay.mapping import NETWORKS
from gateway_core import Currency, InvoiceStatus
from gateway_core.testing import EmulatedInvoice, EmulatedPayment
from gateway_core.wire import loads


@attrs.frozen(kw_only=True)
class Token:
    """A stablecoin on a chain, as a payer may have it.

    Attributes:
        chain_id: The chain's number.
        name: The token's name.
        decimals: How finely it is counted on this chain.
    """

    chain_id: int
    name: str
    decimals: int

    @property
    def id(self) -> str:
        """Its key."""
        return f"{self.name}-{self.chain_id}".lower()

    @property
    def label(self) -> str:
        """What the payer reads."""
        return f"{self.name} on {NETWORKS[self.chain_id].title().replace('Bsc', 'BNB Smart Chain')}"

    @property
    def unit(self) -> Currency:
        """The token as a currency."""
        return Currency(self.name, self.decimals, NETWORKS[self.chain_id])


#: The tokens and chains that AzothPay's documentation names.
TOKENS = MappingProxyType(
    {
        token.id: token
        for token in (
            Token(chain_id=137, name="USDC", decimals=6),
            Token(chain_id=137, name="USDT", decimals=6),
            Token(chain_id=56, name="USDC", decimals=18),
            Token(chain_id=56, name="USDT", decimals=18),
        )
    }
)


def time_text(at: datetime) -> str:
    """Return a time as .NET writes it: seven digits of a second, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def double(number: Decimal) -> Decimal:
    """Return a number as it is after it was read as a floating-point number, and written again."""
    exact = Decimal(repr(float(number)))
    return Decimal(int(exact)) if exact == int(exact) else exact


def created_document(invoice: EmulatedInvoice, url: str) -> dict[str, Any]:
    """Return the answer to a creation."""
    return {
        "id": int(invoice.id),
        "rate": double(invoice.amount.amount),
        "createdAt": time_text(invoice.created_at),
        "botUrl": url,
    }


def invoice_document(invoice: EmulatedInvoice, recipient: str, url: str) -> dict[str, Any]:
    """Return an invoice as it is answered about."""
    return {
        "id": int(invoice.id),
        "recipient": recipient,
        "rate": double(invoice.amount.amount),
        "createdAt": time_text(invoice.created_at),
        "isPaid": is_paid(invoice),
        "metadata": metadata_of(invoice),
        "botUrl": url,
    }


def subscription_document(payment: EmulatedPayment) -> dict[str, Any]:
    """Return a subscription."""
    token = TOKENS[payment.data["token"]]
    return {
        "id": int(payment.id),
        "chainId": token.chain_id,
        "tokenName": token.name,
        "tx": payment.data["tx"],
        "tgUserId": payment.data["tgUserId"],
        "userAddress": payment.data["userAddress"],
        "createdAt": time_text(payment.paid_at),
        "isActive": payment.data["revokedBy"] is None,
    }


def webhook_document(kind: str, tx: str, invoice: EmulatedInvoice, recipient: str, at: datetime) -> dict[str, Any]:
    """Return what is sent about an update, with the rate as text."""
    return {
        "updateId": tx,
        "updateType": kind,
        "requestDate": time_text(at),
        "payload": {
            "id": int(invoice.id),
            "recipient": recipient,
            "rate": f"{invoice.amount.amount:f}",
            "isPaid": is_paid(invoice),
            "tx": tx,
            "createdAt": time_text(invoice.created_at),
            "metadata": metadata_of(invoice),
        },
    }


def is_paid(invoice: EmulatedInvoice) -> bool:
    """Return whether anybody has subscribed, be it that the subscription has ended since."""
    return invoice.status is InvoiceStatus.PAID


def metadata_of(invoice: EmulatedInvoice) -> Any:
    """Return an invoice's metadata as it came, numbers to the last digit."""
    kept: str | None = invoice.data["metadata"]
    return None if kept is None else loads(kept.encode("ascii"))
