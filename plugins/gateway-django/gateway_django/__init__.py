"""Payments in Django: webhooks by one line in ``urls.py``, signals, a `MoneyField`, admin pages, checks and commands.

::

    # settings.py
    INSTALLED_APPS += ["gateway_django"]
    GATEWAY_CONFIG = BASE_DIR / "gateway.toml"

    # urls.py
    urlpatterns += [path("payments/", include("gateway_django.urls"))]

    # models.py
    @receiver(gateway_django.signals.invoice_paid)
    def deliver(order_id, **_): ...
"""

from gateway_django import signals
from gateway_django._gateways import close, gateway, gateways, use
from gateway_django._handling import aorder_status, order_status, poll
from gateway_django.aggregates import Total
from gateway_django.fields import MoneyField
from gateway_django.views import webhook_url

__all__ = [
    "MoneyField",
    "Total",
    "aorder_status",
    "close",
    "gateway",
    "gateways",
    "order_status",
    "poll",
    "signals",
    "use",
    "webhook_url",
]
