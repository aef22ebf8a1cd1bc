"""What an account at Stripe needs to be told."""

from __future__ import annotations

import re
from typing import Literal

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import (
    base_url_field,
    choice_field,
    count_field,
    hide_values,
    page_url_field,
    secret_field,
    secrets_field,
    text_field,
)

Mode = Literal["test", "live"]
CaptureMethod = Literal["automatic", "automatic_async", "manual"]

#: Secret and restricted keys; the word in the middle is the mode (docs.stripe.com/keys).
_KEY = re.compile(r"(sk|rk)_(?P<mode>test|live)_[!-~]+")
#: What is shorter can be guessed.
_SECRET = re.compile(r"whsec_.{10,}")


@hide_values
@attrs.frozen(kw_only=True)
class StripeSettings:
    """One account at Stripe, in test mode or in live mode.

    Attributes:
        api_key: A secret key (``sk_...``) or a restricted one (``rk_...``). It alone picks test or live mode.
        webhook_secret: The signing secret of the webhook endpoint (``whsec_...``), or several while it is rolled.
        mode: ``test`` or ``live``: what this deployment is for. A key of the other mode is refused. None takes the mode
            of the key.
        account: The id of the connected account that invoices are made for (Stripe Connect); None for the key's own.
        return_url: Where the payer goes afterwards, unless the request says so: Stripe makes no session without. It
            replaces ``{CHECKOUT_SESSION_ID}`` in it by the invoice's id.
        search_pages: The most pages of 100 sessions that `find_invoice` reads.
        base_url: The address of the API.
    """

    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field(required=False)
    mode: Mode | None = choice_field("test", "live", default=None)
    account: str | None = text_field(
        "the id of a connected account, such as acct_1032D82eZvKYlo2C", form="acct_[A-Za-z0-9]{1,250}", default=None
    )
    return_url: str | None = page_url_field()
    search_pages: int = count_field(25)
    base_url: str = base_url_field("https://api.stripe.com")

    def __attrs_post_init__(self) -> None:
        if not all(_SECRET.fullmatch(secret.reveal()) for secret in self.webhook_secret):
            raise ConfigurationError("webhook_secret must be the signing secret of a webhook endpoint: whsec_...")
        reason = _key_fault(self.api_key, self.mode)
        if reason is not None:
            raise ConfigurationError(f"api_key {reason}")
        if self.live and not self.base_url.startswith("https://"):
            raise ConfigurationError("base_url must be https with a live key: an emulator is given a test key")

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return (self.mode or _mode_of(self.api_key)) == "live"


@attrs.frozen(kw_only=True)
class StripeOptions:
    """Options of one invoice.

    Attributes:
        capture_method: ``manual`` only reserves the money, for `capture_payment` to take; ``automatic`` and
            ``automatic_async`` take it at once. None leaves it to Stripe, which takes it.
    """

    capture_method: CaptureMethod | None = choice_field("automatic", "automatic_async", "manual", default=None)


def _mode_of(key: Secret) -> str | None:
    match = _KEY.fullmatch(key.reveal())
    return None if match is None else match["mode"]


def _key_fault(key: Secret, wanted: Mode | None) -> str | None:
    """Return what is wrong with a key, without the key: a frame that raises must not hold it."""
    if key.reveal().startswith("pk_"):
        return "is a publishable key, which is for browsers: give a secret (sk_) or restricted (rk_) one"
    mode = _mode_of(key)
    if mode is None and wanted is None:
        return "begins neither sk_test_, sk_live_, rk_test_ nor rk_live_: set mode to say what it is for"
    if mode is not None and wanted not in (None, mode):
        return f"is a {mode} key, and mode is {wanted}: one of them is wrong"
    return None
