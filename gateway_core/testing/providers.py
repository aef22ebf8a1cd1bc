"""For tests of a plugin: a provider's class, a gateway of one that is not installed, a list page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_core._engine.operations import Operations
from gateway_core._engine.pagination import Pagination
from gateway_core._plugins import loading
from gateway_core.async_gateway import AsyncGateway
from gateway_core.config import structure
from gateway_core.gateway import Gateway
from gateway_core.models.payment import Payment, PaymentQuery
from gateway_core.transport import Transport

#: The backend's name in errors of a class that no entry point offers.
_BACKEND = "under-test"


def find_provider(backend: str) -> Any:
    """Import and check the provider class of a backend, and of no other.

    Raises:
        UnknownBackendError: If nobody offers it, several distributions do, or its plugin is broken.
    """
    return loading.find(backend).load()


def connect_provider(provider_class: Any, settings: Mapping[str, Any], transport: Transport) -> Gateway:
    """Make a gateway of a provider class, whether a distribution offers it or not.

    Args:
        provider_class: The class.
        settings: What its settings class is made of, by field.
        transport: What sends.

    Raises:
        ConfigurationError: If a setting is unknown, missing or wrong.
        PluginError: If the class is no provider.
    """
    return Gateway(_operations(provider_class, settings), transport)


def connect_provider_async(provider_class: Any, settings: Mapping[str, Any], transport: Transport) -> AsyncGateway:
    """Make an async gateway, as `connect_provider`."""
    return AsyncGateway(_operations(provider_class, settings), transport)


def pages(gateway: Gateway, query: PaymentQuery) -> Iterator[tuple[Payment, ...]]:
    """Yield what is new on each page of a list, as ``Gateway.list_payments`` reads it, in pages of the query's size.

    Raises:
        UnexpectedResponseError: If the pages do not advance.
        GatewayError: If a page fails.
    """
    pagination = Pagination(query)
    while pagination.query is not None:
        yield pagination.accept(pagination.query, gateway.run(gateway.provider.list_payments(pagination.query)))


def _operations(provider_class: Any, settings: Mapping[str, Any]) -> Operations:
    made: Any = structure(loading.settings_class(provider_class), settings, where="settings")
    return Operations(_BACKEND, provider_class(made))
