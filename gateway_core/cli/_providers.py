"""The command that lists the installed providers."""

from __future__ import annotations

import sys

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway_core._plugins import loading
from gateway_core.cli import options
from gateway_core.cli.output import say, write_json


@click.command()
@options.as_json
def providers(as_json: bool) -> None:
    """List the installed providers, with what each can do, and the broken ones with the reason.

    This imports every provider plugin, which nothing else does.
    """
    reports = loading.inspect_all()
    if as_json:
        write_json([_plain(report) for report in reports])
        return
    if not reports:
        say("no provider plugin is installed: pip install gateway-sandbox")
        return
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


def _plain(report: loading.PluginReport) -> dict[str, object]:
    info = report.info
    return {
        "name": report.name,
        "title": report.title,
        "distribution": report.distribution,
        "version": report.version,
        "entry_point": report.entry_point,
        "operations": report.capabilities,
        "unsupported": dict(info.unsupported) if info else {},
        "currencies": info.currencies if info else None,
        "rate_limits": [str(limit) for limit in info.rate_limits] if info else [],
        "webhook_authentication": info.webhook_authentication if info else None,
        "fault": report.fault,
        "who_must_act": report.who_must_act,
    }
