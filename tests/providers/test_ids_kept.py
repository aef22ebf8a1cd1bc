"""I6: whatever a provider answers to a creation, its id is kept, so that somebody can look."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from gateway_core import Gateway, HttpRequest, HttpResponse, Invoice, InvoiceRequest, Money
from gateway_core._engine.operations import Operations
from gateway_core.errors import GatewayError, UnexpectedResponseError
from gateway_core.testing import Emulator, EmulatorTransport
from gateway_core.testing.finding import find_emulator
from gateway_core.transport import Deadline
from gateway_meadow import Meadow
from gateway_meadow.emulator import MeadowEmulator
from gateway_meadow.settings import MeadowSettings
from tests.accounts import ACCOUNTS

BACKENDS = (*ACCOUNTS, "meadow")

#: What stands in the place of a field; `MISSING` takes the field away.
MISSING = object()
GARBAGE: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "true": True,
    "negative": -1,
    "huge": 10**40,
    "empty": "",
    "not a number": "NaN",
    "long": "9" * 5_000,
    "control": "a\x00\u202eb",
    "array": [1],
    "object": {"a": 1},
}

Path = tuple[str | int, ...]


class Spoiling:
    """An emulator between whose answers and the gateway something changes one of them.

    Args:
        emulator: The emulator.
        spoil: Is given the number of an answer in this gateway's life and the answer, and returns one.
    """

    def __init__(self, emulator: Emulator, spoil: Callable[[int, HttpResponse], HttpResponse]) -> None:
        self._inner = EmulatorTransport(emulator)
        self._spoil = spoil
        self.answers: list[HttpResponse] = []

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Give the emulator's answer, or what became of it."""
        self.answers.append(self._inner.send(request, deadline))
        return self._spoil(len(self.answers) - 1, self.answers[-1])

    def close(self) -> None:
        """Do nothing."""


@attrs.frozen
class Made:
    """A creation at an emulator, of which one answer is changed.

    Attributes:
        outcome: The invoice, or the error.
        answers: What the emulator answered.
        ids: The ids of the invoices that the emulator has.
    """

    outcome: Invoice | GatewayError
    answers: list[HttpResponse]


def create(backend: str, spoil: Callable[[int, HttpResponse], HttpResponse] = lambda _, answer: answer) -> Made:
    """Create an invoice."""
    emulator = MeadowEmulator() if backend == "meadow" else find_emulator(backend)()
    settings: Any = emulator.settings("https://api.example.com")
    transport = Spoiling(emulator, spoil)
    if backend == "meadow":
        gateway = Gateway(Operations("meadow", Meadow(MeadowSettings(**settings))), transport)
        order = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))
    else:
        account = ACCOUNTS[backend]
        others = {name: value for name, value in account.others.items() if name not in settings}
        gateway = Gateway.connect(backend, transport=transport, **{**others, **settings})
        order = account.order()
    with gateway:
        try:
            return Made(gateway.create_invoice(order), transport.answers)
        except GatewayError as error:
            return Made(error, transport.answers)


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and value of each field."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield (*path, key), each
        yield from leaves(each, (*path, key))


def replaced(value: Any, path: Path, garbage: Any) -> Any:
    """Return a copy in which something else stands at a path."""
    changed = copy.deepcopy(value)
    place = changed
    for key in path[:-1]:
        place = place[key]
    if garbage is MISSING:
        del place[path[-1]]
    else:
        place[path[-1]] = garbage
    return changed


def ids_in(answers: list[HttpResponse]) -> set[str]:
    """Return everything in answers that may be an id."""
    found = [each for one in answers for each in leaves(json.loads(one.body))]
    return {str(value) for path, value in found if "id" in str(path[-1]).lower() and not isinstance(value, dict | list)}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("garbage", GARBAGE)
def test_id_is_kept_whatever_else_is_unusable(backend: str, garbage: str) -> None:
    """I6: field by field, a creation ends in the invoice or in an error that has its id and says that it may exist."""
    good = create(backend)
    assert isinstance(good.outcome, Invoice)
    # What comes before, such as the answer with a token, is about no invoice yet.
    first = next(number for number, one in enumerate(good.answers) if good.outcome.id in ids_in([one]))
    fields = [
        (number, path)
        for number, one in enumerate(good.answers[first:], first)
        for path, _ in leaves(json.loads(one.body))
        if not any(each[: len(path)] == path for each in _places(good.outcome.id, json.loads(one.body)))
    ]

    lost = []
    for number, path in fields:
        made = create(backend, _spoiling(number, path, GARBAGE[garbage]))
        if not _is_kept(made):
            lost.append((number, path, made.outcome))

    assert len(fields) > 2
    assert lost == []


def _places(invoice_id: str, body: Any) -> list[Path]:
    """Return where an invoice's id stands in an answer."""
    return [path for path, value in leaves(body) if path[-1] in ("id", "budgetId") or str(value) == invoice_id]


def _spoiling(number: int, path: Path, garbage: Any) -> Callable[[int, HttpResponse], HttpResponse]:
    def spoil(at: int, answer: HttpResponse) -> HttpResponse:
        if at != number:
            return answer
        return attrs.evolve(answer, body=json.dumps(replaced(json.loads(answer.body), path, garbage)).encode())

    return spoil


def _is_kept(made: Made) -> bool:
    """Return whether the invoice's id is there, as its own or with the error."""
    outcome = made.outcome
    if isinstance(outcome, Invoice):
        return outcome.id in ids_in(made.answers)
    told = isinstance(outcome, UnexpectedResponseError) and outcome.effect in ("done", "unknown")
    return told and outcome.invoice_id in ids_in(made.answers)
