"""What is true of Mollie whoever uses it, as data."""

from __future__ import annotations

from datetime import timedelta

from gateway_core import ProviderInfo
from gateway_core.provider import Declines, FindReach, Idempotency, ListFilter, WebhookAuthentication
from gateway_mollie import wire
from gateway_mollie.settings import MollieOptions

#: The most payments that Mollie gives on one page (API description, GET /v2/payments).
LARGEST_PAGE = 250

#: How many pages `find_invoice` reads, since Mollie cannot search.
SEARCH_PAGES = 4

#: How long after its creation a payment can still be paid: a bank transfer's due date is 100 days ahead at most and
#: moves on to a business day, and the bank takes some days.
LONGEST_TO_PAY = timedelta(days=120)

#: Source: docs.mollie.com, "Multicurrency". BGN is not among them any more.
CURRENCIES = (
    *("AED", "AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "ISK", "JPY", "MXN", "MYR"),
    *("NOK", "NZD", "PHP", "PLN", "RON", "RUB", "SEK", "SGD", "THB", "TWD", "USD", "ZAR"),
)

_KEPT = Idempotency(scope="API key", life=timedelta(hours=1), replay_header="Idempotent-Replayed")

INFO = ProviderInfo(
    title="Mollie",
    docs_url="https://docs.mollie.com/reference/payments-api",
    base_url="https://api.mollie.com",
    currencies=CURRENCIES,
    options=MollieOptions,
    honours=(
        *("description", "return_url", "cancel_url", "metadata"),
        *("customer", "line_items", "locale", "webhook_url"),
    ),
    account_settings=("api_key", "profile_id", "mode"),
    retry_advice=wire.advice,
    webhook_authentication=WebhookAuthentication.CALLBACK,
    webhook_covers=(
        "A classic webhook is unsigned and holds a payment's id only; the event is made of what Mollie, asked over "
        "TLS with the account's key, says of that payment. A webhook of a subscription is signed over every byte "
        "of its body besides, and its payment is asked for all the same."
    ),
    list_guarantee=(
        "Every payment of the profile that is paid, pending or authorized, once, the latest creation first. Mollie "
        "cannot filter: the whole list is read, with `since` down to payments created 120 days before it. What was "
        "refunded is still CONFIRMED, what was charged back whole is FAILED."
    ),
    list_filter=ListFilter(by="payment", scan=True),
    lists_refunds=True,
    find_reach=FindReach(items=LARGEST_PAGE * SEARCH_PAGES),
    idempotency=dict.fromkeys(("create_invoice", "refund_payment", "capture_payment", "register_webhook"), _KEPT),
    crypto_assets=False,
    partial_payments=False,
    overpayments=False,
    declines=Declines.FINAL,
    notes=(
        "Mollie chooses how long a payment is payable: 15 minutes unless the payer chooses a slower method.",
        "AUTHORIZED is not paid: capture the payment before it lapses.",
        "A payment stays PAID after a chargeback: the report's `disputed` tells it.",
        "An open payment can be canceled only with some methods, such as a bank transfer.",
        "A description is cut to 255 characters by Mollie.",
        "HUF and TWD have two decimals, and are rounded to whole units by PayPal.",
        "UNKNOWN: whether a key's scope is the API key or the organization, and whether errors are kept with it.",
        "UNKNOWN: the rate limits, which are counted by the second; after HTTP 429 requests wait.",
        "UNKNOWN: what becomes of more than 1 kB of metadata: it is refused before anything is sent.",
        "UNKNOWN: whether one payment can be captured twice: left to Mollie.",
        "UNKNOWN: whether `amountRefunded` counts refunds that are under way: refunds are counted one by one.",
    ),
)
