"""The command that lists payments."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway_core import _json
from gateway_core._redaction import one_line
from gateway_core.cli import options
from gateway_core.cli._dry_run import show_request
from gateway_core.cli.output import people, show
from gateway_core.models import Payment
from gateway_core.serialization import to_plain

_COLUMNS = ("id", "invoice_id", "amount", "currency", "network", "status", "paid_at", "reference")

#: A spreadsheet takes a text that begins so for a formula, and a payer may choose the reference.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@click.command("list-payments")
@click.option("--since", type=options.Moment(), help="Payments of this time or later.")
@click.option("--until", type=options.Moment(), help="Payments before this time.")
@click.option("--invoice-id", metavar="ID", help="Payments of this invoice only.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="The most payments to list.")
@click.option(
    "--csv", "as_csv", is_flag=True, help="Write CSV to stdout. A text that a spreadsheet would run gets a ' before it."
)
@options.dry_run
@options.on_account
def list_payments(
    since: datetime | None,
    until: datetime | None,
    invoice_id: str | None,
    limit: int | None,
    as_csv: bool,
    dry_run: bool,
    account: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """List payments: money that the provider saw arriving."""
    if as_csv and as_json:
        raise click.UsageError("choose one of --csv and --json")
    if dry_run:
        show_request(
            account,
            config,
            lambda gateway: next(
                gateway.list_payments(since=since, until=until, invoice_id=invoice_id, limit=limit), None
            ),
            as_json=as_json,
        )
        return
    with options.open_gateway(account, config) as gateway:
        payments = _counted(gateway.list_payments(since=since, until=until, invoice_id=invoice_id, limit=limit))
        if as_json:
            _write_json(payments)
        elif as_csv:
            _write_csv(payments)
        else:
            _write_table(payments)


def _counted(payments: Iterable[Payment]) -> Iterator[Payment]:
    """Pass payments on, and count them on a terminal while they come."""
    columns = SpinnerColumn(), TextColumn("{task.completed} payments"), TimeElapsedColumn()
    console = people()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=None)
        for payment in payments:
            yield payment
            progress.advance(task)


def _row(payment: Payment) -> list[str]:
    amount = payment.amount
    return [
        payment.id,
        payment.invoice_id or "",
        f"{amount.amount:f}" if amount else "",
        amount.currency if amount else "",
        (amount.network or "") if amount else "",
        str(payment.status),
        payment.paid_at.isoformat() if payment.paid_at else "",
        payment.reference or "",
    ]


def _write_json(payments: Iterable[Payment]) -> None:
    """Write an array, an item a line, as the payments come."""
    before = "["
    for payment in payments:
        click.echo(before + "\n" + _json.dumps(to_plain(payment)).decode(), nl=False)
        before = ","
    click.echo("[]" if before == "[" else "\n]")


def _write_csv(payments: Iterable[Payment]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for payment in payments:
        writer.writerow([defused(text) for text in _row(payment)])


def defused(text: str) -> str:
    """Return a text as a spreadsheet may have it, which would run what looks like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) and not _is_amount(text) else text


def _is_amount(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def _write_table(payments: Iterable[Payment]) -> None:
    """Write a table. Its columns are as wide as their contents, so it waits for the last payment."""
    table = Table("id", "invoice", "amount", "status", "paid at", "reference", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    rows = 0
    for payment in payments:
        cells = (payment.id, payment.invoice_id, payment.amount, payment.status, payment.paid_at, payment.reference)
        table.add_row(*(escape(one_line(show(cell), 200)) for cell in cells))
        rows += 1
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 10_000)
    console.print(table)
    people().print(f"{rows} payments")
