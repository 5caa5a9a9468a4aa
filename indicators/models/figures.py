"""The figures: an observation is an identity, a vintage an approved state of it that never changes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pgtrigger
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from indicators.models.definitions import Indicator, IndicatorVersion, PriceBasis, RankPool, Source
from indicators.models.fields import FigureField, PeriodColumns, PeriodQuerySet, period_constraints
from lvyuan.accounts.models import District, User
from lvyuan.audit.triggers import recorded, recorded_append_only
from lvyuan.prepared import Given

if TYPE_CHECKING:
    from lvyuan.periods import Period


class Comparator(models.TextChoices):
    """How a printed number relates to the true one: 450余 is more than 450, 近万 less than 10000."""

    EQUAL = "=", _("等于")
    MORE = ">", _("余（略多于）")
    LESS = "<", _("近（略少于）")
    AT_LEAST = ">=", _("不少于")
    AT_MOST = "<=", _("不多于")
    ABOUT = "~", _("约")


class NullReason(models.TextChoices):
    """Why a figure has no value."""

    NOT_AVAILABLE = "not_available", _("暂缺")
    NOT_PUBLISHED = "not_published", _("来源未载")
    BELOW_UNIT = "below_unit", _("不足计量单位")
    NOT_APPLICABLE = "not_applicable", _("不适用")
    SUPPRESSED = "suppressed", _("不公布")


class VintageStatus(models.TextChoices):
    FLASH = "flash", _("快报")
    PRELIMINARY = "preliminary", _("初步核算")
    FINAL = "final", _("最终核实")
    CENSUS = "census", _("普查修订")
    WITHDRAWN = "withdrawn", _("撤回")
    UNSTATED = "unstated", _("未说明")


class ObservationQuerySet(PeriodQuerySet):
    def visible_to(self, user: User) -> ObservationQuerySet:
        """Approved figures may be read by everyone who signs in; drafts live elsewhere."""
        return self.all() if user.is_authenticated and user.is_active else self.none()


class Observation(PeriodColumns):
    """Which figure this is: one indicator of one district for one period."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="observations", verbose_name=_("指标"))
    current = models.ForeignKey(
        "Vintage", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("现行版本")
    )

    objects = ObservationQuerySet.as_manager()

    class Meta:
        verbose_name = _("数据点")
        verbose_name_plural = _("数据点")
        constraints = [
            models.UniqueConstraint(
                fields=["district", "indicator", "period_kind", "period_end", "period_start"],
                name="observation_unique",
                nulls_distinct=False,
                violation_error_message=_("同一区、同一指标、同一时期只能有一个数据点。"),
            ),
            *period_constraints("observation"),
        ]
        indexes = [
            models.Index(
                fields=["district", "period_end"], name="observation_ends", condition=Q(current__isnull=False)
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.key

    @property
    def key(self) -> str:
        """`indicator/district/period`, the address of this figure everywhere."""
        return figure_key(self.indicator.code, self.district.code, self.period)

    def get_absolute_url(self) -> str:
        return reverse("indicators:figure-detail", args=self.key.split("/"))


def figure_key(indicator_code: str, district_code: str, period: Period) -> str:
    """The address of a figure, as written on every page."""
    return f"{indicator_code}/{district_code}/{period.code}"


class VintageQuerySet(models.QuerySet["Vintage"]):
    def known_at(self, moment: dt.datetime | Given) -> VintageQuerySet:
        """One row per observation: the state that was known at `moment`."""
        known = Vintage.objects.filter(observation=OuterRef("observation"), known_from__lte=moment)
        later = Q(known_from__gt=OuterRef("known_from")) | Q(
            known_from=OuterRef("known_from"), number__gt=OuterRef("number")
        )
        return self.filter(~Exists(known.filter(later)), known_from__lte=moment)

    def in_force(self, known_at: dt.datetime | Given | None = None) -> VintageQuerySet:
        """What holds now, or held as far as was known at that moment; withdrawn states are no figures."""
        chosen = self.filter(pk=F("observation__current")) if known_at is None else self.known_at(known_at)
        return chosen.exclude(status=VintageStatus.WITHDRAWN)


class Vintage(models.Model):
    """An approved state of an observation; corrections are new vintages, never changes of old ones."""

    # The observation's own district, filled by trigger: the largest table leads its index with it.
    district = models.ForeignKey(District, models.PROTECT, editable=False, verbose_name=_("区划"))
    observation = models.ForeignKey(Observation, models.PROTECT, related_name="vintages", verbose_name=_("数据点"))
    number = models.PositiveIntegerField(_("版本"))
    version = models.ForeignKey(IndicatorVersion, models.PROTECT, verbose_name=_("口径版本"))

    value = FigureField(_("数值"), null=True, blank=True)
    comparator = models.CharField(_("精确程度"), max_length=2, choices=Comparator, default=Comparator.EQUAL)
    unit = models.CharField(_("单位"), max_length=20, blank=True)
    printed = models.CharField(_("原文写法"), max_length=60, blank=True)
    null_reason = models.CharField(_("无数值的原因"), max_length=20, choices=NullReason, blank=True)
    growth = FigureField(_("同比增长（%）"), null=True, blank=True)
    growth_basis = models.CharField(_("增速口径"), max_length=20, choices=PriceBasis, blank=True)
    text = models.CharField(_("定性表述"), max_length=200, blank=True)

    status = models.CharField(_("数据状态"), max_length=12, choices=VintageStatus, default=VintageStatus.UNSTATED)
    source = models.ForeignKey(Source, models.PROTECT, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    wording = models.CharField(_("原文词语"), max_length=80, blank=True)
    period_wording = models.CharField(_("原文时期"), max_length=60, blank=True)
    period_is_inferred = models.BooleanField(_("时期为推定"), default=False)
    note = models.TextField(_("说明"), blank=True)

    known_from = models.DateTimeField(_("自何时可知"))
    known_from_is_backfilled = models.BooleanField(_("按发布日期补录"), default=False)
    recorded_at = models.DateTimeField(_("入库时间"), db_default=TransactionNow(), editable=False)
    entered_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("填报人")
    )
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("审核人")
    )
    entry = models.ForeignKey(
        "indicators.Entry", models.PROTECT, null=True, blank=True, related_name="vintages", verbose_name=_("填报记录")
    )
    reason = models.CharField(_("修订理由"), max_length=300, blank=True)

    objects = VintageQuerySet.as_manager()

    class Meta:
        verbose_name = _("数据版本")
        verbose_name_plural = _("数据版本")
        ordering = ["observation", "number"]
        constraints = [
            models.UniqueConstraint(fields=["observation", "number"], name="vintage_number_unique"),
            models.CheckConstraint(
                name="vintage_null_has_no_value",
                condition=Q(value__isnull=True) | Q(null_reason=""),
                violation_error_message=_("有数值时不能再填无数值的原因。"),
            ),
            models.CheckConstraint(
                name="vintage_value_has_unit",
                condition=Q(value__isnull=True) | ~Q(unit=""),
                violation_error_message=_("有数值时必须写明单位。"),
            ),
            models.CheckConstraint(
                name="vintage_two_persons",
                condition=Q(entered_by__isnull=True) | Q(approved_by__isnull=True) | ~Q(entered_by=F("approved_by")),
                violation_error_message=_("填报人与审核人不能是同一人。"),
            ),
            models.CheckConstraint(
                name="vintage_of_entry_has_people",
                condition=Q(entry__isnull=True) | Q(entered_by__isnull=False, approved_by__isnull=False),
                violation_error_message=_("填报的数据须有填报人和审核人。"),
            ),
            models.CheckConstraint(
                name="vintage_revision_has_reason",
                condition=Q(number=1) | ~Q(reason=""),
                violation_error_message=_("修订已审核的数据必须写明理由。"),
            ),
        ]
        indexes = [models.Index(fields=["district", "observation", "-known_from", "-number"], name="vintage_known")]
        triggers = [
            *recorded_append_only(),
            pgtrigger.Trigger(
                name="fill_district",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    SELECT district_id INTO NEW.district_id FROM indicators_observation WHERE id = NEW.observation_id;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="not_ones_own",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.approved_by_id IS NOT NULL AND EXISTS (
                        SELECT 1 FROM indicators_entry e JOIN indicators_submission s ON s.id = e.submission_id
                        WHERE e.id = NEW.entry_id AND NEW.approved_by_id IN (e.edited_by_id, s.submitted_by_id)
                    ) THEN
                        RAISE EXCEPTION '填报或提交过这份报送的人不能审核它。' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="says_something",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func="""
                    IF NEW.value IS NULL AND NEW.growth IS NULL AND NEW.text = '' AND NEW.status <> 'withdrawn'
                       AND NOT EXISTS (SELECT 1 FROM indicators_rank r WHERE r.vintage_id = NEW.id) THEN
                        RAISE EXCEPTION '数值、增速、位次、定性表述至少要有一项。' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.observation} v{self.number}"


def added_with_its_vintage() -> pgtrigger.Trigger:
    """Refuses a detail of a vintage that was recorded in an earlier transaction: it would change what was approved."""
    return pgtrigger.Trigger(
        name="added_with_its_vintage",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func="""
            IF NOT EXISTS (
                SELECT 1 FROM indicators_vintage v
                WHERE v.id = NEW.vintage_id AND v.recorded_at = transaction_timestamp()
            ) THEN
                RAISE EXCEPTION '已入库的版本不能再补充位次或比较，请另立版本。' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        """,
    )


class RankBy(models.TextChoices):
    LEVEL = "level", _("按总量")
    GROWTH = "growth", _("按增速")
    OTHER = "other", _("按其他口径")
    UNSTATED = "unstated", _("未说明按总量还是增速")


class Rank(models.Model):
    """A place among the members of a pool, as reported."""

    vintage = models.ForeignKey(Vintage, models.PROTECT, related_name="ranks", verbose_name=_("数据版本"))
    pool = models.ForeignKey(RankPool, models.PROTECT, verbose_name=_("位次范围"))
    by = models.CharField(_("排序依据"), max_length=10, choices=RankBy)
    place = models.PositiveSmallIntegerField(_("位次"))
    pool_size = models.PositiveSmallIntegerField(_("范围大小"))
    wording = models.CharField(_("原文词语"), max_length=60, blank=True)

    class Meta:
        verbose_name = _("位次")
        verbose_name_plural = _("位次")
        constraints = [
            models.UniqueConstraint(fields=["vintage", "pool", "by"], name="rank_unique"),
            models.CheckConstraint(
                name="rank_inside_pool",
                condition=Q(place__gte=1, place__lte=F("pool_size")),
                violation_error_message=_("位次必须在 1 与范围大小之间。"),
            ),
        ]
        triggers = [*recorded_append_only(), added_with_its_vintage()]

    def __str__(self) -> str:
        return f"{self.pool}第{self.place}位"


class PrintedComparison(models.Model):
    """A comparison that the source prints itself, kept digit for digit: 超出预期17.1个百分点."""

    class Kind(models.TextChoices):
        OVER_EXPECTATION = "over_expectation", _("超出预期")
        OVER_THREE_YEARS = "over_three_years", _("较近三年平均水平提高")

    vintage = models.ForeignKey(Vintage, models.PROTECT, related_name="comparisons", verbose_name=_("数据版本"))
    kind = models.CharField(_("比较对象"), max_length=20, choices=Kind)
    delta = FigureField(_("差值"))
    unit = models.CharField(_("单位"), max_length=20, default="个百分点")
    wording = models.CharField(_("原文词语"), max_length=60, blank=True)
    locator = models.CharField(_("出处"), max_length=80, blank=True)

    class Meta:
        verbose_name = _("原文比较")
        verbose_name_plural = _("原文比较")
        constraints = [models.UniqueConstraint(fields=["vintage", "kind"], name="printedcomparison_unique")]
        triggers = [*recorded_append_only(), added_with_its_vintage()]

    def __str__(self) -> str:
        return self.wording


class Release(models.Model):
    """The moment a vintage may be quoted outside; a vintage without one is internal."""

    vintage = models.OneToOneField(Vintage, models.PROTECT, related_name="release", verbose_name=_("数据版本"))
    released_at = models.DateTimeField(_("发布时间"))
    authority = models.CharField(_("发布依据"), max_length=120)
    by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("发布人"))

    class Meta:
        verbose_name = _("发布")
        verbose_name_plural = _("发布")
        triggers = recorded_append_only()

    def __str__(self) -> str:
        return f"{self.vintage} {timezone.localtime(self.released_at):%Y-%m-%d}"
