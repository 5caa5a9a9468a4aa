"""Loads what is measured: sources, rank pools, strategy, indicators, published figures, targets, rounds.

Definitions are updated in place. A figure that its file has corrected becomes a new vintage. What a
person has approved is never replaced: the file is compared with the vintages loaded from it alone.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from indicators.actions import ComparisonInput, RankInput, VintageInput, add_forms, judge_unjudged, record_published
from indicators.lights import LightRuleError, parse_rule
from indicators.models import (
    Annotation,
    Assignment,
    CheckRule,
    Indicator,
    IndicatorNode,
    IndicatorVersion,
    LightResult,
    LightRule,
    LightRuleUse,
    LightRuleVersion,
    Observation,
    PrintedComparison,
    Rank,
    RankPool,
    RankPoolMember,
    Release,
    Round,
    RoundSchedule,
    Source,
    StrategyNode,
    StrategyPlan,
    Target,
    TargetPoint,
    Vintage,
    VintageStatus,
)
from indicators.models.fields import period_columns
from indicators.obligations import owing_departments
from indicators.refusals import Refused
from lvyuan.accounts.loading import ADDED, KEPT, ORIGIN, SAME, Folder, Row, by_code, column
from lvyuan.accounts.models import Department, District
from lvyuan.audit.models import Event
from lvyuan.numbers import NumberError, parse_figure
from lvyuan.periods import Period, has_slot

# What a figure says besides its numbers, and where it stands: a change in any of these is a new vintage.
_COLUMNS = (
    *("comparator", "printed", "null_reason", "growth_basis", "text", "status", "locator", "note"),
    *("wording", "period_wording", "period_is_inferred", "known_from_is_backfilled"),
)
# What was promised: a change in any of these needs a new version with reason and authority.
_PROMISED = (
    "kind",
    "measure",
    "value",
    "comparator",
    "unit",
    "text",
    "is_derived",
    "deadline_stated",
    "baseline_value",
    "baseline_on",
    "path",
    "direction",
    "upper",
    "compared_with",
    "met_on",
    "rounding",
    "places",
    "indicator",
    "known_from",
    "period_kind",
    "period_start",
    "period_end",
)


def load(folder: Folder) -> None:
    """Everything of this app, in the order in which one thing refers to another."""
    _load_sources(folder)
    _load_rank_pools(folder)
    load_plans(folder)
    load_nodes(folder)
    load_indicators(folder)
    load_assignments(folder)
    _load_lights(folder)
    _load_figures(folder)
    _load_targets(folder)
    _load_annotations(folder)
    _load_rounds(folder)
    _load_checks(folder)
    judge_loaded(folder)


def judge_loaded(folder: Folder) -> None:
    """Lights for the figures that came before their targets and rules."""
    for _ in judge_unjudged(by=None, reason=""):
        folder.count(LightResult, ADDED)


def nodes_by_plan() -> dict[str, dict[str, StrategyNode]]:
    """Strategy nodes by code, under the code of their plan."""
    found: dict[str, dict[str, StrategyNode]] = {}
    for node in StrategyNode.objects.select_related("plan"):
        found.setdefault(node.plan.code, {})[node.code] = node
    return found


def _load_sources(folder: Folder) -> None:
    fields = ("kind", "title", "file_name", "published_on", "published_on_is_inferred", "note")
    for row in folder.rows("source.json", "sources"):
        folder.put(row, Source, where={"code": row.text("code")}, fields=fields)
        row.end()


def _load_rank_pools(folder: Folder) -> None:
    districts = by_code(District.objects.all())
    for row in folder.rows("districts.json", "rank_pools"):
        members = row.several("districts", districts)
        fields = ("name", "valid_from", "valid_to", "note")
        pool = folder.put(row, RankPool, where={"code": row.text("code")}, fields=fields)
        folder.link(row, RankPoolMember, {"pool": pool}, "district", members)
        row.end()


def load_plans(folder: Folder) -> None:
    sources = by_code(Source.objects.all())

    def put(row: Row) -> None:
        folder.put(
            row,
            StrategyPlan,
            where={"code": row.text("code")},
            fields=("name", "name_en", "valid_from", "valid_to", "upper_level", "locator", "note"),
            source=row.one("source", sources),
        )

    folder.each("strategy.json", "plans", put)


def load_nodes(folder: Folder) -> None:
    """A node's parent stands before it, or is there already."""
    plans, nodes = by_code(StrategyPlan.objects.all()), nodes_by_plan()
    above = {node.pk: node.parent_id for siblings in nodes.values() for node in siblings.values()}

    def put(row: Row) -> None:
        plan, code = row.one("plan", plans), row.text("code")
        siblings = nodes.setdefault(plan.code, {})
        node = folder.put(
            row,
            StrategyNode,
            where={"plan": plan, "code": code},
            fields=("name", "name_en", "order", "keywords", "locator", "note"),
            parent=row.maybe("parent", siblings),
        )
        row.no_circle("parent", node, above)
        siblings[code] = node

    folder.each("strategy.json", "nodes", put)


def plan_of(row: Row, nodes: dict[str, dict[str, StrategyNode]], field: str) -> dict[str, StrategyNode]:
    """The nodes of the row's plan by code; only an entry whose `field` names nodes must name their plan."""
    return row.one("plan", nodes) if row.get("plan") or row.get(field) else {}


def load_indicators(folder: Folder) -> None:
    districts, nodes = by_code(District.objects.all()), nodes_by_plan()
    departments: dict[District, dict[str, Department]] = {}
    decided: dict[District, set[int]] = {}
    fields = (
        "name",
        "name_en",
        "aliases",
        "category",
        "nature",
        "direction",
        "calendar",
        "primary_kind",
        "lag_months",
        "asks_rank",
        "is_headline",
        "order",
        "note",
    )

    def put(row: Row) -> None:
        # The district is that of the owner; an indicator without one is nobody's in particular.
        district = row.one("district", districts) if row.get("owner") else row.maybe("district", districts)
        if district and district not in departments:
            departments[district] = by_code(district.departments.all())
            by_people = Assignment.objects.filter(district=district, is_assumed=False)
            decided[district] = set(by_people.values_list("indicator_id", flat=True))
        owner = row.maybe("owner", departments[district]) if district else None
        indicator = folder.put(row, Indicator, where={"code": row.text("code")}, fields=fields, owner=owner)
        wanted = row.several("nodes", plan_of(row, nodes, "nodes"))
        folder.link(row, IndicatorNode, {"indicator": indicator}, "node", wanted)
        for part in row.parts("versions"):
            folder.put(
                part,
                IndicatorVersion,
                where={"valid_from": part.text("valid_from"), "indicator": indicator},
                fields=("valid_to", "definition", "scope", "price_basis", "formula", "decimals"),
                unit=part.unit("unit"),
            )
            part.end()
        # The owner reports, as we assume, until a person decides otherwise; without a day nothing is assumed.
        assigned_from = row.get("assigned_from")
        if owner and assigned_from and indicator.pk not in decided[district]:
            where = {"district": district, "indicator": indicator, "is_assumed": True}
            folder.put(row, Assignment, where=where, valid_from=assigned_from, department=owner)

    folder.each("indicators.json", "indicators", put)


def load_assignments(folder: Folder) -> None:
    """Who reports what, as people have decided; the file is optional."""
    districts, indicators = by_code(District.objects.all()), by_code(Indicator.objects.all())
    departments: dict[District, dict[str, Department]] = {}

    def put(row: Row) -> None:
        district = row.one("district", districts)
        if district not in departments:
            departments[district] = by_code(district.departments.all())
        folder.put(
            row,
            Assignment,
            where={
                "district": district,
                "indicator": row.one("indicator", indicators),
                "valid_from": row.text("valid_from"),
            },
            fields=("valid_to", "is_assumed"),
            department=row.one("department", departments[district]),
        )

    folder.each("assignments.json", "assignments", put)


def _load_lights(folder: Folder) -> None:
    """Rules by which figures are judged; a version once loaded is never changed, another one is added."""
    indicators = by_code(Indicator.objects.all())
    said = ("valid_from", "conditions", "otherwise", "reason", "authority")
    for row in folder.rows("lights.json", "rules"):
        rule = folder.put(
            row,
            LightRule,
            where={"code": row.text("code")},
            fields=("name", "name_en", "family", "default_for", "note"),
        )
        for indicator in row.several("indicators", indicators):
            folder.put(row, LightRuleUse, where={"indicator": indicator}, rule=rule)
        for part in row.parts("versions"):
            try:
                parse_rule(part.get("conditions"), part.get("otherwise", ""))
            except LightRuleError as error:
                part.fail("conditions", str(error))
            where = {"rule": rule, "number": part.whole("number")}
            folder.put(part, LightRuleVersion, where=where, fields=said, frozen=said)
            part.end()
        row.end()


def _load_figures(folder: Folder) -> None:
    districts, sources = by_code(District.objects.all()), by_code(Source.objects.all())
    indicators, pools = by_code(Indicator.objects.all()), by_code(RankPool.objects.all())
    figures: list[tuple[Row, VintageInput, list[VintageInput]]] = []
    for row in folder.rows("figures.json", "figures"):
        row.get("fact")
        indicator, period = row.one("indicator", indicators), row.period("period")
        if indicator.slots and not has_slot(indicator.slots, period):
            row.fail("period", f"{indicator}的报送日历里没有“{period}”")
        district = row.one("district", districts)

        def state(part: Row) -> VintageInput:
            return _state(folder, part, district, indicator, period, sources, pools)  # noqa: B023  # called at once

        figure, earlier = state(row), []
        for part in row.parts("earlier"):
            earlier.append(state(part))
            part.end()
        row.end()
        folder.claim(row, Observation, _identity(figure))
        figures.append((row, figure, earlier))
    stored = _stored_vintages([figure for _, figure, _ in figures])
    for row, figure, earlier in figures:
        known = stored.get(tuple(_identity(figure).values()), [])
        if not known:
            for before in earlier:
                _add(folder, row, before)
        _record(folder, row, figure, known, with_history=bool(earlier))


def _state(
    folder: Folder,
    row: Row,
    district: District,
    indicator: Indicator,
    period: Period,
    sources: dict[str, Source],
    pools: dict[str, RankPool],
) -> VintageInput:
    """One approved state as an entry, or one of its `earlier`, says it."""
    # Not stored: it turns what the file says into the types, and the checks, of the table.
    said = Vintage(
        number=1,
        value=row.digits("value"),
        growth=row.digits("growth"),
        unit=row.unit("unit"),
        **{name: row.get(name, column(Vintage, name).get_default()) for name in _COLUMNS},
        known_from=row.text("known_from"),
        reason=row.get("reason", ""),
    )
    folder.clean(row, said)
    _check_print(row, said)
    ranks = [_rank(folder, part, pools) for part in row.parts("ranks")]
    is_silent = said.value is None and said.growth is None and not said.text and not ranks
    if is_silent and said.status != VintageStatus.WITHDRAWN:
        row.fail("value", "数值、增速、位次、定性表述至少要有一项")
    authority = row.get("release_authority", "")
    released = Release(released_at=row.get("released_at") or said.known_from, authority=authority)
    folder.clean(row, released) if authority else None
    return VintageInput(
        district=district,
        indicator=indicator,
        period=period,
        source=row.one("source", sources),
        known_from=said.known_from,
        columns={name: getattr(said, name) for name in ("value", "growth", "unit", *_COLUMNS)},
        ranks=ranks,
        comparisons=[_comparison(folder, part, said.locator) for part in row.parts("comparisons")],
        reason=said.reason,
        release_authority=authority,
        released_at=released.released_at if authority else None,
    )


def _rank(folder: Folder, part: Row, pools: dict[str, RankPool]) -> RankInput:
    rank = Rank(
        pool=part.one("pool", pools),
        by=part.text("by"),
        place=part.whole("place"),
        pool_size=part.whole("pool_size"),
        wording=part.get("wording", ""),
    )
    part.end()
    folder.clean(part, rank)
    return RankInput(**{name: getattr(rank, name) for name in ("pool", "by", "place", "pool_size", "wording")})


def _comparison(folder: Folder, part: Row, locator: str) -> ComparisonInput:
    delta = part.digits("delta")
    if delta is None:
        part.fail("delta", "缺少")
    comparison = PrintedComparison(
        kind=part.text("kind"),
        delta=delta,
        unit=part.unit("unit"),
        wording=part.get("wording", ""),
        locator=part.get("locator", locator),
    )
    part.end()
    folder.clean(part, comparison)
    names = ("kind", "delta", "unit", "wording", "locator")
    return ComparisonInput(**{name: getattr(comparison, name) for name in names})


def _check_print(row: Row, vintage: Vintage) -> None:
    """An approximate print must say the same as its value, comparator and unit."""
    if not vintage.printed:
        return
    try:
        read = parse_figure(vintage.printed)
    except NumberError as error:
        row.fail("printed", str(error))
    if (read.value, read.comparator, read.unit) != (vintage.value, vintage.comparator, vintage.unit):
        row.fail("printed", f"“{vintage.printed}”与 value、comparator、unit 不一致")


def _identity(figure: VintageInput) -> dict[str, Any]:
    """The observation's columns."""
    columns = period_columns(figure.period)
    return {"district_id": figure.district.pk, "indicator_id": figure.indicator.pk, **columns}


def _stored_vintages(figures: list[VintageInput]) -> dict[tuple[Any, ...], list[Vintage]]:
    """All vintages of the figures' observations, oldest first; three queries."""
    vintages = (
        Vintage.objects.filter(
            observation__district__in={figure.district for figure in figures},
            observation__indicator__in={figure.indicator for figure in figures},
            observation__period_end__in={figure.period.end for figure in figures},
        )
        .select_related("observation")
        .prefetch_related("ranks", "comparisons")
        .order_by("number")
    )
    names = ("district_id", "indicator_id", *period_columns(figures[0].period)) if figures else ()
    stored: dict[tuple[Any, ...], list[Vintage]] = {}
    for vintage in vintages:
        stored.setdefault(tuple(getattr(vintage.observation, name) for name in names), []).append(vintage)
    return stored


def _record(
    folder: Folder, row: Row, figure: VintageInput, earlier: list[Vintage], *, with_history: bool = False
) -> None:
    """Adds a vintage unless the newest one loaded from this source says exactly the same.

    `with_history`: the file tells the states before it and why this one replaced them.
    """
    loaded = [
        vintage
        for vintage in earlier
        if vintage.source_id == figure.source.pk
        and not (vintage.entry_id or vintage.entered_by_id or vintage.approved_by_id)
    ]
    reason = ""
    if loaded:
        now, before = _told(figure), _told_by(loaded[-1])
        changed = [_label(name) for name in now if now[name] != before[name]]
        if not changed:
            folder.count(Vintage, SAME)
            return
        reason = f"数据文件有更正：{'、'.join(changed)}"
    elif earlier:
        reason = f"补录来源：{figure.source}"
    elif with_history:
        reason = figure.reason
    _add(folder, row, replace(figure, reason=reason))


def _add(folder: Folder, row: Row, figure: VintageInput) -> None:
    try:
        record_published(by=None, figures=[figure], reason=figure.reason)
    except (Refused, IntegrityError, ValidationError) as error:
        folder.refuse(row, error, Vintage, Rank, PrintedComparison, Observation)
    folder.count(Vintage, ADDED)


def _told(figure: VintageInput) -> dict[str, Any]:
    """All that a figure says, by column and detail."""
    columns = {**figure.columns, "known_from": figure.known_from}
    return {
        **{name: _exact(value) for name, value in columns.items()},
        "ranks": sorted((r.pool.pk, r.by, r.place, r.pool_size, r.wording) for r in figure.ranks),
        "comparisons": sorted((c.kind, str(c.delta), c.unit, c.wording, c.locator) for c in figure.comparisons),
    }


def _told_by(vintage: Vintage) -> dict[str, Any]:
    """The same of a stored one."""
    names = ("value", "growth", "unit", *_COLUMNS, "known_from")
    return {
        **{name: _exact(getattr(vintage, name)) for name in names},
        "ranks": sorted((r.pool_id, r.by, r.place, r.pool_size, r.wording) for r in vintage.ranks.all()),
        "comparisons": sorted((c.kind, str(c.delta), c.unit, c.wording, c.locator) for c in vintage.comparisons.all()),
    }


def _label(name: str) -> str:
    """The name people know."""
    details = {"ranks": "位次", "comparisons": "原文比较"}
    return details.get(name) or str(column(Vintage, name).verbose_name)


def _exact(value: Any) -> Any:
    """Numbers as text, since 17 is not printed 17.0."""
    return str(value) if isinstance(value, Decimal) else value


@dataclass(frozen=True, slots=True)
class TargetCodes:
    """What the codes in a target's entry stand for; four queries."""

    districts: dict[str, District] = field(default_factory=lambda: by_code(District.objects.all()))
    sources: dict[str, Source] = field(default_factory=lambda: by_code(Source.objects.all()))
    indicators: dict[str, Indicator] = field(default_factory=lambda: by_code(Indicator.objects.all()))
    nodes: dict[str, dict[str, StrategyNode]] = field(default_factory=nodes_by_plan)


_TARGET_FIELDS = (
    *("name", "name_en", "kind", "measure", "comparator", "printed", "text", "deadline_stated", "is_derived", "path"),
    *("direction", "met_on", "rounding", "places", "baseline_on", "is_headline", "order", "locator", "wording", "note"),
)


def target_values(row: Row, codes: TargetCodes) -> dict[str, Any]:
    """A target's columns as its entry says them, but for those that belong to the version."""
    return {
        **{name: row.get(name, column(Target, name).get_default()) for name in _TARGET_FIELDS},
        "indicator": row.maybe("indicator", codes.indicators),
        "compared_with": row.maybe("compared_with", codes.indicators),
        "node": row.maybe("node", plan_of(row, codes.nodes, "node")),
        "source": row.one("source", codes.sources),
        "value": row.digits("value"),
        "unit": row.unit("unit"),
        "upper": row.digits("upper"),
        "baseline_value": row.digits("baseline_value"),
    }


def _load_targets(folder: Folder) -> None:
    codes = TargetCodes()

    def put(row: Row) -> None:
        row.get("fact")
        version = row.whole("version") if row.get("version") else 1
        target = folder.put(
            row,
            Target,
            where={"district": row.one("district", codes.districts), "code": row.text("code"), "version": version},
            fields=("reason", "authority"),
            frozen=_PROMISED,
            known_from=row.text("known_from"),
            **target_values(row, codes),
            **period_columns(row.period("period")),
        )
        _put_points(folder, row, target)

    folder.each("targets.json", "targets", put)


def _put_points(folder: Folder, row: Row, target: Target) -> None:
    """The monthly plan of a target, promised with it: no month is changed, added or dropped later."""
    parts = row.parts("points")
    if bool(parts) != (target.path == Target.Path.PLAN):
        row.fail("points", "按月度计划的目标须有月度计划，其他目标没有")
    if not parts:
        return
    stored = set(target.points.values_list("due_on", flat=True))
    told: dict[dt.date, Decimal | None] = {}
    for part in parts:
        due_on, value = part.period("month").end, part.digits("value")
        told[due_on] = value
        where = {"target": target, "due_on": due_on}
        folder.put(part, TargetPoint, where=where, frozen=("value",), value=value)
        part.end()
    if stored and stored != set(told):
        row.fail("points", "已装载的内容不能就地修改，请另加一个版本并写明理由和批准依据")
    months = list(told)
    if months != sorted(months) or months[-1] != target.period_end or told[months[-1]] != target.value:
        row.fail("points", "月度计划须按月份先后，最后一个月须是期限所在的月，且等于目标值")


def _load_annotations(folder: Folder) -> None:
    """Events that a source dates itself; the file is optional. What a person withdrew is not put back."""
    districts, indicators = by_code(District.objects.all()), by_code(Indicator.objects.all())
    for row in folder.rows("annotations.json", "annotations"):
        where = {
            "district": row.one("district", districts),
            "title": row.text("title"),
            "happened_on": row.text("happened_on"),
            "indicator": row.maybe("indicator", indicators),
        }
        source = row.text("source")
        if _is_withdrawn(where):
            row.get("text")
            folder.count(Annotation, KEPT)
        else:
            folder.put(row, Annotation, where=where, fields=("text",), source=source)
        row.end()


def _is_withdrawn(where: dict[str, Any]) -> bool:
    """Whether a person took this event off the axis."""
    told = {f"before__{name}": value for name, value in where.items() if isinstance(value, str)}
    gone = Event.objects.filter(model=Annotation._meta.label_lower, operation=Event.Operation.DELETE, **told)
    return gone.filter(before__district_id=where["district"].pk).exclude(origin__startswith=ORIGIN).exists()


def _load_rounds(folder: Folder) -> None:
    """The schedule, in force from the month it is first loaded in: nobody owes what nobody was asked for."""
    districts = by_code(District.objects.all())
    for row in folder.rows("rounds.json", "schedules"):
        district = row.one("district", districts)
        known = RoundSchedule.objects.filter(district=district).first()
        folder.put(
            row,
            RoundSchedule,
            where={
                "district": district,
                "valid_from": known.valid_from if known else timezone.localdate().replace(day=1),
            },
            fields=("opens_after", "due_after", "closes_after", "hour", "instructions"),
        )
        row.end()
    for row in folder.rows("rounds.json", "rounds"):
        folder.put(
            row,
            Round,
            where={"district": row.one("district", districts), "code": row.text("code")},
            fields=("month", "kind", "opens_at", "due_at", "closes_at", "instructions"),
        )
        row.end()
    # Regular rounds get theirs from the schedule, also for what was assigned later.
    for backfill in Round.objects.filter(kind=Round.Kind.BACKFILL):
        add_forms(backfill, owing_departments(backfill))


def _load_checks(folder: Folder) -> None:
    fields = ("kind", "severity", "message", "parameters", "expression", "indicators", "valid_to", "is_active", "note")
    for row in folder.rows("checks.json", "checks"):
        where = {"code": row.text("code"), "valid_from": row.text("valid_from")}
        rule = folder.put(row, CheckRule, where=where, fields=fields)
        try:
            rule.clean()
        except ValidationError as error:
            name, problems = next(iter(error.message_dict.items()))
            row.fail(name, problems[0])
        row.end()
