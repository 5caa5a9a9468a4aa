"""What a reviewer needs beside each drafted figure: the state in force, and what would change."""

from __future__ import annotations

from dataclasses import dataclass

from indicators.findings import Checked, findings
from indicators.models import Entry, Evidence, Observation, Submission, Vintage
from indicators.rows import Row, vintage_row, with_details
from lvyuan.accounts.models import User
from lvyuan.numbers import format_figure, plain


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """A draft as text, and the approved row of the same figure if there is one."""

    entry: Entry
    value: str
    growth: str
    rank: str
    current: Row | None
    evidence: tuple[Evidence, ...]
    checked: Checked | None


def review_lines(submission: Submission, *, user: User) -> list[ReviewLine]:
    """One line per entry, with what the checks find until it is approved; seven queries whatever their number."""
    entries = list(
        submission.entries.select_related("indicator", "district", "rank_pool", "edited_by").prefetch_related(
            "evidence"
        )
    )
    current = _current(entries, user)
    # Once approved, newer figures around it would make it look wrong that was right.
    checked = findings(submission) if submission.state != Submission.State.APPROVED else {}
    return [
        ReviewLine(
            entry=entry,
            value=format_figure(entry.value, unit=entry.unit, comparator=entry.comparator, printed=entry.printed)
            or entry.text,
            growth=f"{plain(entry.growth)}%" if entry.growth is not None else "",
            rank=_rank_text(entry),
            current=current.get((entry.district_id, entry.indicator_id, entry.period.code)),
            evidence=tuple(entry.evidence.all()),
            checked=checked.get(entry.pk),
        )
        for entry in entries
    ]


def _rank_text(entry: Entry) -> str:
    if not entry.rank_place:
        return ""
    return f"第{entry.rank_place}位（{entry.rank_pool}，{entry.get_rank_by_display()}）"


def _current(entries: list[Entry], user: User) -> dict[tuple[int, int, str], Row]:
    observations = Observation.objects.visible_to(user).filter(
        indicator__in={entry.indicator_id for entry in entries},
        district__in={entry.district_id for entry in entries},
        period_end__in={entry.period_end for entry in entries},
        current__isnull=False,
    )
    vintages = with_details(Vintage.objects.filter(pk__in=observations.values("current")))
    return {
        (
            vintage.observation.district_id,
            vintage.observation.indicator_id,
            vintage.observation.period.code,
        ): vintage_row(vintage)
        for vintage in vintages
    }
