"""A value that is shown to the provider and to nobody else."""

from __future__ import annotations

import hmac
from typing import NoReturn

from gateway_core._redaction import MASK
from gateway_core.errors import ConfigurationError

# Bytes of the shortest secret that signs: a shorter one can be guessed from one signature.
SHORTEST_SIGNING_SECRET = 16

# A single character is a slip of the keyboard, and would be masked in every text where it stands alone.
_SHORTEST = 2


class Secret:
    """An API key or webhook secret: two characters or more on one line. It prints as ``***`` and cannot be pickled.

    What else a secret must be depends on its use: `secret_field` makes sure that a key fits into a header, and
    `secrets_field` that what signs is long enough.

    >>> from gateway_core import Secret
    >>> Secret("sk-1234567890")
    Secret('***')
    >>> Secret("sk-1234567890").reveal()
    'sk-1234567890'

    Raises:
        ConfigurationError: If the value is shorter, begins or ends with a blank, or holds a line end or another
            character that cannot be seen. Such a value is usually a mistake of copying.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        fault = _fault(value)
        if fault is not None:
            del value  # which the traceback's locals would show
            raise ConfigurationError(f"a secret {fault} (a key is visible ASCII, what signs is text on one line)")
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

    __getstate__ = __reduce__


def _fault(value: object) -> str | None:
    """Return what makes a value no secret; None if it is one."""
    if not isinstance(value, str):
        return "must be text"
    if len(value) < _SHORTEST:
        return f"must have {_SHORTEST} characters or more" if value else "must not be empty"
    if value != value.strip():
        return "must have no blank and no line end at its beginning or end"
    if not value.isprintable():
        return "must be on one line, of characters that can be seen"
    return None
