"""The cockpit as a file: targets, headline indicators, what needs attention, the key projects."""

from __future__ import annotations

from collections.abc import Sequence

from indicators.attention import Attention
from indicators.exports import pace_sheet, row_sheet
from indicators.exports.reading import month_facts, when
from indicators.pace import Pace
from indicators.rows import Row
from lvyuan.periods import Period
from lvyuan.ui.export import Book, Sheet, text
from projects.exports import starts_sheet
from projects.rows import Portfolio

_LIGHTS = {"red": "红灯", "yellow": "黄灯"}


def cockpit_book(
    *,
    paces: Sequence[Pace],
    rows: Sequence[Row],
    attention: Sequence[Attention],
    portfolio: Portfolio,
    period: Period | None,
) -> Book:
    """A sheet for each part of the page; of what needs attention all."""
    columns = [
        text("评定", lambda one: _LIGHTS.get(one.light.light, one.light.light)),
        text("新转", lambda one: "新转" if one.turned else ""),
        text("指标", lambda one: one.indicator.name, width=26),
        text("时期", lambda one: when(one.period), width=18),
        text("原因", lambda one: one.light.why, width=50),
        text("单位", lambda one: one.owner, width=20),
        text("单位说明", lambda one: one.said, width=40),
    ]
    sheets = [
        row_sheet("headline", "主要指标", rows),
        pace_sheet("targets", "目标进度", paces),
        Sheet("attention", "需要关注", columns, attention),
        starts_sheet(portfolio),
    ]
    return Book("驾驶舱", sheets, facts=month_facts(period, rows))
