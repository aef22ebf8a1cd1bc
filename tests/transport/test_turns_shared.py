"""R7 between processes: on Redis and on a file, judged by the moments at which requests left or came."""

from __future__ import annotations

import ast
import gc
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pytest

from gateway_core.errors import ConfigurationError, NotSentError
from gateway_core.provider import RateLimit
from gateway_core.transport import Deadline
from gateway_core.transport._steps import Ask
from gateway_core.transport._turns import Limiter, TurnLostError, Where, _file, _redis, _rules, _shared
from gateway_core.transport._turns._rules import LEASE, MARGIN
from tests.transport.fault_server import FaultServer
from tests.transport.redis_server import RedisServer
from tests.transport.turns_worker import limiter, take

Make = Callable[..., Limiter]
Breakable: TypeAlias = tuple[str, Callable[[], None], Callable[[], None]]

WINDOW = RateLimit(requests=1, seconds=0.2)

ROOT = Path(__file__).parent.parent.parent
WORKER = (sys.executable, "-m", "tests.transport.turns_worker")


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    """Give a Redis server that is there for all tests."""
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["file", "redis"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty store of each kind."""
    if request.param == "file":
        return f"file://{tmp_path}/limits%20of%20us.sqlite"
    server: RedisServer = request.getfixturevalue("server")
    server.client.flushall()
    return server.url


@pytest.fixture
def process() -> Iterator[Make]:
    """Give a function that makes a limiter as another process has it: nothing but the store is shared."""
    with ExitStack() as stack:

        def make(store: str, *limits: RateLimit, fallback: str = "error", key: str = "account") -> Limiter:
            made = Limiter(key, limits or (WINDOW,), Where.of(store), fallback, time.monotonic)  # type: ignore[arg-type]  # parametrised
            stack.callback(made.store._shared.close)  # type: ignore[attr-defined]  # they are shared here
            return made

        yield make


def use(one: Limiter, *, urgent: bool = False) -> float:
    """Take a turn, use it, and return when its request left."""
    turn = take(one, urgent=urgent, seconds=10)
    at = time.monotonic()
    turn.leaving()
    turn.end(answered=True)
    return at


def refusal(one: Limiter, seconds: float = 5.0) -> NotSentError:
    """Ask for a turn that is refused."""
    with pytest.raises(NotSentError) as caught:
        take(one, seconds=seconds)
    return caught.value


def test_processes_share_the_limit(store: str, process: Make) -> None:
    """R7: what one process sent, the other one knows."""
    one, other = process(store), process(store)

    left = [use(each) for each in (one, other, other, one, other)]

    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert (min(gaps) >= 0.2, max(gaps) < 0.3) == (True, True)


def test_accounts_are_counted_apart(store: str, process: Make) -> None:
    """One store serves any number of accounts."""
    one, other = process(store, RateLimit(requests=1, seconds=50)), process(store, key="other")
    use(one)

    assert take(other).waited < 0.2


def test_limits_of_several_requests_are_shared(store: str, process: Make) -> None:
    """R7: the window's log is one for all processes, and what comes too early is told for how long."""
    limit = RateLimit(requests=4, seconds=1)
    one, other = process(store, limit), process(store, limit)

    left = [use(each) for _ in range(5) for each in (one, other)]

    assert min(left[place + 4] - left[place] for place in range(6)) >= 1.0
    assert (left[3] - left[0] < 0.5, left[9] - left[0] < 2.4) == (True, True)


def test_request_is_counted_when_it_leaves(store: str, process: Make) -> None:
    """R7: time that was spent on connecting does not shorten a window for another process."""
    limit = RateLimit(requests=2, seconds=0.5)
    one, other = process(store, limit), process(store, limit)
    turn = take(one)
    connected = time.monotonic() + 0.3
    while time.monotonic() < connected:
        with pytest.raises(NotSentError):
            take(other, seconds=0.1)
    at = time.monotonic()
    turn.leaving()
    use(other)

    assert use(other) - at >= 0.5


def test_slow_answer_counts_for_other_processes(store: str, process: Make) -> None:
    """R7: a request may have been counted as late as its answer, whoever sends the next."""
    one, other = process(store), process(store)
    turn = take(one)
    turn.leaving()
    answered = turn._left_at + 0.15
    while time.monotonic() < answered:
        pass
    turn.end(answered=True)

    assert use(other) - answered >= 0.2


def test_unused_turn_is_counted_by_nobody(store: str, process: Make) -> None:
    """A request that never left takes nothing of the limit, in the log and in the spacing."""
    limit = RateLimit(requests=2, seconds=30)
    one, other = process(store, limit), process(store, limit)
    for _ in range(3):
        take(one).end(answered=False)

    started = time.monotonic()
    use(one)
    use(other)

    assert time.monotonic() - started < 1


@pytest.mark.parametrize("how", ["close", "give up"])
def test_turn_that_nobody_uses_goes_to_the_next_in_line(store: str, process: Make, how: str) -> None:
    """R1: a call that is canceled while the store is asked, or right after, holds nobody for the length of a lease."""
    one = process(store)
    steps = one.turn(urgent=False, deadline=Deadline.after(5))
    step = next(steps)
    assert isinstance(step, Ask)
    taken = step.question()
    if how == "close":
        steps.close()
    else:
        with pytest.raises(StopIteration) as end:
            steps.send(taken)
        end.value.value.give_up()

    assert take(one).waited < 0.2


def test_turn_that_was_given_up_is_given_back(store: str, process: Make) -> None:
    """R1: the thread that was to send gives the turn back to other processes, unless it was given on here."""
    one, other = process(store), process(store)
    turn = take(one)
    turn.give_up()
    with pytest.raises(TurnLostError):
        turn.leaving()

    turn.end(answered=False)

    assert take(other).waited < 0.2


def test_end_of_a_turn_that_was_given_on_touches_nothing(store: str, process: Make) -> None:
    """R1: whoever has the turn after one that was given up keeps it."""
    one, other = process(store), process(store)
    turn = take(one)
    turn.give_up()
    after = take(one)

    turn.end(answered=False)

    assert isinstance(refusal(other, 0.1), NotSentError)
    after.leaving()


def test_turn_is_lost_to_another_process(store: str, process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: whoever was too slow may send only if nobody else was let through meanwhile."""
    for module in (_file, _redis):
        monkeypatch.setattr(module, "LEASE", 0.1)
    one, other = process(store), process(store)
    slow = take(one)
    fast = take(other)

    with pytest.raises(TurnLostError) as caught:
        slow.leaving()

    slow.end(answered=False)
    fast.leaving()
    assert (caught.value.effect, take(other).waited > 0.1) == ("none", True)


def test_turn_outlives_its_lease_if_nobody_wants_it(store: str, process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """R7: a lease that ran out is still good as long as it went to nobody else."""
    for module in (_file, _redis):
        monkeypatch.setattr(module, "LEASE", 0.01)
    one = process(store)
    turn = take(one)
    over = time.monotonic() + 0.05
    while time.monotonic() < over:
        pass

    turn.leaving()

    assert take(one).waited > 0.1


def test_hold_off_stops_every_process(store: str, process: Make) -> None:
    """R4: what one process was told by the provider, all keep."""
    one, other = process(store), process(store)

    one.hold_off(0.4)

    assert (take(other).waited >= 0.39, "rate limit" in refusal(one, 0.1).message) == (True, True)


def test_create_of_another_process_goes_before_reads(store: str, process: Make) -> None:
    """R7: when both wait for the same moment, what changes something goes first, in most cases."""
    one, other = process(store), process(store)
    use(one)
    with ThreadPoolExecutor(2) as pool:
        reads = pool.submit(lambda: [use(one) for _ in range(6)])
        creates = pool.submit(lambda: [use(other, urgent=True) for _ in range(6)])

    order = sorted([(at, "read") for at in reads.result()] + [(at, "create") for at in creates.result()])
    assert [name for _, name in order[:6]].count("create") >= 4


def test_death_and_sleep_of_a_process_hold_the_others_for_five_seconds(tmp_path: Path, server: RedisServer) -> None:
    """R7: kill -9 of whoever has the turn stalls others for 5 s at most; one that was stopped sends nothing late."""
    server.client.flushall()
    stores: dict[tuple[str, int], str] = {
        ("file", signal.SIGKILL): f"file://{tmp_path}/killed.sqlite",
        ("file", signal.SIGSTOP): f"file://{tmp_path}/stopped.sqlite",
        ("redis", signal.SIGKILL): server.url,
        ("redis", signal.SIGSTOP): f"{server.url}?db=1",
    }

    def stall(case: tuple[str, int]) -> tuple[bool, str]:
        command = [*WORKER, "hold", stores[case], "0.2"]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            assert holder.stdout.readline() == "taken\n"
            os.kill(holder.pid, case[1])
            started = time.monotonic()
            use(limiter(stores[case], "0.2"))
            stalled = time.monotonic() - started
            if case[1] == signal.SIGSTOP:
                os.kill(holder.pid, signal.SIGCONT)
                holder.stdin.write("\n")
            return 3 < stalled < 5, holder.stdout.readline()

    with ThreadPoolExecutor(4) as pool:
        ends = dict(zip(stores, pool.map(stall, stores), strict=True))

    assert ends == {case: (True, "TurnLostError\n" if case[1] == signal.SIGSTOP else "") for case in stores}


def _storm(tmp_path: Path, server: RedisServer, *, window: float, seconds: float) -> dict[str, list[float]]:
    """Let four processes send as much as they may, on each store, and return when the requests came."""
    server.client.flushall()
    stores = {"file": f"file://{tmp_path}/limits.sqlite", "redis": server.url}
    with ExitStack() as stack:
        judges = {kind: stack.enter_context(FaultServer()) for kind in stores}
        workers = [
            subprocess.Popen([*WORKER, "send", store, str(window), f"{judges[kind].url}/", str(seconds)], cwd=ROOT)
            for kind, store in stores.items()
            for _ in range(4)
        ]
        assert [worker.wait(seconds + 30) for worker in workers] == [0] * 8
        return {kind: sorted(seen.at for seen in judge.requests) for kind, judge in judges.items()}


def _judged(came: list[float], window: float) -> tuple[int, float]:
    """Return how many requests came too early, and how much of the allowance was used."""
    gaps = [later - earlier for earlier, later in pairwise(came)]
    return sum(gap < window for gap in gaps), len(gaps) * window / (came[-1] - came[0])


def test_four_processes_keep_the_limit(tmp_path: Path, server: RedisServer) -> None:
    """R7: by the server's own log, no two requests of four processes are closer than allowed, and few too few."""
    came = _storm(tmp_path, server, window=0.25, seconds=4)

    judged = {kind: _judged(times, 0.25) for kind, times in came.items()}

    assert {kind: (early, used > 0.75) for kind, (early, used) in judged.items()} == {
        "file": (0, True),
        "redis": (0, True),
    }


@pytest.mark.soak
def test_four_processes_keep_one_a_second_for_a_minute(tmp_path: Path, server: RedisServer) -> None:
    """R7: 4 processes for 60 s at 1 request/s: none too early, and at least 90 % of the allowance used."""
    came = _storm(tmp_path, server, window=1, seconds=60)

    judged = {kind: _judged(times, 1) for kind, times in came.items()}

    print(judged)  # noqa: T201  # what tox -e soak is looked at for
    assert {kind: (early, used >= 0.9) for kind, (early, used) in judged.items()} == {
        "file": (0, True),
        "redis": (0, True),
    }


@pytest.fixture
def breakable(store: str, tmp_path: Path, server: RedisServer) -> Iterator[Breakable]:
    """Give a store, what breaks it, and what mends it."""
    path = tmp_path / "limits of us.sqlite"
    aside = tmp_path / "aside"
    if store.startswith("unix"):
        yield store, server.stop, server.start
        if server._process is None:
            server.start()
        return

    def break_it() -> None:
        path.rename(aside) if path.exists() else None
        path.mkdir()

    def mend() -> None:
        path.rmdir()
        aside.rename(path) if aside.exists() else None

    yield store, break_it, mend


def test_lost_store_is_an_error(breakable: Breakable, process: Make) -> None:
    """R7: nothing is sent uncounted: if the store is lost, so is the call, until the store is back."""
    store, break_it, mend = breakable
    one = process(store)
    use(one)
    held = take(one)
    break_it()

    with pytest.raises(NotSentError) as left:
        held.leaving()
    held.end(answered=False)
    asked = refusal(one)
    one.hold_off(0.01)
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
    monkeypatch.setattr(_shared, "PATIENCE", 0.0)
    store, break_it, mend = breakable
    one, other = process(store, fallback="process"), process(store)
    outages: list[bool] = []
    one.on_fallback = lambda: outages.append(True)
    left = [use(one)]
    held = take(one)
    break_it()

    left.append(time.monotonic())
    held.leaving()
    left += [use(one), use(one)]
    mend()
    left += [use(one), use(other)]

    gaps = [later - earlier for earlier, later in pairwise(left)]
    assert (min(gaps) >= 0.2 - 0.001, len(outages)) == (True, 1)
    assert [(record.levelname, record.message.count("\n")) for record in caplog.records] == [
        ("WARNING", 0),
        ("INFO", 0),
    ]


def test_lost_store_is_left_alone_for_a_while(
    breakable: Breakable, process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1: a store that cannot be reached does not cost each call its timeout."""
    store, break_it, mend = breakable
    one = process(store, fallback="process")
    break_it()
    use(one)
    asked: list[str] = []
    monkeypatch.setattr(one.store._shared, "admit", asked.append)  # type: ignore[attr-defined]  # it is shared

    use(one)

    mend()
    assert asked == []


def test_redis_that_hangs_costs_a_bounded_time(server: RedisServer, process: Make) -> None:
    """R1: a server that takes the question and says nothing is given up after a second."""
    one = process(server.url)
    server.client.flushall()
    use(one)
    with server.frozen():
        started = time.monotonic()

        error = refusal(one, 10)

        assert (time.monotonic() - started < 3, "TimeoutError" in error.message) == (True, True)


def test_redis_that_was_started_anew_is_used_again(server: RedisServer, process: Make) -> None:
    """R7: a server that has forgotten everything, the engine's script too, is a new beginning."""
    one = process(server.url, RateLimit(requests=3, seconds=5))
    use(one)
    server.stop()
    server.start()

    assert use(one) > 0


def test_nothing_stays_in_redis_for_ever(server: RedisServer, process: Make) -> None:
    """An account that is no longer used leaves nothing behind."""
    server.client.flushall()
    one = process(server.url, WINDOW, RateLimit(requests=3, seconds=5))
    one.hold_off(0.01)
    use(one)

    lives = {key.decode(): server.client.pttl(key) for key in server.client.scan_iter()}

    assert {key: 0 < life <= 120_000 for key, life in lives.items()} == {
        "gateway_core:{account}:turn": True,
        "gateway_core:{account}:log": True,
    }


def test_clock_of_redis_that_was_set_back_stops_nobody(server: RedisServer, process: Make) -> None:
    """R7: a moment further ahead than is possible has passed."""
    server.client.flushall()
    one = process(server.url)
    use(one)
    for name in ("until", "closed"):
        server.client.hset("gateway_core:{account}:turn", name, str(10**16))

    assert take(process(server.url)).waited < 0.2


def test_address_of_redis_is_told_to_nobody(server: RedisServer, process: Make) -> None:
    """S1: the password in the address is in no text: not of the store, not of an error, not of a bad address."""
    secret = RedisServer.password
    wrong = server.url.replace(secret, "wrong-password")
    one = process(wrong)
    error = refusal(one)
    with pytest.raises(ConfigurationError) as unreadable:
        Where.of(f"redis://:{secret}@host:port/0")

    texts = [repr(Where.of(server.url)), repr(one), repr(one.store), repr(error), str(error), repr(unreadable.value)]

    assert "AuthenticationError" in error.message
    assert not any("wrong-password" in text or secret in text for text in texts)
    assert [(each.__cause__, each.__context__) for each in (error, unreadable.value)] == [(None, None)] * 2


def test_machine_that_was_started_anew_stops_nobody(tmp_path: Path, process: Make) -> None:
    """R7: a machine's clock begins anew with it: what lies in its future is no older than the start, and no more."""
    store, limit = f"file://{tmp_path}/limits.sqlite", RateLimit(requests=2, seconds=0.5)
    one = process(store, limit, RateLimit(requests=1, seconds=0.01))
    use(one)
    use(one)
    with sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None) as database:
        database.execute("UPDATE turns SET until = until + 1e6, closed = 1e9")
        (log,) = database.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE 'log_%' AND type = 'table'"
        ).fetchone()
        database.execute(f"UPDATE {log} SET item_timestamp = item_timestamp + 1000000000")  # noqa: S608  # our own name
    database.close()

    waited = take(process(store, limit, RateLimit(requests=1, seconds=0.01)), seconds=5).waited

    assert waited == pytest.approx(0.5 * MARGIN, abs=0.1)


@pytest.mark.parametrize("what", ["no folder", "no database", "locked", "emptied"])
def test_file_that_cannot_be_used_is_a_clear_error(tmp_path: Path, process: Make, what: str) -> None:
    """R7: what is wrong with the file is told with its name, within a bounded time."""
    path = tmp_path / "limits.sqlite"
    one = process(f"file://{tmp_path}/{'absent/' if what == 'no folder' else ''}limits.sqlite")
    database = sqlite3.connect(path, isolation_level=None)
    expected = {
        "no folder": "unable to open database file",
        "no database": "file is not a database",
        "locked": "database is locked",
        "emptied": "somebody emptied it",
    }
    if what == "no database":
        path.write_bytes(b"no database" * 1000)
    elif what == "locked":
        database.execute("BEGIN EXCLUSIVE")
    elif what == "emptied":
        use(one)
        database.execute("DELETE FROM turns")

    error = refusal(one)

    database.close()
    assert expected[what] in error.message
    assert "limits.sqlite: " in error.message


def test_file_that_was_emptied_is_used_again(tmp_path: Path, process: Make) -> None:
    """R7: whoever empties the file costs one call, and not all that follow."""
    one = process(f"file://{tmp_path}/limits.sqlite")
    use(one)
    with sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None) as database:
        database.execute("DELETE FROM turns")
    database.close()
    refusal(one)

    assert use(one)


def test_file_in_place_of_another_is_seen(tmp_path: Path, process: Make) -> None:
    """R7: two processes do not count on two files of one name."""
    one, other = process(f"file://{tmp_path}/limits.sqlite"), process(f"file://{tmp_path}/limits.sqlite")
    use(one)
    for path in tmp_path.iterdir():
        path.unlink()
    at = use(other)

    assert use(one) - at >= 0.2


def test_processes_may_open_a_new_file_at_once(tmp_path: Path, process: Make) -> None:
    """R7: the first call of several processes makes the file, whoever comes first."""
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            many = [process(f"file://{tmp_path}/{number}.sqlite", RateLimit(requests=50, seconds=1)) for _ in range(8)]
            assert all(pool.map(use, many))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Memory",
        "file:relative",
        "file://host/path",
        "file:///",
        "http://host",
        "redis:",
        "redis://host:port",
        "sqlite:///x",
    ],
)
def test_wrong_store_is_a_wrong_configuration(text: str) -> None:
    """A store that cannot be meant is told when the configuration is read."""
    with pytest.raises(ConfigurationError, match="limiter"):
        Where.of(text)


def test_missing_client_of_redis_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client is an extra."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ConfigurationError, match=r"pip install 'gateway-core\[redis\]'"):
        Where.of("redis://localhost")


def test_limiter_that_nobody_holds_is_closed(tmp_path: Path) -> None:
    """The register keeps no connection of an account that is no longer used."""
    one = Limiter.of("gone", (WINDOW,), Where.of(f"file://{tmp_path}/limits.sqlite"))
    use(one)
    file = one.store._shared  # type: ignore[attr-defined]  # it is shared
    gone = weakref.ref(one)

    del one
    gc.collect()

    assert (gone(), file._connection) == (None, None)


def test_no_clock_that_can_be_set_is_read() -> None:
    """I8: nothing here asks what time it is, so that nobody who sets a clock moves a limit."""
    package = Path(_rules.__file__).parent
    read = {
        ast.unparse(node)
        for module in package.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("time", "datetime", "dt")
    }

    assert (read, LEASE < 5) == ({"time.monotonic"}, True)
