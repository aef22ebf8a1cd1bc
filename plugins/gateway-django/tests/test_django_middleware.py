"""Errors of a gateway in a shop's own views become answers of HTTP."""

from __future__ import annotations

import asyncio

import pytest
from django.test import AsyncClient, Client


@pytest.mark.parametrize("address", ["/fails/", "/fails-in-async/"])
@pytest.mark.parametrize(
    "how,status,words", [("wrong", 400, "This cannot be done"), ("lost", 504, "try again"), ("busy", 503, "try again")]
)
def test_error_has_its_status(
    address: str, how: str, status: int, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The page says what to do, and the log what went wrong."""
    answer = Client().get(f"{address}{how}")

    page = answer.content.decode()
    assert (answer.status_code, words in page) == (status, True)
    assert "above zero" not in page
    assert any(record.name == "gateway_django" and how in record.getMessage() for record in caplog.records)


def test_error_has_its_status_under_asgi() -> None:
    """An async view is answered the same."""
    answer = asyncio.run(AsyncClient().get("/fails-in-async/busy"))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")


def test_other_errors_are_left_alone() -> None:
    """A fault of the shop's is Django's to tell."""
    with pytest.raises(ZeroDivisionError):
        Client().get("/fails/own")
