"""Traffic lights: rules as versioned data, stored results, exemptions (domain rules §5: no national standard)."""

from __future__ import annotations

import datetime as dt

from django.contrib.postgres.functions import TransactionNow
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from indicators.models.definitions import Dated, Indicator
from indicators.models.figures import Vintage
from indicators.models.targets import Target
from lvyuan.accounts.models import District, User
from lvyuan.audit.triggers import recorded, recorded_append_only
from lvyuan.prepared import Given


class Light(models.TextChoices):
    GREEN = "green", _("绿灯")
    YELLOW = "yellow", _("黄灯")
    RED = "red", _("红灯")
    NONE = "none", _("未评")


class LightRule(models.Model):
    """A rule set by name. What it says is in its versions."""

    class Family(models.TextChoices):
        GAP = "gap", _("比序时进度的差距")
        RATIO = "ratio", _("完成计划进度的比例")
        TWO_COMPARATORS = "two_comparators", _("双比较")
        MONTHS_LATE = "months_late", _("逾期月数")
        OTHER = "other", _("其他")

    class Subject(models.TextChoices):
        LEVEL = "level", _("总量目标")
        GROWTH = "growth", _("增速目标")
        PROJECT = "project", _("项目")

    code = models.SlugField(_("代码"), max_length=60, unique=True)
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    family = models.CharField(_("类型"), max_length=20, choices=Family)
    default_for = models.CharField(_("默认适用于"), max_length=10, choices=Subject, blank=True)
    indicators = models.ManyToManyField(
        Indicator, through="LightRuleUse", related_name="light_rules", verbose_name=_("指定指标")
    )
    note = models.TextField(_("说明"), blank=True)

    class Meta:
        verbose_name = _("红黄绿灯规则")
        verbose_name_plural = _("红黄绿灯规则")
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["default_for"],
                condition=~Q(default_for=""),
                name="lightrule_one_default",
                violation_error_message=_("每类对象只能有一个默认规则。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name


class LightRuleUse(models.Model):
    """An indicator that is judged by a rule of its own instead of the default."""

    rule = models.ForeignKey(LightRule, models.PROTECT, verbose_name=_("规则"))
    indicator = models.OneToOneField(Indicator, models.PROTECT, related_name="light_rule_use", verbose_name=_("指标"))

    class Meta:
        verbose_name = _("指标的灯规则")
        verbose_name_plural = _("指标的灯规则")
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.indicator} · {self.rule}"


class LightRuleVersionQuerySet(models.QuerySet["LightRuleVersion"]):
    def in_force(self, on: dt.date) -> LightRuleVersionQuerySet:
        """The version of each rule for periods that end on that day."""
        return self.filter(valid_from__lte=on).order_by("rule_id", "-valid_from", "-number").distinct("rule_id")


class LightRuleVersion(models.Model):
    """What a rule says from a period on: ordered conditions, first match wins, else `otherwise`.

    `conditions` is a list of {"light": "green", "all": [{"measure": "gap_pp", "is": ">=", "value": "0"}, …]};
    the grammar and the measures are in `indicators.lights`. Never changed: another version is adopted.
    """

    rule = models.ForeignKey(LightRule, models.PROTECT, related_name="versions", verbose_name=_("规则"))
    number = models.PositiveSmallIntegerField(_("版本"))
    valid_from = models.DateField(_("自哪期起"), help_text=_("止于这一天或以后的时期按这一版评定。"))
    conditions = models.JSONField(_("条件"))
    otherwise = models.CharField(_("都不符合时"), max_length=10, choices=Light)
    reason = models.CharField(_("理由"), max_length=300)
    authority = models.CharField(_("批准依据"), max_length=120)
    adopted_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", editable=False, verbose_name=_("采用人")
    )
    adopted_at = models.DateTimeField(_("采用时间"), db_default=Now(), editable=False)

    objects = LightRuleVersionQuerySet.as_manager()

    class Meta:
        verbose_name = _("灯规则版本")
        verbose_name_plural = _("灯规则版本")
        ordering = ["rule", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "number"], name="lightruleversion_unique"),
            models.CheckConstraint(
                name="lightruleversion_has_reason",
                condition=~Q(reason="") & ~Q(authority=""),
                violation_error_message=_("采用规则须写明理由和批准依据。"),
            ),
        ]
        triggers = recorded_append_only()

    def __str__(self) -> str:
        return f"{self.rule} v{self.number}"


class LightResultQuerySet(models.QuerySet["LightResult"]):
    def in_force(self, known_at: dt.datetime | Given | None = None) -> LightResultQuerySet:
        """The last judgement of each vintage, as known at that moment."""
        known = self if known_at is None else self.filter(known_from__lte=known_at)
        return known.order_by("vintage_id", "-number").distinct("vintage_id")


class LightResult(models.Model):
    """How one vintage was judged, by which rule, from what: last month's colour never changes with a rule."""

    # The vintage's own district, so that the largest tables' indexes lead with it.
    district = models.ForeignKey(District, models.PROTECT, editable=False, verbose_name=_("区划"))
    vintage = models.ForeignKey(Vintage, models.PROTECT, related_name="light_results", verbose_name=_("数据版本"))
    number = models.PositiveSmallIntegerField(_("次"))
    rule_version = models.ForeignKey(
        LightRuleVersion, models.PROTECT, null=True, blank=True, related_name="results", verbose_name=_("规则版本")
    )
    target = models.ForeignKey(
        Target, models.PROTECT, null=True, blank=True, related_name="light_results", verbose_name=_("目标版本")
    )
    light = models.CharField(_("灯"), max_length=10, choices=Light)
    inputs = models.JSONField(_("依据"), help_text=_("各项输入，数字写成文字，不丢位数。"))
    sentence = models.CharField(_("一句话"), max_length=300)
    known_from = models.DateTimeField(_("自何时可知"))
    recorded_at = models.DateTimeField(_("入库时间"), db_default=TransactionNow(), editable=False)

    objects = LightResultQuerySet.as_manager()

    class Meta:
        verbose_name = _("评灯结果")
        verbose_name_plural = _("评灯结果")
        ordering = ["vintage", "number"]
        constraints = [
            models.UniqueConstraint(fields=["district", "vintage", "number"], name="lightresult_unique"),
            models.CheckConstraint(
                name="lightresult_colour_has_rule",
                condition=Q(light="none") | Q(rule_version__isnull=False),
                violation_error_message=_("红黄绿灯须有评定它的规则版本。"),
            ),
        ]
        triggers = recorded_append_only()

    def __str__(self) -> str:
        return f"{self.vintage} {self.get_light_display()}"


class LightExemptionQuerySet(models.QuerySet["LightExemption"]):
    def in_force(self, on: dt.date | Given) -> LightExemptionQuerySet:
        """Exemptions that hold on that day."""
        return self.filter(valid_from__lte=on, valid_to__gte=on)


class LightExemption(Dated):
    """An approved reason why an indicator's light does not count for a while; it always expires."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="light_exemptions", verbose_name=_("指标"))
    reason = models.CharField(_("理由"), max_length=300)
    authority = models.CharField(_("批准依据"), max_length=120)
    approved_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False, verbose_name=_("批准人"))
    approved_at = models.DateTimeField(_("批准时间"), db_default=Now(), editable=False)

    objects = LightExemptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("评灯豁免")
        verbose_name_plural = _("评灯豁免")
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="lightexemption_expires",
                condition=Q(valid_to__isnull=False, valid_to__gte=F("valid_from")),
                violation_error_message=_("豁免须有到期日，且不得早于起期。"),
            ),
            models.CheckConstraint(
                name="lightexemption_has_reason",
                condition=~Q(reason="") & ~Q(authority=""),
                violation_error_message=_("豁免须写明理由和批准依据。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.indicator} {self.valid_from}—{self.valid_to}"

    def clean(self) -> None:
        super().clean()
        if self.valid_to is None:
            raise ValidationError({"valid_to": _("豁免须有到期日。")})
