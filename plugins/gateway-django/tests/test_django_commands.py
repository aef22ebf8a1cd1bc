"""``manage.py gateway``: all commands, with the accounts and the journal of the settings."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import override_settings
from shopping import Shop

import gateway_django
from gateway_core.journal import Journal
from gateway_django import _database, signals
from gateway_django._database import url_of

MANAGE = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line

settings.configure(
    SECRET_KEY="made up",
    INSTALLED_APPS=["gateway_django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}},
    GATEWAY={"default": "eu", "gateways": {"eu": {"backend": "sandbox", "base_url": "http://127.0.0.1:1",
             "api_key": "sk_sandbox_demo", "webhook_secret": "whsec_c2FuZGJveC1kZW1vLXNlY3JldA=="}}},
)
execute_from_command_line(sys.argv)
"""


def run(*arguments: str) -> str:
    """Run a command as a program would, and return what it wrote."""
    told = io.StringIO()
    call_command("gateway", *arguments, stdout=told)
    return told.getvalue()


@pytest.fixture
def manage(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `manage.py` of a project."""
    (tmp_path / "manage.py").write_text(MANAGE)

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        environment = {**os.environ, "COLUMNS": "120"}
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

    return call


def test_manage_py_has_the_command(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Its help, its exit codes and its output are those of `gateway`."""
    assert manage("migrate", "--verbosity=0", "--skip-checks").returncode == 0

    asked = manage("gateway", "--help")
    journal = manage("gateway", "journal", "list", "--json")
    wrong = manage("gateway", "reconcile")

    assert (asked.returncode, "Usage: manage.py gateway" in asked.stdout, "watch" in asked.stdout) == (0, True, True)
    assert (journal.returncode, json.loads(journal.stdout)) == (0, {"intents": [], "events": []})
    assert (wrong.returncode, "Missing option '--since'" in wrong.stderr) == (2, True)
    assert "Traceback" not in wrong.stderr


def test_help_of_a_command_speaks_of_no_file(manage: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """The accounts are in the settings."""
    told = manage("gateway", "reconcile", "--help").stdout

    assert "Usage: manage.py gateway reconcile" in told
    assert "--config" not in told


def test_journal_is_that_of_the_settings(tables: str) -> None:
    """The commands look into Django's database, whichever it is, though the accounts name no journal."""
    with override_settings(GATEWAY_DATABASE=tables):
        with Journal(url_of(tables).render_as_string(hide_password=False)) as journal:
            journal.upgrade()

        assert json.loads(run("journal", "show", "order-7", "--json")) == {"intents": [], "invoices": [], "events": []}
        assert "CREATE TABLE gateway_intents" in run("journal", "upgrade", "--sql")
        run("journal", "upgrade")


def test_accounts_may_be_a_file(tmp_path: Path) -> None:
    """As they may be in the settings."""
    account = settings.GATEWAY["gateways"]["sandbox"]
    path = tmp_path / "gateway.toml"
    lines = ['default = "shop"', "[gateways.shop]", *(f'{key} = "{value}"' for key, value in account.items())]
    path.write_text("\n".join(lines))

    with override_settings(GATEWAY=None, GATEWAY_CONFIG=path):
        config = _database.config_with_journal()
        assert isinstance(config, Mapping)
        assert config["journal"] == _database.journal_url()
        assert json.loads(run("doctor", "shop", "--offline", "--json"))["findings"][0]["account"] == "shop"
    path.write_text(f'journal = "sqlite:///{tmp_path}/gateway.db"\n' + path.read_text())
    with override_settings(GATEWAY=None, GATEWAY_CONFIG=path):
        assert _database.config_with_journal() == path


def test_program_gets_an_error() -> None:
    """A task that calls a command finds its exit code, and goes on."""
    with pytest.raises(CommandError, match="gateway reconcile ended with exit code 2") as caught:
        run("reconcile", "--since", "yesterday")

    assert caught.value.returncode == 2


def test_settings_that_are_wrong_are_told_in_a_line() -> None:
    """Without a traceback, and by their name."""
    with override_settings(GATEWAY=None), pytest.raises(CommandError, match="write GATEWAY =") as caught:
        run("doctor")

    assert caught.value.returncode == 2


def test_watch_sends_the_signals(shop: Shop) -> None:
    """What no webhook has told has its effect all the same, once."""
    number = shop.check_out()
    shop.webhooks_of(number)
    shop.account.advance(minutes=2)

    run("watch", "--once")
    shop.account.advance(days=1)
    run("watch", "--once", "--account", "sandbox")

    assert shop.shipments(number) == 1
    assert shop.told == [("invoice_paid", number), ("webhook_event", number)]


def test_watch_goes_on_after_a_receiver_that_raises(
    shop: Shop, receiver: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The event comes again; with ``--once`` the exit code tells."""
    number = shop.check_out()
    shop.webhooks_of(number)
    shop.account.advance(minutes=2)
    faults = [RuntimeError("no paper")]

    def fail(**_: Any) -> None:
        if faults:
            raise faults.pop()

    receiver(signals.webhook_event, fail)

    with pytest.raises(CommandError, match="exit code 1"):
        run("watch", "--once")
    assert "comes again" in capsys.readouterr().err
    shop.account.advance(days=1)
    run("watch", "--once")

    assert shop.shipments(number) == 1


def test_watch_asks_again_and_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is stopped, it asks, and gives up connections that are too old."""
    number = shop.check_out()
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            shop.webhooks_of(number)
            shop.account.advance(minutes=2)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("gateway_django._watch.time.sleep", sleep)

    with pytest.raises(CommandError, match="exit code 1"):
        run("watch", "--every", "5")

    assert pauses == [5, 5]
    assert shop.shipments(number) == 1


def test_watch_tells_what_the_provider_did(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """A provider out of reach is one line, not a traceback."""
    shop.check_out()
    shop.account.advance(minutes=2)
    shop.account.fail_next(401)

    with pytest.raises(CommandError, match="exit code 1"):
        run("watch", "--once")

    told = capsys.readouterr().err
    assert "error:" in told
    assert "Traceback" not in told


@pytest.fixture(autouse=True)
def _closed() -> Any:
    yield
    gateway_django.close()
    connections.close_all()
