"""The dated strategy tree: slogans change, so they are data."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from lvyuan.audit.triggers import recorded


class StrategyPlan(models.Model):
    code = models.SlugField(_("代码"), max_length=40, unique=True)
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    valid_from = models.DateField(_("起"))
    valid_to = models.DateField(_("止"), null=True, blank=True)
    upper_level = models.TextField(_("上位部署"), blank=True)
    source = models.ForeignKey("indicators.Source", models.PROTECT, verbose_name=_("来源"))
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)

    class Meta:
        verbose_name = _("战略")
        verbose_name_plural = _("战略")
        ordering = ["-valid_from"]
        constraints = [
            models.CheckConstraint(
                name="strategyplan_dates_ordered",
                condition=models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=models.F("valid_from")),
                violation_error_message=_("战略的止期不得早于起期。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name


class StrategyNode(models.Model):
    plan = models.ForeignKey(StrategyPlan, models.PROTECT, related_name="nodes", verbose_name=_("战略"))
    code = models.CharField(_("代码"), max_length=20)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级")
    )
    name = models.CharField(_("名称"), max_length=80)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    order = models.PositiveSmallIntegerField(_("顺序"), default=0)
    keywords = models.JSONField(_("要点"), default=list, blank=True)
    locator = models.CharField(_("出处"), max_length=80, blank=True)
    note = models.TextField(_("说明"), blank=True)

    class Meta:
        verbose_name = _("战略节点")
        verbose_name_plural = _("战略节点")
        ordering = ["plan", "order"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "code"],
                name="strategynode_code_unique",
                violation_error_message=_("同一战略内节点代码不能重复。"),
            ),
            models.CheckConstraint(
                name="strategynode_not_own_parent",
                condition=models.Q(parent__isnull=True) | ~models.Q(parent=models.F("id")),
                violation_error_message=_("节点不能是自己的上级。"),
            ),
        ]
        triggers = recorded()

    def __str__(self) -> str:
        return self.name
