"""Values that were meant as references to something else, and are none: a mistyped scheme, or a placeholder."""

from __future__ import annotations

import re

from gateway_core._plugins.discovery import closest

SCHEMES = ("env", "file")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
#: ``env:/NAME`` and ``env//NAME``, in any case; ``env://NAME`` with a capital letter too.
_NEARLY = re.compile(r"(env|file)(:/|//)", re.IGNORECASE)
#: A label may be written ``env:live``, and no secret is.
_NEARLY_A_SECRET = re.compile(r"(env|file):", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\$\{.*\}|\$\(.*\)|\$[A-Z_][A-Z0-9_]*|\{\{.*\}\}|%[A-Z_][A-Z0-9_]*%|<[^<>]*>", re.ASCII | re.DOTALL
)


def mistaken_reference(text: str, *, secret: bool) -> str | None:
    """Return what is wrong with a text that was meant as a reference; None if it may be meant as it is.

    Args:
        text: The text, once references that are right have been followed.
        secret: Whether a secret is needed, which is no address.
    """
    written = "a reference is written env://NAME or file:///absolute/path"
    url = _URL.match(text)
    scheme = url[1] if url else ""
    if scheme in SCHEMES:
        return None
    if _NEARLY.match(text) or (secret and _NEARLY_A_SECRET.match(text)):
        return f"looks like a reference: {written}"
    meant = closest(scheme.lower(), SCHEMES) if scheme else None
    if meant is not None:
        return f"{scheme}:// is no reference, did you mean {meant}://?"
    if secret and scheme:
        return f"{scheme}:// is no reference that is known here: {written}"
    if secret and _PLACEHOLDER.fullmatch(text):
        return f"is a placeholder that nothing here fills in: {written}"
    return None
