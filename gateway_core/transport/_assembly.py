"""Assembles the pipeline and the transport of an account. Their parts are imported when a gateway needs them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import attrs

from gateway_core.errors import ConfigurationError
from gateway_core.provider import ProviderInfo, secrets_of
from gateway_core.transport._settings import LimitSettings, TransportSettings
from gateway_core.transport._transport import Transport

if TYPE_CHECKING:
    from gateway_core.transport._pipeline import DirectPipeline, Pipeline


def connect(settings: TransportSettings, *, base_url: str | None = None, hosts: tuple[str, ...] = ()) -> Transport:
    """Return a transport to the server of a base address, and to further hosts by https; each request is sent once.

    Raises:
        ConfigurationError: If an address is not https and not on the loopback range, the environment is wrong, or
            `settings` are none.
    """
    if not isinstance(settings, TransportSettings):
        raise ConfigurationError("the settings of a transport are TransportSettings")
    from gateway_core.transport._requests_transport import RequestsTransport

    return RequestsTransport(settings, base_url=base_url, hosts=hosts)


def connect_account(
    settings: TransportSettings, limits: LimitSettings, info: ProviderInfo, provider_settings: Any
) -> tuple[Pipeline, Transport]:
    """Return the pipeline and the transport of one account.

    Raises:
        ConfigurationError: If the base address is not https and not on the loopback range, the environment names a
            proxy or an authority that cannot be used, or the limiter is none.
    """
    from gateway_core.transport._account_health import AccountHealth
    from gateway_core.transport._account_pause import AccountPause
    from gateway_core.transport._answer_cache import AnswerCache
    from gateway_core.transport._confirmation_budget import ConfirmationBudget
    from gateway_core.transport._pipeline import Pipeline

    base_url = getattr(provider_settings, "base_url", None) or info.base_url
    account = _account_key(info, provider_settings, base_url)
    declared = info.rate_limits if limits.rate_limits is None else limits.rate_limits
    limiter = None
    if declared:
        from gateway_core.transport._rate_limit import Limiter, Where

        where = Where.of(None if limits.limiter is None else limits.limiter.reveal())
        limiter = Limiter.of(account, declared, where, limits.limiter_fallback)
    health = AccountHealth.of(account, settings.breaker_failures, settings.breaker_seconds)
    pipeline = Pipeline(
        info=info,
        settings=settings,
        health=health,
        pause=AccountPause.of(account),
        answers=AnswerCache.of(account),
        confirmations=ConfirmationBudget.of(account, declared),
        limiter=limiter,
    )
    return pipeline, connect(settings, base_url=base_url, hosts=info.hosts)


def connect_through(transport: Transport) -> tuple[DirectPipeline, Transport]:
    """Return the pipeline of an application's own transport, which sends each request once.

    Raises:
        ConfigurationError: If it is no transport.
    """
    if not all(callable(getattr(transport, name, None)) for name in ("send", "close")):
        raise ConfigurationError("a transport is TransportSettings, or an object with the methods send and close")
    from gateway_core.transport._pipeline import DirectPipeline

    return DirectPipeline(), transport


def _account_key(info: ProviderInfo, provider_settings: Any, base_url: str | None) -> str:
    """Return a digest that tells an account from others, in this process and in a store that others share."""
    names = info.account_settings
    if names is None:
        names = tuple(field.name for field in attrs.fields(type(provider_settings)))
    values = [(name, getattr(provider_settings, name, None)) for name in names]
    told = [info.title, base_url, *((name, repr(value), secrets_of(value)) for name, value in values)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]
