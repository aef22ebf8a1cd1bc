"""Works, and prints when it is imported."""

from __future__ import annotations

import attrs

from gateway_core import ProviderInfo, hookimpl


print("Thank you for choosing Noisy!")


@attrs.frozen(kw_only=True)
class Settings:
    """No settings."""


@attrs.frozen
class Noisy:
    """One account."""

    settings: Settings
    info = ProviderInfo(title="Noisy", contract_version=1)

    @hookimpl
    def create_invoice(self, request): ...

    @hookimpl
    def get_status(self, invoice_id): ...

    @hookimpl
    def list_payments(self, query): ...

    @hookimpl
    def verify_webhook(self, request): ...
