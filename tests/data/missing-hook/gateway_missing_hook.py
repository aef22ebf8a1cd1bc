"""Broken: a required hook is missing."""

from __future__ import annotations

import attrs

from gateway_core import ProviderInfo, hookimpl


@attrs.frozen(kw_only=True)
class Settings:
    """No settings."""


@attrs.frozen
class Broken:
    """One account."""

    settings: Settings
    info = ProviderInfo(title="Broken", contract_version=1)

    @hookimpl
    def create_invoice(self, request): ...

    @hookimpl
    def get_status(self, invoice_id): ...

    @hookimpl
    def list_payments(self, query): ...
