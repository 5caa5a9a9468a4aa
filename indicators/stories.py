"""What people said beside the figures, as the indicator's page shows it: events and remarks."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from indicators.actions import ANNOTATORS, may_remark
from indicators.models import Annotation, Indicator, Observation, Remark, Vintage
from indicators.reconcile import reconciliation
from indicators.rows import Figure, Row, rows_by_vintage
from indicators.story_forms import AnnotationForm, remark_form
from lvyuan.accounts.models import User
from lvyuan.periods import Period


@dataclass(frozen=True, slots=True)
class RemarkLine:
    """One remark with the figure that was on the page when it was written; None where nothing was shown."""

    remark: Remark
    shown: Figure | None = None
    number: int = 0
    period: Period | None = None
    is_revised: bool = False


def story_context(
    row: Row, *, indicator: Indicator, district: str, user: User, known_at: dt.datetime | None = None
) -> dict[str, Any]:
    """What `_remarks.html`, `_annotations.html` and `_reconcile.html` need; on an earlier state nothing can be added.

    Four queries, one more for staff of another department than the owner.
    """
    writes = known_at is None
    return {
        "remarks": remark_lines(indicator=indicator, district=district, known_at=known_at),
        "remark_form": remark_form(row) if writes and may_remark(user, indicator, district) else None,
        "annotations": list(events(indicator=indicator, district=district, known_at=known_at)),
        "annotation_form": AnnotationForm(auto_id="event_%s") if writes and user.has_role(*ANNOTATORS) else None,
        "reconciliation": reconciliation(row, district=district, known_at=known_at),
    }


def events(*, indicator: Indicator, district: str, known_at: dt.datetime | None = None) -> QuerySet[Annotation]:
    """Events on the indicator's time axis, its own and those of all indicators, newest first; one query."""
    found = Annotation.objects.filter(Q(indicator=indicator) | Q(indicator__isnull=True), district__code=district)
    if known_at is not None:
        # What was loaded from a source has no author, and was known when it happened.
        found = found.filter(Q(written_by__isnull=True, happened_on__lte=known_at) | Q(written_at__lte=known_at))
    return found.select_related("written_by").order_by("-happened_on", "-pk")


def remark_lines(*, indicator: Indicator, district: str, known_at: dt.datetime | None = None) -> tuple[RemarkLine, ...]:
    """What was said about the indicator, newest first; two queries."""
    remarks = Remark.objects.filter(indicator=indicator, district__code=district).select_related("written_by")
    if known_at is not None:
        remarks = remarks.filter(written_at__lte=known_at)
    in_force = Exists(Observation.objects.filter(current=OuterRef("vintage")))
    said = list(remarks.annotate(is_in_force=in_force).order_by("-written_at", "-pk"))
    vintages = Vintage.objects.filter(pk__in={one.vintage_id for one in said if one.vintage_id})
    rows = rows_by_vintage(vintages, indicators=[indicator])
    return tuple(
        RemarkLine(one, *_shown(rows[one.vintage_id], is_revised=not one.is_in_force))
        if one.vintage_id
        else RemarkLine(one)
        for one in said
    )


def _shown(row: Row, *, is_revised: bool) -> tuple[Figure | None, int, Period, bool]:
    """The figure of a vintage under the vintage's own address, since the figure's is that of what holds now."""
    assert row.vintage is not None
    assert row.period is not None
    main, number = row.main, row.vintage.number
    figure = Figure(f"{main.key.rpartition('/')[0]}/vintage-{number}", main.text, main.value) if main else None
    return figure, number, row.period, is_revised
