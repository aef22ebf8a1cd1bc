"""What is true of Stripe whoever uses it. Sources are named in the README."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from gateway_core import ProviderInfo, RateLimit
from gateway_core.provider import (
    AmountRule,
    Declines,
    Expiry,
    FindReach,
    Idempotency,
    ListFilter,
    WebhookAuthentication,
)
from gateway_stripe import wire
from gateway_stripe.settings import StripeOptions

#: The version that every request asks for, whatever the account's default is.
API_VERSION = "2026-10-28.endive"

#: The most items on a page of a list.
LARGEST_PAGE = 100

#: Stripe counts in these decimals where ISO 4217 has others (docs.stripe.com/currencies).
EXPONENTS = {"MGA": 0, "ISK": 2, "UGX": 2}

_WHOLE = AmountRule(step=Decimal(1))
_ENDS_IN_ZERO = AmountRule(step=Decimal("0.010"))
_AMOUNTS = {
    **dict.fromkeys(("ISK", "UGX"), _WHOLE),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), _ENDS_IN_ZERO),
}

INFO = ProviderInfo(
    title="Stripe",
    docs_url="https://docs.stripe.com/api",
    base_url="https://api.stripe.com",
    exponents=EXPONENTS,
    amounts=_AMOUNTS,
    crypto_assets=False,
    options=StripeOptions,
    honours=("description", "return_url", "cancel_url", "expires_in", "metadata", "customer", "line_items", "locale"),
    # Stripe allows 30 minutes to 24 hours from its own clock's now, neither end included: a minute is left for the way.
    expiry=Expiry(minimum=timedelta(minutes=31), maximum=timedelta(hours=23, minutes=59)),
    order_reference_length=200,
    rate_limits=(RateLimit(requests=25, seconds=1),),
    says_too_many=wire.says_too_many,
    retry_advice=wire.retry_advice,
    account_settings=("api_key", "account"),
    webhook_authentication=WebhookAuthentication.SIGNATURE,
    webhook_covers="the time of sending and every byte of the body, by HMAC-SHA256 under the endpoint's own secret",
    webhook_timestamps=True,
    list_guarantee=(
        "Every payment of a completed Checkout Session of the account, once, by the session's creation, the newest "
        "first; those of sessions that others made are among them. A declined attempt on an open session is no "
        "payment. A dispute shows in get_status, and not here."
    ),
    list_filter=ListFilter(by="payment"),
    lists_refunds=True,
    find_reach=FindReach(items=25 * LARGEST_PAGE),
    idempotency=Idempotency(scope="account", life=timedelta(hours=24), replay_header="Idempotent-Replayed"),
    partial_payments=False,
    overpayments=False,
    declines=Declines.RETRYABLE,
    notes=(
        f"The API's version is {API_VERSION}, asked for by header.",
        "A session needs a return address: the request's return_url, or that of the settings.",
        "Of a customer the email address is sent. A language that the payment page does not have is left to Stripe.",
        "A canceled invoice is an expired session with the mark gateway_canceled in its metadata: Stripe has one word.",
        "Up to 24 hours an invoice can be paid, and that is what it is without expires_in.",
        "The smallest amount depends on the currency in which the account is paid out: Stripe refuses what is below.",
        "Stripe allows 500 reads of one payment in 30 days: let webhooks tell, and poll with patience.",
        "Assumed: a key is unique in the account. Stripe documents that it is kept for 24 hours at least.",
        "Assumed: the limit is that of test mode, 25 requests a second; live accounts have 100, set rate_limits.",
        "Assumed of BHD, JOD, KWD, OMR and TND, of which the current documentation is silent: the last digit is 0.",
        "Not documented: the waits between a webhook's repetitions, and how long Stripe waits for its answer.",
        "Not documented: whether amount_refunded counts a released hold. Refunds are counted one by one.",
        "An inquiry of the payer's bank counts as disputed while it is open, though no money has moved.",
    ),
)
