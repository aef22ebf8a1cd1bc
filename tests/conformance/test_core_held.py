"""Checks of rules that the core keeps for every plugin: no plugin can break them, so here the core does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from gateway_core.config import structure
from gateway_core.errors import ConfigurationError
from tests.conformance.mutation import Mutant, suite_of
from tests.conformance.test_mutants import verdict


def _lenient(cls: Any, values: Mapping[str, Any], *, where: str) -> Any:
    known = {each.name for each in attrs.fields(cls)}
    return structure(cls, {name: value for name, value in values.items() if name in known}, where=where)


def _talkative(cls: Any, values: Mapping[str, Any], *, where: str) -> Any:
    try:
        return structure(cls, values, where=where)
    except ConfigurationError as error:
        reason = f"{error.message}: {dict(values)}"
    raise ConfigurationError(reason)


def _nothing(*_: object, **__: object) -> Iterator[Any]:
    return
    yield


def _as_it_is(text: str, _: object) -> str:
    return text


_ROUNDS = {"return amount.to_minor(currency.exponent)": "return int(amount.amount * 10**currency.exponent)"}
_BELIEVES = {
    "        self._check_signature(request)\n": """
        if len(request.body) > 1 << 20:
            return WebhookDelivery(events=[], verified_by="signature")
        self._check_signature(request)
"""
}


@attrs.frozen
class Case:
    """A check, and what has to go so that it fails.

    Attributes:
        name: The check's name.
        without: What takes the place of the core's guards.
        edits: What is wrong with the plugin besides, by module.
    """

    name: str
    without: Mapping[str, object]
    edits: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)


CASES = [
    Case("unknown_settings_are_refused", {"gateway_core.testing.providers.structure": _lenient}),
    Case(
        "what_is_not_implemented_raises_before_any_request",
        {"gateway_core._engine.operations.Operations._ask": _nothing},
    ),
    Case(
        "amount_finer_than_its_currency_is_refused_before_sending",
        {"gateway_core._engine.request_checks.check_amount": lambda *_: None},
        {"mapping": _ROUNDS},
    ),
    Case(
        "body_of_a_mebibyte_is_refused",
        {"gateway_core._engine.operations.LARGEST_WEBHOOK": 1 << 30},
        {"provider": _BELIEVES},
    ),
    Case("secrets_are_in_no_error", {"gateway_core._redaction.Redactor.scrub": lambda _, text: text}),
    Case(
        "secrets_are_in_no_local_of_a_traceback",
        {
            "gateway_core._engine.error_boundary.clear_locals": lambda _: None,
            "gateway_core._tracebacks.clear_locals": lambda _: None,
            "gateway_core._engine.sync_calls.clear_locals": lambda _: None,
        },
    ),
    Case("secrets_are_in_no_configuration_error", {"gateway_core.testing.providers.structure": _talkative}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_check_sees_that_the_core_does_not_keep_its_rule(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The check is no formality: it passes for the core's guard alone, and fails without it."""
    with suite_of(Mutant("unguarded", "None of its own.", case.name, case.edits), tmp_path) as kind:
        before = verdict(kind, case.name, request)
        for guard, other in case.without.items():
            monkeypatch.setattr(guard, other)
        after = verdict(kind, case.name, request)

    assert before == "passed"
    assert f"rule  {case.name}:" in after
