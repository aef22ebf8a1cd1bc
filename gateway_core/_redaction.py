"""Text that came from outside, made fit for one line of a log or a terminal, and free of secrets."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import re
import string
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

#: Unicode categories that move the cursor, reorder a line or show nothing at all.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: A shorter run of characters may occur in any text by chance, so it is not taken for a part of a secret.
_SHORTEST_PART = 12

#: A shorter secret may be a part of any word by chance, so it is masked only where it stands alone.
_SHORTEST_ANYWHERE = 8

MASK = "***"

_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

#: What a secret of Standard Webhooks begins with; the key itself follows, in base64.
_STANDARD = "whsec_"


def one_line(text: str, limit: int = 500) -> str:
    """Escape control, bidi and invisible characters and cut to `limit` characters."""
    if len(text) > limit:
        text = text[:limit] + "..."
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in _UNPRINTABLE else char
        for char in text
    )


def scrub(text: str, secrets: Iterable[str]) -> str:
    """Return a text without secrets, as a `Redactor` of them does."""
    return Redactor(secrets).scrub(text)


class Redactor:
    """Replaces each secret by ``***``: as it is, and in its base64, hex, URL and JSON forms, in any case, in part too.

    Base64 is found inside of a longer text that was encoded too, such as ``user:secret``. A part is 12 characters or
    more. A secret of less than 8 characters is replaced only where no letter or digit stands beside it.

    Args:
        secrets: What must be in no text.
    """

    __slots__ = ("_masks", "_secrets")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)
        self._masks: list[Callable[[str], str]] | None = None

    def scrub(self, text: str) -> str:
        """Return a text without the secrets."""
        if self._masks is None:  # made when the first text comes: most accounts never have an error
            self._masks = list(map(_mask, self._secrets))
        for mask in self._masks:
            text = mask(text)
        return text


def _mask(secret: str) -> Callable[[str], str]:
    """Return a function that replaces one secret."""
    if len(secret) < _SHORTEST_ANYWHERE:
        alone = rf"(?<![0-9A-Za-z]){re.escape(secret)}(?![0-9A-Za-z])"
        return functools.partial(re.compile(alone, re.ASCII | re.IGNORECASE).sub, MASK)
    forms = sorted({_lower(form) for form in _forms(secret)}, key=len, reverse=True)
    parts = {part for form in forms for part in _parts(form)}
    without_parts = [form for form in forms if len(form) < _SHORTEST_PART]

    def mask(text: str) -> str:
        small = _lower(text)
        if parts.isdisjoint(_parts(small)) and not any(form in small for form in without_parts):
            return text  # as nearly all that observers are shown
        for form in forms:
            text = _without(text, form)
        return _without_parts(text, parts)

    return mask


def _forms(secret: str) -> set[str]:
    forms = {secret} | _encoded(secret.encode("utf-8", "surrogatepass"))
    if secret.startswith(_STANDARD):
        with contextlib.suppress(ValueError):
            key = base64.b64decode(secret.removeprefix(_STANDARD), validate=True)
            forms |= _encoded(key) if len(key) >= _SHORTEST_PART else set()
    return forms


def _encoded(raw: bytes) -> set[str]:
    text = raw.decode("utf-8", "backslashreplace")
    forms = {text, quote(raw, safe=""), json.dumps(text)[1:-1], raw.hex()}
    for before in range(3):
        # Base64 writes 3 bytes as 4 characters. With other bytes around it, a secret shows in the characters in the
        # middle.
        first, end = (before * 8 + 5) // 6, (before + len(raw)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(bytes(before) + raw)[first:end].decode("ascii"))
    return forms


def _parts(form: str) -> Iterator[str]:
    return (form[start : start + _SHORTEST_PART] for start in range(len(form) - _SHORTEST_PART + 1))


def _lower(text: str) -> str:
    """Return a text with small ASCII letters: as long as it was, which `str.lower` does not promise."""
    return text.translate(_SMALL)


def _without(text: str, form: str) -> str:
    """Replace a form of a secret, whatever its case."""
    small = _lower(text)
    kept: list[str] = []
    start = 0
    while (found := small.find(form, start)) >= 0:
        kept += (text[start:found], MASK)
        start = found + len(form)
    return "".join([*kept, text[start:]])


def _without_parts(text: str, parts: set[str]) -> str:
    """Replace each longest run of characters that consists of parts."""
    small = _lower(text)
    kept: list[str] = []
    position = 0
    while position < len(text):
        end = position
        start = position
        while small[start : start + _SHORTEST_PART] in parts:
            end = start + _SHORTEST_PART
            start += 1
        if end == position:
            kept.append(text[position])
            position += 1
        else:
            kept.append(MASK)
            position = end
    return "".join(kept)
