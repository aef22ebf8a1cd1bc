"""Checks of amounts: exact, in the right unit, and refused where they cannot be said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from gateway_conformance.base import Checks
from gateway_conformance.check import check, describe, fail, not_applicable, require
from gateway_conformance.harness import Harness
from gateway_core.errors import ConfigurationError, GatewayError, InvalidRequestError
from gateway_core.http import HttpRequest
from gateway_core.models.currency import Currency
from gateway_core.models.invoice import Invoice
from gateway_core.models.money import Money
from gateway_core.testing.forms import fields_of

#: One currency for each number of decimals, for providers that take any.
_ANY = {0: ("JPY",), 2: ("EUR",), 3: ("KWD",), 8: ("BTC",)}
_CRYPTO = 8
#: Amounts in minor units that come out wrong where a float stands between: 4.35 * 100 is 434.99999999999994.
_AWKWARD = (1, 7, 10, 29, 115, 435, 820, 1608, 6999, 100000)
#: More digits than a float has.
_LONG = 9_007_199_254_740_993
_EXPONENT = re.compile(r"-?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]+", re.ASCII)
#: Of these, one that a provider does not claim has to be refused.
_CANDIDATES = ("EUR", "USD", "CHF", "XOF", "NZD", "ISK", "KWD", "TND", "BTC")
#: Currencies of each number of decimals that are tried, of those that a provider claims.
_MOST_CURRENCIES = 5


class MoneyChecks(Checks):
    """Money is exact."""

    @check
    def test_currency_of_no_decimals(self, harness: Harness) -> None:
        """An amount in a currency of no decimals, such as JPY, arrives as it is.

        Why: Where such an amount is multiplied by a hundred, the customer pays a hundred times the price.
        """
        self._check_decimals(harness, 0)

    @check
    def test_currency_of_two_decimals(self, harness: Harness) -> None:
        """An amount in a currency of two decimals, such as EUR, arrives as it is.

        Why: This is nearly every sale.
        """
        self._check_decimals(harness, 2)

    @check
    def test_currency_of_three_decimals(self, harness: Harness) -> None:
        """An amount in a currency of three decimals, such as KWD, arrives as it is.

        Why: Where such an amount is counted in hundredths, the customer pays a tenth, or ten times the price.
        """
        self._check_decimals(harness, 3)

    @check
    def test_currency_of_eight_decimals(self, harness: Harness) -> None:
        """An amount in a currency of eight decimals, such as BTC, arrives as it is, down to its last unit.

        Why: The smallest units are lost first, to rounding or to a notation with an exponent.
        """
        self._check_decimals(harness, 8)

    @check
    def test_currency_of_any_other_number_of_decimals(self, harness: Harness) -> None:
        """An amount in a currency of any other number of decimals that the provider claims arrives as it is.

        Why: What the provider counts in is declared in `info.exponents`, and is used in no other place.
        """
        claimed = harness.info.currencies or ()
        others = sorted(
            {harness.currency_of(code).exponent for code in claimed if _is_known(harness, code)} - _ANY.keys()
        )
        if not others:
            not_applicable("info.currencies claims none")
        for exponent in others:
            self._check_decimals(harness, exponent)

    @check
    def test_amounts_that_floats_get_wrong_arrive_exactly(self, harness: Harness) -> None:
        """Amounts such as 4.35, 0.29 and 16.08 arrive at the provider, and come back, as they are.

        Why: Multiplied by a hundred as a float, each of them is short of one cent.
        """
        for minor in _AWKWARD:
            _check_arrives(harness, harness.amount(minor))

    @check
    def test_amount_of_more_digits_than_a_float_has_is_exact_or_refused(self, harness: Harness) -> None:
        """An amount of sixteen digits arrives exactly, or is refused before anything is sent.

        Why: A float, on our side or the provider's, silently makes another amount of it.
        """
        amount = harness.amount(_LONG)
        with harness.transport.recording() as asked:
            try:
                _check_arrives(harness, amount)
            except InvalidRequestError:
                pass
            except GatewayError as error:
                require(_is_sure(error), f"{amount} was refused by {describe(error)}")
                return
            else:
                return
        require(not asked, f"{amount} was refused after {len(asked)} requests")

    @check
    def test_amounts_are_written_in_plain_digits(self, harness: Harness) -> None:
        """An amount is written with plain digits and a dot: no exponent, no separator, no sign.

        Why: What reads `1E+2` is not agreed on between programs, and `1,000` is one in half of the world.
        """
        for minor in (1, 10, 100000, 123456789):
            with harness.transport.recording() as asked:
                harness.create(harness.request(harness.amount(minor)))
            for request in asked:
                for text in _numbers(request):
                    require(not _EXPONENT.fullmatch(text), f"{request.method} {_path(request)} holds the number {text}")

    @check
    def test_amount_finer_than_its_currency_is_refused_before_sending(self, harness: Harness) -> None:
        """An amount with more decimals than the provider counts is an `InvalidRequestError`, before any request.

        Why: A provider rounds it in its own way or not at all, and then what is paid is not what was asked for.
        """
        usual = harness.amount().unit
        finer = Money.from_minor(49901, Currency(usual.code, usual.exponent + 1, usual.network))
        with harness.transport.recording() as asked:
            try:
                harness.gateway.create_invoice(harness.request(finer))
            except InvalidRequestError:
                pass
            except GatewayError as error:
                require(not asked, f"{finer} was sent, and then refused by {describe(error)}")
                fail(f"{finer} was refused by {describe(error)}, which is no InvalidRequestError")
            else:
                fail(f"an invoice of {finer} was made")
        require(not asked, f"{finer} was refused after {len(asked)} requests")

    @check
    def test_undeclared_currency_is_refused_before_sending(self, harness: Harness) -> None:
        """An amount in a currency that `info.currencies` does not name is refused before any request.

        Why: A provider that does not know it may take the number for its own currency.
        """
        known = harness.info.currencies
        if known is None:
            not_applicable("info.currencies is None: any currency may be used")
        strange = next((code for code in _CANDIDATES if code not in known), None)
        if strange is None:
            not_applicable(f"info.currencies names {', '.join(_CANDIDATES)}, and these are all that is tried")
        with harness.transport.recording() as asked:
            try:
                harness.gateway.create_invoice(harness.request(Money("10", strange)))
            except InvalidRequestError:
                pass
            else:
                fail(f"an invoice in {strange} was made")
        require(not asked, f"{strange} was refused after {len(asked)} requests")

    @check
    def test_no_float_is_in_any_answer_kept(self, harness: Harness) -> None:
        """Nothing that is kept in `raw` is a float: an answer is read with exact numbers.

        Why: A parser that makes floats has lost the exact amount before the plugin sees it. Use `wire.loads`.
        """
        invoice = harness.paid()
        found: list[tuple[str, Any]] = [("Invoice", invoice), ("StatusReport", harness.gateway.get_status(invoice.id))]
        if harness.supports("list_payments"):
            harness.payments(1)
            found += [("Payment", payment) for payment in harness.gateway.list_payments()]
        if harness.info.webhook_authentication != "none":
            for message in harness.webhooks():
                found += [("WebhookEvent", event) for event in harness.gateway.verify_webhook(message).events]
        for kind, record in found:
            where = next(_floats(record.raw), None)
            require(where is None, f"{kind}.raw{where} is a float")

    @check
    def test_amount_of_another_invoice_is_noticed(self, harness: Harness) -> None:
        """Where the answer to a creation tells an amount, it is read, and not taken from the request.

        Why: A provider that understood another amount says so there, and nowhere else before the customer pays.
        """
        amount = harness.amount(8713)
        request = harness.request(amount)
        changed: list[bytes] = []

        def other(_: int, __: HttpRequest, genuine: Any) -> Any:
            answer = genuine()
            body = _with_other_amount(answer.body, amount)
            if body != answer.body:
                changed.append(body)
            return type(answer)(status=answer.status, headers=answer.headers, body=body)

        if harness.emulator is None:
            self.given_invoice(harness.mocker, request)
        with harness.transport.answering(other):
            try:
                invoice = harness.gateway.create_invoice(request)
            except GatewayError:
                return
        require(
            not changed, f"the provider answered with another amount than {amount}, and create_invoice gave {invoice}"
        )

    @check
    def test_status_tells_the_amount_that_the_provider_tells(self, harness: Harness) -> None:
        """Where the provider's answer tells what was asked for, `expected` is that, whatever it is.

        Why: What is paid is compared with it. A wrong amount in a provider's books must show.
        """
        amount = harness.amount(8713)
        invoice = harness.create(harness.request(amount))
        usual = harness.gateway.get_status(invoice.id)
        changed: list[bytes] = []

        def other(_: int, __: HttpRequest, genuine: Any) -> Any:
            answer = genuine()
            body = _with_other_amount(answer.body, amount)
            if body != answer.body:
                changed.append(body)
            return type(answer)(status=answer.status, headers=answer.headers, body=body)

        with harness.transport.answering(other):
            try:
                report = harness.gateway.get_status(invoice.id)
            except GatewayError:
                return
        same = report.expected == usual.expected
        require(
            not changed or not same, f"the provider told another amount than {amount}, and get_status said {amount}"
        )

    def _check_decimals(self, harness: Harness, exponent: int) -> None:
        claimed = harness.info.currencies
        if claimed is None:
            if exponent == _CRYPTO and not harness.info.crypto_assets:
                not_applicable("info.crypto_assets is False")
            codes = [code for code in _ANY.get(exponent, ()) if harness.currency_of(code).exponent == exponent]
        else:
            codes = [
                code for code in claimed if _is_known(harness, code) and harness.currency_of(code).exponent == exponent
            ]
        if not codes:
            not_applicable(f"info.currencies claims none of {exponent} decimals")
        for code in codes[:_MOST_CURRENCIES]:
            account = self._account_in(harness, code)
            try:
                amounts = [Money.from_minor(minor, account.currency_of(code)) for minor in (1, 1000, 4990, 123457)]
                rule = account.info.amount_rule(code)
                for amount in (each for each in amounts if rule.fault(each) is None):
                    try:
                        _check_arrives(account, amount)
                    except (InvalidRequestError, ConfigurationError) as error:
                        fail(f"info admits {code}, and it is refused: {describe(error)}")
            finally:
                if account is not harness:
                    account.close()

    def _account_in(self, harness: Harness, code: str) -> Harness:
        return harness if self.currency_setting is None else Harness(self, {self.currency_setting: code})


def _check_arrives(harness: Harness, amount: Money) -> Invoice:
    """Fail unless an invoice of this amount is made, known by the provider, and reported."""
    invoice = harness.create(harness.request(amount))
    require(invoice.amount == amount, f"{amount} was asked for, and the invoice is of {invoice.amount}")
    if harness.emulator is not None:
        known = harness.emulated(invoice).amount.amount
        require(known == amount.amount, f"{amount} was asked for, and the provider understood {known:f}")
    expected = harness.gateway.get_status(invoice.id).expected
    require(expected in (None, amount), f"{amount} was asked for, and get_status expects {expected}")
    return invoice


def _is_sure(error: GatewayError) -> bool:
    return error.effect == "none"


def _is_known(harness: Harness, code: str) -> bool:
    try:
        harness.currency_of(code)
    except InvalidRequestError:
        return False
    return True


def _path(request: HttpRequest) -> str:
    return urlsplit(request.url).path


def _numbers(request: HttpRequest) -> Iterator[str]:
    """Yield every number of a request as it is written: in its JSON, its form or its query."""
    yield from fields_of(request).values()
    yield from (value for _, value in parse_qsl(urlsplit(request.url).query))
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    try:
        json.loads(request.body, parse_float=keep, parse_int=keep)
    except ValueError:
        return
    yield from found


def _floats(value: Any, where: str = "") -> Iterator[str]:
    if isinstance(value, float):
        yield where
    elif isinstance(value, dict) or hasattr(value, "items"):
        for name, each in value.items():
            yield from _floats(each, f"{where}[{name!r}]")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _floats(each, f"{where}[{number}]")


def _with_other_amount(body: bytes, amount: Money) -> bytes:
    """Return a body with another amount wherever it holds this one, in major or in minor units."""
    digits = rf"(?<![0-9.])({re.escape(f'{amount.amount:f}')}|{amount.to_minor()})(0*)(?![0-9]|\.[0-9])"
    return re.sub(digits.encode(), lambda found: b"9" + found.group(0), body)
