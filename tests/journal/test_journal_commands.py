"""What an operator sees of the journal, and says about it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gateway_core import InvoiceStatus, StatusReport, WebhookEvent, errors
from gateway_core.cli._group import gateway as command
from gateway_core.journal import Intent, Journal, Open
from gateway_core.testing import AnswerLost, changing
from tests.journal.shops import Shop

Run = Callable[..., Result]


@pytest.fixture
def lost(make_shop: Callable[..., Shop]) -> Shop:
    """A shop whose provider has neither keys nor a search, and that lost an answer."""
    shop = make_shop("azothpay")
    shop.account.faults.script(AnswerLost(), where=changing)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())
    return shop


def only_intent(shop: Shop) -> Intent:
    """Return the one open intent."""
    assert shop.gateway.journal is not None
    (intent,) = shop.gateway.journal.open().intents
    return intent


def test_person_finds_the_invoice(lost: Shop) -> None:
    """With its id the intent is done, and the order has its invoice."""
    number = only_intent(lost).id
    found = lost.gateway.resolve_intent(number, invoice_id="1")

    assert (found.state, found.invoice_id) == ("done", "1")
    assert lost.gateway.create_invoice(lost.order()).id == "1"


def test_person_says_that_nothing_was_made(lost: Shop) -> None:
    """Then the order may be asked for again."""
    assert lost.gateway.journal is not None
    lost.gateway.journal.absent(only_intent(lost).id)

    assert lost.gateway.create_invoice(lost.order()).id == "2"


def test_nothing_can_be_found_out(lost: Shop) -> None:
    """Where nobody can search, it stays open, and can be looked at again at once."""
    for _ in range(2):
        with pytest.raises(errors.OutcomeUnknownError):
            lost.gateway.resolve_intent(only_intent(lost).id)

    with pytest.raises(errors.InvalidRequestError, match="no open intent"):
        lost.gateway.resolve_intent(77)


def test_search_finds_the_invoice(make_shop: Callable[..., Shop]) -> None:
    """An intent whose worker died is looked up without the order's content."""
    shop = make_shop("bitsby")
    shop.account.faults.script(AnswerLost(), times=2)
    with pytest.raises(errors.OutcomeUnknownError):
        shop.gateway.create_invoice(shop.order())

    found = shop.gateway.resolve_intent(only_intent(shop).id)

    assert found.state == "done"
    assert shop.gateway.create_invoice(shop.order()).id == found.invoice_id


def test_old_rows_are_removed(shop: Shop) -> None:
    """What has ended goes after 400 days, and what is open stays."""
    assert shop.gateway.journal is not None
    shop.account.pay(shop.gateway.create_invoice(shop.order()).id)
    shop.deliver()
    shop.gateway.create_invoice(shop.order("open"))
    shop.account.advance(days=399)
    early = shop.gateway.journal.prune()
    shop.account.advance(days=2)
    late = shop.gateway.journal.prune()

    assert (early, late > 0) == (0, True)
    assert [row["status"] for row in shop.gateway.journal.order("open")["invoices"]] == ["pending"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command beside a configuration with a journal."""
    monkeypatch.chdir(tmp_path)
    settings = {
        "api_key": "sk_sandbox_demo_of_these_tests",
        "webhook_secret": "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }
    lines = ['default = "a"', 'journal = "sqlite:///g.db"', "[gateways.a]", 'backend = "sandbox"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in {**settings, "base_url": "http://127.0.0.1:9"}.items()]
    Path("gateway.toml").write_text("\n".join(lines), encoding="utf-8")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(command, ["journal", *arguments])

    return invoke


def told_of_nobody(state: datetime) -> int:
    """Let an event of an unknown invoice come, long ago, and return its number."""
    from gateway_core import Gateway

    with Journal("sqlite:///g.db", clock=lambda: state) as journal, Gateway.open(journal=journal) as gateway:
        assert gateway._recorder is not None
        report = StatusReport(invoice_id="inv_9", status=InvoiceStatus.PAID)
        event = WebhookEvent(id="e", kind="paid", invoice_id="inv_9", report=report)
        gateway._recorder.inbox.claim((event,), timedelta(0))
        assert gateway.journal is not None
        opened: Open = gateway.journal.open()
        return int(opened.events[0]["id"])


def test_list_and_resolve(run: Run) -> None:
    """What is open is listed, with an exit code that a monitor sees, until somebody says that it was looked at."""
    nothing = run("list")
    number = told_of_nobody(datetime.now(UTC) - timedelta(hours=1))
    listed, as_json = run("list"), run("list", "--json")
    resolved = run("resolve", str(number), "--reviewed")

    assert (nothing.exit_code, listed.exit_code, resolved.exit_code, run("list").exit_code) == (0, 1, 0, 0)
    assert "inv_9" in listed.output
    written: dict[str, Any] = json.loads(as_json.stdout)
    assert written["events"][0]["invoice_id"] == "inv_9"


def test_other_commands(run: Run) -> None:
    """Each of them runs on an empty journal."""
    assert "CREATE TABLE gateway_intents" in run("upgrade", "--sql").output
    assert run("upgrade").exit_code == 0
    assert json.loads(run("show", "1042", "--json").stdout) == {"intents": [], "invoices": [], "events": []}
    assert json.loads(run("retry", "--json").stdout) == []
    assert json.loads(run("prune", "--json").stdout) == {"removed": 0}
    assert run("resolve", "1").exit_code == 2


def test_without_a_journal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands say what to write where."""
    path = Path("gateway.toml")
    path.write_text(path.read_text(encoding="utf-8").replace('journal = "sqlite:///g.db"', ""), encoding="utf-8")

    for arguments in (["list"], ["upgrade"]):
        assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["journal", "--help"], ["reconcile", "--help"], ["watch", "--help"]])
def test_help_without_the_extra(arguments: list[str]) -> None:
    """The commands describe themselves where SQLAlchemy is not installed."""
    program = "import sys; sys.modules['sqlalchemy'] = None; from gateway_core.cli import main; main()"
    ended = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, check=False, text=True)

    assert ended.returncode == 0, ended.stderr


def test_journal_without_the_extra() -> None:
    """Who asks for a journal learns what to install."""
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from gateway_core import Gateway\n"
        "Gateway.connect('sandbox', api_key='k' * 16, webhook_secret='k' * 32, journal='sqlite://')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True)

    assert "ConfigurationError: a journal needs its extra: pip install 'gateway-core[journal]'" in ended.stderr


def test_watch(run: Run) -> None:
    """It hands what is new to a function of the shop's own."""
    Path("shop_of_watch.py").write_text("def handle(event): print(event.order_id)\n", encoding="utf-8")
    run("upgrade")

    ended = CliRunner().invoke(command, ["watch", "shop_of_watch:handle", "--once"])
    wrong = CliRunner().invoke(command, ["watch", "shop_of_watch:missing", "--once"])

    assert (ended.exit_code, wrong.exit_code) == (0, 2)
