"""The addresses of the shop."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from examples.django_shop import views

urlpatterns = [
    path("", include("gateway_django.urls")),  # /webhooks
    path("", views.shop, name="shop"),
    path("cart", views.cart, name="cart"),
    path("checkout", views.check_out, name="checkout"),
    path("orders", views.order, name="orders"),
    path("orders/<slug:order_id>", views.show_order, name="order"),
    path("orders/<slug:order_id>/pay", views.pay, name="pay"),
    path("admin/", admin.site.urls),
    path("favicon.ico", RedirectView.as_view(url="/static/icon.svg")),  # the admin's pages name none
]
