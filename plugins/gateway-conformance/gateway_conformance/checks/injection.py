"""Checks of ids: whatever stands in one, it reaches one place and no other."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, not_applicable, require
from gateway_conformance.fault_injection import called
from gateway_conformance.harness import Harness
from gateway_conformance.json_values import at, leaves, parsed
from gateway_conformance.operations import Operation
from gateway_core.errors import GatewayError, PluginError
from gateway_core.http import HttpRequest, origin
from gateway_core.models.invoice import Invoice
from gateway_core.models.refund import RefundRequest
from gateway_core.testing.forms import fields_of
from gateway_core.wire import dumps


class InjectionChecks(Checks):
    """An id is data, and never a part of an address, a header or a query."""

    @check
    def test_id_with_a_path_stays_in_its_place(self, harness: Harness) -> None:
        """An invoice's id such as `../account` leads to no other endpoint.

        Why: Ids come from addresses and messages that anybody can write; the key would be used where they want.
        """
        self._stays(harness, "../account", "..", ".", "../../../admin", "a/../../b", "/etc/passwd", "..\\x", "a//b")

    @check
    def test_id_with_a_question_mark_stays_in_its_place(self, harness: Harness) -> None:
        """An invoice's id such as `1?status=paid` adds nothing to the query.

        Why: A parameter that an attacker adds changes what is asked.
        """
        self._stays(harness, "1?status=paid", "?", "1?", "1&limit=0", "1=2&a=b")

    @check
    def test_id_with_a_hash_stays_in_its_place(self, harness: Harness) -> None:
        """An invoice's id such as `1#x` cuts nothing off.

        Why: What follows a fragment is not sent: `1#/cancel` asks for `1`.
        """
        self._stays(harness, "1#x", "#", "1#/../2")

    @check
    def test_id_with_a_line_end_stays_in_its_place(self, harness: Harness) -> None:
        """An invoice's id with CR LF adds no header and no second request.

        Why: A request of the attacker's own would be sent with our key.
        """
        self._stays(harness, "1\r\nX-Injected: yes", "1\n2", "1\r2", "\r\n\r\nGET / HTTP/1.1", "1\u20282", "1\x852")

    @check
    def test_id_with_nul_stays_in_its_place(self, harness: Harness) -> None:
        """An invoice's id with NUL or another control character is refused, or sent whole.

        Why: What follows NUL is cut off by programs in C.
        """
        self._stays(harness, "1\x002", "\x00", "1\x1b[2J", "1\x7f", "\x01")

    @check
    def test_id_with_escapes_stays_in_its_place(self, harness: Harness) -> None:
        """An invoice's id with `%2e%2e%2f` or `+` is sent as these very characters.

        Why: Decoded once more on the way, it is a path.
        """
        self._stays(harness, "%2e%2e%2fadmin", "%00", "a+b", "%", "%zz", "1;jsessionid=2", "a b")

    @check
    def test_id_that_is_long_or_no_proper_text_is_no_crash(self, harness: Harness) -> None:
        """An invoice's id that is very long, blank, or half a surrogate pair is refused, or sent whole.

        Why: What crashes a shop's return page is used to crash it.
        """
        self._stays(harness, "x" * 250, " ", "\ud800", "\uff11\uff12", "\u0661", "😀", "9" * 200, "-1", "0", "null")

    @check
    def test_order_id_with_anything_in_it_stays_in_its_place(self, harness: Harness) -> None:
        """An order's id with `../`, `?`, `#` or `&` in it is refused, or reaches one field of a request whole.

        Why: Order ids are the shop's, and some shops put the customer's own text into them.
        """
        self._order_stays(harness, "../x", "1?a=b", "1#x", "a&b=c", "%2e%2e%2f", "a;b", "a\\b", "'\"<>", "{}[]", "a b")

    @check
    def test_order_id_with_a_line_end_stays_in_its_place(self, harness: Harness) -> None:
        """An order's id with CR LF or NUL is refused, or reaches one field of a request whole.

        Why: Keys made of it go into a header, such as that for idempotency.
        """
        self._order_stays(harness, "1\r\nX-Injected: yes", "1\n2", "1\x002", "1\x85", "1\u20282")

    @check
    def test_description_stays_in_its_place(self, harness: Harness) -> None:
        """A description and metadata with quotes, `&`, `</script>` or boundaries stay in their fields.

        Why: What breaks out of its field writes another field, such as the amount.
        """
        for text in (
            '"}, "amount": "0.01',
            "&amount=0.01",
            "--boundary\x7f--",
            "</script>",
            "Käse 東京 😀",
            "%26amount%3D1",
        ):
            request = harness.request()
            seen: Invoice | GatewayError
            with harness.transport.recording() as asked:
                try:
                    seen = harness.create(attrs.evolve(request, description=text, metadata={"note": text}))
                except GatewayError as error:
                    seen = error
            if isinstance(seen, GatewayError):
                require(not isinstance(seen, PluginError), f"{text!r}: {describe(seen)}")
                require(
                    not asked or harness.emulator is None, f"{text!r} was sent, and the provider said: {describe(seen)}"
                )
                continue
            if harness.emulator is not None:
                known = harness.emulated(seen).amount.amount
                require(
                    known == request.amount.amount, f"with the description {text!r} the provider understood {known:f}"
                )

    def _stays(self, harness: Harness, *ids: str) -> None:
        plain = harness.create().id
        ordinary = _shapes(harness, plain)
        if not any(ordinary.values()):
            not_applicable("no operation that takes an invoice's id is implemented")
        for text in ids:
            for name, call in _by_id(harness, text).items():
                asked = self._ask(harness, text, iter([call]))
                _check_shape(asked, ordinary[name], text)
                _check_whole(asked, text, ordinary[name], plain)

    def _order_stays(self, harness: Harness, *order_ids: str) -> None:
        plain = "kit-4711"
        ordinary = {each.name: self._ask(harness, plain, iter([each])) for each in _by_order(harness, plain)}
        shapes = [*itertools.chain(*ordinary.values()), *self._ask(harness, "2", _looking_up(harness, "kit-4712"))]
        for order_id in order_ids:
            for operation in _by_order(harness, order_id):
                asked = self._ask(harness, order_id, iter([operation]))
                _check_shape(asked, shapes, order_id)
                _check_whole(asked, order_id, ordinary[operation.name], plain)

    def _ask(self, harness: Harness, text: str, operations: Iterator[Operation]) -> list[HttpRequest]:
        """Call operations, and return what was asked for: what came of it must be documented."""
        found: list[HttpRequest] = []
        for operation in operations:
            with harness.transport.recording() as asked:
                try:
                    called(operation, harness.gateway)
                except GatewayError as error:
                    require(not isinstance(error, PluginError), f"{operation.name} of {text!r}: {describe(error)}")
            found += asked
        return found


def _by_id(harness: Harness, invoice_id: str) -> dict[str, Operation]:
    """Return the operations that take an invoice's id."""
    operations = {
        "get_status": Operation("get_status", lambda gateway: gateway.get_status(invoice_id), {}),
        "cancel_invoice": Operation("cancel_invoice", lambda gateway: gateway.cancel_invoice(invoice_id), {}),
        "list_payments": Operation("list_payments", lambda gateway: gateway.list_payments(invoice_id=invoice_id), {}),
        "refund_payment": Operation(
            "refund_payment",
            lambda gateway: gateway.refund_payment(
                RefundRequest(refund_id="refund-1", invoice_id=invoice_id, amount=harness.amount())
            ),
            {},
        ),
    }
    return {name: operation for name, operation in operations.items() if harness.supports(name)}


def _by_order(harness: Harness, order_id: str) -> Iterator[Operation]:
    """Yield the operations that take the shop's key."""
    if harness.emulator is not None:
        yield Operation(
            "create_invoice", lambda gateway: gateway.create_invoice(harness.request(order_id=order_id)), {}
        )
    yield from _looking_up(harness, order_id)


def _looking_up(harness: Harness, order_id: str) -> Iterator[Operation]:
    if harness.supports("find_invoice"):
        yield Operation("find_invoice", lambda gateway: gateway.find_invoice(order_id), {})


def _shapes(harness: Harness, invoice_id: str) -> dict[str, list[HttpRequest]]:
    """Return what each operation asks for where the id is an ordinary one of the provider's own."""
    found: dict[str, list[HttpRequest]] = {}
    for name, operation in _by_id(harness, invoice_id).items():
        # An invoice that nobody paid cannot be refunded: what is asked is what counts.
        with harness.transport.recording() as asked, contextlib.suppress(GatewayError):
            called(operation, harness.gateway)
        found[name] = asked
    return found


def _check_shape(asked: list[HttpRequest], ordinary: list[HttpRequest], text: str) -> None:
    """Fail unless each request is of the shape of one with an ordinary id: the same endpoint, the same fields."""
    shapes = {_shape(request) for request in ordinary}
    for request in asked:
        where = f"{request.method} {request.url}"
        shape = _shape(request)
        require(shape in shapes, f"{text!r} made the request {where}, which is of another shape than an ordinary one")
        require("#" not in request.url, f"{text!r} made the address {where}, with a fragment")
        segments = [unquote(segment) for segment in urlsplit(request.url).path.split("/")]
        require(not {".", ".."} & set(segments), f"{text!r} made the address {where}")
        for name, value in request.headers.pairs:
            clean = all(" " <= char != "\x7f" for char in name + value)
            require(clean, f"{text!r} put a control character into the header {name}")


def _check_whole(asked: list[HttpRequest], text: str, ordinary: list[HttpRequest], plain: str) -> None:
    """Fail unless an id is sent whole, where an ordinary one is sent at all: it may be refused, and not changed."""
    if asked and any(plain in each for request in ordinary for each in _texts(request)):
        forms = (text, dumps(text).decode("utf-8")[1:-1])  # as it is, or written as JSON within another text
        whole = any(form in each for form in forms for request in asked for each in _texts(request))
        require(whole, f"{text!r} is in none of the requests whole, such as {asked[-1].method} {asked[-1].url}")


def _texts(request: HttpRequest) -> Iterator[str]:
    """Yield the texts of a request, as its receiver reads them."""
    parts = urlsplit(request.url)
    yield from map(unquote, parts.path.split("/"))
    yield from (value for _, value in parse_qsl(parts.query, keep_blank_values=True))
    for text in (*fields_of(request).values(), request.body.decode("utf-8", "replace")):
        yield text
        yield from _strings(text)


def _strings(text: str) -> Iterator[str]:
    """Yield the texts in JSON, and in JSON that is a text in JSON."""
    value = parsed(text.encode("utf-8", "replace"))
    for path in leaves(value):
        if isinstance(each := at(value, path), str):
            yield each
            yield from _strings(each)


def _shape(request: HttpRequest) -> tuple[object, ...]:
    parts = urlsplit(request.url)
    fields = tuple(sorted(name for name, _ in parse_qsl(parts.query, keep_blank_values=True)))
    headers = tuple(sorted(name.lower() for name, _ in request.headers.pairs))
    return request.method, origin(request.url), parts.path.count("/"), fields, headers
