"""What the emulator sends, field by field as the Greenfield API has it, and the fixed rate that it reckons with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal
from types import MappingProxyType
from typing import Any

from gateway_core import Currency, HttpResponse, Money
from gateway_core.errors import InvalidRequestError
from gateway_core.testing import EmulatedInvoice, EmulatedPayment
from gateway_core.wire import dumps

#: The store's payment methods. Money on chain settles after some confirmations, by Lightning at once.
CHAIN, LIGHTNING = "BTC-CHAIN", "BTC-LN"
METHODS: Mapping[str, str] = MappingProxyType({CHAIN: "Bitcoin", LIGHTNING: "Lightning"})
#: An address that breaks the rules of its chain, so that no real money can be sent to it.
ADDRESSES: Mapping[str, str] = MappingProxyType(
    {CHAIN: "bc1qemulated-do-not-pay-0000000000000000001", LIGHTNING: "lnbcemulated-do-not-pay-0000000001"}
)

BITCOIN = Currency.find("BTC")
#: Units of the invoice's currency for one bitcoin: the same number for every currency of ISO 4217.
RATE = Decimal(50000)
_RATES: Mapping[str, Decimal] = MappingProxyType({"BTC": Decimal(1), "SATS": Decimal(100_000_000)})

_SATOSHI = Decimal("0.00000001")
#: Wide enough for every amount there is; the host's decimal context has no say in it.
_EXACT = Context(prec=60)


def unit_of(code: str) -> Currency | None:
    """Return the currency that the server counts under a code; None if it knows none."""
    if code == "SATS":
        return Currency("SATS", 0)
    try:
        return Currency.find(code)
    except InvalidRequestError:
        return None


def rate(code: str) -> Decimal:
    """Return how many units of a currency one bitcoin is."""
    return _RATES.get(code, RATE)


def in_bitcoin(amount: Money) -> Money:
    """Return what an amount is in bitcoin, rounded up to a satoshi."""
    exact = _EXACT.divide(amount.amount, rate(amount.currency))
    return Money(max(exact.quantize(_SATOSHI, ROUND_UP, _EXACT), _SATOSHI), BITCOIN)


def in_currency(bitcoin: Money, unit: Currency) -> Money:
    """Return what bitcoin is in another currency, rounded down to its smallest unit."""
    exact = _EXACT.multiply(bitcoin.amount, rate(unit.code))
    return Money(exact.quantize(Decimal(1).scaleb(-unit.exponent), ROUND_DOWN, _EXACT), unit)


def answer(status: int, value: Any = None) -> HttpResponse:
    """Return an answer in JSON; an empty one for None."""
    body = b"" if value is None else dumps(value)
    return HttpResponse(status=status, headers={"Content-Type": "application/json; charset=utf-8"}, body=body)


def invoice_document(invoice: EmulatedInvoice, store_id: str, checkout_link: str) -> dict[str, Any]:
    """Return an invoice."""
    data = invoice.data
    assert invoice.expires_at is not None  # noqa: S101  # every invoice has its time to pay
    return {
        "id": invoice.id,
        "storeId": store_id,
        "amount": text(invoice.amount),
        "paidAmount": text(invoice.received),
        "currency": invoice.amount.currency,
        "type": "Standard",
        "checkoutLink": checkout_link,
        "createdTime": seconds(invoice.created_at),
        "expirationTime": seconds(invoice.expires_at),
        "monitoringExpiration": seconds(invoice.expires_at + timedelta(minutes=data["monitoring"])),
        "status": data["status"],
        "additionalStatus": data["additional"],
        "archived": data["archived"],
        "availableStatusesForManualMarking": markable(data["status"], data["additional"]),
        "metadata": data["metadata"],
        "checkout": data["checkout"],
        "receipt": {"enabled": None, "showQR": None, "showPayments": None},
    }


def markable(status: str, additional: str) -> list[str]:
    """Return the statuses that an invoice can be set to by hand."""
    settled = ["Settled"] if status != "Settled" else []
    invalid = (
        ["Invalid"]
        if status in ("New", "Processing", "Expired") or (status, additional) == ("Settled", "Marked")
        else []
    )
    return settled + invalid


def method_document(method: str, invoice: EmulatedInvoice, payments: Iterable[EmulatedPayment]) -> dict[str, Any]:
    """Return one way to pay an invoice, with the payments that came this way."""
    whole = in_bitcoin(invoice.amount)
    came = list(payments)
    zero = whole - whole
    paid = sum((each.amount for each in came if each.data["status"] != "Invalid"), zero)
    return {
        "paymentMethodId": method,
        "currency": "BTC",
        "activated": True,
        "destination": ADDRESSES[method],
        "paymentLink": f"bitcoin:{ADDRESSES[method]}?amount={text(whole)}",
        "rate": f"{rate(invoice.amount.currency):f}",
        "amount": text(whole),
        "paymentMethodPaid": text(paid),
        "totalPaid": text(paid),
        "due": text(whole - paid),
        "paymentMethodFee": "0",
        "payments": [payment_document(each) for each in came],
        "additionalData": {},
    }


def payment_document(payment: EmulatedPayment) -> dict[str, Any]:
    """Return one payment."""
    return {
        "id": payment.id,
        "receivedDate": seconds(payment.paid_at),
        "value": text(payment.amount),
        "fee": "0",
        "status": payment.data["status"],
        "destination": ADDRESSES[payment.data["method"]],
    }


def event_body(fields: Mapping[str, Any]) -> bytes:
    """Return a webhook's body as the server writes it: indented, and with Windows' line ends nowhere."""
    return json.dumps(fields, indent=2, ensure_ascii=False).encode("utf-8")


def text(amount: Money) -> str:
    """Return an amount as the server writes it: text in plain digits."""
    return f"{amount.amount:f}"


def seconds(at: datetime) -> int:
    """Return a time as the server writes it: whole Unix seconds."""
    return int(at.timestamp())
