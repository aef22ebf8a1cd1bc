"""``python -m examples.chaos --orders 10000``: run a shop under chaos, and count what went wrong.

The FastAPI shop runs with several workers, on PostgreSQL and Redis, against a sandbox on the same machine. Meanwhile
requests and answers are lost, late, or replaced by errors; webhooks are lost, doubled, delayed, reordered and tampered
with; and workers are killed with SIGKILL. Afterwards `gateway reconcile --apply` repairs what no webhook told, and the
sandbox's own books are held against the shop's. The exit code is 1 if anything is wrong.

It needs Linux, and the dependency group `test`, which brings both servers.
"""

from __future__ import annotations

import argparse
import collections
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from examples.bookshop import database
from examples.chaos import shop
from examples.chaos.buyers import Buyer
from examples.chaos.judge import Verdict, judge
from examples.chaos.sandbox import RATE_LIMIT, ChaoticNetwork, ChaoticSandbox, served
from tests.journal.postgres_server import postgres
from tests.transport.redis_server import RedisServer

#: Each title is wanted some 24 times, so that some are sold out.
_COPIES = 28

#: Seconds that webhooks have to arrive in the end, and that the shop has to work on what `reconcile` has found.
_PATIENCE = 180.0

#: How often `reconcile` is run until it comes to its end, as a timer would do it on a busy machine.
_RECONCILIATIONS = 5


def main() -> int:
    """Run the orders; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.chaos", description="A bookshop under chaos.")
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--buyers", type=int, default=24, help="how many at once")
    parser.add_argument("--workers", type=int, default=4, help="processes of the shop")
    parser.add_argument("--kill-every", type=int, default=50, metavar="ORDERS", help="on average")
    parser.add_argument("--seed", type=int, default=1, help="what goes wrong, as far as it is not a matter of time")
    parser.add_argument("--careless", action="store_true", help="a shop that believes each webhook, to be found guilty")
    parser.add_argument("--log", type=Path, help="where the shop's log goes")
    arguments = parser.parse_args()
    began = time.monotonic()
    verdict = run(arguments)
    report(verdict, time.monotonic() - began)
    return 1 if any(verdict.faults.values()) else 0


def run(arguments: argparse.Namespace) -> Verdict:
    """Start everything, let the buyers in, wait for the end, and judge."""
    port = shop.free_port()
    titles = max(4, arguments.orders // 16)
    since = datetime.now(UTC)
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as folder,
        postgres() as journal,
        RedisServer() as redis,
        served(f"http://127.0.0.1:{port}/webhooks", arguments.seed) as (url, sandbox, network),
    ):
        rate_limit = "{}/{}s".format(*RATE_LIMIT)
        config = shop.configure(Path(folder), journal, redis.url, sandbox.settings(url), rate_limit)
        shop.fill(titles, _COPIES)
        randomness = random.Random(arguments.seed)  # noqa: S311  # the same chaos again, for the same seed
        log = arguments.log or Path(folder) / "shop.log"
        app = "examples.chaos.careless_shop:app" if arguments.careless else "examples.fastapi_shop:app"
        with shop.running(app, port, arguments.workers, log) as process:
            seeds = [randomness.random() for _ in range(arguments.orders)]
            habits = collections.Counter[str]()
            killed, next_kill = 0, 0.0
            for number, habit in enumerate(_let_in(seeds, arguments.buyers, port, sandbox, titles)):
                habits[f"buyers: {habit}"] += 1
                if number >= next_kill:
                    killed += shop.kill_one_of(shop.workers_of(process.pid), randomness)
                    next_kill = number + randomness.uniform(0.5, 1.5) * arguments.kill_every
                if number % max(1, arguments.orders // 20) == 0:
                    _say(f"{number} of {arguments.orders} orders, {killed} workers killed")
            sandbox.calm = True
            _say("waiting for the webhooks that are still under way")
            _until(lambda: sandbox.undelivered() == 0)
            _say("reconciling")
            found = _reconcile(config, since)
            verdict = _settled(sandbox, network, titles)
        facts = {
            **verdict.facts,
            **dict(sorted(habits.items())),
            **dict(sorted(sandbox.done.items())),
            "workers killed": killed,
            "found by reconcile": found,
        }
        return Verdict(verdict.faults, facts)


def _let_in(seeds: list[float], at_once: int, port: int, sandbox: ChaoticSandbox, titles: int) -> Iterator[str]:
    """Let the buyers in, so many at once; tell of each that leaves what it did."""
    shop = f"http://127.0.0.1:{port}"
    with ThreadPoolExecutor(at_once, thread_name_prefix="buyers") as threads:
        running = [
            threads.submit(Buyer(shop, sandbox, random.Random(seed), titles).run)  # noqa: S311  # as above
            for seed in seeds
        ]
        for each in as_completed(running):
            yield each.result()


def _reconcile(config: Path, since: datetime) -> int:
    """Run `gateway reconcile --apply`, again where it was broken off; return how many differences it tells."""
    command = [sys.executable, "-m", "gateway_core.cli", "reconcile", "--since", since.isoformat(), "--apply"]
    where = ["--config", str(config), "--resume", str(config.with_name("reconcile")), "--csv"]
    for _ in range(_RECONCILIATIONS):
        done = subprocess.run([*command, *where], stdout=subprocess.PIPE, check=False, text=True)  # noqa: S603  # ours
        if done.returncode in (0, 1):
            return max(0, len(done.stdout.splitlines()) - 1)
    sys.exit(f"reconcile ended with {done.returncode}")


def _settled(sandbox: ChaoticSandbox, network: ChaoticNetwork, titles: int) -> Verdict:
    """Judge when the shop has worked on all that `reconcile` has found."""
    engine = database.connect()
    verdicts: list[Verdict] = []

    def is_settled() -> bool:
        with engine.connect() as connection:
            verdicts.append(judge(sandbox, network, connection, titles * _COPIES))
        return not verdicts[-1].faults["paid and not fulfilled"]

    _until(is_settled)
    engine.dispose()
    return verdicts[-1]


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not reached() and time.monotonic() < deadline:
        time.sleep(0.5)


def report(verdict: Verdict, seconds: float) -> None:
    """Print what was counted."""
    for name, count in verdict.facts.items():
        print(f"{name:<40}{count:>8}")
    print(f"{'seconds':<40}{seconds:>8.0f}\n")
    for name, count in verdict.faults.items():
        print(f"{name:<40}{count:>8}{'   WRONG' if count else ''}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
