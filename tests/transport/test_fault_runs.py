"""Thousands of calls whose faults, bounds and colour are chosen by a seeded random, judged by the server's own log."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from gateway_core import Invoice, StatusReport
from gateway_core.errors import GatewayError, NotSentError, ProviderError, TransportError
from tests.transport.fault_server import (
    Act,
    Connection,
    FaultServer,
    Seen,
    answer,
    close_before_answering,
    drip,
    drip_for_ever,
    endless,
    gzip_bomb,
    head,
    in_turn,
    nobody,
    reset_before_answering,
    reset_before_reading,
    whole,
    write_and_close,
    write_and_hold,
)
from tests.transport.shop import ASKED, COLOURS, GOOD, ask

#: Seconds that a call may take beyond its deadline. Its timeouts of a second, six times over, would take longer; a busy
#: machine wakes up whoever waits within them.
SLACK = 5.0

#: What a request was answered that the server read whole.
REFUSED, ANYTHING_ELSE = "refused", "anything else"

_REFUSALS = (400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429, 451)
_STATUSES = (204, 302, 307, 408, 409, 500, 501, 502, 503, 504, 520, 524, 599)
_WAITS = ("0", "0", "1", "3600", "-1", "soon", "9" * 400, "Fri, 99 Dec 2030 00:00:00 GMT")
_BOMB = gzip_bomb(4 << 20)


def _refusal(luck: random.Random) -> Act:
    more = [("Retry-After", luck.choice(_WAITS))] if luck.random() < 0.5 else []
    return answer(b"{}", luck.choice(_REFUSALS), *more)


def _status(luck: random.Random) -> Act:
    more = [("Retry-After", luck.choice(_WAITS))] if luck.random() < 0.3 else []
    status = luck.choice(_STATUSES)
    return write_and_close(head(204)) if status == 204 else answer(b"{}", status, *more)


#: Acts to choose from, and what each one means to a request that it reads.
ACTS: list[tuple[str, Callable[[random.Random], Act]]] = [
    (ANYTHING_ELSE, lambda _: answer(GOOD)),
    (ANYTHING_ELSE, lambda luck: drip(whole(GOOD), interval=luck.choice([0.0, 0.0005, 0.005]))),
    *[(REFUSED, _refusal)] * 3,
    *[(REFUSED, lambda _: answer(b"{}", 429))] * 3,
    *[(ANYTHING_ELSE, _status)] * 3,
    (ANYTHING_ELSE, lambda _: reset_before_reading()),
    (ANYTHING_ELSE, lambda _: reset_before_answering()),
    (ANYTHING_ELSE, lambda _: close_before_answering()),
    (ANYTHING_ELSE, lambda luck: write_and_close(whole(GOOD)[: luck.randrange(90)])),
    (ANYTHING_ELSE, lambda luck: write_and_hold(whole(GOOD)[: luck.randrange(90)])),
    (ANYTHING_ELSE, lambda luck: write_and_close(luck.randbytes(luck.randrange(300)))),
    (ANYTHING_ELSE, lambda luck: answer(luck.randbytes(luck.randrange(300)))),
    (ANYTHING_ELSE, lambda luck: answer(luck.choice([b"", b"<html>", b"[]", b"null", b"NaN", b"[" * 9_000]))),
    (ANYTHING_ELSE, lambda _: answer(GOOD.replace(b"49.90", b"4.99"))),
    (ANYTHING_ELSE, lambda luck: drip_for_ever(luck.choice([b"", head(200)]), interval=0.005)),
    (ANYTHING_ELSE, lambda _: endless()),
    (ANYTHING_ELSE, lambda _: answer(_BOMB, 200, ("Content-Encoding", "gzip"))),
    (ANYTHING_ELSE, lambda _: in_turn(answer(GOOD), close_before_answering())),
]


class Judge(FaultServer):
    """A fault server that notes for each request that it read whole how it is going to answer it."""

    def __init__(self, script: list[tuple[str, Act]]) -> None:
        self.meant: list[str] = []
        self._means: dict[int, str] = {}
        super().__init__(*(self._noting(means, act) for means, act in script))

    def _noting(self, means: str, act: Act) -> Act:
        def play(connection: Connection) -> None:
            self._means[connection.number] = means
            act(connection)

        return play

    def log(self, seen: Seen) -> None:
        """Note it too."""
        super().log(seen)
        self.meant.append(self._means[seen.connection])


@attrs.frozen(kw_only=True)
class Run:
    """One call, as the seed has chosen it; some find nobody there."""

    there: bool
    asked: str
    colour: str
    script: list[tuple[str, Act]]
    bounds: dict[str, Any]

    @classmethod
    def of(cls, seed: int) -> Run:
        """Choose."""
        luck = random.Random(seed)  # noqa: S311  # a test that can be repeated
        chosen = luck.choices(ACTS, k=luck.randrange(6))
        return cls(
            there=luck.random() < 0.95,
            asked=luck.choices(tuple(ASKED), [1, 1, 2])[0],
            colour=luck.choice(tuple(COLOURS)),
            script=[(means, make(luck)) for means, make in chosen] + [(ANYTHING_ELSE, answer(GOOD))] * 5,
            bounds={
                "deadline": luck.choice([0.01, 0.03, 0.1, 0.3]),
                "read_timeout": luck.choice([0.02, 0.1, 1.0]),
                "attempts": luck.randint(1, 6),
                "backoff": luck.choice([0.0, 0.005, 0.05]),
                "breaker_failures": luck.choice([1, 3, 10]),
                "max_response_bytes": 65536,
            },
        )


@attrs.frozen
class Verdict:
    """How a call went.

    Attributes:
        fault: What is wrong with that; None if nothing is.
        ending: The class of the result, or of the error with its effect.
    """

    fault: str | None
    ending: str


def _judge(seed: int) -> Verdict:
    """Make the call of a seed."""
    run = Run.of(seed)
    with Judge(run.script) as server, nobody() as nowhere:
        url = server.url if run.there else nowhere
        began = time.monotonic()
        try:
            result, attempts = ask(run.colour, url, run.asked, **run.bounds)
        except Exception as error:  # noqa: BLE001  # what must not come out
            return Verdict(f"a raw exception came out: {error!r}", "raw")
        took = time.monotonic() - began
    ending = f"{type(result).__name__} {getattr(result, 'effect', '')}".strip()
    faults = [*_faults(run, server, result, attempts), *_late(run, server, began, took)]
    if not faults:
        return Verdict(None, ending)
    return Verdict(f"{', '.join(faults)}: {run.asked}, {run.colour}, {run.bounds}, {result!r}", ending)


def _late(run: Run, server: Judge, began: float, took: float) -> list[str]:
    deadline = run.bounds["deadline"] + SLACK
    faults = [f"took {took:.2f} s"] if took > deadline else []
    return faults + ["a request came late" for seen in server.requests if seen.at - began > deadline]


def _faults(run: Run, server: Judge, result: object, attempts: int) -> list[str]:
    changing = run.asked != "read"
    perhaps_done = server.meant.count(ANYTHING_ELSE)
    error = result if isinstance(result, GatewayError) else None
    rules = {
        "neither a result nor a documented error": isinstance(
            result, Invoice | StatusReport | TransportError | ProviderError
        ),
        "more requests than attempts": len(server.requests) <= attempts <= run.bounds["attempts"],
        "requests that differ": len({(seen.target, seen.headers, seen.body) for seen in server.requests}) <= 1,
        'a read with an effect other than "none"': changing or error is None or error.effect == "none",
        'effect "none" of what may have been done': not (
            changing and error is not None and error.effect == "none" and perhaps_done
        ),
        '"not sent" of what was sent': not (isinstance(error, NotSentError) and changing and perhaps_done),
        "a create without key that may have been done twice": run.asked != "create" or perhaps_done <= 1,
        "a result that no good answer stands for": error is not None or perhaps_done >= 1,
    }
    return [fault for fault, kept in rules.items() if not kept]


def _judge_all(seeds: range) -> tuple[dict[int, str], set[str]]:
    """Make the calls of many seeds, some at the same time, since most of their time they wait.

    Returns:
        What is wrong with which seed, and all endings.
    """
    with ThreadPoolExecutor(4) as threads:
        verdicts = dict(zip(seeds, threads.map(_judge, seeds), strict=True))
    faults = {seed: verdict.fault for seed, verdict in verdicts.items() if verdict.fault is not None}
    return faults, {verdict.ending for verdict in verdicts.values()}


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(1_000), id="1,000"),
        pytest.param(range(1_000, 5_000), id="4,000 more", marks=pytest.mark.soak),
    ],
)
def test_calls_with_random_faults_end_well(seeds: range) -> None:
    """R1, R2, R3: none past its deadline, none with a raw exception, none that says "nothing was done" in error."""
    faults, endings = _judge_all(seeds)

    assert faults == {}
    assert endings >= {
        "Invoice",
        "StatusReport",
        "NotSentError none",
        "OutcomeUnknownError none",
        "OutcomeUnknownError unknown",
        "RejectedError none",
        "RejectedError unknown",
        "RateLimitedError none",
        "AuthenticationError none",
        "ProviderUnavailableError none",
        "ProviderUnavailableError unknown",
        "UnexpectedResponseError none",
        "UnexpectedResponseError unknown",
        "UnexpectedResponseError done",
    }
