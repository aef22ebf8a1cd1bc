"""A stateful stand-in for {{ cookiecutter.title }}, built after its documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from gateway_core import HttpRequest, HttpResponse
from gateway_core.testing import EmulatedInvoice, EmulatedPayment, Emulator


class {{ cookiecutter.__class_name }}Emulator(Emulator):
    """As much of {{ cookiecutter.title }} as its documentation tells."""

    title: ClassVar[str] = "{{ cookiecutter.title }}"

    def new_credentials(self) -> Mapping[str, str]:
        """Return a random API key and a random webhook secret."""
        return {"api_key": self.new_token(32), "webhook_secret": self.new_token(32)}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer one request to the API: what is remembered is in ``self.ledger``."""
        raise NotImplementedError("handle is still to be written: answer the requests that the documentation has")

    def webhook_body(self, kind: str, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> bytes:
        """Return what is sent to the shop about an event; sign it in `webhook_headers`."""
        raise NotImplementedError("webhook_body is still to be written: the JSON of a webhook")

    def on_change(self, invoice: EmulatedInvoice, payment: EmulatedPayment | None) -> None:
        """Queue the webhook that is sent when an invoice has changed; put the documentation's names of events here."""
        self.announce(f"invoice.{invoice.status}", invoice, payment)
