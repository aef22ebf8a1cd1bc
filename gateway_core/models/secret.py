"""A value that is shown to the provider and to nobody else."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn

from gateway_core._redaction import MASK
from gateway_core.errors import ConfigurationError

_VISIBLE_ASCII = re.compile(r"[!-~]+")


class Secret:
    """An API key or webhook secret: visible ASCII, not empty. It prints as ``***`` and cannot be pickled.

    >>> from gateway_core import Secret
    >>> Secret("sk-1234567890")
    Secret('***')
    >>> Secret("sk-1234567890").reveal()
    'sk-1234567890'

    Raises:
        ConfigurationError: If the value is empty or holds a blank, a line end or a character outside ASCII. Such a
            value is usually a mistake of copying, and would be printed in full by the HTTP library that refuses it as a
            header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        if not _is_visible_ascii(value):
            del value  # which the traceback's locals would show
            raise ConfigurationError("a secret must be visible ASCII and not empty (no blanks, no line end at its end)")
        self._value = str.__str__(value)  # a subclass of str may print itself in other ways

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise ConfigurationError("a secret cannot be pickled: open the gateway in the process that uses it")


def _is_visible_ascii(value: object) -> bool:
    return isinstance(value, str) and _VISIBLE_ASCII.fullmatch(value) is not None
