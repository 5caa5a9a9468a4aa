"""What another rule would have said of months that are judged already; it changes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.db.models import F

from indicators.judging import level_names
from indicators.lights import Inputs, Rule, evaluate
from indicators.models import Indicator, Light, LightResult, LightRule
from lvyuan.periods import Period

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Cell:
    """One judged figure: its light, and what the other rule gives for the same inputs."""

    old: str
    new: str
    sentence: str

    @property
    def is_changed(self) -> bool:
        return self.old != self.new

    @property
    def old_state(self) -> str:
        return "unrated" if self.old == Light.NONE else self.old

    @property
    def new_state(self) -> str:
        return "unrated" if self.new == Light.NONE else self.new


@dataclass(frozen=True, slots=True)
class Line:
    indicator: Indicator
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """Indicators × months, and how many figures go from which light to which."""

    months: tuple[Period, ...]
    lines: tuple[Line, ...]
    moves: tuple[tuple[str, str, int], ...]

    @property
    def judged(self) -> int:
        return sum(count for _, _, count in self.moves)

    @property
    def changed(self) -> int:
        return sum(count for old, new, count in self.moves if old != new)


def preview(rule: LightRule, other: Rule, *, district: str) -> Preview:
    """The last twelve months judged by `rule`, judged by `other` from the inputs stored then; two queries."""
    end = "vintage__observation__period_end"
    judged = LightResult.objects.filter(
        district__code=district, rule_version__rule=rule, vintage=F("vintage__observation__current")
    )
    ends = list(judged.order_by(f"-{end}").values_list(end, flat=True).distinct()[:MONTHS])
    results = judged.filter(**{f"{end}__in": ends}).in_force()
    results = results.select_related("vintage__observation__indicator", "target")
    cells: dict[Indicator, dict[dt.date, Cell]] = {}
    moves: Counter[tuple[str, str]] = Counter()
    for result in results:
        observation = result.vintage.observation
        verdict = evaluate(other, Inputs.from_json(result.inputs, level_names(result.target)))
        cell = Cell(result.light, verdict.light.value, verdict.sentence)
        cells.setdefault(observation.indicator, {})[observation.period_end] = cell
        moves[cell.old, cell.new] += 1
    ordered = ends[::-1]
    return Preview(
        months=tuple(Period.month(end.year, end.month) for end in ordered),
        lines=tuple(
            Line(indicator, tuple(found.get(end) for end in ordered))
            for indicator, found in sorted(cells.items(), key=lambda item: (item[0].order, item[0].code))
        ),
        moves=tuple((old, new, count) for (old, new), count in sorted(moves.items())),
    )
