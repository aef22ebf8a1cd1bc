"""The group of commands: our own, and those that installed plugins add."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from typing import Any

import click

from gateway_core._plugins.discovery import Offer, offers_of, rivalry, scan
from gateway_core.cli.options import Host
from gateway_core.cli.output import fail
from gateway_core.errors import PluginError

#: Distributions add a command by an entry point of its name in this group.
COMMANDS = "gateway_core.commands"

_OWN = {
    "cancel-invoice": "_invoices:cancel_invoice",
    "create-invoice": "_invoices:create_invoice",
    "doctor": "_doctor:doctor",
    "find-invoice": "_invoices:find_invoice",
    "get-status": "_invoices:get_status",
    "journal": "_journal:journal",
    "list-payments": "_payments:list_payments",
    "new-plugin": "_new_plugin:new_plugin",
    "providers": "_providers:providers",
    "reconcile": "_reconcile:reconcile",
    "refund-payment": "_invoices:refund_payment",
    "route": "_route:route",
    "watch": "_watch:watch",
    "webhook": "_webhook:webhook",
    "verify-webhook": "_webhooks:verify_webhook",
}

#: Commands that a distribution of ours adds, for those who miss them.
_ELSEWHERE = {"demo": "gateway-sandbox[server]", "sandbox": "gateway-sandbox[server]"}


class _Commands(click.Group):
    """A group that imports a command only when it is called or described."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_OWN, *_commands_of_host(ctx), *(offer.name for offer in _added())})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _commands_of_host(ctx):
            return _commands_of_host(ctx)[cmd_name]
        if cmd_name in _OWN:
            module, _, name = _OWN[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(f"gateway_core.cli.{module}"), name)
            return command
        if offers := [offer for offer in _added() if offer.name == cmd_name]:
            return _load(offers)
        if cmd_name in _ELSEWHERE:
            ctx.fail(f"{cmd_name!r} comes with another distribution: pip install '{_ELSEWHERE[cmd_name]}'")
        return None

    def invoke(self, ctx: click.Context) -> Any:
        with fail():
            return super().invoke(ctx)


def _commands_of_host(ctx: click.Context) -> Mapping[str, click.Command]:
    return ctx.obj.commands if isinstance(ctx.obj, Host) else {}


def _added() -> list[Offer]:
    """Return the commands that distributions add. Nothing is imported."""
    sources, _ = scan(COMMANDS)
    return offers_of((source for source in sources if source.name not in _OWN), Offer)


def _load(offers: list[Offer]) -> click.Command:
    """Import a plugin's command; one that cannot be imported says so when it is called, and hides no other."""
    offer = offers[0]
    try:
        if len(offers) > 1:
            raise rivalry(offers)
        command = offer.imported()
    except PluginError as error:
        reason = error.message
    else:
        if isinstance(command, click.Command):
            return command
        reason = "it is no click command"

    def broken(**_: Any) -> None:
        raise click.ClickException(f"the command {offer.name!r} of {offer.distribution} is broken: {reason}")

    return click.Command(
        offer.name,
        callback=broken,
        short_help=f"(broken: {reason})",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gateway-core", prog_name="gateway")
def gateway() -> None:
    """Create invoices, follow payments and check webhooks, at any provider that a plugin is installed for.

    Results go to stdout, everything else to stderr.

    \b
    Exit codes:
      0  done
      1  the provider refused
      2  wrong usage or configuration
      3  no usable answer: with an effect of "unknown" it may have happened
      4  not a genuine webhook
    """  # noqa: D301  # click looks for the character, not for a backslash
    # A command tells itself what goes wrong; without a handler, Python would write the log's warnings beside it.
    logging.getLogger("gateway_core").addHandler(logging.NullHandler())
