"""Checks shared by the models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import urlsplit

import attrs

from gateway_core.errors import InvalidRequestError
from gateway_core.models.money import Money

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

T = TypeVar("T")


def freeze(mapping: Mapping[str, T]) -> Mapping[str, T]:
    """Copy a mapping into one that nobody can change; other values pass unchanged, for the check that follows."""
    return MappingProxyType(dict(mapping)) if isinstance(mapping, Mapping) else mapping


def identifier(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An id of the shop or the provider: text of 1 to 255 characters, none of them a control character."""
    if not isinstance(value, str) or not 0 < len(value) <= 255 or _CONTROL.search(value) or value != value.strip():
        raise InvalidRequestError(f"{field.name} must be text of 1 to 255 characters without control characters")


def line(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Text for people, on one line."""
    if not isinstance(value, str) or len(value) > 1000 or _CONTROL.search(value):
        raise InvalidRequestError(f"{field.name} must be one line of text, of at most 1000 characters")


def positive(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An amount that can be asked for."""
    if not isinstance(value, Money) or value.amount <= 0:
        raise InvalidRequestError(f"{field.name} must be Money above zero")


def aware(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """A moment, with its time zone."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise InvalidRequestError(f"{field.name} must be a datetime with a time zone")


def web_address(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """An http or https address to which a browser can be sent."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and not _CONTROL.search(value) else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequestError(f"{field.name} must be an http or https address")


def text_mapping(_: object, field: attrs.Attribute[Any], value: object) -> None:
    """Names and texts."""
    if not isinstance(value, Mapping) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise InvalidRequestError(f"{field.name} must map text to text")
