"""What adds amounts exactly, in every database."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum

from gateway_django._sqlite import TOTAL


class Total(Sum):
    """The exact sum of amounts, a `~decimal.Decimal`; None of none.

    ``Order.objects.values("total__currency").annotate(sold=Total("total__amount"))``
    """

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, tuple[Any, ...]]:
        """Write it for SQLite, whose own ``SUM`` adds floats."""
        sql, params = self.as_sql(compiler, connection, function=TOTAL, **extra)
        return sql, (*params,)
