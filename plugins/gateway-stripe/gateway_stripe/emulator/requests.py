"""What the emulator makes of a request: its fields, and the refusals in Stripe's words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway_core import HttpRequest
from gateway_core.testing import nested

_WHOLE = re.compile(r"-?[0-9]{1,15}", re.ASCII)
_LONGEST_PATH = 4
_LARGEST_PAGE = 100
_DEFAULT_PAGE = 10


class RefusedError(Exception):
    """An answer that says no.

    Args:
        message: Stripe's words.
        status: The HTTP status.
        kind: The error's ``type``.
        code: The error's ``code``.
        param: The parameter that is wrong.
    """

    def __init__(
        self,
        message: str,
        status: int = 400,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": kind, "code": code, "param": param}
        self.document = {"error": {name: value for name, value in error.items() if value is not None}}


def missing(kind: str, object_id: str, *, status: int = 404, param: str = "id") -> RefusedError:
    """Return the refusal for an object that is not there."""
    return RefusedError(f"No such {kind}: '{object_id}'", status, code="resource_missing", param=param)


def fields(request: HttpRequest, known: Collection[str]) -> dict[str, Any]:
    """Return the fields of a form or a query, nested; lists are mappings of their numbers.

    Args:
        request: The request.
        known: The names at the top that this endpoint takes.

    Raises:
        RefusedError: If there is another one.
    """
    text = urlsplit(request.url).query if request.method == "GET" else request.body.decode("utf-8", "replace")
    flat: dict[str, str] = {}
    for number, (name, value) in enumerate(parse_qsl(text, keep_blank_values=True)):
        flat[name.replace("[]", f"[{number}]")] = value
    found = nested(flat)
    for name in found:
        if name not in known and name != "expand":
            raise RefusedError(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    return found


def listed(value: Any) -> list[Any]:
    """Return what stands in a list."""
    return list(value.values()) if isinstance(value, Mapping) else []


def table(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the fields inside of a field; none if it is not there."""
    value = given.get(name)
    return value if isinstance(value, Mapping) else {}


def text(given: Mapping[str, Any], name: str) -> str | None:
    """Return a text; None if it is not there, or empty."""
    value = given.get(name)
    if isinstance(value, Mapping):
        raise RefusedError("Invalid string", param=name)
    return value or None


def whole(given: Mapping[str, Any], name: str, least: int = 0) -> int | None:
    """Return a whole number; None if it is not there.

    Raises:
        RefusedError: If it is none, or too small.
    """
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise RefusedError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=name)
    if int(value) < least:
        raise RefusedError(
            f"This value must be greater than or equal to {least}.", code="parameter_invalid_integer", param=name
        )
    return int(value)


def needed(given: Mapping[str, Any], name: str, where: str = "") -> str:
    """Return a text that must be there.

    Raises:
        RefusedError: If it is not.
    """
    value = text(given, name)
    if value is None:
        raise absent(where or name)
    return value


def absent(param: str) -> RefusedError:
    """Return the refusal for a parameter that must be there."""
    return RefusedError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def metadata(given: Mapping[str, Any], before: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return metadata after a change: what is set to nothing goes.

    Raises:
        RefusedError: If there are too many, or one is too long.
    """
    kept = {**(before or {}), **table(given, "metadata")}
    for name, value in kept.items():
        if not isinstance(value, str) or len(name) > 40 or len(value) > 500:
            raise RefusedError("Metadata keys have up to 40 characters, and values up to 500.", param="metadata")
    if len(kept) > 50:
        raise RefusedError("You can set up to 50 metadata keys.", param="metadata")
    return {name: value for name, value in kept.items() if value}


def expansions(given: Mapping[str, Any]) -> list[str]:
    """Return the paths that are to be expanded.

    Raises:
        RefusedError: If one is too deep.
    """
    found = [each for each in listed(given.get("expand")) if isinstance(each, str)]
    for path in found:
        if path.removeprefix("data.").count(".") >= _LONGEST_PATH:
            raise RefusedError("You cannot expand more than 4 levels of a property.")
    return found


def page(documents: list[dict[str, Any]], given: Mapping[str, Any], url: str) -> dict[str, Any]:
    """Return one page of a list.

    Args:
        documents: All of it, the newest first.
        given: The query.
        url: The path of the list.

    Raises:
        RefusedError: If the query is wrong.
    """
    limit = whole(given, "limit", 1) or _DEFAULT_PAGE
    if limit > _LARGEST_PAGE:
        raise RefusedError("This value must be less than or equal to 100.", param="limit")
    created = given.get("created")
    limits = created if isinstance(created, Mapping) else {} if created is None else {"gte": created, "lte": created}
    bounds = {name: whole(limits, name) for name in ("gt", "gte", "lt", "lte")}
    fitting = [each for each in documents if _within(each["created"], **bounds)]
    ids = [each["id"] for each in fitting]
    after, before = text(given, "starting_after"), text(given, "ending_before")
    for name, mark in (("starting_after", after), ("ending_before", before)):
        if mark is not None and mark not in ids:
            raise missing("object", mark, status=400, param=name)
    if before is not None:
        earlier = fitting[: ids.index(before)]
        return {"object": "list", "url": url, "has_more": len(earlier) > limit, "data": earlier[-limit:]}
    rest = fitting[ids.index(after) + 1 :] if after is not None else fitting
    return {"object": "list", "url": url, "has_more": len(rest) > limit, "data": rest[:limit]}


def _within(created: int, gt: int | None, gte: int | None, lt: int | None, lte: int | None) -> bool:
    return (
        (gt is None or created > gt)
        and (gte is None or created >= gte)
        and (lt is None or created < lt)
        and (lte is None or created <= lte)
    )
