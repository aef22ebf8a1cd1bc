"""For plugin authors: the base of emulators, and a transport that speaks to one without a socket."""

from gateway_core.testing.client import HttpClient
from gateway_core.testing.clock import ManualClock, utc_now
from gateway_core.testing.emulator import Emulator, EmulatorTransport, WayToPay
from gateway_core.testing.forms import fields_of, query_of
from gateway_core.testing.ledger import (
    OPEN,
    Attempt,
    EmulatedInvoice,
    EmulatedPayment,
    EmulatedRefund,
    Ledger,
    QueuedDelivery,
)

__all__ = [
    "OPEN",
    "Attempt",
    "EmulatedInvoice",
    "EmulatedPayment",
    "EmulatedRefund",
    "Emulator",
    "EmulatorTransport",
    "HttpClient",
    "Ledger",
    "ManualClock",
    "QueuedDelivery",
    "WayToPay",
    "fields_of",
    "query_of",
    "utc_now",
]
