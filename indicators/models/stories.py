"""What people say beside the figures: events on the time axis, remarks, reasons why two growth rates differ."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from indicators.models.definitions import Indicator
from indicators.models.fields import FigureField
from indicators.models.figures import Vintage
from lvyuan.accounts.models import District, User
from lvyuan.audit.triggers import recorded, recorded_append_only


class Annotation(models.Model):
    """Something that happened, marked on the time axis of one indicator, or of all."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    indicator = models.ForeignKey(
        Indicator,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="annotations",
        verbose_name=_("指标"),
        help_text=_("不选为全部指标。"),
    )
    happened_on = models.DateField(_("日期"))
    title = models.CharField(_("事件"), max_length=40)
    text = models.CharField(_("说明"), max_length=300, blank=True)
    source = models.CharField(_("来源"), max_length=160)
    written_by = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", editable=False, verbose_name=_("记录人")
    )
    written_at = models.DateTimeField(_("记录时间"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("大事记")
        verbose_name_plural = _("大事记")
        ordering = ["-happened_on"]
        constraints = [
            models.CheckConstraint(
                name="annotation_has_source",
                condition=~Q(title="") & ~Q(source=""),
                violation_error_message=_("事件须有标题和来源。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.happened_on} {self.title}"


class Remark(models.Model):
    """What somebody said about a figure, bound to the very vintage that was on the page; never changed."""

    district = models.ForeignKey(District, models.PROTECT, verbose_name=_("区划"))
    indicator = models.ForeignKey(Indicator, models.PROTECT, related_name="remarks", verbose_name=_("指标"))
    vintage = models.ForeignKey(
        Vintage, models.PROTECT, null=True, blank=True, related_name="remarks", verbose_name=_("当时显示的数据")
    )
    text = models.CharField(_("内容"), max_length=500)
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False, verbose_name=_("作者"))
    written_at = models.DateTimeField(_("时间"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("讨论")
        verbose_name_plural = _("讨论")
        ordering = ["-written_at"]
        constraints = [
            models.CheckConstraint(
                name="remark_says_something",
                condition=~Q(text=""),
                violation_error_message=_("内容不能为空。"),
            ),
        ]
        triggers = recorded_append_only()

    def __str__(self) -> str:
        return self.text


class GrowthReason(models.Model):
    """Why a published growth differs from the computed one, in percentage points (口径)."""

    class Kind(models.TextChoices):
        SCOPE = "scope", _("统计范围变动")
        PRICE = "price", _("价格因素")
        REVISION = "revision", _("基数修订")
        DEDUPLICATION = "deduplication", _("剔除重复")
        OTHER = "other", _("其他")

    vintage = models.ForeignKey(Vintage, models.PROTECT, related_name="growth_reasons", verbose_name=_("数据版本"))
    kind = models.CharField(_("原因"), max_length=20, choices=Kind)
    effect = FigureField(_("影响（百分点）"))
    note = models.CharField(_("说明"), max_length=300, blank=True)
    source = models.CharField(_("来源"), max_length=160)
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False, verbose_name=_("记录人"))
    written_at = models.DateTimeField(_("记录时间"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("增速差异原因")
        verbose_name_plural = _("增速差异原因")
        ordering = ["vintage", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["vintage", "kind"],
                name="growthreason_unique",
                violation_error_message=_("同一原因只能写一条，请修改已有的一条。"),
            ),
            models.CheckConstraint(
                name="growthreason_has_source",
                condition=~Q(source=""),
                violation_error_message=_("差异原因须有来源。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.effect}"
