"""JSON values with one part of them changed, and every number as it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Self

#: A word has a small letter, or is longer than the code of a currency; ids and dates have digits in them.
_WORD = re.compile(r"(?=.*[a-z]|.{5})[A-Za-z][A-Za-z_.\- ]{1,40}")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in parsed JSON, of objects and lists too; of a list the first item only."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], (*path, 0))


def every_leaf(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value in parsed JSON, of each item of a list too."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in items:
        yield from every_leaf(each, (*path, name))


def is_word(value: object) -> bool:
    """Return whether a value of parsed JSON is a word, such as a status, and no id, code or text for people."""
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def parsed(body: bytes) -> Any:
    """Return the JSON of a body; None if it is none. Numbers stay as they are written."""
    try:
        return json.loads(body, parse_float=_Number, parse_int=_Number)
    except ValueError:
        return None


class _Number(int):
    """A number as it is written."""

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, 0)
        made.text = text  # type: ignore[attr-defined]  # what `written` writes
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]  # set when it was made


def written(value: Any) -> bytes:
    """Write JSON, with numbers as they were written."""
    match value:
        case _Number():
            return repr(value).encode()
        case dict():
            pairs = (json.dumps(name).encode() + b":" + written(each) for name, each in value.items())
            return b"{" + b",".join(pairs) + b"}"
        case list():
            return b"[" + b",".join(map(written, value)) + b"]"
    return json.dumps(value).encode()


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return parsed JSON in which the value at a path is another, or is gone if the new one is `...`."""
    first, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest:
        copy[first] = changed(copy[first], tuple(rest), new)
    elif new is ...:
        del copy[first]
    else:
        copy[first] = new
    return copy


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """Return the value at a path of parsed JSON."""
    for step in path:
        value = value[step]
    return value
