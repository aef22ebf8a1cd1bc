"""S1, P4: code of others with a secret in its hand, a plugin's or an observer's, and no hit in any sink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway_core import Gateway, WebhookRequest, hookimpl
from gateway_core._plugins import loading
from gateway_core.errors import UnexpectedResponseError
from gateway_core.http import Flow
from tests.accounts import ACCOUNTS
from tests.canary import Logs, failure, hits, leaks, made_up
from tests.fake_gateway import ORDER, Fake, Wire, ask, fake

KEY = made_up("fake")


class OddError(Exception):
    """An error that keeps what it was about."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.request = {"key": text}
        self.add_note(text)


def _raised(error: Exception, behind: BaseException | None = None) -> Flow[Any]:
    """Ask for something, then fail with a secret in hand."""
    held = KEY
    yield from ask("GET", "me")
    assert held
    raise error from behind


#: What a plugin does that has a secret in its hand, by a flow.
FAULTY: dict[str, Callable[[], Any]] = {
    "raises what quotes it": lambda: _raised(KeyError(KEY)),
    "raises what keeps it": lambda: _raised(OddError(KEY)),
    "raises it in a group": lambda: _raised(ExceptionGroup(KEY, [ValueError(KEY), OddError(KEY)])),
    "raises it behind another": lambda: _raised(ValueError("x"), OddError(KEY)),
    "raises it behind one of ours": lambda: _raised(UnexpectedResponseError("x"), OddError(KEY)),
    "raises it in one of ours": lambda: _raised(UnexpectedResponseError(KEY, code=KEY, request_id=KEY, invoice_id=KEY)),
    "holds it when one of ours is raised": lambda: _raised(UnexpectedResponseError("no")),
    "raises it as the end of a flow": lambda: _raised(StopIteration(KEY)),
    "returns it": lambda: KEY,
    "returns it in a flow": lambda: _returned(KEY),
    "yields it": lambda: _yielded(KEY),
    "returns bytes of it": KEY.encode,
    "fails at once": lambda: 1 / len(KEY[99:]),
}


def _returned(value: object) -> Flow[Any]:
    yield from ask("GET", "me")
    return value


def _yielded(value: Any) -> Flow[Any]:
    """Yield what is no request."""
    yield value


@pytest.mark.parametrize("fault", FAULTY)
@pytest.mark.parametrize("operation", ["create_invoice", "get_status", "verify_webhook", "check_account"])
def test_plugin_with_a_secret_in_its_hand(logs: Logs, fault: str, operation: str) -> None:
    """S1, P4: whatever a plugin raises or returns, and whatever it held meanwhile."""
    argument = {"create_invoice": ORDER, "get_status": "i-1", "verify_webhook": WebhookRequest(body=b"")}
    hooks: dict[str, Any] = {
        "create_invoice": lambda request: FAULTY[fault](),
        "get_status": lambda invoice_id: FAULTY[fault](),
        "verify_webhook": lambda request: FAULTY[fault](),
        "check_account": lambda: FAULTY[fault](),  # noqa: PLW0108  # a hook is a function
    }
    gateway = fake(Wire(*[200] * 3), key=KEY, **{operation: hooks[operation]})

    error = failure(lambda: getattr(gateway, operation)(*[argument[operation]] if operation in argument else []))

    assert hits(error, KEY) == {}
    assert leaks(logs.text, KEY) == []


@pytest.mark.parametrize("fail", ["key", "ours", "settings"])
def test_provider_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, fail: str) -> None:
    """S1: a plugin that is handed its secrets and raises them."""
    plugin = loading.find("sandbox")
    monkeypatch.setattr(loading.Plugin, "load", lambda _: Fake)

    error = failure(lambda: Gateway.connect(plugin.name, api_key=KEY, fail=fail))

    assert hits(error, KEY) == {}


class _Hostile:
    """An observer that knows a secret and fails with it."""

    secret = KEY

    def wants(self, kind: type) -> bool:
        """Fail."""
        raise OddError(self.secret)

    @hookimpl
    def observe(self, event: object) -> None:
        """Fail."""
        raise ExceptionGroup(self.secret, [OddError(self.secret)])


def test_observer_with_a_secret_in_its_hand(logs: Logs) -> None:
    """S1: that it failed is logged, and nothing of what it said."""
    account = ACCOUNTS["sandbox"]
    with Gateway.connect("sandbox", transport=Wire(401), observers=[_Hostile()], **account.settings) as gateway:
        error = failure(gateway.check_account)

    assert "_Hostile" in logs.text
    assert leaks(logs.text, KEY, *account.canaries) == []
    assert hits(error, KEY, *account.canaries) == {}
