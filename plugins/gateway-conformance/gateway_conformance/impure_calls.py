"""Recording the calls that a flow must not make: sockets, clocks, randomness, files, threads, sleep."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from datetime import date
from types import FrameType
from typing import Any

import attrs

#: Functions written in C, by module, that a flow must not call; None stands for all of a module.
_FORBIDDEN: dict[str, frozenset[str] | None] = {
    "time": frozenset(
        {
            "time",
            "time_ns",
            "monotonic",
            "monotonic_ns",
            "perf_counter",
            "perf_counter_ns",
            "process_time",
            "clock_gettime",
            "clock_gettime_ns",
            "localtime",
            "gmtime",
            "sleep",
            "thread_time",
            "ctime",
        }
    ),
    "posix": frozenset({"urandom", "getrandom", "open", "fork", "posix_spawn", "system", "stat", "listdir", "scandir"}),
    "nt": frozenset({"urandom", "open", "stat", "listdir", "scandir"}),
    "io": frozenset({"open", "open_code"}),
    "_io": frozenset({"open", "open_code"}),
    "_socket": None,
    "_random": None,
    "_thread": frozenset({"start_new_thread", "start_joinable_thread"}),
    "select": None,
    "_ssl": None,
    "_sqlite3": None,
    "_uuid": None,
}
#: Modules written in Python that stand for the same.
_FORBIDDEN_MODULES = frozenset(
    {
        "socket",
        "random",
        "secrets",
        "subprocess",
        "requests.sessions",
        "urllib.request",
        "http.client",
        "asyncio.runners",
    }
)
#: Whose calls are their own business: logging stamps its records, and imports read files.
_EXEMPT = ("logging", "importlib", "_frozen_importlib", "linecache", "traceback", "warnings", "zipimport", "threading")


@attrs.frozen
class Recorded:
    """What was called.

    Attributes:
        calls: What was called that must not be, and from where, in words.
    """

    calls: list[str]


@contextlib.contextmanager
def recording() -> Iterator[Recorded]:
    """Note what is called on this thread meanwhile that a flow must not call."""
    found = Recorded([])

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            what = _called(argument)
            if what is not None and not _exempt(frame):
                found.calls.append(f"{what} at {frame.f_code.co_filename}:{frame.f_lineno}")
        elif event == "call":
            module = frame.f_globals.get("__name__", "")
            caller = frame.f_back
            if module in _FORBIDDEN_MODULES and caller is not None and not _exempt(caller):
                where = f"{caller.f_code.co_filename}:{caller.f_lineno}"
                found.calls.append(f"{module}.{frame.f_code.co_qualname} at {where}")

    # What the collector frees meanwhile is of others, and so is what it does as it goes, such as closing a file.
    collecting, before = gc.isenabled(), sys.getprofile()
    gc.disable()
    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(before)
        if collecting:
            gc.enable()


def _called(function: Any) -> str | None:
    """Return the name of a function written in C that must not be called; None for all others."""
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    if isinstance(owner, type) and issubclass(owner, date) and name in {"now", "utcnow", "today"}:
        return f"{owner.__name__}.{name}"
    module = getattr(function, "__module__", None) or type(owner).__module__
    if type(owner).__module__ in {"_random", "random", "_socket", "socket"}:
        module = type(owner).__module__.lstrip("_")
        return f"{module}.{name}"
    if module in _FORBIDDEN:
        names = _FORBIDDEN[module]
        if names is None or name in names:
            return f"{module}.{name}"
    return None


def _exempt(frame: FrameType | None) -> bool:
    """Return whether a call comes out of a module whose own business it is, at most a few frames above."""
    for _ in range(12):
        if frame is None:
            return False
        if frame.f_globals.get("__name__", "").partition(".")[0] in _EXEMPT:
            return True
        frame = frame.f_back
    return False
