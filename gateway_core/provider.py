"""What a provider plugin declares about itself, and the fields its settings are made of.

>>> import attrs
>>> from gateway_core import Secret
>>> from gateway_core.provider import base_url_field, secret_field, secrets_field
>>> @attrs.frozen(kw_only=True)
... class Settings:
...     api_key: Secret = secret_field()
...     webhook_secrets: tuple[Secret, ...] = secrets_field()
...     base_url: str = base_url_field("https://api.example.com")
>>> Settings(api_key="key", webhook_secrets=["new", "old"])
Settings(base_url='https://api.example.com')
>>> Settings(api_key="key", webhook_secrets=[])
Traceback (most recent call last):
gateway_core.errors.ConfigurationError: webhook_secrets must hold at least one secret
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import attrs

from gateway_core.errors import ConfigurationError
from gateway_core.http import HttpResponse, is_loopback, split
from gateway_core.models._fields import tupled
from gateway_core.models.secret import Secret

#: The version of the contract between core and plugins. It grows when a hook or a record changes in a way that breaks
#: plugins.
CONTRACT_VERSION = 1

#: Keys of an account's table, and arguments of `Gateway.connect`, that are the core's own: no setting is named so.
RESERVED_SETTINGS = (
    "backend",
    "distribution",
    "transport",
    "rate_limits",
    "limiter",
    "limiter_fallback",
    "observers",
)


class WebhookAuthentication(enum.StrEnum):
    """How a provider's webhooks are shown to be genuine."""

    SIGNATURE = "signature"
    CALLBACK = "callback"
    SIGNATURE_AND_CALLBACK = "signature+callback"
    NONE = "none"  #: The provider sends no webhooks.


class Declines(enum.StrEnum):
    """What becomes of an invoice whose payment was declined."""

    FINAL = "final"  #: It has failed, whether the payer may begin again or not.
    RETRYABLE = "retryable"  #: It stays open, and the payer may try again.
    NONE = "none"  #: Nothing is ever declined. The payer pays, or does not.


@attrs.frozen(kw_only=True)
class RateLimit:
    """At most `requests` within any `seconds`.

    Attributes:
        requests: A number of requests, at least 1.
        seconds: The length of the window in seconds.
    """

    requests: int = attrs.field(validator=attrs.validators.ge(1))
    seconds: float = attrs.field(validator=attrs.validators.gt(0))

    @classmethod
    def parse(cls, text: str) -> RateLimit:
        """Read a limit as it is written in a configuration.

        >>> from gateway_core import RateLimit
        >>> RateLimit.parse("1000/h")
        RateLimit(requests=1000, seconds=3600.0)
        >>> RateLimit.parse("5/10s")
        RateLimit(requests=5, seconds=10.0)

        Raises:
            ConfigurationError: If it is none.
        """
        match = _RATE.fullmatch(text)
        if match is None or not int(match["requests"]) or not int(match["count"] or 1):
            raise ConfigurationError('a rate limit is written like "1/s", "5/10s", "100/m", "1000/h" or "10000/d"')
        return cls(requests=int(match["requests"]), seconds=int(match["count"] or 1) * _UNITS[match["unit"]])

    def __str__(self) -> str:
        return f"{self.requests} per {self.seconds:g} s"


@attrs.frozen(kw_only=True)
class RateLimitHeaders:
    """The headers in which a provider tells how many requests are left.

    Attributes:
        remaining: The name of the one with the number of requests that are left.
        reset: The name of the one with the moment, in Unix seconds, from which there are more.
    """

    remaining: str
    reset: str


@attrs.frozen(kw_only=True)
class Idempotency:
    """The provider carries out a request with a key that it has seen at most once.

    Attributes:
        scope: What a key is unique in, such as ``"account"``.
        life: How long a key is remembered; None if for ever.
    """

    scope: str
    life: timedelta | None


_RATE = re.compile(r"(?P<requests>[0-9]{1,9})/(?P<count>[0-9]{1,6})?(?P<unit>[smhd])", re.ASCII)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _frozen_mapping(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(mapping))


@attrs.frozen(kw_only=True)
class ProviderInfo:
    """What is true of a provider whoever uses it. Data only, readable without credentials.

    Attributes:
        title: The provider's name for people.
        contract_version: The `CONTRACT_VERSION` that the plugin is written for; 1 for a plugin that does not say.
        docs_url: Where its API is documented.
        base_url: Its API's base address; None if it is not known.
        hosts: Hosts that the plugin contacts besides that of the base address.
        currencies: The codes that an invoice may be in; None if any may.
        exponents: Decimals that the provider counts where they differ from ISO 4217.
        options: The attrs class of `InvoiceRequest.options`; None if there are none.
        rate_limits: The provider's limits on requests, all of which hold.
        rate_limit_headers: The headers that tell what is left of them; None if there are none.
        says_too_many: Returns whether an answer means "too many requests", for a provider that says so with another
            status than 429; such a request was surely not carried out.
        account_settings: The names of the settings that tell its accounts from each other, such as ``("api_key",)``:
            limits are counted by these. None for all settings.
        webhook_authentication: How its webhooks are shown to be genuine.
        webhook_covers: What exactly that proves.
        webhook_timestamps: Whether a webhook bears the time of sending under its proof, so that one that is old, or
            from the future, is refused.
        list_guarantee: What `list_payments` promises, and what not.
        idempotency: Whether it honours idempotency keys; None if it does not.
        unsupported: Operations that its API has no counterpart for, each with the reason.
        crypto_assets: Where `currencies` is None: whether any includes crypto assets, or is any of ISO 4217.
        partial_payments: Whether a payer can pay a part of the amount.
        overpayments: Whether a payer can pay more than the amount.
        declines: What becomes of an invoice whose payment was declined.
        expires: Whether an invoice that nobody pays comes to its end by itself.
        notes: What else an operator should know, such as facts that are assumed.
    """

    title: str
    contract_version: int = 1  # not CONTRACT_VERSION: who says nothing wrote for the first
    docs_url: str | None = None
    base_url: str | None = None
    hosts: tuple[str, ...] = attrs.field(default=(), converter=tupled)
    currencies: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    exponents: Mapping[str, int] = attrs.field(factory=dict, converter=_frozen_mapping)
    options: type | None = None
    rate_limits: tuple[RateLimit, ...] = attrs.field(default=(), converter=tupled)
    rate_limit_headers: RateLimitHeaders | None = None
    says_too_many: Callable[[HttpResponse], bool] | None = None
    account_settings: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(tupled))
    webhook_authentication: WebhookAuthentication = WebhookAuthentication.NONE
    webhook_covers: str = ""
    webhook_timestamps: bool = False
    list_guarantee: str = ""
    idempotency: Idempotency | None = None
    unsupported: Mapping[str, str] = attrs.field(factory=dict, converter=_frozen_mapping)
    crypto_assets: bool = True
    partial_payments: bool = True
    overpayments: bool = True
    declines: Declines = attrs.field(default=Declines.FINAL, converter=Declines)
    expires: bool = True
    notes: tuple[str, ...] = attrs.field(default=(), converter=tupled)


def base_url_field(default: str | None = None) -> Any:
    """Return an attrs field for a provider's base address: https, or http on the loopback range.

    Args:
        default: The default; without one the setting is required.
    """
    return attrs.field(
        default=attrs.NOTHING if default is None else default,
        converter=lambda url: url.rstrip("/") if isinstance(url, str) else url,
        validator=_check_base_url,
    )


def secret_field(*, default: Any = attrs.NOTHING) -> Any:
    """Return an attrs field for a `Secret`; it may be given as text.

    Args:
        default: None for a secret that may be missing; without a default the setting is required.
    """
    return attrs.field(default=default, converter=attrs.Converter(_to_secret, takes_field=True), repr=False)


def secrets_field(*, required: bool = True) -> Any:
    """Return an attrs field for several active secrets, given as one text, or as a list.

    Args:
        required: Whether there must be at least one.
    """

    def check(_: object, field: attrs.Attribute[Any], value: tuple[Secret, ...]) -> None:
        if required and not value:
            raise ConfigurationError(f"{field.name} must hold at least one secret")

    default: Any = attrs.NOTHING if required else ()
    return attrs.field(
        default=default, converter=attrs.Converter(_to_secrets, takes_field=True), validator=check, repr=False
    )


def secrets_of(value: Any) -> tuple[str, ...]:
    """Return every `Secret` in a settings object, however deep, for the one purpose of keeping it out of texts."""
    if isinstance(value, Secret):
        return (value.reveal(),)
    parts: Iterable[Any] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, tuple | list | set | frozenset):
        parts = value
    elif attrs.has(type(value)):
        parts = (getattr(value, field.name, None) for field in attrs.fields(type(value)))
    return tuple(secret for part in parts for secret in secrets_of(part))


def _to_secret(value: Secret | str | None, field: attrs.Attribute[Any]) -> Secret | None:
    if isinstance(value, Secret) or (value is None and field.default is None):
        return value
    try:
        return Secret(value)  # type: ignore[arg-type]  # Secret refuses None
    except ConfigurationError as error:
        reason = error.message
    raise ConfigurationError(f"{field.name}: {reason}")


def _to_secrets(value: Any, field: attrs.Attribute[Any]) -> tuple[Secret, ...]:
    several = (value,) if isinstance(value, str | Secret) else value
    if not isinstance(several, tuple | list) or not all(isinstance(each, str | Secret) for each in several):
        raise ConfigurationError(f"{field.name} must be a secret, or a list of secrets")
    return tuple(secret for each in several if (secret := _to_secret(each, field)) is not None)


def _check_base_url(_: object, field: attrs.Attribute[Any], value: object) -> None:
    try:
        parts = split(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"{field.name} must be an address such as https://api.example.com")
    if "@" in parts.netloc or "?" in str(value) or "#" in str(value):
        raise ConfigurationError(f"{field.name} must have no user, password, query or fragment")
    if parts.scheme == "http" and not is_loopback(str(value)):
        raise ConfigurationError(f"{field.name} must be https: http is for the loopback range only")
