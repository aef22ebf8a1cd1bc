"""Taking money that was authorized before."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from gateway_core.models import _fields as check
from gateway_core.models.money import Money


class CaptureStatus(enum.StrEnum):
    """The state of a capture."""

    PENDING = "pending"  #: Accepted, not yet carried out; it may still fail.
    DONE = "done"  #: The money was taken.
    FAILED = "failed"  #: Refused.


@attrs.frozen(kw_only=True)
class CaptureRequest:
    """Authorized money to take, the whole or a part.

    Attributes:
        capture_id: The shop's own key of this capture: 1 to 255 characters.
        invoice_id: The provider's id of the invoice.
        amount: The amount, above zero; None for all that is authorized.
        references: What the provider's plugin gave as ``references`` of the invoice, its report or its payment.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    capture_id: str
    invoice_id: str
    amount: Money | None = None
    references: Mapping[str, str] = check.frozen_field()

    def __attrs_post_init__(self) -> None:
        check.identifier("capture_id", self.capture_id)
        check.identifier("invoice_id", self.invoice_id)
        check.positive_or_none("amount", self.amount)
        check.texts("references", self.references)


@attrs.frozen(kw_only=True)
class Capture:
    """A capture that exists at the provider. Only one that is DONE has moved money.

    Attributes:
        id: The provider's id of the capture.
        capture_id: The shop's key, if the provider gives it back.
        invoice_id: The provider's id of the invoice.
        amount: The amount taken, above zero; None if the provider does not tell.
        status: Its status when the provider answered.
        created_at: When it was made, with a time zone; None if the provider does not tell.
        raw: The provider's own answer.
        references: Texts that a later request about it needs.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    id: str
    capture_id: str | None = None
    invoice_id: str
    amount: Money | None = None
    status: CaptureStatus
    created_at: datetime | None = None
    raw: Mapping[str, Any] = check.raw_field()
    references: Mapping[str, str] = check.frozen_field()

    def __attrs_post_init__(self) -> None:
        check.mapping("raw", self.raw)
        check.identifier("id", self.id)
        check.text_or_none("capture_id", self.capture_id)
        check.identifier("invoice_id", self.invoice_id)
        check.positive_or_none("amount", self.amount)
        check.instance("status", self.status, CaptureStatus)
        check.aware_or_none("created_at", self.created_at)
        check.texts("references", self.references)
