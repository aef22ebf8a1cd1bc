"""The gateways of a process, and where their journal is, by Django's settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client, override_settings

import gateway_django
from gateway_core.errors import ConfigurationError
from gateway_core.journal import Journal
from gateway_django import _database, _gateways
from gateway_django._database import journal_alias, journal_url, url_of

ACCOUNT = {
    "backend": "sandbox",
    "base_url": "http://127.0.0.1:4010",
    "api_key": "sk_sandbox_demo",
    "webhook_secret": "whsec_c2FuZGJveC1kZW1vLXNlY3JldA==",
}


def accounts(**more: Any) -> dict[str, Any]:
    """Return a setting GATEWAY with two accounts."""
    return {"default": "eu", "gateways": {"eu": ACCOUNT, "us": ACCOUNT}, **more}


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    gateway_django.close()


def test_gateway_is_made_once() -> None:
    """Every part of a process shares the connections and the limits of one gateway."""
    with override_settings(GATEWAY=accounts()):
        assert gateway_django.gateway() is gateway_django.gateway()
        assert gateway_django.gateway("eu") is gateway_django.gateway()
        assert gateway_django.gateway("us") is not gateway_django.gateway()
        assert gateway_django.gateways().names == ("eu", "us")
        with pytest.raises(ConfigurationError, match="there is no account asia"):
            gateway_django.gateway("asia")


def test_settings_that_change_make_another_gateway() -> None:
    """A test that overrides settings finds them at once."""
    before = gateway_django.gateway()

    with override_settings(GATEWAY=accounts()):
        assert gateway_django.gateway() is not before
        assert gateway_django.gateways().names == ("eu", "us")


def test_run_of_tests_leaves_the_database_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Django gives it another name before the tests; gateways that were opened earlier would write the shop's own."""
    before = gateway_django.gateway()

    monkeypatch.setitem(connections["default"].settings_dict, "NAME", str(tmp_path / "test_shop.db"))

    assert gateway_django.gateway() is not before
    assert gateway_django.gateway() is gateway_django.gateway()


def test_settings_may_be_a_file(tmp_path: Path) -> None:
    """``GATEWAY_CONFIG`` names a gateway.toml."""
    path = tmp_path / "gateway.toml"
    lines = [f'{key} = "{value}"' for key, value in ACCOUNT.items()]
    path.write_text("\n".join(['default = "shop"', "[gateways.shop]", *lines]))

    with override_settings(GATEWAY=None, GATEWAY_CONFIG=path):
        assert gateway_django.gateways().names == ("shop",)


@pytest.mark.parametrize(
    "changed,told",
    [
        ({"GATEWAY": None}, "there is no account: write GATEWAY"),
        ({"GATEWAY_CONFIG": "gateway.toml"}, "both there"),
        ({"GATEWAY": "gateway.toml"}, "GATEWAY is a mapping, not a str"),
        ({"GATEWAY": None, "GATEWAY_CONFIG": 7}, "GATEWAY_CONFIG is a path, not a int"),
        ({"GATEWAY_DATABASE": "nowhere"}, "GATEWAY_DATABASE names nowhere"),
    ],
)
def test_settings_that_are_wrong_are_told(changed: dict[str, Any], told: str) -> None:
    """The error names the setting, and what to do."""
    with override_settings(**changed), pytest.raises(ConfigurationError, match=told):
        gateway_django.gateway()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_worker_makes_a_gateway_of_its_own() -> None:
    """A server may have used the gateway before it forks, even be at opening it."""
    before = gateway_django.gateway()
    reading, writing = os.pipe()
    with _gateways._lock:
        child = os.fork()
    if child == 0:
        own = gateway_django.gateway() is not before
        os.write(writing, b"own" if own else b"shared")
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reading, 10) == b"own"
    assert gateway_django.gateway() is before


def test_account_that_nobody_has_is_not_there() -> None:
    """A webhook finds its account by the path."""
    with override_settings(GATEWAY=accounts()):
        assert [Client().get(f"/payments/webhooks/{name}").status_code for name in ("us/", "us/secret", "asia/")] == [
            200,
            200,
            404,
        ]


def test_settings_that_are_wrong_answer_500_without_a_hint() -> None:
    """What is wrong is in the log."""
    with override_settings(GATEWAY={"gateways": {"eu": {**ACCOUNT, "api_kye": "x"}}, "default": "eu"}):
        answer = Client().post("/payments/webhooks/", data=b"{}", content_type="application/json")

    assert (answer.status_code, answer.content) == (500, b"")


def test_journal_is_in_the_default_database() -> None:
    """Without a word about it, the journal is where the orders are."""
    assert journal_alias() == "default"
    assert journal_url() == f"sqlite:///{settings.DATABASES['default']['NAME']}"


def test_journal_may_be_in_another_database() -> None:
    """The setting names it; or the accounts do, by its URL."""
    with override_settings(GATEWAY_DATABASE="other"):
        assert journal_alias() == "other"
    other = settings.DATABASES["other"]["NAME"]
    with override_settings(GATEWAY=accounts(journal=f"sqlite:///{other}")):
        assert (journal_alias(), journal_url()) == ("other", None)


def test_journal_may_be_none_of_djangos(tmp_path: Path) -> None:
    """Then receivers and journal share no transaction, and Django cannot show it."""
    with override_settings(GATEWAY=accounts(journal=f"sqlite:///{tmp_path}/gateway.db")):
        assert (journal_alias(), journal_url()) == (None, None)


def test_each_account_may_have_a_journal_of_its_own(tmp_path: Path) -> None:
    """Then there is none that Django could show."""
    own = {"eu": {**ACCOUNT, "journal": f"sqlite:///{tmp_path}/eu.db"}, "us": ACCOUNT}
    both = {**own, "us": {**ACCOUNT, "journal": f"sqlite:///{tmp_path}/us.db"}}

    with override_settings(GATEWAY={"default": "eu", "gateways": both}):
        assert (journal_alias(), journal_url()) == (None, None)


def test_journal_of_a_test_run_in_memory_is_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two connections to Django's database in memory would lock each other out."""
    monkeypatch.setitem(connections["other"].settings_dict, "NAME", "file:memorydb_other?mode=memory&cache=shared")

    with override_settings(GATEWAY_DATABASE="other"):
        assert (journal_alias(), journal_url()) == (None, "sqlite://")


def test_url_of_postgresql_has_what_django_connects_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """User, password, port and the client's options are those of DATABASES."""
    shop = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "me",
        "PASSWORD": "p@ss/word",
        "HOST": "db.example",
        "PORT": "5433",
        "OPTIONS": {"sslmode": "require", "pool": True, "isolation_level": 2, "assume_role": "other"},
    }
    monkeypatch.setattr(connections, "settings", connections.configure_settings({**settings.DATABASES, "shop": shop}))

    url = url_of("shop")

    assert url.render_as_string() == "postgresql+psycopg://me:***@db.example:5433/shop?sslmode=require"
    assert url.password == "p@ss/word"


def test_migrate_makes_the_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` ends with the journal's tables, in the database that holds it and in no other."""
    monkeypatch.setitem(connections["other"].settings_dict, "NAME", str(tmp_path / "other.db"))
    connections["other"].close()
    with override_settings(GATEWAY_DATABASE="other"):
        _database.upgrade(using="default")
        assert "gateway_intents" not in connections["other"].introspection.table_names()
        _database.upgrade(using="other")
        _database.upgrade(using="other")
        assert "gateway_intents" in connections["other"].introspection.table_names()
    connections["other"].close()
    with Journal(f"sqlite:///{tmp_path / 'other.db'}") as journal:
        journal.upgrade()
