"""Figures become vintages; vintages are released. Nothing here changes or removes one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, TypeAlias

from django.db.models import Max, OuterRef, Subquery
from django.utils import timezone
from django.utils.translation import gettext

from indicators.actions.lights import store_lights
from indicators.models import (
    Entry,
    Indicator,
    IndicatorVersion,
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
from lvyuan.ui.words import period_label

# district, indicator and the period's columns: what makes a figure this figure
Address: TypeAlias = tuple[Any, ...]


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


def add_vintages(given: Sequence[VintageInput]) -> list[Vintage]:
    """Adds approved states, and points each observation at the one known last; runs inside an action.

    A fixed number of queries, however many figures. Raises Refused where no definition is in force.
    """
    observations = _locked_observations(given)
    now = timezone.now()  # only now: whoever waited for the lock records later
    latest: dict[int, int] = dict(
        Vintage.objects.order_by()
        .filter(observation__in=observations.values())
        .values_list("observation")
        .annotate(Max("number"))
    )
    definitions = _definitions({figure.indicator.pk for figure in given})
    vintages = []
    for figure in given:
        observation = observations[_address(figure)]
        latest[observation.pk] = number = latest.get(observation.pk, 0) + 1
        version = _definition(figure, definitions)
        vintage = Vintage(
            observation=observation,
            district=figure.district,
            number=number,
            version=version,
            source=figure.source,
            known_from=figure.known_from or now,
            entered_by=figure.entered_by,
            approved_by=figure.approved_by,
            entry=figure.entry,
            reason=figure.reason if number > 1 else "",
            **figure.columns,
        )
        if vintage.value is not None and not vintage.unit:
            vintage.unit = version.unit
        vintage.clean_fields(exclude=_VINTAGE_LINKS)
        vintages.append(vintage)
    Vintage.objects.bulk_create(vintages)
    _add_details(given, vintages)
    known_last = Vintage.objects.filter(observation=OuterRef("pk")).order_by("-known_from", "-number")
    Observation.objects.filter(pk__in=[observation.pk for observation in observations.values()]).update(
        current=Subquery(known_last.values("pk")[:1])
    )
    store_lights(vintages)
    return vintages


_VINTAGE_LINKS = {"district", "observation", "version", "source", "entered_by", "approved_by", "entry"}


def _address(figure: VintageInput) -> Address:
    return figure.district.pk, figure.indicator.pk, *period_columns(figure.period).values()


def _locked_observations(given: Sequence[VintageInput]) -> dict[Address, Observation]:
    """The figures' observations, made where missing; made and locked in one order, so approvals never deadlock."""
    wanted = {_address(figure): figure for figure in sorted(given, key=lambda figure: str(_address(figure)))}
    Observation.objects.bulk_create(
        (
            Observation(district=figure.district, indicator=figure.indicator, **period_columns(figure.period))
            for figure in wanted.values()
        ),
        ignore_conflicts=True,
    )
    candidates = Observation.objects.filter(
        district__in={district for district, *_ in wanted},
        indicator__in={indicator for _, indicator, *_ in wanted},
        period_end__in={figure.period.end for figure in given},
    )
    addressed = {(o.district_id, o.indicator_id, *o.period_key): o.pk for o in candidates}
    # Not in_bulk(): it drops the order, and rows are locked as they are read.
    keys = [addressed[address] for address in wanted]
    locked = {o.pk: o for o in Observation.objects.filter(pk__in=keys).order_by("pk").select_for_update()}
    return {address: locked[addressed[address]] for address in wanted}


def _definitions(indicators: set[int]) -> dict[int, list[IndicatorVersion]]:
    found: dict[int, list[IndicatorVersion]] = {}
    for version in IndicatorVersion.objects.filter(indicator__in=indicators):
        found.setdefault(version.indicator_id, []).append(version)
    return found


def _definition(figure: VintageInput, definitions: dict[int, list[IndicatorVersion]]) -> IndicatorVersion:
    for version in definitions.get(figure.indicator.pk, []):
        if version.is_in_force(figure.period.end):
            return version
    raise Refused(
        gettext("“%(indicator)s”在%(period)s没有生效的口径，请管理员先补充指标口径。")
        % {"indicator": figure.indicator, "period": period_label(figure.period)}
    )


def _add_details(given: Sequence[VintageInput], vintages: Sequence[Vintage]) -> None:
    """Ranks, printed comparisons and releases of new vintages."""
    pairs = list(zip(given, vintages, strict=True))
    Rank.objects.bulk_create(
        Rank(vintage=vintage, **asdict_shallow(rank)) for figure, vintage in pairs for rank in figure.ranks
    )
    PrintedComparison.objects.bulk_create(
        PrintedComparison(vintage=vintage, **asdict_shallow(comparison))
        for figure, vintage in pairs
        for comparison in figure.comparisons
    )
    Release.objects.bulk_create(
        Release(
            vintage=vintage,
            released_at=figure.released_at or vintage.known_from,
            authority=figure.release_authority,
            by=figure.approved_by,
        )
        for figure, vintage in pairs
        if figure.release_authority
    )


def asdict_shallow(given: RankInput | ComparisonInput) -> dict[str, Any]:
    """Field by field; `dataclasses.asdict` would copy the models inside."""
    return {field.name: getattr(given, field.name) for field in fields(given)}


@action
def record_published(*, by: User | None, figures: Iterable[VintageInput], reason: str) -> int:
    """Writes published figures directly as vintages; only the operator's load_fixtures does so."""
    return len(add_vintages(list(figures)))


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
