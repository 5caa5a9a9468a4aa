"""What the lights say: of given figures, and of a district at a glance — what is red or yellow, and what turned so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Exists, F, Max, OuterRef, Q, Window
from django.db.models.functions import FirstValue, Lead, RowNumber
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
from indicators.models.figures import figure_key
from indicators.rows import Row
from lvyuan.accounts.models import District
from lvyuan.periods import Period

LOOK_BACK = 366  # days: a yearly figure has its slot before a year earlier
WORRY = (Light.RED.value, Light.YELLOW.value)


@dataclass(frozen=True, slots=True)
class LightRow:
    """One figure's light as every page shows it; with an exemption it is told, but does not count."""

    light: str
    sentence: str
    rule: str = ""
    version: int | None = None
    target_version: int | None = None
    exemption: LightExemption | None = None
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


def light_rows(rows: Collection[Row], *, district: str, known_at: dt.datetime | None = None) -> dict[int, LightRow]:
    """By indicator id, the light in force of the figure that each row shows; two queries. Not judged is not in it."""
    shown = {row.vintage.pk: row.indicator.pk for row in rows if row.vintage}
    home = District.objects.filter(code=district).values("pk")[:1]
    exempted = exemptions(district, known_at)
    results = LightResult.objects.filter(district=home, vintage__in=shown)
    return {
        shown[result.vintage_id]: _light_row(result, exempted.get(shown[result.vintage_id]))
        for result in results.in_force(known_at).select_related("rule_version__rule", "target")
    }


def worst(lights: Iterable[LightRow | None]) -> LightRow | None:
    """The gravest of several lights that count, for the node they hang on; None where nothing is judged."""
    judged = [light for light in lights if light is not None and light.light != Light.NONE and not light.exemption]
    return max(judged, key=lambda light: _BADNESS[light.light], default=None)


def exemptions(district: str, known_at: dt.datetime | None = None) -> dict[int, LightExemption]:
    """By indicator id, the exemption that holds today, or held on that day; one query."""
    found = LightExemption.objects.filter(district__code=district).in_force(timezone.localdate(known_at))
    if known_at is not None:
        found = found.filter(approved_at__lte=known_at)
    return {one.indicator_id: one for one in found}


def _light_row(result: LightResult, exemption: LightExemption | None) -> LightRow:
    version, target = result.rule_version, result.target
    return LightRow(
        light=result.light,
        sentence=result.sentence,
        rule=version.rule.name if version else "",
        version=version.number if version else None,
        target_version=target.version if target else None,
        exemption=exemption,
        target_code=target.code if target else "",
        by_growth=target is not None and target.measure == Target.Measure.GROWTH,
        gap=_gap(result),
    )


def _gap(result: LightResult) -> Decimal | None:
    """The distance that was judged, digit for digit; None where the rule looked at something else."""
    if result.target is None:
        return None
    measure = Measure.EXCESS_PP if result.target.measure == Target.Measure.GROWTH else Measure.GAP_PP
    return Inputs.from_json(result.inputs).values.get(measure)


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
    target: Target | None

    @property
    def owner(self) -> str:
        return str(self.indicator.owner) if self.indicator.owner else ""

    @property
    def turned(self) -> bool:
        """Worse than the figure judged before: red that was not, yellow that was green."""
        return bool(self.before) and _BADNESS[self.light.light] > _BADNESS[self.before]


_BADNESS = {Light.GREEN.value: 0, Light.NONE.value: 0, Light.YELLOW.value: 1, Light.RED.value: 2}


def lit(*, district: str, known_at: dt.datetime | None = None, period: Period | None = None) -> tuple[Attention, ...]:
    """What is red or yellow in a district, red first and the farthest behind first, exempted last; three queries.

    `period` takes the figures that end with it; None each indicator's latest of the last year on record. `known_at`
    shows what was known then.
    """
    home, end = District.objects.filter(code=district).values("pk")[:1], "vintage__observation__period_end"
    ended = Observation.objects.filter(district=home, current__isnull=False)
    if known_at is not None:
        ended = ended.filter(period_end__lte=timezone.localdate(known_at))
    ends = period.end if period else ended.aggregate(last=Max("period_end"))["last"]
    if ends is None:
        return ()
    recent = {f"{end}__lte": ends, f"{end}__gt": ends - dt.timedelta(LOOK_BACK)}
    mine = LightResult.objects.filter(district=home, **recent)
    later = LightResult.objects.filter(
        district=OuterRef("district"), vintage=OuterRef("vintage"), number__gt=OuterRef("number")
    )
    if known_at is None:
        mine = mine.filter(vintage__observation__current=F("vintage")).exclude(vintage__status=VintageStatus.WITHDRAWN)
    else:
        states = Vintage.objects.filter(district=home).in_force(known_at)
        mine, later = mine.filter(vintage__in=states, known_from__lte=known_at), later.filter(known_from__lte=known_at)
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
    worrying = ranked.filter(Q(latest_end=ends) if period else Q(), place=1, latest__in=WORRY).select_related(
        "rule_version__rule", "target", "vintage__observation__indicator__owner"
    )
    exempted = exemptions(district, known_at)
    rows = [_attention(result, exempted, district) for result in worrying]
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                row.light.exemption is not None,
                -_BADNESS[row.light.light],
                row.light.gap is None,
                row.light.gap or 0,
                not row.turned,
                row.indicator.order,
                row.indicator.code,
            ),
        )
    )


def _attention(result: LightResult, exempted: dict[int, LightExemption], district: str) -> Attention:
    vintage, observation = result.vintage, result.vintage.observation
    indicator, period = observation.indicator, observation.period
    before_end = getattr(result, "before_end", None)
    return Attention(
        indicator=indicator,
        light=_light_row(result, exempted.get(indicator.pk)),
        period=period,
        key=figure_key(indicator.code, district, period),
        before=getattr(result, "before", None) or "",
        before_period=Period.from_code(f"{before_end:%Y-%m}.month") if before_end else None,
        said=vintage.note,
        target=result.target,
    )
