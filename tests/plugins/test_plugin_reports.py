"""Reporting on every installed plugin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from gateway_core import ProviderInfo
from gateway_core._plugins import loading

if TYPE_CHECKING:
    from tests.plugins.conftest import Broken, Site


def report_on(name: str) -> loading.PluginReport:
    """Return the one report on a backend."""
    [report] = [report for report in loading.inspect_all() if report.name == name]
    return report


def test_report_on_a_good_plugin_tells_what_it_can(site: Site) -> None:
    """A plugin that fits is reported with its title, what it declares, and its operations."""
    site.add("minimal")

    report = report_on("minimal")

    assert (report.title, report.capabilities) == (
        "Minimal",
        ("create_invoice", "get_status", "list_payments", "verify_webhook"),
    )
    assert (report.fault, report.who_must_act) == (None, None)
    assert report.info is sys.modules["gateway_minimal"].Minimal.info


def test_report_on_a_broken_plugin_tells_its_fault(site: Site, broken: Broken) -> None:
    """Who asks for all plugins is told of each broken one what is wrong, and who must act."""
    site.add("minimal", broken.name)

    report = report_on(broken.name)

    assert broken.fault in (report.fault or "")
    assert (report.distribution, report.version) == (f"gateway-{broken.name}", "1.0")
    assert report.who_must_act == broken.who_must_act
    assert (report.title, report.info, report.capabilities) == (None, None, ())


def test_reports_cover_all_plugins_and_keep_stdout_clean(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Every plugin has its report, in order of the names, and what plugins print does not mix with data."""
    site.add(*site.projects)
    ours = {name: name for name in site.projects} | {"twin-a": "twin", "twin-b": "twin"}

    reports = [report for report in loading.inspect_all() if report.distribution.removeprefix("gateway-") in ours]
    printed = capsys.readouterr()

    assert [report.name for report in reports] == sorted(ours.values())
    assert {report.name for report in reports if report.fault is None} == {
        "frozen-contract-1",
        "minimal",
        "noisy",
        "returns-none",
        "wrong-type",
    }
    assert (printed.out, printed.err) == ("", "Thank you for choosing Noisy!\n")


def test_rivals_are_both_reported_and_not_imported(site: Site) -> None:
    """P2: A name that two distributions offer is a fault of both, and asking for all imports neither."""
    site.add("twin-a", "twin-b")

    twins = [report for report in loading.inspect_all() if report.name == "twin"]

    assert [twin.distribution for twin in twins] == ["gateway-twin-a", "gateway-twin-b"]
    assert all("it is offered by gateway-twin-a 1.0 " in (twin.fault or "") for twin in twins)
    assert {twin.who_must_act for twin in twins} == {"operator"}
    assert site.imported() == set()


@pytest.mark.parametrize("name", ["../x", "Foo", "a b", "a.b", "x" * 65, "m\u0456nimal", "a\x1b[2J"])
def test_entry_point_with_odd_name_is_reported_and_not_imported(site: Site, name: str) -> None:
    """P3: An installed name that nobody could choose is its author's fault, and harms nobody."""
    site.add("minimal")
    site.make("gateway-odd", {name: "gateway_noisy:Noisy"})

    reports = {report.distribution: report for report in loading.inspect_all()}

    assert reports["gateway-minimal"].fault is None
    assert (reports["gateway-odd"].name + reports["gateway-odd"].entry_point).isprintable()
    assert (reports["gateway-odd"].fault or "").startswith("its name is not at most 64 small ASCII letters")
    assert reports["gateway-odd"].who_must_act == "plugin author"


def test_title_fits_on_one_line() -> None:
    """A plugin's title is for people, and cannot move their cursor."""
    info = ProviderInfo(title="Odd\x1b[2J" + "x" * 1000, contract_version=1)

    title = loading.PluginReport(name="odd", entry_point="", distribution="", version="", info=info).title or ""

    assert title.startswith("Odd\\x1b[2Jx")
    assert len(title) < 120
