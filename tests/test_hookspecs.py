"""The contract is declared once: what is required, what is optional, and which arguments each hook has."""

from __future__ import annotations

import inspect

import pytest

from gateway_core import hookimpl, hookspecs
from gateway_core._markers import PROJECT

ARGUMENTS = {
    "create_invoice": ["request"],
    "get_status": ["invoice_id"],
    "list_payments": ["query"],
    "verify_webhook": ["request"],
    "find_invoice": ["order_id", "attempt", "since"],
    "cancel_invoice": ["invoice_id", "references"],
    "refund_payment": ["request"],
    "capture_payment": ["request"],
    "check_account": [],
    "register_webhook": ["url"],
}


def test_every_hook_is_required_or_optional() -> None:
    """P4: no hook is declared without being one of both, and none is listed without being declared."""
    declared = [name for name, value in vars(hookspecs).items() if hasattr(value, f"{PROJECT}_spec")]

    actual = set(hookspecs.REQUIRED + hookspecs.OPTIONAL)

    assert (actual, len(hookspecs.REQUIRED + hookspecs.OPTIONAL)) == (set(declared), len(declared))


@pytest.mark.parametrize("name", ARGUMENTS)
def test_hooks_have_fixed_arguments(name: str) -> None:
    """The names of arguments are part of the contract: plugins are written against them."""
    actual = list(inspect.signature(getattr(hookspecs, name)).parameters)

    assert actual == ARGUMENTS[name]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_first_result_is_the_result(name: str) -> None:
    """P5: a hook has one answer, and declares nothing else."""
    hook = getattr(hookspecs, name)

    actual = getattr(hook, f"{PROJECT}_spec")["firstresult"], hook(*ARGUMENTS[name]), bool(hook.__doc__)

    assert actual == (True, None, True)


def test_implementations_are_marked_for_this_project() -> None:
    """Another library's marker is not ours."""
    actual = hookimpl.project_name

    assert actual == PROJECT
