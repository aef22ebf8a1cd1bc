from __future__ import annotations

import contextlib
import inspect
from pathlib import Path

import pytest

from gateway_conformance import CheckFailed, ProviderSuite, list_checks
from gateway_conformance.harness import Harness
from tests.conformance.mutation import Mutant, mutants, suite_of

MUTANTS = mutants()
SOUND = Mutant("sound", "None.", "", {})


def verdict(kind: type[ProviderSuite], name: str, request: pytest.FixtureRequest) -> str:
    """Run one check, with the fixtures that it wants; return what it says against the plugin, or how it ended else."""
    suite = kind()
    check = getattr(suite, f"test_{name}")
    wanted = dict.fromkeys(inspect.signature(check).parameters)
    with contextlib.ExitStack() as used:
        for each in wanted:
            if each == "harness":
                wanted[each] = used.enter_context(contextlib.closing(Harness(suite)))
            else:
                wanted[each] = request.getfixturevalue(each)
        try:
            check(**wanted)
        except CheckFailed as failure:
            return str(failure)
        except pytest.skip.Exception as reason:
            return str(reason)
    return "passed"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(mutant: Mutant, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A plugin with a fault that authors make does not pass, and the check that stops it says what is wrong.

    One that is merely broken proves nothing.
    """
    with suite_of(mutant, tmp_path) as kind:
        seen = verdict(kind, mutant.caught_by, request)

    assert f"rule  {mutant.caught_by}:" in seen, f"{mutant.name} survives {mutant.caught_by}: {seen}"
    assert "NameError" not in seen


@pytest.mark.parametrize("name", sorted({mutant.caught_by for mutant in MUTANTS}))
def test_check_passes_the_plugin_without_a_fault(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What stops a mutant is its fault: the same plugin without it passes the check, or leaves it nothing to judge."""
    with suite_of(SOUND, tmp_path) as kind:
        seen = verdict(kind, name, request)

    assert seen == "passed" or seen.startswith("not applicable")


def test_every_mutant_has_a_name_of_its_own() -> None:
    """Two mutants of one name would be one row of the table."""
    names = [mutant.name for mutant in MUTANTS]

    assert sorted(names) == sorted(set(names))


def test_named_checks_exist() -> None:
    """The table names checks of the kit only."""
    assert {mutant.caught_by for mutant in MUTANTS} <= {check.name for check in list_checks()}
