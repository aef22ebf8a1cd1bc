"""The settings of one application at PayPal, and the options of one invoice."""

from __future__ import annotations

from typing import Literal

import attrs

from gateway_core import Secret
from gateway_core.certificates import CertificatePolicy
from gateway_core.errors import ConfigurationError
from gateway_core.http import is_loopback, origin
from gateway_core.provider import base_url_field, choice_field, hide_values, secret_field, text_field

SANDBOX_URL = "https://api-m.sandbox.paypal.com"
LIVE_URL = "https://api-m.paypal.com"

#: Where PayPal's certificates are (as seen in its headers), and whom they are issued to (source: PayPal's own SDK
#: paypalrestsdk 1.13.3).
CERTIFICATE_SERVERS = ("api.sandbox.paypal.com", "api.paypal.com")
CERTIFICATE_NAMES = ("paypal.com", "*.paypal.com")

INTENTS = ("CAPTURE", "AUTHORIZE")
_AS_SHOWN = "a text, as PayPal's dashboard shows it"
SHIPPING = ("NO_SHIPPING", "GET_FROM_FILE", "SET_PROVIDED_ADDRESS")


@hide_values
@attrs.frozen(kw_only=True)
class PayPalSettings:
    """One REST application of one PayPal account, in the sandbox or live.

    Attributes:
        client_id: The application's client id.
        client_secret: Its secret.
        webhook_id: The id of its webhook, which is part of what PayPal signs; None while there is none yet.
        mode: ``sandbox`` or ``live``.
        base_url: The address of the API; that of the mode by default.
        webhook_proof: How webhooks are verified: by ``certificate``, or by asking PayPal whether it sent them
            (``postback``).
        webhook_roots: The authorities in PEM that may issue PayPal's certificate; None for those that browsers trust.
        intent: ``CAPTURE``, or ``AUTHORIZE`` to reserve the money first.
        brand_name: The shop's name on PayPal's page; None for the account's.
    """

    client_id: str = text_field(_AS_SHOWN)
    client_secret: Secret = secret_field()
    webhook_id: str | None = text_field(_AS_SHOWN, default=None)
    mode: Literal["sandbox", "live"] = choice_field("sandbox", "live", default="sandbox")
    base_url: str = base_url_field(SANDBOX_URL)
    webhook_proof: Literal["certificate", "postback"] = choice_field("certificate", "postback", default="certificate")
    webhook_roots: str | None = None
    intent: Literal["CAPTURE", "AUTHORIZE"] = choice_field(*INTENTS, default="CAPTURE")
    brand_name: str | None = text_field(_AS_SHOWN, default=None)

    def __attrs_post_init__(self) -> None:
        other = SANDBOX_URL if self.mode == "live" else LIVE_URL
        if self.mode == "live" and self.base_url == SANDBOX_URL:
            object.__setattr__(self, "base_url", LIVE_URL)
        elif self.base_url == other:
            raise ConfigurationError(f"base_url is of the other mode than {self.mode}")
        if self.mode == "live" and is_loopback(self.base_url):
            raise ConfigurationError("base_url is on this machine, and mode is live")

    def check_certificate_url(self, url: str) -> None:
        """Refuse an address that PayPal's certificates are not at. An emulator's is at its own address.

        Raises:
            WebhookError: If it is none.
        """
        own = is_loopback(self.base_url) and _origin(url) == _origin(self.base_url)
        if not own:
            CertificatePolicy(hosts=CERTIFICATE_SERVERS).check_url(url)

    @property
    def certificates(self) -> CertificatePolicy:
        """Whose certificates sign webhooks."""
        roots = None if self.webhook_roots is None else self.webhook_roots.encode("utf-8")
        return CertificatePolicy(hosts=CERTIFICATE_NAMES, roots=roots)


@attrs.frozen(kw_only=True)
class PayPalOptions:
    """Options of one invoice.

    Attributes:
        intent: ``CAPTURE`` or ``AUTHORIZE``; None for that of the settings.
        shipping: Whose shipping address PayPal shows: ``NO_SHIPPING``, ``GET_FROM_FILE`` or ``SET_PROVIDED_ADDRESS``.
    """

    intent: str | None = choice_field(*INTENTS, default=None)
    shipping: str = choice_field(*SHIPPING, default="NO_SHIPPING")


def _origin(url: str) -> str | None:
    try:
        return origin(url)
    except ValueError:
        return None
