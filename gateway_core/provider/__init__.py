"""What a provider plugin declares about itself, and the fields its settings are made of.

>>> import attrs
>>> from gateway_core import Secret
>>> from gateway_core.provider import base_url_field, secret_field, secrets_field
>>> @attrs.frozen(kw_only=True)
... class Settings:
...     api_key: Secret = secret_field()
...     webhook_secrets: tuple[Secret, ...] = secrets_field()
...     base_url: str = base_url_field("https://api.example.com")
>>> Settings(api_key="key", webhook_secrets=["a new secret text", "an old secret text"])
Settings(base_url='https://api.example.com')
>>> Settings(api_key="key", webhook_secrets=[])
Traceback (most recent call last):
gateway_core.errors.ConfigurationError: webhook_secrets must hold at least one secret
"""

from gateway_core.provider.facts import (
    AmountRule,
    Declines,
    Expiry,
    FindReach,
    Idempotency,
    ListFilter,
    RateLimit,
    RateLimitHeaders,
    RetryAdvice,
    WebhookAuthentication,
)
from gateway_core.provider.info import CONTRACT_VERSION, REQUEST_FIELDS, ProviderInfo
from gateway_core.provider.settings import (
    RESERVED_SETTINGS,
    base_url_field,
    choice_field,
    count_field,
    flag_field,
    hide_values,
    page_url_field,
    secret_field,
    secrets_field,
    secrets_of,
    text_field,
    texts_field,
    url_secret_field,
)

__all__ = [
    "CONTRACT_VERSION",
    "REQUEST_FIELDS",
    "RESERVED_SETTINGS",
    "AmountRule",
    "Declines",
    "Expiry",
    "FindReach",
    "Idempotency",
    "ListFilter",
    "ProviderInfo",
    "RateLimit",
    "RateLimitHeaders",
    "RetryAdvice",
    "WebhookAuthentication",
    "base_url_field",
    "choice_field",
    "count_field",
    "flag_field",
    "hide_values",
    "page_url_field",
    "secret_field",
    "secrets_field",
    "secrets_of",
    "text_field",
    "texts_field",
    "url_secret_field",
]
