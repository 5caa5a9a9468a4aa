"""Figures become vintages; vintages are released. Nothing here changes or removes one."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.recording import NEXT_VINTAGE, PRINTED, SAID, Figures, record
from indicators.models import (
    Entry,
    Indicator,
    Observation,
    PrintedComparison,
    Rank,
    RankPool,
    Release,
    Source,
    Vintage,
)
from indicators.models.fields import period_columns
from indicators.refusals import Conflict, NotAllowed, Refused
from lvyuan.accounts.models import District, Role, User
from lvyuan.audit.context import action
from lvyuan.periods import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class RankInput:
    pool: RankPool
    by: str
    place: int
    pool_size: int
    wording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonInput:
    kind: str
    delta: Decimal
    unit: str = "个百分点"
    wording: str = ""
    locator: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VintageInput:
    """All that one approved state says; names and units as on Vintage."""

    district: District
    indicator: Indicator
    period: Period
    source: Source
    known_from: dt.datetime | None  # None: the moment of recording
    columns: dict[str, object]
    ranks: Sequence[RankInput] = ()
    comparisons: Sequence[ComparisonInput] = ()
    entered_by: User | None = None
    approved_by: User | None = None
    entry: Entry | None = None
    reason: str = ""
    release_authority: str = ""
    released_at: dt.datetime | None = None  # None: the moment it became known


def add_vintages(given: Sequence[VintageInput]) -> None:
    """Records what is in memory anyway, all its details included: a data file of ours, a figure of a test.

    A fixed number of queries, however many figures; runs inside an action. Raises Refused where no definition is in
    force, ValidationError for what a column cannot hold.
    """
    if not given:
        return
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {NEXT_VINTAGE} FROM generate_series(1, %s)", [len(given)])  # noqa: S608 - a constant
        ids = [pk for (pk,) in cursor.fetchall()]
    rows = [{**_row(figure), "id": pk, "seq": pk} for figure, pk in zip(given, ids, strict=True)]
    figures = Figures(sql=_ROWS, params={"rows": json.dumps(rows, default=str)}, first=ids[0] - 1)
    record(figures, details=lambda _: _add_details(given, ids))


def _row(figure: VintageInput) -> dict[str, object]:
    """The figure by column names, checked as its vintage."""
    vintage = Vintage(number=1, district=figure.district, entry=figure.entry, reason=figure.reason, **figure.columns)
    vintage.known_from = figure.known_from or timezone.now()
    vintage.clean_fields(exclude=_VINTAGE_LINKS)
    said = {name: getattr(vintage, name) for name in (*SAID, *PRINTED, "status", "reason", "district_id", "entry_id")}
    return said | {
        "indicator_id": figure.indicator.pk,
        **period_columns(figure.period),
        "source_id": figure.source.pk,
        "known_from": figure.known_from,
        "entered_by_id": figure.entered_by.pk if figure.entered_by else None,
        "approved_by_id": figure.approved_by.pk if figure.approved_by else None,
    }


_VINTAGE_LINKS = {"district", "observation", "version", "source", "entered_by", "approved_by", "entry"}
_ROWS = f"""
    SELECT given.*, NULL::bigint AS rank_pool_id, NULL::smallint AS rank_place, '' AS rank_by
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS given (
        id bigint, seq bigint, entry_id bigint, version_id bigint, district_id bigint, indicator_id bigint,
        period_kind text, period_end date, period_start date, value numeric, growth numeric,
        {", ".join(f"{name} text" for name in SAID if name not in ("value", "growth"))},
        wording text, period_wording text, period_is_inferred boolean, known_from_is_backfilled boolean, status text,
        source_id bigint, known_from timestamptz, entered_by_id bigint, approved_by_id bigint, reason text
    )
"""  # noqa: S608 - names of our columns


def _add_details(given: Sequence[VintageInput], ids: Sequence[int]) -> None:
    """Ranks, printed comparisons and releases of new vintages."""
    pairs = list(zip(given, ids, strict=True))
    Rank.objects.bulk_create(
        Rank(vintage_id=pk, **asdict_shallow(rank)) for figure, pk in pairs for rank in figure.ranks
    )
    PrintedComparison.objects.bulk_create(
        PrintedComparison(vintage_id=pk, **asdict_shallow(comparison))
        for figure, pk in pairs
        for comparison in figure.comparisons
    )
    released = {pk: figure for figure, pk in pairs if figure.release_authority}
    known_from = dict(Vintage.objects.filter(pk__in=released).values_list("pk", "known_from")) if released else {}
    Release.objects.bulk_create(
        Release(
            vintage_id=pk,
            released_at=figure.released_at or known_from[pk],
            authority=figure.release_authority,
            by=figure.approved_by,
        )
        for pk, figure in released.items()
    )


def asdict_shallow(given: RankInput | ComparisonInput) -> dict[str, Any]:
    """Field by field; `dataclasses.asdict` would copy the models inside."""
    return {field.name: getattr(given, field.name) for field in fields(given)}


@action
def record_published(*, by: User | None, figures: Iterable[VintageInput], reason: str) -> int:
    """Writes published figures directly as vintages; only the operator's load_fixtures does so."""
    given = list(figures)
    add_vintages(given)
    return len(given)


@action
def release(*, by: User, vintages: Sequence[Vintage], authority: str, released_at: dt.datetime) -> int:
    """Publishes approved figures (内部 → 已发布): from that moment they may be quoted; all or nothing.

    Raises NotAllowed for others than reviewers, Refused without an authority or before approval, Conflict when a
    figure was released or replaced meanwhile.
    """
    if not by.has_role(Role.REVIEWER):
        raise NotAllowed(gettext("只有审核员可以发布数据，没有发布任何内容。"))
    authority = authority.strip()
    if not authority:
        raise Refused(gettext("请写明发布依据，如“统计局2024年3月新闻发布会”。"))
    if not vintages:
        raise Refused(gettext("请先勾选要发布的数据。"))
    if released_at > timezone.now():
        raise Refused(gettext("发布时间不能晚于现在。"))
    keys = sorted(vintage.observation_id for vintage in vintages)
    current = {o.pk: o.current_id for o in Observation.objects.filter(pk__in=keys).order_by("pk").select_for_update()}
    done = set(Release.objects.filter(vintage__in=vintages).values_list("vintage", flat=True))
    for vintage in vintages:
        if current.get(vintage.observation_id) != vintage.pk or vintage.pk in done:
            raise Conflict(
                gettext("%(observation)s已有更新或已经发布，没有发布任何内容。请刷新页面后重新勾选。")
                % {"observation": vintage.observation}
            )
        if vintage.known_from > released_at:
            raise Refused(
                gettext("%(observation)s审核通过的时间晚于发布时间，没有发布任何内容。")
                % {"observation": vintage.observation}
            )
    Release.objects.bulk_create(
        Release(vintage=vintage, released_at=released_at, authority=authority, by=by) for vintage in vintages
    )
    return len(vintages)
