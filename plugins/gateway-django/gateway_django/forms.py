"""The form field of an amount with its currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from gateway_core import Currency, Money
from gateway_core.errors import InvalidRequestError
from gateway_django._written import name_of, unit_of


class MoneyWidget(forms.MultiWidget):
    """An input for the number, and one for the currency: a choice where it is known which there are.

    Args:
        names: The currencies to choose from, by name; None to let it be written.
    """

    def __init__(self, names: Sequence[str] | None = None, attrs: dict[str, Any] | None = None) -> None:
        amount = forms.TextInput(attrs={"inputmode": "decimal", "size": 12, "aria-label": _("Amount")})
        label = {"aria-label": _("Currency")}
        currency: forms.Widget
        if names is None:
            currency = forms.TextInput(attrs={**label, "size": 6, "placeholder": "EUR"})
        else:
            currency = forms.Select(attrs=label, choices=[(name, name) for name in names])
        super().__init__({"amount": amount, "currency": currency}, attrs)

    def decompress(self, value: Any) -> list[Any]:
        """Take an amount apart."""
        return [f"{value.amount:f}", name_of(value.unit)] if isinstance(value, Money) else [None, None]


class MoneyField(forms.MultiValueField):
    """An amount with its currency; cleaned, it is `Money`, or None if it is empty and not required.

    Args:
        currencies: The currencies to choose from, as of `gateway_django.MoneyField`; None lets one be written.
    """

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": "%(reason)s"}

    def __init__(self, *, currencies: Iterable[str | Currency] | None = None, **kwargs: Any) -> None:
        for name in ("max_length", "empty_value"):  # those of a column of text
            kwargs.pop(name, None)
        self._units = None if currencies is None else {name_of(unit): unit for unit in map(unit_of, currencies)}
        names = None if self._units is None else list(self._units)
        currency = (
            forms.CharField(max_length=60, required=False)
            if names is None
            else forms.ChoiceField(choices=[(name, name) for name in names], required=False)
        )
        fields = (forms.DecimalField(required=False, localize=kwargs.pop("localize", False)), currency)
        if not isinstance(kwargs.get("widget"), forms.Widget | None):
            kwargs.pop("widget")
        kwargs.setdefault("widget", MoneyWidget(names))
        super().__init__(fields, require_all_fields=False, **kwargs)

    def compress(self, data_list: Any) -> Money | None:
        """Put an amount together.

        Raises:
            ValidationError: If one of both is missing, or they do not fit together.
        """
        amount, currency = data_list or (None, "")
        if amount is None:
            if self.required:
                raise ValidationError(self.error_messages["required"], code="required")
            return None
        if not currency:
            raise ValidationError(_("Name the currency."), code="incomplete")
        try:
            return Money(amount, self._unit(currency))
        except InvalidRequestError as error:
            params = {"reason": error.message}
        raise ValidationError(self.error_messages["invalid"], code="invalid", params=params)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare amounts, not the ways in which they are written."""
        if self.disabled:
            return False
        try:
            return bool(self.clean(data) != self.to_python(initial))
        except ValidationError:
            return True

    def _unit(self, name: str) -> Currency:
        return unit_of(name.strip()) if self._units is None else self._units[name]
