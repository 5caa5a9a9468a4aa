"""Trends as plotly figures; level and growth never share an axis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from indicators.rows import Row
from lvyuan.numbers import NumberError, convert
from lvyuan.periods import PeriodKind, label
from lvyuan.ui.charts import line_chart


def trend_charts(rows: Sequence[Row], name: str) -> list[dict[str, Any]]:
    """Up to two charts from `rows` (newest first): level and growth; none for what nobody reported."""
    ordered = [row for row in reversed(rows) if row.period is not None]
    unit = next((row.unit for row in rows if row.value), "")
    charts = []
    # Year-to-date levels start anew each January: bars, since a line from December to February means nothing.
    cumulative = any(row.period.kind is PeriodKind.YTD for row in ordered if row.period)
    level = ("累计值", "value", unit, "bar") if cumulative else ("数值", "value", unit, "line")
    for title, attribute, of, kind in (level, ("同比增长", "growth", "%", "line")):
        points = [(label(row.period), _point(row, attribute, of)) for row in ordered if row.period is not None]
        if any(value is not None for _, value in points):
            charts.append(
                {
                    "id": f"chart-{attribute}",
                    "title": f"{name} · {title}",
                    "figure": line_chart(title=f"{name} · {title}", series=[(title, points)], unit=of, kind=kind),
                }
            )
    return charts


def _point(row: Row, attribute: str, unit: str) -> Decimal | None:
    """The figure in the chart's unit; None where it cannot be told in it, never a point on another scale."""
    figure = getattr(row, attribute)
    if figure is None or figure.value is None or attribute == "growth" or row.unit == unit:
        return figure.value if figure else None
    try:
        return convert(figure.value, row.unit, unit)
    except NumberError:
        return None
