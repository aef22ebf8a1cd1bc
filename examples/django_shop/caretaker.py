"""What the shop does beside its requests: it asks about payments that no webhook has told, and runs its errands.

A shop with several servers has this in one process of its own, or in its task queue; two at once do no harm.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator

from django.db import close_old_connections, connections
from django.utils import timezone

import gateway_django
from examples.django_shop.models import Errand
from gateway_core import CaptureRequest, RefundRequest, errors

log = logging.getLogger("shop")

#: Seconds between two rounds.
PAUSE = float(os.environ.get("SHOP_PAUSE", "10"))


@contextlib.contextmanager
def running() -> Iterator[None]:
    """Make the rounds in a thread."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(PAUSE):
            try:
                gateway_django.poll(gateway_django.gateway())
                run_errands()
            except Exception as error:  # noqa: BLE001  # the next round may do better
                log.warning("not all payments were looked after: %s", error)
            close_old_connections()
        connections.close_all()

    thread = threading.Thread(target=run, name="caretaker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def run_errands() -> None:
    """Take what was agreed on, and give back what cannot be delivered. By their keys, neither happens twice."""
    gateway = gateway_django.gateway()
    for errand in Errand.objects.filter(done_at=None).select_related("order"):
        invoice_id = errand.invoice_id
        try:
            if errand.kind == "refund":
                amount = errand.order.amount
                gateway.refund_payment(RefundRequest(refund_id=invoice_id, invoice_id=invoice_id, amount=amount))
            elif gateway.supports("capture_payment"):
                gateway.capture_payment(CaptureRequest(capture_id=invoice_id, invoice_id=invoice_id))
        except errors.GatewayError as error:
            log.warning("order %s: %s did not work yet: %s", errand.order_id, errand.kind, error)
            continue
        Errand.objects.filter(pk=errand.pk).update(done_at=timezone.now())
