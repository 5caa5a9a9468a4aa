"""Which pool's places a page shows: a district may be ranked in several."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import gettext

from indicators.models import RankPool
from indicators.ranking import Ranking, Standing, standings_of
from indicators.rows import RankRow, Row
from lvyuan.accounts.models import User


class UnknownPool(Exception):
    """A pool that does not exist, or that the district is no member of; the text is for people."""


@dataclass(frozen=True, slots=True)
class PoolChoice:
    """The pools of a district that hold on a day, and the one that was chosen; None where there is none."""

    pools: tuple[RankPool, ...]
    chosen: RankPool | None

    @property
    def is_default(self) -> bool:
        """Whether the page shows what it shows without a choice: places as reported."""
        return self.chosen is None or self.chosen.code == settings.RANK_POOL

    @property
    def others(self) -> list[tuple[str, str, bool]]:
        """(code, name, whether chosen) of the pools beside the installation's own; empty: nothing to choose."""
        return [(pool.code, pool.name, pool == self.chosen) for pool in self.pools if pool.code != settings.RANK_POOL]

    @property
    def own_name(self) -> str:
        """The name of the installation's own pool; empty where the district is not in it."""
        return next((pool.name for pool in self.pools if pool.code == settings.RANK_POOL), "")


def pool_choice(code: str, *, district: str, on: dt.date) -> PoolChoice:
    """The district's pools on that day; `code` names one of its pools, else the installation's own. One query.

    Raises UnknownPool.
    """
    known = tuple(RankPool.objects.filter(members__district__code=district).order_by("valid_from", "code"))
    asked = code or settings.RANK_POOL
    chosen = next((pool for pool in known if pool.code == asked), None)
    if code and chosen is None:
        raise UnknownPool(gettext("没有代码为“%(code)s”的位次范围，或者本区不在其中。") % {"code": code})
    return PoolChoice(tuple(pool for pool in known if pool == chosen or pool.is_in_force(on)), chosen)


def in_pool(
    rows: Sequence[Row], choice: PoolChoice, *, district: str, known_at: dt.datetime | None = None, user: User
) -> tuple[Row, ...]:
    """The rows with their places in the chosen pool: as reported there, else computed from its members' figures.

    Unchanged for the installation's own pool, without a query; two queries for another.
    """
    pool = choice.chosen
    if pool is None or choice.is_default:
        return tuple(rows)
    found = standings_of(rows, pool=pool, district=district, known_at=known_at, user=user)
    told = []
    for row in rows:
        entered = tuple(rank for rank in row.ranks if rank.pool == pool.name)
        place = found.get((row.indicator.pk, row.period)) if row.period else None
        told.append(replace(row, ranks=entered or (_computed(*place) if place else ())))
    return tuple(told)


def _computed(ranking: Ranking, standing: Standing) -> tuple[RankRow, ...]:
    if standing.place is None or standing.place_no is None:
        return ()
    return (
        RankRow(
            figure=standing.place,
            place=standing.place_no,
            pool_size=len(ranking.standings),
            pool=ranking.pool.name,
            by=ranking.by_label,
            wording="",
            change=standing.change,
            is_internal=ranking.is_internal,
        ),
    )
