"""``manage.py gateway watch``: the signals of what no webhook has told."""

from __future__ import annotations

import logging
import time

import click
from django.db import close_old_connections

from gateway_core.cli.output import say
from gateway_core.errors import GatewayError
from gateway_django import _gateways, _handling

_log = logging.getLogger("gateway_django")


@click.command()
@click.option("--every", type=click.FloatRange(min=1), default=60, show_default=True, metavar="SECONDS")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The most invoices each time."
)
@click.option("--once", is_flag=True, help="Ask once, and end; with 1 if not all went well.")
@click.option("--account", metavar="NAME", help="One account  [default: all of them]")
def watch(every: float, limit: int, once: bool, account: str | None) -> None:
    """Ask about open invoices again and again, and send the signals of what is new, as a webhook would.

    How often an invoice is asked about depends on its age; the provider's rate limit is kept. What a receiver raises
    is logged, and the event comes again.
    """
    names = list(_gateways.gateways()) if account is None else [account]
    while True:
        handled = [_poll(name, limit) for name in names]
        events = sum(each for each in handled if each is not None)
        if events or once:
            say(f"{events} events handled")
        if once:
            click.get_current_context().exit(1 if None in handled else 0)
        close_old_connections()
        time.sleep(every)


def _poll(account: str, limit: int) -> int | None:
    """Return how many events of an account were handled; None if not all went well."""
    try:
        return _handling.poll(_gateways.gateways()[account], limit=limit)
    except GatewayError as error:
        say(f"{account}: error: {error}", style="red")
    except Exception:  # noqa: BLE001  # a receiver's own
        _log.exception("%s: an event was not handled, and comes again", account)
        say(f"{account}: an event was not handled, and comes again: the log says why", style="red")
    return None
