"""An account at every installed provider, each of whose secrets is a canary, and what an invoice there needs."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import attrs

from gateway_core import InvoiceRequest, Money
from tests.canary import made_up, standard

#: What a customer is known by, in a description and in metadata.
CUSTOMER = made_up("customer", plain=True)


@attrs.frozen(kw_only=True)
class Account:
    """An account that only exists here.

    Attributes:
        backend: Its backend's name.
        secrets: The settings that are secret; a list where there may be several.
        others: The settings that are needed besides.
        currency: What an invoice is made out in.
        options: What an invoice needs.
    """

    backend: str
    secrets: Mapping[str, Any]
    others: Mapping[str, Any] = attrs.field(factory=dict)
    currency: str = "USD"
    options: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """All settings but the base address."""
        return {**self.secrets, **self.others}

    @property
    def canaries(self) -> tuple[str, ...]:
        """The secrets, each by itself."""
        several = [each if isinstance(each, list) else [each] for each in self.secrets.values()]
        return tuple(secret for row in several for secret in row)

    def order(self) -> InvoiceRequest:
        """Return an order of the customer."""
        return InvoiceRequest(
            order_id="1042",
            amount=Money("49.90", self.currency),
            description=f"For {CUSTOMER}",
            metadata={"customer": CUSTOMER},
            options=self.options,
        )


ACCOUNTS = {
    account.backend: account
    for account in (
        Account(
            backend="adyen",
            secrets={
                "api_key": made_up("adyen"),
                "webhook_hmac_key": [sha256(name).hexdigest() for name in (b"adyen 1", b"adyen 2")],
            },
            others={"merchant_account": "ShopECOM"},
        ),
        Account(
            backend="btcpay",
            secrets={"api_key": made_up("btcpay"), "webhook_secret": [made_up("btcpay 1"), made_up("btcpay 2")]},
            others={"base_url": "https://pay.shop.example", "store_id": "9Sx2kL"},
        ),
        Account(
            backend="paypal",
            secrets={"client_secret": made_up("paypal")},
            others={"client_id": "AYSq3RDGsmBLJE", "webhook_id": "1JE4291016473214C"},
        ),
        Account(
            backend="sandbox",
            secrets={"api_key": made_up("sandbox"), "webhook_secret": [standard("sandbox 1"), standard("sandbox 2")]},
        ),
        Account(
            backend="bitsby",
            secrets={"api_key": made_up("bitsby"), "url_secret": made_up("bitsby url", plain=True)},
            others={"project_id": "1c48b092-9878-48f5-b441-07a8a48e7b54"},
        ),
        Account(
            backend="billoget",
            secrets={"api_key": made_up("billoget"), "webhook_secret": [made_up("billoget 1"), made_up("billoget 2")]},
            others={"currency": "ARS", "customer_id": "7", "product_id": "8"},
            currency="ARS",
        ),
        Account(
            backend="azothpay",
            secrets={"api_key": made_up("azothpay"), "url_secret": made_up("azothpay url", plain=True)},
            others={"base_url": "https://api.azothpay.example", "period": "PerMonth"},
        ),
        Account(
            backend="mollie",
            secrets={
                "api_key": f"live_{made_up('mollie', plain=True).replace('-', '')}",
                "url_secret": made_up("mollie url", plain=True),
                "webhook_secrets": [made_up("mollie 1"), made_up("mollie 2")],
            },
            others={"return_url": "https://shop.example/done"},
            currency="EUR",
        ),
        Account(
            backend="stripe",
            secrets={
                "api_key": f"sk_test_{made_up('stripe')}",
                "webhook_secret": [standard("stripe 1"), standard("stripe 2")],
            },
            others={"return_url": "https://shop.example/thanks"},
        ),
    )
}
