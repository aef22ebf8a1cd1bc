"""``python -m benchmarks.scale``: what a journal in PostgreSQL bears, by worker processes and by rows.

The provider answers at once, from within the worker: what is measured is this library and the database. Figures of one
machine say nothing about another; that every question has its index holds everywhere.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, create_engine, event, text

from benchmarks import shop
from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceRequest, Money, Secret, WebhookRequest
from gateway_core.journal import Journal
from gateway_core.transport import Deadline
from gateway_core.webhooks import sign_standard
from tests.journal.postgres_server import postgres

_PRICE = Money("49.90", "EUR")
_AMOUNT = {"amount": "49.90", "currency": "EUR"}

#: So many webhooks of a worker are made before it is measured; one that is through with them is measured no longer.
_PREPARED = 500

#: The columns of rows that are there before anything is measured, of orders that were paid some time ago.
_FILL = (
    """INSERT INTO gateway_intents (account, operation, key, content, order_id, attempt, invoice_id, amount, currency,
        exponent, state, fence, leased_until, requested_at, sent_at, result, updated_at)
    SELECT 'sandbox', 'create_invoice', 'old ' || n, repeat('0', 64), 'old ' || n, 1, 'old_' || n, '49.90', 'EUR', 2,
        'done', 1, at, at, at, '{"id": "x", "status": "pending"}', at
    FROM (SELECT n, now() - n * interval '30 seconds' AS at FROM generate_series(1, :rows) AS n) AS made""",
    """INSERT INTO gateway_invoices (account, invoice_id, order_id, attempt, amount, currency, exponent, status,
        received, refunds, refs, recorded_at)
    SELECT 'sandbox', 'old_' || n, 'old ' || n, 1, '49.90', 'EUR', 2, 'paid', '49.90', '{}', '{}',
        now() - n * interval '30 seconds'
    FROM generate_series(1, :rows) AS n""",
    """INSERT INTO gateway_events (account, event_id, kind, invoice_id, order_id, attempt, state, status_before,
        status_after, facts, times, received_at, done_at)
    SELECT 'sandbox', 'old ' || n, 'invoice.paid', 'old_' || n, 'old ' || n, 1, 'done', 'pending', 'paid', '{}', 1,
        now() - n * interval '30 seconds', now()
    FROM generate_series(1, :rows) AS n""",
    """INSERT INTO gateway_claims (account, subject, fence, claimed_until)
    SELECT 'sandbox', 'order:old ' || n, 1, now() - n * interval '30 seconds' FROM generate_series(1, :rows) AS n""",
)


class Provider:
    """The provider, inside of the worker: it makes invoices, and says of each that it was paid.

    Args:
        name: What its ids begin with.
    """

    def __init__(self, name: str) -> None:
        self._orders: dict[str, str] = {}
        self._ids = (f"inv_{name}_{number}" for number in itertools.count())

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Answer a request."""
        del deadline
        if request.method == "POST":
            invoice_id = next(self._ids)
            self._orders[invoice_id] = json.loads(request.body or b"{}")["order_id"]
            body = _invoice(invoice_id, self._orders[invoice_id], "open", "0.00")
        else:
            invoice_id = request.url.rpartition("/")[2]
            body = _invoice(invoice_id, self._orders.get(invoice_id, invoice_id.replace("_", " ")), "paid", "49.90")
        return HttpResponse(status=200, headers=[("Content-Type", "application/json")], body=json.dumps(body).encode())

    def close(self) -> None:
        """Do nothing."""


def _invoice(invoice_id: str, order_id: str, status: str, received: str) -> dict[str, Any]:
    return {
        "id": invoice_id,
        "order_id": order_id,
        "status": status,
        "amount": _AMOUNT,
        "received": {**_AMOUNT, "amount": received},
        "refunded": {**_AMOUNT, "amount": "0.00"},
        "checkout_url": f"https://pay.example.com/{invoice_id}",
        "created_at": "2026-11-20T12:00:00Z",
        "expires_at": "2026-11-21T12:00:00Z",
    }


def paid(invoice_id: str, order_id: str) -> WebhookRequest:
    """Return the webhook that says that an invoice was paid."""
    event = {
        "id": f"evt_{invoice_id}",
        "type": "invoice.paid",
        "created_at": "2026-11-20T12:00:30Z",
        "data": {"invoice": _invoice(invoice_id, order_id, "paid", "49.90")},
    }
    body = json.dumps(event).encode()
    headers = sign_standard(Secret(shop.WEBHOOK_SECRET), f"evt_{invoice_id}", datetime.now(UTC), body)
    return WebhookRequest(body=body, headers=headers, url="https://shop.example.com/webhooks")


@contextmanager
def gateway_of(url: str, name: str) -> Iterator[Gateway]:
    """Give a worker's gateway."""
    with (
        Journal(url) as journal,
        Gateway.connect(
            "sandbox", transport=Provider(name), journal=journal, rate_limits=[], observers=[], **shop.SETTINGS
        ) as gateway,
    ):
        yield gateway


#: Makes ready, and returns what is done again and again.
_Task: TypeAlias = Callable[[Gateway, str], Callable[[], object]]


def creating(gateway: Gateway, name: str) -> Callable[[], object]:
    """Create an invoice each time."""
    orders = (f"{name} {number}" for number in itertools.count())
    return lambda: gateway.create_invoice(InvoiceRequest(order_id=next(orders), amount=_PRICE))


def delivering(gateway: Gateway, name: str) -> Callable[[], object]:
    """Receive the webhook of another invoice each time."""
    create = creating(gateway, name)
    made: Iterator[Any] = iter([create() for _ in range(_PREPARED)])

    def deliver() -> None:
        invoice = next(made, None)
        if invoice is None:
            raise StopIteration
        with gateway.receive_webhook(paid(invoice.id, invoice.order_id)) as delivery:
            if not any(event.pays for event in delivery.events):
                raise RuntimeError("it was not told")

    return deliver


def _worker(  # noqa: PLR0913, PLR0917  # what a process is given
    url: str, task: _Task, name: str, seconds: float, ready: Any, told: Any
) -> None:
    with gateway_of(url, name) as gateway:
        work = task(gateway, name)
        work()  # imports what is needed
        ready.wait()
        started, used, count = time.perf_counter(), time.process_time(), 0
        while time.perf_counter() - started < seconds:
            try:
                work()
            except StopIteration:
                break
            count += 1
        count = max(count, 1)
        told.put((count / (time.perf_counter() - started), (time.process_time() - used) / count))


def rate(url: str, task: _Task, workers: int, seconds: float) -> tuple[float, float]:
    """Return how often all worker processes together do a task in a second, and the processor time that it takes."""
    processes = multiprocessing.get_context("spawn")
    ready, told = processes.Barrier(workers), processes.SimpleQueue()
    at_work = [
        processes.Process(
            target=_worker,
            args=(url, task, f"{task.__name__}{workers}_{number}_{time.time_ns()}", seconds, ready, told),
        )
        for number in range(workers)
    ]
    for process in at_work:
        process.start()
    rates: list[tuple[float, float]] = [told.get() for _ in at_work]
    for process in at_work:
        process.join()
    return sum(each for each, _ in rates), min(used for _, used in rates)


def plans(url: str) -> dict[str, str]:
    """Return the indexes that the questions of all calls use, as the database says; one that uses none is an error."""
    asked: dict[str, Any] = {}

    def note(_: Connection, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and "gateway_" in statement:
            asked[statement] = parameters

    with gateway_of(url, f"plans_{time.time_ns()}") as gateway:
        invoice = gateway.create_invoice(InvoiceRequest(order_id=f"plans {time.time_ns()}", amount=_PRICE))
        recorder, journal = gateway._recorder, gateway.journal  # noqa: SLF001  # its statements are looked at
        if recorder is None or journal is None:
            raise RuntimeError("it keeps no journal")
        engine = recorder.store.engine
        event.listen(engine, "before_cursor_execute", note)
        gateway.create_invoice(InvoiceRequest(order_id="old 77", amount=_PRICE, attempt=2))
        with gateway.receive_webhook(paid(invoice.id, str(invoice.order_id))):
            pass
        gateway.poll(lambda _: None, limit=1)
        gateway.poll(lambda _: None, order_id="old 77")
        journal.open()
        journal.order("old 77")
        event.remove(engine, "before_cursor_execute", note)
        found: dict[str, str] = {}
        with engine.connect() as connection:
            for statement, parameters in asked.items():
                lines = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
                plan = "\n".join(str(line) for line in lines)
                if "Seq Scan on gateway_" in plan:
                    raise RuntimeError(f"it reads a whole table: {statement}\n{plan}")
                for index in re.findall(r"(?:using|Index Scan on) (gateway_\w+|\w+_pkey)", plan):
                    found.setdefault(index, statement)
    return found


def _fill(url: str, rows: int) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement), {"rows": rows})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def _measure(url: str, workers: list[int], rows: int, seconds: float) -> None:
    with Journal(url) as journal:
        journal.upgrade()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%Y-%m-%d}\n")
    print("| Rows of each table | Workers | Creates a second | each | Deliveries a second | each |")
    print("|---|---|---|---|---|---|")
    for before in [0, rows] if rows else [0]:
        if before:
            _fill(url, before)
        for number in workers:
            told = [rate(url, task, number, seconds) for task in (creating, delivering)]
            cells = [f"{often:.0f} | {1000 * used:.1f} ms" for often, used in told]
            print(f"| {before:,} | {number} | {' | '.join(cells)} |", flush=True)
        if before:
            print("\nEvery question uses an index: " + ", ".join(sorted(plans(url))), flush=True)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", help="an empty PostgreSQL database; else a server of its own is started")
    parser.add_argument("--workers", default="1,2,4,8", help="numbers of worker processes (default: 1,2,4,8)")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each table (default: 1,000,000)")
    parser.add_argument("--no-fsync", action="store_true", help="let the server not wait for its disk")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each is measured (default: 5)")
    given = parser.parse_args()
    workers = [int(number) for number in given.workers.split(",")]
    if given.url is not None:
        _measure(given.url, workers, given.rows, given.seconds)
        return
    with postgres(durable=not given.no_fsync) as url:
        _measure(url, workers, given.rows, given.seconds)


if __name__ == "__main__":
    main()
