"""The journal's tables as models, to look at: what is written there, the journal alone writes.

`docs/reference/journal.md` explains each column; those that hold what only a provider understands are left out. There
is no migration: `gateway_django._database.upgrade` makes the tables, and `makemigrations` need not know them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NoReturn

from django.db import NotSupportedError, models
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
    "sending": _("Being sent"),
    "unknown": _("Outcome unknown"),
    "done": _("Done"),
    "failed": _("Not carried out"),
}
_EVENT_STATES = {
    "open": _("Not handled yet"),
    "kept": _("Invoice not known yet"),
    "review": _("Needs a look"),
    "done": _("Handled"),
    "ignored": _("Nothing new"),
}
_STATUSES = {status.value: status.value.replace("_", " ").capitalize() for status in InvoiceStatus}
_REVIEWS = {review.value: review.value.capitalize() for review in Review}


def _text(label: Any = None, *, choices: dict[str, Any] | None = None, null: bool = False) -> Any:
    """Return a column of text. Its length is the journal's business."""
    return models.CharField(label, max_length=300, null=null, choices=choices and list(choices.items()))


def _moment(label: Any, *, null: bool = False) -> Any:
    return models.DateTimeField(label, null=null)


class _Json(models.JSONField):
    """JSON, which the driver of PostgreSQL has read already."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return super().from_db_value(value, expression, connection) if isinstance(value, str) else value


class JournalQuerySet(models.QuerySet[Any]):
    """Rows that nobody but the journal writes."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise NotSupportedError("only the journal writes its tables")

    create = get_or_create = update_or_create = bulk_create = update = bulk_update = delete = _refuse


class JournalManager(models.Manager.from_queryset(JournalQuerySet)):  # type: ignore[misc]  # made while it runs
    """Reads from the database that holds the journal; where that is none of Django's, there is nothing to read."""

    def get_queryset(self) -> JournalQuerySet:
        """Return all rows.

        Raises:
            ConfigurationError: If the settings are wrong.
        """
        rows: JournalQuerySet = super().get_queryset()
        alias = _gateways.shared_database()
        return rows.none() if alias is None else rows.using(alias)

    def using(self, alias: str | None) -> JournalQuerySet:
        """Return nothing: `dumpdata` asks so, and nobody could load what it would take along."""
        return super().get_queryset().none()  # type: ignore[no-any-return]  # as above


class _Row(models.Model):
    """A row, which is read only."""

    objects = JournalManager()

    class Meta:
        abstract = True
        managed = False
        default_permissions = ("view",)
        base_manager_name = "objects"

    def save(self, *_: Any, **__: Any) -> None:
        """Refuse it.

        Raises:
            NotSupportedError: Always.
        """
        raise NotSupportedError("only the journal writes its tables")

    def delete(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse it.

        Raises:
            NotSupportedError: Always.
        """
        raise NotSupportedError("only the journal writes its tables")

    def _money(self, amount: str | None) -> Money | None:
        row: Any = self
        if amount is None or row.currency is None:
            return None
        return Money(Decimal(amount), Currency(row.currency, row.exponent or 0, row.network))


class Invoice(_Row):
    """An invoice at a provider, and what the shop was told of it."""

    # Unique with the account: `gateway_django.admin` asks for both.
    invoice_id: Any = models.CharField(_("invoice"), max_length=255, primary_key=True)
    account: Any = _text(_("account"))
    order_id: Any = _text(_("order"))
    attempt: Any = models.IntegerField(_("attempt"))
    amount: Any = _text()
    currency: Any = _text(_("currency"))
    network: Any = _text(null=True)
    exponent: Any = models.IntegerField()
    status: Any = _text(_("status"), choices=_STATUSES)
    received: Any = _text(null=True)
    refunded: Any = _text(null=True)
    disputed: Any = _text(null=True)
    expires_at: Any = _moment(_("payable until"), null=True)
    recorded_at: Any = _moment(_("made at"))
    check_at: Any = _moment(_("next question about it"), null=True)

    class Meta(_Row.Meta):
        db_table = "gateway_invoices"
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")

    def __str__(self) -> str:
        return f"{self.order_id}, attempt {self.attempt}" if self.attempt > 1 else str(self.order_id)

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
        """The amount that the payer's bank disputes."""
        return self._money(self.disputed)


class Delivery(_Row):
    """What a provider told, by a webhook or when it was asked: each event once, however often it came."""

    id: Any = models.BigIntegerField(primary_key=True)
    account: Any = _text(_("account"))
    event_id: Any = _text(_("event"))
    kind: Any = _text(_("kind"))
    invoice_id: Any = _text(_("invoice"), null=True)
    order_id: Any = _text(_("order"), null=True)
    attempt: Any = models.IntegerField(_("attempt"), null=True)
    state: Any = _text(_("state"), choices=_EVENT_STATES)
    status_before: Any = _text(_("status before"), choices=_STATUSES, null=True)
    status_after: Any = _text(_("status after"), choices=_STATUSES, null=True)
    review: Any = _text(_("why it needs a look"), choices=_REVIEWS, null=True)
    facts: Any = _Json(_("facts"))
    times: Any = models.IntegerField(_("times"))
    occurred_at: Any = _moment(_("happened at"), null=True)
    received_at: Any = _moment(_("first came at"))
    done_at: Any = _moment(_("handled at"), null=True)

    class Meta(_Row.Meta):
        db_table = "gateway_events"
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return f"{self.kind}: {self.event_id}"


class Intent(_Row):
    """What the shop asked a provider to do, once each."""

    id: Any = models.BigIntegerField(primary_key=True)
    account: Any = _text(_("account"))
    operation: Any = _text(_("operation"), choices=_OPERATIONS)
    key: Any = _text(_("key"))
    order_id: Any = _text(_("order"), null=True)
    attempt: Any = models.IntegerField(_("attempt"), null=True)
    invoice_id: Any = _text(_("invoice"), null=True)
    amount: Any = _text(null=True)
    currency: Any = _text(_("currency"), null=True)
    network: Any = _text(null=True)
    exponent: Any = models.IntegerField(null=True)
    state: Any = _text(_("state"), choices=_INTENT_STATES)
    requested_at: Any = _moment(_("asked for at"))
    sent_at: Any = _moment(_("sent at"), null=True)
    updated_at: Any = _moment(_("last written at"))
    error: Any = _text(_("last error"), null=True)

    class Meta(_Row.Meta):
        db_table = "gateway_intents"
        verbose_name = _("request to a provider")
        verbose_name_plural = _("requests to providers")

    def __str__(self) -> str:
        return f"{self.get_operation_display()} {self.key}"  # type: ignore[attr-defined]  # Django makes it

    @property
    def money(self) -> Money | None:
        """The amount."""
        return self._money(self.amount)
