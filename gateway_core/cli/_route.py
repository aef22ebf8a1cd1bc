"""The command that shows which account an order would go to."""

from __future__ import annotations

import attrs
import click

from gateway_core.cli import options
from gateway_core.cli.output import write_record
from gateway_core.gateways import Gateways
from gateway_core.models import InvoiceRequest, Money


@attrs.frozen(kw_only=True)
class _Routed:
    """Where an order would go.

    Attributes:
        account: The account that is tried first.
        then: Those that are tried after it, each if the request surely was not sent to the one before.
        because: ``journal`` if the order is there already, the route's key in the file, or ``default``.
    """

    account: str
    then: tuple[str, ...]
    because: str


@click.command()
@click.argument("order_id")
@click.argument("amount")
@click.argument("currency")
@click.option("--network", help="The chain of a crypto asset, such as tron.")
@click.option("--country", metavar="CODE", help="The customer's country, such as DE.")
@click.option("--tag", help="What the application says of such an order.")
@options.config
@options.as_json
def route(
    order_id: str,
    amount: str,
    currency: str,
    network: str | None,
    country: str | None,
    tag: str | None,
    config: options.Config,
    as_json: bool,
) -> None:
    """Show the account to which ORDER_ID over AMOUNT CURRENCY would go, and why. Nothing is sent."""
    request = InvoiceRequest(order_id=order_id, amount=Money(amount, currency, network=network))
    with Gateways.open(config) as gateways:
        kept = gateways._accounts_of(order_id)  # noqa: SLF001  # ours
        index, names = gateways._chosen(request, country, tag)  # noqa: SLF001  # ours
        because = "default" if index is None else f"routes[{index}]"
        routed = _Routed(account=names[0], then=names[1:], because=because)
        if kept:
            routed = _Routed(account=kept[0], then=(), because="journal")
    write_record(routed, as_json=as_json)
