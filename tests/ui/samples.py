"""One figure of every kind and role, for the unit tests and the browser's. The numbers are made up for drawing only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from lvyuan.ui.charts import Mark, Series, bullet_chart, comparison_chart, heatmap_chart, line_chart

MONTHS = tuple(f"1—{month}月" for month in range(2, 13))


def points(*digits: str) -> list[tuple[str, Decimal | None]]:
    """The first months of the year with these digits; "" is a gap."""
    return [(label, Decimal(one) if one else None) for label, one in zip(MONTHS, digits, strict=False)]


def line() -> dict[str, Any]:
    """Every role, a break and two events close to each other."""
    return line_chart(
        title="工业产值",
        unit="亿元",
        series=[
            Series(name="今年", role="actual", points=points("30.10", "", "71.2", "95.0", "118.4", "140")),
            Series(name="去年", role="last_year", points=points(*(str(25 * n) for n in range(1, 12)))),
            Series(name="序时进度", role="schedule", points=points(*(str(28 * n) for n in range(1, 12)))),
            Series(name="原目标", role="old_target", points=points(*(str(26 * n) for n in range(1, 12)))),
            Series(name="本区", role="own", points=points(*(str(24 * n) for n in range(1, 12)))),
            Series(name="邻区", role="peer", points=points(*(str(20 * n) for n in range(1, 12)))),
        ],
        marks=[
            Mark(at="1—6月"),
            Mark(at="1—6月", text="技改投产", kind="event"),
            Mark(at="1—12月", text="统计年报", kind="event"),
        ],
    )


def bar() -> dict[str, Any]:
    return line_chart(
        title="工业产值",
        unit="亿元",
        kind="bar",
        series=[
            Series(name="今年", role="actual", points=points("30.10", "", "71.2")),
            Series(name="去年", role="last_year", points=points("25", "50", "75")),
            Series(name="序时进度", role="schedule", kind="line", points=points("28", "56", "84")),
        ],
    )


def comparison() -> dict[str, Any]:
    return comparison_chart(
        title="五区工业增速",
        unit="%",
        own="绿园区",
        bars=[
            ("朝阳区", Decimal("6.0")),
            ("绿园区", Decimal("17")),
            ("南关区", Decimal("-3.25")),
            ("二道区", None),
            ("宽城区", Decimal("0")),
        ],
    )


def heatmap() -> dict[str, Any]:
    """The second month of 2022 is missing; 2023 ends in June."""
    year = [Decimal(n) - Decimal("4.5") for n in range(11)]
    return heatmap_chart(
        title="增速",
        unit="%",
        columns=MONTHS,
        rows=[("2022年", [year[0], None, *year[2:]]), ("2023年", year[:5])],
        centre=Decimal(0),
    )


def bullet() -> dict[str, Any]:
    return bullet_chart(
        title="总量", unit="亿元", value=Decimal("223.70"), goal=Decimal("450"), schedule=Decimal("225.0")
    )


KINDS = {"line": line, "bar": bar, "comparison": comparison, "heatmap": heatmap, "bullet": bullet}
