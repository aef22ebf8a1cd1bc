"""What the conformance kit promises to authors: what a failure says, what may be left out, and what may not."""

from __future__ import annotations

import contextlib
import gc
import inspect
import re
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from gateway_conformance import Check, CheckFailed, ProviderSuite, ProviderUnderTest, list_checks
from gateway_conformance.check import check
from gateway_conformance.checks.status import other_id
from gateway_conformance.harness import Harness
from gateway_conformance.impure_calls import recording
from gateway_conformance.webhook_messages import flipped, other_secret
from gateway_core import Flow, HttpRequest, HttpResponse, InvoiceStatus, StatusReport, hookimpl
from gateway_core.provider import Declines
from gateway_core.testing import EmulatedInvoice
from gateway_sandbox import Sandbox
from gateway_sandbox.emulator import SandboxEmulator

ALL = tuple(list_checks())


def suite_of(provider: Any, **more: Any) -> type[ProviderSuite]:
    """Return the suite that an author would write."""
    return type("TestIt", (ProviderSuite,), {"provider_class": provider, "emulator": SandboxEmulator, **more})


def judge(kind: type[ProviderSuite], name: str) -> None:
    """Run one check."""
    suite = kind()
    harness = Harness(suite)
    try:
        getattr(suite, f"test_{name}")(harness)
    finally:
        harness.close()


def run_code(code: str) -> None:
    """Run code as if it stood in a module of a plugin."""
    exec(code, {"__name__": "flow"})  # noqa: S102  # our own


class Cheerful(Sandbox):
    """Takes every invoice for paid."""

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Report a payment that never was."""
        report = yield from super().get_status(invoice_id)
        return attrs.evolve(report, status=InvoiceStatus.PAID, received=report.expected)


class Crashing(Sandbox):
    """Has a mistake in it."""

    @hookimpl
    def get_status(self, invoice_id: str) -> Flow[StatusReport]:
        """Fail."""
        known: dict[str, StatusReport] = {}
        yield from super().get_status(invoice_id)
        return known[invoice_id]


class Impatient(Sandbox):
    """Reports from a plain function."""

    @hookimpl
    def get_status(self, invoice_id: str) -> StatusReport:  # type: ignore[override]  # no flow, on purpose
        """Report without asking anybody."""
        return StatusReport(invoice_id=invoice_id, status=InvoiceStatus.PENDING)


def test_there_are_enough_list_checks() -> None:
    """An author writes a few lines and is judged by at least sixty named checks."""
    names = [check.name for check in ALL]

    assert len(names) >= 60
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_check_is_documented(check: Check) -> None:
    """The page of the checks is made of a rule of one sentence or two, and a reason, for each of them."""
    assert re.fullmatch(r"[a-z0-9_]+", check.name)
    assert check.rule.endswith(".")
    assert check.why.endswith((".", "?"))
    assert check.subject


@pytest.mark.parametrize("name", [name for name in dir(ProviderSuite) if name.startswith("test_")])
def test_every_test_is_a_check(name: str) -> None:
    """A test without a rule would fail without saying why."""
    assert isinstance(inspect.getattr_static(ProviderSuite, name).check, Check)


def test_failure_explains_itself() -> None:
    """A failure says which rule, why it matters, what was seen, and where to read on."""
    with pytest.raises(CheckFailed) as caught:
        judge(suite_of(Cheerful), "status_after_creation_agrees")

    message = str(caught.value)
    parts = re.findall(r"^  (rule|why|seen|read)  +(.+)$", message, re.MULTILINE)
    assert [name for name, _ in parts] == ["rule", "why", "seen", "read"]
    found = dict(parts)
    assert found["rule"].startswith("status_after_creation_agrees: `get_status` right after")
    assert found["seen"] == "it says paid, the creation pending"
    assert found["read"].endswith("#status_after_creation_agrees")


def test_crash_is_told_with_its_place() -> None:
    """An author is told what the plugin raised, and nothing that the error was raised from is kept."""
    with pytest.raises(CheckFailed) as caught:
        judge(suite_of(Crashing), "status_after_creation_agrees")

    assert "PluginError" in str(caught.value)
    assert "KeyError" in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "members, words",
    [
        ({"test_secrets_are_in_no_log": lambda self: None}, "overrides test_secrets_are_in_no_log"),
        ({"test_secrets_are_in_no_log": None}, "overrides test_secrets_are_in_no_log"),
        ({"harness": None}, "overrides harness"),
        ({"_is_quiet": lambda *_, **__: None}, "overrides _is_quiet"),
        ({"given_invoise": lambda *_: None}, "did you mean given_invoice"),
        ({"given_money": lambda *_: None}, "there are given_invoice"),
        ({"setings": {}}, "did you mean settings"),
        ({"provider_clas": Sandbox}, "did you mean provider_class"),
    ],
    ids=["check", "check-to-none", "fixture", "helper", "misspelt", "unknown", "setting", "class"],
)
def test_nothing_of_the_kit_can_be_changed(members: dict[str, Any], words: str) -> None:
    """Only what `ProviderInfo` says leaves a check out, so a class that changes one, or misspells, is no suite."""
    with pytest.raises(TypeError, match=words):
        suite_of(Sandbox, **members)


def test_check_cannot_be_changed_by_another_base() -> None:
    """A class beside the suite that has a test of the same name would hide the check."""

    class Lenient:
        def test_unknown_word_is_unknown(self) -> None:
            """Pass."""

    with pytest.raises(TypeError, match="overrides test_unknown_word_is_unknown"):
        type("TestIt", (Lenient, ProviderSuite), {"provider_class": Sandbox})


def test_author_may_add_tests_and_share_a_base() -> None:
    """Tests of an author's own, and a base with what several suites share, change nothing."""
    shared = suite_of(Sandbox, test_of_ours=lambda self: None)

    actual = type("TestOther", (shared,), {"amount": None})

    assert issubclass(actual, ProviderSuite)


def test_missing_scenarios_fail_one_check() -> None:
    """Without an emulator and without scenarios, a named check fails: nothing but `info` excuses."""
    kind = suite_of(
        Sandbox, emulator=None, settings={"api_key": "sk_sandbox_x", "webhook_secret": "whsec_" + "c2Vj" * 6}
    )

    with pytest.raises(CheckFailed, match="no emulator, and no given_invoice, given_status"):
        kind().test_scenarios_are_given()
    with pytest.raises(pytest.skip.Exception, match="needs given_invoice"):
        judge(kind, "new_invoice_is_open")


@pytest.mark.parametrize(
    "name, reason",
    [
        ("undeclared_currency_is_refused_before_sending", "info.currencies is None"),
        ("webhook_that_nobody_confirms_is_refused", "info.webhook_authentication is signature"),
    ],
)
def test_what_does_not_apply_says_by_which_field(name: str, reason: str) -> None:
    """A check is left out visibly, by a field of `info`."""
    with pytest.raises(pytest.skip.Exception, match=f"^not applicable: {reason}"):
        judge(suite_of(Sandbox), name)


def test_plain_function_is_reported() -> None:
    """An operation that blocks is a failure."""
    with pytest.raises(CheckFailed, match="get_status is a plain function: it blocks"):
        judge(suite_of(Impatient), "operations_are_flows")


@pytest.mark.parametrize("function", [lambda: 1, lambda: None], ids=["no-docstring", "still-none"])
def test_check_without_a_reason_is_none(function: Any) -> None:
    """A check is written with its rule and its reason, or not at all."""
    with pytest.raises(ValueError, match="a check is test_<name>"):
        check(function)


@pytest.mark.parametrize(
    "code, seen",
    [
        ("import time; time.time()", "time.time"),
        ("import time; time.sleep(0)", "time.sleep"),
        ("from datetime import datetime; datetime.now()", "datetime.now"),
        ("from datetime import date; date.today()", "date.today"),
        ("import os; os.urandom(1)", "posix.urandom"),
        ("import uuid; uuid.uuid4()", "posix.urandom"),
        ("import random; random.random()", "random.random"),
        ("import random; random.choice([1])", "random.Random.choice"),
        ("import secrets; secrets.token_hex(1)", "secrets.token_hex"),
        ("import socket; socket.socket().close()", "socket.socket.__init__"),
        ("open('/dev/null').close()", "io.open"),
    ],
)
def test_impure_call_is_noticed(code: str, seen: str) -> None:
    """However it is imported, what a flow must not call is noticed."""
    run_code(code)

    with recording() as recorded:
        run_code(code)

    assert seen in " ".join(recorded.calls)


def test_pure_calls_are_not_noticed() -> None:
    """Dates from data, exact numbers, hashes and logging are what flows are made of."""
    code = (
        "from datetime import datetime, timedelta, UTC; datetime.fromisoformat('2030-01-31') + timedelta(1)\n"
        "import hashlib, json, logging; hashlib.sha256(b'').hexdigest(); json.loads('1')\n"
        "logging.getLogger('flow').debug('hello')\n"
    )
    run_code(code)

    with recording() as recorded:
        run_code(code)

    assert recorded.calls == []


def test_what_the_collector_frees_is_not_noticed() -> None:
    """A socket that somebody else has left in a circle is closed at any time, and no flow has done that."""
    with recording() as recorded:
        collecting = gc.isenabled()

    assert (collecting, gc.isenabled(), recorded.calls) == (False, True, [])


@pytest.mark.parametrize("message", [b"a", b"abc", b"x" * 1000])
def test_flipped_messages_differ_in_one_bit(message: bytes) -> None:
    """W1: each is another message by one bit, the first and the last byte included."""
    found = list(flipped(message))

    bits = [int.from_bytes(each, "big") ^ int.from_bytes(message, "big") for each in found]
    assert {each.bit_count() for each in bits} == {1}
    assert {found[0][0] != message[0], found[-1][-1] != message[-1]} == {True}


def test_other_secret_keeps_its_form() -> None:
    """A wrong secret must be refused for being wrong, and not for how it is written."""
    harness = Harness(suite_of(Sandbox)())

    other = other_secret(harness, "webhook_secret")

    genuine = harness.settings["webhook_secret"]
    assert other != genuine
    assert (other[:6], len(other)) == (genuine[:6], len(genuine))
    harness.connect(webhook_secret=other).close()
    harness.close()


class HexSandbox(SandboxEmulator):
    """Gives keys in hexadecimal digits."""

    def new_credentials(self) -> Mapping[str, str]:
        """Return a key of hexadecimal digits."""
        return {**super().new_credentials(), "api_key": f"{self.random.getrandbits(128):032x}"}


@pytest.mark.parametrize("settings", [{}, {"api_key": "0123456789abcdef0123456789abcdef"}], ids=["emulator", "author"])
def test_other_secret_of_hexadecimal_digits_is_hexadecimal(settings: dict[str, str]) -> None:
    """A key that must be hexadecimal is refused for its digits, and not for being the wrong key."""
    with contextlib.closing(Harness(suite_of(Sandbox, emulator=HexSandbox, settings=settings)())) as harness:
        other = other_secret(harness, "api_key")

        assert re.fullmatch("[0-9a-f]{32}", other)
        assert other != harness.settings["api_key"]


class CarelessSandbox(SandboxEmulator):
    """Gives every account the same keys."""

    def new_credentials(self) -> Mapping[str, str]:
        """Return what never changes."""
        return {"api_key": "sk_sandbox_fixed", "webhook_secret": "whsec_" + "c2Vj" * 6}


def test_emulator_whose_accounts_share_their_secret_is_told() -> None:
    """Two accounts that cannot be told from each other judge nothing."""
    with pytest.raises(CheckFailed, match="new_credentials of the emulator gives every account the same"):
        judge(suite_of(Sandbox, emulator=CarelessSandbox), "webhook_under_a_wrong_secret_is_refused")


@pytest.mark.parametrize("identifier", ["inv_0042", "invoice", "INV", "99999", "f00f", "a", "-", "東京"])
def test_other_id_is_another(identifier: str) -> None:
    """An id that nobody has differs from the one that was given, whatever is in it, and keeps its form if it can."""
    with contextlib.closing(Harness(suite_of(Sandbox)())) as harness:
        other = other_id(harness, identifier)

    assert other != identifier
    assert not identifier.isascii() or len(other) == len(identifier) or identifier == "-"


def test_other_id_belongs_to_nobody() -> None:
    """An id that the emulator knows is not taken for an unknown one."""
    with contextlib.closing(Harness(suite_of(Sandbox)())) as harness:
        ids = {harness.create().id for _ in range(5)}

        assert {other_id(harness, each) for each in ids}.isdisjoint(ids)


class WholeAmounts(SandboxEmulator):
    """Takes all or nothing."""

    partial_payments = False


class SecondChance(SandboxEmulator):
    """Leaves a declined invoice open."""

    declines = Declines.RETRYABLE


class NoDecline(SandboxEmulator):
    """Declines nothing."""

    declines = Declines.NONE


class ForEver(SandboxEmulator):
    """Makes invoices without an end."""

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Take the end away."""
        answer = super().handle(request)
        for _, invoice in self.ledger.select(EmulatedInvoice):
            self.ledger.save(attrs.evolve(invoice, expires_at=None))
        return answer


@pytest.mark.parametrize(
    "declared, emulator, seen",
    [
        ({}, WholeAmounts, "info.partial_payments is True, and the emulator refuses an invoice that is partially_paid"),
        ({"partial_payments": False}, SandboxEmulator, "info.partial_payments is False, and the emulator allows"),
        ({"overpayments": False}, SandboxEmulator, "info.overpayments is False, and the emulator allows"),
        (
            {},
            NoDecline,
            "info.declines is final, and the emulator refuses an invoice that is failed: set declines=none",
        ),
        ({}, SecondChance, "info.declines is final, and at the emulator the invoice is pending"),
        ({"declines": "retryable"}, SandboxEmulator, "info.declines is retryable, and at the emulator the invoice is"),
        ({"declines": "none"}, SandboxEmulator, "info.declines is none, and the emulator allows"),
        ({}, ForEver, "info.expires is True, and the emulator refuses an invoice that is expired: set expires=False"),
        ({"expires": False}, SandboxEmulator, "info.expires is False, and the emulator allows"),
    ],
)
def test_emulator_that_disagrees_with_info_is_told(
    declared: dict[str, Any], emulator: type[SandboxEmulator], seen: str
) -> None:
    """What the emulator refuses excuses no check: the author mends the declaration, or the emulator."""
    provider = type("Declaring", (Sandbox,), {"info": attrs.evolve(Sandbox.info, **declared)})

    with pytest.raises(CheckFailed, match=re.escape(seen)):
        judge(suite_of(provider, emulator=emulator), "emulator_agrees_with_info")


@pytest.mark.parametrize(
    "name, declared, emulator",
    [
        ("part_of_the_amount_is_not_told_as_paid", {"partial_payments": False}, WholeAmounts),
        ("two_events_of_one_invoice_have_different_ids", {"partial_payments": False}, WholeAmounts),
        ("declined_invoice_is_not_told_as_paid", {"declines": "none"}, NoDecline),
        ("expired_invoice_is_told_as_expired", {"expires": False}, ForEver),
    ],
)
def test_only_info_leaves_out_what_cannot_happen(
    name: str, declared: dict[str, Any], emulator: type[SandboxEmulator]
) -> None:
    """The same emulator leaves a check out where `info` says so, and fails it where `info` does not."""
    provider = type("Declaring", (Sandbox,), {"info": attrs.evolve(Sandbox.info, **declared)})

    with pytest.raises(pytest.skip.Exception, match=r"^not applicable: info\."):
        judge(suite_of(provider, emulator=emulator), name)
    with pytest.raises(CheckFailed, match="and the emulator refuses"):
        judge(suite_of(Sandbox, emulator=emulator), name)


def test_declined_invoice_may_stay_open_where_info_says_so() -> None:
    """A provider that lets the payer try again passes."""
    provider = type("Declaring", (Sandbox,), {"info": attrs.evolve(Sandbox.info, declines="retryable")})

    judge(suite_of(provider, emulator=SecondChance), "declined_invoice_is_not_told_as_paid")
    judge(suite_of(provider, emulator=SecondChance), "emulator_agrees_with_info")


def test_backend_that_is_not_installed_is_told_once() -> None:
    """Who forgot to install the plugin is told so when the tests are collected, and not by every check."""
    with pytest.raises(pytest.Collector.CollectError) as caught:
        type("TestIt", (ProviderSuite,), {"backend": "nobody", "emulator": SandboxEmulator})

    assert "TestIt judges the backend 'nobody': " in str(caught.value)
    assert "`python -m pip install --editable .`" in str(caught.value)


def test_what_an_author_gives_is_no_check() -> None:
    """What may be given is apart from what judges, so that the one can be overridden and the other cannot."""
    given = {name for name in vars(ProviderUnderTest) if not name.startswith("_")}

    assert given.isdisjoint(f"test_{check.name}" for check in list_checks())
    assert {"backend", "emulator", "given_webhook"} <= given
