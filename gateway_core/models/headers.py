"""HTTP headers as they were sent: names in any case, values in their order, repeated ones kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias, Union

from gateway_core.errors import InvalidRequestError

#: What headers may be given as. A mapping may hold one value or several for a name.
HeadersLike: TypeAlias = Union["Headers", Mapping[str, str | Iterable[str]], Iterable[tuple[str, str]]]


class Headers(Mapping[str, str]):
    """An immutable, case-insensitive multi-mapping.

    >>> from gateway_core.models import Headers
    >>> headers = Headers([("Set-Cookie", "a"), ("set-cookie", "b")])
    >>> headers["SET-COOKIE"]
    'a'
    >>> headers.get_all("Set-Cookie")
    ('a', 'b')

    Values are left out of its ``repr``: they hold keys and signatures.

    Raises:
        InvalidRequestError: If a name or a value is not text. A server that gives bytes gives Latin-1.
    """

    __slots__ = ("_values", "pairs")

    def __init__(self, headers: HeadersLike = ()) -> None:
        #: Each header as it came, as ``(name, value)``.
        self.pairs: tuple[tuple[str, str], ...] = _plain_pairs(headers) or tuple(_pairs(headers))
        self._values: dict[str, list[str]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return every value of this name, in the order received; empty if there is none."""
        return tuple(self._values.get(name.lower(), ()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return self._values == other._values if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(sorted((name, tuple(values)) for name, values in self._values.items())))

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._values)}>"


def as_headers(headers: HeadersLike) -> Headers:
    """Return the headers; the same object if it is one already, for nobody can change it."""
    return headers if type(headers) is Headers else Headers(headers)


def _plain_pairs(headers: HeadersLike) -> tuple[tuple[str, str], ...]:
    """Return the pairs of a dict from text to text, which most headers come as; none for anything else."""
    if type(headers) is not dict or not all(type(each) is str for each in (*headers, *headers.values())):
        return ()
    return tuple(headers.items())


def _pairs(headers: HeadersLike) -> Iterator[tuple[str, str]]:
    if isinstance(headers, Headers):
        yield from headers.pairs
        return
    for pair in headers.items() if isinstance(headers, (dict, Mapping)) else _iterable(headers):
        name, value = pair if isinstance(pair, (tuple, list)) and len(pair) == 2 else (None, None)
        for each in (value,) if isinstance(value, str) else _iterable(value):
            if not isinstance(name, str) or not isinstance(each, str):
                raise InvalidRequestError("header names and values are text (decode bytes as Latin-1)")
            yield name, each


def _iterable(value: object) -> Iterable[Any]:
    return value if isinstance(value, Iterable) else (value,)
