"""Pages that show approved figures: list, indicator, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from indicators import exports
from indicators.attention import light_rows
from indicators.charts import MAX_YEARS, SHOWN_SLOTS, indicator_charts
from indicators.filters import IndicatorFilter
from indicators.models import Annotation, Assignment, Indicator, Observation, RankBy, RankPool, Target
from indicators.pace import paces, read_trails, replaced_versions, schedule, scheduled
from indicators.pools import in_pool
from indicators.provenance import formulas, pace_formulas, vintage_lines
from indicators.ranking import Ranking, peer_ranking, places_of
from indicators.reconcile import reconciliation
from indicators.rows import (
    Figure,
    Row,
    figure_row,
    months_with_figures,
    promises,
    scorecard,
    series,
    series_keys,
    target_rows,
    with_sort_keys,
)
from indicators.stories import story_context
from indicators.story_forms import reason_form
from indicators.tables import IndicatorTable
from indicators.views.pools import asked_pool
from lvyuan.accounts.models import District, Role
from lvyuan.audit.triggers import FIGURES, REPORTING
from lvyuan.numbers import plain
from lvyuan.periods import Period
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.export import exportable, page_of, page_or_file
from lvyuan.ui.http import asked_moment, asked_period
from lvyuan.ui.months import month_choices
from lvyuan.ui.tables import QueryRows
from lvyuan.ui.views import Missing
from lvyuan.ui.words import name_of, period_label, short_name_of

PERIODS_PER_PAGE = 36  # three years of months


@require_safe
@conditional_page(FIGURES, shared=True)
@exportable
def indicator_list(request: HttpRequest) -> HttpResponseBase:
    district, period, known_at = settings.HOME_DISTRICT, asked_period(request), asked_moment(request)
    narrowed = IndicatorFilter(request.GET, queryset=Indicator.objects.visible_to(request.user))
    found = narrowed.qs if narrowed.is_valid() else narrowed.queryset

    def rows_of(page: QuerySet[Indicator]) -> list[Row]:
        codes = list(page.values_list("code", flat=True))
        card = scorecard(district=district, period=period, known_at=known_at, user=request.user, codes=codes)
        return [card.by_code[code] for code in codes]

    sortable = with_sort_keys(found, district=district, period=period, known_at=known_at)
    table = IndicatorTable(QueryRows(sortable, rows_of), request=request, known_at=known_at)
    return page_or_file(
        request,
        "indicators/indicator_list.html",
        {
            "table": table,
            "filter": narrowed,
            "period": period,
            "known_at": known_at,
            "months": month_choices(months_with_figures(district), period),
        },
        book=lambda: exports.indicators_book(
            list(table.data), period=period, form=narrowed.form, long=exports.figures_sheet(found)
        ),
    )


def get_indicator(request: HttpRequest, code: str) -> Indicator:
    """The indicator, or a 404 in words."""
    found = Indicator.objects.visible_to(request.user).select_related("owner").filter(code=code).first()
    if found is None:
        raise Missing(gettext("没有代码为“%(code)s”的指标。") % {"code": code})
    return found


def _assignment(indicator: Indicator, district: str) -> Assignment | None:
    """Who reports the indicator today."""
    current = Assignment.objects.in_force(timezone.localdate()).filter(district__code=district)
    return current.filter(indicator=indicator).select_related("department").first()


@require_safe
@conditional_page(FIGURES)
@exportable
def indicator_detail(request: HttpRequest, code: str) -> HttpResponseBase:
    indicator = get_indicator(request, code)
    district, period, known_at = settings.HOME_DISTRICT, asked_period(request), asked_moment(request)
    card = scorecard(district=district, period=period, known_at=known_at, user=request.user, codes=[code])
    keys = series_keys(indicator=indicator, district=district, known_at=known_at, user=request.user)
    page = page_of(request, keys, PERIODS_PER_PAGE)
    newest, wanted = keys[:SHOWN_SLOTS], {*keys[:SHOWN_SLOTS], *page.object_list}
    told_rows = series(indicator=indicator, district=district, keys=wanted, known_at=known_at)
    pools = asked_pool(request, district)
    row, *history = in_pool(
        [card.by_code[code], *(told_rows[key] for key in page.object_list)],
        pools,
        district=district,
        known_at=known_at,
        user=request.user,
    )
    shown = row.period.end if row.period else timezone.localdate()
    versions = list(indicator.versions.order_by("-valid_from"))
    targets = promises(row, card, district=district, known_at=known_at)
    told = story_context(row, indicator=indicator, district=district, user=request.user, known_at=known_at)
    return page_or_file(
        request,
        "indicators/indicator_detail.html",
        {
            "indicator": indicator,
            "row": row,
            "light": light_rows([row], district=district, known_at=known_at).get(indicator.pk),
            "history": history,
            "page": page,
            "charts": _charts(request, row, [told_rows[key] for key in newest], told["annotations"], pools.chosen),
            "drawn": {"slots": SHOWN_SLOTS, "years": MAX_YEARS},
            "pools": pools,
            "paces": paces(
                targets.current,
                district=district,
                today=timezone.localdate(known_at),
                until=period,
                known_at=known_at,
            ),
            "targets": targets,
            "versions": versions,
            "version": next((v for v in versions if v.is_in_force(shown)), None),
            "nodes": indicator.nodes.all(),
            "assignment": _assignment(indicator, district),
            "period": period,
            "known_at": known_at,
            "months": month_choices(months_with_figures(district), period),
            **told,
        },
        book=lambda: exports.indicator_book(
            indicator, row, history, long=exports.figures_sheet(Indicator.objects.filter(pk=indicator.pk))
        ),
    )


def _charts(
    request: HttpRequest,
    row: Row,
    newest: Sequence[Row],
    events: Sequence[Annotation],
    pool: RankPool | None,
) -> list[dict[str, Any]]:
    """Trend, schedule, the pool beside each other, growth by month; at most seven queries."""
    district, known_at = settings.HOME_DISTRICT, asked_moment(request)
    ranking = None
    if row.period is not None and pool is not None and row.indicator.nature != Indicator.Nature.TEXT:
        ranking = peer_ranking(
            indicator=row.indicator,
            period=row.period,
            pool=pool,
            known_at=known_at,
            user=request.user,
            by=RankBy.GROWTH,
        )
    target = scheduled(row.indicator, district=district, known_at=known_at)
    versions = [target, *replaced_versions(target)] if target is not None else []
    until = next((one.period.end for one in newest if one.period), timezone.localdate(known_at))
    past = read_trails([row.indicator], district=district, until=until, known_at=known_at, years=MAX_YEARS)
    trail = past.get(row.indicator.pk, {})
    return indicator_charts(
        newest,
        row.indicator,
        past=trail,
        schedules=[schedule(version, trail) for version in versions],
        events=[(event.happened_on, event.title) for event in events],
        standings=[(short_name_of(one.district), one.value) for one in ranking.standings] if ranking else (),
        standings_title=_standings_title(row, ranking) if ranking else "",
        own=next((short_name_of(one.district) for one in ranking.standings if one.district.code == district), "")
        if ranking
        else "",
    )


def _standings_title(row: Row, ranking: Ranking) -> str:
    said = {
        "indicator": name_of(row.indicator),
        "pool": ranking.pool,
        "period": period_label(ranking.period),
    }
    return gettext("%(indicator)s · %(pool)s同比增长（%(period)s）") % said


@require_safe
@conditional_page(FIGURES, REPORTING)
def figure_detail(request: HttpRequest, code: str, district: str, period: str) -> HttpResponse:
    """Where a figure comes from: definition, people, evidence, vintages, and formulas of what is derived."""
    indicator, known_at = get_indicator(request, code), asked_moment(request)
    asked = _period_of(period)
    observation = (
        Observation.objects.visible_to(request.user)
        .for_period(asked)
        .filter(indicator=indicator, district__code=district)
        .select_related("district", "current")
        .first()
    )
    if observation is None:
        raise Missing(gettext("这个数据点还没有审核通过的数据。"))
    row = figure_row(indicator=indicator, district=district, period=asked, known_at=known_at, user=request.user)
    return render(
        request,
        "indicators/figure_detail.html",
        {
            "figure_key": observation.key,
            "observation": observation,
            "indicator": indicator,
            "period": asked,
            "row": row,
            "vintages": vintage_lines(observation, request.user),
            "definition": indicator.version_on(asked.end),
            "nodes": indicator.nodes.all(),
            "assignment": _assignment(indicator, district),
            "formulas": formulas(row),
            "places": [
                (ranking, ranking.of(district))
                for ranking in places_of(
                    indicator=indicator, period=asked, district=district, known_at=known_at, user=request.user
                )
            ],
            "reconciliation": reconciliation(row, district=district, known_at=known_at),
            "reason_form": reason_form(row, request.user) if known_at is None else None,
            "known_at": known_at,
        },
    )


def _period_of(code: str) -> Period:
    try:
        return Period.from_code(code)
    except ValueError as error:
        raise Missing(gettext("没有“%(code)s”这个时期。") % {"code": code}) from error


def plan_points(target: Target) -> list[tuple[Period, Figure]]:
    """The monthly plan, month by month; one query."""
    key = f"target/{target.district.code}/{target.code}"
    return [
        (
            Period.month(point.due_on.year, point.due_on.month),
            Figure(f"{key}/plan-{point.due_on.month}", f"{plain(point.value)}{target.unit}", point.value),
        )
        for point in target.points.all()
    ]


@require_safe
@conditional_page(FIGURES)
def target_detail(request: HttpRequest, district: str, code: str) -> HttpResponse:
    found = District.objects.filter(code=district).first()
    versions = list(
        Target.objects.filter(district=found, code=code)
        .select_related("source", "indicator", "node", "compared_with")
        .prefetch_related("points")
        .order_by("-version")
    )
    if not versions:
        raise Missing(gettext("没有这个目标。"))
    known_at = asked_moment(request)
    known = [version for version in versions if known_at is None or version.known_from <= known_at]
    row = next(iter(target_rows(known[:1], district=district, known_at=known_at, user=request.user)), None)
    today = timezone.localdate(known_at)
    pace = paces([row], district=district, today=today, known_at=known_at)[0] if row else None
    context: dict[str, Any] = {
        "target": versions[0],
        "versions": versions,
        "pace": pace,
        "derived": pace_formulas(pace),
        "plan": plan_points(row.target) if row else [],
        "may_set": request.user.has_role(Role.ADMIN),
        "known_at": known_at,
    }
    return render(request, "indicators/target_detail.html", context)
