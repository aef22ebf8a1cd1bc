"""``manage.py gateway``: the ``gateway`` command with the accounts and the journal of Django's settings."""

from __future__ import annotations

import contextlib
import io
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway_core.cli import main
from gateway_core.cli.options import Host
from gateway_core.errors import ConfigurationError
from gateway_django import _database, _watch


class _Parser(CommandParser):
    """Reads Django's own options, and leaves all others to the command."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, found.arguments = self.parse_known_args(args, namespace)
        return found


class Command(BaseCommand):
    """Everything that ``gateway`` does; ``watch`` sends Django's signals."""

    help = "Everything that `gateway` does, with the accounts of the settings: gateway --help lists it."
    requires_system_checks = ()  # whoever looks for a fault needs it most

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Leave ``--help`` and ``--version`` to the command."""
        parser = _Parser(prog=f"{prog_name} {subcommand}", add_help=False, allow_abbrev=False, **kwargs)
        for option in ("--settings", "--pythonpath"):  # which `manage.py` has read before
            parser.add_argument(option)
        parser.set_defaults(verbosity=1, traceback=False, no_color=False, force_color=False, skip_checks=True)
        return parser

    def handle(self, *_: Any, arguments: list[str], **__: Any) -> None:
        """Run the command.

        Raises:
            CommandError: If the settings are wrong; or its exit code is not 0, and Python has called it.
        """
        try:
            config = _database.config_with_journal()
        except ConfigurationError as error:
            raise CommandError(error.message, returncode=2) from None
        host = Host(config=config, commands={"watch": _watch.watch})
        code: Any = 0
        told = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        own = self.stdout._out is not sys.stdout  # noqa: SLF001  # as `call_command` wants it
        try:
            with contextlib.redirect_stdout(told) if own else contextlib.nullcontext():
                main(arguments, program="manage.py gateway", host=host)
        except SystemExit as end:
            if self._called_from_command_line:  # type: ignore[attr-defined]  # Django's own, since 1.8
                raise
            code = end.code
        finally:
            self.stdout.write(told.buffer.getvalue().decode(), ending="")
        if code:
            raise CommandError(f"gateway {' '.join(arguments[:1])} ended with exit code {code}", returncode=code)
