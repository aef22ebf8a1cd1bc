"""Names of fields as providers write them."""

from __future__ import annotations

import re
from typing import Any

import attrs

#: The key in an attrs field's metadata under which the provider's name of it stands.
_NAME = "gateway_core.wire.name"
_AFTER_UNDERSCORE = re.compile(r"(?<=[A-Za-z0-9])_([a-z0-9])")


def named(name: str, *, default: Any = attrs.NOTHING) -> Any:
    """Return an attrs field that the provider calls by another name, such as ``_links`` or ``from``.

    Args:
        name: The provider's name of it.
        default: What it is where the provider leaves it out; without a default the field is required.
    """
    return attrs.field(default=default, metadata={_NAME: name})


def camel_case(_: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Read ``created_at`` from ``createdAt``, as the ``field_transformer`` of an attrs class.

    A `named` field keeps its name.
    """
    return [
        field if _NAME in field.metadata else field.evolve(metadata={**field.metadata, _NAME: _camel(field.name)})
        for field in fields
    ]


def name_of(field: attrs.Attribute[Any]) -> str | None:
    """Return the provider's name of a field; None if it is the field's own."""
    name: str | None = field.metadata.get(_NAME)
    return name


def _camel(name: str) -> str:
    return _AFTER_UNDERSCORE.sub(lambda match: match[1].upper(), name)
