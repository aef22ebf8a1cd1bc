"""The command that compares the journal with the provider."""

from __future__ import annotations

import csv
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from gateway_core._redaction import one_line
from gateway_core.cli import options
from gateway_core.cli._payments import defused
from gateway_core.cli.output import people, say, write_json
from gateway_core.gateway import Gateway

if TYPE_CHECKING:  # as in `_journal`
    from gateway_core.journal import Reconciliation


@click.command()
@click.option("--since", type=options.Moment(), required=True, help="Invoices and payments of this time or later.")
@click.option("--until", type=options.Moment(), help="Those before this time.")
@click.option(
    "--apply", is_flag=True, help="Let what was missed come out with the shop's next poll; else nothing changes."
)
@click.option("--csv", "as_csv", is_flag=True, help="Write CSV to stdout.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a report of one HTML page to a file."
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Note in a file how far it is, and go on from what is noted there. It is removed at the end.",
)
@options.on_account
def reconcile(  # each is an option
    since: datetime,
    until: datetime | None,
    apply: bool,
    as_csv: bool,
    html: Path | None,
    resume: Path | None,
    account: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """Compare the journal with the provider. Exits with 1 if they differ.

    It tells of webhooks that were missed, money for invoices that the journal does not know, amounts that differ,
    and intents without an outcome.
    """
    if as_csv and as_json:
        raise click.UsageError("choose one of --csv and --json")
    with options.open_gateway(account, config) as gateway:
        found = _compared(gateway, since, until, apply=apply, resume=resume)
        name = gateway.journal.account if gateway.journal else gateway.backend
    if html is not None:
        from gateway_core.journal._report import to_html

        html.write_text(to_html(name, found), encoding="utf-8")
    if as_json:
        write_json(
            {
                "findings": list(found.findings),
                "payments": found.payments,
                "invoices": found.invoices,
                "asked": found.asked,
                "applied": found.applied,
            }
        )
    elif as_csv:
        _write_csv(found)
    else:
        _write_table(found)
    say(f"{found.payments} payments, {found.invoices} invoices, {len(found.findings)} differences")
    click.get_current_context().exit(1 if found.findings else 0)


def _compared(
    gateway: Gateway, since: datetime, until: datetime | None, *, apply: bool, resume: Path | None
) -> Reconciliation:
    """Compare, and show on a terminal how far it is. How many payments there are is not known before the last one."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    console = people()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def tell(payments: int, asked: int, to_ask: int) -> None:
            told = f"{payments} payments" + (f", asked about {asked} of {to_ask} invoices" if to_ask else "")
            progress.update(task, description=told, completed=asked, total=to_ask or None)

        return gateway.reconcile(since, until, apply=apply, progress=tell, resume=resume)


def _write_csv(found: Reconciliation) -> None:
    from gateway_core.journal._reconciling import COLUMNS, rows

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(found.findings):
        writer.writerow([defused(text) for text in row.values()])


def _write_table(found: Reconciliation) -> None:
    from gateway_core.journal._reconciling import COLUMNS, rows

    listed = rows(found.findings)
    if not listed:
        return
    table = Table(*(name.replace("_", " ") for name in COLUMNS), box=None, pad_edge=False)
    for row in listed:
        table.add_row(*(escape(one_line(text, 200)) for text in row.values()))
    Console(highlight=False, width=10_000).print(table)
