"""Choosing observers: by the names under which they are installed, or as objects."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Self

import pluggy

from gateway_core._markers import PROJECT, direct, hookspec
from gateway_core._plugins.discovery import Offer, check_hooks, find, guarded
from gateway_core._redaction import one_line
from gateway_core._tracebacks import translated
from gateway_core.errors import ConfigurationError, PluginError
from gateway_core.observers._calls import CallEvents, Listener
from gateway_core.observers._events import CallStarted, Event

GROUP = "gateway_core.observers"

#: The observer that the core brings. Its name is not to be had by others.
OURS = "logging"

#: The observers of a gateway for which no others are chosen.
DEFAULT = (OURS,)


class Specification:
    """What an observer implements."""

    @hookspec
    def observe(self, event: Event) -> None:
        """Take note of an event.

        It is called in the thread or the task of the call, while the call waits. What it raises is logged once.
        """


class Observers:
    """All observers of one gateway; without any, telling them costs next to nothing.

    Args:
        listeners: The observers, as `load` returns them.
    """

    def __init__(self, listeners: tuple[Listener, ...] = ()) -> None:
        self.listeners = listeners

    @classmethod
    def load(cls, observers: Iterable[str | object] = DEFAULT) -> Self:
        """Return the chosen observers, by their installed names or as objects. Only they are imported.

        One that is installed but broken is logged and left out: no payment fails because nobody watches it.

        Raises:
            ConfigurationError: If a name is offered by nobody or by two distributions, or an object is no observer.
        """
        if isinstance(observers, str | bytes) or not isinstance(observers, Iterable):
            raise ConfigurationError("observers are given as a list, of names and of objects")
        each_once = {each if isinstance(each, str) else id(each): each for each in observers}
        chosen = [_chosen(each) if isinstance(each, str) else _given(each) for each in each_once.values()]
        return cls(tuple(listener for listener in chosen if listener is not None))

    def call(self, backend: str, operation: str) -> CallEvents:
        """Return the events of a new call, of which the observers have been told."""
        events = CallEvents(self.listeners, backend, operation)
        events.tell(CallStarted)
        return events


def _chosen(name: str) -> Listener | None:
    """Import, make and check an installed observer; None, and a line in the log, if it is broken."""
    if name == OURS:
        # Ours is not looked for among what is installed: that takes the longer the more there is.
        from gateway_core.observers._logging import LoggingObserver

        return _listen(LoggingObserver(), f"the observer {OURS!r}")
    shown = one_line(repr(name), 80)
    with translated(PluginError, lambda error: ConfigurationError(f"the observer {shown} cannot be had: {error}")):
        offer = find(GROUP, name, Offer)
    source = f"entry point {offer.entry_point}, distribution {offer.distribution} {offer.version}"
    description = f"the observer {offer.name!r} ({source})"
    try:
        kind = offer.imported()
        return _listen(guarded(kind, "making it"), description)
    except PluginError as error:
        from gateway_core.observers._log import logger

        logger("observers").warning("%s is broken and left out: %s", description, error.message)
        return None


def _given(observer: Any) -> Listener:
    """Check an observer that the application made itself: it is told at once what is wrong."""
    kind = observer if isinstance(observer, type) else type(observer)
    try:
        return _listen(observer, f"the observer {kind.__module__}.{kind.__qualname__}")
    except PluginError as error:
        fault = error.message
    raise ConfigurationError(f"the observer {kind.__qualname__} cannot be used: {fault}")


def _listen(observer: Any, description: str) -> Listener:
    """Return an observer as the core tells it, through a plugin manager of its own: no observer is in another's way.

    Raises:
        PluginError: If it does not implement the hook. Its text is the cause alone.
    """
    return guarded(lambda: _checked(observer, description), "its check")


def _checked(observer: Any, description: str) -> Listener:
    if isinstance(observer, type):
        raise PluginError(f"{observer.__name__} is a class, give an object made of it")
    check_hooks(observer, Specification(), ["observe"], ["observe"])
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Specification)
    manager.register(observer, name="observer")
    hook, wants = manager.hook.observe, getattr(observer, "wants", None)
    if any(inspect.isgeneratorfunction(each.function) for each in hook.get_hookimpls()):
        raise PluginError("observe is a generator, and nobody would run it: write it as a plain method")
    observe = direct(hook)
    return Listener(lambda event: observe(event=event), wants if callable(wants) else None, description)
