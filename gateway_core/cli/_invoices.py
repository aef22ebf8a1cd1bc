"""Commands about one invoice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from gateway_core.cli import options
from gateway_core.cli._dry_run import show_request
from gateway_core.cli.output import REFUSED, say, write_json, write_record
from gateway_core.gateway import Gateway
from gateway_core.models import InvoiceRequest, Money, RefundRequest


@click.command("create-invoice")
@click.argument("order_id")
@click.argument("amount")
@click.argument("currency")
@click.option("--network", help="The chain of a crypto asset, such as tron.")
@click.option("--description", default="", metavar="TEXT", help="What the payer reads.")
@click.option("--return-url", metavar="URL", help="Where the payer's browser goes afterwards.")
@click.option(
    "--expires-in", type=click.FloatRange(min=0, min_open=True), metavar="MINUTES", help="How long it may be paid."
)
@click.option("--metadata", type=options.Pair("="), multiple=True, help="A text to store with it; may be repeated.")
@click.option(
    "--option", type=options.Pair("="), multiple=True, help="An option of the provider's own; may be repeated."
)
@options.dry_run
@options.on_account
def create_invoice(
    order_id: str,
    amount: str,
    currency: str,
    network: str | None,
    description: str,
    return_url: str | None,
    expires_in: float | None,
    metadata: tuple[tuple[str, str], ...],
    option: tuple[tuple[str, str], ...],
    dry_run: bool,
    account: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """Create an invoice for ORDER_ID over AMOUNT CURRENCY, such as: 1042 49.90 EUR."""
    request = InvoiceRequest(
        order_id=order_id,
        amount=Money(amount, currency, network=network),
        description=description,
        return_url=return_url,
        expires_in=None if expires_in is None else timedelta(minutes=expires_in),
        metadata=dict(metadata),
        options=dict(option),
    )
    _perform(lambda gateway: gateway.create_invoice(request), account, config, as_json=as_json, dry_run=dry_run)


@click.command("get-status")
@click.argument("invoice_id")
@options.dry_run
@options.on_account
def get_status(invoice_id: str, dry_run: bool, account: str | None, config: options.Config, as_json: bool) -> None:
    """Report what is known of an invoice now."""
    _perform(lambda gateway: gateway.get_status(invoice_id), account, config, as_json=as_json, dry_run=dry_run)


@click.command("find-invoice")
@click.argument("order_id")
@options.dry_run
@options.on_account
def find_invoice(order_id: str, dry_run: bool, account: str | None, config: options.Config, as_json: bool) -> None:
    """Look an invoice up by the shop's ORDER_ID. Exits with 1 if there is none."""
    _perform(lambda gateway: gateway.find_invoice(order_id), account, config, as_json=as_json, dry_run=dry_run)


@click.command("cancel-invoice")
@click.argument("invoice_id")
@options.dry_run
@options.on_account
def cancel_invoice(invoice_id: str, dry_run: bool, account: str | None, config: options.Config, as_json: bool) -> None:
    """Call an unpaid invoice off."""
    _perform(lambda gateway: gateway.cancel_invoice(invoice_id), account, config, as_json=as_json, dry_run=dry_run)


@click.command("refund-payment")
@click.argument("refund_id")
@click.argument("invoice_id")
@click.argument("amount")
@click.argument("currency")
@click.option("--network", help="The chain of a crypto asset, such as tron.")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@options.dry_run
@options.on_account
def refund_payment(
    refund_id: str,
    invoice_id: str,
    amount: str,
    currency: str,
    network: str | None,
    reason: str,
    dry_run: bool,
    account: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """Give AMOUNT CURRENCY of an invoice back, under the shop's own REFUND_ID."""
    request = RefundRequest(
        refund_id=refund_id, invoice_id=invoice_id, amount=Money(amount, currency, network=network), reason=reason
    )
    _perform(lambda gateway: gateway.refund_payment(request), account, config, as_json=as_json, dry_run=dry_run)


def _perform(
    operation: Callable[[Gateway], Any], account: str | None, config: options.Config, *, as_json: bool, dry_run: bool
) -> None:
    if dry_run:
        show_request(account, config, operation, as_json=as_json)
        return
    with options.open_gateway(account, config) as gateway:
        record = operation(gateway)
    if record is not None:
        write_record(record, as_json=as_json)
        return
    if as_json:
        write_json(None)
    say("there is none")
    click.get_current_context().exit(REFUSED)
