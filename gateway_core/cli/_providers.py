"""The command that lists the installed providers."""

from __future__ import annotations

import sys
from collections.abc import Iterable

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway_core._plugins.inspection import PluginReport, inspect_all
from gateway_core.cli import options
from gateway_core.cli.output import REFUSED, say, write_json


@click.command()
@options.as_json
def providers(as_json: bool) -> None:
    """List the installed providers, with what each can do, and the broken ones with the reason.

    Each is imported by a process of its own, which holds no keys. Exits with 1 if one is broken.
    """
    reports = inspect_all()
    if as_json:
        write_json([_plain(report) for report in reports])
    elif reports:
        _tell(reports)
    else:
        say("no provider plugin is installed: pip install gateway-sandbox")
    click.get_current_context().exit(REFUSED if any(report.fault is not None for report in reports) else 0)


def _tell(reports: Iterable[PluginReport]) -> None:
    table = Table("backend", "provider", "distribution", "operations", box=None, pad_edge=False)
    for report in reports:
        owner = f"{report.distribution} {report.version}"
        if report.fault is None:
            table.add_row(
                *(escape(cell) for cell in (report.name, report.title or "", owner, ", ".join(report.capabilities)))
            )
        else:
            table.add_row(
                escape(report.name),
                "[red]broken[/red]",
                escape(owner),
                escape(f"{report.fault} ({report.who_must_act} must act)"),
            )
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def _plain(report: PluginReport) -> dict[str, object]:
    return {
        "name": report.name,
        "title": report.title,
        "distribution": report.distribution,
        "version": report.version,
        "entry_point": report.entry_point,
        "operations": report.capabilities,
        "unsupported": report.unsupported,
        "currencies": report.currencies,
        "rate_limits": report.rate_limits,
        "webhook_authentication": report.webhook_authentication,
        "fault": report.fault,
        "who_must_act": report.who_must_act,
    }
