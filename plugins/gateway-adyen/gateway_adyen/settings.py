"""The settings of one merchant account at Adyen, and the options of one invoice."""

from __future__ import annotations

import re
from typing import Literal

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import (
    base_url_field,
    choice_field,
    flag_field,
    hide_values,
    secret_field,
    secrets_field,
    text_field,
    texts_field,
)

TEST_URL = "https://checkout-test.adyen.com"
#: The version of the Checkout API, which stands in every address.
VERSION = "v72"

_HMAC_KEY = re.compile(r"[0-9A-Fa-f]{64}")

#: Parts of the addresses of Adyen's two modes: neither may stand in the settings of the other.
_TEST_HOSTS, _LIVE_HOSTS = "adyen.com", "adyenpayments.com"


@hide_values
@attrs.frozen(kw_only=True)
class AdyenSettings:
    """One merchant account at Adyen, in test or in live mode.

    Attributes:
        api_key: The API key of the mode, with the role "Checkout webservice role".
        merchant_account: The merchant account's name.
        webhook_hmac_key: The HMAC key of the standard webhook, 64 hex digits; several while one is being replaced.
        mode: ``test`` or ``live``.
        live_prefix: The company's own part of the live address, from the live Customer Area; needed in live mode.
        base_url: The address up to the version; None for that of the mode.
        manual_capture: Whether the account captures by hand, unless an invoice says otherwise: a completed link is then
            AUTHORIZED and not PAID.
    """

    api_key: Secret = secret_field()
    merchant_account: str = text_field("the merchant account's name in the Customer Area")
    webhook_hmac_key: tuple[Secret, ...] = secrets_field()
    mode: Literal["test", "live"] = choice_field("test", "live", default="test")
    live_prefix: str | None = text_field(
        "letters, digits and hyphens, without the rest of the address", form="[0-9A-Za-z-]{1,100}", default=None
    )
    base_url: str = base_url_field(TEST_URL)
    manual_capture: bool = flag_field(default=False)

    def __attrs_post_init__(self) -> None:
        if not all(_HMAC_KEY.fullmatch(secret.reveal()) for secret in self.webhook_hmac_key):
            raise ConfigurationError("webhook_hmac_key: an HMAC key of Adyen's is 64 hex digits")
        if self.mode == "test":
            if self.live_prefix is not None or _LIVE_HOSTS in self.base_url:
                raise ConfigurationError("this is a live address, and mode is test: set mode = live with a live key")
            return
        if self.live_prefix is None and self.base_url == TEST_URL:
            raise ConfigurationError("live_prefix must be given in live mode: the live Customer Area shows it")
        if self.base_url != TEST_URL and self.base_url.endswith(_TEST_HOSTS):
            raise ConfigurationError("this is a test address, and mode is live")

    @property
    def address(self) -> str:
        """The address of the Checkout API, with its version."""
        if self.live_prefix is not None and self.base_url == TEST_URL:
            return f"https://{self.live_prefix}-checkout-live.{_LIVE_HOSTS}/checkout/{VERSION}"
        return f"{self.base_url}/{VERSION}"


@attrs.frozen(kw_only=True)
class AdyenOptions:
    """Options of one invoice.

    Attributes:
        allowed_payment_methods: The ways to pay that are offered, in Adyen's words, such as ``scheme`` for cards and
            ``ideal``; empty for all of the account.
        country: The payer's country, which decides with the currency what is offered; None for that of the customer's
            address.
        manual_capture: Whether the money is only reserved until `capture_payment`; None for the account's setting.
    """

    allowed_payment_methods: tuple[str, ...] = texts_field("payment methods in Adyen's words, such as scheme and ideal")
    country: str | None = text_field(
        "a country's code of two capital letters, such as NL", form="[A-Z]{2}", default=None
    )
    manual_capture: bool | None = flag_field(default=None)
