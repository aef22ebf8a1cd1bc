"""A webhook as it came in, and what it says once it is verified."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import attrs

from gateway_core.errors import InvalidRequestError, WebhookReason
from gateway_core.models import _fields as check
from gateway_core.models.headers import Headers, as_headers
from gateway_core.models.invoice import StatusReport
from gateway_core.models.move import Move, Review
from gateway_core.models.reference import check_attempt_or_none
from gateway_core.models.refund import Refund
from gateway_core.models.secret import Secret

VerifiedBy: TypeAlias = Literal["signature", "callback", "signature+callback"]
_WAYS = get_args(VerifiedBy)


@attrs.frozen(kw_only=True)
class WebhookRequest:
    """One HTTP request to the shop's webhook address, before it is verified. Nothing in it may be believed.

    Attributes:
        body: The bytes as they came. A body that was parsed and written anew has another signature.
        headers: The headers: a mapping or pairs of text, in any case.
        method: The HTTP method.
        url: The whole address that was called, where the provider's scheme or a secret in the address needs it.
        received_at: When it came, with a time zone. Stamped by the gateway.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    body: bytes = attrs.field(repr=lambda body: f"<{len(body)} bytes>")
    headers: Headers = attrs.field(factory=Headers, converter=as_headers)
    method: str = "POST"
    url: str | None = attrs.field(default=None, repr=False)
    received_at: datetime | None = None

    @body.validator
    def _is_bytes(self, _: object, value: object) -> None:
        if not isinstance(value, bytes):
            raise InvalidRequestError("a webhook's body is bytes, as they came: not text, and nothing parsed")

    def __attrs_post_init__(self) -> None:
        check.text("method", self.method)
        check.text_or_none("url", self.url)
        check.aware_or_none("received_at", self.received_at)


@attrs.frozen(kw_only=True)
class Acknowledgement:
    """What to answer to a webhook that was accepted.

    Attributes:
        status: The HTTP status, 200 to 599.
        headers: The headers.
        body: The body.

    Raises:
        InvalidRequestError: If one of them is not so.
    """

    status: int = 200
    headers: Headers = attrs.field(factory=Headers, converter=as_headers)
    body: bytes = b""

    def __attrs_post_init__(self) -> None:
        check.status_code("status", self.status, 200, 599)
        check.bytes_("body", self.body)


@attrs.frozen(kw_only=True)
class WebhookEvent:
    """One thing that a verified webhook tells.

    Attributes:
        id: The key by which the same event is known when it comes again.
        kind: The provider's own name of the event.
        invoice_id: The provider's id of the invoice; None if the event is about something else.
        report: What is now known of the invoice; None if the event does not say.
        occurred_at: When it happened, with a time zone.
        raw: The event as the provider wrote it.
        refund: The refund that the event tells of, with its status now; None if it tells of none.
        order_id: The shop's key of the order, by the journal. Set by the gateway, as are the fields that follow.
        attempt: Which attempt of the order it is, by the journal.
        move: What the event changes, compared with what was asked for and what the shop was told before; None without
            a journal, and for an event that is about no invoice.
        review: Why somebody has to look at it before it has an effect; None if nothing is wrong.
    """

    id: str
    kind: str
    invoice_id: str | None = None
    report: StatusReport | None = None
    occurred_at: datetime | None = None
    raw: Mapping[str, Any] = check.raw_field()
    refund: Refund | None = None
    order_id: str | None = None
    attempt: int | None = None
    move: Move | None = None
    review: Review | None = None

    @property
    def pays(self) -> bool:
        """Whether this is the one moment to deliver. The order is paid by this event, and was not before.

        Of all events of an order, only one says so, and only in a delivery of `Gateway.receive_webhook` or
        `Gateway.poll`, which compare it with what was asked for.
        """
        move = self.move
        return move is not None and self.review is None and move.after.is_paid and not move.before.is_paid

    def __attrs_post_init__(self) -> None:
        check.mapping("raw", self.raw)
        check.identifier("id", self.id)
        check.text("kind", self.kind)
        check.identifier_or_none("invoice_id", self.invoice_id)
        check.instance_or_none("report", self.report, StatusReport)
        check.aware_or_none("occurred_at", self.occurred_at)
        check.instance_or_none("refund", self.refund, Refund)
        check.text_or_none("order_id", self.order_id)
        check_attempt_or_none(self.attempt)
        check.instance_or_none("move", self.move, Move)
        check.instance_or_none("review", self.review, Review)
        if self.report is not None and self.report.invoice_id != self.invoice_id:
            raise InvalidRequestError("the report of an event is about the event's own invoice")
        if self.refund is not None and self.refund.invoice_id != self.invoice_id:
            raise InvalidRequestError("the refund of an event is one of the event's own invoice")


@attrs.frozen(kw_only=True)
class WebhookDelivery:
    """A genuine webhook.

    Attributes:
        events: What it tells; none if the provider sent an empty batch, or nothing genuine in it.
        verified_by: How that is known: by its signature, by asking the provider, or by both.
        acknowledgement: What to answer.
        refused: Why items of a batch were left out that are not genuine, one reason for each. The provider sends the
            whole batch again unless it is acknowledged.
        reviews: Events that do not match what was asked for, each with its ``review``; set by the gateway with a
            journal. They have no effect, are logged as warnings, and stay in the journal until somebody resolves them.
    """

    events: tuple[WebhookEvent, ...] = attrs.field(converter=check.tupled)
    verified_by: VerifiedBy
    acknowledgement: Acknowledgement = Acknowledgement()  # nobody can change it
    refused: tuple[WebhookReason, ...] = attrs.field(default=(), converter=check.tupled)
    reviews: tuple[WebhookEvent, ...] = attrs.field(default=(), converter=check.tupled)

    def __attrs_post_init__(self) -> None:
        check.instances("refused", self.refused, WebhookReason)
        check.instance("acknowledgement", self.acknowledgement, Acknowledgement)
        check.instances("reviews", self.reviews, WebhookEvent)
        if not all(isinstance(event, WebhookEvent) for event in self.events):
            raise InvalidRequestError("a delivery carries WebhookEvents")
        if self.verified_by not in _WAYS:
            raise InvalidRequestError("verified_by is signature, callback or signature+callback")


@attrs.frozen(kw_only=True)
class WebhookRegistration:
    """A webhook address that is registered at the provider.

    Attributes:
        id: The provider's id of the registration.
        url: The shop's address.
        secret: The secret that the provider signs with, if it tells one: it belongs into the settings.
        events: The provider's names of the events that it sends there.
    """

    id: str
    url: str
    secret: Secret | None = attrs.field(default=None, repr=False)
    events: tuple[str, ...] = attrs.field(default=(), converter=check.tupled)

    def __attrs_post_init__(self) -> None:
        check.identifier("id", self.id)
        check.web_address("url", self.url)
        check.instance_or_none("secret", self.secret, Secret)
        check.instances("events", self.events, str)
