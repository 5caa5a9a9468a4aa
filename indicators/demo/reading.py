"""Reads an entry of demo.json: every field checked, every error with file, entry and field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from indicators.demo.generating import Month, Range, Series, Slot, Stage
from indicators.models import Indicator, VintageStatus
from lvyuan import periods
from lvyuan.accounts.loading import Row
from lvyuan.periods import Period, PeriodKind

_NATURES = (Indicator.Nature.FLOW, Indicator.Nature.STOCK, Indicator.Nature.RATIO)
_KINDS = (PeriodKind.YTD.value, PeriodKind.INSTANT.value)
_ORDER = {Indicator.Direction.UP.value: 1, Indicator.Direction.DOWN.value: -1}
_RANGE = re.compile(r"(-?[0-9]+(?:\.[0-9])?)(?:~(-?[0-9]+(?:\.[0-9])?))?")
_STAGES = (VintageStatus.PRELIMINARY.value, VintageStatus.FINAL.value, VintageStatus.CENSUS.value)


def read_series(row: Row, indicator: Indicator, districts: Sequence[str]) -> Series:
    """The series that an entry of demo.json declares for an indicator; raises FixtureError."""
    if indicator.nature not in _NATURES or indicator.primary_kind not in _KINDS:
        row.fail("indicator", f"不能为“{indicator}”生成演示数据：只支持累计或时点的数值指标")
    months = indicator.slots or tuple(int(month) for month in _numbers(row, "months"))
    if not months or set(months) - set(range(1, 13)) or list(months) != sorted(set(months)):
        row.fail("months", "应为从小到大的月份")
    first, last, reference = (read_month(row, name, row.text(name)) for name in ("from", "to", "reference"))
    if not first.end <= reference.end <= last.end:
        row.fail("reference", "应在 from 与 to 之间")
    season, noise = _numbers(row, "season"), row.whole("noise")
    if len(season) != 12 or min(season) <= 0:
        row.fail("season", "应为12个正数")
    if noise > 500:
        row.fail("noise", "不得超过500‰")
    part = row.part("break")
    series = Series(
        code=indicator.code,
        nature=indicator.nature,
        kind=PeriodKind(indicator.primary_kind),
        months=months,
        places=row.whole("decimals"),
        seed=row.text("seed"),
        first=first,
        last=last,
        reference=reference,
        levels=_levels(row, districts),
        growth=_by_district(row, "growth", districts),
        season=tuple(season),
        noise=noise,
        order=_ORDER.get(indicator.direction, 0),
        index=_by_district(row, "index", districts, lowest=-1000),
        prices={year: low for year, (low, _) in read_ranges(row, "prices").items()},
        break_from=read_month(part, "from", part.text("from")) if part else None,
        break_factor=(part.digits("factor") or Decimal(1)) if part else Decimal(1),
        missing=_missing(row, districts),
        reported_places=_reported_places(row, districts),
        stages=_stages(row),
        revised_by=row.whole("revised_by") if row.get("revised_by") else 0,
        target_off=read_ranges(row, "target_off"),
    )
    if part:
        part.end()
    needed = range(series.years.start if series.index else series.first_growth, series.years.stop)
    for year in needed:
        if series.index and (year, "") not in series.index and year != reference.year_no:
            row.fail("index", f"缺少{year}年")
        if not series.index and (year, "") not in series.growth:
            row.fail("growth", f"缺少{year}年各区的增速范围")
    return series


def read_month(row: Row, field: str, text: str) -> Period:
    """The month written 2023-06."""
    try:
        return Period.from_code(f"{text}.month")
    except periods.PeriodError:
        row.fail(field, "应写成 年-月，如 2023-06")


def read_ranges(row: Row, field: str, *, lowest: int = -90) -> dict[int, Range]:
    """Percent by year, written "-4.5~2.5", or "2" for no choice; empty where the entry is silent."""
    found = {}
    for year, text in _pairs(row, field).items():
        match = _RANGE.fullmatch(text) if isinstance(text, str) else None
        if not match or not re.fullmatch("[0-9]{4}", year):
            row.fail(f"{field}.{year}", "应写成 年份：最低~最高，如 2023：-4.5~2.5")
        low, high = Decimal(match[1]), Decimal(match[2] or match[1])
        if not lowest <= low <= high:
            row.fail(f"{field}.{year}", f"应由低到高，且不低于{lowest}")
        found[int(year)] = low, high
    return found


def _pairs(row: Row, field: str) -> Mapping[str, Any]:
    pairs = row.get(field, {})
    if not isinstance(pairs, dict):
        row.fail(field, "应为一个条目")
    return pairs


def _numbers(row: Row, field: str) -> list[Decimal]:
    try:
        return [Decimal(text) for text in row.get(field, [])]
    except (InvalidOperation, TypeError, ValueError):
        row.fail(field, "应为数字列表")


def _levels(row: Row, districts: Sequence[str]) -> dict[str, Decimal]:
    part = row.part("levels")
    if part is None:
        row.fail("levels", "缺少")
    levels = {}
    for district in districts:
        level = part.digits(district)
        if level is None or level <= 0:
            part.fail(district, "应为正数")
        levels[district] = level
    part.end()
    return levels


def _by_district(row: Row, field: str, districts: Sequence[str], *, lowest: int = -90) -> dict[tuple[int, str], Range]:
    """`field` holds for all, `<field>_of` for single districts."""
    ranges = {(year, ""): found for year, found in read_ranges(row, field, lowest=lowest).items()}
    if part := row.part(f"{field}_of"):
        for district in districts:
            ranges |= {(year, district): found for year, found in read_ranges(part, district, lowest=lowest).items()}
        part.end()
    return ranges


def _slots(row: Row, field: str, districts: Sequence[str]) -> dict[Slot, Any]:
    """What `field` says of single months of single districts."""
    found = {}
    for district, months in _pairs(row, field).items():
        if district not in districts:
            row.fail(f"{field}.{district}", "不是位次范围的成员")
        pairs = months if isinstance(months, dict) else dict.fromkeys(months)
        for text, said in pairs.items():
            month = read_month(row, f"{field}.{district}", text)
            found[district, (month.year_no, month.month_no)] = said
    return found


def _missing(row: Row, districts: Sequence[str]) -> set[tuple[str, Month]]:
    return set(_slots(row, "missing", districts))


def _reported_places(row: Row, districts: Sequence[str]) -> dict[Slot, int]:
    places = {}
    for (district, month), said in _slots(row, "reported_places", districts).items():
        if not isinstance(said, str) or not said.isdecimal() or not 1 <= int(said) <= len(districts):
            row.fail(f"reported_places.{district}", f"位次应在1至{len(districts)}之间")
        places[district, month] = int(said)
    return places


def _stages(row: Row) -> tuple[Stage, ...]:
    """The first publication, and what became of it: status and months later."""
    stages = [Stage(VintageStatus.FLASH.value)]
    for status, after in _pairs(row, "revisions").items():
        if status not in _STAGES or not str(after).isdecimal() or int(after) <= stages[-1].after:
            row.fail(f"revisions.{status}", "应为数据状态和首次公布后的月数，由早到晚")
        stages.append(Stage(status, int(after)))
    return tuple(stages)
