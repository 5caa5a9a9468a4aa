"""What is stored of a vintage, read as plain rows: pages show hundreds, and models cost ten times as much."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, TextField
from django.db.models.functions import Cast, JSONObject

from indicators.models import PrintedComparison, Rank, Vintage
from indicators.models.definitions import Source
from indicators.models.figures import NullReason, VintageStatus, figure_key
from indicators.rows.figures import exact_value
from lvyuan.periods import Period, PeriodKind

Address = tuple[int, str, dt.date, dt.date | None]  # indicator, and the period's three columns


class RankFact(NamedTuple):
    place: int
    pool_size: int
    pool: str
    by: str
    wording: str
    pool_id: int


class ComparisonFact(NamedTuple):
    kind: str
    delta: Decimal
    unit: str
    wording: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One approved state, with its ranks and printed comparisons; names as on Vintage."""

    pk: int
    indicator: int
    district: str
    kind: str
    end: dt.date
    start: dt.date | None
    number: int
    version: int
    value: Decimal | None
    comparator: str
    unit: str
    printed: str
    null_reason: str
    growth: Decimal | None
    growth_basis: str
    text: str
    status: str
    source: str
    source_kind: str
    locator: str
    known_from: dt.datetime
    is_backfilled: bool
    is_released: bool
    period_wording: str
    period_is_inferred: bool
    note: str
    ranks: tuple[RankFact, ...]
    comparisons: tuple[ComparisonFact, ...]

    @property
    def period(self) -> Period:
        return period_of(self.kind, self.end, self.start)

    @property
    def address(self) -> Address:
        return self.indicator, self.kind, self.end, self.start

    @property
    def exact(self) -> Decimal | None:
        """The value where it can be calculated with."""
        return exact_value(self.value, self.comparator)

    @property
    def status_label(self) -> str:
        return str(VintageStatus(self.status).label)

    @property
    def source_kind_label(self) -> str:
        return str(Source.Kind(self.source_kind).label)

    @property
    def is_invented(self) -> bool:
        """Whether it is demo data, which is never told together with real figures."""
        return self.source_kind == Source.Kind.DEMO

    @property
    def null_reason_label(self) -> str:
        return str(NullReason(self.null_reason).label) if self.null_reason else ""

    def key(self, code: str) -> str:
        """The figure's address; `code` is the indicator's."""
        return figure_key(code, self.district, self.period)

    def base_for(self, other: Facts) -> Decimal | None:
        """The exact value, where it is of the same scope and unit as the other's."""
        return self.exact if (self.version, self.unit) == (other.version, other.unit) else None


@lru_cache(maxsize=4096)
def period_of(kind: str, end: dt.date, start: dt.date | None) -> Period:
    """The period of the three columns."""
    return Period(PeriodKind(kind), end, start)


_COLUMNS = (
    *("pk", "observation__indicator", "observation__district__code"),
    *("observation__period_kind", "observation__period_end", "observation__period_start"),
    *("number", "version", "value", "comparator", "unit", "version__unit", "printed", "null_reason"),
    *("growth", "growth_basis", "text", "status", "source__title", "source__kind", "locator"),
    *("known_from", "known_from_is_backfilled", "release", "period_wording", "period_is_inferred", "note"),
)


def read(vintages: QuerySet[Vintage]) -> list[Facts]:
    """The facts of these vintages in their order; one query."""
    return told(lines(vintages))


def told(found: Iterable[tuple[Any, ...]]) -> list[Facts]:
    """The facts that `lines` found."""
    return [_facts(line) for line in found]


def lines(vintages: QuerySet[Vintage]) -> QuerySet[Vintage, tuple[Any, ...]]:
    """All that is told of these vintages, one tuple each."""
    ranks = Rank.objects.filter(vintage=OuterRef("pk")).order_by("by")
    comparisons = PrintedComparison.objects.filter(vintage=OuterRef("pk")).order_by("kind")
    return vintages.values_list(
        *_COLUMNS,
        ArraySubquery(
            ranks.values(
                row=JSONObject(
                    place="place",
                    pool_size="pool_size",
                    pool="pool__name",
                    by="by",
                    wording="wording",
                    pool_id="pool_id",
                )
            )
        ),
        # The difference travels as text: a JSON number would come back as a float.
        ArraySubquery(
            comparisons.values(
                row=JSONObject(kind="kind", delta=Cast("delta", TextField()), unit="unit", wording="wording")
            )
        ),
    )


def _facts(line: tuple[Any, ...]) -> Facts:
    (pk, indicator, district, kind, end, start, number, version, value, comparator, unit, defined, *rest) = line
    (printed, null_reason, growth, basis, text, status, source, source_kind, locator, *rest) = rest
    known_from, is_backfilled, release, period_wording, period_is_inferred, note, ranks, comparisons = rest
    return Facts(
        pk=pk,
        indicator=indicator,
        district=district,
        kind=kind,
        end=end,
        start=start,
        number=number,
        version=version,
        value=value,
        comparator=comparator,
        unit=unit or defined,
        printed=printed,
        null_reason=null_reason,
        growth=growth,
        growth_basis=basis,
        text=text,
        status=status,
        source=source,
        source_kind=source_kind,
        locator=locator,
        known_from=known_from,
        is_backfilled=is_backfilled,
        is_released=release is not None,
        period_wording=period_wording,
        period_is_inferred=period_is_inferred,
        note=note,
        ranks=tuple(RankFact(**rank) for rank in ranks),
        comparisons=tuple(ComparisonFact(**{**one, "delta": Decimal(one["delta"])}) for one in comparisons),
    )
