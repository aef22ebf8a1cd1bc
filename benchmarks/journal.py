"""Rows about the journal: what it adds to a creation and to a webhook, beside the bare commits of its database."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from benchmarks.measuring import Pair, Row, timed
from gateway_core import Gateway, InvoiceRequest, Money
from gateway_core.journal import Journal
from gateway_core.testing import EmulatedAccount

#: What a commit writes, about as much as a row of the journal.
_CONTENT = "x" * 400


@contextmanager
def _durable_commits(path: Path) -> Iterator[Callable[[int], None]]:
    """Give what commits so many times to a file, so that each is there after a power cut."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE rows (content TEXT)")

        def commit(times: int) -> None:
            for _ in range(times):
                connection.execute("INSERT INTO rows VALUES (?)", (_CONTENT,))

        yield commit


@contextmanager
def _creation(_: float) -> Iterator[Pair]:
    numbers = itertools.count()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        commit = stack.enter_context(_durable_commits(folder / "bare.db"))
        account = stack.enter_context(EmulatedAccount("sandbox"))
        journal = stack.enter_context(Journal(f"sqlite:///{folder}/gateway.db"))
        recorded = stack.enter_context(account.connect(journal=journal))

        def create(gateway: Gateway) -> None:
            gateway.create_invoice(InvoiceRequest(order_id=f"order {next(numbers)}", amount=Money("49.90", "EUR")))

        def bare() -> None:
            create(account.gateway)
            commit(4)

        create(recorded)  # makes the tables
        yield Pair(timed(lambda: create(recorded)), timed(bare))


@contextmanager
def _webhook(_: float) -> Iterator[Pair]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        commit = stack.enter_context(_durable_commits(folder / "bare.db"))
        account = stack.enter_context(EmulatedAccount("sandbox"))
        journal = stack.enter_context(Journal(f"sqlite:///{folder}/gateway.db", clock=account.clock))
        gateway = stack.enter_context(account.connect(journal=journal))
        invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
        account.pay(invoice.id)
        (request,) = account.webhooks()

        def receive() -> None:
            with gateway.receive_webhook(request):
                pass

        def bare() -> None:
            account.gateway.verify_webhook(request)
            commit(4)

        yield Pair(timed(receive), timed(bare))


ROWS = [
    Row(
        name="journal-create",
        work="create an invoice at an emulator in this process, with a journal in SQLite",
        against="without one, and 4 durable commits",
        make=_creation,
        target=1.0,
    ),
    Row(
        name="journal-webhook",
        work="receive a webhook that is known already, with a journal in SQLite",
        against="verify it, and 4 durable commits",
        make=_webhook,
    ),
]
