"""What an error's traceback shows: the lines of code, and none of the values that were worked on.

Error trackers collect the locals of every frame that an exception passed through, and there keys and customers' data
are in use.
"""

from __future__ import annotations

import functools
import importlib
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from gateway_core._redaction import one_line
from gateway_core.errors import GatewayError

P = ParamSpec("P")
T = TypeVar("T")

_CORE = str(Path(__file__).parent)
#: Frames of these say how a plugin was loaded, and not where it failed.
_LOADING = (
    "<frozen importlib",
    importlib.__file__.removesuffix("__init__.py"),
    str(Path(_CORE, "_plugins")),
)


def describe(error: BaseException, *, text: bool = True) -> str:
    """Return the kind, text and innermost place of an exception, for a plugin's author, on one line.

    Args:
        error: The exception. It is not trusted: even its text may raise.
        text: Whether to give its text, which may quote what the plugin worked on.
    """
    frames = [f"{frame.f_code.co_filename}:{line}" for frame, line in traceback.walk_tb(error.__traceback__)]
    places = [place for place in frames if not place.startswith(_LOADING)]
    places = [place for place in places if not place.startswith(_CORE)] or places
    try:
        said = error.message if isinstance(error, GatewayError) else str(error)
        if isinstance(error, SyntaxError) and error.filename:
            said, places = error.msg, [f"{error.filename}:{error.lineno}"]
    except (Exception, SystemExit):  # noqa: BLE001  # a plugin's exception may be as broken as the plugin
        said = ""
    what = f"{type(error).__name__}: {said}" if text and said else type(error).__name__
    return one_line(what, 400) + (f" at {one_line(places[-1], 300)}" if places else "")


def clear_locals(error: BaseException) -> None:
    """Clear the locals of all ended frames that an error, and each error chained to it, has passed through."""
    for each in (error, *chained(error)):
        traceback.clear_frames(each.__traceback__)


def chained(error: BaseException) -> Iterator[BaseException]:
    """Yield causes, contexts and members of groups, each once: what a traceback shows besides the error itself."""
    seen = {id(error)}
    linked = [error.__cause__, error.__context__]
    while linked:
        each = linked.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        linked += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


class translated:  # noqa: N801  # reads as a statement: with translated(KeyError, to_ours)
    """Raise an error of ours in place of what a block raises, and keep the original out of its chain.

    The text of an exception of another library, or a local of a frame that it passed through, may hold a secret.

    >>> from gateway_core.errors import ConfigurationError
    >>> with translated(ValueError, lambda error: ConfigurationError(f"limit: {error}")):
    ...     int("many")
    Traceback (most recent call last):
    gateway_core.errors.ConfigurationError: limit: invalid literal for int() with base 10: 'many'

    Args:
        kinds: The exceptions to translate.
        to: Returns the error to raise in their place.
    """

    __slots__ = ("_kinds", "_to")

    def __init__(
        self,
        kinds: type[BaseException] | tuple[type[BaseException], ...],
        to: Callable[[BaseException], GatewayError],
    ) -> None:
        self._kinds = kinds
        self._to = to

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is None or not isinstance(error, self._kinds):
            return
        failure = self._to(error)
        del error, where
        try:
            raise failure
        except GatewayError:
            # Python has just chained the original to it.
            failure.__cause__ = failure.__context__ = None
            raise


def without_locals(function: Callable[P, T]) -> Callable[P, T]:
    """Let errors of ours leave a function without the values that it was given and worked on."""

    @functools.wraps(function)
    def call(*args: P.args, **more: P.kwargs) -> T:
        try:
            return function(*args, **more)
        except GatewayError as error:
            failure = error
        del args, more
        clear_locals(failure)
        raise failure

    return call
