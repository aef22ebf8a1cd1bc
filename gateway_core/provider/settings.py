"""The fields that a plugin's settings are made of, and the names that no setting has."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs

from gateway_core._tracebacks import clear_locals
from gateway_core.errors import ConfigurationError
from gateway_core.http import is_loopback, split
from gateway_core.models._fields import is_payment_page
from gateway_core.models.secret import SHORTEST_SIGNING_SECRET, Secret

T = TypeVar("T")

#: Characters that divide an address, or change on the way through one.
_DIVIDERS = frozenset("/?#&+%;\\")
_SHORTEST_URL_SECRET = 16

#: Keys of an account's table, and arguments of `Gateway.connect`, that are the core's own: no setting is named so.
RESERVED_SETTINGS = (
    "backend",
    "distribution",
    "transport",
    "rate_limits",
    "limiter",
    "limiter_fallback",
    "observers",
    "journal",
)


def hide_values(cls: type[T]) -> type[T]:
    """Let errors leave a settings class that is being made without its values in the locals of their tracebacks.

    Without it the gateway does so for settings that it makes itself, and nobody for those that an application makes.

    >>> import attrs
    >>> from gateway_core.provider import hide_values, secret_field
    >>> @hide_values
    ... @attrs.frozen(kw_only=True)
    ... class Settings:
    ...     api_key: Secret = secret_field()
    """
    made: Any = cls
    init = made.__init__

    @functools.wraps(init)
    def initialize(self: Any, *args: Any, **values: Any) -> None:
        try:
            init(self, *args, **values)
        except Exception as error:  # noqa: BLE001  # whatever a validator raises
            failure = error
        else:
            return
        del self, args, values
        clear_locals(failure)
        raise failure

    made.__init__ = initialize
    return cls


def base_url_field(default: str | None = None) -> Any:
    """Return an attrs field for a provider's base address: https, or http on the loopback range.

    Args:
        default: The default; without one the setting is required.
    """
    return attrs.field(
        default=attrs.NOTHING if default is None else default,
        converter=lambda url: url.rstrip("/") if isinstance(url, str) else url,
        validator=_check_base_url,
    )


def secret_field(*, default: Any = attrs.NOTHING, signs: bool = False) -> Any:
    """Return an attrs field for a `Secret`; it may be given as text.

    Args:
        default: None for a secret that may be missing; without a default the setting is required.
        signs: Whether it signs webhooks or requests: then it may be any text of 16 bytes or more. Otherwise it must be
            visible ASCII, so that it fits into a header or an address.
    """
    check = _check_signing_secret if signs else _check_key
    return attrs.field(
        default=default, converter=attrs.Converter(_to_secret, takes_field=True), validator=check, repr=False
    )


def secrets_field(*, required: bool = True, signs: bool = True) -> Any:
    """Return an attrs field for several active secrets, given as one text, or as a list.

    Args:
        required: Whether it must be given. A list that is given holds at least one secret in any case.
        signs: Whether they sign webhooks or requests, as `secret_field` has it.
    """

    def check(_: object, field: attrs.Attribute[Any], value: tuple[Secret, ...]) -> None:
        for secret in value:
            (_check_signing_secret if signs else _check_key)(_, field, secret)

    default: Any = attrs.NOTHING if required else ()
    return attrs.field(
        default=default, converter=attrs.Converter(_to_secrets, takes_field=True), validator=check, repr=False
    )


def url_secret_field() -> Any:
    """Return an attrs field for a secret in the webhook's address, which may be missing.

    It has 16 characters or more of visible ASCII, and none that changes in an address.
    `webhooks.check_url_secret` looks for it.
    """

    def check(_: object, field: attrs.Attribute[Any], value: Secret | None) -> None:
        text = "" if value is None else value.reveal()
        visible = all("!" <= char <= "~" for char in text)
        usable = len(text) >= _SHORTEST_URL_SECRET and visible and _DIVIDERS.isdisjoint(text)
        del text  # which the traceback's locals would show
        if value is not None and not usable:
            raise ConfigurationError(
                f"{field.name} must have {_SHORTEST_URL_SECRET} characters or more of visible ASCII,"
                " none of them one of / ? # & + % ; \\"
            )

    return attrs.field(
        default=None, converter=attrs.Converter(_to_secret, takes_field=True), validator=check, repr=False
    )


def count_field(default: int, *, most: int | None = None) -> Any:
    """Return an attrs field for a number of things, 1 or more, such as the items on a page.

    Args:
        default: The default.
        most: The largest number that the provider takes; None if there is no limit.
    """

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not int or value < 1 or (most is not None and value > most):
            upper = "or more" if most is None else f"to {most}"
            raise ConfigurationError(f"{field.name} must be a whole number, 1 {upper}")

    return attrs.field(default=default, validator=check)


def choice_field(*choices: Any, default: Any = attrs.NOTHING) -> Any:
    """Return an attrs field for one of a few values, such as the words ``"test"`` and ``"live"``.

    Args:
        choices: The values.
        default: The default, which may be None beside them; without one the field is required.
    """

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not any(type(value) is type(each) and value == each for each in (*choices, field.default)):
            raise ConfigurationError(f"{field.name} must be one of {', '.join(map(str, choices))}")

    return attrs.field(default=default, validator=check)


def flag_field(*, default: bool | None) -> Any:
    """Return an attrs field that is true or false, or None where that is the default."""

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if value is not default and not isinstance(value, bool):
            raise ConfigurationError(f"{field.name} must be true or false")

    return attrs.field(default=default, validator=check)


def text_field(told: str, *, form: str | None = None, default: Any = attrs.NOTHING) -> Any:
    """Return an attrs field for a text of a known form, such as an id.

    >>> import attrs
    >>> from gateway_core.provider import text_field
    >>> @attrs.frozen
    ... class Settings:
    ...     profile: str = text_field("a profile's id such as pfl_7", form="pfl_[0-9]+")
    >>> Settings("7")
    Traceback (most recent call last):
    gateway_core.errors.ConfigurationError: profile must be a profile's id such as pfl_7

    Args:
        told: What it must be, for the error.
        form: A regular expression that the whole text fits; None for any one line with something in it.
        default: The default, which may be None; without one the field is required.
    """

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not (value is None and field.default is None) and not _fits(value, form):
            raise ConfigurationError(f"{field.name} must be {told}")

    return attrs.field(default=default, validator=check)


def texts_field(told: str, *, form: str | None = None) -> Any:
    """Return an attrs field for several texts of a known form, such as ways to pay; none is the default.

    They may be given as a list, or divided by commas in one text, as on a command line.

    Args:
        told: What they must be, for the error.
        form: A regular expression that each of them fits; None for any one line with something in it.
    """

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, tuple) or not all(_fits(each, form) for each in value):
            raise ConfigurationError(f"{field.name} must be {told}")

    return attrs.field(default=(), converter=_to_texts, validator=check)


def page_url_field() -> Any:
    """Return an attrs field for the address of a page of the shop's, or of its webhooks; None is the default.

    It is https, or http on the loopback range. It stands in no ``repr``, for it may hold a secret of the shop's.
    """

    def check(_: object, field: attrs.Attribute[Any], value: object) -> None:
        if value is not None and not is_payment_page(value):
            raise ConfigurationError(f"{field.name} must be an https address; http is for the loopback range only")

    return attrs.field(default=None, validator=check, repr=False)


def secrets_of(value: Any) -> tuple[str, ...]:
    """Return the text of every `Secret` in a settings object, for the one purpose of keeping it out of texts."""
    return tuple(secret.reveal() for secret in find_secrets(value))


def find_secrets(value: Any) -> tuple[Secret, ...]:
    """Return every `Secret` in a settings object, however deep."""
    if isinstance(value, Secret):
        return (value,)
    parts: Iterable[Any] = ()
    if isinstance(value, Mapping):
        parts = value.values()
    elif isinstance(value, tuple | list | set | frozenset):
        parts = value
    elif attrs.has(type(value)):
        parts = (getattr(value, field.name, None) for field in attrs.fields(type(value)))
    return tuple(secret for part in parts for secret in find_secrets(part))


def with_secrets(settings: T, others: T) -> T:
    """Return settings with the secrets of others of their class, and everything else as it is.

    Raises:
        ConfigurationError: If they do not go together.
    """
    made: Any = settings
    changed: dict[str, Any] = {}
    for field in attrs.fields(type(made)):
        ours, theirs = getattr(made, field.name), getattr(others, field.name)
        if not field.init or not (find_secrets(ours) or find_secrets(theirs)):
            continue
        both = attrs.has(type(ours)) and type(ours) is type(theirs) and not isinstance(ours, Secret)
        changed[str(field.alias)] = with_secrets(ours, theirs) if both else theirs
    result: T = attrs.evolve(made, **changed)
    return result


def _check_key(_: object, field: attrs.Attribute[Any], value: Secret | None) -> None:
    if value is not None and not all("!" <= char <= "~" for char in value.reveal()):
        raise ConfigurationError(f"{field.name}: a key must be visible ASCII without blanks, to fit into a header")


def _check_signing_secret(_: object, field: attrs.Attribute[Any], value: Secret | None) -> None:
    if value is not None and len(value.reveal().encode()) < SHORTEST_SIGNING_SECRET:
        raise ConfigurationError(f"{field.name}: what signs must have {SHORTEST_SIGNING_SECRET} bytes or more")


def _to_secret(value: Secret | str | None, field: attrs.Attribute[Any]) -> Secret | None:
    if isinstance(value, Secret) or (value is None and field.default is None):
        return value
    try:
        return Secret(value)  # type: ignore[arg-type]  # Secret refuses None
    except ConfigurationError as error:
        reason = error.message
    raise ConfigurationError(f"{field.name}: {reason}")


def _to_secrets(value: Any, field: attrs.Attribute[Any]) -> tuple[Secret, ...]:
    several = (value,) if isinstance(value, str | Secret) else value
    if not isinstance(several, tuple | list) or not all(isinstance(each, str | Secret) for each in several):
        raise ConfigurationError(f"{field.name} must be a secret, or a list of secrets")
    if not several and several != field.default:
        raise ConfigurationError(f"{field.name} must hold at least one secret")
    return tuple(secret for each in several if (secret := _to_secret(each, field)) is not None)


def _fits(value: object, form: str | None) -> bool:
    if not isinstance(value, str):
        return False
    return bool(value.strip()) and value.isprintable() if form is None else re.fullmatch(form, value) is not None


def _to_texts(value: Any) -> Any:
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, list | tuple) or not all(isinstance(each, str) for each in several):
        return value  # for the validator to refuse
    return tuple(text.strip() for each in several for text in each.split(","))


def _check_base_url(_: object, field: attrs.Attribute[Any], value: object) -> None:
    try:
        parts = split(value) if isinstance(value, str) else None
    except ValueError:
        parts = None
    if parts is None or not parts.hostname or parts.scheme not in ("http", "https"):
        raise ConfigurationError(f"{field.name} must be an address such as https://api.example.com")
    if "@" in parts.netloc or "?" in str(value) or "#" in str(value):
        raise ConfigurationError(f"{field.name} must have no user, password, query or fragment")
    if parts.scheme == "http" and not is_loopback(str(value)):
        raise ConfigurationError(f"{field.name} must be https: http is for the loopback range only")
