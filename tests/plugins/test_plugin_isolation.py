"""No plugin reaches into what another does."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement

from gateway_core import Gateway, HttpRequest, HttpResponse, InvoiceRequest, Money, WebhookRequest
from gateway_core.errors import PluginError, WebhookError, WebhookReason
from gateway_core.transport import Deadline

if TYPE_CHECKING:
    from tests.plugins.conftest import Site

REQUEST = InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))


class Stand:
    """A provider's API in a dictionary, as a transport."""

    def __init__(self) -> None:
        self.bills: dict[str, dict[str, Any]] = {}
        self.seen: list[HttpRequest] = []

    def send(self, request: HttpRequest, deadline: Deadline) -> HttpResponse:
        """Answer a request."""
        self.seen.append(request)
        if request.method == "POST":
            asked = json.loads(request.body or "{}")
            bill = {"id": str(len(self.bills) + 1), "total": asked.get("total"), "currency": "EUR", "paid": "0.00"}
            answer: Any = self.bills.setdefault(str(bill["id"]), bill)
        else:
            answer = self.bills.get(request.url.rpartition("/")[2]) or list(self.bills.values())
        return HttpResponse(status=200, body=json.dumps(answer).encode())

    def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize(
    "name, call, fault, effect",
    [
        (
            "returns-none",
            lambda gateway: gateway.create_invoice(REQUEST),
            "create_invoice must give Invoice",
            "unknown",
        ),
        ("returns-none", lambda gateway: gateway.get_status("7"), "get_status must give StatusReport", "none"),
        ("returns-none", lambda gateway: list(gateway.list_payments()), "list_payments must give Page", "none"),
        ("wrong-type", lambda gateway: gateway.create_invoice(REQUEST), "create_invoice must give Invoice", "unknown"),
        ("wrong-type", lambda gateway: gateway.get_status("7"), "get_status must give StatusReport", "none"),
        (
            "wrong-type",
            lambda gateway: list(gateway.list_payments()),
            "a page of payments holds something else",
            "none",
        ),
    ],
)
def test_wrong_result_is_the_plugins_fault(
    site: Site, name: str, call: Callable[[Gateway], object], fault: str, effect: str
) -> None:
    """P4: None or a wrong type is an error at each call, and ambiguous once something may have been done."""
    site.add(name)
    gateway = Gateway.connect(name, transport=Stand())

    with pytest.raises(PluginError, match=fault) as caught:
        call(gateway)

    assert (caught.value.effect, caught.value.distribution) == (effect, f"gateway-{name}")


@pytest.mark.parametrize("name", ["returns-none", "wrong-type"])
def test_wrong_result_of_verification_refuses_the_webhook(site: Site, name: str) -> None:
    """P4: What is no delivery proves nothing, not even True: the webhook is refused."""
    site.add(name)
    gateway = Gateway.connect(name, transport=Stand())

    with pytest.raises(WebhookError) as caught:
        gateway.verify_webhook(WebhookRequest(body=b"{}"))

    assert caught.value.reason is WebhookReason.FAULTY_PLUGIN


def test_gateways_never_answer_for_each_other(site: Site) -> None:
    """P5: Where one provider returns None, another gateway's provider is not asked, whichever was made last."""
    site.add("minimal", "returns-none")
    stands = [Stand(), Stand(), Stand()]
    Gateway.connect("minimal", api_key="key-1", transport=stands[0])
    broken = Gateway.connect("returns-none", transport=stands[1])
    good = Gateway.connect("minimal", api_key="key-2", transport=stands[2])

    with pytest.raises(PluginError):
        broken.create_invoice(REQUEST)
    invoice = good.create_invoice(REQUEST)

    assert [len(stand.seen) for stand in stands] == [0, 1, 1]
    assert [request.headers["Authorization"] for request in stands[2].seen] == ["Bearer key-2"]
    assert invoice.id == "1"


STORY = """
import hashlib, hmac, json, sys
import requests_mock
from gateway_core import Gateway, InvoiceRequest, Money, WebhookRequest

bill = {"id": "7", "total": "49.90", "currency": "EUR", "paid": "49.90"}
body = json.dumps(bill).encode()
signature = hmac.new(b"k-1234", body, hashlib.sha256).hexdigest()
with requests_mock.Mocker() as api, Gateway.connect("minimal", api_key="k-1234") as gateway:
    api.post("https://minimal.example.com/bills", json=bill | {"paid": "0.00"})
    api.get("https://minimal.example.com/bills/7", json=bill)
    api.get("https://minimal.example.com/bills", json=[bill])
    invoice = gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR")))
    delivery = gateway.verify_webhook(WebhookRequest(body=body, headers={"X-Signature": signature}))
    told = [invoice.status, gateway.get_status("7").status, delivery.events[0].report.status]
    told += [payment.id for payment in gateway.list_payments()]
print(json.dumps([told, sorted(name for name in sys.modules if name.startswith("gateway_"))]))
"""


def run(program: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own, with a folder on its path."""
    env = os.environ | {"PYTHONPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False, timeout=60
    )


def test_good_plugin_works_beside_all_the_broken_ones(site: Site) -> None:
    """P1: From invoice to paid and listed, with every broken plugin installed and none of them imported."""
    site.add(*site.projects)

    done = run(STORY, site.path)

    assert done.stderr == ""
    told, modules = json.loads(done.stdout)
    assert told == ["pending", "paid", "paid", "p-7"]
    assert [name for name in modules if not name.startswith("gateway_core")] == ["gateway_minimal"]


def described(path: Path) -> set[tuple[str, str, str, str]]:
    """Return what the distributions in a folder say of themselves."""
    return {
        (owner.name, owner.version, str(Requirement(requirement)), str(point))
        for owner in importlib.metadata.distributions(path=[str(path)])
        for requirement in owner.requires or ()
        for point in owner.entry_points
    }


def test_projects_are_installed_by_pip_as_the_tests_lay_them_out(site: Site, tmp_path: Path) -> None:
    """The projects are distributions: pip builds and installs them, with the metadata that other tests lay out."""
    names = ["minimal", "syntax-error", "needs-newer-core", "twin-a"]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    site.add(*names)

    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", tmp_path / "real", *(site.data / name for name in names)],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert described(tmp_path / "real") == described(site.path)
    assert run("import gateway_minimal", tmp_path / "real").returncode == 0
