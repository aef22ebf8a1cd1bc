"""Django's settings. `GATEWAY_CONFIG` is the one that payments need; the journal is in the shop's own database."""

import os
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

HERE = Path(__file__).parent

DEBUG = True
SECRET_KEY = "an example's: a shop has a key of its own"  # noqa: S105  # of an example
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "gateway_django",
    "examples.django_shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "examples.django_shop.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATICFILES_DIRS = [HERE.parent / "bookshop" / "static"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"

GATEWAY_CONFIG = os.environ.get("GATEWAY_CONFIG", HERE.parent / "gateway.toml")

_place = make_url(os.environ.setdefault("SHOP_DATABASE", "sqlite:///shop.db"))
_database: dict[str, Any] = {"ENGINE": "django.db.backends.sqlite3", "NAME": _place.database}
if _place.get_backend_name() == "sqlite":
    # A transaction takes its turn to write at its begin, not when it is half done.
    _database["OPTIONS"] = {"timeout": 30, "transaction_mode": "IMMEDIATE"}
else:
    _database["ENGINE"] = "django.db.backends.postgresql"
    _database |= {"USER": _place.username, "PASSWORD": _place.password}
    _database |= {"HOST": _place.query.get("host", _place.host), "PORT": _place.port}
DATABASES = {"default": _database}
