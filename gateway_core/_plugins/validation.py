"""Whether a provider class fits the contract: what it declares, its settings, and its hooks."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from typing import Any

import attrs
import pluggy

from gateway_core import hookspecs
from gateway_core._markers import PROJECT
from gateway_core._plugins.discovery import check_hooks, guarded
from gateway_core._tracebacks import describe
from gateway_core.errors import PluginError
from gateway_core.provider import CONTRACT_VERSION, RESERVED_SETTINGS, ProviderInfo

OPERATIONS = hookspecs.REQUIRED + hookspecs.OPTIONAL


def check_provider_class(target: Any) -> tuple[ProviderInfo, tuple[str, ...]]:
    """Check a provider class before it is instantiated, and return what it declares and the operations it supports.

    Raises:
        PluginError: If it does not fit the contract, and why.
    """
    if not isinstance(target, type) or not attrs.has(target):
        raise PluginError("the entry point must name an attrs class")
    info = getattr(target, "info", None)
    if not isinstance(info, ProviderInfo):
        raise PluginError("the provider class has no `info = ProviderInfo(...)` (without annotation: it is no field)")
    _check_info(info)
    taken = [field.alias for field in attrs.fields(settings_class(target)) if field.alias in RESERVED_SETTINGS]
    if taken:
        raise PluginError(f"its settings class has {' and '.join(taken)}: such names are the core's own")
    try:
        inspect.signature(target).bind(settings=None)
    except TypeError as error:
        fault = str(error)
    else:
        hooks = check_hooks(target, hookspecs, OPERATIONS, hookspecs.REQUIRED)
        return info, tuple(name for name in OPERATIONS if name in hooks and name not in info.unsupported)
    raise PluginError(f"the provider class cannot be made of its settings alone: {fault}")


def settings_class(provider_class: type) -> type:
    """Return the attrs class that a provider annotates its `settings` with.

    Raises:
        PluginError: If there is none.
    """
    field = attrs.fields_dict(provider_class).get("settings")
    annotation: Any = None if field is None else field.type
    reason = ""
    if isinstance(annotation, str):
        try:
            annotation = _resolve(provider_class, annotation)
        except Exception as error:  # noqa: BLE001  # an annotation may be any expression
            reason = f" ({describe(error)})"
    if not isinstance(annotation, type) or not attrs.has(annotation):
        raise PluginError(f"the provider class has no `settings` annotated with its attrs settings class{reason}")
    return annotation


def register(provider: Any) -> pluggy.PluginManager:
    """Register a checked provider in a plugin manager of its own, so that no other plugin can answer its hooks.

    Raises:
        PluginError: If its hooks are others than its class has.
    """

    def made() -> pluggy.PluginManager:
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(provider, name="provider")
        manager.check_pending()
        return manager

    return guarded(made, "registering the provider's hooks")


def _check_info(info: ProviderInfo) -> None:
    theirs = info.contract_version
    if theirs != CONTRACT_VERSION:
        behind = "gateway-core" if theirs > CONTRACT_VERSION else "the plugin"
        raise PluginError(
            f"it is written for version {theirs} of the provider contract, and this core has version"
            f" {CONTRACT_VERSION}: install a newer version of {behind}",
            who_must_act="operator",
        )
    for name in info.unsupported:
        if name not in OPERATIONS:
            raise PluginError(f"info.unsupported names {name!r}, which is no operation")


def _resolve(provider_class: type, annotation: str) -> Any:
    """Evaluate the annotation of `settings` alone: others may name what is imported for type checkers only."""
    owner = next(each for each in provider_class.__mro__ if "settings" in inspect.get_annotations(each))
    holder = types.SimpleNamespace(__annotations__={"settings": annotation})
    return typing.get_type_hints(holder, vars(sys.modules[owner.__module__]), dict(vars(owner)))["settings"]
