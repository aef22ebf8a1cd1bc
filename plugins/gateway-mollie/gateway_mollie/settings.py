"""What an account at Mollie needs to be told."""

from __future__ import annotations

import re
from typing import Any, Literal

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.http import is_loopback
from gateway_core.provider import base_url_field, hide_values, secret_field, secrets_field, url_secret_field

#: An API key belongs to one profile and one mode, an access token to an organization (API description).
_KEY = re.compile(r"(live|test|access)_[A-Za-z0-9_]+", re.ASCII)
_PROFILE = re.compile(r"pfl_[A-Za-z0-9]+", re.ASCII)
_METHOD = re.compile(r"[a-z0-9]{2,32}", re.ASCII)


def _check_profile(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not (isinstance(value, str) and _PROFILE.fullmatch(value)):
        raise ConfigurationError(f"{field.name} must be a profile's id such as pfl_QkEhN94Ba")


def _check_page(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value is None:
        return
    url = value if isinstance(value, str) else ""
    if not url.startswith("https://") and not (url.startswith("http://") and is_loopback(url)):
        raise ConfigurationError(f"{field.name} must be an https address; http is for the loopback range only")


@hide_values
@attrs.frozen(kw_only=True)
class MollieSettings:
    """One profile of one organization at Mollie.

    Attributes:
        api_key: The profile's API key, ``live_...`` or ``test_...``, or an organization's access token, ``access_...``.
        mode: ``live`` or ``test``. One address serves both, and the key decides: one of the other mode is refused here.
        profile_id: The profile, ``pfl_...``: payments of others are not seen. An access token needs it.
        return_url: Where payers go afterwards unless the invoice says otherwise: Mollie makes no payment without one.
        webhook_url: Where Mollie sends the webhooks of a payment unless the invoice says otherwise; without one, none.
        url_secret: A secret of the shop's own in that address, as a part of its path or query. With it, a classic
            webhook without it is refused before Mollie is asked.
        webhook_secrets: The secrets of webhook subscriptions, which sign the newer webhooks.
        base_url: The address of the API.
    """

    api_key: Secret = secret_field()
    mode: Literal["live", "test"] = attrs.field(default="live", validator=attrs.validators.in_(("live", "test")))
    profile_id: str | None = attrs.field(default=None, validator=_check_profile)
    return_url: str | None = attrs.field(default=None, validator=_check_page)
    webhook_url: str | None = attrs.field(default=None, validator=_check_page, repr=False)  # it may hold a secret
    url_secret: Secret | None = url_secret_field()
    webhook_secrets: tuple[Secret, ...] = secrets_field(required=False)
    base_url: str = base_url_field("https://api.mollie.com")

    def __attrs_post_init__(self) -> None:
        match = _KEY.fullmatch(self.api_key.reveal())
        if match is None:
            raise ConfigurationError("api_key must begin with live_, test_ or access_")
        if self.is_token and self.profile_id is None:
            raise ConfigurationError("profile_id is needed with an access token: it is not bound to a profile")
        if not self.is_token and match[1] != self.mode:
            raise ConfigurationError(f"api_key is one of {match[1]} mode, and mode is {self.mode}")

    @property
    def is_token(self) -> bool:
        """Whether the key is an organization's access token, with which profile and mode are sent each time."""
        return self.api_key.reveal().startswith("access_")


def _to_methods(value: Any) -> Any:
    """Return names as a tuple; a text may hold several, divided by commas, as on a command line."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, tuple | list) or not all(isinstance(each, str) for each in several):
        return value  # for the validator to refuse
    return tuple(name.strip() for each in several for name in each.split(","))


def _check_methods(_: object, field: attrs.Attribute[Any], value: object) -> None:
    named = value if isinstance(value, tuple) else (None,)
    if not all(isinstance(each, str) and _METHOD.fullmatch(each) for each in named):
        raise ConfigurationError(f"{field.name} must be names of Mollie's payment methods, such as ideal")


@attrs.frozen(kw_only=True)
class MollieOptions:
    """Options of one invoice.

    Attributes:
        method: The ways to pay that are offered, in Mollie's words, such as ``ideal``; none for all of the profile.
        capture_mode: ``manual`` holds the money until `capture_payment`; ``automatic`` takes it. None for Mollie's own
            choice, which is ``automatic``.
    """

    method: tuple[str, ...] = attrs.field(default=(), converter=_to_methods, validator=_check_methods)
    capture_mode: Literal["automatic", "manual"] | None = attrs.field(
        default=None, validator=attrs.validators.in_((None, "automatic", "manual"))
    )
