"""The addresses of the shop."""

from bookshop_app import views
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("payments/", include("gateway_django.urls")),
    path("fails/<str:how>", views.fail),
    path("fails-in-async/<str:how>", views.fail_in_async),
]
