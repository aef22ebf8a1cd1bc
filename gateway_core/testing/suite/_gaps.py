"""What is still to be written of a provider: the methods of a skeleton that raise NotImplementedError.

A check that comes upon one is left out until it is written, so that one gap is told once, by the check of its name.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from gateway_core.hookspecs import OPTIONAL, REQUIRED
from gateway_core.http import HttpRequest
from gateway_core.models.invoice import RefundRequest
from gateway_core.models.payment import PaymentQuery
from gateway_core.models.webhook import WebhookRequest
from gateway_core.testing.ledger import EmulatedInvoice
from gateway_core.testing.suite._checks import not_applicable
from gateway_core.testing.suite._stage import BASE_URL, Stage

if TYPE_CHECKING:
    from gateway_core.testing.suite._base import Described

#: The methods of an emulator that nothing can be judged without.
OF_EMULATORS = ("handle", "webhook_body")


@attrs.frozen
class Gap:
    """A method that is still to be written.

    Attributes:
        owner: Its class.
        reason: The text of what it raises.
    """

    owner: type
    reason: str


#: The gaps of each suite: they are looked for once.
_KNOWN: weakref.WeakKeyDictionary[type[Described], Mapping[str, Gap]] = weakref.WeakKeyDictionary()


def unwritten(suite: type[Described]) -> Mapping[str, Gap]:
    """Return what is still to be written of a provider and its emulator, by the methods' names."""
    if suite not in _KNOWN:
        stage = Stage(suite())
        try:
            _KNOWN[suite] = dict(_gaps(stage))
        finally:
            stage.close()
    return _KNOWN[suite]


def leave_out_gaps(suite: type[Described], patch: pytest.MonkeyPatch) -> None:
    """Let each method that is still to be written end the check that calls it as not applicable."""
    for name, gap in unwritten(suite).items():
        patch.setattr(gap.owner, name, _leaving_out(getattr(gap.owner, name)))


def _leaving_out(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def leave_out(*_: Any, **__: Any) -> Any:
        not_applicable(f"{method.__name__} is still to be written")

    return leave_out


def _gaps(stage: Stage) -> Iterator[tuple[str, Gap]]:
    for name in REQUIRED + OPTIONAL:
        if hasattr(stage.provider, name) and (reason := _reason(functools.partial(_begun, stage, name))):
            yield name, Gap(stage.provider_class, reason)
    emulator = stage.emulator
    if emulator is None:
        return
    amount, nothing, key = stage.amount(), stage.amount(0), "kit"
    invoice = EmulatedInvoice(
        id=key, token=key, amount=amount, created_at=stage.clock(), received=nothing, refunded=nothing
    )
    calls: Mapping[str, Callable[[], Any]] = {
        "handle": lambda: emulator.handle(HttpRequest(method="GET", url=BASE_URL)),
        "webhook_body": lambda: emulator.webhook_body("kit", invoice, None),
    }
    for name in OF_EMULATORS:
        if reason := _reason(calls[name]):
            yield name, Gap(type(emulator), reason)


def _begun(stage: Stage, hook: str) -> None:
    """Begin a flow, up to its first request."""
    asked = stage.ready(stage.request())
    arguments: Mapping[str, Mapping[str, Any]] = {
        "create_invoice": {"request": asked},
        "get_status": {"invoice_id": "kit"},
        "list_payments": {"query": PaymentQuery()},
        "verify_webhook": {"request": WebhookRequest(body=b"{}", received_at=stage.clock())},
        "find_invoice": {"order_id": asked.order_id},
        "cancel_invoice": {"invoice_id": "kit"},
        "refund_payment": {"request": RefundRequest(refund_id="kit", invoice_id="kit", amount=stage.amount())},
        "check_account": {},
    }
    outcome = stage.outcome(hook, arguments[hook])
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
