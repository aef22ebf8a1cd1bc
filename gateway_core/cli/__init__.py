"""The ``gateway`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say how to install what it needs."""
    try:
        import click  # noqa: F401  # asked for here, where its absence can be explained
        import rich  # noqa: F401  # as above
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The gateway command needs {error.name}: pip install 'gateway-core[cli]'\n")
        sys.exit(2)

    from gateway_core.cli._group import gateway

    gateway()
