from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest

from gateway_core import HttpRequest, errors
from gateway_core.testing import Attempt, QueuedDelivery
from gateway_sandbox.server import DeliveryWorker, deliveries


@attrs.frozen
class Shop:
    """A shop that takes every webhook.

    Attributes:
        url: Its address.
        bodies: What came.
    """

    url: str
    bodies: queue.Queue[bytes]


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Give a shop that listens on a socket."""
    bodies: queue.Queue[bytes] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Shop(f"http://127.0.0.1:{server.server_port}/webhooks", bodies)
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    return port


def attempts(site: Any) -> list[Attempt]:
    """Return the attempts of the only webhook."""
    ((_, delivery),) = site.emulator.ledger.select(QueuedDelivery)
    return list(delivery.attempts)


def wait_for_attempt(site: Any) -> Attempt:
    """Wait until a try to deliver was written down."""
    deadline = threading.Event()
    for _ in range(500):
        if found := attempts(site):
            return found[0]
        deadline.wait(0.01)
    raise AssertionError("nothing was tried within 5 s")


def test_webhook_crosses_a_socket(make_site: Any, shop: Shop) -> None:
    """What is due is sent to the shop as it stands, and the answer is written down."""
    site = make_site(webhook_url=shop.url)
    site.invoice()
    with DeliveryWorker(site.emulator):
        site.emulator.pay("token1")

        body = shop.bodies.get(timeout=5)

        ((_, delivery),) = site.emulator.ledger.select(QueuedDelivery)
        assert body == delivery.body
        assert wait_for_attempt(site).status == 204


def test_shop_that_does_not_answer_is_asked_again(make_site: Any, closed_port: int) -> None:
    """No answer is an attempt too, and the next one is due."""
    site = make_site(webhook_url=f"http://127.0.0.1:{closed_port}/webhooks")
    site.invoice()
    site.emulator.pay("token1")

    with DeliveryWorker(site.emulator):
        attempt = wait_for_attempt(site)

    ((_, delivery),) = site.emulator.ledger.select(QueuedDelivery)
    assert (attempt.status, attempt.note) == (None, "no answer")
    assert delivery.due_at == site.now + site.emulator.redelivery[0]


def test_fault_of_an_emulator_does_not_end_the_worker(
    make_site: Any, shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A webhook that cannot be made is logged, and those that can be made are still sent."""
    site = make_site(webhook_url=shop.url)
    site.invoice()
    site.emulator.pay("token1")
    deliver, faults = site.emulator.deliver, iter([KeyError("broken"), OSError("broken")])

    def faulty(send: Any) -> int:
        for fault in faults:
            raise fault
        count: int = deliver(send)
        return count

    monkeypatch.setattr(site.emulator, "deliver", faulty)

    with DeliveryWorker(site.emulator):
        assert shop.bodies.get(timeout=5)

    assert caplog.text.count("webhooks could not be sent") == 2


def test_stopped_worker_leaves_the_rest_for_later(make_site: Any, shop: Shop) -> None:
    """After the worker was told to stop, nothing more is sent, and nothing is taken for sent."""
    site = make_site(webhook_url=shop.url)
    site.invoice()
    site.emulator.pay("token1")
    worker = DeliveryWorker(site.emulator)
    worker._stopped.set()

    with worker:
        worker._thread.join()
        with pytest.raises(deliveries._StoppedError):
            worker._send(HttpRequest(method="POST", url=shop.url))

    assert attempts(site) == []
    assert shop.bodies.empty()


def test_worker_ends_with_its_block(site: Any) -> None:
    """No thread outlives the server."""
    with DeliveryWorker(site.emulator) as worker:
        assert worker._thread.is_alive()

    assert not worker._thread.is_alive()


@pytest.mark.parametrize("url", ["http://shop.example/webhooks", "ftp://127.0.0.1/", "webhooks", ""])
def test_webhook_address_must_be_safe(make_site: Any, url: str) -> None:
    """Webhooks leave the machine encrypted or not at all, and that is said before the first one."""
    site = make_site(webhook_url=url)

    with pytest.raises(errors.ConfigurationError):
        DeliveryWorker(site.emulator)


def test_held_webhooks_are_not_sent_until_they_are_released(make_site: Any, shop: Shop) -> None:
    """What is held is neither sent nor taken for sent."""
    site = make_site(webhook_url=shop.url)
    deliveries.hold(site.emulator, held=True)
    site.invoice()
    site.emulator.pay("token1")
    looks = Looks(site.emulator)

    with DeliveryWorker(site.emulator):
        looks.wait()
        held = (shop.bodies.empty(), attempts(site))
        deliveries.hold(site.emulator, held=False)
        assert shop.bodies.get(timeout=5)

    assert held == (True, [])


class Looks:
    """Tells when the worker has looked twice whether webhooks are held: one look is then over."""

    def __init__(self, emulator: Any) -> None:
        self._seen = threading.Semaphore(0)
        note = emulator.ledger.note

        def noted(name: str) -> str | None:
            found: str | None = note(name)
            self._seen.release()
            return found

        emulator.ledger.note = noted

    def wait(self) -> None:
        """Wait for it."""
        for _ in range(2):
            assert self._seen.acquire(timeout=5)


def test_changed_address_is_where_webhooks_go(make_site: Any, shop: Shop) -> None:
    """Without a restart, also where there was none before."""
    site = make_site()
    site.invoice()
    with DeliveryWorker(site.emulator):
        deliveries.send_to(site.emulator, shop.url)
        site.emulator.pay("token1")

        assert shop.bodies.get(timeout=5)


@pytest.mark.parametrize("url", ["http://shop.example/", "ftp://127.0.0.1/", "x"])
def test_address_that_may_not_be_contacted_is_refused(make_site: Any, url: str) -> None:
    """Plain http is for this machine."""
    site = make_site(webhook_url="http://127.0.0.1:9/webhooks")

    with pytest.raises(errors.ConfigurationError):
        deliveries.send_to(site.emulator, url)

    assert site.emulator.webhook_url == "http://127.0.0.1:9/webhooks"
