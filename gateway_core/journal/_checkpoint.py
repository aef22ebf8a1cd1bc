"""How far a comparison is, in a file that only grows: who was killed goes on where the last line was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from gateway_core.errors import InvalidRequestError
from gateway_core.journal import _records
from gateway_core.models.payment import Payment, PaymentStatus

#: What a comparison has to know of a payment.
_FIELDS = ("id", "invoice_id", "amount", "status", "paid_at", "unassigned")


class Checkpoint:
    """The file of one comparison: a line that says which, then a line for each page, and one for each answer.

    Args:
        path: The file; it is made if it is not there, and removed when the comparison is complete.
        comparison: What tells this comparison from another one.

    Attributes:
        noted: What was noted before.

    Raises:
        InvalidRequestError: If the file is another comparison's, or none of ours, or cannot be written.
    """

    def __init__(self, path: Path, comparison: Sequence[str | None]) -> None:
        self._path = path
        first = list(comparison)
        try:
            lines, length = _complete_lines(path)
            if lines and lines[0] != first:
                raise InvalidRequestError(f"{path} is about another comparison: remove it, or name another file")
            self._file: TextIO = path.open("a", encoding="utf-8")
            self._file.truncate(length)  # the last line may have been cut off
        except OSError as error:
            raise InvalidRequestError(f"{path} cannot be used ({type(error).__name__})") from None
        self.noted: Sequence[dict[str, Any]] = lines[1:]
        if not lines:
            self._note(first)

    def note_page(self, payments: Sequence[Payment], cursor: str | None) -> None:
        """Note a page of payments, and where the next one begins; None after the last one."""
        kept = [{name: _records.plain(getattr(each, name)) for name in _FIELDS} for each in payments]
        self._note({"payments": kept, "cursor": cursor})

    def note_answer(self, invoice_id: str, report: dict[str, Any] | None) -> None:
        """Note what the provider says of an invoice."""
        self._note({"invoice_id": invoice_id, "report": report})

    def remove(self) -> None:
        """Remove the file: the comparison is complete."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _note(self, value: Any) -> None:
        try:
            self._file.write(json.dumps(value, separators=(",", ":")) + "\n")
            self._file.flush()
        except OSError as error:
            raise InvalidRequestError(f"{self._path} cannot be written ({type(error).__name__})") from None

    def close(self) -> None:
        """Close the file, and keep it."""
        self._file.close()


def to_payment(kept: dict[str, Any]) -> Payment:
    """Read a payment."""
    amount, paid_at = _records.money(kept["amount"]), _records.moment(kept["paid_at"])
    return Payment(**{**kept, "amount": amount, "paid_at": paid_at, "status": PaymentStatus(kept["status"])})


def _complete_lines(path: Path) -> tuple[list[Any], int]:
    """Return what the complete lines of a file say, and how long these are.

    Raises:
        InvalidRequestError: If it is no file of ours.
    """
    written = path.read_bytes() if path.exists() else b""
    complete = written[: written.rfind(b"\n") + 1]
    try:
        lines = [json.loads(line) for line in complete.splitlines()]
        ours = written.startswith(b"[") or not written
    except ValueError:
        lines, ours = [], False
    if not ours or not all(isinstance(line, dict) for line in lines[1:]):
        raise InvalidRequestError(f"{path} is about something else: name another file")
    return lines, len(complete)
