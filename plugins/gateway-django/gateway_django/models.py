"""The journal's tables, to be read by Django: it makes, changes and removes none of their rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from gateway_core import Currency, InvoiceStatus, Money, Review
from gateway_django import _gateways

_OPERATIONS = {
    "create_invoice": _("Create an invoice"),
    "refund_payment": _("Refund"),
    "capture_payment": _("Capture"),
    "cancel_invoice": _("Cancel"),
}
_INTENT_STATES = {
    "new": _("Not sent yet"),
    "sending": _("On its way"),
    "unknown": _("Outcome unknown"),
    "done": _("Done"),
    "failed": _("Surely not carried out"),
}
_EVENT_STATES = {
    "open": _("Not handled yet"),
    "kept": _("Its invoice is not known yet"),
    "review": _("Needs a look"),
    "done": _("Handled"),
    "ignored": _("Nothing new"),
}
_STATUSES = [(status.value, status.value.replace("_", " ").capitalize()) for status in InvoiceStatus]


class _Kept(models.JSONField):
    """JSON that the driver may have read already."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return super().from_db_value(value, expression, connection) if isinstance(value, str | bytes) else value


class JournalManager(models.Manager[Any]):
    """Reads from the database that holds the journal."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return all rows."""
        return super().get_queryset().using(_gateways.shared_database())


class _Row(models.Model):
    """A row that is read only."""

    objects = JournalManager()

    class Meta:
        abstract = True
        managed = False
        default_permissions = ("view",)

    def _money(self, amount: str | None) -> Money | None:
        row: Any = self
        if amount is None or row.currency is None:
            return None
        return Money(Decimal(amount), Currency(row.currency, row.exponent or 0, row.network))


class Intent(_Row):
    """What the shop asked a provider for, once each."""

    id: Any = models.BigIntegerField(primary_key=True)
    account: Any = models.CharField(_("account"), max_length=100)
    operation: Any = models.CharField(_("operation"), max_length=32, choices=list(_OPERATIONS.items()))
    key: Any = models.CharField(_("key"), max_length=300)
    order_id: Any = models.CharField(_("order"), max_length=255, null=True)
    attempt: Any = models.IntegerField(_("attempt"), null=True)
    invoice_id: Any = models.CharField(_("invoice"), max_length=255, null=True)
    amount: Any = models.CharField(max_length=70, null=True)
    currency: Any = models.CharField(_("currency"), max_length=40, null=True)
    network: Any = models.CharField(max_length=40, null=True)
    exponent: Any = models.IntegerField(null=True)
    state: Any = models.CharField(_("state"), max_length=16, choices=list(_INTENT_STATES.items()))
    requested_at: Any = models.DateTimeField(_("asked at"))
    sent_at: Any = models.DateTimeField(_("sent at"), null=True)
    updated_at: Any = models.DateTimeField(_("changed at"))
    error: Any = models.CharField(_("last error"), max_length=100, null=True)

    class Meta(_Row.Meta):
        db_table = "gateway_intents"
        verbose_name = _("request")
        verbose_name_plural = _("requests to providers")

    def __str__(self) -> str:
        return f"{self.get_operation_display()} {self.key}"  # type: ignore[attr-defined]  # made by Django

    @property
    def money(self) -> Money | None:
        """The amount."""
        return self._money(self.amount)

    @property
    def is_open(self) -> bool:
        """Whether it has no outcome."""
        return self.state in ("new", "sending", "unknown")


class Invoice(_Row):
    """What exists at a provider, and what the shop was told of it."""

    # Unique with the account: `gateway_django.admin` looks for both.
    invoice_id: Any = models.CharField(_("invoice"), max_length=255, primary_key=True)
    account: Any = models.CharField(_("account"), max_length=100)
    order_id: Any = models.CharField(_("order"), max_length=255)
    attempt: Any = models.IntegerField(_("attempt"))
    amount: Any = models.CharField(max_length=70)
    currency: Any = models.CharField(_("currency"), max_length=40)
    network: Any = models.CharField(max_length=40, null=True)
    exponent: Any = models.IntegerField()
    status: Any = models.CharField(_("status"), max_length=32, choices=_STATUSES)
    received: Any = models.CharField(max_length=70, null=True)
    refunded: Any = models.CharField(max_length=70, null=True)
    disputed: Any = models.CharField(max_length=70, null=True)
    expires_at: Any = models.DateTimeField(_("payable until"), null=True)
    recorded_at: Any = models.DateTimeField(_("made at"))
    check_at: Any = models.DateTimeField(_("asked about next"), null=True)

    class Meta(_Row.Meta):
        db_table = "gateway_invoices"
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")

    def __str__(self) -> str:
        return f"{self.order_id}, {self.attempt}" if self.attempt > 1 else str(self.order_id)

    @property
    def money(self) -> Money | None:
        """The amount asked for."""
        return self._money(self.amount)

    @property
    def money_received(self) -> Money | None:
        """The amount that came."""
        return self._money(self.received)

    @property
    def money_refunded(self) -> Money | None:
        """The amount that went back."""
        return self._money(self.refunded)

    @property
    def money_disputed(self) -> Money | None:
        """The amount that the payer disputes."""
        return self._money(self.disputed)


class Delivery(_Row):
    """What a provider told, by a webhook or asked, each event once."""

    id: Any = models.BigIntegerField(primary_key=True)
    account: Any = models.CharField(_("account"), max_length=100)
    event_id: Any = models.CharField(_("event"), max_length=255)
    kind: Any = models.CharField(_("kind"), max_length=255)
    invoice_id: Any = models.CharField(_("invoice"), max_length=255, null=True)
    order_id: Any = models.CharField(_("order"), max_length=255, null=True)
    attempt: Any = models.IntegerField(_("attempt"), null=True)
    state: Any = models.CharField(_("state"), max_length=16, choices=list(_EVENT_STATES.items()))
    status_before: Any = models.CharField(_("before"), max_length=32, null=True, choices=_STATUSES)
    status_after: Any = models.CharField(_("after"), max_length=32, null=True, choices=_STATUSES)
    review: Any = models.CharField(
        _("why"), max_length=32, null=True, choices=[(each.value, each.value.capitalize()) for each in Review]
    )
    facts: Any = _Kept(_("facts"))
    times: Any = models.IntegerField(_("came"))
    occurred_at: Any = models.DateTimeField(_("happened at"), null=True)
    received_at: Any = models.DateTimeField(_("first came at"))
    done_at: Any = models.DateTimeField(_("handled at"), null=True)

    class Meta(_Row.Meta):
        db_table = "gateway_events"
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class CaseManager(JournalManager):
    """Reads the cases that need a look."""

    def get_queryset(self) -> models.QuerySet[Any]:
        """Return those that nobody has looked at yet."""
        return super().get_queryset().filter(state="review")


class Case(Delivery):
    """A genuine delivery that has no effect until somebody has looked at it."""

    objects = CaseManager()

    class Meta:
        proxy = True
        default_permissions = ("view",)
        verbose_name = _("case that needs a look")
        verbose_name_plural = _("cases that need a look")
