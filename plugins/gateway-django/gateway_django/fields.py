"""A model field that keeps an exact amount with its currency, in one column of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.core import checks
from django.core.exceptions import ValidationError
from django.db import NotSupportedError, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.serializer import BaseSerializer
from django.db.migrations.writer import MigrationWriter
from django.db.models import Lookup, Transform

from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError
from gateway_django import forms
from gateway_django._sqlite import COLLATION
from gateway_django._written import LENGTH, describe, parse, read, spellings, unit_of, write

Sql = tuple[str, tuple[Any, ...]]


class MoneyField(models.Field):  # type: ignore[type-arg]  # django-stubs knows no field of Money
    """An exact amount with its currency: ``total = MoneyField()``. In Python it is `~gateway_core.models.money.Money`.

    The column is text, such as ``49.90 EUR`` or ``0.5 USDT on tron``, which every database keeps exactly, with as many
    decimals as the currency of the amount has. ``filter(total=Money("49.9", "EUR"))`` finds it however finely it is
    counted; ``total__gt`` and its like compare within one currency; ``total__currency`` and ``total__amount`` are a
    text and an exact number, to filter and to order by.

    Args:
        currencies: The currencies that validation and forms accept: codes, codes with their network such as ``"USDT on
            tron"``, or a `~gateway_core.models.currency.Currency`. None accepts every one.
    """

    description = "An exact amount of money"
    empty_strings_allowed = False
    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "%(reason)s",
        "currency": "%(currency)s is not accepted here.",
    }

    def __init__(self, *args: Any, currencies: Iterable[str | Currency] | None = None, **kwargs: Any) -> None:
        kwargs["max_length"] = LENGTH
        self.currencies = None if currencies is None else tuple(currencies)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Tell migrations what the column depends on, which the currencies are no part of."""
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"]
        return name, path, args, kwargs

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Tell of a currency that nobody knows."""
        found = super().check(**kwargs)
        for currency in self.currencies or ():
            try:
                unit_of(currency)
            except InvalidRequestError as error:
                found.append(checks.Error(f"'currencies': {error.message}", obj=self, id="gateway_django.E101"))
        return found

    def get_internal_type(self) -> str:
        """Return what the column is in each database."""
        return "CharField"

    def to_python(self, value: Any) -> Money | None:
        """Read an amount, or its text as forms and fixtures have it.

        Raises:
            ValidationError: If it is something else; a number without a currency is, and so is every float.
        """
        if value is None or isinstance(value, Money):
            return value
        try:
            return parse(value)
        except InvalidRequestError as error:
            params = {"reason": error.message}
        raise ValidationError(self.error_messages["invalid"], code="invalid", params=params)

    def from_db_value(self, value: str | None, *_: object) -> Money | None:
        """Read a column."""
        return None if value is None else read(value)

    def get_prep_value(self, value: Any) -> str | None:
        """Write a column.

        Raises:
            ValidationError: If the value is no amount.
        """
        amount = self.to_python(super().get_prep_value(value))
        return None if amount is None else write(amount)

    def value_to_string(self, obj: models.Model) -> str:
        """Return what stands in a fixture."""
        amount = self.value_from_object(obj)
        return "" if amount is None else describe(amount)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Refuse a currency that is not accepted.

        Raises:
            ValidationError: If it is one.
        """
        super().validate(value, model_instance)
        if value is None or self.currencies is None:
            return
        if value.unit not in [unit_of(currency) for currency in self.currencies]:
            params = {"currency": str(value.unit)}
            raise ValidationError(self.error_messages["currency"], code="currency", params=params)

    def formfield(self, **kwargs: Any) -> Any:
        """Return a form field with an input for the amount and one for the currency."""
        return super().formfield(
            **{"form_class": forms.MoneyField, "currencies": self.currencies, "max_length": None, **kwargs}
        )


class AmountField(models.DecimalField):  # type: ignore[type-arg]  # Django's own has none
    """What ``total__amount`` gives: an exact number in every database, never a float."""

    def __init__(self) -> None:
        super().__init__(max_digits=60, decimal_places=30)

    def get_internal_type(self) -> str:
        """Keep the conversions of SQLite's backend away, which go through a float."""
        return "CharField"

    def from_db_value(self, value: Any, *_: object) -> Decimal | None:
        """Read a number.

        Raises:
            NotSupportedError: If SQLite has made a float of it: ``Sum`` does, ``Total`` does not.
        """
        if isinstance(value, float):
            raise NotSupportedError("SQLite adds and averages in floats: use gateway_django.Total")
        return None if value is None else Decimal(str(value))

    def get_prep_value(self, value: Any) -> Any:
        """Take a number to compare with.

        Raises:
            TypeError: If it is a float.
        """
        if isinstance(value, float):
            raise TypeError("compare an amount with a Decimal, an int or a text, not with a float")
        return value if value is None or hasattr(value, "resolve_expression") else Decimal(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Give SQLite text, which its collation compares."""
        number = value if prepared else self.get_prep_value(value)
        return f"{number:f}" if isinstance(number, Decimal) and connection.vendor == "sqlite" else number


@MoneyField.register_lookup
class Amount(Transform):
    """``total__amount``."""

    lookup_name = "amount"
    output_field = AmountField()

    def as_sql(  # type: ignore[override]  # the stubs name each of the arguments
        self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any
    ) -> Sql:
        """Write it for PostgreSQL, and databases like it."""
        return self._sql(compiler, "CAST(SPLIT_PART({0}, ' ', 1) AS NUMERIC)")

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> Sql:
        """Write it for SQLite, which has no exact numbers: as text with a collation of ours."""
        return self._sql(compiler, f"(SUBSTR({{0}}, 1, INSTR({{0}}, ' ') - 1) COLLATE {COLLATION})")

    def as_mysql(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> Sql:
        """Write it for MySQL and MariaDB."""
        return self._sql(compiler, "CAST(SUBSTRING_INDEX({0}, ' ', 1) AS DECIMAL(60, 30))")

    def as_oracle(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> Sql:
        """Refuse it.

        Raises:
            NotSupportedError: Always.
        """
        raise NotSupportedError("MoneyField compares amounts in PostgreSQL, SQLite, MySQL and MariaDB only")

    def _sql(self, compiler: Any, template: str) -> Sql:
        return _filled(compiler, self.lhs, template)


@MoneyField.register_lookup
class CurrencyCode(Transform):
    """``total__currency``: the code, with its network where that is written: ``EUR``, ``USDT on tron``."""

    lookup_name = "currency"
    output_field = models.CharField()

    def as_sql(  # type: ignore[override]  # the stubs name each of the arguments
        self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any
    ) -> Sql:
        """Write it for PostgreSQL."""
        return _filled(compiler, self.lhs, "SUBSTR({0}, STRPOS({0}, ' ') + 1)")

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> Sql:
        """Write it for SQLite, and others that have ``INSTR``."""
        return _filled(compiler, self.lhs, "SUBSTR({0}, INSTR({0}, ' ') + 1)")

    as_mysql = as_oracle = as_sqlite


def _filled(compiler: Any, expression: Any, template: str) -> Sql:
    """Write an expression into each place of a template."""
    sql, params = compiler.compile(expression)
    return template.format(sql), (*params,) * template.count("{0}")


@MoneyField.register_lookup
class Exact(Lookup):
    """``total=Money(...)``: the same amount, however finely it is counted."""

    lookup_name = "exact"
    prepare_rhs = False

    def get_prep_lookup(self) -> Any:
        """Read the amount, unless it is a column or a query."""
        return _prepared(self.lhs.output_field, self.rhs)

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> Sql:
        """Write it: as the texts that stand for the same amount."""
        lhs, params = self.process_lhs(compiler, connection)
        if not isinstance(self.rhs, Money):
            rhs, more = self.process_rhs(compiler, connection)
            return f"{lhs} = {rhs}", (*params, *more)
        texts = spellings(self.rhs)
        return f"{lhs} IN ({', '.join(['%s'] * len(texts))})", (*params, *texts)


@MoneyField.register_lookup
class In(Lookup):
    """``total__in=[Money(...), ...]``."""

    lookup_name = "in"
    prepare_rhs = False

    def get_prep_lookup(self) -> Any:
        """Read the amounts, unless it is a query."""
        if hasattr(self.rhs, "resolve_expression"):
            return self.rhs
        return [_prepared(self.lhs.output_field, value) for value in self.rhs]

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> Sql:
        """Write it."""
        lhs, params = self.process_lhs(compiler, connection)
        if hasattr(self.rhs, "resolve_expression"):
            query = self.rhs
            if not query.has_select_fields:
                query.clear_select_clause()
                query.add_fields(["pk"])
            rhs, more = self.process_rhs(compiler, connection)
            return f"{lhs} IN {rhs}", (*params, *more)
        texts = [text for amount in self.rhs if amount is not None for text in spellings(amount)]
        if not texts:
            return "0 = 1", ()
        return f"{lhs} IN ({', '.join(['%s'] * len(texts))})", (*params, *texts)


class _Compared(Lookup):
    """What compares within one currency: an amount in another one is neither more nor less."""

    operator: str
    prepare_rhs = False

    def get_prep_lookup(self) -> Any:
        return _prepared(self.lhs.output_field, self.rhs)

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> Sql:
        """Write it: the same currency, and the amounts compared as exact numbers."""
        amount, currency = Amount(self.lhs), CurrencyCode(self.lhs)
        if isinstance(self.rhs, Money):
            number, _, unit = write(self.rhs).partition(" ")
            numbers: Any = models.Value(Decimal(number), output_field=AmountField())
            units: Any = models.Value(unit, output_field=models.CharField())
        else:
            numbers, units = Amount(self.rhs), CurrencyCode(self.rhs)
        parts = [compiler.compile(each) for each in (currency, units, amount, numbers)]
        texts = [text for text, _ in parts]
        params = tuple(value for _, values in parts for value in values)
        return f"({texts[0]} = {texts[1]} AND {texts[2]} {self.operator} {texts[3]})", params


for _name, _operator in {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}.items():
    MoneyField.register_lookup(type(_name, (_Compared,), {"lookup_name": _name, "operator": _operator}))


@MoneyField.register_lookup
class Range(_Compared):
    """``total__range=(Money(...), Money(...))``: both ends included, in one currency."""

    lookup_name = "range"

    def get_prep_lookup(self) -> Any:
        """Read both ends."""
        return [_prepared(self.lhs.output_field, value) for value in self.rhs]

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> Sql:
        """Write it, as two comparisons."""
        lookups = [MoneyField().get_lookup(name) for name in ("gte", "lte")]
        parts = [compiler.compile(kind(self.lhs, end)) for kind, end in zip(lookups, self.rhs, strict=True) if kind]
        return f"({parts[0][0]} AND {parts[1][0]})", (*parts[0][1], *parts[1][1])


def _prepared(field: Any, value: Any) -> Any:
    """Return what to compare with: an amount, or an expression as it is."""
    return value if hasattr(value, "resolve_expression") else field.to_python(value)


class _MoneySerializer(BaseSerializer):
    """Writes an amount into a migration: that of a field's default."""

    def serialize(self) -> tuple[str, set[str]]:
        unit = self.value.unit
        currency = f"gateway_core.Currency({unit.code!r}, {unit.exponent}, {unit.network!r})"
        return f"gateway_core.Money({f'{self.value.amount:f}'!r}, {currency})", {"import gateway_core"}


class _CurrencySerializer(BaseSerializer):
    """Writes a currency into a migration: one of those that a field accepts."""

    def serialize(self) -> tuple[str, set[str]]:
        unit = self.value
        return f"gateway_core.Currency({unit.code!r}, {unit.exponent}, {unit.network!r})", {"import gateway_core"}


MigrationWriter.register_serializer(Money, _MoneySerializer)
MigrationWriter.register_serializer(Currency, _CurrencySerializer)
