"""What is true of PayPal whoever uses it, as data."""

from __future__ import annotations

from datetime import timedelta

from gateway_core import ProviderInfo
from gateway_core.provider import Declines, Idempotency, ListFilter, WebhookAuthentication
from gateway_paypal import mapping, wire
from gateway_paypal.settings import CERTIFICATE_SERVERS, SANDBOX_URL, PayPalOptions

#: The longest range of one question to the transaction search, how far back it sees, and how late it is.
LONGEST_RANGE, FARTHEST_BACK, LAG = timedelta(days=31), timedelta(days=3 * 365), timedelta(hours=3)

#: The most lines on a page of the transaction search.
LARGEST_PAGE = 500

_ORDERS = Idempotency(scope="application", life=timedelta(hours=6))
_PAYMENTS = Idempotency(scope="application", life=timedelta(days=45))

INFO = ProviderInfo(
    title="PayPal",
    docs_url="https://developer.paypal.com/docs/api/orders/v2/",
    base_url=SANDBOX_URL,
    hosts=CERTIFICATE_SERVERS,
    currencies=mapping.CURRENCIES,
    exponents=mapping.EXPONENTS,
    options=PayPalOptions,
    honours=("description", "return_url", "cancel_url", "line_items", "locale"),
    order_reference_length=127,
    idempotency={"create_invoice": _ORDERS, "capture_payment": _ORDERS, "refund_payment": _PAYMENTS},
    retry_advice=wire.advice,
    account_settings=("client_id",),
    webhook_authentication=WebhookAuthentication.SIGNATURE_AND_CALLBACK,
    webhook_covers=(
        "The transmission's id and time, the webhook's id and the CRC-32 of the body: a checksum, so another body can "
        "be made to fit a signature that was seen. PayPal is asked for the order, and a report is made of its answer."
    ),
    list_guarantee=(
        "Every payment of a buyer in the transaction search, at most three years back and up to three hours late, "
        "once, oldest first; of one invoice, the captures of its order, at once."
    ),
    list_filter=ListFilter(by="payment", window=LONGEST_RANGE, lag=LAG),
    unsupported={
        "find_invoice": "an order is found by its id only: repeat the creation, with its key, within six hours",
        "cancel_invoice": "an order cannot be called off: without the buyer it ends by itself after some hours",
    },
    crypto_assets=False,
    partial_payments=False,
    overpayments=False,
    declines=Declines.RETRYABLE,
    expires=False,
    notes=(
        "An approved order has moved no money: capture it, with `capture_payment`, once it is APPROVED.",
        "An order that nobody paid is forgotten hours after its creation: it is not found then, and never EXPIRED.",
        "PayPal takes one payment for each order id and attempt (`invoice_id`), unless the account allows more.",
        "A payment stays PAID while it is disputed: the report of the dispute's webhook tells `disputed`.",
        "Listing needs the permission Transaction Search, and ends at the time of PayPal's own clock.",
        "UNKNOWN: whether a capture is in a short answer: a whole one is asked for.",
        "UNKNOWN: whether a webhook that is sent again has a new time: none is refused for its age.",
        "UNKNOWN: the rate limits; after HTTP 429 requests wait.",
        "UNKNOWN: whether certificates are at other hosts than those declared; if so, set webhook_proof = postback.",
        "UNKNOWN: which authority issues PayPal's certificate today: one that browsers trust, or that of the settings.",
    ),
)
