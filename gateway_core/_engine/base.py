"""What both gateways are, whichever colour their code has: how they are made, and what they tell of the provider."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Self, TypeVar

from gateway_core._engine.driver import relay
from gateway_core._engine.operations import Account
from gateway_core._plugins import loading
from gateway_core._tracebacks import without_locals
from gateway_core.errors import ConfigurationError, GatewayError, WebhookError
from gateway_core.http import Flow
from gateway_core.models.invoice import Invoice, StatusReport
from gateway_core.models.webhook import WebhookDelivery
from gateway_core.observers import DEFAULT as DEFAULT_OBSERVERS
from gateway_core.observers import Call, Observers, WebhookAccepted, WebhookRefused
from gateway_core.provider import ProviderInfo, RateLimit
from gateway_core.transport import Deadline, LimitSettings, Transport, TransportSettings, build, plain
from gateway_core.transport._actions import Actions

T = TypeVar("T")


class BaseGateway:
    """An account and the way to its provider.

    Args:
        account: The account.
        transport: What sends each request, once; None for the provider's own, by all rules.
        bounds: Bounds on every call.
        limits: How the rate limits are kept.
        observers: Who is told what happens.
    """

    def __init__(
        self,
        account: Account,
        transport: Transport | None = None,
        bounds: TransportSettings | None = None,
        *,
        limits: LimitSettings | None = None,
        observers: Observers | None = None,
    ) -> None:
        self._account = account
        self._bounds = bounds or TransportSettings()
        self._observers = observers or Observers()
        if transport is None:
            settings = account.provider.settings
            self._channel = build(self._bounds, limits or LimitSettings(), account.info, settings)
        else:
            self._channel = plain(transport)

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
        account = Account.make(plugin, provider_class, made)
        bounds = transport if isinstance(transport, TransportSettings) else None
        own = None if isinstance(transport, TransportSettings) else transport
        return cls(account, own, bounds, limits=limits, observers=Observers.load(observers))

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
        ready = Account.make(loaded.plugin, loaded.provider_class, loaded.settings)
        try:
            told = Observers.load(loaded.observers if observers is None else observers)
        except ConfigurationError as error:
            if observers is None:
                error.message = f"{loaded.place('observers')}: {error.message}"
                error.args = (error.message,)
            raise
        return cls(ready, transport, loaded.transport, limits=loaded.limits, observers=told)

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

    def _steps(self, operation: str, flow: Flow[T], deadline: Deadline) -> Actions[T]:
        """Return the steps of one call, of which the observers are told."""
        with self._observers.call(self.backend, operation) as call:
            try:
                result = yield from relay(flow, lambda request: self._channel.send(request, deadline, call))
            except WebhookError as error:
                call.tell(WebhookRefused, reason=error.reason)
                raise
            _tell(call, operation, result)
            return result

    def _call_deadline(self) -> Deadline:
        return Deadline.after(self._bounds.deadline)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.backend}>"


def _tell(call: Call, operation: str, result: object) -> None:
    """Tell the observers what a call has found out."""
    if isinstance(result, StatusReport):
        call.saw(result.invoice_id, result.status, result.verdict)
    elif isinstance(result, Invoice):
        if operation == "create_invoice":
            call.created(result)
        else:
            call.saw(result.id, result.status)
    elif isinstance(result, WebhookDelivery):
        kinds = tuple((event.kind, event.invoice_id) for event in result.events)
        call.tell(WebhookAccepted, verified_by=result.verified_by, events=kinds)
        for event in result.events:
            if event.report is not None:
                call.saw(event.report.invoice_id, event.report.status, event.report.verdict)
