"""The provider Billoget: budgets (quotes) that a customer approves or rejects. It processes no payments."""

from gateway_billoget.provider import Billoget
from gateway_billoget.records import (
    Budget,
    BudgetChanges,
    BudgetDraft,
    BudgetItem,
    BudgetQuery,
    Customer,
    CustomerDetails,
    Decision,
    DraftItem,
    Product,
    ProductDetails,
    WebhookTest,
)
from gateway_billoget.settings import BillogetOptions, BillogetSettings

__all__ = [
    "Billoget",
    "BillogetOptions",
    "BillogetSettings",
    "Budget",
    "BudgetChanges",
    "BudgetDraft",
    "BudgetItem",
    "BudgetQuery",
    "Customer",
    "CustomerDetails",
    "Decision",
    "DraftItem",
    "Product",
    "ProductDetails",
    "WebhookTest",
]
