"""Checks of the provider's own word for a status."""

from __future__ import annotations

import json
import re

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, require
from gateway_conformance.harness import Harness
from gateway_core.errors import GatewayError, UnexpectedResponseError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.models.invoice import StatusReport
from gateway_core.models.status import InvoiceStatus

_NEW_WORD = "zorblax"


class StatusWordChecks(Checks):
    """A word is what the provider said, and nothing else."""

    @check
    def test_provider_status_is_the_providers_own_word(self, harness: Harness) -> None:
        """`provider_status` is the provider's word for the status, as it stands in the answer.

        Why: Its support desk knows no other, and a word that we do not know yet is only there.
        """
        invoice = harness.create()
        report = harness.gateway.get_status(invoice.id)
        require(report.provider_status, "it is missing")
        body = harness.transport.answers[-1].body
        word = str(report.provider_status).rpartition(": ")[2]
        require(word.encode() in body, f"it is {report.provider_status!r}, which the answer does not hold")

    @check
    def test_unknown_word_is_unknown(self, harness: Harness) -> None:
        """A status that is not in the plugin's table is UNKNOWN, and never a success or a failure.

        Why: Providers add words without notice. A guess delivers for nothing, or calls a paid order off.
        """
        report = self._with_new_word(harness)
        if isinstance(report, StatusReport):
            require(report.status is InvoiceStatus.UNKNOWN, f"an unknown word is told as {report.status.value}")

    @check
    def test_unknown_word_is_kept(self, harness: Harness) -> None:
        """A status that is not in the plugin's table is kept as it is in `provider_status`.

        Why: An operator has to see it to know what happened, and what to add.
        """
        report = self._with_new_word(harness)
        if isinstance(report, StatusReport):
            require(
                _NEW_WORD in (report.provider_status or "") or "98765" in (report.provider_status or ""), f"{report}"
            )

    @check
    def test_word_in_other_letters_is_no_other_status(self, harness: Harness) -> None:
        """A status word with letters more is not taken for the word that is within it.

        Why: A table that is matched by parts of words takes `unpaid` for `paid`.
        """
        invoice = harness.paid()
        usual = harness.gateway.get_status(invoice.id)
        report = self._with_word(harness, invoice.id, f"zz{_word_of(usual)}zz")
        require(
            not isinstance(report, StatusReport) or report.status is InvoiceStatus.UNKNOWN,
            f"{report} for the word zz{_word_of(usual)}zz",
        )

    def _with_new_word(self, harness: Harness) -> StatusReport | GatewayError:
        # Of a paid one: the core lets no word stand that says "paid" of an invoice for which nothing came.
        return self._with_word(harness, harness.paid().id, _NEW_WORD)

    def _with_word(self, harness: Harness, invoice_id: str, word: str) -> StatusReport | GatewayError:
        """Return what is told when the provider's word is another; an error where that word has no place to stand."""
        old = _word_of(harness.gateway.get_status(invoice_id))
        replaced: list[bytes] = []

        def other(_: int, __: HttpRequest, genuine: object) -> HttpResponse:
            answer: HttpResponse = genuine()  # type: ignore[operator]  # gives the provider's own answer
            body = _with_other_word(answer.body, old, word)
            if body != answer.body:
                replaced.append(body)
            return attrs.evolve(answer, body=body)

        with harness.transport.answering(other):
            try:
                report = harness.gateway.get_status(invoice_id)
            except UnexpectedResponseError as error:
                require(replaced and not _is_text(replaced[0], word), f"an unknown word is refused: {describe(error)}")
                return error
        require(replaced, f"provider_status is {old!r}, and no value of the answer is")
        return report


def _word_of(report: StatusReport) -> str:
    """Return the provider's word; of ``name: value``, which tells a status that is no word, the value."""
    return (report.provider_status or "").rpartition(": ")[2]


def _with_other_word(body: bytes, old: str, new: str) -> bytes:
    """Return a body in which a word, or a number or truth value that stands for one, is another."""
    quoted = json.dumps(old).encode()
    if quoted in body:
        return body.replace(quoted, json.dumps(new).encode())
    bare = rb"(:\s*)" + re.escape(old.encode()) + rb"(?=\s*[,}\]])"
    return re.sub(bare, rb"\g<1>98765", body)


def _is_text(body: bytes, word: str) -> bool:
    return json.dumps(word).encode() in body
