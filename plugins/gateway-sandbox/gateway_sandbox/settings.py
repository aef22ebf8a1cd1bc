"""The settings of one sandbox account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from gateway_core import Secret
from gateway_core.errors import ConfigurationError
from gateway_core.provider import base_url_field, hide_values, secret_field, secrets_field
from gateway_core.webhooks import standard_key

BASE_URL = "http://127.0.0.1:4010"


@hide_values
@attrs.frozen(kw_only=True)
class SandboxSettings:
    """How to reach a sandbox, and how to know its webhooks.

    Attributes:
        api_key: The account's key, ``sk_sandbox_...``. `gateway sandbox` prints it when it starts.
        webhook_secret: The secret that signs webhooks, ``whsec_...``; several while one is being replaced.
        base_url: Where the sandbox runs.
        webhook_tolerance: How far the time of a webhook may be off, in seconds.
    """

    api_key: Secret = secret_field()
    webhook_secret: tuple[Secret, ...] = secrets_field()
    base_url: str = base_url_field(BASE_URL)
    webhook_tolerance: timedelta = attrs.field(default=timedelta(minutes=5))

    @webhook_secret.validator
    def _are_keys(self, _: attrs.Attribute[Any], value: tuple[Secret, ...]) -> None:
        for secret in value:
            standard_key(secret)

    @webhook_tolerance.validator
    def _is_positive(self, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, timedelta) or value <= timedelta(0):
            raise ConfigurationError(f"{field.name} must be above zero seconds")


def _check_capture(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if value not in ("automatic", "manual"):
        raise ConfigurationError(f"{field.name} must be automatic or manual")


@attrs.frozen(kw_only=True)
class SandboxOptions:
    """Options of one invoice.

    Attributes:
        capture: ``automatic`` takes the money as soon as the payer pays; ``manual`` reserves it until the shop takes it
            by `Gateway.capture_payment`, or releases it by `Gateway.cancel_invoice`.
    """

    capture: str = attrs.field(default="automatic", validator=_check_capture)
