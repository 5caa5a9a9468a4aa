"""Writes the declared series of fixtures/demo: figures, annual targets, expectations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Exists, OuterRef
from django.utils import timezone

from indicators.actions import RankInput, VintageInput, record_published
from indicators.demo.generating import (
    Invented,
    Series,
    Stage,
    annual_target,
    citywide,
    generate,
    held_back,
    plan_points,
)
from indicators.demo.reading import read_month, read_ranges, read_series
from indicators.demo.reporting import load_forms
from indicators.loading import _record, _stored_vintages, judge_loaded
from indicators.models import (
    Comparator,
    Indicator,
    Observation,
    PriceBasis,
    Rank,
    RankPool,
    Source,
    Target,
    TargetPoint,
    Vintage,
    VintageStatus,
)
from indicators.models.fields import period_columns
from indicators.models.figures import NullReason
from indicators.refusals import Refused
from lvyuan.accounts.loading import ADDED, Folder, Row, by_code
from lvyuan.accounts.models import District
from lvyuan.periods import Period, PeriodKind, has_slot, label

LOCATOR = "演示"
_PUBLISHED_DAY = 20  # of the month after the period (plus the indicator's lag)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """An entry of demo.json with what it names."""

    row: Row
    series: Series
    indicator: Indicator
    source: Source
    pool: RankPool
    home: District
    unit: str
    growth_basis: str
    keeps_up_with: Indicator | None


def load(folder: Folder) -> None:
    """Writes what demo.json and forms.json declare and is not stored yet; a changed declaration gives new vintages.

    Where anything but demo data stands first (the article's figures, what people approved), it stays alone.
    """
    districts, indicators = by_code(District.objects.all()), by_code(Indicator.objects.all())
    sources = by_code(Source.objects.filter(kind=Source.Kind.DEMO))
    pools = by_code(RankPool.objects.prefetch_related("districts"))
    taken = _taken()
    planned: list[tuple[Row, VintageInput]] = []
    held: dict[tuple[str, Period], tuple[Decimal, Decimal | None]] = {}
    for order, row in enumerate(folder.rows("demo.json", "series"), 100):
        indicator, source, pool = row.one("indicator", indicators), row.one("source", sources), row.one("pool", pools)
        declared = _Declared(
            row=row,
            series=read_series(row, indicator, sorted(member.code for member in pool.districts.all())),
            indicator=indicator,
            source=source,
            pool=pool,
            home=row.one("home", districts),
            unit=row.unit("unit"),
            growth_basis=row.text("growth_basis"),
            keeps_up_with=row.maybe("keeps_up_with", indicators),
        )
        if declared.growth_basis not in PriceBasis.values:
            row.fail("growth_basis", "不是认得的增速口径")
        folder.claim(row, Observation, {"indicator": indicator})
        city = row.one("city", districts)
        planned += [(row, given) for given in _figures(declared, districts, city, taken.get(indicator.pk, set()))]
        held |= {
            (indicator.code, figure.period): (figure.value, figure.growth)
            for figure in held_back(declared.series, declared.home.code)
        }
        _put_annual_targets(folder, declared, order)
        _put_expectations(folder, declared, order)
        row.end()
    _record_new(folder, planned)
    load_forms(folder, held)
    judge_loaded(folder)


def _record_new(folder: Folder, planned: list[tuple[Row, VintageInput]]) -> None:
    """Records in one go what is not stored; what is, is compared state by state."""
    stored = _stored_vintages([given for _, given in planned])
    new: list[VintageInput] = []
    for row, given in planned:
        earlier = stored.get((given.district.pk, given.indicator.pk, *period_columns(given.period).values()), [])
        same = [vintage for vintage in earlier if vintage.status == given.columns["status"]]
        if same:
            _record(folder, row, given, same)
        else:
            new.append(given)
            folder.count(Vintage, ADDED)
    try:
        record_published(by=None, figures=new, reason="")
    except (Refused, IntegrityError, ValidationError) as error:
        folder.refuse(Row("demo.json", "", {}), error, Vintage, Rank, Observation)


def _figures(
    declared: _Declared, districts: dict[str, District], city: District, taken: Collection[tuple[str, Period]]
) -> Iterator[VintageInput]:
    """All states of all figures, the oldest of each first."""
    for figure in generate(declared.series, taken):
        ranks = []
        if figure.place is not None:
            size = len(declared.series.levels)
            ranks = [RankInput(pool=declared.pool, by=declared.series.ranked_by, place=figure.place, pool_size=size)]
        yield _vintage_input(declared, figure, districts[figure.district], ranks, figure.value, declared.unit)
    if growth := read_ranges(declared.row, "city_growth"):
        for year in range(declared.series.first_growth, declared.series.years.stop):
            if year not in growth:
                declared.row.fail("city_growth", f"缺少{year}年")
        for figure in citywide(declared.series, city.code, growth):
            yield _vintage_input(declared, figure, city, [], None, "")


def _taken() -> dict[int, set[tuple[str, Period]]]:
    """By indicator id, where figures stand none of which is from a demo source; one query."""
    invented = Vintage.objects.filter(observation=OuterRef("pk"), source__kind=Source.Kind.DEMO)
    found: dict[int, set[tuple[str, Period]]] = {}
    for observation in Observation.objects.filter(~Exists(invented), current__isnull=False).select_related("district"):
        address = observation.district.code, observation.period
        found.setdefault(observation.indicator_id, set()).add(address)
    return found


def _vintage_input(
    declared: _Declared,
    figure: Invented,
    district: District,
    ranks: list[RankInput],
    value: Decimal | None,
    unit: str,
) -> VintageInput:
    return VintageInput(
        district=district,
        indicator=declared.indicator,
        period=figure.period,
        source=declared.source,
        known_from=_published(declared.indicator, figure.period, figure.stage),
        columns={
            "value": value,
            "comparator": Comparator.EQUAL,
            "unit": unit,
            "growth": figure.growth,
            "growth_basis": declared.growth_basis if figure.growth is not None else "",
            "status": figure.stage.status,
            "locator": LOCATOR,
            "null_reason": NullReason.NOT_PUBLISHED if value is None else "",
            **dict.fromkeys(("printed", "text", "note", "wording", "period_wording"), ""),
            "period_is_inferred": False,
            "known_from_is_backfilled": True,
        },
        ranks=ranks,
        reason=f"{VintageStatus(figure.stage.status).label}（演示）" if figure.stage.after else "",
    )


def _published(indicator: Indicator, period: Period, stage: Stage) -> dt.datetime:
    years, month = divmod(period.month_no + indicator.lag_months + stage.after, 12)
    return _morning(period.year_no + years, month + 1, _PUBLISHED_DAY)


def _morning(year: int, month: int, day: int) -> dt.datetime:
    return dt.datetime(year, month, day, 9, tzinfo=timezone.get_default_timezone())


def _put_annual_targets(folder: Folder, declared: _Declared, order: int) -> None:
    """What the home district is to reach each year: a level, a range, or the growth of another indicator."""
    row, series = declared.row, declared.series
    path, changed, bounds = row.get("annual_target"), row.part("target_change"), read_ranges(row, "annual_range")
    if changed and not path:
        row.fail("target_change", "没有年度目标可以调整")
    for year in series.whole_years if path else ():
        value = annual_target(series, declared.home.code, year)
        target = _put_target(folder, declared, year, order, value=value, path=path, **_ceiling(declared))
        if path == Target.Path.PLAN:
            for (_, month), level in plan_points(series, year, value).items():
                where = {"target": target, "due_on": Period.month(year, month).end}
                folder.put(row, TargetPoint, where=where, value=level)
    for year, (low, high) in bounds.items():
        _put_target(folder, declared, year, order, value=low, upper=high, direction=Target.Direction.RANGE)
    if other := declared.keeps_up_with:
        relation = {"measure": Target.Measure.GROWTH, "direction": Target.Direction.RELATION, "compared_with": other}
        name = f"{_plain_name(declared.indicator)}增速不低于{_plain_name(other)}（演示）"
        for year in series.whole_years:
            code = f"demo-{declared.indicator.code}-{year}-relation"
            _put_target(folder, declared, year, order, value=None, unit="%", code=code, name=name, **relation)
    if changed:
        day = dt.date.fromisoformat(changed.text("on"))
        _put_target(
            folder,
            declared,
            day.year,
            order,
            version=2,
            value=changed.digits("value"),
            path=path,
            known_from=_morning(day.year, day.month, day.day),
            reason=changed.text("reason"),
            authority=changed.text("authority"),
            **_ceiling(declared),
        )
        changed.end()


def _ceiling(declared: _Declared) -> dict[str, Any]:
    """Where lower is better, a target is not to be exceeded."""
    if declared.indicator.direction != Indicator.Direction.DOWN:
        return {}
    return {"direction": Target.Direction.DOWN, "comparator": Comparator.AT_MOST}


def _put_target(
    folder: Folder, declared: _Declared, year: int, order: int, *, version: int = 1, code: str = "", **columns: Any
) -> Target:
    columns = {
        "name": f"{_plain_name(declared.indicator)}{year}年目标（演示）",
        "measure": Target.Measure.VALUE,
        "unit": declared.unit,
        "known_from": _morning(year, 1, 10),
        **columns,
    }
    code = code or f"demo-{declared.indicator.code}-{year}"
    return folder.put(
        declared.row,
        Target,
        where={"district": declared.home, "code": code, "version": version},
        indicator=declared.indicator,
        kind=Target.Kind.YEAR,
        deadline_stated=True,
        order=order,
        source=declared.source,
        locator=LOCATOR,
        **columns,
        **period_columns(Period.year(year)),
    )


def _put_expectations(folder: Folder, declared: _Declared, order: int) -> None:
    """The growth that the home district expects of single periods; each holds for its own alone."""
    row, indicator = declared.row, declared.indicator
    for text, said in (row.get("expectation") or {}).items():
        month = read_month(row, f"expectation.{text}", text)
        period = Period.ytd(month.year_no, month.month_no)
        if declared.series.kind is not PeriodKind.YTD or not has_slot(declared.series.months, period):
            row.fail(f"expectation.{text}", f"{indicator}没有这一期")
        folder.put(
            row,
            Target,
            where={"district": declared.home, "code": f"demo-{indicator.code}-expected-{text}", "version": 1},
            indicator=indicator,
            name=f"{_plain_name(indicator)}{label(period)}增速预期（演示）",
            kind=Target.Kind.EXPECTATION,
            measure=Target.Measure.GROWTH,
            value=Decimal(said),
            unit="%",
            path=Target.Path.NONE,
            deadline_stated=True,
            order=order + 100,
            source=declared.source,
            locator=LOCATOR,
            known_from=_morning(month.year_no, 1, 10),
            **period_columns(period),
        )


def _plain_name(indicator: Indicator) -> str:
    return indicator.name.removesuffix("（演示）")
