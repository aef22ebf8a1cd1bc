"""A program from its start to its first invoice: ``python -m benchmarks.first (gateway|requests) ADDRESS``."""

from __future__ import annotations

import sys
from typing import Any


def _by_gateway(url: str) -> str:
    from gateway_core import Gateway, InvoiceRequest, Money

    settings: dict[str, Any] = {
        "api_key": "sk_sandbox_benchmark",
        "webhook_secret": "whsec_YmVuY2htYXJrLWJlbmNobWFyay1iZW5jaG1hcms=",
    }
    with Gateway.connect("sandbox", base_url=url, **settings) as gateway:
        return gateway.create_invoice(InvoiceRequest(order_id="1042", amount=Money("49.90", "EUR"))).id


def _by_requests(url: str) -> str:
    import requests

    with requests.Session() as session:
        content = {"order_id": "1042", "amount": {"amount": "49.90", "currency": "EUR"}}
        answer = session.post(f"{url}/v1/invoices", json=content, headers={"Authorization": "Bearer sk"}, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["id"])


if __name__ == "__main__":
    print({"gateway": _by_gateway, "requests": _by_requests}[sys.argv[1]](sys.argv[2]), flush=True)
