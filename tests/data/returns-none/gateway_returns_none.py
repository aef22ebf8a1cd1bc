"""Broken: its hooks return None."""

from __future__ import annotations

import attrs

from gateway_core import HttpRequest, ProviderInfo, hookimpl


@attrs.frozen(kw_only=True)
class Settings:
    """No settings."""


@attrs.frozen
class Broken:
    """One account."""

    settings: Settings
    info = ProviderInfo(title="Broken", contract_version=1)

    @hookimpl
    def create_invoice(self, request):
        yield HttpRequest(method="POST", url="https://none.example.com/bills")

    @hookimpl
    def get_status(self, invoice_id):
        return None

    @hookimpl
    def list_payments(self, query):
        return None

    @hookimpl
    def verify_webhook(self, request):
        return None
