"""Targets beside the figures that answer them, for pages about some targets rather than all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from indicators.models import Target
from indicators.rows.building import build_target_row
from indicators.rows.cards import TargetRow
from indicators.rows.scorecard import scorecard
from lvyuan.accounts.models import User


def target_rows(
    targets: Sequence[Target], *, district: str, known_at: dt.datetime | None = None, user: User
) -> tuple[TargetRow, ...]:
    """These target versions in their order, each beside its indicator's latest figure; at most six queries.

    Their indicators must be at hand.
    """
    codes = [target.indicator.code for target in targets if target.indicator]
    card = scorecard(district=district, period=None, known_at=known_at, user=user, codes=codes)
    return tuple(
        build_target_row(target, card.by_code.get(target.indicator.code) if target.indicator else None, district)
        for target in targets
    )
