"""The command that verifies a recorded webhook."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway_core.cli import options
from gateway_core.cli.output import say, show, write_json
from gateway_core.models import WebhookRequest

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)


@click.command("verify-webhook")
@click.option("--body", type=_FILE, required=True, help="The body, byte for byte; - for stdin.")
@click.option("--header", type=options.Pair(":"), multiple=True, help="A header; may be repeated.")
@click.option("--headers", type=_FILE, help="A file of headers, one `name: value` a line.")
@click.option("--url", help="The whole address that was called, where the provider's scheme needs it.")
@click.option("--received-at", type=options.Moment(), help="When it came, to check an old one  [default: now]")
@options.on_account
def verify_webhook(
    body: Path,
    header: tuple[tuple[str, str], ...],
    headers: Path | None,
    url: str | None,
    received_at: datetime | None,
    account: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """Verify a webhook, and show what it tells. Exits with 4 if it is not genuine."""
    with click.open_file(str(body), "rb") as file:
        content = file.read()
    pairs = [*header, *(_read(headers) if headers else ())]
    request = WebhookRequest(body=content, headers=pairs, url=url, received_at=received_at)
    with options.open_gateway(account, config) as gateway:
        delivery = gateway.verify_webhook(request)
    if as_json:
        write_json(delivery)
        return
    say(f"genuine, verified by {delivery.verified_by}; answer with status {delivery.acknowledgement.status}", "green")
    for event in delivery.events:
        click.echo(f"{event.kind}  {event.id}  invoice {event.invoice_id or '-'}")
        if event.report is not None:
            click.echo(
                f"  {event.report.status}  received {show(event.report.received) or 'unknown'}"
                f" of {show(event.report.expected) or 'unknown'}  verdict {event.report.verdict}"
            )


def _read(path: Path) -> list[tuple[str, str]]:
    with click.open_file(str(path), encoding="utf-8") as file:
        lines = [line.rstrip("\r\n") for line in file]
    pair = options.Pair(":")
    return [pair.convert(line, None, None) for line in lines if line.strip()]
