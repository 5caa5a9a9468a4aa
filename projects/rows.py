"""The portfolio: one project list as of a day, from which every page takes its project figures.

`portfolio()` needs two queries whatever the number of projects, and one more for what was reported.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate, chain, islice
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BigIntegerField, DateField, DateTimeField, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import JSONObject
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from indicators.calculations import implied_base
from indicators.models import Indicator, PrintedComparison, Source
from indicators.rows import Figure, Row, reported
from lvyuan.accounts.models import User
from lvyuan.numbers import plain, round_to
from lvyuan.periods import Period
from lvyuan.prepared import Columns, Given, prepared
from projects import calculations
from projects.calculations import StartState
from projects.models import KeyProject, ListMembership, ProjectList, StageEvent

RATE_PLACES = 1
WALL_LIMIT = 200  # marks that one can still tell apart; a longer list is a bar
STATE_LABELS = {
    StartState.STARTED: gettext_noop("已开工"),
    StartState.POSSIBLE: gettext_noop("可能已开工"),
    StartState.NOT_STARTED: gettext_noop("未开工"),
}


COUNTED_LABELS = {
    StartState.STARTED: gettext_noop("计入已开工"),
    StartState.POSSIBLE: gettext_noop("可能计入已开工"),
    StartState.NOT_STARTED: gettext_noop("未计入已开工"),
}


_PROJECT = Columns(KeyProject, "project__")
# A list, and what is read along with it, by attribute.
_LIST: dict[str, Columns[Any]] = {
    "": Columns(ProjectList),
    "source": Columns(Source, "source__"),
    **{f"{name}_indicator": Columns(Indicator, f"{name}_indicator__") for name in ("total", "started", "rate")},
}


@dataclass(frozen=True, slots=True)
class ProjectRow:
    project: KeyProject
    number: int
    state: StartState
    is_unspecified: bool

    @property
    def state_label(self) -> str:
        """The state in words; a placeholder is only counted, since nobody said which project it is."""
        if self.is_placeholder:
            return gettext(COUNTED_LABELS[self.state])
        return gettext(STATE_LABELS[self.state])

    @property
    def is_placeholder(self) -> bool:
        return self.project.is_placeholder


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A list's counts and start rate as of a day, computed from its members, beside what was reported."""

    list: ProjectList | None
    as_of: dt.date
    total: Figure | None = None
    started: Figure | None = None
    possible: Figure | None = None
    rate: Figure | None = None
    reported_total: Figure | None = None
    reported_started: Figure | None = None
    reported_rate: Figure | None = None
    reported_period: Period | None = None
    comparison: Figure | None = None
    comparison_wording: str = ""
    baseline: Figure | None = None
    projects: tuple[ProjectRow, ...] = ()
    source: Source | None = None

    @property
    def known(self) -> bool:
        return self.list is not None

    @property
    def comparison_lead(self) -> str:
        """The printed words before the difference: 较近三年平均水平提高."""
        return self.comparison_wording.removesuffix(self.comparison.text) if self.comparison else ""

    @property
    def bar(self) -> tuple[tuple[str, int, int], ...]:
        """Of a list too long for a mark each: (state, how many before it, how many), empty states left out."""
        if len(self.projects) <= WALL_LIMIT:
            return ()
        counts = Counter(row.state for row in self.projects)
        ends = accumulate(counts[state] for state in StartState)
        return tuple(
            (state.value, end - counts[state], counts[state])
            for state, end in zip(StartState, ends, strict=True)
            if counts[state]
        )

    @property
    def unspecified(self) -> bool:
        """Whether starts were counted without saying which projects they are."""
        return any(row.is_unspecified for row in self.projects)


def portfolio(
    *,
    as_of: dt.date | None = None,
    known_at: dt.datetime | None = None,
    user: User,
    district: str,
    code: str | None = None,
) -> Portfolio:
    """The newest list of `district` (or the one of `code`) as of a day; default: the day last reported.

    `known_at` leaves out lists and starts that were not known at that moment.
    """
    moment = known_at or timezone.now()
    found = _newest_list(district, code, moment)
    if found is None:
        return Portfolio(None, as_of or timezone.localdate())
    day = as_of or found.reported_on or timezone.localdate()
    rows = _project_rows(found, day, moment, user)
    counts = Counter(row.state for row in rows)
    started, possible, total = counts[StartState.STARTED], counts[StartState.POSSIBLE], len(rows)
    key = f"portfolio/{district}/{found.code}@{day.isoformat()}"
    rate = round_to(calculations.start_rate_percent(started, possible, total), RATE_PLACES)
    said = _reported(found, district, day, known_at, user)
    printed_rate = said.get("rate")
    comparison = _three_years(printed_rate, day)
    reported_rate = printed_rate.value if printed_rate else None
    baseline = implied_base(reported_rate.value if reported_rate else None, comparison[1].value if comparison else None)
    return Portfolio(
        list=found,
        as_of=day,
        total=_count(f"{key}/total", total),
        started=_count(f"{key}/started", started),
        possible=Figure(f"{key}/possible", f"{started}–{started + possible}", None, True) if possible else None,
        rate=Figure(f"{key}/start_rate", f"{plain(rate)}%", rate) if rate is not None else None,
        reported_total=said["total"].value if "total" in said else None,
        reported_started=said["started"].value if "started" in said else None,
        reported_rate=reported_rate,
        reported_period=printed_rate.period if printed_rate else None,
        comparison=comparison[1] if comparison else None,
        comparison_wording=comparison[0] if comparison else "",
        baseline=Figure(f"{key}/three_year_average", f"{plain(baseline)}%", baseline, True)
        if baseline is not None
        else None,
        projects=rows,
        source=found.source,
    )


def _three_years(printed: Row | None, day: dt.date) -> tuple[str, Figure] | None:
    """The printed difference from the three-year average, beside the rate of the day it was printed for only."""
    if printed is None or printed.period is None or printed.period.end != day:
        return None
    for wording, figure in printed.comparisons:
        if figure.key.endswith(f"/{PrintedComparison.Kind.OVER_THREE_YEARS}"):
            return wording, figure
    return None


def _count(key: str, number: int) -> Figure:
    return Figure(key, str(number), Decimal(number))


@prepared
def _lists(has_code: bool) -> QuerySet[ProjectList, tuple[Any, ...]]:
    lists = ProjectList.objects.filter(
        district__code=Given("district", TextField()), known_from__lte=Given("moment", DateTimeField())
    )
    if has_code:
        lists = lists.filter(code=Given("code", TextField()))
    return lists.order_by("-year", "-pk").values_list(*chain.from_iterable(part.paths for part in _LIST.values()))[:1]


def _newest_list(district: str, code: str | None, moment: dt.datetime) -> ProjectList | None:
    """The list with its source and the three indicators of what was reported; one query."""
    lines = _lists(code is not None, district=district, code=code, moment=moment)
    if not lines:
        return None
    values = iter(lines[0])
    found, *parts = (part.made(list(islice(values, len(part)))) for part in _LIST.values())
    assert isinstance(found, ProjectList)
    for name, part in zip(list(_LIST)[1:], parts, strict=True):
        setattr(found, name, part)
    return found


@prepared
def _members() -> QuerySet[ListMembership, tuple[Any, ...]]:
    """The list's projects as of a day, with what is known of their starts."""
    day, moment = Given("day", DateField()), Given("moment", DateTimeField())
    starts = StageEvent.objects.filter(
        stage=StageEvent.Stage.STARTED, known_from__lte=moment, project=OuterRef("project")
    ).order_by("pk")
    start = JSONObject(on="happened_on", by="no_later_than", is_unspecified="is_unspecified")
    return (
        ListMembership.objects.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=day),
            Q(valid_to__isnull=True) | Q(valid_to__gte=day),
            list=Given("list", BigIntegerField()),
            known_from__lte=moment,
        )
        .order_by("number")
        .values_list("number", ArraySubquery(starts.values(start=start)), *_PROJECT.paths)
    )


def _project_rows(found: ProjectList, day: dt.date, moment: dt.datetime, user: User) -> tuple[ProjectRow, ...]:
    if KeyProject.objects.visible_to(user).query.is_empty():  # who sees any, sees all
        return ()
    return tuple(_project_row(line, day) for line in _members(list=found.pk, day=day, moment=moment))


def _project_row(line: tuple[Any, ...], day: dt.date) -> ProjectRow:
    number, starts, *columns = line
    project, dates = _PROJECT.made(columns), ((_date(start["on"]), _date(start["by"])) for start in starts)
    assert project
    return ProjectRow(
        project=project,
        number=number,
        state=calculations.start_state(dates, as_of=day),
        is_unspecified=any(start["is_unspecified"] for start in starts),
    )


def _date(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def _reported(
    found: ProjectList, district: str, day: dt.date, known_at: dt.datetime | None, user: User
) -> dict[str, Row]:
    """What the list's three indicators say as of the day, as scorecard rows."""
    names = {
        "total": found.total_indicator,
        "started": found.started_indicator,
        "rate": found.rate_indicator,
    }
    rows = reported(
        indicators=[indicator for indicator in names.values() if indicator],
        district=district,
        as_of=day,
        known_at=known_at,
        user=user,
    )
    return {name: rows[indicator.pk] for name, indicator in names.items() if indicator and indicator.pk in rows}
