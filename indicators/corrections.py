"""What an entry changes of a figure that was approved before, and what it leaves standing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from django.utils.translation import gettext

from indicators.models import Entry, Observation, PrintedComparison, Rank, RankBy, Vintage
from lvyuan.numbers import plain
from lvyuan.ui.words import period_label

# district and indicator id, and the period's code
Address: TypeAlias = tuple[int, int, str]
FIGURES = ("value", "comparator", "unit", "printed", "growth", "text")
# What each detail of a vintage speaks about: it stands as long as that does.
_MEASURE_OF_RANK = {RankBy.LEVEL.value: "value", RankBy.GROWTH.value: "growth"}
_MEASURE_OF_COMPARISON = {
    PrintedComparison.Kind.OVER_EXPECTATION.value: "growth",
    PrintedComparison.Kind.OVER_THREE_YEARS.value: "value",
}


def address(entry: Entry) -> Address:
    return entry.district_id, entry.indicator_id, entry.period.code


def standing(entries: Sequence[Entry]) -> dict[Address, Vintage]:
    """The vintages in force of the entries' figures, with ranks and printed comparisons; at most three queries."""
    observations = Observation.objects.filter(
        district__in={entry.district_id for entry in entries},
        indicator__in={entry.indicator_id for entry in entries},
        period_end__in={entry.period_end for entry in entries},
    )
    found = Vintage.objects.in_force().filter(observation__in=observations.values("pk"))
    vintages = found.select_related("observation").prefetch_related("ranks__pool", "comparisons")
    wanted = {address(entry) for entry in entries}
    found_at = ((v.observation.district_id, v.observation.indicator_id, v.observation.period.code) for v in vintages)
    return {at: vintage for at, vintage in zip(found_at, vintages, strict=True) if at in wanted}


def same_figures(entry: Entry, vintage: Vintage) -> bool:
    """Whether the entry says the same figures, digit for digit, and no other rank."""
    if any(_digits(entry, name) != _digits(vintage, name) for name in FIGURES):
        return False
    if entry.rank_place is None or entry.rank_pool_id is None:
        return True
    said = {(rank.pool_id, rank.by): rank.place for rank in vintage.ranks.all()}
    return said.get((entry.rank_pool_id, entry.rank_by or RankBy.UNSTATED.value)) == entry.rank_place


def changed_cells(entry: Entry, vintage: Vintage | None) -> set[str]:
    """The cells that approving the entry would set or change: value, growth, rank_place, note, status.

    None where the entry says nothing: then what is in force stays.
    """
    if entry.is_blank:
        return set()
    if vintage is None:
        said = {
            "value": entry.value is not None or bool(entry.text or entry.null_reason),
            "growth": entry.growth is not None,
            "rank_place": entry.rank_place is not None,
            "note": bool(entry.note),
        }
        return {name for name, is_said in said.items() if is_said}
    changed = {
        name
        for name, columns in _COLUMNS_OF_CELL.items()
        if any(_digits(entry, column) != _digits(vintage, column) for column in columns)
    }
    if ranks_after(entry, vintage) != {(rank.pool_id, rank.by): rank.place for rank in vintage.ranks.all()}:
        changed.add("rank_place")
    return changed


_COLUMNS_OF_CELL = {
    "value": ("value", "comparator", "unit", "printed", "text", "null_reason"),
    "growth": ("growth",),
    "note": ("note",),
    "status": ("status",),
}


def ranks_after(entry: Entry, vintage: Vintage) -> dict[tuple[int, str], int]:
    """By pool and what it is ranked by, the places that hold once the entry is approved."""
    ranks = {(rank.pool_id, rank.by): rank.place for rank in kept_ranks(entry, vintage)}
    if entry.rank_place is not None and entry.rank_pool_id is not None:
        ranks[entry.rank_pool_id, entry.rank_by or RankBy.UNSTATED.value] = entry.rank_place
    return ranks


def kept_ranks(entry: Entry, vintage: Vintage) -> list[Rank]:
    """The vintage's ranks that stand beside the correction: those of a measure that did not change."""
    own = (entry.rank_pool_id, entry.rank_by or RankBy.UNSTATED.value) if entry.rank_place is not None else None
    return [
        rank
        for rank in vintage.ranks.all()
        if (rank.pool_id, rank.by) != own and _unchanged(entry, vintage, _MEASURE_OF_RANK.get(rank.by))
    ]


def kept_comparisons(entry: Entry, vintage: Vintage) -> list[PrintedComparison]:
    """The printed comparisons that stand beside the correction."""
    return [
        comparison
        for comparison in vintage.comparisons.all()
        if _unchanged(entry, vintage, _MEASURE_OF_COMPARISON.get(comparison.kind))
    ]


def missing_reasons(entries: Sequence[Entry]) -> list[str]:
    """The corrections of approved figures that say no reason, each named with what it would replace."""
    said = [entry for entry in entries if not entry.is_blank and not entry.reason.strip()]
    approved = standing(said) if said else {}
    return [
        (
            gettext("%(indicator)s%(period)s（原为%(short)s）")
            % {"indicator": entry.indicator, "period": period_label(entry.period), "short": _short(vintage)}
        )
        for entry in said
        if (vintage := approved.get(address(entry))) is not None and not same_figures(entry, vintage)
    ]


def _short(vintage: Vintage) -> str:
    if vintage.value is not None:
        return vintage.printed or f"{plain(vintage.value)}{vintage.unit}"
    return (
        gettext("同比%(growth)s%%") % {"growth": plain(vintage.growth)}
        if vintage.growth is not None
        else vintage.text or gettext("已审核的数")
    )


def _unchanged(entry: Entry, vintage: Vintage, measure: str | None) -> bool:
    measures = ("value", "growth") if measure is None else (measure,)
    return all(_digits(entry, name) == _digits(vintage, name) for name in measures)


def _digits(figure: Entry | Vintage, name: str) -> str:
    value = getattr(figure, name)
    return "" if value is None else str(value)
