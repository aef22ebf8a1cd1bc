"""Reporting on every installed plugin."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from gateway_core import Secret
from gateway_core._plugins import inspection
from gateway_core._plugins.discovery import offers_of, scan
from gateway_core._plugins.inspection import PluginReport, inspect_all
from gateway_core._plugins.loading import PROVIDERS, Plugin

if TYPE_CHECKING:
    from tests.plugins.conftest import Broken, Site


def report_on(name: str) -> PluginReport:
    """Return the one report on a backend, without the time that all others take."""
    sources, _ = scan(PROVIDERS)
    [plugin] = offers_of([source for source in sources if source.name == name], Plugin)
    return inspection._report(plugin, [plugin])


def test_report_on_a_good_plugin_tells_what_it_can(site: Site) -> None:
    """A plugin that fits is reported with its title, what it declares, and its operations."""
    site.add("minimal")

    report = report_on("minimal")

    assert (report.title, report.capabilities) == (
        "Minimal",
        ("create_invoice", "get_status", "list_payments", "verify_webhook"),
    )
    assert (report.fault, report.who_must_act) == (None, None)
    assert (report.webhook_authentication, report.currencies) == ("signature", None)
    assert site.imported() == set()


def test_report_on_a_broken_plugin_tells_its_fault(site: Site, broken: Broken) -> None:
    """Who asks for all plugins is told of each broken one what is wrong, and who must act."""
    site.add("minimal", broken.name)

    report = report_on(broken.name)

    assert broken.fault in (report.fault or "")
    assert (report.distribution, report.version) == (f"gateway-{broken.name}", "1.0")
    assert report.who_must_act == broken.who_must_act
    assert (report.title, report.capabilities, report.lost) == (None, (), False)


def test_reports_cover_all_plugins_and_keep_stdout_clean(site: Site, capfd: pytest.CaptureFixture[str]) -> None:
    """Every plugin has its report, in order of the names, and what plugins print is not taken for data."""
    site.add(*site.projects)
    ours = {name: name for name in site.projects} | {"twin-a": "twin", "twin-b": "twin"}

    reports = [report for report in inspect_all() if report.distribution.removeprefix("gateway-") in ours]
    printed = capfd.readouterr()

    assert [report.name for report in reports] == sorted(ours.values())
    assert {report.name for report in reports if report.fault is None} == {
        "frozen-contract-1",
        "minimal",
        "noisy",
        "returns-none",
        "wrong-type",
    }
    assert (printed.out, printed.err) == ("", "")
    assert site.imported() == set()


def test_rivals_are_both_reported_and_not_imported(site: Site) -> None:
    """P2: A name that two distributions offer is a fault of both, and asking for all imports neither."""
    site.add("twin-a", "twin-b")

    twins = [report for report in inspect_all() if report.name == "twin"]

    assert [twin.distribution for twin in twins] == ["gateway-twin-a", "gateway-twin-b"]
    assert all("it is offered by gateway-twin-a 1.0 " in (twin.fault or "") for twin in twins)
    assert {twin.who_must_act for twin in twins} == {"operator"}
    assert site.imported() == set()


@pytest.mark.parametrize("name", ["../x", "Foo", "a b", "a.b", "x" * 65, "m\u0456nimal", "a\x1b[2J"])
def test_entry_point_with_odd_name_is_reported_and_not_imported(site: Site, name: str) -> None:
    """P3: An installed name that nobody could choose is its author's fault, and harms nobody."""
    site.add("minimal")
    site.make("gateway-odd", {name: "gateway_noisy:Noisy"})

    reports = {report.distribution: report for report in inspect_all()}

    assert reports["gateway-minimal"].fault is None
    assert (reports["gateway-odd"].name + reports["gateway-odd"].entry_point).isprintable()
    assert (reports["gateway-odd"].fault or "").startswith("its name is not at most 64 small ASCII letters")
    assert reports["gateway-odd"].who_must_act == "plugin author"


GOOD = """
import attrs
from gateway_core import ProviderInfo, hookimpl

@attrs.frozen(kw_only=True)
class Settings: ...

@attrs.frozen
class Odd:
    settings: Settings
    info = ProviderInfo(title={title!r})
    @hookimpl
    def create_invoice(self, request): ...
    @hookimpl
    def get_status(self, invoice_id): ...
    @hookimpl
    def list_payments(self, query): ...
    @hookimpl
    def verify_webhook(self, request): ...
"""


def odd(site: Site, source: str) -> PluginReport:
    """Install a plugin with this source, and return its report."""
    site.make("gateway-odd", {"odd": "gateway_odd:Odd"})
    site.module("gateway_odd", source)
    return report_on("odd")


def test_title_fits_on_one_line(site: Site) -> None:
    """A plugin's title is for people, and cannot move their cursor."""
    title = odd(site, GOOD.format(title="Odd\x1b[2J" + "x" * 1000)).title or ""

    assert title.startswith("Odd\\x1b[2Jx")
    assert len(title) < 120


@pytest.mark.parametrize(
    "source, fault",
    [
        ("import os; os._exit(0)", "importing it ended the process, with exit code 0"),
        ("import os; os._exit(3)", "importing it ended the process, with exit code 3"),
        ("import os; os.abort()", "importing it ended the process, by SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "importing it ended the process, by SIGKILL"),
    ],
)
def test_plugin_that_ends_its_process_is_told(site: Site, source: str, fault: str) -> None:
    """P1: Who looks at all plugins goes on where one ends the process, and says which one does."""
    site.add("minimal")

    report = odd(site, source)

    assert (report.fault, report.who_must_act, report.lost) == (fault, "plugin author", True)
    assert report_on("minimal").fault is None


@pytest.mark.parametrize(
    "source",
    ["import time; time.sleep(600)", "import subprocess; subprocess.run(['sleep', '600'])", "while True: pass"],
)
def test_plugin_that_hangs_is_told(site: Site, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """P1: An import that does not end is waited for no longer than the limit, and ended with what it has started."""
    monkeypatch.setattr(inspection, "TIME_LIMIT", 2.0)

    report = odd(site, source)

    assert (report.fault, report.lost) == ("importing it took longer than 2 s", True)


def test_plugin_with_a_thread_that_goes_on_is_reported(site: Site) -> None:
    """A thread that a plugin starts does not keep its process alive."""
    thread = "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()\n"

    assert odd(site, thread + GOOD.format(title="Odd")).title == "Odd"


def test_unchosen_plugin_sees_no_key(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """S1: The process that imports what nobody has chosen has no key in its environment or its memory."""
    monkeypatch.setenv("SHOP_API_KEY", "sk-" + "canary" * 3)
    monkeypatch.setenv("GATEWAY_SHOP_API_KEY", "sk-" + "canary" * 3)
    kept = Secret("sk-" + "canary" * 3)
    search = """
import gc, os
from gateway_core import Secret
found = [each.reveal() for each in gc.get_objects() if type(each) is Secret]
found += [name for name, value in os.environ.items() if "canary" * 3 in value]
assert not found, found
"""

    assert odd(site, search + GOOD.format(title="Odd")).fault is None
    assert str(kept) == "***"


def forging(report: str) -> str:
    """Return the source of a plugin that writes its report itself."""
    return f"""
import os
for fd in range(3, 64):
    try:
        os.write(fd, {report.encode()!r})
    except OSError:
        pass
os._exit(0)
"""


@pytest.mark.parametrize(
    "said",
    ["", "no json", "[]", '{"title": 7}', '{"title": "Odd", "capabilities": "all"}', '{"unsupported": {"a": 1}}'],
)
def test_report_that_is_none_counts_as_a_process_that_died(site: Site, said: str) -> None:
    """What a plugin writes in place of its report is read as strictly as an answer of a provider."""
    report = odd(site, forging(said))

    assert (report.title, report.lost) == (None, True)


def test_report_that_a_plugin_forged_moves_no_cursor(site: Site) -> None:
    """Whatever a plugin manages to write in place of its report is shown on one line, with known operations only."""
    forged = {"title": "Odd\x1b[2J", "capabilities": ["pay_me", "get_status"], "who_must_act": "\x1b[0m"}

    report = odd(site, forging(json.dumps(forged)))

    assert (report.title, report.who_must_act) == ("Odd\\x1b[2J", "\\x1b[0m")
    assert report.capabilities == ("get_status",)


def test_plugin_is_looked_at_from_the_same_path(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child looks where this process would, and in its folder."""
    monkeypatch.setattr(sys, "path", [*sys.path, ""])
    site.module("gateway_odd_helper", "TITLE = 'Helped'")

    assert odd(site, "import gateway_odd_helper\n" + GOOD.format(title="Odd")).title == "Odd"


def test_without_an_interpreter_nothing_is_looked_at(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen application has no Python to start, and says so."""
    monkeypatch.setattr(sys, "executable", None)

    report = odd(site, GOOD.format(title="Odd"))

    assert (report.fault, report.who_must_act) == (
        "it cannot be looked at: there is no Python to start for it",
        "operator",
    )
