"""Broken: its hooks return something else than the contract says."""

from __future__ import annotations

import attrs

from gateway_core import HttpRequest, Page, ProviderInfo, hookimpl


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
        yield HttpRequest(method="POST", url="https://wrong.example.com/bills")
        return {"id": "7", "status": "paid"}

    @hookimpl
    def get_status(self, invoice_id):
        return "PAID"

    @hookimpl
    def list_payments(self, query):
        return Page([{"id": "7"}])

    @hookimpl
    def verify_webhook(self, request):
        return True
