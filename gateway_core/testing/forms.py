"""Reading a request as a provider's server does."""

from __future__ import annotations

from email import message_from_bytes
from urllib.parse import parse_qsl, urlsplit

from gateway_core.http import HttpRequest


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
