"""Choosing observers: by the names under which they are installed, or as objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway_core._plugins.discovery import NAME, Offer, describe, offers_of, rivalry, scan
from gateway_core._redaction import one_line
from gateway_core.errors import ConfigurationError, PluginError
from gateway_core.observers._calls import Listener
from gateway_core.observers._hook import listen
from gateway_core.observers._log import logger

GROUP = "gateway_core.observers"

#: The observer that the core brings. Its name is not to be had by others.
OURS = "logging"


def load(observers: Iterable[Any]) -> tuple[Listener, ...]:
    """Do what `Observers.load` says, each observer once."""
    if isinstance(observers, str | bytes) or not isinstance(observers, Iterable):
        raise ConfigurationError("observers are given as a list, of names and of objects")
    each_once = {each if isinstance(each, str) else id(each): each for each in observers}
    # What is installed is searched only for others than our own: the search takes the longer the more there is.
    offers = _offers() if any(isinstance(each, str) and each != OURS for each in each_once) else {}
    chosen = [_chosen(each, offers) for each in each_once.values()]
    return tuple(listener for listener in chosen if listener is not None)


def _chosen(observer: Any, offers: dict[str, list[Offer]]) -> Listener | None:
    if not isinstance(observer, str):
        return _given(observer)
    return _logging() if observer == OURS else _installed(_find(observer, offers))


def _logging() -> Listener:
    from gateway_core.observers._logging import LoggingObserver

    return listen(LoggingObserver(), f"the observer {OURS!r}")


def _given(observer: Any) -> Listener:
    """Check an observer that the application made itself: it is told at once what is wrong."""
    kind = observer if isinstance(observer, type) else type(observer)
    try:
        return listen(observer, f"the observer {kind.__module__}.{kind.__qualname__}")
    except PluginError as error:
        fault = error.message
    raise ConfigurationError(f"the observer {kind.__qualname__} cannot be used: {fault}")


def _installed(offer: Offer) -> Listener | None:
    """Import, make and check an observer; None, and a line in the log, if it is broken."""
    source = f"entry point {offer.entry_point}, distribution {offer.distribution} {offer.version}"
    description = f"the observer {offer.name!r} ({source})"
    try:
        return listen(_made(offer), description)
    except PluginError as error:
        logger("observers").warning("%s is broken and left out: %s", description, error.message)
        return None


def _made(offer: Offer) -> Any:
    kind = offer.imported()
    try:
        return kind()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # SystemExit included: nothing here stops the application
        fault = describe(error, text=False)
    raise PluginError(f"making it failed with {fault}")


def _offers() -> dict[str, list[Offer]]:
    """Return what is installed, by name. Nothing is imported, and what cannot be read offers nothing."""
    sources, _ = scan(GROUP)
    offers: dict[str, list[Offer]] = {}
    for offer in offers_of(sources, Offer):
        offers.setdefault(offer.name, []).append(offer)
    return offers


def _find(name: str, offers: dict[str, list[Offer]]) -> Offer:
    found = offers.get(name, [])
    if len(found) == 1:
        return found[0]
    if found:
        reason = rivalry(found, "uninstall one").message
    else:
        names = ", ".join(sorted(known for known in offers if NAME.fullmatch(known)))
        reason = f"nobody offers it; installed are {names}" if names else "nobody offers one"
    raise ConfigurationError(f"the observer {one_line(repr(name), 80)} cannot be had: {reason}")
