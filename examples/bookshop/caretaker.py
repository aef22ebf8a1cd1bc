"""What a shop does beside its requests: it asks about payments that no webhook has told, and runs its errands."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator

from sqlalchemy import Engine

from examples.bookshop import orders
from gateway_core import Gateway, errors

log = logging.getLogger("shop")

#: Seconds between two rounds.
PAUSE = float(os.environ.get("SHOP_PAUSE", "10"))


@contextlib.contextmanager
def running(gateway: Gateway, engine: Engine) -> Iterator[None]:
    """Make the rounds in a thread."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(PAUSE):
            try:
                gateway.poll(orders.happened, transaction=engine.begin)
                run_errands(gateway, engine)
            except Exception as error:  # noqa: BLE001  # the next round may do better
                log.warning("not all payments were looked after: %s", error)

    thread = threading.Thread(target=run, name="caretaker", daemon=True)
    thread.start()
    yield
    stopped.set()
    thread.join()


def run_errands(gateway: Gateway, engine: Engine) -> None:
    """Take what was agreed on, and give back what cannot be delivered. By their keys, neither happens twice."""
    with engine.connect() as connection:
        errands = orders.open_errands(connection)
    for errand in errands:
        if not gateway.supports(f"{errand.kind}_payment"):
            continue
        try:
            if errand.kind == "capture":
                gateway.capture_payment(orders.capture(errand))
            else:
                gateway.refund_payment(orders.refund(errand))
        except errors.GatewayError as error:
            log.warning("order %s: %s did not work yet: %s", errand.order_id, errand.kind, error)
            continue
        with engine.begin() as connection:
            orders.errand_done(connection, errand.number)
