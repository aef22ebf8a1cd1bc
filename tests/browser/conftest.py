"""A sandbox that is really served, and pages in a real Chromium that must not complain."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway_core import Gateway, InvoiceRequest, Money
from gateway_sandbox.emulator import SandboxEmulator
from gateway_sandbox.server import Serving, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

#: Set it to have the pictures in the documentation made anew.
UPDATE = "UPDATE_SCREENSHOTS"

IMAGES = Path(__file__).parents[2] / "docs" / "images"


@pytest.fixture
def sandbox() -> Iterator[Serving]:
    """Serve a sandbox on a free port."""
    with serving(SandboxEmulator) as served:
        yield served


@pytest.fixture
def bill(sandbox: Serving) -> Iterator[Callable[..., str]]:
    """Create an invoice, as a shop does; return the address of its checkout page."""
    with Gateway.connect("sandbox", **sandbox.settings) as gateway:

        def create(amount: str = "49.90", **more: Any) -> str:
            known = {
                "order_id": "1042",
                "description": "The Annotated Turing, hardcover",
                "return_url": "https://shop.example/orders/1042",
            }
            request = InvoiceRequest(
                amount=Money(amount, "EUR"),
                expires_in=timedelta(minutes=15),
                **{**known, **more},
            )
            return str(gateway.create_invoice(request).payment_url)

        yield create


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages; afterwards none of them may have complained of anything, but where a test expects a refusal."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def new(width: int = 1280, height: int = 800, *, refused: bool = False, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # milliseconds; a busy machine takes its time
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        if refused:
            return page
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        # What is still under way when a page is left is broken off, which is no failure.
        page.on(
            "requestfailed",
            lambda request: complaints.extend(
                [] if "ABORTED" in (request.failure or "") else [f"failed: {request.url}"]
            ),
        )
        page.on("response", lambda answer: complaints.extend([answer.url] if answer.status >= 400 else []))
        return page

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def make_page(sandbox: Serving, new_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open pages of a sandbox, which are closed before it ends."""
    return new_page


@pytest.fixture
def picture(tmp_path: Path) -> Callable[[Page, str], None]:
    """Take a picture of a page; for the documentation if it has one of that name, and a new one was asked for."""

    def take(page: Page, name: str) -> None:
        is_wanted = os.environ.get(UPDATE) and (IMAGES / f"{name}.png").exists()
        folder = IMAGES if is_wanted else tmp_path
        page.screenshot(path=folder / f"{name}.png")

    return take
