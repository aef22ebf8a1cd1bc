"""Pages of the admin for invoices, deliveries and requests: they show the journal, and change nothing."""

from __future__ import annotations

import logging
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.utils import display_for_value, quote
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from gateway_core.errors import ConfigurationError
from gateway_django import _gateways
from gateway_django.models import Delivery, Intent, Invoice

_log = logging.getLogger("gateway_django")

#: The color of what is well, needs somebody, or failed; all else has none.
_COLORS = {
    **dict.fromkeys(("paid", "overpaid", "done", "authorized"), "good"),
    **dict.fromkeys(("partially_paid", "review", "unknown", "open", "kept"), "warn"),
    **dict.fromkeys(("failed",), "bad"),
}


#: The most requests and deliveries on an invoice's page.
_LONGEST = 100


def _badge(value: str | None, label: str) -> str:
    if value is None:
        return "-"
    return format_html('<span class="gateway-badge {}">{}</span>', _COLORS.get(value, ""), label)


def _amount(name: str, label: Any) -> Any:
    """Return what shows an amount."""

    @admin.display(description=label)
    def show(_: object, row: Any) -> str:
        amount = getattr(row, name)
        return "-" if amount is None else str(amount)

    return show


def _list_of(model: type[Any], **filters: Any) -> str:
    meta = model._meta  # noqa: SLF001  # Django's documented API
    address = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}"


def _page_of(row: Any) -> str:
    return reverse(f"admin:gateway_django_{row._meta.model_name}_change", args=[row.pk])  # noqa: SLF001  # as above


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # at run time it takes no argument
    """A page that changes nothing. It is not there where the journal is in none of Django's databases."""

    actions = None
    show_full_result_count = False  # it would count all rows each time
    list_per_page = 50

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("gateway_django/admin.css",)}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_there() and bool(super().has_module_permission(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_there() and bool(super().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("order"), ordering="order_id")
    def order(self, row: Any) -> str:
        """Link to all that was told of an order."""
        if row.order_id is None:
            return "-"
        return format_html('<a href="{}">{}</a>', _list_of(Delivery, q=row.order_id), row.order_id)

    money = _amount("money", _("amount"))

    @admin.display(description=_("state"), ordering="state")
    def state_badge(self, row: Any) -> str:
        """Show a state in its color."""
        return _badge(row.state, row.get_state_display())


def _is_there() -> bool:
    try:
        return _gateways.shared_database() is not None
    except ConfigurationError as error:
        _log.error("the admin shows no payments: %s", error)
        return False


class _ByAccount(ChangeList):
    """A list whose rows are known by their account, too."""

    def url_for_result(self, result: Any) -> str:
        known_by = quote(f"{result.account}:{result.invoice_id}")
        return reverse("admin:gateway_django_invoice_change", args=[known_by])


@admin.register(Invoice)
class InvoiceAdmin(_ReadOnly):
    """What exists at the providers."""

    list_display = ("order_id", "status_badge", "money", "money_received", "account", "recorded_at", "invoice_id")
    list_filter = ("status", "account", "currency")
    search_fields = ("order_id__startswith", "invoice_id__startswith")
    search_help_text = _("The beginning of an order's or an invoice's id")
    date_hierarchy = "recorded_at"
    ordering = ("-recorded_at", "invoice_id")
    fieldsets = (
        (None, {"fields": ("invoice_id", "account", "order", "attempt", "status_badge")}),
        (_("Money"), {"fields": ("money", "money_received", "money_refunded", "money_disputed")}),
        (_("Time"), {"fields": ("recorded_at", "expires_at", "check_at")}),
        (_("What happened"), {"fields": ("story",)}),
    )

    def get_changelist(self, request: HttpRequest, **_: Any) -> type[ChangeList]:
        return _ByAccount

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        account, _, invoice_id = object_id.partition(":")
        return self.get_queryset(request).filter(account=account, invoice_id=invoice_id).first()

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, row: Any) -> str:
        """Show a status in its color."""
        return _badge(row.status, row.get_status_display())

    money_received = _amount("money_received", _("received"))
    money_refunded = _amount("money_refunded", _("refunded"))
    money_disputed = _amount("money_disputed", _("disputed"))

    @admin.display(description=_("requests and deliveries"))
    def story(self, row: Any) -> str:
        """List what was asked for and what was told, in the order of time."""
        about = {"account": row.account, "invoice_id": row.invoice_id}
        asked = Intent.objects.filter(**about).order_by("requested_at")[:_LONGEST]
        told = Delivery.objects.filter(**about).order_by("received_at")[:_LONGEST]
        entries = [
            *((each.requested_at, each, each.get_operation_display(), each.get_state_display()) for each in asked),
            *((each.received_at, each, each.kind, _told(each)) for each in told),
        ]
        return format_html(
            '<ul class="gateway-story">{}</ul>',
            format_html_join(
                "",
                '<li><time>{}</time> <a href="{}">{}</a> <span>{}</span></li>',
                (
                    (display_for_value(moment, "-"), _page_of(each), what, outcome)
                    for moment, each, what, outcome in sorted(entries, key=lambda entry: entry[0])
                ),
            ),
        )


def _told(row: Any) -> str:
    if row.state != "done" or row.status_after is None:
        return str(row.get_review_display() or row.get_state_display())
    if row.status_before in (None, row.status_after):
        return str(row.get_status_after_display())
    return f"{row.get_status_before_display()} → {row.get_status_after_display()}"


@admin.register(Delivery)
class DeliveryAdmin(_ReadOnly):
    """What the providers told."""

    list_display = ("received_at", "kind", "order", "move", "state_badge", "review", "times", "account")
    list_filter = ("state", "review", "account")
    search_fields = ("order_id__startswith", "invoice_id__startswith", "event_id__startswith")
    search_help_text = _("The beginning of an order's, an invoice's or an event's id")
    date_hierarchy = "received_at"
    ordering = ("-received_at", "-id")
    fieldsets = (
        (None, {"fields": ("kind", "event_id", "account", "state_badge", "review", "times")}),
        (_("About"), {"fields": ("order", "attempt", "invoice", "move")}),
        (_("What it said"), {"fields": ("said",)}),
        (_("Time"), {"fields": ("occurred_at", "received_at", "done_at")}),
    )

    @admin.display(description=_("move"))
    def move(self, row: Any) -> str:
        """Show what it made of the invoice."""
        return _told(row) if row.state == "done" and row.status_after else "-"

    @admin.display(description=_("invoice"))
    def invoice(self, row: Any) -> str:
        """Link to the invoice."""
        if row.invoice_id is None:
            return "-"
        address = reverse("admin:gateway_django_invoice_change", args=[quote(f"{row.account}:{row.invoice_id}")])
        return format_html('<a href="{}">{}</a>', address, row.invoice_id)

    @admin.display(description=_("facts"))
    def said(self, row: Any) -> str:
        """List the facts; what a later request needs, and what only the provider understands, is left out."""
        facts = row.facts or {}
        found = [*_facts(_("invoice"), facts.get("report")), *_facts(_("refund"), facts.get("refund"))]
        if not found:
            return "-"
        rows = format_html_join("", "<dt>{}</dt><dd>{}</dd>", found)
        return format_html('<dl class="gateway-facts">{}</dl>', rows)


#: What is shown of a report or a refund.
_SHOWN = ("status", "amount", "expected", "received", "refunded", "disputed", "provider_status", "reason")


def _facts(what: Any, kept: dict[str, Any] | None) -> list[tuple[str, str]]:
    found = [(name, (kept or {}).get(name)) for name in _SHOWN]
    return [
        (f"{what}: {name.replace('_', ' ')}", f"{value[0]} {value[1]}" if isinstance(value, list) else str(value))
        for name, value in found
        if value is not None
    ]


@admin.register(Intent)
class IntentAdmin(_ReadOnly):
    """What the shop asked for."""

    list_display = ("requested_at", "operation", "order", "money", "state_badge", "error", "account")
    list_filter = ("state", "operation", "account")
    search_fields = ("order_id__startswith", "invoice_id__startswith", "key__startswith")
    search_help_text = _("The beginning of an order's or an invoice's id, or of a key")
    date_hierarchy = "requested_at"
    ordering = ("-requested_at", "-id")
    fieldsets = (
        (None, {"fields": ("operation", "key", "account", "state_badge", "error")}),
        (_("About"), {"fields": ("order", "attempt", "invoice_id", "money")}),
        (_("Time"), {"fields": ("requested_at", "sent_at", "updated_at")}),
    )
