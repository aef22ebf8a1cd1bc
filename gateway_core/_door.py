"""What both gateways are, whichever colour their code has: how they are made, and what they tell of the provider."""

from __future__ import annotations

import os
from typing import Any, Self

from gateway_core import _plugins
from gateway_core._account import Account
from gateway_core.errors import GatewayError
from gateway_core.provider import ProviderInfo
from gateway_core.transport import Deadline, Transport, TransportSettings, build


class Door:
    """An account and its transport.

    Args:
        account: The account.
        transport: What sends.
        bounds: Bounds on every call.
    """

    def __init__(self, account: Account, transport: Transport, bounds: TransportSettings | None = None) -> None:
        self._account = account
        self._transport = transport
        self._bounds = bounds or TransportSettings()

    @classmethod
    def connect(
        cls,
        backend: str,
        *,
        distribution: str | None = None,
        transport: Transport | TransportSettings | None = None,
        **settings: Any,
    ) -> Self:
        """Make a gateway by its backend's name and the plugin's settings.

        Args:
            backend: The backend's name.
            distribution: The only distribution that the plugin may come from.
            transport: Bounds on every call, or a transport of your own.
            settings: The plugin's settings.

        Raises:
            UnknownBackendError: If no working plugin offers this backend.
            ConfigurationError: If a setting is unknown, missing or wrong.
        """
        from gateway_core.config import structure

        plugin = _plugins.find(backend, distribution=distribution)
        provider_class = plugin.load()
        try:
            made: Any = structure(_plugins.settings_class(provider_class), settings, where="settings")
        except GatewayError as error:
            error.backend = backend
            raise
        account = Account.make(plugin, provider_class, made)
        if isinstance(transport, TransportSettings):
            return cls._make(account, transport, None)
        return cls._make(account, TransportSettings(), transport)

    @classmethod
    def open(
        cls,
        account: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        transport: Transport | None = None,
    ) -> Self:
        """Make a gateway from the configuration file.

        Args:
            account: The table ``[gateways.<account>]``; None for the file's default.
            config: The file; None for ``$GATEWAY_CONFIG``, or else ``gateway.toml`` in the working directory.
            transport: A transport of your own, instead of the one that is configured.

        Raises:
            UnknownBackendError: If no working plugin offers the account's backend.
            ConfigurationError: If the file cannot be read, or something in it is unknown, missing or wrong.
        """
        from gateway_core.config import load_account

        loaded = load_account(account, config)
        ready = Account.make(loaded.plugin, loaded.provider_class, loaded.settings)
        return cls._make(ready, loaded.transport, transport)

    @classmethod
    def _make(cls, account: Account, bounds: TransportSettings, transport: Transport | None) -> Self:
        if transport is None:
            transport = build(bounds, account.info, account.provider.settings)
        return cls(account, transport, bounds)

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._account.backend

    @property
    def info(self) -> ProviderInfo:
        """What is true of the provider whoever uses it."""
        return self._account.info

    @property
    def provider(self) -> Any:
        """The provider object, for what it has beyond the common operations; give its flows to `run`."""
        return self._account.provider

    def supports(self, operation: str) -> bool:
        """Return whether the provider has an operation, by its name here, such as ``"refund_payment"``."""
        return self._account.supports(operation)

    def _call_deadline(self) -> Deadline:
        return Deadline.after(self._bounds.deadline)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.backend}>"
