"""What was promised. A changed target is a new version with reason and authority."""

from __future__ import annotations

import datetime as dt

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from indicators.models.definitions import Indicator, Source
from indicators.models.fields import FigureField, PeriodColumns, PeriodQuerySet, period_constraints
from indicators.models.figures import Comparator
from lvyuan.accounts.models import District
from lvyuan.audit.triggers import recorded
from lvyuan.prepared import Given


class TargetQuerySet(PeriodQuerySet):
    def in_force(self, at: dt.datetime | Given | None = None) -> TargetQuerySet:
        """The newest version of each target, as known at `at`.

        Among all of its versions: one that went over to another indicator does not leave the one before in force.
        """
        versions = Target.objects.order_by().filter(district=OuterRef("district"), code=OuterRef("code"))
        known, others = (self, versions) if at is None else (one.filter(known_from__lte=at) for one in (self, versions))
        return known.filter(~Exists(others.filter(version__gt=OuterRef("version")))).order_by("district_id", "code")


class Target(PeriodColumns):
    """One version of one promise. The period is what the target is about; its end is the deadline."""

    class Kind(models.TextChoices):
        THREE_YEARS = "three_years", _("三年目标")
        YEAR = "year", _("年度目标")
        EXPECTATION = "expectation", _("预期")

    class Measure(models.TextChoices):
        VALUE = "value", _("总量")
        GROWTH = "growth", _("增速")
        TEXT = "text", _("定性")

    class Path(models.TextChoices):
        LINEAR = "linear", _("按时间进度")
        SEASONAL = "seasonal", _("按上年同期占比")
        PLAN = "plan", _("按月度计划")
        COMPOUND = "compound", _("按复合增速")
        NONE = "none", _("不计进度")

    class Direction(models.TextChoices):
        UP = "up", _("不低于")
        DOWN = "down", _("不高于")
        RANGE = "range", _("在区间内")
        RELATION = "relation", _("不低于另一指标")
        BY_DATE = "by_date", _("按期完成")

    class Rounding(models.TextChoices):
        HALF_UP = "half_up", _("四舍五入")
        TRUNCATE = "truncate", _("截尾")

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    code = models.SlugField(_("代码"), max_length=60)
    version = models.PositiveSmallIntegerField(_("版本"), default=1)
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    indicator = models.ForeignKey(
        Indicator, models.PROTECT, null=True, blank=True, related_name="targets", verbose_name=_("指标")
    )
    node = models.ForeignKey(
        "indicators.StrategyNode",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="targets",
        verbose_name=_("战略节点"),
    )
    kind = models.CharField(_("类别"), max_length=20, choices=Kind)
    measure = models.CharField(_("目标对象"), max_length=10, choices=Measure)
    value = FigureField(_("目标值"), null=True, blank=True)
    comparator = models.CharField(_("精确程度"), max_length=2, choices=Comparator, default=Comparator.EQUAL)
    unit = models.CharField(_("单位"), max_length=30, blank=True)
    printed = models.CharField(_("原文写法"), max_length=60, blank=True)
    text = models.CharField(_("定性表述"), max_length=200, blank=True)
    deadline_stated = models.BooleanField(_("期限有明文"), default=False)
    is_derived = models.BooleanField(_("推算"), default=False)
    path = models.CharField(_("进度方法"), max_length=10, choices=Path, default=Path.NONE)
    direction = models.CharField(_("方向"), max_length=10, choices=Direction, default=Direction.UP)
    upper = FigureField(_("上限"), null=True, blank=True, help_text=_("区间目标的上限，目标值为下限。"))
    compared_with = models.ForeignKey(
        Indicator,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("比较指标"),
        help_text=_("如居民收入与经济增长同步：增速不低于这一指标。"),
    )
    met_on = models.DateField(_("完成日期"), null=True, blank=True, help_text=_("按期完成的目标实际完成的日子。"))
    rounding = models.CharField(_("差距修约"), max_length=10, choices=Rounding, default=Rounding.HALF_UP)
    places = models.PositiveSmallIntegerField(_("差距小数位"), default=1)
    baseline_value = FigureField(_("基期值"), null=True, blank=True)
    baseline_on = models.DateField(_("基期"), null=True, blank=True)
    is_headline = models.BooleanField(_("驾驶舱目标"), default=False)
    order = models.PositiveSmallIntegerField(_("顺序"), default=0)
    source = models.ForeignKey(Source, models.PROTECT, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    wording = models.CharField(_("原文词语"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)
    known_from = models.DateTimeField(_("自何时可知"), db_default=Now())
    reason = models.CharField(_("变更理由"), max_length=300, blank=True)
    authority = models.CharField(_("批准依据"), max_length=120, blank=True)

    objects = TargetQuerySet.as_manager()

    class Meta:
        verbose_name = _("目标")
        verbose_name_plural = _("目标")
        ordering = ["district", "order", "code", "version"]
        constraints = [
            models.UniqueConstraint(
                fields=["district", "code", "version"],
                name="target_version_unique",
                violation_error_message=_("同一目标的版本号不能重复。"),
            ),
            models.CheckConstraint(
                name="target_says_something",
                condition=(
                    (Q(measure="text") & ~Q(text=""))
                    | (~Q(measure="text") & Q(value__isnull=False))
                    | Q(direction="relation", measure="growth", compared_with__isnull=False)
                ),
                violation_error_message=_("定性目标须有表述，其他目标须有数值。"),
            ),
            models.CheckConstraint(
                name="target_change_has_reason",
                condition=Q(version=1) | (~Q(reason="") & ~Q(authority="")),
                violation_error_message=_("目标变更须写明理由和批准依据。"),
            ),
            models.CheckConstraint(
                name="target_baseline_complete",
                # Named one by one: a comparison with NULL is unknown, and a check lets the unknown pass.
                condition=(
                    Q(baseline_value__isnull=True, baseline_on__isnull=True)
                    | Q(baseline_value__isnull=False, baseline_on__isnull=False, baseline_on__lt=F("period_end"))
                ),
                violation_error_message=_("基期值和基期日期须同时写明，日期早于期限。"),
            ),
            models.CheckConstraint(
                name="target_range_complete",
                condition=(
                    Q(direction="range", upper__isnull=False, value__isnull=False, upper__gte=F("value"))
                    | (~Q(direction="range") & Q(upper__isnull=True))
                ),
                violation_error_message=_("区间目标须有下限和上限，其他目标没有上限。"),
            ),
            models.CheckConstraint(
                name="target_relation_complete",
                condition=(
                    Q(direction="relation", compared_with__isnull=False, measure="growth")
                    | (~Q(direction="relation") & Q(compared_with__isnull=True))
                ),
                violation_error_message=_("与另一指标比较的目标须是增速目标，并指明那项指标。"),
            ),
            models.CheckConstraint(
                name="target_met_is_by_date",
                condition=Q(met_on__isnull=True) | Q(direction="by_date"),
                violation_error_message=_("只有按期完成的目标有完成日期。"),
            ),
            *period_constraints("target"),
        ]
        indexes = [
            models.Index(fields=["district", "indicator", "period_end"], name="target_of_indicator"),
            models.Index(fields=["district"], name="target_headline", condition=Q(is_headline=True)),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class TargetPoint(models.Model):
    """One month of an explicit plan: the cumulative level due by the end of that month."""

    target = models.ForeignKey(Target, models.PROTECT, related_name="points", verbose_name=_("目标版本"))
    due_on = models.DateField(_("月末"))
    value = FigureField(_("计划累计"))

    class Meta:
        verbose_name = _("目标月度计划")
        verbose_name_plural = _("目标月度计划")
        ordering = ["target", "due_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["target", "due_on"],
                name="targetpoint_unique",
                violation_error_message=_("同一目标同一月只能有一个计划数。"),
            ),
            models.CheckConstraint(
                name="targetpoint_ends_month",
                condition=Q(due_on__month_end=True),
                violation_error_message=_("月度计划须止于月末。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.target} {self.due_on}"
