"""What is still to be written of a provider: the methods of a skeleton that raise NotImplementedError.

A check that needs one is skipped until it is written, so that a missing method is told once, by the check of its name.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest

from gateway_conformance.check import not_applicable
from gateway_conformance.harness import BASE_URL, WEBHOOK_URL, Harness
from gateway_conformance.operations import taken
from gateway_conformance.provider_under_test import ProviderUnderTest
from gateway_core.hookspecs import OPTIONAL, REQUIRED
from gateway_core.http import HttpRequest
from gateway_core.models.capture import CaptureRequest
from gateway_core.models.payment import PaymentQuery
from gateway_core.models.refund import RefundRequest
from gateway_core.models.webhook import WebhookRequest
from gateway_core.testing.ledger import EmulatedInvoice

#: The methods of an emulator that nothing can be judged without.
OF_EMULATORS = ("handle", "webhook_body")


@attrs.frozen
class MissingMethod:
    """A method that is still to be written.

    Attributes:
        owner: Its class.
        reason: The text of what it raises.
    """

    owner: type
    reason: str


#: The missing methods of each suite: they are looked for once.
_KNOWN: weakref.WeakKeyDictionary[type[ProviderUnderTest], Mapping[str, MissingMethod]] = weakref.WeakKeyDictionary()


def missing_methods(suite: type[ProviderUnderTest]) -> Mapping[str, MissingMethod]:
    """Return what is still to be written of a provider and its emulator, by the methods' names."""
    if suite not in _KNOWN:
        harness = Harness(suite())
        try:
            _KNOWN[suite] = dict(_find_missing(harness))
        finally:
            harness.close()
    return _KNOWN[suite]


def skip_unimplemented(suite: type[ProviderUnderTest], patch: pytest.MonkeyPatch) -> None:
    """Let each method that is still to be written end the check that calls it as not applicable."""
    for name, missing in missing_methods(suite).items():
        patch.setattr(missing.owner, name, _skipping(getattr(missing.owner, name)))


def _skipping(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def skip(*_: Any, **__: Any) -> Any:
        not_applicable(f"{method.__name__} is still to be written")

    return skip


def _find_missing(harness: Harness) -> Iterator[tuple[str, MissingMethod]]:
    for name in REQUIRED + OPTIONAL:
        if hasattr(harness.provider, name) and (reason := _reason(functools.partial(_begun, harness, name))):
            yield name, MissingMethod(harness.provider_class, reason)
    emulator = harness.emulator
    if emulator is None:
        return
    amount, nothing, key = harness.amount(), harness.amount(0), "kit"
    invoice = EmulatedInvoice(
        id=key, token=key, amount=amount, created_at=harness.clock(), received=nothing, refunded=nothing
    )
    calls: Mapping[str, Callable[[], Any]] = {
        "handle": lambda: emulator.handle(HttpRequest(method="GET", url=BASE_URL)),
        "webhook_body": lambda: emulator.webhook_body("kit", invoice, None),
    }
    for name in OF_EMULATORS:
        if reason := _reason(calls[name]):
            yield name, MissingMethod(type(emulator), reason)


def _begun(harness: Harness, hook: str) -> None:
    """Begin a flow, up to its first request."""
    asked = harness.ready(harness.request())
    arguments: Mapping[str, Mapping[str, Any]] = {
        "create_invoice": {"request": asked},
        "get_status": {"invoice_id": "kit"},
        "list_payments": {"query": PaymentQuery()},
        "verify_webhook": {"request": WebhookRequest(body=b"{}", received_at=harness.clock())},
        "find_invoice": {"order_id": asked.order_id, "attempt": 1, "since": None},
        "cancel_invoice": {"invoice_id": "kit", "references": {}},
        "refund_payment": {"request": RefundRequest(refund_id="kit", invoice_id="kit", amount=harness.amount())},
        "capture_payment": {"request": CaptureRequest(capture_id="kit", invoice_id="kit")},
        "check_account": {},
        "register_webhook": {"url": WEBHOOK_URL},
    }
    outcome = harness.outcome(hook, taken(harness, hook, **arguments[hook]))
    if hasattr(outcome, "send"):
        with contextlib.closing(outcome):
            next(outcome)


def _reason(call: Callable[[], Any]) -> str | None:
    """Return with which text a call raises NotImplementedError; None if it raises it not, or something else."""
    try:
        call()
    except NotImplementedError as error:
        return str(error) or "it raises NotImplementedError"
    except Exception:  # noqa: BLE001  # whatever is wrong with it, it was written: the other checks judge it
        return None
    return None
