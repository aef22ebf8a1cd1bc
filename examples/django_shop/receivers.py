"""What happens to an invoice, and what that means to the shop: each receiver is called once."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from examples.django_shop.models import Errand, Mail, Order, Parcel, SoldOutError
from gateway_core import WebhookEvent
from gateway_django import signals


@receiver(signals.invoice_paid)
def deliver(event: WebhookEvent, order_id: str, **_: Any) -> None:
    """Send a paid order; or its money back, if it was paid after its books were let go and sold to somebody else."""
    order = _locked(order_id)
    order.paid_at, order.trouble = timezone.now(), ""
    subject = "Thank you: your books are on their way"
    try:
        if not order.reserved:
            order.take_books()
        Parcel.objects.create(order=order)
    except SoldOutError:
        Errand.objects.create(order=order, kind="refund", invoice_id=event.invoice_id)
        subject = "Sold out: your money comes back"
    order.save()
    Mail.objects.create(order=order, recipient=order.email, subject=subject)


@receiver([signals.invoice_approved, signals.invoice_authorized])
def take_the_money(event: WebhookEvent, order_id: str, **_: Any) -> None:
    """Take what was agreed on."""
    Errand.objects.create(order_id=order_id, kind="capture", invoice_id=event.invoice_id)


@receiver(signals.invoice_failed)
def ask_again(order_id: str, **_: Any) -> None:
    """Let the buyer try once more."""
    _unpaid(order_id).update(trouble="The payment was declined. Please try again.")


@receiver(signals.invoice_partially_paid)
def ask_for_the_rest(event: WebhookEvent, order_id: str, **_: Any) -> None:
    """Tell the buyer what has come."""
    received = event.report.received if event.report else None
    _unpaid(order_id).update(trouble=f"Only {received or 'a part'} has arrived. Please pay the rest.")


@receiver([signals.invoice_expired, signals.invoice_canceled])
def let_go(order_id: str, **_: Any) -> None:
    """Sell the books to somebody else."""
    order = _locked(order_id)
    order.let_books_go()
    order.save()


@receiver(signals.invoice_refunded)
def note_refund(order_id: str, **_: Any) -> None:
    """Tell the buyer that the money is on its way back."""
    Order.objects.filter(pk=order_id).update(refunded_at=timezone.now())


def _locked(order_id: str) -> Order:
    return Order.objects.select_for_update().get(pk=order_id)


def _unpaid(order_id: str) -> Any:
    return Order.objects.filter(pk=order_id, paid_at=None)
