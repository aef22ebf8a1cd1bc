"""What the shop sells."""

from typing import Any

from django.db import models

from gateway_core import Currency, Money
from gateway_django import MoneyField


class Order(models.Model):
    """An order: what it costs, and whether it is paid."""

    number: Any = models.CharField(max_length=40, primary_key=True)
    total: Any = MoneyField(null=True, blank=True)
    paid: Any = models.BooleanField(default=False)


class Shipment(models.Model):
    """One row for each time that an order was shipped."""

    order_id: Any = models.CharField(max_length=40)


class Article(models.Model):
    """An article with a price in one of few currencies."""

    name: Any = models.CharField(max_length=40)
    price: Any = MoneyField(
        currencies=("EUR", "BTC", "USDT on tron", Currency("WIDG", 4, "widgetchain")), default=Money("1", "EUR")
    )
