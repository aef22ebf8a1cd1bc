"""The commands that look at the journal, and say what a person has found out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway_core._redaction import one_line
from gateway_core.cli import options
from gateway_core.cli.output import fields_of, people, say, show, write_json
from gateway_core.config import load_account
from gateway_core.errors import ConfigurationError, GatewayError
from gateway_core.gateway import Gateway

if TYPE_CHECKING:  # the journal is an extra, and its commands describe themselves without it
    from gateway_core.journal import AccountJournal, Intent

_INTENT = ("id", "operation", "key", "invoice_id", "amount", "state", "sent_at", "error")
_EVENT = ("id", "kind", "invoice_id", "order_id", "state", "review", "times", "received_at")
_INVOICE = ("invoice_id", "attempt", "amount", "currency", "status", "received", "refunded", "recorded_at")


@click.group("journal")
def journal() -> None:
    """Look at the journal, and say what a person has found out."""


@contextlib.contextmanager
def _open(account: str | None, config: options.Config) -> Iterator[tuple[Gateway, AccountJournal]]:
    with options.open_gateway(account, config) as gateway:
        if gateway.journal is None:
            raise ConfigurationError('there is no journal: write journal = "sqlite:///var/gateway.db" at the top')
        yield gateway, gateway.journal


@journal.command("list")
@options.on_account
def list_open(account: str | None, config: options.Config, as_json: bool) -> None:
    """List what is left to do: intents without an outcome, events that nobody handled, cases that need a look.

    Exits with 1 if there is something.
    """
    with _open(account, config) as (_, kept):
        found = kept.open()
    if as_json:
        write_json({"intents": [_intent(each) for each in found.intents], "events": list(found.events)})
    else:
        _write_table("intents", [_intent(each) for each in found.intents], _INTENT)
        _write_table("events", found.events, _EVENT)
    if found.intents or found.events:
        say(f"{len(found.intents)} intents and {len(found.events)} events are open", style="yellow")
        click.get_current_context().exit(1)
    say("nothing is open", style="green")


@journal.command("show")
@click.argument("order_id")
@options.on_account
def show_order(order_id: str, account: str | None, config: options.Config, as_json: bool) -> None:
    """Show all that is known of an order."""
    with _open(account, config) as (_, kept):
        found = kept.order(order_id)
    if as_json:
        write_json(found)
        return
    _write_table("intents", found["intents"], _INTENT)
    _write_table("invoices", found["invoices"], _INVOICE)
    _write_table("events", found["events"], (*_EVENT, "status_before", "status_after"))


@journal.command("retry")
@click.argument("order_id", required=False)
@options.on_account
def retry(order_id: str | None, account: str | None, config: options.Config, as_json: bool) -> None:
    """Look once more what has become of the open intents of ORDER_ID, or of all of them. Nothing is sent twice.

    Exits with 1 if one of them stays open.
    """
    found: list[Intent] = []
    left = 0
    with _open(account, config) as (gateway, kept):
        for each in kept.open().intents:
            if order_id not in (None, each.order_id):
                continue
            try:
                found.append(gateway.resolve_intent(each.id))
            except GatewayError as error:  # the others are looked at all the same
                say(f"intent {each.id}: {error}", style="yellow")
                left += 1
    if as_json:
        write_json([_intent(each) for each in found])
    else:
        _write_table("intents", [_intent(each) for each in found], _INTENT)
    click.get_current_context().exit(1 if left else 0)


@journal.command("resolve")
@click.argument("number", type=int)
@click.option(
    "--invoice-id", metavar="ID", help="The invoice that intent NUMBER has made; the provider is asked about it."
)
@click.option("--carried-out", is_flag=True, help="Intent NUMBER, which makes no invoice, was carried out.")
@click.option("--provider-id", metavar="ID", help="With --carried-out: the provider's id of the refund or capture.")
@click.option("--absent", is_flag=True, help="Intent NUMBER has surely made nothing: it may be tried again.")
@click.option("--reviewed", is_flag=True, help="Event NUMBER was looked at.")
@options.on_account
def resolve(  # each is an option
    number: int,
    invoice_id: str | None,
    carried_out: bool,
    provider_id: str | None,
    absent: bool,
    reviewed: bool,
    account: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """Say what a person has found out about intent or event NUMBER, as `gateway journal list` shows it."""
    if (invoice_id is not None) + carried_out + absent + reviewed != 1:
        raise click.UsageError("choose one of --invoice-id, --carried-out, --absent and --reviewed")
    if provider_id is not None and not carried_out:
        raise click.UsageError("--provider-id goes with --carried-out")
    with _open(account, config) as (gateway, kept):
        if reviewed:
            kept.reviewed(number)
            say(f"event {number} is done")
            return
        if absent:
            intent = kept.absent(number)
        elif carried_out:
            intent = kept.carried_out(number, provider_id)
        else:
            intent = gateway.resolve_intent(number, invoice_id=invoice_id)
    if as_json:
        write_json(_intent(intent))
    say(f"intent {number} is {intent.state}")


@journal.command("prune")
@click.option(
    "--days", type=click.IntRange(min=1), default=400, show_default=True, help="How long to keep what has ended."
)
@options.on_account
def prune(days: int, account: str | None, config: options.Config, as_json: bool) -> None:
    """Remove what has ended and is older than so many days."""
    with _open(account, config) as (_, kept):
        removed = kept.prune(timedelta(days=days))
    if as_json:
        write_json({"removed": removed})
    say(f"{removed} rows removed")


@journal.command("upgrade")
@click.option("--sql", "as_sql", is_flag=True, help="Write the statements to stdout, and change nothing.")
@options.config
@click.option("--account", metavar="NAME", help="An account of that file  [default: its default, or the only one]")
def upgrade(as_sql: bool, config: options.Config, account: str | None) -> None:
    """Make the journal's tables, or bring them up to date."""
    from gateway_core.journal import Journal

    loaded = load_account(account, config)
    if loaded.journal is None:
        raise ConfigurationError('there is no journal: write journal = "sqlite:///var/gateway.db" at the top')
    with Journal(loaded.journal.reveal()) as kept:
        if as_sql:
            click.echo(kept.upgrade_sql(), nl=False)
            return
        kept.upgrade()
    say("the journal's tables are up to date", style="green")


def _intent(intent: Intent) -> dict[str, Any]:
    return {name: value for name, value in fields_of(intent) if name not in ("content", "result", "seen_at")}


def _write_table(title: str, rows: Any, columns: tuple[str, ...]) -> None:
    if not rows:
        return
    people().print(title, style="bold")
    table = Table(*(name.replace("_", " ") for name in columns), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(one_line(show(row[name]), 200)) for name in columns))
    Console(highlight=False, width=10_000).print(table)
