"""The sandbox as a separate process, which ends with this one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from types import TracebackType
from typing import IO, Any, Self, cast

from gateway_sandbox.demo.telling import UnobservedError

_OPTIONS = ("--port", "0", "--state", ":memory:", "--json", "--stop-with-stdin")


class SandboxProcess:
    """`gateway sandbox`, started as a user would, on a free port and with nothing kept.

    Its standard input is a pipe from us. When we end in whatever way, the pipe does too, and the process stops.

    Args:
        webhook_url: Where it sends webhooks.
        patience: Seconds that it has to start.

    Raises:
        UnobservedError: If it does not start.
    """

    def __init__(self, webhook_url: str, *, patience: float) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process is
        self._process = subprocess.Popen(  # noqa: S603  # our own command
            # -P: a file of the working directory must not take the place of a library.
            [sys.executable, "-P", "-m", "gateway_core.cli", "sandbox", *_OPTIONS, "--webhook-url", webhook_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self.pid = self._process.pid
        try:
            told = self._ready_line(patience)
            self.url: str = told["url"]
            self.backend: str = told["backend"]
            self.settings: dict[str, str] = told["settings"]
        except BaseException:
            self.stop()
            raise

    def _ready_line(self, patience: float) -> dict[str, Any]:
        lines: list[bytes] = []
        output = cast("IO[bytes]", self._process.stdout)
        reader = threading.Thread(target=lambda: lines.append(output.readline()), daemon=True)
        reader.start()
        reader.join(patience)
        try:
            told: dict[str, Any] = json.loads(lines[0])
        except (IndexError, ValueError):
            told = {}
        if "url" not in told:
            raise UnobservedError(f"the sandbox did not start: {self._last_words() or 'it said nothing'}")
        return told

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def stop(self) -> None:
        """End it: by its input's end, then by force. It has a few seconds to go by itself."""
        try:
            self._process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        except BaseException:
            self._process.kill()
            raise
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
