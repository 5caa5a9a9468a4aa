"""What the lights say: of given figures, and of a district at a glance — what is red or yellow, and what turned so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    Case,
    DateField,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
    Window,
)
from django.db.models.functions import FirstValue, JSONObject, Lead, RowNumber
from django.utils import timezone

from indicators.lights import Inputs, Measure
from indicators.models import (
    Indicator,
    Light,
    LightExemption,
    LightResult,
    Observation,
    Target,
    Vintage,
    VintageStatus,
)
from indicators.models.fields import FigureField
from indicators.models.figures import figure_key
from indicators.rows import Row
from indicators.rows.facts import period_of
from lvyuan.accounts.models import district_key
from lvyuan.periods import Period
from lvyuan.prepared import Columns, Given, GivenList, prepared

LOOK_BACK = 366  # days: a yearly figure has its slot before a year earlier
WORRY = (Light.RED.value, Light.YELLOW.value)


class Exempted(NamedTuple):
    """The approved reason why a light does not count, and until when."""

    valid_to: dt.date
    reason: str


@dataclass(frozen=True, slots=True)
class LightRow:
    """One figure's light as every page shows it; with an exemption it is told, but does not count."""

    light: str
    sentence: str
    rule: str = ""
    version: int | None = None
    target_version: int | None = None
    exemption: Exempted | None = None
    target_code: str = ""
    by_growth: bool = False  # held against a promised growth, not against a share of a level
    gap: Decimal | None = None  # how far off what it was held against, in points; negative is behind

    @property
    def why(self) -> str:
        """The sentence without its light, which `mark` says."""
        return self.sentence.partition(" → ")[0]

    @property
    def state(self) -> str:
        """The state that `mark` draws."""
        if self.exemption is not None:
            return "exempt"
        return "unrated" if self.light == Light.NONE else self.light

    @property
    def counts(self) -> bool:
        """Whether it is red or yellow without an approved reason."""
        return self.exemption is None and self.light in WORRY


_DISTRICT, _KNOWN_AT = Given("district", TextField()), Given("known_at", DateTimeField())
_HOME = district_key(_DISTRICT)
_INDICATOR = "vintage__observation__indicator"
_LIGHT = (
    *("light", "sentence", "inputs", "rule_version__rule__name", "rule_version__number"),
    *("target__version", "target__code", "target__measure"),
)


def _exemption(*, is_past: bool) -> Subquery:
    """The exemption that holds today, or held on that day, of the result's indicator."""
    found = LightExemption.objects.filter(district=_HOME, indicator=OuterRef(_INDICATOR))
    found = found.in_force(Given("today", DateField()))
    if is_past:
        found = found.filter(approved_at__lte=_KNOWN_AT)
    told = JSONObject(valid_to="valid_to", reason="reason")
    return Subquery(found.order_by("-valid_to").values(told=told)[:1], output_field=JSONField())


def _light_row(told: tuple[Any, ...]) -> LightRow:
    """From the columns of `_LIGHT` and the exemption."""
    light, sentence, inputs, rule, version, target_version, target_code, measure, exemption = told
    return LightRow(
        light=light,
        sentence=sentence,
        rule=rule or "",
        version=version,
        target_version=target_version,
        exemption=Exempted(dt.date.fromisoformat(exemption["valid_to"]), exemption["reason"]) if exemption else None,
        target_code=target_code or "",
        by_growth=measure == Target.Measure.GROWTH,
        gap=_gap(inputs, measure),
    )


def _gap(inputs: dict[str, str], measure: str | None) -> Decimal | None:
    """The distance that was judged, digit for digit; None where the rule looked at something else."""
    if measure is None:
        return None
    judged = Measure.EXCESS_PP if measure == Target.Measure.GROWTH else Measure.GAP_PP
    return Inputs.from_json(inputs).values.get(judged)


@prepared
def _lights_of(is_past: bool) -> QuerySet[LightResult, tuple[Any, ...]]:
    results = LightResult.objects.filter(
        district=_HOME, vintage__among=GivenList("vintages", BigIntegerField())
    ).in_force(_KNOWN_AT if is_past else None)
    return results.values_list("vintage_id", *_LIGHT, _exemption(is_past=is_past))


def light_rows(rows: Collection[Row], *, district: str, known_at: dt.datetime | None = None) -> dict[int, LightRow]:
    """By indicator id, the light in force of the figure that each row shows; one query. Not judged is not in it."""
    shown = {row.vintage.pk: row.indicator.pk for row in rows if row.vintage}
    found = _lights_of(
        known_at is not None,
        district=district,
        known_at=known_at,
        today=timezone.localdate(known_at),
        vintages=list(shown),
    )
    return {shown[vintage]: _light_row(told) for vintage, *told in found}  # type: ignore[arg-type]


def worst(lights: Iterable[LightRow | None]) -> LightRow | None:
    """The gravest of several lights that count, for the node they hang on; None where nothing is judged."""
    judged = [light for light in lights if light is not None and light.light != Light.NONE and not light.exemption]
    return max(judged, key=lambda light: _BADNESS[light.light], default=None)


@dataclass(frozen=True, slots=True)
class Attention:
    """An indicator whose latest figure is red or yellow: since when, who owns it, what they said."""

    indicator: Indicator
    light: LightRow
    period: Period
    key: str  # of the figure, without the measure
    before: str  # the light of the figure judged before, "" when there is none
    before_period: Period | None
    said: str  # what the department wrote with the figure
    owner: str  # the department's name, "" without one

    @property
    def turned(self) -> bool:
        """Worse than the figure judged before."""
        return _turned(self.light.light, self.before)


_BADNESS = {Light.GREEN.value: 0, Light.NONE.value: 0, Light.YELLOW.value: 1, Light.RED.value: 2}
_COLUMNS = Columns(Indicator, f"{_INDICATOR}__")


@prepared
def _worrying(is_past: bool, has_period: bool) -> QuerySet[LightResult, tuple[Any, ...]]:
    """Of each indicator's latest judged figure within `LOOK_BACK` of the end, the keys of what is red or yellow.

    Keys alone, and the light and the period end judged before: with all that is told of them, PostgreSQL joins the
    definitions to each judgement of the year and not to the few that worry, which took 40 times as long for 860
    indicators.
    """
    end = "vintage__observation__period_end"
    ends: Given | Subquery[Any] = Given("until", DateField())
    if not has_period:
        ended = Observation.objects.filter(district=_HOME, current__isnull=False)
        if is_past:
            ended = ended.filter(period_end__lte=Given("today", DateField()))
        ends = Subquery(ended.order_by("-period_end").values("period_end")[:1])
    begins = ExpressionWrapper(ends - Value(LOOK_BACK), output_field=DateField())
    mine = LightResult.objects.filter(district=_HOME, vintage__observation__district=_HOME).filter(
        **{f"{end}__lte": ends, f"{end}__gt": begins}
    )
    later = LightResult.objects.filter(
        district=OuterRef("district"), vintage=OuterRef("vintage"), number__gt=OuterRef("number")
    )
    if is_past:
        states = Vintage.objects.filter(district=_HOME).in_force(_KNOWN_AT)
        mine, later = (
            mine.filter(vintage__in=states, known_from__lte=_KNOWN_AT),
            later.filter(known_from__lte=_KNOWN_AT),
        )
    else:
        mine = mine.filter(vintage__observation__current=F("vintage")).exclude(vintage__status=VintageStatus.WITHDRAWN)
    mine = mine.filter(~Exists(later))
    own, newest = [F("vintage__observation__indicator")], F(end).desc()
    ranked = mine.annotate(
        place=Window(RowNumber(), partition_by=own, order_by=newest),
        # Windows too: a plain condition would be applied before them, and take the figure before away.
        latest=Window(FirstValue("light"), partition_by=own, order_by=newest),
        latest_end=Window(FirstValue(end), partition_by=own, order_by=newest),
        before=Window(Lead("light"), partition_by=own, order_by=newest),
        before_end=Window(Lead(end), partition_by=own, order_by=newest),
    )
    return (
        ranked.order_by()
        .filter(Q(latest_end=ends) if has_period else Q(), place=1, latest__in=WORRY)
        .values_list("pk", "light", "before", "before_end")
    )


@prepared
def _told_of(is_past: bool, most: int | None) -> QuerySet[LightResult, tuple[Any, ...]]:
    """All that is told of these results, the gravest first, at most so many."""
    exemption = _exemption(is_past=is_past)
    judged = Case(
        When(target__measure=Target.Measure.GROWTH, then=_input(Measure.EXCESS_PP)), default=_input(Measure.GAP_PP)
    )
    badness = [When(light=light, then=Value(-badness)) for light, badness in _BADNESS.items()]
    return (
        LightResult.objects.filter(pk__among=GivenList("results", BigIntegerField()))
        .order_by(
            Case(When(Exists(exemption.query), then=Value(1)), default=Value(0)),
            Case(*badness),
            Case(When(target=None, then=None), default=judged).asc(nulls_last=True),
            Case(When(pk__among=GivenList("turned", BigIntegerField()), then=Value(0)), default=Value(1)),
            f"{_INDICATOR}__order",
            f"{_INDICATOR}__code",
        )
        .values_list(
            *("pk", "vintage__note", f"{_INDICATOR}__owner__short_name"),
            *(f"vintage__observation__{name}" for name in ("period_kind", "period_end", "period_start")),
            *_LIGHT,
            exemption,
            *_COLUMNS.paths,
        )[:most]
    )


def _input(measure: Measure) -> Func:
    """A judgement's stored input as a number."""
    return Func("inputs", template=f"(%(expressions)s->>'{measure.value}')::numeric", output_field=FigureField())


def lit(
    *, district: str, known_at: dt.datetime | None = None, period: Period | None = None, most: int | None = None
) -> tuple[tuple[Attention, ...], int]:
    """What is red or yellow in a district, and how many there are: at most `most` of them; two queries.

    Red first and the farthest behind first, exempted last. `period` takes the figures that end with it; None each
    indicator's latest of the last year on record. `known_at` shows what was known then.
    """
    is_past, today = known_at is not None, timezone.localdate(known_at)
    until = period.end if period else None
    keys = _worrying(is_past, period is not None, district=district, known_at=known_at, today=today, until=until)
    if not keys:
        return (), 0
    before = {pk: (light, end) for pk, _, light, end in keys}
    told = _told_of(
        is_past,
        most,
        district=district,
        known_at=known_at,
        today=today,
        results=list(before),
        turned=[pk for pk, now, was, _ in keys if _turned(now, was)],
    )
    return tuple(_attention(row, before[pk], district) for pk, *row in told), len(keys)


def _turned(light: str, before: str | None) -> bool:
    """Worse than the light judged before: red that was not, yellow that was green."""
    return bool(before) and _BADNESS[light] > _BADNESS[before or Light.NONE]


def _attention(told: list[Any], judged: tuple[Any, ...], district: str) -> Attention:
    (said, owner, kind, end, start, *rest), (before, before_end) = told, judged
    light, columns = rest[: len(_LIGHT) + 1], rest[len(_LIGHT) + 1 :]
    indicator, period = _COLUMNS.made(columns), period_of(kind, end, start)
    assert indicator
    return Attention(
        indicator=indicator,
        light=_light_row(tuple(light)),
        period=period,
        key=figure_key(indicator.code, district, period),
        before=before or "",
        before_period=Period.from_code(f"{before_end:%Y-%m}.month") if before_end else None,
        said=said,
        owner=owner or "",
    )
