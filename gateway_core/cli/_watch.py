"""The command that asks about open invoices again and again."""

from __future__ import annotations

import importlib
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway_core.cli import options
from gateway_core.cli.output import say
from gateway_core.errors import GatewayError


def _load(_: click.Context, __: click.Parameter, value: str) -> Callable[[Any], object]:
    """Import the function that handles an event."""
    module, separator, name = value.partition(":")
    if not separator:
        raise click.BadParameter("write MODULE:FUNCTION, such as shop.payments:handle")
    sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise click.BadParameter(f"cannot be imported ({type(error).__name__})") from None
    if not callable(found):
        raise click.BadParameter("is no function")
    handler: Callable[[Any], object] = found
    return handler


@click.command()
@click.argument("handler", metavar="MODULE:FUNCTION", callback=_load)
@click.option("--every", type=click.FloatRange(min=1), default=60, show_default=True, metavar="SECONDS")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="The most invoices each time."
)
@click.option("--once", is_flag=True, help="Ask once, and end.")
@options.config
@click.option("--account", metavar="NAME", help="An account of that file  [default: its default, or the only one]")
def watch(
    handler: Callable[[Any], object], every: float, limit: int, once: bool, config: options.Config, account: str | None
) -> None:
    """Ask about open invoices again and again, and hand what is new to a function of yours, as a webhook would.

    How often an invoice is asked about depends on its age; the provider's rate limit is kept.
    """
    with options.open_gateway(account, config) as gateway:
        while True:
            try:
                handled = gateway.poll(handler, limit=limit)
            except GatewayError as error:
                if once:
                    raise
                say(f"error: {error}", style="red")
            except Exception:
                if once:
                    raise
                say(traceback.format_exc(), style="red")  # the function's own: it is called again next time
            else:
                if handled or once:
                    say(f"{handled} events handled")
            if once:
                return
            time.sleep(every)
