"""What a shop is told of its orders, once each.

A receiver gets ``event`` (a `~gateway_core.models.webhook.WebhookEvent`), ``order_id`` and ``account``. Signals are
sent with ``send``: if a receiver raises, none of what the event has done is kept, and the event comes again. With the
journal in the database that the receiver writes to, both are committed together; otherwise let the effect do no harm
twice.

An event that has no effect until somebody has looked at it, such as a payment of another amount, comes to no receiver:
it is logged as a warning, and the admin shows it among the deliveries.
"""

from django.dispatch import Signal

#: The order is paid by this event and was not before. It is the one moment to deliver.
invoice_paid = Signal()

#: More came than was asked for.
invoice_overpaid = Signal()

#: Less came than was asked for, yet.
invoice_partially_paid = Signal()

#: The payer agreed, and nothing is paid.
invoice_approved = Signal()

#: The money is reserved, and has to be captured.
invoice_authorized = Signal()

#: The time to pay is over.
invoice_expired = Signal()

#: Called off by the shop, the payer or the provider.
invoice_canceled = Signal()

#: The payment was tried and refused.
invoice_failed = Signal()

#: Some of the money went back.
invoice_partially_refunded = Signal()

#: All of the money went back.
invoice_refunded = Signal()

#: Every event that says something new, after the signal of its move; also those that move no invoice.
webhook_event = Signal()
