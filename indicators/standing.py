"""Which target is behind, and whether that matters: its light beside its pace. Pure: no database, no clock.

What is material is said by the light that judged the target's own figure, so by the rule in force; without a light
a lag is told, but never in red.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from django.utils.translation import gettext as _

from indicators.attention import LightRow
from indicators.models import Light
from indicators.pace import Pace
from indicators.rows import Figure, Row


class Standing(IntEnum):
    """Where a target stands, the gravest first."""

    BEHIND = 0  # its light is red
    SLIGHT = 1  # its light is yellow
    SHORT = 2  # no light, but even the upper end of the range misses the target
    UNJUDGED = 3  # behind, and no light that counts says how much that is
    UNKNOWN = 4
    FINE = 5
    REACHED = 6


TONES = {
    Standing.BEHIND: "bad",
    Standing.SLIGHT: "warn",
    Standing.SHORT: "warn",
    Standing.FINE: "good",
    Standing.REACHED: "good",
}


@dataclass(frozen=True, slots=True)
class Stand:
    """A target's pace with the light of the very figure that is held against it; `light` None where there is none."""

    pace: Pace
    light: LightRow | None = None

    @property
    def standing(self) -> Standing:
        pace, light = self.pace, self.light
        if pace.is_reached:
            return Standing.REACHED
        if light is not None and light.counts:
            return Standing.BEHIND if light.light == Light.RED else Standing.SLIGHT
        figure = pace.lead[1]
        if figure is None or figure.value is None:
            return Standing.FINE if light is not None and light.light == Light.GREEN else Standing.UNKNOWN
        if pace.outlook is not None and pace.outlook.short_by is not None:
            return Standing.SHORT
        return Standing.UNJUDGED if figure.value < 0 else Standing.FINE

    @property
    def lead(self) -> tuple[str, Figure | None]:
        """The one thing to know: what the light judged where it counts, else what the pace says."""
        pace, light = self.pace, self.light
        judged = light is not None and light.counts
        if judged and pace.gap is not None and pace.gap.value is not None and pace.gap.value < 0:
            return _("比应完成少"), pace.gap.unsigned
        if pace.lead[0]:
            return pace.lead
        if light is not None:
            return light.why, None
        return (_("没有进度要求可比") if pace.completion else _("缺当前值")), None

    @property
    def tone(self) -> str:
        """bad, warn, good or quiet."""
        return TONES.get(self.standing, "quiet")

    @property
    def mark(self) -> tuple[str, str]:
        """State and word for `mark`; the light itself where one judged the target."""
        if self.light is not None and self.standing is not Standing.REACHED:
            return self.light.state, ""
        match self.standing:
            case Standing.REACHED:
                return "achieved", ""
            case Standing.SHORT:
                return "acceleration_needed", _("测算不够")
            case Standing.FINE:
                return "on_track", _("不落后")
            case Standing.UNKNOWN:
                return "none", _("不能判断")
        return "unrated", _("未评灯")

    @property
    def owner(self) -> str:
        """Who enters its figures."""
        indicator = self.pace.row.target.indicator
        return str(indicator.owner) if indicator is not None and indicator.owner else ""


def judged(row: Row, light: LightRow | None) -> str:
    """Which of the row's figures the light judged, "gap" or "excess"; "" where it judged something else.

    A year's last figure may be judged against a goal of several years, while its gap is the annual target's.
    """
    if light is None or light.gap is None:
        return ""
    name = "excess" if light.by_growth else "gap"
    figure: Figure | None = getattr(row, name)
    return name if figure is not None and figure.value == light.gap else ""


def standings(paces: Sequence[Pace], rows: Iterable[Row], lights: Mapping[int, LightRow]) -> tuple[Stand, ...]:
    """The targets with their lights, the gravest first, within a standing the farthest behind first.

    `rows` show the figures that `lights`, by indicator id, judged.
    """
    shown = {row.indicator.pk: row.period for row in rows}
    stands = []
    for pace in paces:
        target = pace.row.target
        light = lights.get(target.indicator_id or 0)
        period = pace.base_period or pace.row.current_period
        if light is not None and (light.target_code != target.code or shown.get(target.indicator_id or 0) != period):
            light = None  # it judged another figure, or against another target
        stands.append(Stand(pace, light))
    return tuple(sorted(stands, key=lambda stand: (stand.standing, _behind(stand.pace))))


def _behind(pace: Pace) -> Decimal:
    return pace.gap.value if pace.gap is not None and pace.gap.value is not None else Decimal(0)
