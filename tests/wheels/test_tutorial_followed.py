"""Follows the tutorial for authors of plugins as a stranger does, on the core's built wheel: `tox -e wheels-all`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests import tutorial

#: What would let the checkout, or the environment that the tests run in, into the stranger's.
OURS = ("PYTHON", "PYTEST", "COV", "TOX", "VIRTUAL_ENV")


def test_stranger_gets_to_a_green_kit(tmp_path: Path) -> None:
    """In an empty folder and a new environment, what the page says to copy and paste ends in a plugin that passes."""
    [core] = Path("dist").resolve().glob("gateway_core-*.whl")
    [kit] = Path("dist").resolve().glob("gateway_conformance-*.whl")
    theirs = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}

    def instead(command: str) -> str:
        built = f"'gateway-core[cli] @ {core.as_uri()}' {kit}"
        return command.replace("'gateway-core[cli]' gateway-conformance", built).replace(
            "python3 ", f"{sys.executable} "
        )

    printed = tutorial.follow(tmp_path, theirs, instead)

    assert tutorial.passed(printed) > tutorial.told_checks()
    installed = [path for path in tmp_path.glob(".venv/lib/*/site-packages/gateway_*") if path.is_dir()]
    assert sorted(path.name for path in installed if path.suffix != ".dist-info") == [
        "gateway_conformance",
        "gateway_core",
    ]
