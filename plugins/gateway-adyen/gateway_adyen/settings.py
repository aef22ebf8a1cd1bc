"""The settings of one merchant account at Adyen, and the options of one invoice."""

from __future__ import annotations

import re
from typing import Any, Literal

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import base_url_field, hide_values, secret_field, secrets_field

TEST_URL = "https://checkout-test.adyen.com"
#: The version of the Checkout API, which stands in every address.
VERSION = "v72"

_HMAC_KEY = re.compile(r"[0-9A-Fa-f]{64}")
_LIVE_PREFIX = re.compile(r"[0-9A-Za-z-]{1,100}")
_COUNTRY = re.compile(r"[A-Z]{2}")

#: Parts of the addresses of Adyen's two modes: neither may stand in the settings of the other.
_TEST_HOSTS, _LIVE_HOSTS = "adyen.com", "adyenpayments.com"


def _check_account(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigurationError(f"{field.name} must be the merchant account's name in the Customer Area")


def _check_keys(_: object, field: attrs.Attribute[Any], value: tuple[Secret, ...]) -> None:
    if not all(_HMAC_KEY.fullmatch(secret.reveal()) for secret in value):
        raise ConfigurationError(f"{field.name}: an HMAC key of Adyen's is 64 hex digits")


def _check_methods(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(each, str) and each.strip() for each in value):
        raise ConfigurationError(f"{field.name} must list payment methods in Adyen's words, such as scheme and ideal")


def _check_flag(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, bool):
        raise ConfigurationError(f"{field.name} must be true or false")


def _check_country(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, str) and _COUNTRY.fullmatch(value)):
        raise ConfigurationError(f"{field.name} must be a country's code of two capital letters, such as NL")


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
    merchant_account: str = attrs.field(validator=_check_account)
    webhook_hmac_key: tuple[Secret, ...] = secrets_field()
    mode: Literal["test", "live"] = "test"
    live_prefix: str | None = None
    base_url: str = base_url_field(TEST_URL)
    manual_capture: bool = False

    def __attrs_post_init__(self) -> None:
        _check_keys(self, attrs.fields(AdyenSettings).webhook_hmac_key, self.webhook_hmac_key)
        if self.mode not in ("test", "live"):
            raise ConfigurationError("mode must be test or live")
        if self.mode == "test":
            if self.live_prefix is not None or _LIVE_HOSTS in self.base_url:
                raise ConfigurationError("this is a live address, and mode is test: set mode = live with a live key")
            return
        if self.live_prefix is None and self.base_url == TEST_URL:
            raise ConfigurationError("live_prefix must be given in live mode: the live Customer Area shows it")
        if self.live_prefix is not None and not _LIVE_PREFIX.fullmatch(self.live_prefix):
            raise ConfigurationError("live_prefix is letters, digits and hyphens, without the rest of the address")
        if self.base_url != TEST_URL and self.base_url.endswith(_TEST_HOSTS):
            raise ConfigurationError("this is a test address, and mode is live")

    @property
    def address(self) -> str:
        """The address of the Checkout API, with its version."""
        if self.live_prefix is not None and self.base_url == TEST_URL:
            return f"https://{self.live_prefix}-checkout-live.{_LIVE_HOSTS}/checkout/{VERSION}"
        return f"{self.base_url}/{VERSION}"


def _to_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


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

    allowed_payment_methods: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple, validator=_check_methods)
    country: str | None = attrs.field(default=None, validator=_check_country)
    manual_capture: bool | None = attrs.field(default=None, validator=_check_flag)
