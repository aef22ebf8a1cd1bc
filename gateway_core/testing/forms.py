"""Reading a request as a provider's server does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway_core.http import HttpRequest

_NESTED = re.compile(r"(?P<head>[^\[\]]+)(?P<rest>(\[[^\[\]]*\])*)")


def query_of(request: HttpRequest) -> dict[str, str]:
    """Return the query of a request's address."""
    return dict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))


def fields_of(request: HttpRequest) -> dict[str, str]:
    """Return the fields of a form, urlencoded or multipart; none of anything else."""
    content_type = request.headers.get("Content-Type") or ""
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    if not content_type.startswith("multipart/form-data"):
        return {}
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    fields: dict[str, str] = {}
    for part in message_from_bytes(head + request.body).walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            fields[name] = payload.decode("utf-8", "replace")
    return fields


def nested(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return flat fields whose names are written with brackets as what they stand for, every value a text.

    >>> from gateway_core.testing import nested
    >>> nested({"items[0][price]": "4990", "metadata[order_id]": "7"})
    {'items': {'0': {'price': '4990'}}, 'metadata': {'order_id': '7'}}

    A list becomes a mapping of its numbers, as a provider that reads such forms knows no better. Of two fields that
    cannot both be, the later one counts.
    """
    made: dict[str, Any] = {}
    for name, value in fields.items():
        match = _NESTED.fullmatch(name)
        path = [match["head"], *re.findall(r"\[([^\[\]]*)\]", match["rest"])] if match else [name]
        place = made
        for part in path[:-1]:
            if not isinstance(place.get(part), dict):
                place[part] = {}
            place = place[part]
        place[path[-1]] = value
    return made
