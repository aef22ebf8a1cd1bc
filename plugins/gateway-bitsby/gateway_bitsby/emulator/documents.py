"""What the emulator sends, field by field as Bitsby documents it, and the fixed prices that it reckons with."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, ROUND_UP, Context, Decimal
from types import MappingProxyType
from typing import Any

import attrs

from gateway_bitsby import mapping
from gateway_core import Currency, Money
from gateway_core.testing import EmulatedInvoice, EmulatedPayment
from gateway_core.wire import dumps


@attrs.frozen(kw_only=True)
class EmulatedWallet:
    """A wallet of the emulated merchant.

    Attributes:
        name: Its key.
        title: What the payer reads.
        blockchain: Its chain, in Bitsby's word.
        cryptocurrency: Its asset, in Bitsby's word.
        address: Its address. It breaks the rules of its chain, so that no real money can be sent to it.
        price: US dollars for one unit of the asset.
        step: The smallest difference between two reserved amounts.
        hash_prefix: How a transaction's hash begins on this chain.
    """

    name: str
    title: str
    blockchain: str
    cryptocurrency: str
    address: str
    price: Decimal
    step: Decimal
    hash_prefix: str = ""

    @property
    def unit(self) -> Currency:
        """The asset, counted as Bitsby counts it."""
        network = mapping.NETWORKS.get(self.blockchain, self.blockchain)
        return Currency(self.cryptocurrency.upper(), mapping.CRYPTO_DECIMALS, network)


_CENT, _SATOSHI = Decimal("0.01"), Decimal("0.00000001")
_DOLLAR, _ETHER, _BITCOIN = Decimal(1), Decimal(3000), Decimal(60000)

#: The wallets of the example in Bitsby's documentation.
WALLETS: tuple[EmulatedWallet, ...] = (
    EmulatedWallet(
        name="usdt-tron",
        title="USDT on Tron",
        blockchain="tron",
        cryptocurrency="usdt",
        address="TEmulated0Do0Not0Pay0OOOOOOOOOOOO1",
        price=_DOLLAR,
        step=_CENT,
    ),
    EmulatedWallet(
        name="usdt-ethereum",
        title="USDT on Ethereum",
        blockchain="ethereum",
        cryptocurrency="usdt",
        address="0xEmulatedDoNotPay00000000000000000000001",
        price=_DOLLAR,
        step=_CENT,
        hash_prefix="0x",
    ),
    EmulatedWallet(
        name="usdt-bnb",
        title="USDT on BNB Smart Chain",
        blockchain="bnbSmartChain",
        cryptocurrency="usdt",
        address="0xEmulatedDoNotPay00000000000000000000002",
        price=_DOLLAR,
        step=_CENT,
        hash_prefix="0x",
    ),
    EmulatedWallet(
        name="ethereum",
        title="Ether",
        blockchain="ethereum",
        cryptocurrency="eth",
        address="0xEmulatedDoNotPay00000000000000000000003",
        price=_ETHER,
        step=_SATOSHI,
        hash_prefix="0x",
    ),
    EmulatedWallet(
        name="btc",
        title="Bitcoin",
        blockchain="bitcoin",
        cryptocurrency="btc",
        address="bc1qemulated-do-not-pay-0000000000000000001",
        price=_BITCOIN,
        step=_SATOSHI,
    ),
)
WALLET_BY_NAME = MappingProxyType({wallet.name: wallet for wallet in WALLETS})

#: US dollars for one unit of each currency.
_DOLLARS = MappingProxyType({"USD": Decimal(1), "EUR": Decimal("1.08"), "RUB": Decimal("0.0125")})

#: The service's fee, of which the seller pays all.
FEE_PERCENT = 1
FEE_PAYER = "seller"

#: The one project of the account.
PROJECT_NAME = "Emulated project"

_WORDS = MappingProxyType({status: word for word, status in mapping.STATUSES.items()})

#: Wide enough for every amount there is; the host's decimal context has no say in it.
_EXACT = Context(prec=60)


def envelope(result: str, data: Any) -> bytes:
    """Return an answer as Bitsby writes it, with escaped slashes."""
    return dumps({"result": result, "data": data}).replace(b"/", b"\\/")


def in_dollars(amount: Money) -> Decimal:
    """Return what a fiat amount is in US dollars, at least a cent."""
    dollars = _EXACT.multiply(amount.amount, _DOLLARS[amount.currency])
    return max(dollars.quantize(_CENT, ROUND_HALF_UP, _EXACT), _CENT)


def fee(invoice: EmulatedInvoice) -> Decimal:
    """Return the service's fee for an invoice in US dollars, rounded to cents."""
    exact = _EXACT.multiply(in_dollars(invoice.amount), _EXACT.divide(Decimal(FEE_PERCENT), Decimal(100)))
    return exact.quantize(_CENT, ROUND_HALF_UP, _EXACT)


def in_asset(amount: Money, wallet: EmulatedWallet) -> Decimal:
    """Return what a fiat amount is in a wallet's asset, rounded up to the wallet's step."""
    exact = _EXACT.divide(in_dollars(amount), wallet.price)
    steps = _EXACT.divide(exact, wallet.step).to_integral_value(ROUND_UP, _EXACT)
    return _EXACT.multiply(steps, wallet.step)


def infiat_text(payment: EmulatedPayment, currency: str) -> Decimal:
    """Return what a payment is in a fiat currency, by the same prices."""
    dollars = _EXACT.multiply(payment.amount.amount, wallet_of(payment).price)
    return _EXACT.divide(dollars, _DOLLARS[currency]).quantize(_CENT, ROUND_HALF_UP, _EXACT)


def wallet_of(payment: EmulatedPayment) -> EmulatedWallet:
    """Return the wallet that a payment came to."""
    return WALLET_BY_NAME[payment.data["wallet"]]


def wallet_document(wallet: EmulatedWallet, project_id: str) -> dict[str, Any]:
    """Return a wallet; its id is another one for each project."""
    return {
        "id": str(uuid.uuid5(uuid.UUID(project_id), wallet.name)),
        "name": wallet.name,
        "blockchain": wallet.blockchain,
        "cryptocurrency": wallet.cryptocurrency,
        "address": wallet.address,
    }


def payment_document(payment: EmulatedPayment) -> dict[str, Any]:
    """Return a payment."""
    return {
        "id": payment.id,
        "amount": _crypto(payment.amount.amount),
        "hash": payment.reference,
        "transactionDatetime": time_text(payment.paid_at),
    }


def created_document(invoice: EmulatedInvoice, project_id: str, url: str) -> dict[str, Any]:
    """Return the answer to a creation, with what each wallet reserves."""
    reserved: Mapping[str, str] = invoice.data["reserved"]
    return {
        **_identity(invoice),
        **_dollars(invoice),
        "url": url,
        "wallets": [
            {**wallet_document(wallet, project_id), "amountCrypto": _crypto(Decimal(reserved[wallet.name]))}
            for wallet in WALLETS
        ],
    }


def invoice_document(invoice: EmulatedInvoice, project_id: str) -> dict[str, Any]:
    """Return an invoice as the lists hold it, without its payment."""
    identity = _identity(invoice)
    return {
        "id": identity.pop("id"),
        "uid": identity.pop("uid"),
        "projectId": project_id,
        **identity,
        **_dollars(invoice),
        **_asked(invoice),
        **_texts(invoice),
        "views": invoice.data["views"],
        "status": status_word(invoice),
    }


def webhook_document(invoice: EmulatedInvoice, payment: EmulatedPayment, project_id: str) -> dict[str, Any]:
    """Return the one webhook: an invoice became paid."""
    return {
        "wallet": wallet_document(wallet_of(payment), project_id),
        "project": {
            "id": project_id,
            "name": PROJECT_NAME,
            "commissionPayer": FEE_PAYER,
            "commissionRate": str(FEE_PERCENT),
        },
        "invoice": {
            **_identity(invoice),
            **_dollars(invoice),
            "amountFiat": fiat_text(invoice.amount.amount),
            "calcAmountFiat": fiat_text(infiat_text(payment, invoice.amount.currency)),
            "currencyFiat": invoice.amount.currency,
            **_texts(invoice),
            "status": status_word(invoice),
        },
        "payment": payment_document(payment),
    }


def status_word(invoice: EmulatedInvoice) -> str:
    """Return an invoice's status in Bitsby's word."""
    return _WORDS[invoice.status]


def time_text(at: datetime) -> str:
    """Return a time as Bitsby writes it: in UTC, without saying so."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def fiat_text(amount: Decimal) -> str:
    """Return a fiat amount as Bitsby writes it: with two decimals."""
    return f"{amount.quantize(_CENT, ROUND_HALF_UP, _EXACT):f}"


def _identity(invoice: EmulatedInvoice) -> dict[str, Any]:
    assert invoice.expires_at is not None  # noqa: S101  # every invoice has its time to pay
    return {
        "id": invoice.id,
        "uid": invoice.token,
        "createDatetime": time_text(invoice.created_at),
        "timeToPayDatetime": time_text(invoice.expires_at),
    }


def _dollars(invoice: EmulatedInvoice) -> dict[str, Any]:
    return {
        "commissionFiatUSD": fiat_text(fee(invoice)),
        "amountFiatUSD": fiat_text(in_dollars(invoice.amount)),
    }


def _asked(invoice: EmulatedInvoice) -> dict[str, Any]:
    return {"amountFiat": fiat_text(invoice.amount.amount), "currencyFiat": invoice.amount.currency}


def _texts(invoice: EmulatedInvoice) -> dict[str, Any]:
    return {"description": invoice.description or None, "serviceData": invoice.data["serviceData"]}


def _crypto(amount: Decimal) -> str:
    return f"{amount.quantize(_SATOSHI, ROUND_HALF_UP, _EXACT):f}"
