"""The shop's pages for those who work in it; those of its invoices come with `gateway_django`."""

from django.contrib import admin

from examples.django_shop.models import Book, Line, Order


class _Lines(admin.TabularInline):  # type: ignore[type-arg]  # at run time it takes no argument
    model = Line
    extra = 0


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """What is on the shelf."""

    list_display = ("title", "author", "price", "stock")
    search_fields = ("title", "author")


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # as above
    """What was ordered."""

    list_display = ("id", "email", "amount", "placed_at", "paid_at", "refunded_at")
    search_fields = ("id", "email")
    inlines = (_Lines,)
