"""The hook of observers, and whether an object implements it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pluggy

from gateway_core._markers import PROJECT, hookspec, misshapen
from gateway_core._plugins.discovery import describe
from gateway_core.errors import PluginError
from gateway_core.observers._calls import Listener
from gateway_core.observers._events import Event

_RUN_BY_NOBODY = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)


class Specification:
    """What an observer implements."""

    @hookspec
    def observe(self, event: Event) -> None:
        """Take note of an event.

        It is called in the thread or the task of the call, while the call waits. What it raises is logged once.
        """


def listen(observer: Any, description: str) -> Listener:
    """Return an observer as the core tells it, through a plugin manager of its own: no observer is in another's way.

    Raises:
        PluginError: If it does not implement the hook. Its text is the cause alone.
    """
    try:
        return _registered(observer, description)
    except (PluginError, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001  # a hostile object raises when it is looked at
        fault = describe(error, text=False)
    raise PluginError(f"its check failed with {fault}")


def _registered(observer: Any, description: str) -> Listener:
    manager = pluggy.PluginManager(PROJECT)
    manager.register(observer, name="observer")
    faults = [*_faults(manager, observer)]
    if faults:
        raise PluginError(f"its hook does not fit the contract: {'; '.join(faults)}")
    manager.add_hookspecs(Specification)
    wants = getattr(observer, "wants", None)
    hook = manager.hook.observe
    return Listener(lambda event: hook(event=event), wants if callable(wants) else None, description)


def _faults(manager: pluggy.PluginManager, observer: Any) -> Iterator[str]:
    """Yield what is wrong with the hooks of an observer."""
    if isinstance(observer, type):
        yield f"{observer.__name__} is a class, give an object made of it"
        return
    hooks = {name: hook.get_hookimpls() for name, hook in vars(manager.hook).items()}
    for name, implementations in hooks.items():
        if name != "observe" and not all(each.optionalhook for each in implementations):
            yield f"{name} is no hook of an observer, observe is the only one"
    if not hooks.get("observe"):
        is_there = inspect.getattr_static(observer, "observe", None) is not None
        yield "observe is not marked with @hookimpl" if is_there else "observe is missing"
    for implementation in hooks.get("observe", ()):
        wraps = implementation.wrapper or implementation.hookwrapper
        if not wraps and any(test(implementation.function) for test in _RUN_BY_NOBODY):
            yield "observe is async or a generator, and nobody would run it: write it as a plain method"
        else:
            yield from misshapen(Specification().observe, implementation)
