"""The leaders' pages, where indicators and projects meet."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from indicators.attention import LightRow, light_rows, lit, worst
from indicators.board import BOARD_READERS, Headline, headline
from indicators.charts import tile_sparks
from indicators.models import IndicatorNode, StrategyNode, StrategyPlan
from indicators.pace import paces
from indicators.pools import in_pool
from indicators.rows import months_with_figures, scorecard
from indicators.standing import judged, standings
from indicators.views.pools import asked_pool
from lvyuan.accounts.models import Role
from lvyuan.audit.triggers import FIGURES, REPORTING
from lvyuan.cockpit.exports import cockpit_book
from lvyuan.cockpit.verdict import Verdict
from lvyuan.ui.conditional import conditional_page
from lvyuan.ui.export import asked_format, exportable, page_or_file
from lvyuan.ui.http import asked_date, asked_moment, asked_period
from lvyuan.ui.months import month_choices
from projects.models import Place, ProjectNode
from projects.rows import portfolio

ATTENTION = 6  # lines of what turned red or yellow
TRENDS = 8  # charts
START_PAGES = {
    Role.STAFF: "indicators:task-list",
    Role.REVIEWER: "indicators:review-list",
    Role.LEADER: "cockpit:cockpit",
    Role.ADMIN: "imports:job-list",
    Role.AUDITOR: "audit:event-list",
}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Everyone's own start page."""
    return redirect(START_PAGES[Role(request.user.role)])


@require_safe
@conditional_page(FIGURES, REPORTING, shared=True)
@exportable
def cockpit(request: HttpRequest) -> HttpResponseBase:
    district, period, known_at = settings.HOME_DISTRICT, asked_period(request), asked_moment(request)
    card = scorecard(district=district, period=period, known_at=known_at, user=request.user, headline=True)
    today = timezone.localdate(known_at)
    lights = light_rows(card.rows, district=district, known_at=known_at)
    most = None if asked_format(request) else ATTENTION  # a file has all of them
    attention, worrying = lit(district=district, known_at=known_at, period=period, most=most)
    found = paces(card.headline_targets, district=district, today=today, until=period, known_at=known_at)
    sparks = tile_sparks(card.headline, district=district, known_at=known_at)
    pools = asked_pool(request, district)
    headline_rows = in_pool(card.headline, pools, district=district, known_at=known_at, user=request.user)
    projects = portfolio(as_of=asked_date(request, "as_of"), known_at=known_at, user=request.user, district=district)
    return page_or_file(
        request,
        "cockpit/cockpit.html",
        {
            "card": card,
            "paces": found,
            "verdict": Verdict(standings(found, card.rows, lights)) if found else None,
            "tiles": [
                (row, sparks.get(row.indicator.pk), light, judged(row, light))
                for row, light in ((row, lights.get(row.indicator.pk)) for row in headline_rows)
            ],
            "attention": attention,
            "attention_more": worrying - len(attention),
            "trends": [row for row in headline_rows if row.indicator.pk in sparks][:TRENDS],
            "pools": pools,
            "portfolio": projects,
            "reporting": _reporting(request, district) if known_at is None else None,
            "screen": "screen" in request.GET,
            "period": period,
            "known_at": known_at,
            "months": month_choices(months_with_figures(district), period),
        },
        book=lambda: cockpit_book(
            paces=found, rows=headline_rows, attention=attention, portfolio=projects, period=period
        ),
    )


def _reporting(request: HttpRequest, district: str) -> Headline | None:
    """Who has reported, for those who may see the board."""
    if not request.user.has_role(*BOARD_READERS):
        return None
    return headline(district=district, now=timezone.now())


@require_safe
@conditional_page(FIGURES, shared=True)
def strategy(request: HttpRequest) -> HttpResponse:
    """The strategy tree with the figures, targets, projects and places that hang on it."""
    district, period, known_at = settings.HOME_DISTRICT, asked_period(request), asked_moment(request)
    card = scorecard(district=district, period=period, known_at=known_at, user=request.user)
    plan = StrategyPlan.objects.select_related("source").first()
    return render(
        request,
        "cockpit/strategy.html",
        {
            "plan": plan,
            "tree": _tree(plan, card, district) if plan else [],
            "portfolio": portfolio(
                as_of=asked_date(request, "as_of"), known_at=known_at, user=request.user, district=district
            ),
            "card": card,
            "period": period,
            "known_at": known_at,
            "months": month_choices(months_with_figures(district), period),
        },
    )


def _tree(plan: StrategyPlan, card: Any, district: str) -> list[dict[str, Any]]:
    """The plan's nodes as nested dictionaries; six queries whatever the size of the tree."""
    nodes = list(StrategyNode.objects.filter(plan=plan).order_by("order"))
    branches: dict[int, dict[str, Any]] = {
        node.pk: {"node": node, "rows": [], "targets": [], "projects": [], "places": [], "children": []}
        for node in nodes
    }
    by_indicator = {row.indicator.pk: row for row in card.rows}
    lights = light_rows(card.rows, district=district, known_at=card.known_at)
    for link in IndicatorNode.objects.filter(node__plan=plan).order_by("indicator__order"):
        if link.indicator_id in by_indicator:
            branches[link.node_id]["rows"].append((by_indicator[link.indicator_id], lights.get(link.indicator_id)))
    for target in card.targets:
        if target.target.node_id in branches:
            branches[target.target.node_id]["targets"].append(target)
    links = ProjectNode.objects.filter(node__plan=plan, project__district__code=district)
    for project_link in links.select_related("project"):
        branches[project_link.node_id]["projects"].append(project_link.project)
    for place in Place.objects.filter(node__plan=plan, district__code=district, project__isnull=True):
        if place.node_id is not None:
            branches[place.node_id]["places"].append(place)
    for node in nodes:
        if node.parent_id is not None:
            branches[node.parent_id]["children"].append(branches[node.pk])
    roots = [branches[node.pk] for node in nodes if node.parent_id is None]
    for root in roots:
        _roll_up(root)
    return roots


def _roll_up(branch: dict[str, Any]) -> LightRow | None:
    """Gives each node the gravest light of its own indicators and of what hangs below."""
    below = [_roll_up(child) for child in branch["children"]]
    branch["light"] = worst([*(light for _, light in branch["rows"]), *below])
    light: LightRow | None = branch["light"]
    return light
