"""Columns and column groups that several models share."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from lvyuan.periods import Period, PeriodKind


class FigureField(models.DecimalField):
    """A number kept digit for digit: PostgreSQL's unconstrained numeric remembers 17 and 17.0 apart."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 38)
        kwargs.setdefault("decimal_places", 12)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        return "numeric"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return self.to_python(value) if not hasattr(value, "resolve_expression") else value


PERIOD_KINDS = [
    (PeriodKind.MONTH.value, _("当月")),
    (PeriodKind.YTD.value, _("累计")),
    (PeriodKind.QUARTER.value, _("季度")),
    (PeriodKind.YEAR.value, _("全年")),
    (PeriodKind.INSTANT.value, _("时点")),
    (PeriodKind.WINDOW.value, _("截至")),
    (PeriodKind.PLAN.value, _("计划期")),
]


class PeriodQuerySet(models.QuerySet[Any]):
    def for_period(self, period: Period) -> Any:
        """Rows of exactly this period."""
        return self.filter(**period_columns(period))


def period_columns(period: Period) -> dict[str, Any]:
    """The three columns a period is stored in; start only where it is not implied by kind and end."""
    start = period.start if period.kind in (PeriodKind.WINDOW, PeriodKind.PLAN) else None
    return {"period_kind": period.kind.value, "period_end": period.end, "period_start": start}


def period_constraints(name: str) -> list[models.BaseConstraint]:
    """Database truths of the period columns; `name` prefixes the constraint names."""
    month_like = models.Q(period_kind__in=["month", "ytd", "quarter", "year", "plan"])
    return [
        models.CheckConstraint(
            name=f"{name}_period_kind_known",
            condition=models.Q(period_kind__in=[kind.value for kind in PeriodKind]),
            violation_error_message=_("时期类别不在名单内。"),
        ),
        models.CheckConstraint(
            name=f"{name}_period_ends_month",
            # The day after a month's last day is the first of the next.
            condition=~month_like | models.Q(period_end__month_end=True),
            violation_error_message=_("月度、累计、季度、年度和计划期须止于月末。"),
        ),
        models.CheckConstraint(
            name=f"{name}_period_start_ok",
            condition=(
                models.Q(period_kind="plan", period_start__isnull=False, period_start__lte=models.F("period_end"))
                | models.Q(period_kind="window", period_start__isnull=True)
                | models.Q(period_kind="window", period_start__lte=models.F("period_end"))
                | (~models.Q(period_kind__in=["plan", "window"]) & models.Q(period_start__isnull=True))
            ),
            violation_error_message=_("只有计划期和起止期间有起点，且起点不得晚于止点。"),
        ),
    ]


@models.DateField.register_lookup
class MonthEnd(models.Transform):
    """True for the last day of a month."""

    lookup_name = "month_end"
    output_field = models.BooleanField()

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> Any:
        lhs, params = compiler.compile(self.lhs)
        return f"(extract(day from ({lhs} + 1)) = 1)", params


class PeriodColumns(models.Model):
    """A period as columns: kind, last day, and a first day where it is not implied."""

    period_kind = models.CharField(_("时期类别"), max_length=10, choices=PERIOD_KINDS)
    period_start = models.DateField(_("起"), null=True, blank=True)
    period_end = models.DateField(_("止"))

    class Meta:
        abstract = True

    @property
    def period_key(self) -> tuple[str, dt.date, dt.date | None]:
        """The three columns, in the order of `period_columns`."""
        return self.period_kind, self.period_end, self.period_start

    @property
    def period(self) -> Period:
        kind = PeriodKind(self.period_kind)
        if kind is PeriodKind.INSTANT:
            return Period.instant(self.period_end)
        if kind is PeriodKind.WINDOW:
            return Period.window(self.period_end, self.period_start)
        if kind is PeriodKind.PLAN:
            assert self.period_start is not None  # period_start_ok
            start, end = self.period_start, self.period_end
            return Period.plan((start.year, start.month), (end.year, end.month))
        year, month = self.period_end.year, self.period_end.month
        if kind is PeriodKind.MONTH:
            return Period.month(year, month)
        if kind is PeriodKind.YTD:
            return Period.ytd(year, month)
        if kind is PeriodKind.QUARTER:
            return Period.quarter(year, month // 3)
        return Period.year(year)
