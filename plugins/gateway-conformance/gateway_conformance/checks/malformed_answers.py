"""Checks of answers that no documentation shows: each is a documented error that says what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from gateway_conformance import fault_injection, json_values
from gateway_conformance.base import Checks
from gateway_conformance.check import check, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_conformance.operations import operations_of
from gateway_core.errors import GatewayError
from gateway_core.http import HttpRequest, HttpResponse
from gateway_core.testing import EmulatedInvoice

_JSON = {"Content-Type": "application/json"}
_HTML = b"<!doctype html><html><body><h1>Please log in</h1></body></html>"
_WRONG: tuple[Any, ...] = (None, True, -1, "", "zorblax", [], {}, [[]], {"zorblax": 1})
_HUGE = (b"1e999999999", b"-1e999999999", b"9" * 5000, b"0." + b"0" * 5000 + b"1", b"NaN", b"Infinity")


class MalformedAnswerChecks(Checks):
    """Whatever comes back, only documented errors come out."""

    @check
    def test_answer_of_html_is_unexpected(self, harness: Harness) -> None:
        """A web page with status 200 is `UnexpectedResponseError`; of a creation nothing is known.

        Why: Proxies, log-in pages and maintenance pages answer so. A creation may have been carried out behind them.
        """
        self._garbage(harness, "a web page", [_HTML])

    @check
    def test_empty_answer_is_unexpected(self, harness: Harness) -> None:
        """An empty body with status 200 is `UnexpectedResponseError`.

        Why: A server that died in the middle answers so, after it has done its work.
        """
        self._garbage(harness, "an empty body", [b"", b" \r\n"])

    @check
    def test_answer_of_null_is_unexpected(self, harness: Harness) -> None:
        """`null` with status 200 is `UnexpectedResponseError`.

        Why: It is JSON, and a plugin that goes on with it fails somewhere else.
        """
        self._garbage(harness, "null", [b"null"])

    @check
    def test_answer_of_an_empty_list_is_no_invoice(self, harness: Harness) -> None:
        """`[]` with status 200 is `UnexpectedResponseError`, but for a list that may be empty.

        Why: PHP writes an empty object so.
        """
        self._garbage(harness, "[]", [b"[]"], bare=True)

    @check
    def test_answer_of_an_empty_object_is_unexpected(self, harness: Harness) -> None:
        """`{}` with status 200 is `UnexpectedResponseError`.

        Why: An answer without any of its fields tells nothing, and least of all that nobody paid.
        """
        self._garbage(harness, "{}", [b"{}"])

    @check
    def test_answer_of_a_bare_value_is_unexpected(self, harness: Harness) -> None:
        """A bare text, number or truth value with status 200 is `UnexpectedResponseError`.

        Why: `"ok"` says nothing about an invoice.
        """
        self._garbage(harness, "a bare value", [b'"ok"', b"1", b"true"])

    @check
    def test_answer_that_is_no_utf8_is_unexpected(self, harness: Harness) -> None:
        """A body that is no UTF-8 is `UnexpectedResponseError`.

        Why: Bytes that are guessed at are another text, and another amount.
        """
        self._garbage(harness, "no UTF-8", [b'{"id": "\xff\xfe"}', "{}".encode("utf-16")])

    @check
    def test_answer_nested_deeply_is_unexpected(self, harness: Harness) -> None:
        """A body of ten thousand brackets is `UnexpectedResponseError`.

        Why: It brings an ordinary parser down, and the shop's process with it.
        """
        self._garbage(harness, "deep nesting", [b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000])

    @check
    def test_truncated_answer_is_unexpected(self, harness: Harness) -> None:
        """An answer that is cut off is `UnexpectedResponseError`, wherever it is cut.

        Why: Half an amount is another amount.
        """
        for share in (1, 3, 5, 7, 9):

            def cut(answer: HttpResponse, share: int = share) -> HttpResponse:
                return attrs.evolve(answer, body=answer.body[: max(1, len(answer.body) * share // 10)])

            fault_injection.judge_all(harness, f"{share}0 % of the answer", fault_injection.GARBAGE, cut)

    @check
    def test_answer_of_204_is_unexpected(self, harness: Harness) -> None:
        """Status 204, which has no content, is `UnexpectedResponseError` where content is needed.

        Why: What a success without content succeeded in is not known.
        """
        fault_injection.judge_all(harness, "status 204", fault_injection.GARBAGE, lambda _: HttpResponse(status=204))

    @check
    def test_missing_fields_are_documented_errors(self, harness: Harness) -> None:
        """An answer without one of its fields gives a result, or `UnexpectedResponseError`, and nothing else.

        Why: Providers leave fields out that they always sent. A crash of the plugin says nothing about the money.
        """
        self._mutate(harness, [("missing", ...)])

    @check
    def test_wrong_types_are_documented_errors(self, harness: Harness) -> None:
        """An answer with a value of another type gives a result, or `UnexpectedResponseError`, and nothing else.

        Why: A number that becomes a text, or an object that becomes null, must not become an invoice that is paid.
        """
        self._mutate(harness, [(f"as {new!r}", new) for new in _WRONG])

    @check
    def test_impossible_numbers_are_documented_errors(self, harness: Harness) -> None:
        """An answer with NaN, an infinite number, or one of thousands of digits is `UnexpectedResponseError`.

        Why: These pass an ordinary parser, and make every comparison with them false, or a process hang.
        """
        for number in _HUGE:

            def put(answer: HttpResponse, number: bytes = number) -> HttpResponse:
                return attrs.evolve(answer, body=b'{"zorblax":' + number + b"," + answer.body[1:])

            for attacked in fault_injection.attack(harness, put):
                fault_injection.judge_documented(f"the number {number[:20]!r}", attacked)
                require(
                    attacked[2][1] is not None or attacked[0].name not in {"create_invoice", "get_status"},
                    f"{attacked[0].name} took an answer with the number {number[:20]!r}",
                )

    @check
    def test_invoice_that_cannot_be_read_is_named(self, harness: Harness) -> None:
        """Where the answer to a creation has an id and cannot be read otherwise, the error has that id.

        Why: The invoice exists, and can be paid. Who knows its id can look it up or call it off.
        """
        emulator = harness.needs_emulator("a scenario has one answer, whole")

        def spoil(_: int, asked: HttpRequest, genuine: Callable[[], HttpResponse]) -> HttpResponse:
            answer = genuine()
            body = answer.body.rstrip()
            if asked.safe or not body.endswith(b"}"):
                return answer
            return attrs.evolve(answer, body=body[:-1] + b',"zorblax":NaN}')

        with harness.transport.answering(spoil):
            try:
                harness.gateway.create_invoice(harness.request())
            except GatewayError as error:
                told = error
            else:
                fail("an answer with NaN in it was taken")
        made = [invoice.id for _, invoice in emulator.ledger.select(EmulatedInvoice)]
        if not any(each.encode() in answer.body for each in made for answer in harness.transport.answers):
            not_applicable("no answer to a creation has the invoice's id in it")
        require(told.invoice_id == made[-1], f"{made[-1]} was made, and the error names {told.invoice_id}: {told}")

    @check
    def test_repeated_keys_are_unexpected(self, harness: Harness) -> None:
        """An answer in which a key stands twice is `UnexpectedResponseError`.

        Why: Of two amounts one parser takes the first and the next the last.
        """

        def double(answer: HttpResponse) -> HttpResponse:
            value = json_values.parsed(answer.body)
            if not isinstance(value, dict) or not value:
                return attrs.evolve(answer, body=b'{"a": 1, "a": 2}')
            return attrs.evolve(answer, body=answer.body.rstrip()[:-1] + b"," + json_values.written(value)[1:])

        fault_injection.judge_all(harness, "every key twice", fault_injection.GARBAGE, double)

    @check
    def test_unknown_fields_are_ignored(self, harness: Harness) -> None:
        """An answer with a field that nobody documents is read as if it were not there.

        Why: Providers add fields without notice, and a shop must not stand still on that day.
        """

        def add(answer: HttpResponse) -> HttpResponse:
            value = json_values.parsed(answer.body)
            if not isinstance(value, dict):
                return answer
            for path in [(), *(p for p in json_values.leaves(value) if isinstance(json_values.at(value, p), dict))]:
                inner = {**json_values.at(value, path), "zorblax": "new"}
                value = json_values.changed(value, path, inner) if path else inner
            return attrs.evolve(answer, body=json_values.written(value))

        for operation in operations_of(harness):
            if operation.name not in {"create_invoice", "get_status", "list_payments", "find_invoice"}:
                continue
            with harness.transport.answering(lambda _, __, genuine: add(genuine())):
                fault_injection.called(operation, harness.gateway)

    def _garbage(self, harness: Harness, words: str, bodies: Iterable[bytes], *, bare: bool = False) -> None:
        for body in bodies:

            def put(_: HttpResponse, body: bytes = body) -> HttpResponse:
                return HttpResponse(status=200, headers=_JSON, body=body)

            fault_injection.judge_all(harness, words, fault_injection.GARBAGE, put, bare=bare)

    def _mutate(self, harness: Harness, changes: list[tuple[str, Any]]) -> None:
        for operation in operations_of(harness):
            first = fault_injection.first_answer(harness, operation)
            value = json_values.parsed(first.body)
            if not isinstance(value, dict | list):
                continue
            for path in json_values.leaves(value):
                for words, new in changes:
                    if type(new) is type(json_values.at(value, path)):
                        continue  # of its own type, it is an answer like others
                    body = json_values.written(json_values.changed(value, path, new))
                    other, where = attrs.evolve(first, body=body), "/".join(map(str, path))

                    def put(
                        number: int,
                        _: HttpRequest,
                        genuine: Callable[[], HttpResponse],
                        answer: HttpResponse = other,
                    ) -> HttpResponse:
                        return answer if number == 0 else genuine()

                    result = fault_injection.outcome_of(harness, operation, put)
                    fault_injection.judge_documented(f"{where} {words}", (operation, 0, result))
