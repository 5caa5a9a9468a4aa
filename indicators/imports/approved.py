"""A row against what is approved: new, changed, or nothing new."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, cast

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext

from indicators.actions import Draft
from indicators.imports.lines import COLUMNS, FIGURES, Candidate, Content, Fault, rank_text, said_texts
from indicators.models import Observation, Rank, Vintage, VintageStatus
from indicators.models.fields import period_columns
from indicators.models.figures import figure_key
from lvyuan.accounts.models import User
from lvyuan.imports.registry import PlanRow, Status
from lvyuan.numbers import Comparator, format_figure, plain
from lvyuan.ui.words import period_label

Address: TypeAlias = tuple[int, int, str, dt.date, dt.date | None]


@dataclass(frozen=True, slots=True)
class Current:
    """The approved state of one observation, as far as a file can speak about it."""

    said: dict[str, str]
    status: str
    ranks: tuple[str, ...]
    text: str


def approved_at(candidates: Iterable[Candidate], user: User) -> dict[Address, Current]:
    """What is approved now at the candidates' addresses; two queries."""
    visible = Observation.objects.visible_to(user).filter(
        district__in={candidate.district.pk for candidate in candidates},
        indicator__in={candidate.indicator.pk for candidate in candidates},
        period_end__in={candidate.period.end for candidate in candidates},
    )
    vintages = (
        Vintage.objects.filter(pk=F("observation__current"), observation__in=visible)
        .exclude(status=VintageStatus.WITHDRAWN)
        .select_related("observation", "version")
    )
    ranks: defaultdict[int, list[str]] = defaultdict(list)
    for rank in Rank.objects.filter(vintage__in=vintages.values("pk")).select_related("pool").order_by("by"):
        ranks[rank.vintage_id].append(rank_text(rank.pool, rank.place, rank.by))
    return {_address(vintage.observation): _current_of(vintage, tuple(ranks[vintage.pk])) for vintage in vintages}


def _address(observation: Observation) -> Address:
    columns = ("district_id", "indicator_id", "period_kind", "period_end", "period_start")
    return tuple(getattr(observation, column) for column in columns)


def address_of(candidate: Candidate) -> Address:
    columns = period_columns(candidate.period)
    period = columns["period_kind"], columns["period_end"], columns["period_start"]
    return candidate.district.pk, candidate.indicator.pk, *period


def _current_of(vintage: Vintage, ranks: tuple[str, ...]) -> Current:
    unit = vintage.unit or vintage.version.unit
    value = format_figure(
        vintage.value, unit=unit, comparator=cast(Comparator, vintage.comparator), printed=vintage.printed
    )
    return Current(
        said=said_texts(
            vintage.value, vintage.comparator, unit, vintage.growth, vintage.text, gettext("；").join(ranks)
        ),
        status=vintage.status,
        ranks=ranks,
        text=_text(value, vintage.text, vintage.growth, gettext("；").join(ranks)),
    )


def _text(value: str, words: str, growth: Decimal | None, rank: str) -> str:
    rate = gettext("同比 %(growth)s%%") % {"growth": plain(growth)} if growth is not None else ""
    return gettext("；").join(part for part in (value, words, rate, rank) if part)


def plan_row(candidate: Candidate, current: Current | None) -> PlanRow:
    """The row against what is approved. Raises Fault when a correction would silently drop a figure."""
    content, indicator, district = candidate.content, candidate.indicator, candidate.district
    value = format_figure(content.value, unit=content.unit, comparator=content.comparator, printed=content.printed)
    new, old = _text(value, content.text, content.growth, content.rank), current.text if current else ""
    status: Status = "new"
    if current:
        restated = candidate.states_status and content.status != current.status
        agrees = all(
            words in current.ranks if name == "rank" else words == current.said.get(name)
            for name, words in content.said.items()
        )
        status = "same" if agrees and not restated else "changed"
        if status == "changed":
            _check_nothing_lost(content, current)
        if restated:
            old += gettext("（%(label)s）") % {"label": VintageStatus(current.status).label}
            new += gettext("（%(label)s）") % {"label": VintageStatus(content.status).label}
    columns = content.columns()
    return PlanRow(
        line=candidate.line,
        key=figure_key(indicator.code, district.code, candidate.period),
        title=indicator.name
        if district.code == settings.HOME_DISTRICT
        else gettext("%(indicator)s（%(district)s）") % {"indicator": indicator.name, "district": district},
        period=period_label(candidate.period),
        old=old,
        new=new,
        status=status,
        said={name: str(column) for name, column in columns.items()},
        payload=Draft(indicator=indicator, period=candidate.period, district=district, columns=columns),
    )


def _check_nothing_lost(content: Content, current: Current) -> None:
    """A new vintage replaces the whole old one: what a correction leaves blank would vanish unseen."""
    lost = [name for name in FIGURES if name in current.said and name not in content.said]
    if len(current.ranks) > 1 and "rank" not in lost:
        lost.append("rank")
    if lost:
        names = gettext("、").join(COLUMNS[name].names[0] for name in lost)
        message = gettext("现行数据（%(current)s）的%(names)s在这一行没有写全，导入后会丢失") % {
            "current": current.text,
            "names": names,
        }
        raise Fault(lost[0], message, gettext("请照现行数据补全，或在填报表里更正"))
