"""Made-up secrets that cannot be missed, every form in which one could come out, and every place where it could.

What is searched is what the library answers for: what it raises, logs, tells and writes, and the locals of the frames
that an error keeps. Three things are nobody's to clear: the frames of the caller, who holds the values himself; the
memory of the process; and the frames that are still running when the interpreter itself is interrupted.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest

from gateway_core.errors import GatewayError

#: A part of a secret that counts as a hit, in characters.
PART = 12

#: The caller's side: these frames hold the secrets because the tests put them there.
_CALLERS = ("tests.", "test_", "conftest", "_pytest.", "pluggy.", "pytest")


def made_up(name: str, *, plain: bool = False) -> str:
    """Return the secret of a place, which shares no part with that of another.

    Args:
        name: The place.
        plain: Whether to do without the characters that look different in an address.
    """
    digest = hashlib.sha256(name.encode()).hexdigest()
    return f"sk-{digest[:14]}" + (f"-{digest[14:28]}" if plain else f"/{digest[14:22]}+{digest[22:28]}=")


def standard(name: str) -> str:
    """Return the secret of a place as Standard Webhooks has it; `forms` finds the key inside of it, too."""
    return "whsec_" + base64.b64encode(made_up(name).encode()).decode()


def forms(secret: str) -> list[str]:
    """Return a secret as it is, and encoded in the usual ways: base64 also as a part of a longer text."""
    raw = secret.encode()
    found = [secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]]
    found.append(raw.hex())
    for offset in range(3):
        padded = bytes(offset) + raw
        found += [encode(padded).decode()[4 if offset else 0 : -4] for encode in (base64.b64encode, _urlsafe)]
    if secret.startswith("whsec_"):
        found += forms(base64.b64decode(secret.removeprefix("whsec_")).decode())
    return found


def leaks(text: str, *secrets: str) -> list[str]:
    """Return the parts of secrets that stand in a text, in whatever form and case."""
    parts = {form[i : i + PART].lower() for secret in secrets for form in forms(secret) for i in range(_starts(form))}
    lowered = text.lower()
    return sorted(parts & {lowered[i : i + PART] for i in range(_starts(lowered))})


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its causes and contexts, and the members of groups."""
    seen: set[int] = set()
    linked: list[BaseException | None] = [error]
    while linked:
        each = linked.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            linked += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def locals_shown(error: BaseException) -> str:
    """Return the locals of every frame that an error keeps, but for the caller's."""
    walked = [each for linked in chain(error) for each in traceback.walk_tb(linked.__traceback__)]
    frames = [each for each in walked if not str(each[0].f_globals.get("__name__", "")).startswith(_CALLERS)]
    return "".join(traceback.StackSummary.extract(iter(frames), capture_locals=True).format())


def pickled(error: BaseException) -> str:
    """Return what an error becomes in another process, and as a copy."""
    again = [pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)]  # noqa: S301  # our own bytes
    return pickle.dumps(error).decode("latin-1") + "".join(f"{each!r} {vars(each)}" for each in again)


#: Where something of an error ends up.
SINKS: dict[str, Callable[[BaseException], str]] = {
    "str": str,
    "repr": repr,
    "args": lambda error: repr(error.args),
    "attributes": lambda error: repr(vars(error)),
    "chain": lambda error: "".join(f"{each} {each!r} {vars(each)}" for each in chain(error)),
    "notes": lambda error: "".join(str(getattr(each, "__notes__", "")) for each in chain(error)),
    "traceback": lambda error: "".join(traceback.format_exception(error)),
    "locals": locals_shown,
    "pickle": pickled,
}


def hits(error: BaseException, *secrets: str) -> dict[str, list[str]]:
    """Return the sinks of an error in which something of a secret ends up."""
    # The line of the test itself stands in the traceback, and never holds a secret.
    found = {sink: leaks(shown(error), *secrets) for sink, shown in SINKS.items()}
    return {sink: parts for sink, parts in found.items() if parts}


def failure(start: Callable[[], object]) -> GatewayError:
    """Return the error in which something ends."""
    with pytest.raises(GatewayError) as caught:
        start()
    return caught.value


class Logs:
    """Everything that is written to any logger at DEBUG, with the attributes of the records."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        for name in (None, "gateway_core", "urllib3", "requests", "asyncio"):
            caplog.set_level(logging.DEBUG, logger=name)
        self._caplog = caplog

    @property
    def text(self) -> str:
        """All of it."""
        records = self._caplog.get_records("call")
        return self._caplog.text + "".join(repr(vars(record)) for record in records)


def _urlsafe(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw)


def _starts(text: str) -> int:
    return max(0, len(text) - PART + 1)
