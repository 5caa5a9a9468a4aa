"""The indicator list as columns: rows come from the scorecard, the keys to sort by from `with_sort_keys`."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.translation import gettext_lazy as _

from indicators.rows import VintageInfo
from lvyuan.periods import Period
from lvyuan.ui.tables import BaseTable, FigureColumn
from lvyuan.ui.words import name_of, period_label


class IndicatorTable(BaseTable):
    name = tables.Column(
        verbose_name=_("指标"),
        accessor="indicator__name",
        order_by="order",
        linkify=lambda record: record.indicator.get_absolute_url(),
    )
    category = tables.Column(verbose_name=_("领域"), accessor="indicator__category", order_by="category")
    period = tables.Column(verbose_name=_("时期"), order_by="shown_end")
    value = FigureColumn(verbose_name=_("数值"), accessor="level", order_by=("shown_unit", "shown_value"))
    growth = FigureColumn(verbose_name=_("同比增长"), accessor="growth", order_by="shown_growth")
    # Computed from the growth and the expectation of its period, so nothing that a query could sort by.
    excess = FigureColumn(verbose_name=_("超出预期"), accessor="excess", orderable=False)
    rank = FigureColumn(verbose_name=_("位次"), accessor="rank", order_by="shown_place")
    owner = tables.Column(verbose_name=_("责任单位"), accessor="indicator__owner", order_by="owner__order")
    source = tables.Column(
        verbose_name=_("来源"),
        accessor="vintage",
        order_by="shown_source",
        default=_("尚未录入"),
        attrs={"td": {"class": "source"}},
    )

    caption = _("指标一览")

    def render_name(self, record: Any) -> str:
        return str(name_of(record.indicator))

    def render_category(self, record: Any) -> str:
        return str(record.indicator.get_category_display())

    def render_period(self, value: Period) -> str:
        return period_label(value)

    def render_source(self, value: VintageInfo) -> str:
        return f"{value.source} · {value.locator}" if value.locator else value.source
