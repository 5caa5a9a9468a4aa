"""Figures of a file on their way: understood and checked, not yet written."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from indicators.models.definitions import Indicator, IndicatorVersion, PriceBasis, RankPool
from indicators.models.fields import FigureField, PeriodColumns
from indicators.models.figures import Comparator, NullReason, Observation, RankBy, Vintage, VintageStatus
from lvyuan.accounts.models import District
from lvyuan.imports.models import StagedRow


def _link(to: type[models.Model]) -> Any:
    """A link that costs nothing when a million rows are copied in, and keeps nothing from being removed."""
    return models.ForeignKey(
        to, models.DO_NOTHING, null=True, blank=True, related_name="+", db_constraint=False, db_index=False
    )


class StagedFigure(StagedRow, PeriodColumns):
    """One figure that a file states; the columns are Entry's. Refused rows leave blank what was not understood."""

    district = _link(District)
    indicator = _link(Indicator)
    period_kind = models.CharField(_("时期类别"), max_length=10, blank=True)
    period_end = models.DateField(_("止"), null=True, blank=True)
    version = _link(IndicatorVersion)
    # What stood there when the file was checked; undo and conflicts compare with it.
    observation = _link(Observation)
    before = _link(Vintage)
    value = FigureField(_("数值"), null=True, blank=True)
    comparator = models.CharField(_("精确程度"), max_length=2, choices=Comparator, default=Comparator.EQUAL)
    unit = models.CharField(_("单位"), max_length=20, blank=True)
    printed = models.CharField(_("原文写法"), max_length=60, blank=True)
    null_reason = models.CharField(_("无数值的原因"), max_length=20, choices=NullReason, blank=True)
    growth = FigureField(_("同比增长（%）"), null=True, blank=True)
    growth_basis = models.CharField(_("增速口径"), max_length=20, choices=PriceBasis, blank=True)
    text = models.CharField(_("定性表述"), max_length=200, blank=True)
    rank_pool = _link(RankPool)
    rank_place = models.PositiveSmallIntegerField(_("位次"), null=True, blank=True)
    rank_by = models.CharField(_("排序依据"), max_length=10, choices=RankBy, blank=True)
    figure_status = models.CharField(_("数据状态"), max_length=12, choices=VintageStatus, blank=True)
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)

    class Meta(StagedRow.Meta):
        verbose_name = _("待导入的数据")
        verbose_name_plural = _("待导入的数据")
