"""What the sync and the async gateway share: how they are made, and what they tell of the provider."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Self

from gateway_core._engine.call import Call
from gateway_core._engine.operations import Operations
from gateway_core._plugins import loading
from gateway_core._tracebacks import without_locals
from gateway_core.errors import ConfigurationError, GatewayError, InvalidRequestError
from gateway_core.observers import DEFAULT as DEFAULT_OBSERVERS
from gateway_core.observers import Observers
from gateway_core.provider import ProviderInfo, RateLimit
from gateway_core.transport import Deadline, LimitSettings, Transport, TransportSettings
from gateway_core.transport._assembly import connect_account, connect_through
from gateway_core.transport._pipeline import DirectPipeline, Pipeline


class BaseGateway:
    """An account and the way to its provider.

    Args:
        operations: The account's operations.
        transport: What sends each request, once; None for HTTP to the provider, by all rules.
        bounds: Bounds on every call.
        limits: How the rate limits are kept.
        observers: Who is told what happens.
    """

    def __init__(
        self,
        operations: Operations,
        transport: Transport | None = None,
        bounds: TransportSettings | None = None,
        *,
        limits: LimitSettings | None = None,
        observers: Observers | None = None,
    ) -> None:
        self._operations = operations
        self._bounds = bounds or TransportSettings()
        self._observers = observers or Observers()
        self._closed = False
        self._pipeline: Pipeline | DirectPipeline
        if transport is None:
            settings = operations.provider.settings
            connected = connect_account(self._bounds, limits or LimitSettings(), operations.info, settings)
            self._pipeline, self._transport = connected
        else:
            self._pipeline, self._transport = connect_through(transport)

    @classmethod
    @without_locals
    def connect(  # noqa: PLR0913  # all but the backend by name
        cls,
        backend: str,
        *,
        distribution: str | None = None,
        transport: Transport | TransportSettings | None = None,
        rate_limits: Iterable[RateLimit | str] | None = None,
        limiter: str | None = None,
        limiter_fallback: str = "error",
        observers: Iterable[object] = DEFAULT_OBSERVERS,
        **settings: Any,
    ) -> Self:
        """Make a gateway by its backend's name and the plugin's settings.

        Args:
            backend: The backend's name.
            distribution: The only distribution that the plugin may come from.
            transport: Bounds on every call; or a transport of your own, which sends each request once.
            rate_limits: The limits, such as ``["1/s"]``, in place of those that the plugin declares.
            limiter: Where they are counted: None for this process, or the path of a file, or ``redis://...``.
            limiter_fallback: ``"error"`` sends nothing while the limiter cannot be reached, ``"process"`` counts here.
            observers: Who is told what happens: names of installed observers, or objects.
            settings: The plugin's settings.

        Raises:
            UnknownBackendError: If no working plugin offers this backend.
            ConfigurationError: If a setting is unknown, missing or wrong.
        """
        from gateway_core.config import structure

        plugin = loading.find(backend, distribution=distribution)
        provider_class = plugin.load()
        try:
            made: Any = structure(loading.settings_class(provider_class), settings, where="settings")
            given = {"rate_limits": rate_limits, "limiter": limiter, "limiter_fallback": limiter_fallback}
            limits = structure(LimitSettings, given, where="settings")
        except GatewayError as error:
            error.backend = backend
            raise
        operations = Operations.make(plugin, provider_class, made)
        bounds = transport if isinstance(transport, TransportSettings) else None
        own = None if isinstance(transport, TransportSettings) else transport
        return cls(operations, own, bounds, limits=limits, observers=Observers.load(observers))

    @classmethod
    @without_locals
    def open(
        cls,
        account: str | None = None,
        *,
        config: str | os.PathLike[str] | None = None,
        transport: Transport | None = None,
        observers: Iterable[object] | None = None,
    ) -> Self:
        """Make a gateway from the configuration file.

        Args:
            account: The table ``[gateways.<account>]``; None for the file's default.
            config: The file; None for ``$GATEWAY_CONFIG``, or else ``gateway.toml`` in the working directory.
            transport: A transport of your own, which sends each request once, instead of the one that is configured.
            observers: Who is told what happens, names or objects, instead of those that are configured.

        Raises:
            UnknownBackendError: If no working plugin offers the account's backend.
            ConfigurationError: If the file cannot be read, or something in it is unknown, missing or wrong.
        """
        from gateway_core.config import load_account

        loaded = load_account(account, config)
        operations = Operations.make(loaded.plugin, loaded.provider_class, loaded.settings)
        try:
            told = Observers.load(loaded.observers if observers is None else observers)
        except ConfigurationError as error:
            if observers is None:
                error.message = f"{loaded.place('observers')}: {error.message}"
                error.args = (error.message,)
            raise
        return cls(operations, transport, loaded.transport, limits=loaded.limits, observers=told)

    @property
    def backend(self) -> str:
        """The backend's name."""
        return self._operations.backend

    @property
    def info(self) -> ProviderInfo:
        """What is true of the provider whoever uses it."""
        return self._operations.info

    @property
    def provider(self) -> Any:
        """The provider object, for what it has beyond the common operations; give its flows to `run`."""
        return self._operations.provider

    def supports(self, operation: str) -> bool:
        """Return whether the provider has an operation, by its name here, such as ``"refund_payment"``."""
        return self._operations.supports(operation)

    def _begin(self, operation: str, *arguments: object) -> Call:
        """Begin a call, of which the observers are told.

        Raises:
            InvalidRequestError: If the gateway was closed.
        """
        if self._closed:
            raise InvalidRequestError("the gateway was closed: make another one, or close it later")
        return Call(
            operation,
            self._operations.boundary(operation, *arguments),
            self._pipeline,
            Deadline.after(self._bounds.deadline),
            self._observers.call(self.backend, operation),
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.backend}>"
