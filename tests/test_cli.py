"""The `gateway` command: what it writes where, and with which exit code it ends."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner, Result

from gateway_core import HttpRequest, HttpResponse, Money
from gateway_core._plugins import discovery
from gateway_core._plugins.discovery import Offer
from gateway_core._plugins.inspection import PluginReport
from gateway_core.cli import _group
from gateway_core.errors import NotSentError, OutcomeUnknownError
from gateway_core.provider import WebhookAuthentication
from gateway_core.testing import EmulatorTransport
from gateway_core.transport import Deadline
from gateway_core.transport._assembly import connect_through
from gateway_sandbox import Sandbox
from gateway_sandbox.emulator import SandboxEmulator

API_KEY = "sk_sandbox_canary-0123456789"
WEBHOOK_SECRET = "whsec_Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5"


@attrs.define
class Terminal:
    """Runs commands on one account, `shop`, whose provider is a sandbox in the same process."""

    provider: SandboxEmulator
    folder: Path
    webhooks: list[HttpRequest]

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "gateway.toml"

    def run(self, *arguments: str, code: int = 0) -> Result:
        """Run a command, and expect an exit code of it."""
        result = CliRunner(env={"GATEWAY_CONFIG": str(self.config)}).invoke(_group.gateway, arguments)
        assert result.exit_code == code, result.output
        return result

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with ``--json``, and return what it wrote to stdout."""
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def paid_invoice(self, order_id: str = "1042", amount: str = "49.90") -> dict[str, Any]:
        """Create an invoice, pay it on its page, and receive the webhook."""
        invoice: dict[str, Any] = self.json("create-invoice", order_id, amount, "EUR")
        self.provider.pay(invoice["payment_url"].rpartition("/")[2])
        self.provider.deliver(self._receive)
        return invoice

    def _receive(self, request: HttpRequest) -> int:
        self.webhooks.append(request)
        return 200


class Broken:
    """A transport that fails.

    Args:
        error: How.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Fail."""
        raise self.error

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Give a terminal with a configured account."""
    provider = SandboxEmulator(
        credentials={"api_key": API_KEY, "webhook_secret": WEBHOOK_SECRET},
        webhook_url="http://127.0.0.1:8000/webhooks",
    )
    monkeypatch.setattr(
        "gateway_core.transport._assembly.connect_account", lambda *_: connect_through(EmulatorTransport(provider))
    )
    monkeypatch.setattr("gateway_core.cli._doctor.inspect_all", tuple)  # takes a process for each plugin
    monkeypatch.setenv("SHOP_API_KEY", API_KEY)
    made = Terminal(provider, tmp_path, [])
    made.config.write_text(
        'default = "shop"\n[gateways.shop]\nbackend = "sandbox"\napi_key = "env://SHOP_API_KEY"\n'
        f'webhook_secret = "{WEBHOOK_SECRET}"\n',
        encoding="utf-8",
    )
    return made


def test_create_invoice_writes_its_attributes(terminal: Terminal) -> None:
    """JSON has the names of the attributes, and amounts as text."""
    invoice = terminal.json("create-invoice", "1042", "49.90", "EUR", "--description", "A book", "--metadata", "a=b")

    assert (invoice["order_id"], invoice["status"]) == ("1042", "pending")
    assert invoice["amount"] == {"amount": "49.90", "currency": "EUR"}
    assert {"id", "payment_url", "created_at", "expires_at", "raw"} <= set(invoice)


def test_people_read_lines(terminal: Terminal) -> None:
    """Without --json each attribute is a line of stdout, and stderr stays empty."""
    result = terminal.run("create-invoice", "1042", "49.90", "EUR")

    assert re.search(r"^amount +49\.90 EUR$", result.stdout, re.MULTILINE)
    assert re.search(r"^status +pending$", result.stdout, re.MULTILINE)
    assert result.stderr == ""


def test_get_status_follows_the_payment(terminal: Terminal) -> None:
    """A paid invoice is paid, and exactly."""
    invoice = terminal.paid_invoice()

    report = terminal.json("get-status", invoice["id"])

    assert (report["status"], report["verdict"]) == ("paid", "exact")
    assert report["received"] == {"amount": "49.90", "currency": "EUR"}


def test_find_invoice(terminal: Terminal) -> None:
    """An invoice is found by the shop's key."""
    invoice = terminal.json("create-invoice", "1042", "49.90", "EUR")

    assert terminal.json("find-invoice", "1042")["id"] == invoice["id"]


def test_find_invoice_that_is_not_there(terminal: Terminal) -> None:
    """None is null, with exit code 1."""
    result = terminal.run("find-invoice", "nobody", "--json", code=1)

    assert result.stdout == "null\n"
    assert "there is none" in result.stderr


def test_cancel_invoice(terminal: Terminal) -> None:
    """An open invoice is called off."""
    invoice = terminal.json("create-invoice", "1042", "49.90", "EUR")

    assert terminal.json("cancel-invoice", invoice["id"])["status"] == "canceled"


def test_refund_payment(terminal: Terminal) -> None:
    """Money goes back, under the shop's own key."""
    invoice = terminal.paid_invoice()

    refund = terminal.json("refund-payment", "r-7", invoice["id"], "10.00", "EUR", "--reason", "torn")

    assert (refund["refund_id"], refund["amount"]["amount"]) == ("r-7", "10.00")
    assert terminal.json("get-status", invoice["id"])["status"] == "partially_refunded"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_list_payments_as_json(terminal: Terminal, count: int) -> None:
    """A list is an array, an item a line."""
    for number in range(count):
        terminal.paid_invoice(str(number), f"{number + 1}.00")

    result = terminal.run("list-payments", "--json")

    assert [item["amount"]["amount"] for item in json.loads(result.stdout)] == [f"{n + 1}.00" for n in range(count)]
    assert len(result.stdout.splitlines()) == (count + 2 if count else 1)


def test_list_payments_as_csv(terminal: Terminal) -> None:
    """CSV has a column for each part of an amount."""
    invoice = terminal.paid_invoice()

    [row] = csv.DictReader(io.StringIO(terminal.run("list-payments", "--csv").stdout))

    assert (row["invoice_id"], row["amount"], row["currency"], row["status"]) == (
        invoice["id"],
        "49.90",
        "EUR",
        "confirmed",
    )


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1"])
def test_csv_disarms_formulas(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """What a payer writes is not run by the spreadsheet of whoever opens the file."""
    original = SandboxEmulator.new_payment

    def new_payment(self: SandboxEmulator, *arguments: Any) -> Any:
        return attrs.evolve(original(self, *arguments), reference=text)

    monkeypatch.setattr(SandboxEmulator, "new_payment", new_payment)
    terminal.paid_invoice()

    [row] = csv.DictReader(io.StringIO(terminal.run("list-payments", "--csv").stdout))

    assert row["reference"] == f"'{text}"


def test_list_payments_for_people(terminal: Terminal) -> None:
    """The table is on stdout, the count on stderr."""
    terminal.paid_invoice()

    result = terminal.run("list-payments")

    assert "49.90 EUR" in result.stdout
    assert "1 payments" in result.stderr


def test_list_payments_by_time(terminal: Terminal) -> None:
    """A date is midnight in UTC, and bounds the list."""
    terminal.paid_invoice()

    assert terminal.json("list-payments", "--until", "2020-01-01") == []
    assert len(terminal.json("list-payments", "--since", "2020-01-01T00:00:00+01:00", "--limit", "5")) == 1


def test_list_cannot_be_two_things(terminal: Terminal) -> None:
    """--csv and --json exclude each other."""
    terminal.run("list-payments", "--csv", "--json", code=2)


def _recorded(terminal: Terminal, body: bytes | None = None) -> list[str]:
    """Write the last webhook to files, and return the arguments that name them."""
    request = terminal.webhooks[-1]
    body_file, headers_file = terminal.folder / "body.json", terminal.folder / "headers.txt"
    body_file.write_bytes(request.body if body is None else body)
    headers_file.write_text("".join(f"{name}: {value}\n" for name, value in request.headers.pairs), encoding="utf-8")
    return ["verify-webhook", "--body", str(body_file), "--headers", str(headers_file)]


def test_verify_webhook(terminal: Terminal) -> None:
    """A genuine webhook is shown with what it tells."""
    invoice = terminal.paid_invoice()

    delivery = terminal.json(*_recorded(terminal))

    assert delivery["verified_by"] == "signature"
    assert [event["report"]["status"] for event in delivery["events"]] == ["paid"]
    assert delivery["events"][0]["invoice_id"] == invoice["id"]


def test_verify_webhook_for_people(terminal: Terminal) -> None:
    """People read what was received of what was expected."""
    terminal.paid_invoice()

    result = terminal.run(*_recorded(terminal))

    assert "received 49.90 EUR of 49.90 EUR" in result.stdout
    assert "genuine" in result.stderr


def test_verify_webhook_that_is_not_genuine(terminal: Terminal) -> None:
    """A changed body ends with exit code 4, and the reason is told to the operator."""
    terminal.paid_invoice()

    refused = terminal.json(*_recorded(terminal, terminal.webhooks[-1].body + b" "), code=4)

    assert (refused["error"]["type"], refused["error"]["reason"]) == ("WebhookError", "wrong signature")


def test_verify_webhook_of_another_time(terminal: Terminal) -> None:
    """--received-at judges a recorded message by its own time, and by no other."""
    terminal.paid_invoice()
    arguments = _recorded(terminal)

    refused = terminal.json(*arguments, "--received-at", "2020-01-01", code=4)

    assert refused["error"]["reason"] == "timestamp too old or too far in the future"


def test_header_options_are_headers(terminal: Terminal) -> None:
    """Headers may be given one by one."""
    terminal.paid_invoice()
    given = [("--header", f"{name}: {value}") for name, value in terminal.webhooks[-1].headers.pairs]

    delivery = terminal.json(*_recorded(terminal)[:3], *(word for pair in given for word in pair))

    assert delivery["verified_by"] == "signature"


def test_dry_run_shows_the_request_and_sends_nothing(terminal: Terminal) -> None:
    """The request is exact, the credentials are masked, and the provider sees nothing."""
    result = terminal.run("create-invoice", "1042", "49.90", "EUR", "--dry-run")

    assert result.stdout.startswith("POST http://127.0.0.1:4010/v1/invoices\n")
    assert "Authorization: Bearer ***" in result.stdout
    assert '"49.90"' in result.stdout
    assert API_KEY not in result.output
    terminal.run("find-invoice", "1042", code=1)


@pytest.mark.parametrize(
    "command",
    [
        ["create-invoice", "1", "1.00", "EUR"],
        ["get-status", "inv_1"],
        ["find-invoice", "1"],
        ["cancel-invoice", "inv_1"],
        ["refund-payment", "r", "inv_1", "1.00", "EUR"],
        ["list-payments"],
    ],
    ids=lambda command: command[0],
)
def test_dry_run_as_json(terminal: Terminal, command: list[str]) -> None:
    """Every command that sends can show what it would send."""
    shown = terminal.json(*command, "--dry-run")

    assert shown["method"] in ("GET", "POST")
    assert ["Authorization", "Bearer ***"] in shown["headers"]
    assert API_KEY not in json.dumps(shown)


@pytest.mark.parametrize(
    "error, code, effect",
    [(NotSentError("no way"), 3, "none"), (OutcomeUnknownError("lost"), 3, "unknown")],
    ids=["not sent", "unknown"],
)
def test_no_answer_ends_with_3(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, effect: str
) -> None:
    """An error is told on stderr, and with --json as an object on stdout."""
    monkeypatch.setattr("gateway_core.transport._assembly.connect_account", lambda *_: connect_through(Broken(error)))

    result = terminal.run("create-invoice", "1042", "49.90", "EUR", "--json", code=code)

    told = json.loads(result.stdout)["error"]
    assert (told["type"], told["effect"], told["operation"]) == (type(error).__name__, effect, "create_invoice")
    assert "error: sandbox create_invoice" in result.stderr


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["get-status", "inv_nobody"], 1),
        (["create-invoice", "1", "1.001", "EUR"], 2),
        (["create-invoice", "1", "1.00", "EURO"], 2),
        (["create-invoice", "1", "1.00", "EUR", "--option", "colour=red"], 2),
        (["create-invoice", "1", "1.00", "EUR", "--option", "colour"], 2),
        (["get-status", "inv_1", "--account", "nobody"], 2),
        (["get-status", "inv_1", "--config", "/nowhere/gateway.toml"], 2),
        (["list-payments", "--since", "yesterday"], 2),
        (["fly"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_exit_codes(terminal: Terminal, arguments: list[str], code: int) -> None:
    """1 is the provider's refusal, 2 a mistake of the caller's; stdout stays empty."""
    result = terminal.run(*arguments, code=code)

    assert result.stdout == ""
    assert result.stderr != ""


def test_doctor_says_ready(terminal: Terminal) -> None:
    """Settings and credentials are checked, and a secret that stands in the file is noted."""
    result = terminal.run("doctor", "shop", "--show")

    assert "ready" in result.stderr
    assert "api_key = ***    # env://SHOP_API_KEY" in result.stdout
    assert "webhook_secret = ***    # " in result.stdout
    assert "webhook_tolerance = 300    # default" in result.stdout
    assert "rate_limits =     # declared by Sandbox" in result.stdout
    assert "limiter =     # default" in result.stdout
    assert "transport.deadline = 30.0    # default" in result.stdout
    assert "webhook_secret stands in the file" in result.stdout
    assert API_KEY not in result.output
    assert WEBHOOK_SECRET not in result.output


def test_doctor_checks_the_credentials(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that the provider refuses end with exit code 1."""
    monkeypatch.setenv("SHOP_API_KEY", "sk_sandbox_another-canary")

    told = terminal.json("doctor", code=1)

    [failed] = [finding for finding in told["findings"] if not finding["ok"]]
    assert (failed["account"], failed["check"]) == ("shop", "call")


def test_doctor_offline_calls_nobody(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """--offline checks the configuration only."""
    monkeypatch.setenv("SHOP_API_KEY", "sk_sandbox_another-canary")

    assert all(finding["ok"] for finding in terminal.json("doctor", "--offline")["findings"])


@pytest.mark.parametrize("authentication, told", [("callback", ["webhooks"]), ("signature", [])])
def test_doctor_warns_of_an_address_without_a_secret(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, authentication: str, told: list[str]
) -> None:
    """Where webhooks are not signed, anybody can forge one; it is a warning, and no fault."""
    info = attrs.evolve(Sandbox.info, webhook_authentication=WebhookAuthentication(authentication))
    monkeypatch.setattr(Sandbox, "info", info)

    warned = {check for level, check, _ in findings(terminal, "--offline") if level == "warning"}

    assert sorted(warned - {"secrets", "files"}) == told


def test_doctor_names_every_fault(terminal: Terminal) -> None:
    """File, table, key and fix are told, and no value."""
    terminal.config.write_text(
        f'[gateways.a]\nbackend = "sandbox"\napi_kei = "{API_KEY}"\n[gateways.b]\nbackend = "nobody"\n',
        encoding="utf-8",
    )

    result = terminal.run("doctor", code=2)

    assert re.search(r"FAIL a configuration: .*gateway\.toml.*api_kei.*did you mean api_key", result.stdout)
    assert re.search(r"FAIL b configuration: .*the backend 'nobody' cannot be had", result.stdout)
    assert API_KEY not in result.output


def findings(terminal: Terminal, *arguments: str, code: int = 0) -> list[tuple[str, str, str]]:
    """Return level, check and text of what the doctor finds, without what is right."""
    told = terminal.json("doctor", *arguments, code=code)["findings"]
    return [(each["level"], each["check"], each["text"]) for each in told if each["level"] != "ok"]


def rewrite(terminal: Terminal, old: str, new: str) -> None:
    """Change the configuration."""
    text = terminal.config.read_text(encoding="utf-8")
    assert old in text
    terminal.config.write_text(text.replace(old, new), encoding="utf-8")


def test_doctor_needs_the_account_that_opens_by_default(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not ready where `Gateway.open()` fails, though each account by itself would open."""
    rewrite(terminal, 'default = "shop"', "")
    without = findings(terminal, "--offline", code=2)
    rewrite(terminal, "[gateways.shop]", 'default = "shop"\n[gateways.shop]')
    monkeypatch.setenv("GATEWAY_DEFAULT", "prod")
    wrong = findings(terminal, "--offline", code=2)

    assert [(level, check) for level, check, _ in without if level == "error"] == [("error", "default")]
    assert any("there is no account prod (from environment GATEWAY_DEFAULT)" in text for _, _, text in wrong)
    assert all(level != "error" for level, _, _ in findings(terminal, "shop", "--offline"))


@pytest.mark.parametrize(
    "old, new, check, text",
    [
        ("env://SHOP_API_KEY", "evn://SHOP_API_KEY", "configuration", "did you mean env://?"),
        ("env://SHOP_API_KEY", "keyring://shop", "configuration", "keyring:// is no reference"),
        ("env://SHOP_API_KEY", "${SHOP_API_KEY}", "configuration", "is a placeholder"),
        (
            "[gateways.shop]",
            "[gateways.shop]\nobservers = ['nobody']",
            "opening",
            "the observer 'nobody' cannot be had",
        ),
        ("[gateways.shop]", "[gateways.shop]\napi_key = 'twice'", "", "a key is there twice"),
    ],
)
def test_doctor_opens_the_gateway_offline(terminal: Terminal, old: str, new: str, check: str, text: str) -> None:
    """What keeps a gateway from opening is found without a call to the provider."""
    rewrite(terminal, old, new)

    if check:
        errors = [found for found in findings(terminal, "--offline", code=2) if found[0] == "error"]
        assert [(each, text in told) for _, each, told in errors] == [(check, True)]
    else:
        assert text in terminal.run("doctor", "--offline", code=2).stderr


def test_doctor_tells_of_a_variable_that_is_ignored(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with a slip in its name is an error; one that may be anybody's is a warning."""
    monkeypatch.setenv("GATEWAY_SHOP_APIKEY", "sk_canary")
    monkeypatch.setenv("GATEWAY_SHOP_PORT", "tcp://10.0.0.7:80")

    told = findings(terminal, "--offline", code=2)

    assert (
        "error",
        "environment",
        "GATEWAY_SHOP_APIKEY is read by nobody, did you mean GATEWAY_SHOP_API_KEY?",
    ) in told
    assert ("warning", "environment", "GATEWAY_SHOP_PORT is read by nobody") in told


def test_doctor_warns_of_careless_secrets(terminal: Terminal, tmp_path: Path) -> None:
    """A warning is a level of its own: it is told, and the account is ready."""
    (tmp_path / "key").write_text(f"'{API_KEY}'\n", encoding="ascii")
    (tmp_path / "key").chmod(0o646)
    rewrite(terminal, "env://SHOP_API_KEY", f"file://{tmp_path}/key")
    terminal.config.chmod(0o644)

    told = findings(terminal, "--offline")

    assert {level for level, _, _ in told} == {"warning"}
    assert [text for _, check, text in told if check in ("secrets", "files")] == [
        "webhook_secret stands in the file itself: better env:// or file://",
        "api_key begins and ends with a quote: is that a part of it?",
        f"everybody on this machine may read {terminal.config}, and a secret stands in it: chmod o-r",
        f"everybody on this machine may write {tmp_path}/key: chmod o-w",
        f"everybody on this machine may read {tmp_path}/key, and a secret stands in it: chmod o-r",
    ]
    assert re.search(r"ready, with [0-9]+ warnings", terminal.run("doctor", "--offline").stderr)


def test_doctor_warns_of_a_broken_observer(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """An observer that is left out keeps no gateway from opening, and is told."""
    broken = EntryPoint("broken", "no_such_module:Observer", "gateway_core.observers")
    real = discovery.scan
    monkeypatch.setattr(discovery, "scan", lambda group: ([broken], []) if group == broken.group else real(group))
    rewrite(terminal, "[gateways.shop]", "[gateways.shop]\nobservers = ['broken', 'logging']")

    told = findings(terminal, "--offline")

    assert ("warning", "observers", "broken is broken and left out: the log says why") in told


def test_doctor_imports_no_plugin_that_ends_its_process(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chosen plugin that would end this command without a word is told by what its own process did."""
    report = PluginReport(
        name="sandbox", entry_point="", distribution="", version="", fault="importing it ended the process", lost=True
    )
    monkeypatch.setattr("gateway_core.cli._doctor.inspect_all", lambda: (report,))
    monkeypatch.setattr("gateway_core.cli._doctor.load_account", None)

    told = findings(terminal, code=2)

    assert ("error", "plugin", "sandbox: importing it ended the process") in told


def test_providers_ends_with_1_where_one_is_broken(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that looks at the exit code learns of a broken plugin."""
    report = PluginReport(name="x", entry_point="", distribution="d", version="1", fault="no", who_must_act="operator")
    monkeypatch.setattr("gateway_core.cli._providers.inspect_all", lambda: (report,))

    assert terminal.json("providers", code=1)[0]["fault"] == "no"
    assert "no (operator must act)" in terminal.run("providers", code=1).stdout


def test_providers(terminal: Terminal) -> None:
    """What is installed is listed, with what it can do."""
    listed = {provider["name"]: provider for provider in terminal.json("providers")}

    assert "refund_payment" in listed["sandbox"]["operations"]
    assert listed["bitsby"]["rate_limits"] == ["1 per 1 s"]
    assert "gateway-bitsby" in terminal.run("providers").stdout


def test_broken_command_of_a_plugin_hides_no_other(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's command that cannot be imported is listed as broken, and says so when it is called."""
    added = [Offer.of(EntryPoint("explode", "no_such_module:command", _group.COMMANDS))]
    monkeypatch.setattr(_group, "_added", lambda: added)

    listed = terminal.run("--help").stdout
    called = terminal.run("explode", "--whatever", code=1)

    assert "explode" in listed
    assert "get-status" in listed
    assert "is broken: its import failed with ModuleNotFoundError" in called.stderr


def test_missing_command_says_what_to_install(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """`gateway demo` without the sandbox names the distribution that brings it."""
    monkeypatch.setattr(_group, "_added", list)

    assert "gateway-sandbox[server]" in terminal.run("demo", code=2).stderr


def test_amounts_of_crypto_name_their_network(terminal: Terminal) -> None:
    """A token's network is part of its amount."""
    invoice = terminal.json("create-invoice", "1", "1.5", "USDT", "--network", "tron")

    assert invoice["amount"] == {"amount": "1.500000", "currency": "USDT", "network": "tron"}
    assert Money(**invoice["amount"]) == Money("1.5", "USDT", network="tron")


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_says_what_to_install(missing: str) -> None:
    """The core alone has no command line, and says how to get it."""
    program = f"import sys; sys.modules[{missing!r}] = None; from gateway_core.cli import main; main()"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pip install 'gateway-core[cli]'" in ended.stderr
