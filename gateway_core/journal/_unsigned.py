"""What a webhook that nobody has shown to be genuine may name. Nothing in it is believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway_core import _json
from gateway_core.models.webhook import WebhookRequest

#: Of so many texts in a webhook one may name its invoice.
_MOST_TEXTS = 200

_LONGEST_ID = 255


def texts(request: WebhookRequest) -> tuple[str, ...]:
    """Return the texts and whole numbers in a webhook, of which one may be an id."""
    try:
        body: Any = _json.loads(request.body)
    except ValueError:
        body = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    found = [*_leaves(body), *_in_address(request.url or "")]
    # No id holds a control character or half a surrogate pair, and a database may refuse to compare with one.
    named = (text for text in found if 0 < len(text) <= _LONGEST_ID and text.isprintable())
    return tuple(dict.fromkeys(named))[:_MOST_TEXTS]


def _in_address(url: str) -> list[str]:
    try:
        address = urlsplit(url)
    except ValueError:
        return []
    return [value for _, value in parse_qsl(address.query)] + address.path.split("/")


def _leaves(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        match stack.pop():
            case str() as text:
                yield text
            case int() as number if type(number) is int:
                yield str(number)
            case Mapping() as mapping:
                stack.extend(mapping.values())
            case list() as items:
                stack.extend(items)
