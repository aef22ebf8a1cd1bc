"""For a shop's own tests: the webhooks of an emulated account come to Django's test client.

::

    with EmulatedAccount("sandbox", journal=True) as account, gateway_django.use(account.gateway):
        ...                                     # the shop makes an invoice
        account.pay(invoice.id)
        account.deliver(deliver_to(self.client))
"""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from gateway_core import WebhookRequest


def deliver_to(client: Client, account: str | None = None) -> Callable[[WebhookRequest], int]:
    """Return what hands a webhook to the shop and returns the status of its answer, for ``EmulatedAccount.deliver``.

    Args:
        client: The test client.
        account: The account's name, where the shop has several; None for the default one.
    """
    path = reverse("gateway_django:webhooks") if account is None else reverse("gateway_django:webhook", args=[account])

    def deliver(webhook: WebhookRequest) -> int:
        headers = {name: value for name, value in webhook.headers.pairs if name.lower() not in ("host", "content-type")}
        kind = webhook.headers.get("content-type") or "application/octet-stream"
        answer = client.post(path, data=webhook.body, content_type=kind, headers=headers)
        return int(answer.status_code)

    return deliver
