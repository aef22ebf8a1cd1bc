"""Whether a provider fits the contract: its class before it is instantiated, and its hooks.

A plugin is other people's code: whatever it raises becomes a `PluginError`, and nothing it raised stays in the chain.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
import pluggy

from gateway_core import hookspecs
from gateway_core._markers import PROJECT, misshapen
from gateway_core._plugins.discovery import describe
from gateway_core.errors import GatewayError, PluginError
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
        hook = register(target).hook
        has = (name for name in OPERATIONS if name not in info.unsupported and getattr(hook, name).get_hookimpls())
        return info, tuple(has)
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


def make(provider_class: Any, settings: Any) -> Any:
    """Return a provider made of its settings.

    Raises:
        GatewayError: What the plugin itself says of its settings.
        PluginError: If it raises anything else. The text of that is left out: it may hold a setting's value.
    """
    try:
        return provider_class(settings=settings)
    except (GatewayError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # SystemExit included
        fault = describe(error, text=False)
    raise PluginError(f"making the provider of its settings failed with {fault}")


def register(provider: Any) -> pluggy.PluginManager:
    """Return a plugin manager of its own for one provider, so that no other can ever answer its hooks.

    Raises:
        PluginError: If a hook is misspelt, missing, not marked, or of a shape that does not do what its author means.
    """
    manager = pluggy.PluginManager(PROJECT)
    # The specifications come second, so that all faults can be told at once; pluggy stops at the first.
    manager.register(provider, name="provider")
    faults = [*_strangers(manager), *(fault for name in OPERATIONS for fault in _misfits(manager, name, provider))]
    if faults:
        raise PluginError(f"its hooks do not fit the contract: {'; '.join(faults)}")
    manager.add_hookspecs(hookspecs)
    manager.check_pending()
    return manager


def closest(word: str, words: Iterable[str]) -> str | None:
    """Return the word that was probably meant, if there is one."""
    import difflib

    return next(iter(difflib.get_close_matches(word, list(words), n=1)), None)


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


def _strangers(manager: pluggy.PluginManager) -> Iterator[str]:
    """Yield what is wrong with the marked methods that are no hooks of the contract."""
    for name, hook in vars(manager.hook).items():
        if name not in OPERATIONS and not all(each.optionalhook for each in hook.get_hookimpls()):
            meant = closest(name, OPERATIONS)
            yield f"{name} is no hook" + (f", did you mean {meant}?" if meant else "")


def _misfits(manager: pluggy.PluginManager, name: str, provider: Any) -> Iterator[str]:
    """Yield what is wrong with the implementation of one hook."""
    hook: pluggy.HookCaller | None = getattr(manager.hook, name, None)
    implementations = hook.get_hookimpls() if hook else []
    if not implementations:
        if inspect.getattr_static(provider, name, None) is not None:
            yield f"{name} is not marked with @hookimpl"
        elif name in hookspecs.REQUIRED:
            yield f"{name} is missing"
    if len(implementations) > 1:
        yield f"{name} is implemented twice"
    for implementation in implementations:
        yield from misshapen(getattr(hookspecs, name), implementation)
