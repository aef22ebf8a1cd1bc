"""A reconciliation as one self-contained HTML page: a picture of money over time by state, and the differences."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from gateway_core.journal._reconciling import Reconciliation, rows

_COLORS = {
    "confirmed": "#1a7f37",
    "pending": "#9a6700",
    "refunded": "#0969da",
    "failed": "#cf222e",
    "unknown": "#6e7781",
}
_WIDTH, _HEIGHT = 900, 180

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Reconciliation of {account}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328 }}
table {{ border-collapse: collapse; width: 100%; margin: 1rem 0 }}
th, td {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d0d7de }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums }}
svg {{ width: 100%; height: auto }}
.legend span {{ margin-right: 1rem }}
@media print {{ body {{ margin: 0 }} }}
</style>
<h1>Reconciliation of {account}</h1>
<p>{since} to {until}: {payments} payments, {invoices} invoices, {asked} of them asked about.
<strong>{found}</strong></p>
{pictures}
<h2>Differences</h2>
{table}
</html>
"""


def to_html(account: str, found: Reconciliation) -> str:
    """Return the page."""
    units = sorted({unit for _, _, unit in found.days})
    return _PAGE.format(
        account=escape(account),
        since=found.since.date().isoformat(),
        until="now" if found.until is None else found.until.date().isoformat(),
        payments=found.payments,
        invoices=found.invoices,
        asked=found.asked,
        found=f"{len(found.findings)} differences" if found.findings else "No differences.",
        pictures="\n".join(_picture(found, unit) for unit in units),
        table=_table(found),
    )


def _picture(found: Reconciliation, unit: str) -> str:
    """Draw what came in one currency: a bar for each day, in a color for each state."""
    days = sorted({day for day, _, each in found.days if each == unit})
    states = [state for state in _COLORS if any((day, state, unit) in found.days for day in days)]
    sums = {day: sum((_sum(found, day, state, unit) for state in states), Decimal()) for day in days}
    highest = max(sums.values(), default=Decimal()) or Decimal(1)
    step = Decimal(_WIDTH) / len(days)
    bars = []
    for number, day in enumerate(days):
        top = Decimal(_HEIGHT)
        for state in states:
            amount = _sum(found, day, state, unit)
            height = amount / highest * (_HEIGHT - 20)
            top -= height
            label = f"{day}: {amount:f} {unit} {state}"
            bars.append(
                f'<rect x="{number * step:.1f}" y="{top:.1f}" width="{step * Decimal("0.8"):.1f}"'
                f' height="{height:.1f}" fill="{_COLORS[state]}"><title>{escape(label)}</title></rect>'
            )
    legend = "".join(
        f'<span><svg width="10" height="10" style="width:10px"><rect width="10" height="10" fill="{_COLORS[state]}"/>'
        f"</svg> {state}</span>"
        for state in states
    )
    total = sum(sums.values(), Decimal())
    return (
        f"<h2>{escape(unit)}: {total:f}</h2>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 20}" role="img" aria-label="Money by day in {escape(unit)}">'
        f'{"".join(bars)}<text x="0" y="{_HEIGHT + 16}" font-size="12">{days[0]}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 16}" font-size="12" text-anchor="end">{days[-1]}</text></svg>'
        f'<p class="legend">{legend}</p>'
    )


def _sum(found: Reconciliation, day: str, state: str, unit: str) -> Decimal:
    amount = found.days.get((day, state, unit))
    return Decimal() if amount is None else amount.amount


def _table(found: Reconciliation) -> str:
    listed = rows(found.findings)
    if not listed:
        return "<p>There are none.</p>"
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in listed[0])
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="number">{escape(value)}</td>' if name == "amount" else f"<td>{escape(value)}</td>"
            for name, value in row.items()
        )
        + "</tr>"
        for row in listed
    )
    return f"<table><tr>{head}</tr>{body}</table>"
