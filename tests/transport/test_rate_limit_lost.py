"""R7 without the store: an error, or each process by itself, as configured; never a silent free-for-all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest

from gateway_core.errors import NotSentError
from gateway_core.transport._rate_limit import Limiter, file_store, shared_store
from gateway_core.transport._rate_limit.rules import StoreError
from tests.transport.permits import drive, refusal, take, use
from tests.transport.redis_server import RedisServer

Make = Callable[..., Limiter]
Breakable: TypeAlias = tuple[str, Callable[[], None], Callable[[], None]]


@pytest.fixture
def breakable(store: str, tmp_path: Path, redis: RedisServer) -> Iterator[Breakable]:
    """Give a store, what breaks it, and what mends it."""
    path = tmp_path / "limits of us.sqlite"
    aside = tmp_path / "aside"
    if store.startswith("unix"):
        yield store, redis.stop, redis.start
        if redis._process is None:
            redis.start()
        return

    def break_it() -> None:
        path.rename(aside) if path.exists() else None
        path.mkdir()

    def mend() -> None:
        path.rmdir()
        aside.rename(path) if aside.exists() else None

    yield store, break_it, mend


def test_lost_store_is_an_error(breakable: Breakable, process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: nothing is sent uncounted: if the store is lost, so is the call, until the store is back."""
    store, break_it, mend = breakable
    monkeypatch.setattr(file_store, "LEASE", 0.5)
    one = process(store)
    use(one)
    held = take(one)
    break_it()

    with pytest.raises(NotSentError) as left:
        held.leave()
    held.end(answered=False)
    asked = refusal(one)
    drive(one.pause(0.01))
    mend()

    assert [(error.effect, "nothing was sent" in error.message) for error in (left.value, asked)] == [
        ("none", True)
    ] * 2
    assert "the limiter's store cannot be used" in asked.message
    assert use(one)


def test_lost_store_leaves_each_process_to_itself_if_so_configured(
    breakable: Breakable,
    process: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """R7: without the store a process keeps the limit by itself, says so once, and goes back when it can."""
    caplog.set_level(logging.INFO, "gateway_core.limits")
    monkeypatch.setattr(shared_store, "PATIENCE", 0.0)
    monkeypatch.setattr(file_store, "LEASE", 0.5)
    store, break_it, mend = breakable
    one, other = process(store, fallback="process"), process(store)
    left = [use(one)]
    held = take(one)
    break_it()

    left.append(time.monotonic())
    held.leave()
    left += [use(one), use(one)]
    mend()
    left += [use(one), use(other)]

    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert (min(gaps) >= 0.2 - 0.001, one.fell_back(), one.fell_back()) == (True, True, False)
    assert [(record.levelname, record.message.count("\n")) for record in caplog.records] == [
        ("WARNING", 0),
        ("INFO", 0),
    ]


def test_answer_is_not_lost_with_the_store(breakable: Breakable, process: Make) -> None:
    """R7: what the provider answered is worth more than counting it once more."""
    store, break_it, mend = breakable
    one = process(store)
    turn = take(one)
    turn.leave()
    answered = time.monotonic() + 0.05
    break_it()
    while time.monotonic() < answered:
        pass

    turn.end(answered=True)

    mend()
    assert take(one).waited > 0.1


def test_lost_store_is_left_alone_for_a_while(
    breakable: Breakable, process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: a store that cannot be reached does not cost each call its timeout."""
    store, break_it, mend = breakable
    one = process(store, fallback="process")
    break_it()
    use(one)
    asked: list[str] = []
    assert one.shared is not None
    monkeypatch.setattr(one.shared.store, "acquire", asked.append)

    use(one)

    mend()
    assert asked == []


def test_store_that_is_silent_is_waited_for_once(
    process: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: a turn whose request could not be counted is not given back to the same silence."""
    one = process(f"{tmp_path}/limits.sqlite")
    turn = take(one)
    asked: list[str] = []

    def silent(*_: object) -> None:
        asked.append("?")
        raise StoreError("silent")

    assert one.shared is not None
    for method in ("leave", "release"):
        monkeypatch.setattr(one.shared.store, method, silent)

    with pytest.raises(NotSentError, match="silent"):
        turn.leave()
    turn.end(answered=False)

    assert asked == ["?"]
