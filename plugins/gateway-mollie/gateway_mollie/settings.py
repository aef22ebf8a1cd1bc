"""What an account at Mollie needs to be told."""

from __future__ import annotations

import re
from typing import Literal

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import (
    base_url_field,
    choice_field,
    hide_values,
    page_url_field,
    secret_field,
    secrets_field,
    text_field,
    texts_field,
    url_secret_field,
)

#: An API key belongs to one profile and one mode, an access token to an organization (API description).
_KEY = re.compile(r"(live|test|access)_[A-Za-z0-9_]+", re.ASCII)


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
    mode: Literal["live", "test"] = choice_field("live", "test", default="live")
    profile_id: str | None = text_field("a profile's id such as pfl_QkEhN94Ba", form="pfl_[A-Za-z0-9]+", default=None)
    return_url: str | None = page_url_field()
    webhook_url: str | None = page_url_field()
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


@attrs.frozen(kw_only=True)
class MollieOptions:
    """Options of one invoice.

    Attributes:
        method: The ways to pay that are offered, in Mollie's words, such as ``ideal``; none for all of the profile.
        capture_mode: ``manual`` holds the money until `capture_payment`; ``automatic`` takes it. None for Mollie's own
            choice, which is ``automatic``.
    """

    method: tuple[str, ...] = texts_field("names of Mollie's payment methods, such as ideal", form="[a-z0-9]{2,32}")
    capture_mode: Literal["automatic", "manual"] | None = choice_field("automatic", "manual", default=None)
