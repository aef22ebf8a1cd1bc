"""The addresses of the webhooks: ``path("payments/", include("gateway_django.urls"))``.

They are ``payments/webhooks/`` for the default account and ``payments/webhooks/<account>/`` for each by its name, with
or without the last slash, since a redirect would lose the body.
"""

from django.urls import path

from gateway_django.views import webhook

app_name = "gateway_django"

urlpatterns = [
    path("webhooks/", webhook, name="webhooks"),
    path("webhooks", webhook),
    path("webhooks/<path:path>/", webhook, name="webhook"),
    path("webhooks/<path:path>", webhook),
]
