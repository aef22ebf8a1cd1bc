"""From what {{ cookiecutter.title }} says to what the core says: tables, and one function for each record."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway_core import InvoiceStatus

#: Put the words of the documentation here, such as ``"open": InvoiceStatus.PENDING``. A word that is not in the table
#: is UNKNOWN, never a success. What was paid and refunded decides the rest: the core derives it.
INVOICE_STATUSES: Mapping[str, InvoiceStatus] = MappingProxyType({})


def status(word: str) -> InvoiceStatus:
    """Return what a word means."""
    return INVOICE_STATUSES.get(word, InvoiceStatus.UNKNOWN)
