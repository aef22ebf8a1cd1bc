"""The shop, as Django finds it."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Books, orders and parcels."""

    name = "examples.django_shop"
    verbose_name = "Marginalia"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to what happens to invoices."""
        from examples.django_shop import receivers  # noqa: F401  # its functions connect themselves
