"""What is measured: sources, indicators and their dated definitions, who reports them, who competes."""

from __future__ import annotations

import datetime as dt

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Q, Value
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from indicators.models.fields import PERIOD_KINDS
from lvyuan import periods
from lvyuan.accounts.models import Department, District, User
from lvyuan.audit.triggers import recorded
from lvyuan.imports.models import ImportJob


class Source(models.Model):
    """Where a figure was published: a newspaper page, a notice, a department's form."""

    class Kind(models.TextChoices):
        NEWSPAPER = "newspaper", _("报纸公开报道")
        NOTICE = "notice", _("上级通报")
        FORM = "form", _("部门填报")
        FILE = "file", _("导入文件")
        DEMO = "demo", _("演示数据")

    code = models.SlugField(_("代码"), max_length=60, unique=True)
    kind = models.CharField(_("类别"), max_length=20, choices=Kind)
    title = models.CharField(_("标题"), max_length=160)
    file_name = models.CharField(_("文件"), max_length=120, blank=True)
    published_on = models.DateField(_("发布日期"), null=True, blank=True)
    published_on_is_inferred = models.BooleanField(_("发布日期为推定"), default=False)
    note = models.TextField(_("说明"), blank=True)

    class Meta:
        verbose_name = _("来源")
        verbose_name_plural = _("来源")
        ordering = ["code"]
        triggers = recorded()

    def __str__(self) -> str:
        return self.title

    @classmethod
    def of_import(cls, job: ImportJob) -> Source:
        """The source that figures of an imported file name, not stored yet; one per job, by its code."""
        title = f"导入：{job.file_name}"[:160]
        return cls(code=f"import-{job.pk}", kind=cls.Kind.FILE, title=title, file_name=job.file_name[:120])


class Calendar(models.TextChoices):
    """Which slots of a year exist for an indicator (domain rules §2)."""

    MONTHLY = "monthly", _("每月（1—12月）")
    FROM_FEBRUARY = "from_february", _("每月（无1月，首期1—2月）")
    QUARTERLY = "quarterly", _("每季")
    YEARLY = "yearly", _("每年")
    IRREGULAR = "irregular", _("不定期")

    @property
    def slots(self) -> tuple[int, ...]:
        """End months of the year's slots; empty for irregular indicators."""
        return {
            "monthly": periods.MONTHLY,
            "from_february": periods.FROM_FEBRUARY,
            "quarterly": periods.QUARTERLY,
            "yearly": periods.YEARLY,
        }.get(self.value, ())


class PriceBasis(models.TextChoices):
    CONSTANT = "constant", _("不变价")
    COMPARABLE = "comparable", _("可比口径")
    SAME_SCOPE = "same_scope", _("同口径")
    NOMINAL = "nominal", _("名义")
    UNSTATED = "unstated", _("未说明")


class IndicatorQuerySet(models.QuerySet["Indicator"]):
    def visible_to(self, user: User) -> IndicatorQuerySet:
        """Definitions are no secret: every signed-in person sees all of them."""
        return self.all() if user.is_authenticated and user.is_active else self.none()


class Indicator(models.Model):
    class Nature(models.TextChoices):
        FLOW = "flow", _("时期数")
        STOCK = "stock", _("时点数")
        RATIO = "ratio", _("比率")
        TEXT = "text", _("定性")

    class Direction(models.TextChoices):
        UP = "up", _("越高越好")
        DOWN = "down", _("越低越好")
        RANGE = "range", _("在区间内")
        NONE = "none", _("不评价")

    class Category(models.TextChoices):
        ECONOMY = "economy", _("经济")
        PROJECTS = "projects", _("项目")
        BUSINESS = "business", _("营商")
        CITY = "city", _("城乡")
        LIVELIHOOD = "livelihood", _("民生")
        SOCIETY = "society", _("社会")
        PARTY = "party", _("党建")

    code = models.SlugField(_("代码"), max_length=60, unique=True)
    name = models.CharField(_("名称"), max_length=80, unique=True)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    aliases = ArrayField(models.CharField(max_length=80), verbose_name=_("别名"), default=list, blank=True)
    category = models.CharField(_("领域"), max_length=20, choices=Category)
    nature = models.CharField(_("性质"), max_length=10, choices=Nature)
    direction = models.CharField(_("方向"), max_length=10, choices=Direction, default=Direction.UP)
    calendar = models.CharField(_("报送日历"), max_length=20, choices=Calendar)
    primary_kind = models.CharField(_("主要时期"), max_length=10, choices=PERIOD_KINDS)
    lag_months = models.PositiveSmallIntegerField(_("滞后月数"), default=0)
    owner = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, related_name="owned_indicators", verbose_name=_("责任单位")
    )
    asks_rank = models.BooleanField(_("填报位次"), default=False)
    is_headline = models.BooleanField(_("驾驶舱指标"), default=False)
    order = models.PositiveSmallIntegerField(_("顺序"), default=0)
    note = models.TextField(_("说明"), blank=True)
    nodes = models.ManyToManyField(
        "indicators.StrategyNode", through="IndicatorNode", related_name="indicators", verbose_name=_("战略节点")
    )

    objects = IndicatorQuerySet.as_manager()

    class Meta:
        verbose_name = _("指标")
        verbose_name_plural = _("指标")
        ordering = ["order", "code"]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("indicators:indicator-detail", args=[self.code])

    @property
    def slots(self) -> tuple[int, ...]:
        return Calendar(self.calendar).slots

    def version_on(self, on: dt.date) -> IndicatorVersion | None:
        """The definition in force on that day."""
        current = Q(valid_to__isnull=True) | Q(valid_to__gte=on)
        return self.versions.filter(current, valid_from__lte=on).first()


class IndicatorNode(models.Model):
    """Hangs an indicator on a strategy node; links read out of the article are suggestions."""

    indicator = models.ForeignKey(Indicator, models.CASCADE, verbose_name=_("指标"))
    node = models.ForeignKey("indicators.StrategyNode", models.CASCADE, verbose_name=_("战略节点"))
    is_suggested = models.BooleanField(_("系统建议"), default=True)

    class Meta:
        verbose_name = _("指标与战略节点")
        verbose_name_plural = _("指标与战略节点")
        constraints = [
            models.UniqueConstraint(fields=["indicator", "node"], name="indicatornode_unique"),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.indicator} · {self.node}"


class Dated(models.Model):
    """Something that holds from a day to a day, both included; open-ended without the second."""

    valid_from = models.DateField(_("起"))
    valid_to = models.DateField(_("止"), null=True, blank=True)

    class Meta:
        abstract = True

    def clean(self) -> None:
        # Before the database sees the range: a reversed one is no range at all to it.
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValidationError({"valid_to": _("止期不得早于起期。")})

    def is_in_force(self, on: dt.date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


def one_at_a_time(name: str, *links: str, message: str) -> ExclusionConstraint:
    """No two rows with the same `links` (foreign keys) may hold on the same day.

    Their integers become one-element ranges, since gist compares ranges without an extension.
    """
    expressions = [
        (Func(F(c), F(c), Value("[]"), function="int8range", output_field=models.TextField()), "&&") for c in links
    ]
    validity = Func(F("valid_from"), F("valid_to"), Value("[]"), function="daterange", output_field=models.TextField())
    return ExclusionConstraint(name=name, expressions=[*expressions, (validity, "&&")], violation_error_message=message)


class IndicatorVersion(Dated):
    """A definition in force for a while; a new version is a break in the series."""

    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="versions", verbose_name=_("指标"))
    unit = models.CharField(_("计量单位"), max_length=20, blank=True)
    definition = models.TextField(_("定义"), blank=True)
    scope = models.TextField(_("口径"), blank=True)
    price_basis = models.CharField(_("价格基础"), max_length=20, choices=PriceBasis, default=PriceBasis.UNSTATED)
    formula = models.CharField(_("计算公式"), max_length=300, blank=True)
    decimals = models.PositiveSmallIntegerField(_("推算值小数位"), default=2)

    class Meta:
        verbose_name = _("指标口径版本")
        verbose_name_plural = _("指标口径版本")
        ordering = ["indicator", "valid_from"]
        constraints = [
            models.CheckConstraint(
                name="indicatorversion_dates_ordered",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                violation_error_message=_("口径的止期不得早于起期。"),
            ),
            one_at_a_time(
                "indicatorversion_one_at_a_time", "indicator", message=_("同一指标同一天只能有一个口径版本。")
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.indicator} {self.valid_from}"


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    def in_force(self, on: dt.date) -> AssignmentQuerySet:
        """Assignments that hold on that day."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on)


class Assignment(Dated):
    """Who reports an indicator of a district, from when to when."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="assignments", verbose_name=_("指标"))
    department = models.ForeignKey(Department, models.PROTECT, related_name="assignments", verbose_name=_("填报单位"))
    is_assumed = models.BooleanField(_("推定"), default=False)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("填报分工")
        verbose_name_plural = _("填报分工")
        ordering = ["district", "indicator", "valid_from"]
        constraints = [
            models.CheckConstraint(
                name="assignment_dates_ordered",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                violation_error_message=_("分工的止期不得早于起期。"),
            ),
            one_at_a_time(
                "assignment_one_at_a_time",
                "district",
                "indicator",
                message=_("同一区同一指标同一天只能由一个单位填报。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.indicator}：{self.department}"


class RankPool(models.Model):
    """The districts that are ranked against each other, for as long as that holds."""

    code = models.SlugField(_("代码"), max_length=40, unique=True)
    name = models.CharField(_("名称"), max_length=60)
    valid_from = models.DateField(_("起"))
    valid_to = models.DateField(_("止"), null=True, blank=True)
    note = models.TextField(_("说明"), blank=True)
    districts = models.ManyToManyField(District, through="RankPoolMember", verbose_name=_("成员"))

    class Meta:
        verbose_name = _("位次范围")
        verbose_name_plural = _("位次范围")
        ordering = ["code"]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name

    def is_in_force(self, on: dt.date) -> bool:
        """Whether the pool holds on that day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


class RankPoolMember(models.Model):
    pool = models.ForeignKey(RankPool, models.CASCADE, related_name="members", verbose_name=_("位次范围"))
    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))

    class Meta:
        verbose_name = _("位次范围成员")
        verbose_name_plural = _("位次范围成员")
        constraints = [models.UniqueConstraint(fields=["pool", "district"], name="rankpoolmember_unique")]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.pool} · {self.district}"
