"""A provider that is there to be configured, and how its configuration is written and refused."""

from __future__ import annotations

import enum
import traceback
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import pytest

from gateway_core import HttpRequest, HttpResponse, ProviderInfo, Secret, hookimpl
from gateway_core.errors import ConfigurationError, UnknownBackendError
from gateway_core.provider import base_url_field, secret_field, secrets_field
from gateway_core.transport import Deadline

CANARY = "canary-7f3c9b1e5a2d"


class Mode(enum.StrEnum):
    """A choice."""

    LIVE = "live"
    TEST = "test"


@attrs.frozen(kw_only=True)
class Retry:
    """A table below the account's."""

    attempts: int = attrs.field(default=3, validator=attrs.validators.gt(0))
    token: Secret | None = secret_field(default=None)


@attrs.frozen(kw_only=True)
class Settings:
    """One field of each type."""

    api_key: Secret = secret_field()
    hook_secrets: tuple[Secret, ...] = secrets_field(required=False, signs=False)
    base_url: str = base_url_field("https://api.shoply.example")
    count: int = attrs.field(default=1, validator=attrs.validators.gt(0))
    size: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.le(9)))
    fee: Decimal = Decimal(0)
    pause: float = 1.0
    life: timedelta = timedelta(hours=1)
    live: bool = False
    mode: Mode = Mode.LIVE
    shade: Literal["dark", "light"] = "dark"
    labels: tuple[str, ...] = ()
    word: str = attrs.field(default="abc", validator=attrs.validators.matches_re("[a-z]+"))
    note: str | None = None
    retry: Retry = attrs.field(factory=Retry)


@attrs.frozen
class Shoply:
    """A provider that is there to be configured."""

    settings: Settings
    info: ClassVar = ProviderInfo(title="Shoply", contract_version=1)

    @hookimpl
    def create_invoice(self, request: Any) -> Any:
        """Do nothing."""

    @hookimpl
    def get_status(self, invoice_id: Any) -> Any:
        """Do nothing."""

    @hookimpl
    def list_payments(self, query: Any) -> Any:
        """Do nothing."""

    @hookimpl
    def verify_webhook(self, request: Any) -> Any:
        """Do nothing."""


class Silent:
    """A transport that is not used."""

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Refuse."""
        raise AssertionError

    def close(self) -> None:
        """Do nothing."""


def write(text: str, path: str = "gateway.toml") -> None:
    """Write a configuration file."""
    Path(path).write_text(text, encoding="utf-8")


def account(table: str = "", *, api_key: str = '"k-k"') -> None:
    """Write a configuration file with one account, which is the default."""
    write(f'default = "shop-eu"\n[gateways.shop-eu]\nbackend = "shoply"\napi_key = {api_key}\n{table}\n')


def linked(error: BaseException) -> Iterator[BaseException]:
    """Yield everything that hangs on an error."""
    for each in (error.__cause__, error.__context__):
        if each is not None:
            yield each
            yield from linked(each)


def refusal(start: Any) -> str:
    """Return the text of the refusal; nothing else hangs on it, and the canary is nowhere."""
    with pytest.raises((ConfigurationError, UnknownBackendError)) as caught:
        start()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert CANARY not in shown
    assert list(linked(caught.value)) == []
    return str(caught.value)
