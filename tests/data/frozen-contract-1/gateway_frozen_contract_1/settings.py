"""The settings of one Frozen account."""

from __future__ import annotations

import attrs

from gateway_core import Secret
from gateway_core.provider import base_url_field, secret_field, secrets_field

BASE_URL = "https://api.frozen.example"


@attrs.frozen(kw_only=True)
class FrozenSettings:
    """How to reach Frozen, and how to know its webhooks.

    Attributes:
        api_key: The account's key, ``mk_...``.
        webhook_secret: What signs webhooks; several while it is being changed.
        base_url: Where the API is, without the version.
    """

    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field()
    base_url: str = base_url_field(BASE_URL)


@attrs.frozen(kw_only=True)
class FrozenOptions:
    """Options of one invoice.

    Attributes:
        locale: The language of the payment page.
    """

    locale: str | None = None
