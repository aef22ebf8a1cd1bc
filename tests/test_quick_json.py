"""The compiled reader of JSON against the careful one: what it takes, both read alike."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_core import _json
from gateway_core._quick_json import quick_reader

quick = quick_reader(_json._decimal)

_SEEDS = [
    b'{"a": [1, -2.5e3, null, true, "x\\u00e9\\/\\"\\\\:", {"b": "", "c": {}}], "\xc3\xa9": 1e-7, "n": 1234567890123}',
    b'[[[{"a":{"a":[]}}]], "\\ud83d\\ude00", "\\u003a", 0.10, -0, 100, {"id":"inv_1","amount":{"amount":"49.90"}}]',
    b'{"id":"evt_1","at":"2026-11-20T12:00:30Z","data":{"id":"inv_1","lines":[{"sku":"A-1","n":2},{"sku":"A-2","n":3}]}}',
]
_PARTS = [
    *(bytes([byte]) for byte in b"\"{}[]:,\\0.-eE+ \n\x0b\x00\x1f\x7f\xff\xc3'/"),
    *(b"\\u003a", b"\\u003A", b"\\ud800", b"\\udc00", b"\\u0000", b"9" * 60, b"9" * 101, b"1e400", b"1.0", b"0" * 30),
    *(b"NaN", b"Infinity", b"null", b"true", b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf4\x90\x80\x80"),
    *(b'"a":1,', b'"id":"x",', b'"id"', b'"a":{},', b"[[[[", b"]]]]"),
]


def mutations(seed: int, count: int) -> Iterator[bytes]:
    """Yield bodies that are right but for one to three changes, always the same ones for a seed."""
    chosen = random.Random(seed)  # noqa: S311  # no secret
    for _ in range(count):
        body = bytearray(chosen.choice(_SEEDS))
        for _ in range(chosen.randint(1, 3)):
            at, other = chosen.randrange(len(body) + 1), chosen.randrange(len(body) + 1)
            change = chosen.randrange(4)
            if change == 0:
                body[at:at] = chosen.choice(_PARTS)
            elif change == 1:
                del body[at : at + chosen.randint(1, 6)]
            elif change == 2:
                body[at:at] = body[other : other + chosen.randint(1, 40)]
            else:
                body[at : at + 1] = bytes([chosen.randrange(256)])
        yield bytes(body)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, types, order and written numbers included."""
    return type(one) is type(other) and repr(one) == repr(other)


def taken(bodies: Iterator[bytes]) -> int:
    """Return how many bodies the compiled reader takes, each of which the careful one reads alike."""
    count = 0
    for body in bodies:
        try:
            value = quick(body)
        except Exception:  # noqa: BLE001, S112  # of whatever kind: the careful reader tells what is wrong
            continue
        count += 1
        assert same(value, _json.loads_carefully(body)), body
    return count


def test_mutated_bodies_are_read_alike() -> None:
    """W10: of 20,000 bodies that are nearly right, whatever the quick way takes is strict JSON, and means the same."""
    assert taken(mutations(1, 20_000)) > 1_000


@pytest.mark.soak
def test_many_mutated_bodies_are_read_alike() -> None:
    """W10: as above, with three million others."""
    seed = random.randrange(2, 2**32)  # noqa: S311  # as above
    print(f"seed {seed}")  # noqa: T201  # to repeat what it found

    assert taken(mutations(seed, 3_000_000)) > 100_000


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a\\u003a": 1, "a": 1, "a": 2}',
        b'[{"b": {"a": 1, "a": {"c": 2}}}]',
        b"9" * 101,
        b"[1, -" + b"7" * 101 + b"]",
        b'"\\ud800"',
        b"1e400",
        b"NaN",
    ],
)
def test_what_is_in_doubt_is_left_to_the_careful_reader(body: bytes) -> None:
    """W10: what Python's strict reader refuses, the compiled one never takes."""
    with pytest.raises(Exception):  # noqa: B017  # of whatever kind: the careful reader tells what is wrong
        quick(body)


@pytest.mark.parametrize("digits", [101, 102, 124, 125, 126, 200])
def test_a_long_number_is_found_wherever_it_stands(digits: int) -> None:
    """W10: only each 25th byte is looked at, and no number of more than 100 digits slips between."""
    bodies = [b'["' + b"x" * before + b'", ' + b"9" * digits + b"]" for before in range(30)]

    assert taken(iter(bodies)) == 0


def test_the_quick_way_is_taken() -> None:
    """An ordinary answer never meets the slow way."""
    body = json.dumps(
        {"id": "inv_1", "name": "Zoë", "amount": "49.90", "n": [1, 2.5, None], "url": "https://a.b/c"}
    ).encode()

    assert same(quick(body), _json.loads_carefully(body))


def test_python_reads_what_no_compiled_reader_is_there_for() -> None:
    """An interpreter for which there is no msgspec reads the same, strictly."""
    program = (
        "import sys; sys.modules['msgspec'] = None\n"
        "from gateway_core import _json\n"
        "print(repr(_json.loads(b'{\"a\": 0.10}')))\n"
        'try: _json.loads(b\'{"a": 1, "a": 1}\')\n'
        "except ValueError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["{'a': Decimal('0.10')}", "a key is there twice"]
