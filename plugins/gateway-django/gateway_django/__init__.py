"""Payments in Django: webhooks by one line in ``urls.py``, signals, a `MoneyField`, admin pages, checks and commands.

::

    # settings.py
    INSTALLED_APPS = [..., "gateway_django"]
    GATEWAY = {"default": "sandbox", "gateways": {"sandbox": {"backend": "sandbox", ...}}}   # as in gateway.toml

    # urls.py
    path("payments/", include("gateway_django.urls"))

    # anywhere that is imported when Django starts
    @receiver(gateway_django.signals.invoice_paid)
    def deliver(order_id, **_): ...
"""

from gateway_django import signals
from gateway_django._gateways import close, gateway, gateways, use
from gateway_django._handling import order_status, poll
from gateway_django.aggregates import Total
from gateway_django.fields import MoneyField
from gateway_django.views import webhook_url

__all__ = [
    "MoneyField",
    "Total",
    "close",
    "gateway",
    "gateways",
    "order_status",
    "poll",
    "signals",
    "use",
    "webhook_url",
]
