from __future__ import annotations

from typing import Any

import pytest

from gateway_core import InvoiceStatus

MEBIBYTE = 1 << 20


@pytest.mark.parametrize("path", ["/", "/dashboard", "/pay/token1", "/assets/pages.js", "/v1/invoices"])
@pytest.mark.parametrize(
    "hosts",
    [
        ["shop.example"],
        ["127.0.0.1.shop.example"],
        ["shop.example@127.0.0.1"],
        ["127.0.0.1:4010/shop.example"],
        ["127.0.0.2"],
        [""],
        [],
        ["127.0.0.1:4010", "127.0.0.1:4010"],
    ],
)
def test_foreign_host_is_refused_everywhere(site: Any, path: str, hosts: list[str]) -> None:
    """A stranger's name that was made to resolve to 127.0.0.1 opens nothing."""
    site.invoice()

    assert site.get(path, hosts=hosts).status == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:4010", "LOCALHOST", "[::1]:4010"])
def test_own_host_is_served(site: Any, host: str) -> None:
    """Each name of this machine is ours, on any port, since a port may be forwarded."""
    assert site.get("/dashboard", hosts=[host]).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "http://shop.example")],
        [("Origin", "null")],
        [("Origin", "https://127.0.0.1:4010")],
        [("Origin", "http://127.0.0.1:4011")],
        [("Origin", "http://127.0.0.1:4010"), ("Origin", "http://shop.example")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site")],
        [("Origin", "http://127.0.0.1:4010"), ("Sec-Fetch-Site", "cross-site")],
    ],
)
def test_form_of_another_site_pays_nothing(site: Any, headers: list[tuple[str, str]]) -> None:
    """A page of another origin cannot press our buttons."""
    site.invoice()

    answer = site.post("/pay/token1", {"action": "pay"}, headers=headers)

    assert (answer.status, site.status()) == (403, InvoiceStatus.PENDING)


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", "http://127.0.0.1:4010")],
        [("Origin", "http://127.0.0.1:4010"), ("Sec-Fetch-Site", "same-origin")],
        [("Sec-Fetch-Site", "none")],
    ],
)
def test_own_form_pays(site: Any, headers: list[tuple[str, str]]) -> None:
    """Our own page may post, and so may a program, which sends no origin."""
    site.invoice()

    answer = site.post("/pay/token1", {"action": "pay"}, headers=headers)

    assert (answer.status, site.status()) == (303, InvoiceStatus.PAID)


@pytest.mark.parametrize("path", ["/pay/token1", "/dashboard/deliveries/1", "/v1/invoices"])
def test_large_body_is_refused(site: Any, path: str) -> None:
    """No more than the cap is kept in memory, of a form as of a request to the API."""
    site.invoice()

    answer = site.call("POST", path, parts=[b"a" * MEBIBYTE, b"a"])

    assert answer.status == 413


@pytest.mark.parametrize("path", ["/dashboard", "/pay/token1", "/pay/nobody", "/assets/pages.js"])
def test_page_allows_only_what_it_brings(site: Any, path: str) -> None:
    """No inline script runs, nothing is loaded from elsewhere, no frame is around it."""
    site.invoice()
    policy = site.get(path).headers["Content-Security-Policy"]

    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


def test_page_is_not_kept_by_the_browser(site: Any) -> None:
    """Going back shows how things stand now; types are not guessed; the shop's link tells nothing."""
    answer = site.get("/dashboard")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
