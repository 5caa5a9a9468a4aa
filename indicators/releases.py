"""What may be released, and what was: a figure in force without a release is internal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django.db.models import Max, OuterRef, QuerySet, Subquery

from indicators.models import Release, Vintage
from indicators.rows import Row, rows_by_vintage
from lvyuan.accounts.models import User
from lvyuan.periods import Period


@dataclass(frozen=True, slots=True)
class Releasable:
    """A figure in force that is internal; `released_before`: when an earlier version of it was released."""

    vintage: Vintage
    row: Row
    released_before: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was released at one moment on one authority."""

    released_at: dt.datetime
    authority: str
    by: User | None  # None: loaded with its source
    rows: list[Row]


def releasable(district: str) -> QuerySet[Vintage]:
    """A district's internal figures in force, with `released_before`; latest period first."""
    earlier = (
        Release.objects.filter(vintage__observation=OuterRef("observation")).order_by().values("vintage__observation")
    )
    return (
        Vintage.objects.in_force()
        .select_related("observation")
        .filter(observation__district__code=district, release__isnull=True)
        .annotate(released_before=Subquery(earlier.annotate(last=Max("released_at")).values("last")))
        .order_by(
            "-observation__period_end",
            "observation__period_kind",
            "observation__period_start",
            "observation__indicator__order",
            "observation__indicator__code",
        )
    )


def by_period(vintages: Sequence[Vintage]) -> list[tuple[Period, list[Releasable]]]:
    """The figures of `releasable`, period by period, in their order; two queries."""
    rows = rows_by_vintage(Vintage.objects.filter(pk__in=[vintage.pk for vintage in vintages]))
    found = groupby(vintages, key=lambda vintage: vintage.observation.period)
    return [
        (period, [Releasable(vintage, rows[vintage.pk], vintage.released_before) for vintage in group])  # type: ignore[attr-defined]
        for period, group in found
    ]


def released(district: str) -> QuerySet[Release]:
    """A district's releases, latest first."""
    return (
        Release.objects.filter(vintage__observation__district__code=district)
        .select_related("by")
        .order_by("-released_at", "authority", "by", "pk")
    )


def announcements(releases: Sequence[Release]) -> list[Announcement]:
    """The releases of `released`, put together where moment, authority and person are the same; two queries."""
    rows = rows_by_vintage(Vintage.objects.filter(pk__in=[one.vintage_id for one in releases]))
    return [
        Announcement(released_at, authority, by, [rows[one.vintage_id] for one in group])
        for (released_at, authority, by), group in groupby(
            releases, key=lambda one: (one.released_at, one.authority, one.by)
        )
    ]
