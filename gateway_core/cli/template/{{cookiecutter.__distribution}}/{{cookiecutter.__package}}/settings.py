"""The settings of one account at {{ cookiecutter.title }}."""

from __future__ import annotations

import attrs
from gateway_core import Secret
from gateway_core.provider import base_url_field, hide_values, secret_field, secrets_field

#: Where the API is, without the version.
BASE_URL = "https://api.{{ cookiecutter.name }}.example"


@hide_values
@attrs.frozen(kw_only=True)
class {{ cookiecutter.__class_name }}Settings:
    """How to reach {{ cookiecutter.title }}, and how to know its webhooks.

    Attributes:
        api_key: The account's key.
        webhook_secret: What signs webhooks; several while one is being replaced.
        base_url: Where the API is, without the version.
    """

    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field()
    base_url: str = base_url_field(BASE_URL)
