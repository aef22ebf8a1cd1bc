# ruff: noqa: INP001  # a program, no package
"""Runs a command on the distributions in `plugins/`, so that a new one needs no line in `tox.ini`.

``each COMMAND`` runs it once for each, ``all COMMAND`` once for all, and ``path COMMAND`` once with all of them, and
the example, on Python's path. In the command ``FOLDER`` stands for a plugin's folder and ``NAME`` for its name; with
``all``, a word with one of them stands there once for each. It ends as the first command that fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLUGINS = sorted(path.parent for path in (ROOT / "plugins").glob("*/pyproject.toml"))


def filled(word: str, plugin: Path) -> str:
    """Return a word of the command for one plugin."""
    return word.replace("FOLDER", str(plugin)).replace("NAME", plugin.name)


def run(command: list[str], **environment: str) -> None:
    """Run a command, and end with it if it fails."""
    done = subprocess.run(command, env=os.environ | environment, check=False)  # noqa: S603  # a line of tox.ini
    if done.returncode:
        sys.exit(done.returncode)


def main(how: str, *command: str) -> None:
    """Run a command as the module's docstring says."""
    match how:
        case "each":
            for plugin in PLUGINS:
                run([filled(word, plugin) for word in command])
        case "all":
            run([each for word in command for each in dict.fromkeys(filled(word, plugin) for plugin in PLUGINS)])
        case "path":
            folders = [ROOT, *PLUGINS, *(path.parent for path in (ROOT / "examples").glob("*/pyproject.toml"))]
            run([*command], PYTHONPATH=os.pathsep.join(map(str, folders)))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
