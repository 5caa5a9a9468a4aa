"""Writes what is measured as fixture files: the inverse of indicators.loading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from django.db.models import Max

from indicators.loading import _COLUMNS, _PROMISED, _TARGET_FIELDS
from indicators.models import (
    Annotation,
    Assignment,
    CheckRule,
    Indicator,
    IndicatorNode,
    LightRule,
    RankPool,
    RoundSchedule,
    Source,
    StrategyNode,
    StrategyPlan,
    Target,
    Vintage,
)
from lvyuan.accounts.dumping import Entry, Writer, linked, parents_first, plainly, told
from lvyuan.periods import Period

CHUNK = 2_000


def dump(writer: Writer) -> None:
    """Everything of this app that a file can say, in the files that loading reads."""
    sources = Source.objects.order_by("code")
    source_fields = ("code", "kind", "title", "file_name", "published_on", "published_on_is_inferred", "note")
    writer.write("source.json", sources=(told(one, *source_fields) for one in sources))
    writer.write("strategy.json", plans=_plans(), nodes=_nodes())
    writer.write("indicators.json", indicators=_indicators())
    writer.write("assignments.json", assignments=_assignments())
    writer.write("lights.json", rules=_rules())
    writer.write("figures.json", figures=_figures())
    writer.write("targets.json", targets=_targets())
    writer.write("annotations.json", annotations=_annotations())
    writer.write("rounds.json", schedules=_schedules())
    check_fields = ("code", "valid_from", "kind", "severity", "message", "parameters", "expression", "indicators")
    checks = CheckRule.objects.order_by("code", "valid_from")
    writer.write("checks.json", checks=(told(one, *check_fields, "valid_to", "is_active", "note") for one in checks))


def rank_pools() -> Iterator[Entry]:
    for pool in RankPool.objects.order_by("code"):
        members = pool.members.order_by("district__code").values_list("district__code", flat=True)
        yield told(pool, "code", "name", "valid_from", "valid_to", "note") | {"districts": list(members)}


def _plans() -> Iterator[Entry]:
    for plan in StrategyPlan.objects.select_related("source").order_by("valid_from", "code"):
        fields = ("code", "name", "name_en", "valid_from", "valid_to", "upper_level", "locator", "note")
        yield told(plan, *fields) | linked(source=plan.source)


def _nodes() -> Iterator[Entry]:
    nodes = StrategyNode.objects.select_related("plan", "parent").order_by("plan__code", "order", "code")
    for node in parents_first(nodes):
        fields = ("code", "name", "name_en", "order", "keywords", "locator", "note")
        yield linked(plan=node.plan, parent=node.parent) | told(node, *fields)


def nodes_told(nodes: Iterable[StrategyNode]) -> Entry:
    """Links into the strategy in force: a file names the nodes of one plan."""
    by_plan: dict[str, list[str]] = {}
    for node in sorted(nodes, key=lambda node: (node.plan.valid_from, node.order, node.code)):
        by_plan.setdefault(node.plan.code, []).append(node.code)
    if not by_plan:
        return {}
    plan, codes = by_plan.popitem()
    return {"plan": plan, "nodes": codes}


def _indicators() -> Iterator[Entry]:
    links: dict[int, list[StrategyNode]] = {}
    for link in IndicatorNode.objects.select_related("node__plan"):
        links.setdefault(link.indicator_id, []).append(link.node)
    fields = ("name", "name_en", "aliases", "category", "nature", "direction", "calendar", "primary_kind", "lag_months")
    found = Indicator.objects.select_related("owner__district").prefetch_related("versions").order_by("order", "code")
    for one in found:
        owned = {"district": one.owner.district.code, "owner": one.owner.code} if one.owner else {}
        versions = sorted(one.versions.all(), key=lambda version: version.valid_from)
        said = ("valid_from", "valid_to", "unit", "definition", "scope", "price_basis", "formula", "decimals")
        yield (
            told(one, "code", *fields, "asks_rank", "is_headline", "order", "note")
            | owned
            | nodes_told(links.get(one.pk, ()))
            | {"versions": [told(version, *said) for version in versions]}
        )


def _assignments() -> Iterator[Entry]:
    found = Assignment.objects.select_related("district", "indicator", "department")
    for one in found.order_by("indicator__order", "indicator__code", "district__code", "valid_from"):
        yield linked(district=one.district, indicator=one.indicator, department=one.department) | told(
            one, "valid_from", "valid_to", "is_assumed"
        )


def _rules() -> Iterator[Entry]:
    for rule in LightRule.objects.prefetch_related("versions", "indicators").order_by("code"):
        said = ("number", "valid_from", "conditions", "otherwise", "reason", "authority")
        versions = sorted(rule.versions.all(), key=lambda version: version.number)
        yield told(rule, "code", "name", "name_en", "family", "default_for", "note") | {
            "indicators": sorted(one.code for one in rule.indicators.all()),
            "versions": [told(version, *said) for version in versions],
        }


def _figures() -> Iterator[Entry]:
    """One entry for each figure: its last approved state, and under `earlier` those before, oldest first."""
    found = (
        Vintage.objects.select_related("observation__district", "observation__indicator", "source", "release")
        .prefetch_related("ranks__pool", "comparisons")
        .order_by("observation__indicator__order", "observation__indicator__code", "observation", "number")
    )
    for _, vintages in groupby(found.iterator(chunk_size=CHUNK), key=lambda one: one.observation_id):
        *earlier, last = vintages
        observation = last.observation
        entry = linked(district=observation.district, indicator=observation.indicator)
        entry |= {"period": observation.period.code} | _state(last)
        if earlier:
            entry["earlier"] = [_state(one) for one in earlier]
        yield entry


def _state(one: Vintage) -> Entry:
    state = told(one, "value", "growth", "unit", *_COLUMNS, "known_from", "reason") | linked(source=one.source)
    if ranks := [
        {"pool": rank.pool.code} | told(rank, "by", "place", "pool_size", "wording") for rank in one.ranks.all()
    ]:
        state["ranks"] = ranks
    if comparisons := [
        told(other, "kind", "delta", "wording") | {"unit": other.unit, "locator": other.locator}
        for other in one.comparisons.all()
    ]:
        state["comparisons"] = comparisons
    if release := getattr(one, "release", None):
        state |= {"release_authority": release.authority, "released_at": plainly(release.released_at)}
    return state


def _targets() -> Iterator[Entry]:
    found = Target.objects.select_related("district", "indicator", "compared_with", "node__plan", "source")
    promised = tuple(name for name in _PROMISED if name in ("value", "unit", "upper", "baseline_value", "known_from"))
    for one in found.prefetch_related("points").order_by("district__code", "code", "version"):
        entry = linked(district=one.district, indicator=one.indicator, compared_with=one.compared_with)
        entry |= linked(source=one.source) | {"period": one.period.code, "version": one.version}
        entry |= told(one, "code", *_TARGET_FIELDS, *promised, "reason", "authority")
        if one.node:
            entry |= {"plan": one.node.plan.code, "node": one.node.code}
        if points := sorted(one.points.all(), key=lambda point: point.due_on):
            entry["points"] = [
                {"month": Period.month(point.due_on.year, point.due_on.month).code, "value": plainly(point.value)}
                for point in points
            ]
        yield entry


def _annotations() -> Iterator[Entry]:
    found = Annotation.objects.select_related("district", "indicator").order_by("happened_on", "pk")
    for one in found:
        yield linked(district=one.district, indicator=one.indicator) | told(
            one, "happened_on", "title", "text", "source"
        )


def _schedules() -> Iterator[Entry]:
    """The newest schedule of each district: it is in force from the month in which it is loaded."""
    newest = RoundSchedule.objects.order_by().values("district").annotate(last=Max("valid_from"))
    last = {one["district"]: one["last"] for one in newest}
    for one in RoundSchedule.objects.select_related("district").order_by("district__code"):
        if one.valid_from == last[one.district_id]:
            fields = ("opens_after", "due_after", "closes_after", "hour", "instructions")
            yield linked(district=one.district) | told(one, *fields)
