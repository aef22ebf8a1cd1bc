"""`MoneyField`: an amount comes out of the database, a form, a fixture and a migration as it went in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from bookshop_app.models import Article, Order
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import IntegrityError, NotSupportedError, connections, models
from django.db.migrations.writer import MigrationWriter
from django.db.models import F, Max, Sum
from django.forms import modelform_factory

from gateway_core import Currency, Money
from gateway_django import MoneyField, Total
from gateway_django.forms import MoneyField as FormField

WIDG = Currency("WIDG", 4, "widgetchain")
AMOUNTS = [
    Money("49.90", "EUR"),
    Money("-0.01", "EUR"),
    Money("0", "EUR"),
    Money("1000", "JPY"),
    Money("1.234", "BHD"),
    Money("0.00000001", "BTC"),
    Money("0.00000000001", Currency("BTC", 11)),
    Money("0.123456789012345678", "ETH"),
    Money("999999999999999999999999999999.999999999999999999", Currency("ETH", 18)),
    Money("0.5", "USDT", network="tron"),
    Money("0.5", "USDT", network="bsc"),
    Money("0.5", WIDG),
    Money("1.659", Currency("EUR", 3)),
    Money("1234", Currency("CLP", 2)),
    Money("5", Currency("BGN", 2)),
    Money("9" * 30 + "." + "9" * 30, Currency("A2345678901Z", 30, "n" * 32)),
]
each_amount = pytest.mark.parametrize("amount", AMOUNTS, ids=repr)


@each_amount
def test_amount_comes_back_as_it_was_kept(tables: str, amount: Money) -> None:
    """No digit, no decimal and no network is lost, in any database."""
    Order.objects.using(tables).create(number="1", total=amount)

    found = Order.objects.using(tables).get().total

    assert found == amount
    assert found.unit.exponent == amount.unit.exponent
    assert found.network == amount.network


@each_amount
def test_amount_is_found_however_finely_it_is_counted(tables: str, amount: Money) -> None:
    """10 EUR and 10.000 EUR are one amount, so a filter finds either by the other."""
    Order.objects.using(tables).create(number="1", total=amount)
    finer = Money(amount.amount, Currency(amount.currency, 30, amount.network))

    orders = Order.objects.using(tables)

    assert [orders.filter(total=each).count() for each in (amount, finer)] == [1, 1]
    assert orders.filter(total__in=[finer, Money("7", "EUR")]).count() == 1
    assert orders.exclude(total=finer).count() == 0


def test_amount_is_compared_as_a_number_within_its_currency(tables: str) -> None:
    """9 is less than 10, and no amount in another currency is more or less."""
    orders = Order.objects.using(tables)
    for number, total in enumerate(["9.00 EUR", "10.00 EUR", "0.123456789012345679 ETH", "100.00 USD", "11 JPY"]):
        orders.create(number=str(number), total=total)

    def found(**lookup: Any) -> list[str]:
        return sorted(orders.filter(**lookup).values_list("number", flat=True))

    assert found(total__gt=Money(9, "EUR")) == ["1"]
    assert found(total__gte=Money(9, "EUR")) == ["0", "1"]
    assert found(total__lt="10 EUR") == ["0"]
    assert found(total__lte=Money(10, "EUR")) == ["0", "1"]
    assert found(total__range=(Money(9, "EUR"), Money("9.99", "EUR"))) == ["0"]
    assert found(total__gt=Money("0.123456789012345678", "ETH")) == ["2"]
    assert found(total__gt=Money("0.123456789012345679", "ETH")) == []
    assert found(total__currency="EUR") == ["0", "1"]
    assert found(total__amount__gt=10) == ["3", "4"]
    assert found(total__amount=Decimal("9.0")) == ["0"]
    assert found(total__gte=F("total")) == ["0", "1", "2", "3", "4"]
    assert found(total=F("total"), number="0") == ["0"]
    assert found(total__in=[]) == []
    assert found(total__in=Order.objects.using(tables).filter(number="1").values("total")) == ["1"]


def test_amounts_are_ordered_as_numbers(tables: str) -> None:
    """The order of texts would put 10 before 9."""
    orders = Order.objects.using(tables)
    for number, total in enumerate(["9.00 EUR", "10.00 EUR", "-1.00 EUR"]):
        orders.create(number=str(number), total=total)

    assert list(orders.order_by("total__amount").values_list("number", flat=True)) == ["2", "0", "1"]
    assert orders.aggregate(most=Max("total__amount"))["most"] == 10


def test_total_is_exact_for_each_currency(tables: str) -> None:
    """A sum of floats would end in 0.30000000000000004."""
    orders = Order.objects.using(tables)
    for number, total in enumerate(["0.10 EUR", "0.20 EUR", "0.000000000000000001 ETH", "9000000.1 ETH"]):
        orders.create(number=str(number), total=total)
    orders.create(number="without", total=None)

    sums = orders.exclude(total=None).values_list("total__currency").annotate(sold=Total("total__amount"))

    assert dict(sums) == {"EUR": Decimal("0.30"), "ETH": Decimal("9000000.100000000000000001")}
    assert orders.filter(total=None).aggregate(sold=Total("total__amount")) == {"sold": None}


def test_sum_in_floats_is_refused(tables: str) -> None:
    """``Sum`` is exact in PostgreSQL; what SQLite makes of it is no amount."""
    Order.objects.using(tables).create(number="1", total="0.1 EUR")
    asked = Order.objects.using(tables)

    if connections[tables].vendor == "sqlite":
        with pytest.raises(NotSupportedError, match="Total"):
            asked.aggregate(sold=Sum("total__amount"))
    else:
        assert asked.aggregate(sold=Sum("total__amount")) == {"sold": Decimal("0.10")}


def test_amount_may_be_absent(tables: str) -> None:
    """None is NULL, where the field allows it."""
    Order.objects.using(tables).create(number="1", total=None)

    assert Order.objects.using(tables).get(total__isnull=True).total is None
    assert Order.objects.using(tables).get(total=None).total is None
    with pytest.raises(IntegrityError):
        Article.objects.using(tables).create(name="a", price=None)


@pytest.mark.parametrize(
    "value", [49.9, 49, Decimal("49.90"), "49.90", "49.905 EUR", "1e3 EUR", "5 WIDG", "5 GOLD", b"5 EUR"]
)
def test_what_is_no_amount_is_refused(tables: str, value: Any) -> None:
    """A number has no currency, a float not even a value; and nothing is rounded."""
    with pytest.raises(ValidationError):
        Order(number="1", total=value).clean_fields()
    with pytest.raises(ValidationError):
        Order(number="1", total=value).save(using=tables)


def test_amount_is_not_compared_with_a_float() -> None:
    """A float that looks like 0.1 is another number."""
    with pytest.raises(TypeError, match="not with a float"):
        Order.objects.filter(total__amount=0.1)


@each_amount
def test_amount_goes_through_a_fixture(tables: str, amount: Money) -> None:
    """``dumpdata`` and ``loaddata`` keep it, currencies that are counted in their own way too."""
    text = serializers.serialize("json", [Order(number="1", total=amount), Order(number="2", total=None)])

    objects: list[Any] = [*serializers.deserialize("json", text)]

    loaded = [each.object.total for each in objects]

    assert loaded == [amount, None]
    assert loaded[0].unit.exponent == amount.unit.exponent


def test_field_is_written_into_a_migration() -> None:
    """A default is exact there, and what validation alone asks for does not stand there."""
    field = MoneyField(default=Money("0.5", WIDG), currencies=("EUR", WIDG), null=True)

    text, imports = MigrationWriter.serialize(field)
    namespace: dict[str, Any] = {}
    exec("\n".join(imports), namespace)  # noqa: S102  # as a migration is run
    made = eval(text, namespace)  # noqa: S307  # as a migration is run

    assert text.startswith(
        "gateway_django.fields.MoneyField(default=gateway_core.Money('0.5000', gateway_core.Currency("
    )
    assert text.endswith("('WIDG', 4, 'widgetchain')), null=True)")
    assert made.deconstruct()[1:] == field.deconstruct()[1:]
    assert MigrationWriter.serialize(WIDG)[0] == "gateway_core.Currency('WIDG', 4, 'widgetchain')"


def test_currency_that_nobody_knows_is_told_by_a_check() -> None:
    """A slip in the list of currencies is found when Django starts."""

    class Slip(models.Model):
        price = MoneyField(currencies=("EUR", "EURO"))

        class Meta:
            app_label = "slip"

    assert [each.id for each in Slip.check() if "EURO" in each.msg] == ["gateway_django.E101"]


def article_form(**data: str) -> Any:
    """Return the form of an article with this price."""
    form = modelform_factory(Article, fields=["price"])
    return form({f"price_{name}": value for name, value in data.items()})


@pytest.mark.parametrize(
    "amount,currency,expected",
    [
        ("49.90", "EUR", Money("49.90", "EUR")),
        ("0.00000001", "BTC", Money("0.00000001", "BTC")),
        ("1E-8", "BTC", Money("0.00000001", "BTC")),
        ("5", "USDT on tron", Money("5", "USDT", network="tron")),
        ("0.0001", "WIDG on widgetchain", Money("0.0001", WIDG)),
    ],
)
def test_form_reads_an_amount(amount: str, currency: str, expected: Money) -> None:
    """Two inputs become one exact amount."""
    form = article_form(amount=amount, currency=currency)

    assert form.is_valid(), form.errors
    assert form.cleaned_data["price"] == expected
    assert form.cleaned_data["price"].unit.exponent == expected.unit.exponent


@pytest.mark.parametrize(
    "amount,currency,told",
    [
        ("49.905", "EUR", "EUR has 2 decimals"),
        ("forty", "EUR", "Enter a number"),
        ("NaN", "EUR", "Enter a number"),
        ("", "EUR", "required"),
        ("5", "", "Name the currency"),
        ("5", "USD", "not one of the available choices"),
        ("1E+40", "EUR", "too large"),
    ],
)
def test_form_tells_what_is_wrong(amount: str, currency: str, told: str) -> None:
    """Each fault stands beside the inputs, and nothing is rounded."""
    assert told in str(article_form(amount=amount, currency=currency).errors["price"])


def test_form_field_shows_an_amount_in_two_inputs() -> None:
    """The currencies are a choice; without them they are written."""
    form = modelform_factory(Article, fields=["price"])(instance=Article(price=Money("0.5", "USDT", network="tron")))
    html = str(form["price"])

    assert 'name="price_amount" value="0.500000"' in html
    assert '<option value="USDT on tron" selected>' in html
    assert "<select" not in str(modelform_factory(Order, fields=["total"])()["total"])


def test_form_field_that_may_be_empty() -> None:
    """Nothing is None; and no change is seen where 49.9 EUR is written for 49.90 EUR."""
    field = FormField(required=False)

    assert field.clean(["", ""]) is None
    assert field.clean(["", "EUR"]) is None
    assert field.clean(["5", "EUR"]) == Money(5, "EUR")
    assert not field.has_changed(Money("49.90", "EUR"), ["49.9", "EUR"])
    assert field.has_changed(Money("49.90", "EUR"), ["49.9", "USD"])
    assert field.has_changed(None, ["what", "EUR"])


def test_model_refuses_a_currency_that_is_not_accepted() -> None:
    """Validation of the model knows the list too."""
    with pytest.raises(ValidationError, match="USD is not accepted here"):
        Article(name="a", price=Money(1, "USD")).full_clean()
