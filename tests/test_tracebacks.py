"""What an error's frames keep: the lines, and none of the values."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from types import FrameType

import pytest

from gateway_core._tracebacks import chained, clear_locals, translated, without_locals
from gateway_core.errors import ConfigurationError, GatewayError

VALUE = "held-7f3c9b1e5a2d"


def held_by(error: BaseException) -> dict[str, list[str]]:
    """Return the names of the locals that each function of this file still holds, once it has ended."""
    frames: list[tuple[FrameType, int]] = [
        each for linked in (error, *chained(error)) for each in traceback.walk_tb(linked.__traceback__)
    ]
    return {
        frame.f_code.co_name: sorted(frame.f_locals) for frame, _ in frames if frame.f_code.co_name in ("fail", "deep")
    }


def fail(value: str) -> None:
    """Fail with a value in hand, deep down, behind another error."""

    def deep(held: str) -> None:
        raise KeyError(held)

    try:
        deep(value)
    except KeyError as error:
        raise ConfigurationError("no") from error


def caught(function: Callable[[str], None]) -> GatewayError:
    """Return what a function raises."""
    try:
        function(VALUE)
    except GatewayError as error:
        return error
    raise AssertionError


def test_frames_keep_the_lines_only() -> None:
    """S1: an error tracker that collects locals finds none, and its reader finds the place."""
    error = caught(fail)
    before = held_by(error)

    clear_locals(error)

    assert (before["deep"], held_by(error)) == (["held"], {"fail": [], "deep": []})
    assert "raise KeyError(held)" in "".join(traceback.format_exception(error))


def test_function_without_locals_keeps_nothing_that_it_was_given() -> None:
    """S1: not even the frame that clears the others."""
    error = caught(without_locals(fail))

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name == "call"]

    assert held_by(error) == {"fail": [], "deep": []}
    assert {VALUE in repr(frame.f_locals) for frame in frames} == {False}


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()], ids=repr)
def test_errors_of_others_pass_unchanged(error: BaseException) -> None:
    """A mistake in the code itself is to be found, with all its values."""

    @without_locals
    def broken() -> None:
        held = VALUE
        assert held
        raise error

    with pytest.raises(type(error)) as caught:
        broken()

    assert any("held" in frame.f_locals for frame, _ in traceback.walk_tb(caught.tb))


def test_function_without_locals_is_documented_as_itself() -> None:
    """Its name, docstring and parameters are those of the function."""
    shown = without_locals(fail)

    assert (shown.__doc__, inspect.signature(shown)) == (fail.__doc__, inspect.signature(fail))


def test_loop_of_errors_ends() -> None:
    """Each error is looked at once, however they are linked."""
    one, other = ValueError("1"), ExceptionGroup("2", [ValueError("3")])
    one.__cause__, other.__context__ = other, one

    assert list(map(str, chained(one))) == ["2 (1 sub-exception)", "3"]


def test_translated_error_takes_the_place_of_the_original() -> None:
    """S1: neither the text of what was raised nor a frame that it passed through comes along."""

    def refuse(held: str) -> None:
        with translated(KeyError, lambda _: ConfigurationError("no such key")):
            raise KeyError(held)

    error = caught(refuse)

    assert (str(error), list(chained(error))) == ("no such key", [])
    assert VALUE not in "".join(traceback.format_exception(error))
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if frame.f_code.co_name == "__exit__"]
    assert {VALUE in repr(frame.f_locals) for frame in frames} == {False}


def test_other_errors_are_not_translated() -> None:
    """What is not named passes unchanged."""
    with pytest.raises(ZeroDivisionError), translated(KeyError, lambda _: ConfigurationError("no")):
        raise ZeroDivisionError
