from __future__ import annotations

from typing import Any

import pytest

from gateway_core import HttpRequest, HttpResponse
from gateway_sandbox.emulator import SandboxEmulator


class Echo(SandboxEmulator):
    """Keeps what it is asked, and answers with more than an emulator should."""

    asked: HttpRequest

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer with repeated headers, and with some that are the server's own."""
        self.asked = request
        headers = [("Set-Cookie", "a"), ("Set-Cookie", "b"), ("Content-Length", "99"), ("Connection", "close")]
        return HttpResponse(status=418, headers=headers, body=b"short")


@pytest.fixture
def echo(make_site: Any) -> Any:
    """Give the site of an emulator that keeps what it is asked."""
    return make_site(Echo)


def test_request_reaches_the_emulator_as_it_was_sent(echo: Any) -> None:
    """Method, escapes in the path, query, repeated headers and body are what a provider would see."""
    headers = [("X-Tag", "a"), ("X-Tag", "b")]

    echo.call("PATCH", "/v1/invoices/a%2Fb%20c?x=1&x=%32", headers=headers, parts=[b"\x00\xff", b"end"])

    asked = echo.emulator.asked
    assert asked.method == "PATCH"
    assert asked.url == "http://127.0.0.1:4010/v1/invoices/a%2Fb%20c?x=1&x=%32"
    assert asked.headers.get_all("x-tag") == ("a", "b")
    assert asked.body == b"\x00\xffend"


def test_answer_leaves_as_the_emulator_gave_it(echo: Any) -> None:
    """Repeated headers stay; what says where the message ends is the server's to say."""
    answer = echo.get("/v1/invoices")

    assert (answer.status, answer.body) == (418, b"short")
    assert answer.headers.get_all("set-cookie") == ("a", "b")
    assert answer.headers.get_all("content-length") == ("5",)
    assert "connection" not in answer.headers


@pytest.mark.parametrize("path", ["/v1/invoices", "/payments", "/dashboards", "/pay-in", "/api/pay/1", "/favicon.ico"])
def test_path_that_is_no_page_is_the_api(echo: Any, path: str) -> None:
    """A page takes its own paths and none beside them."""
    assert echo.get(path).status == 418


@pytest.mark.parametrize(
    "path", ["/pay", "/pay/", "/pay/a/b", "/dashboard/other", "/assets/none.js", "/assets/../app.py"]
)
def test_page_that_does_not_exist(echo: Any, path: str) -> None:
    """Below a page's path, what is no page is told so, and no file beside the assets is served."""
    assert echo.get(path).status == 404


def test_unsafe_method_on_a_page_is_refused(echo: Any) -> None:
    """A page has the methods that it has."""
    assert echo.call("DELETE", "/dashboard").status == 405
