"""Run a command for every plugin of this repository.

``python plugins/each.py mypy FOLDER`` runs it once for each. With ``--together`` it is run once, and an argument with
one of these words becomes one for each plugin: ``python plugins/each.py --together pip install REQUIREMENT``.

- ``FOLDER``: the plugin's folder
- ``NAME``: the name of its distribution
- ``REQUIREMENT``: the name with all its extras, such as ``gateway-sandbox[server]``
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

PLUGINS = Path(__file__).resolve().parent


def plugins() -> list[dict[str, str]]:
    """Return what takes the place of each word, for each plugin."""
    found = []
    for project in sorted(PLUGINS.glob("*/pyproject.toml")):
        table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        extras = ",".join(sorted(table.get("optional-dependencies", {})))
        requirement = f"{table['name']}[{extras}]" if extras else table["name"]
        found.append({"FOLDER": str(project.parent), "NAME": table["name"], "REQUIREMENT": requirement})
    return found


def filled(argument: str, words: Mapping[str, str]) -> str:
    """Return an argument with what takes the place of its words."""
    for word, text in words.items():
        argument = argument.replace(word, text)
    return argument


def main(arguments: list[str]) -> int:
    """Run the command; return the first exit code that is not 0."""
    together = arguments[:1] == ["--together"]
    command = arguments[together:]
    if not command:
        sys.exit(__doc__)
    commands = [[filled(each, words) for each in command] for words in plugins()]
    if together:  # what is the same for all plugins stands there once
        commands = [[text for several in zip(*commands, strict=True) for text in dict.fromkeys(several)]]
    return next((code for each in commands if (code := subprocess.call(each))), 0)  # noqa: S603  # as it was given


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
