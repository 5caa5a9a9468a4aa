"""What a round asks for: who owes which indicator, for which period of its own calendar."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject

from indicators.models import Assignment, Calendar, Indicator, IndicatorVersion, Observation, Round
from lvyuan import periods
from lvyuan.accounts.models import Department, District
from lvyuan.periods import Period, PeriodKind
from lvyuan.ui.words import period_label

LONGEST_LAG = 13  # months: how far back a release of a lagging series is looked for


@dataclass(frozen=True, slots=True)
class Obligation:
    """One figure that a department owes in a round; `is_published` when one in force was released already.

    `definition` is the one in force at the period's end, where it was asked for, without its dates.
    """

    department: Department
    indicator: Indicator
    district: District
    period: Period
    unit: str
    is_published: bool
    definition: IndicatorVersion | None = None

    @property
    def address(self) -> tuple[int, str]:
        return self.indicator.pk, self.period.code

    @property
    def period_text(self) -> str:
        """一季度 for what reports by the quarter, 1—3月 for what reports by the month."""
        return period_label(self.period, "official" if self.indicator.calendar == Calendar.QUARTERLY else None)


def period_in(round: Round, indicator: Indicator) -> Period | None:
    """The period that an indicator owes in a round; None when its calendar has no slot there.

    A lagging series owes the period that ended `lag_months` before the round's month.
    """
    end = months_before(round.month, indicator.lag_months)
    kind = PeriodKind(indicator.primary_kind)
    if kind in (PeriodKind.WINDOW, PeriodKind.PLAN) or not indicator.slots:
        return None
    period = Period.instant(end) if kind is PeriodKind.INSTANT else _month_like(kind, end.year, end.month)
    return period if period and periods.has_slot(indicator.slots, period) else None


def months_before(month: dt.date, count: int) -> dt.date:
    """The last day of the month that lies `count` months before."""
    year, index = divmod(month.year * 12 + month.month - 1 - count, 12)
    return dt.date(year, index + 1, monthrange(year, index + 1)[1])


def _month_like(kind: PeriodKind, year: int, month: int) -> Period | None:
    if kind is PeriodKind.MONTH:
        return Period.month(year, month)
    if kind is PeriodKind.YTD:
        return Period.ytd(year, month)
    if kind is PeriodKind.QUARTER:
        return Period.quarter(year, month // 3) if month % 3 == 0 else None
    return Period.year(year) if month == 12 else None


def owed(
    round: Round, department: Department | None = None, *, codes: Collection[str] | None = None
) -> list[Obligation]:
    """What a round asks for, in department and indicator order; `codes` narrows to some indicators; one query."""
    return owed_each([round], department, codes=codes)[0]


def owed_each(
    rounds: Sequence[Round], department: Department | None = None, *, codes: Collection[str] | None = None
) -> list[list[Obligation]]:
    """For each of the rounds, stored or not, what it asks for, as `owed`; one query whatever their number."""
    if not rounds:
        return []
    found = list(assignments(rounds, department, codes=codes))
    return [[one for assignment in found if (one := obligation(round, assignment))] for round in rounds]


def assignments(
    rounds: Sequence[Round],
    department: Department | None = None,
    *,
    codes: Collection[str] | None = None,
    definitions: bool = False,
) -> QuerySet[Assignment]:
    """Who reports what in these rounds, with all that `obligation` reads; at least one round."""
    first, last = min(round.month for round in rounds), max(round.month for round in rounds)
    asked = (
        Assignment.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=first), valid_from__lte=last)
        .filter(district__in={round.district_id for round in rounds})
        .select_related("indicator", "district", "department")
        .order_by("department__order", "department", "indicator__order", "indicator__code")
    )
    if department is not None:
        asked = asked.filter(department=department)
    if codes is not None:
        asked = asked.filter(indicator__code__in=codes)
    versions = IndicatorVersion.objects.filter(indicator=OuterRef("indicator")).order_by("-valid_from")
    said = {name: name for name in ("unit", *(_DEFINITION if definitions else ()))}
    released = Observation.objects.filter(
        indicator=OuterRef("indicator"),
        district=OuterRef("district"),
        period_kind=OuterRef("indicator__primary_kind"),
        period_end__range=(months_before(first, LONGEST_LAG), last),
        current__release__isnull=False,
    )
    return asked.annotate(
        versions=ArraySubquery(versions.values(row=JSONObject(since="valid_from", until="valid_to", **said))),
        released=ArraySubquery(released.values("period_end")),
    )


_DEFINITION = ("id", "definition", "scope", "price_basis", "formula")


def obligation(round: Round, assignment: Assignment) -> Obligation | None:
    """What one of `assignments` makes its department owe in the round; None where nothing falls due."""
    if assignment.district_id != round.district_id or not assignment.is_in_force(round.month):
        return None
    period = period_in(round, assignment.indicator)
    if period is None:
        return None
    version = _version_on(period.end, getattr(assignment, "versions"))  # noqa: B009 - annotated
    return Obligation(
        department=assignment.department,
        indicator=assignment.indicator,
        district=assignment.district,
        period=period,
        unit=version.get("unit") or "",
        is_published=period.end in getattr(assignment, "released"),  # noqa: B009 - annotated
        definition=IndicatorVersion(**version) if "id" in version else None,
    )


def _version_on(day: dt.date, versions: list[dict[str, Any]]) -> dict[str, Any]:
    """What the definition in force on that day says; empty without one."""
    on = day.isoformat()
    for version in versions:
        if version["since"] <= on and (version["until"] is None or on <= version["until"]):
            return {name: said for name, said in version.items() if name not in ("since", "until")}
    return {}


def owing_departments(round: Round) -> list[Department]:
    """Departments that owe at least one figure in a round, in order; one query."""
    return list({obligation.department: None for obligation in owed(round)})
