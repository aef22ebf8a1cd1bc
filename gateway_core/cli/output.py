"""What goes to stdout and to stderr, and with which exit code the command ends."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import attrs
import click
from rich.console import Console
from rich.markup import escape

from gateway_core import _json
from gateway_core._redaction import one_line
from gateway_core.errors import (
    GatewayError,
    JournalError,
    ProviderError,
    ProviderUnavailableError,
    TransportError,
    UnexpectedResponseError,
    WebhookError,
)
from gateway_core.serialization import to_plain

#: Where a command's context notes that ``--json`` was given.
JSON = "gateway_core.json"

REFUSED, USAGE, NO_ANSWER, NOT_GENUINE = 1, 2, 3, 4


def people() -> Console:
    """Return the console for people's text, on stderr."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, style: str = "") -> None:
    """Tell people something. What came from outside in it is shown as it is, on its line."""
    people().print(escape(one_line(text, 4000)), style=style)


def fields_of(record: Any) -> list[tuple[str, Any]]:
    """Return the names and values of a record's attributes."""
    return [(field.name, getattr(record, field.name)) for field in attrs.fields(type(record))]


def write_json(value: Any) -> None:
    """Write one JSON value on a line of stdout."""
    click.echo(_json.dumps(to_plain(value)))


def write_record(record: Any, *, as_json: bool) -> None:
    """Write a record to stdout: as JSON, or one attribute a line, those without a value left out."""
    if as_json:
        write_json(record)
        return
    shown = {name: value for name, value in fields_of(record) if name != "raw" and value not in (None, "", {}, ())}
    width = max(len(name) for name in shown)
    for name, value in shown.items():
        click.echo(f"{name:<{width}}  {one_line(show(value), 1000)}")


def show(value: Any) -> str:
    """Return a value as people read it."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return "" if value is None else str(value)


@contextlib.contextmanager
def fail() -> Iterator[None]:
    """End the command with the exit code of an error of ours; with ``--json`` the error goes to stdout too."""
    try:
        yield
    except GatewayError as error:
        failure = error
    else:
        return
    if click.get_current_context().meta.get(JSON):
        write_json({"error": describe(failure)})
    say(f"error: {failure}", style="bold red")
    sys.exit(exit_code(failure))


def describe(error: GatewayError) -> dict[str, Any]:
    """Return an error's class and attributes."""
    attributes = {name: value for name, value in vars(error).items() if not name.startswith("_")}
    return {"type": type(error).__name__, **attributes}


def exit_code(error: GatewayError) -> int:
    """Return the exit code that an error stands for."""
    if isinstance(error, WebhookError):
        return NOT_GENUINE
    if isinstance(error, TransportError | ProviderUnavailableError | UnexpectedResponseError) or error.effect != "none":
        return NO_ANSWER
    if isinstance(error, ProviderError | JournalError):
        return REFUSED
    return USAGE
