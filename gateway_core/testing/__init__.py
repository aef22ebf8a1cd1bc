"""For the tests of plugins and of applications: emulators of providers, and what can go wrong on the way to one."""

from gateway_core.testing.account import EmulatedAccount
from gateway_core.testing.client import HttpClient
from gateway_core.testing.clock import ManualClock, utc_now
from gateway_core.testing.emulator import Emulator
from gateway_core.testing.emulator_transport import EmulatorTransport
from gateway_core.testing.faults import (
    Answer,
    AnswerLost,
    Exchange,
    Fault,
    FaultyTransport,
    NotSent,
    Passage,
    RequestLost,
    Slow,
    Truncated,
    changing,
)
from gateway_core.testing.finding import find_emulator
from gateway_core.testing.forms import fields_of, nested, query_of
from gateway_core.testing.ledger import (
    OPEN,
    Attempt,
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Ledger,
    QueuedDelivery,
)
from gateway_core.testing.offers import EXPIRE, InvoiceAction, WayToPay
from gateway_core.testing.pacing import PacedTransport
from gateway_core.testing.providers import connect_provider, connect_provider_async, find_provider, pages

__all__ = [
    "EXPIRE",
    "OPEN",
    "Answer",
    "AnswerLost",
    "Attempt",
    "EmulatedAccount",
    "EmulatedInvoice",
    "EmulatedPayment",
    "EmulatedRefund",
    "Emulator",
    "EmulatorTransport",
    "Exchange",
    "Fault",
    "FaultyTransport",
    "HttpClient",
    "InvoiceAction",
    "Ledger",
    "ManualClock",
    "NotSent",
    "PacedTransport",
    "Passage",
    "QueuedDelivery",
    "RequestLost",
    "Slow",
    "Truncated",
    "WayToPay",
    "changing",
    "connect_provider",
    "connect_provider_async",
    "fields_of",
    "find_emulator",
    "find_provider",
    "nested",
    "pages",
    "query_of",
    "utc_now",
]
