"""The ``gateway`` command."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what it needs may not be installed
    from gateway_core.cli.options import Host


def main(arguments: Sequence[str] | None = None, *, program: str | None = None, host: Host | None = None) -> None:
    """Run the command, or say how to install what it needs; end as it ends.

    Args:
        arguments: Its arguments; None for those of this process.
        program: How it was called, for its help; None for the name of this process.
        host: The program that runs the command as its own, and has the configuration.

    Raises:
        SystemExit: Always, with the command's exit code.
    """
    try:
        import click  # noqa: F401  # asked for here, where its absence can be explained
        import rich  # noqa: F401  # as above
    except ModuleNotFoundError as error:
        sys.stderr.write(f"The gateway command needs {error.name}: pip install 'gateway-core[cli]'\n")
        sys.exit(2)

    from gateway_core.cli._group import gateway

    gateway.main(arguments, prog_name=program, obj=host)
