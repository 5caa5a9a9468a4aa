"""Approved figures one to a line, in the columns and words that the import of figures reads back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, cast

from django.conf import settings
from django.db.models import F, QuerySet

from indicators.forms import NULL_MARKS
from indicators.models import Indicator, RankBy, RankPool, Vintage, VintageStatus
from indicators.models.figures import figure_key
from indicators.rows.facts import Facts, RankFact, lines, told
from lvyuan import periods
from lvyuan.numbers import Comparator, format_figure
from lvyuan.periods import Period, PeriodError, PeriodKind
from lvyuan.ui.export import ADDRESSES, Sheet, Value, text

CHUNK = 2_000


def figures_sheet(indicators: QuerySet[Indicator]) -> Sheet:
    """All figures in force of these indicators, of every district and period; read as they are written."""
    known = {one.pk: one for one in indicators}
    pool = RankPool.objects.filter(code=settings.RANK_POOL).values_list("pk", flat=True).first()

    def rank(one: Facts) -> RankFact | None:
        """The first place in the installation's own pool: the one that an import speaks about."""
        return next((place for place in one.ranks if place.pool_id == pool), None)

    columns = [
        text("指标代码", lambda one: known[one.indicator].code, width=22),
        text("指标", lambda one: known[one.indicator].name, width=26),
        text("区划", lambda one: one.district),
        text("时期", lambda one: _period(one.period), width=18),
        text("数值", _value),
        text("单位", lambda one: one.unit if one.value is not None else ""),
        text("同比增长", lambda one: one.growth),
        text("位次", lambda one: (found := rank(one)) and found.place),
        text("位次依据", lambda one: (found := rank(one)) and str(RankBy(found.by).label)),
        text("定性表述", lambda one: one.text, width=24),
        text("数据状态", lambda one: one.status_label),
        text("来源", lambda one: f"{one.source} · {one.locator}" if one.locator else one.source, width=30),
        text("发布", lambda one: "已发布" if one.is_released else "内部"),
        text(ADDRESSES, lambda one: figure_key(known[one.indicator].code, one.district, one.period), width=36),
    ]
    return Sheet("figures", "数据长表", columns, _Lines(known), is_apart=True)


class _Lines:
    """The figures, read when they are written and never all at once."""

    def __init__(self, known: dict[int, Indicator]) -> None:
        self.known = known

    def __iter__(self) -> Iterator[Facts]:
        found = (
            Vintage.objects.filter(pk=F("observation__current"), observation__indicator__in=self.known)
            .exclude(status=VintageStatus.WITHDRAWN)
            .order_by(
                "observation__indicator__order",
                "observation__indicator__code",
                "observation__district__code",
                "observation__period_end",
                "observation__period_kind",
                "observation__period_start",
            )
        )
        unread: Iterable[tuple[Any, ...]] = iter(lines(found).iterator(chunk_size=CHUNK))
        while chunk := told(islice(unread, CHUNK)):
            yield from chunk


_PLAIN = (PeriodKind.YTD, PeriodKind.QUARTER, PeriodKind.YEAR)


def _period(period: Period) -> str:
    """As people write it, where that can be nothing else; else the period's code."""
    label = periods.label(period)
    try:
        is_plain = period.kind in _PLAIN and periods.parse(label) == period
    except PeriodError:
        is_plain = False
    return label if is_plain else period.code


def _value(one: Facts) -> Value:
    """The number; what was printed where it is not just a number; the mark of why there is none."""
    if one.value is None:
        return NULL_MARKS.get(one.null_reason, "")
    if one.comparator == "=":
        return Decimal(one.value)
    return format_figure(one.value, unit=one.unit, comparator=cast(Comparator, one.comparator), printed=one.printed)
