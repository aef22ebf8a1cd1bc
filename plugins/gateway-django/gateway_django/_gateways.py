"""The gateways of this process: made when they are first asked for, each process its own, closed at its end."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any, cast

import attrs
from django.core.signals import setting_changed

from gateway_core import Gateway, Gateways
from gateway_django import _database, _settings

_lock = threading.Lock()
_opened: _Opened | None = None
_stand_ins: list[_StandIn] = []


@attrs.frozen
class _Opened:
    """What this process has open.

    Attributes:
        gateways: The gateways.
        database: The database of Django's that holds their journal; None if it is elsewhere.
        name: What that database was called then.
    """

    gateways: Gateways
    database: str | None
    name: str | None


class _StandIn:
    """One gateway in place of all that the settings name, whichever account is asked for.

    Args:
        gateway: The gateway.
        database: The database that holds its journal, if it is one of Django's.
    """

    default_name = "default"

    def __init__(self, gateway: Gateway, database: str | None) -> None:
        self.default = gateway
        self.database = database

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Gateway:
        return self.default

    def __iter__(self) -> Iterator[str]:
        yield "default"

    def of(self, _: str) -> Gateway:
        """Return the gateway that has an order."""
        return self.default


def gateways() -> Gateways:
    """Return the gateways of all accounts that the settings name: ``gateways()["shop-eu"]``.

    They are opened when they are first asked for, by each process its own, and closed when it ends.

    Raises:
        ConfigurationError: If the settings are wrong.
    """
    return cast(Gateways, _stand_ins[-1]) if _stand_ins else _open().gateways


def gateway(account: str | None = None) -> Gateway:
    """Return the gateway of an account.

    Args:
        account: Its name; None for the default one.

    Raises:
        ConfigurationError: If there is no such account, or its settings are wrong.
        UnknownBackendError: If no working plugin offers the account's backend.
    """
    found = gateways()
    return found.default if account is None else found[account]


def shared_database() -> str | None:
    """Return the alias of the database of Django's that holds the journal; None if it is elsewhere.

    Raises:
        ConfigurationError: If the settings are wrong.
    """
    return _stand_ins[-1].database if _stand_ins else _open().database


def close() -> None:
    """Close the gateways of this process. The next one that is asked for is made anew, by the settings of then."""
    global _opened  # as below
    with _lock:
        opened, _opened = _opened, None
    if opened is not None:
        opened.gateways.close()


@contextlib.contextmanager
def use(gateway: Gateway, *, database: str | None = None) -> Iterator[Gateway]:
    """Let a gateway stand in for those of the settings while the block runs, in all threads: for tests.

    Args:
        gateway: One with a journal, such as that of the fixture ``gateway_sandbox``. It is not closed here.
        database: The alias of the database that holds its journal, if that is one of Django's.
    """
    stand_in = _StandIn(gateway, database)
    _stand_ins.append(stand_in)
    try:
        yield gateway
    finally:
        _stand_ins.remove(stand_in)


def _open() -> _Opened:
    global _opened  # noqa: PLW0603  # one for the process
    with _lock:
        # A run of tests gives the database another name after the process has begun.
        if _opened is not None and _opened.name != _database.name_of(_opened.database):
            _opened.gateways.close()
            _opened = None
        if _opened is None:
            made = Gateways.open(_settings.config(), journal=_database.journal_url())
            alias = _database.journal_alias()
            _opened = _Opened(made, alias, _database.name_of(alias))
        return _opened


def _forget() -> None:
    """Begin anew in a forked worker: whatever its parent has opened, or was opening, is the parent's."""
    global _lock, _opened  # noqa: PLW0603  # as below
    _lock = threading.Lock()
    _opened = None


def _changed(*, setting: str, **_: Any) -> None:
    """Follow settings that a test changes."""
    if setting in (*_settings.NAMES, "DATABASES"):
        close()


atexit.register(close)
setting_changed.connect(_changed, dispatch_uid="gateway_django.settings")
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
