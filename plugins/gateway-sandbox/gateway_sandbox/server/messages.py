"""A webhook for a developer's eyes: its JSON on several lines, and the command that sends it once more."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from gateway_core.errors import UnexpectedResponseError
from gateway_core.wire import dumps, loads


def pretty(body: bytes) -> str | None:
    """Return JSON with a line for each value, numbers to the last digit; None if it is no JSON."""
    try:
        return _written(loads(body), "")
    except UnexpectedResponseError:
        return None


def curl(url: str, headers: Iterable[tuple[str, str]], body: bytes) -> str | None:
    """Return the shell command that sends a webhook, byte for byte; None if its body is no text."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    parts = [f"curl --request POST {shlex.quote(url)}"]
    parts += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in headers]
    parts.append(f"--data-binary {shlex.quote(text)}")
    return " \\\n  ".join(parts)


def _written(value: Any, margin: str) -> str:
    deeper = f"{margin}  "
    match value:
        case Mapping() if value:
            lines = [f"{deeper}{_written(name, '')}: {_written(each, deeper)}" for name, each in value.items()]
            return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
        case list() if value:
            return "[\n" + ",\n".join(f"{deeper}{_written(each, deeper)}" for each in value) + f"\n{margin}]"
        case str():
            return f'"{_escaped(value)}"'
    return dumps(value).decode("ascii")


def _escaped(text: str) -> str:
    """Return a text as JSON writes it, but for letters that can be read as they are."""
    return "".join(
        char if char.isprintable() and char not in '"\\' else dumps(char).decode("ascii")[1:-1] for char in text
    )
