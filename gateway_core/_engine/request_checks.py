"""What is refused before anything is sent, because what the provider declares already tells that it will not do."""

from __future__ import annotations

from collections.abc import Mapping

from gateway_core.models import _fields as check


def references(given: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the references that a caller hands back, as no plugin can change them.

    Raises:
        InvalidRequestError: If they are no texts by name.
    """
    kept: Mapping[str, str] = check.EMPTY if given is None else check.freeze(given)
    check.texts("references", kept)
    return kept
