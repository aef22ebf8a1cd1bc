"""What a check is: a test method whose docstring says the rule and why, and whose failure says what was seen."""

from __future__ import annotations

import functools
import inspect
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import attrs
import pytest

import gateway_core

S = TypeVar("S")
P = ParamSpec("P")

#: Where each check is explained, below an anchor of its name.
DOCS_PAGE = "How the kit judges: docs/reference/conformance.md"

_CORE = Path(gateway_core.__file__).parent
_KIT = Path(__file__).parent
_PREFIX = "test_"
_WHY = "Why:"
_MOST_TEXT = 1500


@attrs.frozen(kw_only=True)
class Check:
    """One rule that a provider is judged by.

    Attributes:
        name: Its name; the test's name is this after ``test_``.
        subject: What it is about, such as ``money``.
        rule: What must be so, one sentence.
        why: What goes wrong otherwise.
    """

    name: str
    subject: str
    rule: str
    why: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Check:
        """Read the check that a test method is. Its docstring is the rule, an empty line, and ``Why:`` with the reason.

        Raises:
            ValueError: If the docstring is of another form.
        """
        rule, _, why = inspect.cleandoc(function.__doc__ or "").partition("\n\n")
        if not function.__name__.startswith(_PREFIX) or not rule or not why.startswith(_WHY):
            raise ValueError(f"{function.__qualname__}: a check is test_<name>, with a rule and a `{_WHY}` paragraph")
        return cls(
            name=function.__name__.removeprefix(_PREFIX),
            subject=function.__module__.rpartition(".")[2],
            rule=" ".join(rule.split()),
            why=" ".join(why.removeprefix(_WHY).split()),
        )

    def message(self, seen: str) -> str:
        """Return what a failure says."""
        return (
            f"the provider breaks a rule\n"
            f"  rule  {self.name}: {self.rule}\n"
            f"  why   {self.why}\n"
            f"  seen  {_cut(seen)}\n"
            f"  read  {DOCS_PAGE}#{self.name}"
        )


class CheckFailed(AssertionError):  # noqa: N818  # what is raised is a verdict, as AssertionError is
    """A provider breaks a rule; the text says which, why it matters, what was seen, and where to read on."""


class _Seen(Exception):  # noqa: N818  # never leaves a check
    """What a check found wrong."""


def check(function: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """Make a test method a check: whatever it raises becomes a failure that explains itself."""
    rule = Check.of(function)

    @functools.wraps(function)
    def judged(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        __tracebackhide__ = True
        try:
            function(self, *args, **kwargs)
        except _Seen as seen:
            found = str(seen)
        except Exception as error:  # noqa: BLE001  # a provider may raise anything, and all of it is told
            found = _describe(error)
        else:
            return
        raise CheckFailed(rule.message(found))

    judged.check = rule  # type: ignore[attr-defined]  # read by `checks_of`
    return judged


def require(condition: object, seen: str) -> None:
    """Fail the check that is running unless something holds, with what was seen instead."""
    if not condition:
        fail(seen)


def fail(seen: str) -> NoReturn:
    """Fail the check that is running, with what was seen."""
    raise _Seen(seen)


def not_applicable(reason: str) -> NoReturn:
    """End the check that is running: the provider's own declaration says that there is nothing to judge.

    Args:
        reason: Which declaration says so.
    """
    pytest.skip(f"not applicable: {reason}")


def checks_of(suite: type) -> Iterator[Check]:
    """Yield the checks of a suite, subject by subject in the order in which they are written."""
    for kind in reversed(suite.__mro__):
        for member in vars(kind).values():
            found = getattr(member, "check", None)
            if isinstance(found, Check):
                yield found


def describe(error: BaseException) -> str:
    """Return an error's class and text."""
    return f"{type(error).__name__}: {error}"


def _describe(error: Exception) -> str:
    """Return what went wrong and where in the plugin: the last frames that are neither the core's nor the kit's."""
    frames = [
        f"{frame.filename}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not Path(frame.filename).is_relative_to(_CORE) and not Path(frame.filename).is_relative_to(_KIT)
    ]
    where = "".join(f"\n          at {frame}" for frame in frames[-3:])
    return f"{describe(error)}{where}"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}..."
