"""The options that commands share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import click

from gateway_core.cli.output import JSON
from gateway_core.gateway import Gateway
from gateway_core.transport import Transport

_Command = Callable[..., None]

#: What ``--config`` becomes: the path that was given, or the configuration of the program that runs the command.
Config: TypeAlias = Path | Mapping[str, Any] | None


@attrs.frozen(kw_only=True)
class Host:
    """A program that runs the commands as its own: it stands in `click.Context.obj`.

    Attributes:
        config: The accounts: the path of a file, or a mapping with what would stand in it.
        commands: Commands of its own, in place of ours of the same name.
    """

    config: Path | Mapping[str, Any] = attrs.field(repr=False)
    commands: Mapping[str, click.Command] = attrs.field(factory=dict)


class _ConfigOption(click.Option):
    """An option that a host leaves out, since it has the configuration."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return None if isinstance(ctx.obj, Host) else super().get_help_record(ctx)


def _choose(ctx: click.Context, _: click.Parameter, value: Path | None) -> Config:
    return ctx.obj.config if value is None and isinstance(ctx.obj, Host) else value


def _note(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[JSON] = value
    return value


as_json = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_note, help="Write JSON to stdout; amounts are text."
)
config = click.option(
    "--config",
    cls=_ConfigOption,
    callback=_choose,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file  [default: $GATEWAY_CONFIG, else ./gateway.toml]",
)
account = click.option(
    "--account", metavar="NAME", help="An account of that file  [default: its default, or the only one]"
)
dry_run = click.option(
    "--dry-run", is_flag=True, help="Show the exact request instead of sending it; secrets are masked."
)


def on_account(command: _Command) -> _Command:
    """Give a command the options that choose an account and the form of its output."""
    return config(account(as_json(command)))


def open_gateway(account: str | None, config: Config, transport: Transport | None = None) -> Gateway:
    """Open the gateway that the options choose."""
    return Gateway.open(account, config=config, transport=transport, journal=None if transport is None else False)


class Moment(click.ParamType[datetime]):
    """A date, or a date and time; in UTC unless it names another zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it, or say how it is written."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail("give a date or a time in ISO 8601, such as 2026-11-21 or 2026-11-21T10:00:00+01:00", param, ctx)
        return moment if moment.utcoffset() is not None else moment.replace(tzinfo=UTC)


class Pair(click.ParamType[tuple[str, str]]):
    """A name and a value.

    Args:
        separator: What stands between them.
    """

    def __init__(self, separator: str) -> None:
        self.separator = separator
        self.name = "name=value" if separator == "=" else "'name: value'"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Read it, or say how it is written."""
        if isinstance(value, tuple):
            return value
        name, found, text = value.partition(self.separator)
        if not found or not name.strip():
            self.fail(f"give {self.name}", param, ctx)
        return name.strip(), text.strip()
