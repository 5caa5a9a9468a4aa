"""Pages that show approved figures, as files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.forms import BaseForm

from indicators.compare import Comparison, Panel
from indicators.models import Indicator
from indicators.pace import Pace
from indicators.ranking import Ranking, Standing
from indicators.rows import Figure, Row
from lvyuan import periods
from lvyuan.audit.models import Event
from lvyuan.periods import Period
from lvyuan.ui.export import Book, Column, Sheet, figures, parted, text

DERIVED = "推算的数由公布数计算，不是公布数。"


def when(period: Period | None) -> str:
    return periods.label(period) if period else ""


def month_facts(period: Period | None, rows: Iterable[Row]) -> list[tuple[str, str]]:
    """The asked month, and until when the rows' figures reach."""
    known = [row.period.end for row in rows if row.is_known and row.period]
    told = [("时期", when(period) or "各指标最新一期")]
    return [*told, ("数据截至", f"{max(known):%Y-%m-%d}")] if known else told


def _rank(number: int) -> Any:
    return lambda row: row.ranks[number] if len(row.ranks) > number else None


def rank_columns(rows: Sequence[Row]) -> list[Column]:
    """As many places as any of the rows has, each with what it counts among."""
    columns = []
    for number in range(max((len(row.ranks) for row in rows), default=0)):
        of, name = _rank(number), f"位次{number + 1}" if number else "位次"
        columns += [
            figures(name, lambda row, of=of: of(row).figure if of(row) else None, unit="位"),  # type: ignore[misc]
            text(f"{name}范围和依据", lambda row, of=of: f"{of(row).pool} {of(row).by}" if of(row) else None),  # type: ignore[misc]
        ]
    return columns


def _source(row: Row) -> str:
    if row.vintage is None:
        return "尚未录入"
    return f"{row.vintage.source} · {row.vintage.locator}" if row.vintage.locator else row.vintage.source


def _status(row: Row) -> str:
    return row.vintage.status if row.vintage else ""


def _released(row: Row) -> str:
    return ("已发布" if row.vintage.is_released else "内部") if row.vintage else ""


SAID_BY = [
    text("来源", _source, width=30),
    text("数据状态", _status),
    text("发布", _released),
]


def row_sheet(name: str, title: str, rows: Sequence[Row]) -> Sheet:
    """Indicators, each with the figures of its period."""
    columns = [
        text("指标代码", lambda row: row.indicator.code, width=22),
        text("指标", lambda row: row.indicator.name, width=26),
        text("领域", lambda row: row.indicator.get_category_display()),
        text("时期", lambda row: when(row.period)),
        figures("数值", lambda row: row.level),
        figures("同比增长", lambda row: row.growth, unit="%"),
        figures("超出预期", lambda row: row.excess),
        figures("预期", lambda row: row.expected),
        *rank_columns(rows),
        text("责任单位", lambda row: row.indicator.owner and str(row.indicator.owner)),
        *SAID_BY,
    ]
    return Sheet(name, title, columns, rows)


def indicators_book(rows: Sequence[Row], *, period: Period | None, form: BaseForm, long: Sheet) -> Book:
    """The list of indicators, and apart from it all their figures in the long form that an import reads."""
    return Book(
        "指标一览",
        [row_sheet("indicators", "指标一览", rows), long],
        facts=month_facts(period, rows),
        form=form,
        notes=[DERIVED],
    )


def indicator_book(indicator: Indicator, row: Row, history: Sequence[Row], *, long: Sheet) -> Book:
    """One indicator's figures, period by period."""
    columns = [
        text("时期", lambda row: when(row.period), width=18),
        figures("数值", lambda row: row.level),
        figures("同比增长", lambda row: row.growth, unit="%"),
        figures("当期", lambda row: row.slot_value),
        *rank_columns(history),
        *SAID_BY,
    ]
    return Book(
        indicator.name,
        [Sheet("history", "各期数据", columns, history), long],
        facts=[("指标代码", indicator.code), *month_facts(row.period, [row])],
        notes=[f"“当期”由累计数推算。{DERIVED}"],
    )


def targets_book(items: Sequence[dict[str, Any]], about: Indicator | None) -> Book:
    """Targets in force; an item is a `row` (TargetRow) and who wrote it."""

    def written(item: dict[str, Any]) -> str:
        event: Event | None = item["written"]
        return event.actor if event and event.actor_id else "按来源载入"

    def target(name: str) -> Any:
        return lambda item: getattr(item["row"].target, name)

    def shown(name: str) -> Any:
        return lambda item: getattr(item["row"].target, f"get_{name}_display")()

    columns = [
        text("目标代码", target("code"), width=20),
        text("目标", target("name"), width=28),
        text("指标代码", lambda item: item["row"].target.indicator and item["row"].target.indicator.code),
        text("类别", shown("kind")),
        text("衡量", shown("measure")),
        figures("目标值", lambda item: item["row"].figure),
        figures("当前值", lambda item: item["row"].current),
        text("当前值时期", lambda item: when(item["row"].current_period)),
        text("方向", shown("direction")),
        text("完成日期", target("met_on")),
        text("目标时期", lambda item: when(item["row"].target.period)),
        text("进度方法", shown("path")),
        text("版本", target("version"), width=6),
        text("设定", written),
        text("设定日期", lambda item: item["row"].target.known_from),
        text("调整理由", target("reason"), width=24),
        text("来源", lambda item: str(item["row"].target.source), width=24),
    ]
    facts = [("指标", about.name)] if about else []
    return Book("目标", [Sheet("targets", "现行目标", columns, items)], facts=facts)


def pace_sheet(name: str, title: str, paces: Sequence[Pace]) -> Sheet:
    """How far targets are."""
    columns = [
        text("目标", lambda pace: pace.row.target.name, width=28),
        figures("目标值", lambda pace: pace.row.figure),
        figures("当前值", lambda pace: pace.base or pace.row.current),
        text("当前值时期", lambda pace: when(pace.base_period or pace.row.current_period)),
        figures("完成", lambda pace: pace.completion, unit="%"),
        figures("应完成", lambda pace: pace.due, unit="%"),
        figures("比应完成", lambda pace: pace.gap),
        figures("还差", lambda pace: pace.remaining),
        figures("月均需", lambda pace: pace.per_month),
        figures("历史最高月", lambda pace: pace.best_month),
        figures("后段需同比", lambda pace: pace.rest_growth, unit="%"),
        figures("年均需增", lambda pace: pace.required_growth, unit="%"),
        figures("实际年均", lambda pace: pace.observed_growth, unit="%"),
        figures("到期测算低", lambda pace: pace.outlook and pace.outlook.low),
        figures("到期测算高", lambda pace: pace.outlook and pace.outlook.high),
        figures("以往平均误差", lambda pace: pace.outlook and pace.outlook.error),
        figures("到期测算至少差", lambda pace: pace.outlook and pace.outlook.short_by),
        text("目标时期", lambda pace: when(pace.row.target.period)),
    ]
    return Sheet(name, title, columns, paces)


def comparison_book(comparison: Comparison | None, *, since: Period | None, until: Period | None) -> Book:
    """One table per chart."""
    panels = comparison.panels if comparison else ()
    notes = [note for panel in panels for note in panel.notes]
    notes += [f"没有数据：{name}" for name in (comparison.absent if comparison else ())]
    if comparison and comparison.set_aside:
        notes.append(f"另有 {comparison.set_aside} 个真实数据没有列出：真实数据不与演示数据放在一起。")
    for panel in panels:
        if panel.base:
            bases = "；".join(f"{name} {figure.text}" for name, figure in panel.bases)
            notes.append(f"{panel.title}：指数 ＝ 本期 ÷ 基期 × 100，{when(panel.base)} = 100；基期 {bases}")
    sheets = [_panel(panel) for panel in panels if not panel.problem]
    facts = [("从", when(since)), ("到", when(until))] if since and until else []
    return Book("对比", sheets, facts=facts, notes=notes)


def _panel(panel: Panel) -> Sheet:
    columns = [text("时期", lambda line: when(line[0]), width=18)]
    for number, one in enumerate(panel.lines):
        shown = [cells[number][1] for _, cells in panel.table]
        units = {parted(figure)[1] for figure in shown if figure}
        unit = units.pop() if len(units) == 1 else ""
        columns.append(figures(one.name, lambda line, number=number: line[1][number][1], unit=unit))  # type: ignore[misc]
    return Sheet(panel.id, panel.title, columns, panel.table)


def ranks_book(
    indicator: Indicator, ranking: Ranking | None, history: Sequence[tuple[Ranking, Standing | None]]
) -> Book:
    """The pool's standings, and the home district's places so far."""
    if ranking is None:
        return Book(f"位次：{indicator.name}", [])
    standings = [
        text("区", lambda one: one.district.name, width=20),
        figures("推算位次", lambda one: one.place, unit="位"),
        figures("同比增长" if ranking.by == "growth" else "数值", lambda one: one.figure),
        text("比上期", lambda one: one.change),
        figures("填报位次", _entered, unit="位"),
        text("不一致", lambda one: one.conflict, width=24),
        text("发布", lambda one: ("内部" if one.is_internal else "已发布") if one.figure else None),
    ]
    places = [
        text("时期", lambda line: when(line[0].period), width=18),
        figures("推算位次", lambda line: line[1] and line[1].place, unit="位"),
        text("比上期", lambda line: line[1] and line[1].change),
        figures("填报位次", lambda line: line[1] and _entered(line[1]), unit="位"),
    ]
    notes = ["全部成员都有同一时期、同一口径、同一单位的数据才推算；填报的位次照录，不因推算而改。"]
    if ranking.is_internal:
        notes.append("含未发布数据，仅供内部，不得引用。")
    if ranking.problem:
        notes.append(f"{ranking.problem}。")
    return Book(
        f"位次：{indicator.name}",
        [Sheet("standings", "位次", standings, ranking.standings), Sheet("places", "本区历次位次", places, history)],
        facts=[("时期", when(ranking.period)), ("位次范围", ranking.pool.name), ("排序依据", ranking.by_label)],
        notes=notes,
    )


def _entered(one: Standing) -> Figure | None:
    entered = one.entered or one.entered_otherwise
    return entered.figure if entered else None
