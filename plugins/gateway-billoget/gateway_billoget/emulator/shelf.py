"""The emulator's customers and products: whatever was sent of them, with an id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_billoget.emulator import documents
from gateway_billoget.settings import Generation
from gateway_core.testing import Ledger
from gateway_core.wire import dumps, loads


class Shelf:
    """Things of one kind, in the ledger.

    Args:
        ledger: Where they are kept.
        kind: ``customers`` or ``products``.
        generation: How ids are written: ``customer_501`` in G1, 501 in G3.
        start: The number of the first.
    """

    def __init__(self, ledger: Ledger, kind: str, generation: Generation, start: int) -> None:
        self.kind = kind
        self._ledger = ledger
        self._generation: Generation = generation
        self._start = start

    @property
    def first(self) -> str:
        """The id of the first."""
        return self._id(self._start)

    def all(self) -> dict[str, dict[str, Any]]:
        """Return all of them by their ids."""
        found: dict[str, dict[str, Any]] = loads((self._ledger.note(self.kind) or "{}").encode())
        return {key: document for key, document in found.items() if document}

    def get(self, identifier: str) -> dict[str, Any] | None:
        """Return one of them."""
        return self.all().get(identifier)

    def add(self, fields: Mapping[str, Any], at: str) -> dict[str, Any]:
        """Add one."""
        number = self._start + len(loads((self._ledger.note(self.kind) or "{}").encode()))
        identifier = self._id(number)
        document = {
            **fields,
            "id": documents.as_id(identifier, self._generation),
            "createdAt": at,
            "updatedAt": at,
        }
        self._keep(identifier, document)
        return document

    def change(self, identifier: str, fields: Mapping[str, Any], at: str) -> dict[str, Any]:
        """Replace the given fields of one that is there."""
        before = self.all()[identifier]
        document = {**before, **fields, "id": before["id"], "createdAt": before["createdAt"], "updatedAt": at}
        self._keep(identifier, document)
        return document

    def remove(self, identifier: str) -> None:
        """Forget one. Its id is not given again."""
        self._keep(identifier, {})

    def _id(self, number: int) -> str:
        return str(number) if self._generation == "G3" else f"{self.kind.removesuffix('s')}_{number}"

    def _keep(self, identifier: str, document: Mapping[str, Any]) -> None:
        found = loads((self._ledger.note(self.kind) or "{}").encode())
        self._ledger.set_note(self.kind, dumps({**found, identifier: document}).decode("ascii"))
