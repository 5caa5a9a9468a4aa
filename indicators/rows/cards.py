"""The frozen rows that pages show: what is known of an indicator, of a target, of all of a district."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cached_property

from indicators.models import Indicator, Target
from indicators.rows.figures import Figure
from lvyuan.periods import Period


@dataclass(frozen=True, slots=True)
class RankRow:
    figure: Figure
    place: int
    pool_size: int
    pool: str
    by: str
    wording: str
    change: int | None = None
    is_internal: bool = False  # computed from figures of which some are not released


@dataclass(frozen=True, slots=True)
class VintageInfo:
    """Where an approved figure comes from."""

    pk: int
    number: int
    version: int  # of the definition
    status: str
    source: str
    source_kind: str
    is_invented: bool  # demo data
    locator: str
    known_from: dt.datetime
    is_backfilled: bool
    is_released: bool
    period_wording: str
    period_is_inferred: bool
    note: str


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A promise and its figure; `current` is None while nobody has entered one. How far it is: `indicators.pace`."""

    target: Target
    figure: Figure
    period: Period
    current: Figure | None = None
    current_period: Period | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One indicator at one period; all figures None when nothing is approved there.

    `is_off_calendar`: nothing is published for that month by rule (GDP in July), so nothing is missing.
    """

    indicator: Indicator
    unit: str = ""
    period: Period | None = None
    is_off_calendar: bool = False
    value: Figure | None = None
    is_exact: bool = True
    text: Figure | None = None
    null_reason: str = ""
    growth: Figure | None = None
    growth_basis: str = ""
    ranks: tuple[RankRow, ...] = ()
    excess: Figure | None = None
    excess_wording: str = ""
    expected: Figure | None = None
    comparisons: tuple[tuple[str, Figure], ...] = ()
    slot_value: Figure | None = None
    previous: Figure | None = None
    last_year: Figure | None = None
    nominal_growth: Figure | None = None
    completion: Figure | None = None
    gap: Figure | None = None
    target: Figure | None = None
    vintage: VintageInfo | None = None

    @property
    def is_known(self) -> bool:
        return self.vintage is not None

    @property
    def is_invented(self) -> bool:
        """Whether the row's figure is demo data, which never stands beside real figures."""
        return self.vintage is not None and self.vintage.is_invented

    @property
    def excess_lead(self) -> str:
        """The words before the excess: 超出预期 as printed, 比预期 before a computed, signed difference."""
        return self.excess_wording.removesuffix(self.excess.text) if self.excess else ""

    @property
    def level(self) -> Figure | None:
        """The value, or the wording that stands in its place."""
        return self.value or self.text

    @property
    def rank(self) -> Figure | None:
        """The first rank's place."""
        return self.ranks[0].figure if self.ranks else None

    @property
    def main(self) -> Figure | None:
        """The figure to print big: the value, else the growth, the wording, or the best rank."""
        return self.value or self.growth or self.text or self.rank


@dataclass(frozen=True)
class Scorecard:
    """All rows of one district at one period, and its targets."""

    rows: tuple[Row, ...]
    targets: tuple[TargetRow, ...]
    period: Period | None
    known_at: dt.datetime | None

    @cached_property
    def by_code(self) -> dict[str, Row]:
        return {row.indicator.code: row for row in self.rows}

    @cached_property
    def updated_at(self) -> dt.datetime | None:
        """When the newest of these figures became known."""
        return max((row.vintage.known_from for row in self.rows if row.vintage), default=None)

    @cached_property
    def data_until(self) -> dt.date | None:
        """The latest end of the periods shown."""
        return max((row.period.end for row in self.rows if row.period), default=None)

    @property
    def headline(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.indicator.is_headline)

    @property
    def headline_targets(self) -> tuple[TargetRow, ...]:
        return tuple(row for row in self.targets if row.target.is_headline)
