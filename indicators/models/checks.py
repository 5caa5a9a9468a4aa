"""Which checks a drafted figure must pass: rules as data, so that an admin edits them without code."""

from __future__ import annotations

import datetime as dt

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from indicators import checks
from indicators.expressions import MAX_LENGTH, ExpressionError
from indicators.models.definitions import Dated, Indicator
from lvyuan.accounts.models import Department, User
from lvyuan.audit.triggers import INTERNAL, recorded

KINDS = [*((code, _(kind.title)) for code, kind in checks.KINDS.items()), (checks.EXPRESSION, _("指标间关系"))]

# Codes as one-element ranges of their hash, since gist compares ranges without an extension.
_HASH = Func(F("code"), Value(0), function="hashtextextended", output_field=models.BigIntegerField())
_CODE = Func(_HASH, _HASH, Value("[]"), function="int8range", output_field=models.TextField())
_VALIDITY = Func(F("valid_from"), F("valid_to"), Value("[]"), function="daterange", output_field=models.TextField())


class CheckRuleQuerySet(models.QuerySet["CheckRule"]):
    def active(self) -> CheckRuleQuerySet:
        """Rules that are switched on; each tells for which periods it holds."""
        return self.filter(is_active=True)

    def quasi(self) -> CheckRuleQuerySet:
        """Active rules that block unless an exemption covers them and the line explains them."""
        return self.active().filter(severity=checks.Severity.QUASI.value)


class CheckRule(models.Model):
    """One check with its severity and thresholds, for figures whose period ends inside its validity."""

    class Severity(models.TextChoices):
        MANDATORY = checks.Severity.MANDATORY.value, _("强制性")
        QUASI = checks.Severity.QUASI.value, _("准强制性")
        VERIFY = checks.Severity.VERIFY.value, _("核实性")
        HINT = checks.Severity.HINT.value, _("提示性")

    code = models.SlugField(_("代码"), max_length=60)
    kind = models.CharField(_("核查方法"), max_length=30, choices=KINDS)
    severity = models.CharField(_("级别"), max_length=10, choices=Severity)
    message = models.CharField(
        _("提示语"), max_length=120, help_text=_("填报员看到的话；涉及的数据由系统写在后面的括号里。")
    )
    parameters = models.JSONField(_("参数"), default=dict, blank=True, help_text=_('如 {"limit": "3.5"}；空为默认值。'))
    expression = models.CharField(
        _("表达式"),
        max_length=MAX_LENGTH,
        blank=True,
        help_text=_(
            "应当成立的关系，如 key_projects_started <= key_projects；分项合计写 "
            "abs(a + b - total) <= half(a) + half(b)，half 为末位数的半个单位。"
        ),
    )
    indicators = ArrayField(
        models.SlugField(max_length=60),
        verbose_name=_("适用指标"),
        null=True,
        blank=True,
        help_text=_("不选为全部指标；指标间关系不选时，为表达式里的各项指标。"),
    )
    valid_from = models.DateField(_("起"))
    valid_to = models.DateField(_("止"), null=True, blank=True)
    is_active = models.BooleanField(_("启用"), default=True)
    note = models.TextField(_("依据"), blank=True)

    objects = CheckRuleQuerySet.as_manager()

    class Meta:
        verbose_name = _("核查规则")
        verbose_name_plural = _("核查规则")
        ordering = ["code", "valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "valid_from"],
                name="checkrule_code_unique",
                violation_error_message=_("同一核查规则不能有两条起期相同。"),
            ),
            models.CheckConstraint(
                name="checkrule_kind_known",
                condition=Q(kind__in=[code for code, _label in KINDS]),
                violation_error_message=_("核查方法不在名单内。"),
            ),
            models.CheckConstraint(
                name="checkrule_severity_known",
                condition=Q(severity__in=[severity.value for severity in checks.Severity]),
                violation_error_message=_("核查级别不在名单内。"),
            ),
            models.CheckConstraint(
                name="checkrule_expression_where_needed",
                condition=Q(kind=checks.EXPRESSION) & ~Q(expression="") | ~Q(kind=checks.EXPRESSION) & Q(expression=""),
                violation_error_message=_("指标间关系须写表达式，其他核查方法不写。"),
            ),
            models.CheckConstraint(
                name="checkrule_indicators_not_empty",
                condition=Q(indicators__isnull=True) | Q(indicators__len__gt=0),
                violation_error_message=_("适用指标留空即为全部，不能是空名单。"),
            ),
            models.CheckConstraint(
                # 开复工率 may exceed 100 %, so that what is bounded is named one by one (domain rules §6).
                name="checkrule_share_names_indicators",
                condition=~Q(kind="share_outside") | Q(indicators__isnull=False),
                violation_error_message=_("比重越界须逐一指明适用指标：开复工率可以超过百分之百。"),
            ),
            models.CheckConstraint(
                # Published growth has its own base: disagreement is a note, never an obstacle (domain rules §3).
                name="checkrule_growth_only_hints",
                condition=~Q(kind="growth_differs") | Q(severity="hint"),
                violation_error_message=_("公布增速另有基数，与总量测算不一致只能提示。"),
            ),
            models.CheckConstraint(
                # Revisions: the published cumulative is not the sum of the published months (domain rules §3).
                name="checkrule_month_never_blocks",
                condition=~Q(kind="month_differs") | Q(severity__in=["verify", "hint"]),
                violation_error_message=_("累计数会修订，不等于各月之和，当月与累计不符只能核实或提示。"),
            ),
            models.CheckConstraint(
                name="checkrule_dates_ordered",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                violation_error_message=_("核查规则的止期不得早于起期。"),
            ),
            ExclusionConstraint(
                name="checkrule_one_at_a_time",
                expressions=[(_CODE, "&&"), (_VALIDITY, "&&")],
                condition=Q(is_active=True),
                violation_error_message=_("同一核查规则同一天只能有一条启用。"),
            ),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.code} {self.valid_from}"

    def clean(self) -> None:
        """The thresholds and the expression make sense, and every code is an indicator's."""
        try:
            rule = self.as_rule()
        except ExpressionError as error:
            raise ValidationError({"expression": str(error)}) from error
        except checks.RuleError as error:
            raise ValidationError({"parameters": str(error)}) from error
        for name, codes in (("expression", rule.operands), ("indicators", self.indicators or ())):
            known = set(Indicator.objects.filter(code__in=codes).values_list("code", flat=True)) if codes else set()
            if missing := [code for code in codes if code not in known]:
                raise ValidationError(
                    {name: gettext("没有代码为“%(missing)s”的指标。") % {"missing": "”“".join(missing)}}
                )

    def as_rule(self) -> checks.Rule:
        """The rule as the checks understand it. Raises checks.RuleError, ExpressionError."""
        return checks.Rule(
            code=self.code,
            kind=self.kind,
            severity=checks.Severity(self.severity),
            message=self.message,
            parameters=self.parameters,
            expression=self.expression,
            indicators=None if self.indicators is None else frozenset(self.indicators),
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class CheckExemptionQuerySet(models.QuerySet["CheckExemption"]):
    def in_force(self, on: dt.date) -> CheckExemptionQuerySet:
        """Exemptions that hold on that day."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on), valid_from__lte=on)


class CheckExemption(Dated):
    """The approved list of 准强制性: who may, with an explanation, hand in what this rule otherwise blocks."""

    rule_code = models.SlugField(_("核查规则代码"), max_length=60)
    indicator = models.ForeignKey(
        Indicator, models.PROTECT, null=True, blank=True, verbose_name=_("指标"), help_text=_("不选为全部指标。")
    )
    department = models.ForeignKey(
        Department, models.PROTECT, null=True, blank=True, verbose_name=_("填报单位"), help_text=_("不选为全部单位。")
    )
    reason = models.CharField(_("理由"), max_length=300)
    approved_by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False, verbose_name=_("批准人"))
    approved_at = models.DateTimeField(_("批准时间"), db_default=Now(), editable=False)

    objects = CheckExemptionQuerySet.as_manager()

    class Meta:
        verbose_name = _("准强制性核查例外")
        verbose_name_plural = _("准强制性核查例外")
        ordering = ["rule_code", "valid_from"]
        constraints = [
            models.CheckConstraint(
                name="checkexemption_dates_ordered",
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                violation_error_message=_("例外的止期不得早于起期。"),
            ),
        ]
        triggers = recorded(topic=INTERNAL)

    def __str__(self) -> str:
        return f"{self.rule_code} {self.valid_from}"
