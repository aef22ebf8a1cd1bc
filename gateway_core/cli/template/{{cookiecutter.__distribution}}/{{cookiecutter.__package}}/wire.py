"""What {{ cookiecutter.title }} sends, field by field. Words of its own stay text: `mapping` has the tables.

An amount is an int in minor units, or a Decimal where the documentation shows decimals; a time is a datetime. A field
without a default must be in the answer, and one that is not named here is passed over.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class WireInvoice:
    """An invoice."""

    id: str
    status: str


@attrs.frozen(kw_only=True)
class WireRefusal:
    """The body of an answer outside 2xx."""

    code: str | None = None
    message: str
