"""Text that came from outside, made fit for one line of a log or a terminal."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote

#: Unicode categories that move the cursor, reorder a line or show nothing at all.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

#: A shorter run of characters may occur in any text by chance, so it is not taken for a part of a secret.
_SHORTEST_PART = 12

MASK = "***"


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
    """Replace each secret by ``***``: as it is, and in its base64, hex and URL forms, whole or cut short."""
    for secret in secrets:
        for form in _forms(secret):
            if form in text:
                text = text.replace(form, MASK)
        if len(secret) > _SHORTEST_PART:
            parts = {secret[i : i + _SHORTEST_PART] for i in range(len(secret) - _SHORTEST_PART + 1)}
            if any(part in text for part in parts):
                text = re.sub("|".join(re.escape(part) for part in sorted(parts)), MASK, text)
    return text


def _forms(secret: str) -> list[str]:
    raw = secret.encode()
    forms = {
        secret,
        quote(secret, safe=""),
        raw.hex(),
        raw.hex().upper(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    }
    return sorted(forms, key=len, reverse=True)
