"""The markers of our hooks and of their implementations, and the shape that an implementation must have."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pluggy

PROJECT = "gateway_core"

hookspec = pluggy.HookspecMarker(PROJECT)

#: Marks a method as the implementation of a hook.
hookimpl = pluggy.HookimplMarker(PROJECT)


def misshapen(specification: Callable[..., object], implementation: pluggy.HookImpl) -> Iterator[str]:
    """Yield why pluggy could not call an implementation, or would call it otherwise than its author means."""
    name, function = specification.__name__, implementation.function
    if implementation.wrapper or implementation.hookwrapper:
        yield f"{name} is a wrapper, and there is nothing to wrap"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield f"{name} is async: write it with a plain `def`, which async code can run too"
    known = inspect.signature(specification).parameters
    for argument in implementation.argnames:
        if argument not in known:
            yield f"{name} takes {argument}, which is no argument of it: {', '.join(known) or 'it has none'}"
    for parameter in inspect.signature(function).parameters.values():
        # pluggy gives arguments by position, and none that has a default.
        lost = parameter.name in known and parameter.name not in implementation.argnames
        if lost or (parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty):
            yield f"{name} must take {parameter.name} as a plain argument without a default"


def direct(hook: pluggy.HookCaller) -> Callable[..., Any]:
    """Return what calls the only implementation of a hook with its arguments by name, as pluggy does.

    Pluggy's own way is made for several implementations and what is wrapped around them, and takes ten times as long.
    """
    [implementation] = hook.get_hookimpls()
    function, names = implementation.function, implementation.argnames

    def call(**arguments: Any) -> Any:
        return function(*[arguments[name] for name in names])

    return call
