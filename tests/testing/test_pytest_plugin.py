"""The plugin of pytest, in a pytest of its own, as an application has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

_STRICT = """
    [pytest]
    strict = true
    filterwarnings = ["error"]
    addopts = ["-p", "no:cacheprovider", "-p", "no:randomly", "--disable-socket", "-q"]
"""


def run(folder: Path, *, conftest: str = "", **modules: str) -> str:
    """Write an application's tests and run them, and return what pytest says."""
    (folder / "pytest.toml").write_text(dedent(_STRICT), encoding="utf-8")
    (folder / "conftest.py").write_text(dedent(conftest), encoding="utf-8")
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(dedent(text), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "pytest", "--rootdir", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


def test_start_of_pytest_imports_nothing_of_the_package(tmp_path: Path) -> None:
    """Every project that has the core installed starts the plugin: what is not needed costs nothing."""
    told = run(
        tmp_path,
        test_own="""
            import sys

            def test_imports(request):
                assert request.config.pluginmanager.has_plugin("gateway_core")
                assert [name for name in sys.modules if name.partition(".")[0] == "gateway_core"] == []
                assert "pytest_gateway_core" in sys.modules
        """,
    )

    assert "1 passed" in told, told


def test_order_is_paid_without_a_socket_and_without_waiting(tmp_path: Path) -> None:
    """The fixtures serve an application whose warnings are errors, whose sockets are off and whose clock stands."""
    told = run(
        tmp_path,
        conftest="""
            import time
            import pytest

            @pytest.fixture(autouse=True)
            def no_sleep(monkeypatch):
                monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("slept"))
        """,
        test_shop="""
            from gateway_core import InvoiceRequest, Money

            def test_paid(gateway_sandbox):
                order = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
                invoice = gateway_sandbox.gateway.create_invoice(order)
                gateway_sandbox.pay(invoice.id)
                [request] = gateway_sandbox.webhooks()
                [event] = gateway_sandbox.gateway.verify_webhook(request).events
                assert event.report.status.is_paid

            def test_no_invoice_of_another_test(gateway_sandbox):
                assert gateway_sandbox.gateway.find_invoice("1042") is None
        """,
    )

    assert "2 passed" in told, told


def test_accounts_of_one_test_are_apart_and_share_the_clock(tmp_path: Path) -> None:
    """Several accounts, of one backend or of several, have their own keys and invoices, and one time."""
    told = run(
        tmp_path,
        test_shop="""
            from gateway_core import InvoiceRequest, Money

            def test_apart(gateway_emulated, gateway_clock):
                order = InvoiceRequest(order_id="1042", amount=Money("50", "USD"))
                one, two, three = map(gateway_emulated, ["sandbox", "sandbox", "bitsby"])
                one.gateway.create_invoice(order)
                three.gateway.create_invoice(order)
                assert two.gateway.find_invoice("1042") is None
                assert one.settings != two.settings
                assert one.clock is two.clock is three.clock is gateway_clock

            def test_settings(gateway_emulated):
                account = gateway_emulated("azothpay", period="PerMonth")
                assert account.settings["period"] == "PerMonth"
        """,
    )

    assert "2 passed" in told, told


def test_clock_can_be_another(tmp_path: Path) -> None:
    """An application that looks at the real clock overrides one fixture."""
    told = run(
        tmp_path,
        conftest="""
            from datetime import UTC, datetime
            import pytest
            from gateway_core.testing import ManualClock

            @pytest.fixture
            def gateway_clock():
                return ManualClock(datetime(2031, 5, 1, tzinfo=UTC))
        """,
        test_shop="""
            from gateway_core import InvoiceRequest, Money

            def test_time(gateway_sandbox):
                order = InvoiceRequest(order_id="1042", amount=Money("50", "USD"))
                assert gateway_sandbox.gateway.create_invoice(order).created_at.year == 2031
        """,
    )

    assert "1 passed" in told, told


def test_journal_is_kept_when_asked_for(tmp_path: Path) -> None:
    """An application whose shop keeps a journal overrides one fixture."""
    told = run(
        tmp_path,
        conftest="""
            import pytest

            @pytest.fixture
            def gateway_journal():
                return True
        """,
        test_shop="""
            from gateway_core import InvoiceRequest, Money

            def test_once(gateway_sandbox):
                gateway = gateway_sandbox.gateway
                order = InvoiceRequest(order_id="1042", amount=Money("50", "USD"))
                assert gateway.create_invoice(order).id == gateway.create_invoice(order).id
                gateway_sandbox.pay(gateway.create_invoice(order).id)
                (request,) = gateway_sandbox.webhooks()
                for pays in ([True], []):
                    with gateway.receive_webhook(request) as delivery:
                        assert [event.pays for event in delivery.events] == pays
        """,
    )

    assert "1 passed" in told, told


def test_accounts_are_closed(tmp_path: Path) -> None:
    """What a test has used is given back when it ends."""
    told = run(
        tmp_path,
        test_shop="""
            import sqlite3
            import pytest

            kept = []

            def test_use(gateway_sandbox):
                kept.append(gateway_sandbox)

            def test_afterwards():
                with pytest.raises(sqlite3.ProgrammingError, match="closed"):
                    kept[0].emulator.ledger.note("account")
        """,
    )

    assert "2 passed" in told, told


def test_missing_sandbox_tells_what_to_install(tmp_path: Path) -> None:
    """The core comes without a provider, and so without the sandbox."""
    told = run(
        tmp_path,
        conftest="""
            from gateway_core._plugins import discovery

            real = discovery.scan
            discovery.scan = lambda group: ([], []) if group == "gateway_core.emulators" else real(group)
        """,
        test_shop="""
            def test_paid(gateway_sandbox):
                pass
        """,
    )

    assert "the emulator of 'sandbox' cannot be had: nobody offers it" in told, told
    assert "install the plugin that brings it, such as gateway-sandbox" in told
    assert "1 error" in told


def test_failures_of_one_test_are_not_the_next_ones(tmp_path: Path) -> None:
    """A provider that a test let fail is not left alone in the tests after it; each expects its own failures."""
    told = run(
        tmp_path,
        test_shop="""
            import pytest
            from gateway_core import Gateway, errors
            from gateway_core.transport import TransportSettings

            HELD = []

            @pytest.mark.parametrize("time", [1, 2])
            def test_down(requests_mock, time):
                requests_mock.get("http://127.0.0.1:4010/v1/account", status_code=503)
                bounds = TransportSettings(attempts=1, breaker_failures=1)
                secret = "whsec_" + "c2Vj" * 6
                gateway = Gateway.connect("sandbox", transport=bounds, api_key="sk_sandbox_x", webhook_secret=secret)
                HELD.append(gateway)

                with pytest.raises(errors.ProviderUnavailableError):
                    gateway.check_account()
                with pytest.raises(errors.NotSentError, match="left alone"):
                    gateway.check_account()
        """,
    )

    assert "2 passed" in told, told
