"""R7 on a file: what only a file can do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_core.provider import RateLimit
from gateway_core.transport._rate_limit import Limiter
from gateway_core.transport._rate_limit.rules import MARGIN
from tests.transport.permits import refusal, take, use

Make = Callable[..., Limiter]


def test_machine_that_was_started_anew_stops_nobody(tmp_path: Path, process: Make) -> None:
    """R7: a machine's clock begins anew with it: what lies in its future is no older than the start, and no more."""
    store, limit = f"{tmp_path}/limits.sqlite", RateLimit(requests=2, seconds=0.5)
    one = process(store, limit, RateLimit(requests=1, seconds=0.01))
    use(one)
    use(one)
    with sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None) as database:
        database.execute("UPDATE leases SET leased_at = leased_at + 1e6, paused_at = 1e9")
        database.execute("UPDATE requests SET at = at + 1e6")
    database.close()

    waited = take(process(store, limit, RateLimit(requests=1, seconds=0.01)), seconds=5).waited

    assert waited == pytest.approx(0.5 * MARGIN, abs=0.1)


@pytest.mark.parametrize("what", ["no folder", "no database", "locked"])
def test_file_that_cannot_be_used_is_a_clear_error(tmp_path: Path, process: Make, what: str) -> None:
    """R7: what is wrong with the file is told with its name, within a bounded time."""
    path = tmp_path / "limits.sqlite"
    one = process(f"{tmp_path}/{'absent/' if what == 'no folder' else ''}limits.sqlite")
    database = sqlite3.connect(path, isolation_level=None)
    expected = {
        "no folder": "unable to open database file",
        "no database": "file is not a database",
        "locked": "database is locked",
    }
    if what == "no database":
        path.write_bytes(b"no database" * 1000)
    elif what == "locked":
        database.execute("BEGIN EXCLUSIVE")

    error = refusal(one)

    database.close()
    assert expected[what] in error.message
    assert "limits.sqlite: " in error.message


@pytest.mark.parametrize("how", ["DELETE FROM", "DROP TABLE"])
def test_file_that_was_emptied_is_used_again(tmp_path: Path, process: Make, how: str) -> None:
    """R7: whoever empties the file costs one call at most, and not all that follow."""
    one = process(f"{tmp_path}/limits.sqlite")
    use(one)
    with sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None) as database:
        for table in ("leases", "requests"):
            database.execute(f"{how} {table}")
    database.close()
    if how == "DROP TABLE":
        assert "no such table" in refusal(one).message

    assert use(one)


def test_old_requests_are_forgotten(tmp_path: Path, process: Make) -> None:
    """The file does not grow with the number of requests."""
    one = process(f"{tmp_path}/limits.sqlite", RateLimit(requests=3, seconds=0.1))
    for _ in range(10):
        use(one)

    with sqlite3.connect(tmp_path / "limits.sqlite", isolation_level=None) as database:
        assert database.execute("SELECT count(*) FROM requests").fetchone()[0] <= 4
    database.close()


def test_file_in_place_of_another_is_seen(tmp_path: Path, process: Make) -> None:
    """R7: two processes do not count on two files of one name."""
    one, other = process(f"{tmp_path}/limits.sqlite"), process(f"{tmp_path}/limits.sqlite")
    use(one)
    for path in tmp_path.iterdir():
        path.unlink()
    at = use(other)

    assert use(one) - at >= 0.2


def test_processes_may_open_a_new_file_at_once(tmp_path: Path, process: Make) -> None:
    """R7: the first call of several processes makes the file, whoever comes first."""
    with ThreadPoolExecutor(8) as pool:
        for number in range(10):
            many = [process(f"{tmp_path}/{number}.sqlite", RateLimit(requests=50, seconds=1)) for _ in range(8)]
            assert all(pool.map(use, many))


def test_process_that_forks_uses_the_file_anew(tmp_path: Path) -> None:
    """R7: SQLite cannot go on with a connection that a fork copied: both processes open the file again."""
    script = f"""
import os, time
from tests.transport.permits import use
from tests.transport.permits_worker import limiter

one = limiter("{tmp_path}/limits.sqlite", "0.2")
started = time.monotonic()
use(one)
file = one.shared.store
child = os.fork()
assert file._connection is None
use(one)
if not child:
    os._exit(one.shared.store is file)
assert os.waitpid(child, 0)[1] == 0
use(one)
print(time.monotonic() - started > 0.5)
"""

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20)

    assert done.stdout.strip() == "True"


def test_no_thread_opens_the_file_while_its_process_forks(tmp_path: Path) -> None:
    """A connection, or a lock, that another thread has at that moment would be copied and given back by nobody."""
    script = """
import os, sys
seen = []
# What is registered first is called last before a fork.
os.register_at_fork(before=lambda: seen.append((store._lock.locked(), store._connection)))
from gateway_core.provider import RateLimit
from gateway_core.transport._rate_limit import Limiter, Where
from tests.transport.permits import use

limiter = Limiter.of("account", (RateLimit(requests=1, seconds=0.01),), Where.of(sys.argv[1]))
use(limiter)
store = limiter.shared.store
child = os.fork()
assert (seen, store._lock.locked()) == ([(True, None)], False)
use(limiter)
os._exit(0) if not child else print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "limits.sqlite")]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert (done.stdout.strip(), done.stderr) == ("0", "")
