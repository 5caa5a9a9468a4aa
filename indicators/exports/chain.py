"""Pages of the reporting chain as files: rounds, board, reviews, releases, exceptions, lights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from indicators.board import Board, Cell, Share
from indicators.exports.reading import SAID_BY, rank_columns, when
from indicators.models import CheckRule, LightRule, Round, Submission
from indicators.releases import Announcement, Releasable
from indicators.review import QueueRow, ReviewCell, ReviewLine
from indicators.rows import Row
from lvyuan.periods import Period
from lvyuan.ui.export import Book, Column, Sheet, figures, text

STATES = "状态和理由，没有数据。"


def _of(row: str, name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda item: getattr(item[row], name)


def _words(thing: Any) -> str:
    return str(thing) if thing is not None else ""


def rounds_book(items: Sequence[dict[str, Any]], *, for_staff: bool) -> Book:
    """Calls for figures; an item is as the page has it."""

    def state(item: dict[str, Any]) -> str:
        return "填报开放" if item["is_open"] else "未开始" if item["is_early"] else "已关闭"

    own = [
        text("本单位", lambda item: item["mine"].get_state_display() if item["mine"] else "没有应报的指标"),
        text("逾期", lambda item: "已逾期" if item["is_mine_late"] else ""),
    ]
    everyone = [
        text("应报单位", _of("round", "asked")),
        text("已报", _of("round", "reported")),
        text("已通过", _of("round", "approved")),
        text("逾期", _of("round", "late")),
    ]
    columns = [
        text("任务", lambda item: str(item["round"]), width=28),
        text("开放", state),
        text("开放时间", _of("round", "opens_at"), width=18),
        text("应报时间", _of("round", "due_at"), width=18),
        text("关闭时间", _of("round", "closes_at"), width=18),
        *(own if for_staff else everyone),
    ]
    return Book("填报任务", [Sheet("rounds", "填报任务", columns, items)])


def round_book(round: Round, lines: Iterable[dict[str, Any]]) -> Book:
    """Who owes what in a round: a line per department and indicator."""
    owed = [(line, one) for line in lines for one in line["obligations"]]
    columns = [
        text("单位", lambda item: str(item[0]["department"]), width=20),
        text("指标代码", lambda item: item[1].indicator.code, width=22),
        text("指标", lambda item: item[1].indicator.name, width=26),
        text("时期", lambda item: when(item[1].period), width=18),
        text("单位（计量）", lambda item: item[1].unit),
        text("状态", lambda item: item[0]["cell"].submission.get_state_display() if item[0]["cell"] else "未开始"),
        text("逾期", lambda item: item[0]["cell"].late_text if item[0]["cell"] else ""),
    ]
    return Book(str(round), [Sheet("obligations", "应报数据", columns, owed)])


def _cell_words(cell: Cell | None) -> str:
    if cell is None:
        return "无应报"
    parts = [str(cell.submission.get_state_display()), cell.late_text]
    if cell.progress and cell.progress.owed and not cell.is_reported:
        parts.append(f"已填 {cell.progress.filled}/{cell.progress.owed}")
    return " ".join(part for part in parts if part)


def _share(share: Share) -> str:
    return f"{share.part}/{share.whole}"


def board_book(board: Board) -> Book:
    """Who is late, and the whole matrix."""
    overdue = [
        text("单位", lambda cell: str(cell.department), width=20),
        text("任务", lambda cell: str(cell.round), width=26),
        text("状态", lambda cell: cell.submission.get_state_display()),
        text("逾期", lambda cell: cell.late_text),
        text("退回理由", lambda cell: cell.reason, width=30),
        text("最近催报", lambda cell: cell.chased_at, width=18),
    ]
    matrix = [
        text("单位", lambda line: line[0], width=20),
        *(
            text(str(column.round), lambda line, number=number: line[1][number], width=22)  # type: ignore[misc]
            for number, column in enumerate(board.columns)
        ),
        text("按时率", lambda line: line[2]),
    ]
    lines = [
        (str(one.department), [_cell_words(cell) for cell in one.cells], _share(one.on_time)) for one in board.lines
    ]
    if lines:
        total = [_share(column.on_time) for column in board.columns]
        lines.append(("按时率", total, _share(board.on_time)))
    return Book(
        "报送进度",
        [Sheet("matrix", "各单位各期", matrix, lines), Sheet("overdue", "逾期未报", overdue, board.overdue)],
        notes=["按时率：首次提交不晚于应报时间的，占已到应报时间的；免报的不算。", STATES],
    )


def queue_book(rows: Sequence[QueueRow], *, state: str) -> Book:
    """The reviewers' queue in one state."""

    def found(severity: str) -> Callable[[QueueRow], int]:
        return lambda row: dict(row.counts).get(severity, 0)

    columns = [
        text("任务", lambda row: _words(row.submission.round) or f"导入：{row.submission.import_job}", width=26),
        text("单位", lambda row: _words(row.submission.department), width=20),
        text("状态", lambda row: row.submission.get_state_display()),
        text("提交人", lambda row: _words(row.submission.submitted_by)),
        text("提交时间", lambda row: row.submission.submitted_at, width=18),
        text("时效", lambda row: row.late[1]),
    ]
    if state == Submission.State.SUBMITTED:
        columns += [
            text("数据项", lambda row: row.figures),
            *(text(str(one.label), found(one.value)) for one in CheckRule.Severity),
            text("首次录入", lambda row: row.first),
            text("改动格数", lambda row: row.changed),
            text("不能批量通过的原因", lambda row: row.why_not, width=30),
        ]
    else:
        columns += [
            text("审核人", lambda row: _words(row.submission.reviewed_by)),
            text("审核时间", lambda row: row.submission.reviewed_at, width=18),
        ]
    return Book("审核", [Sheet("queue", "报送", columns, rows)], facts=[("状态", str(Submission.State(state).label))])


_KINDS = {
    "new": "首次录入",
    "changed": "将替代现行数据",
    "same": "与现行数据相同",
    "current": "现行",
    "none": "未填数据",
}


def review_book(submission: Submission, lines: Iterable[ReviewLine]) -> Book:
    """One form under review: what is asked for, beside what stands."""

    def cell(number: int) -> Callable[[ReviewLine], ReviewCell]:
        return lambda line: line.cells[number]

    def beside(name: str, figure: str) -> Callable[[ReviewLine], Any]:
        def of(line: ReviewLine) -> Any:
            row: Row | None = getattr(line, name)
            return getattr(row, figure) if row else None

        return of

    def findings(line: ReviewLine) -> str:
        return "；".join(str(one.message) for one in line.checked.findings) if line.checked else ""

    columns: list[Column] = [
        text("指标代码", lambda line: line.entry.indicator.code, width=22),
        text("指标", lambda line: line.entry.indicator.name, width=26),
        text("区划", lambda line: line.entry.district.code),
        text("时期", lambda line: when(line.period), width=18),
        text("结果", lambda line: _KINDS.get(line.kind, line.kind)),
    ]
    for number, label in enumerate(("数值", "同比增长", "位次", "说明")):
        of = cell(number)
        columns.append(text(label, lambda line, of=of: of(line).new, width=16))  # type: ignore[misc]
        if label != "说明":
            columns.append(_standing(label, of))
    columns += [
        figures("上期", beside("previous", "level")),
        figures("上期增长", beside("previous", "growth"), unit="%"),
        figures("上年同期", beside("last_year", "level")),
        figures("上年同期增长", beside("last_year", "growth"), unit="%"),
        text("核查", findings, width=40),
        text("修订理由", lambda line: line.entry.reason, width=24),
        text("填报人", lambda line: str(line.entry.edited_by)),
        text("填报时间", lambda line: line.entry.edited_at, width=18),
    ]
    facts = [("报送", str(submission)), ("状态", str(submission.get_state_display()))]
    notes = ["拟审数据审核通过之前不是正式数据。"] if submission.state != Submission.State.APPROVED else []
    return Book(f"审核：{submission}", [Sheet("lines", "报送数据", columns, lines)], facts=facts, notes=notes)


def _standing(label: str, of: Callable[[ReviewLine], ReviewCell]) -> Column:
    """What stands now in that cell."""
    return figures(f"现行{label}", lambda line: of(line).old[0] if of(line).old else None)


def releases_book(
    periods: Sequence[tuple[Period, Sequence[Releasable]]], announced: Sequence[Announcement], *, shows_released: bool
) -> Book:
    """Internal figures that may be released, or what was released when."""
    if shows_released:
        told = [(one, row) for one in announced for row in one.rows]
        first = [
            text("发布时间", lambda item: item[0].released_at, width=18),
            text("依据", lambda item: item[0].authority, width=26),
            text("发布人", lambda item: _words(item[0].by) or "随来源载入"),
        ]
        name, title = "released", "已发布数据"
    else:
        told = [(one, one.row) for _, found in periods for one in found]
        first = [text("上次发布", lambda item: item[0].released_before, width=18)]
        name, title = "internal", "未发布数据"
    columns = [
        text("指标代码", lambda item: item[1].indicator.code, width=22),
        text("指标", lambda item: item[1].indicator.name, width=26),
        text("时期", lambda item: when(item[1].period), width=18),
        *(
            _on_row(column)
            for column in (
                figures("数值", lambda row: row.level),
                figures("同比增长", lambda row: row.growth, unit="%"),
                *rank_columns([row for _, row in told]),
                *SAID_BY,
            )
        ),
        *first,
    ]
    return Book("发布数据", [Sheet(name, title, columns, told)])


def _on_row(column: Column) -> Column:
    return Column(column.heading, lambda item: column.of(item[1]), column.unit, column.width, column.has_figures)


def exceptions_book(round: Round, items: Sequence[dict[str, Any]]) -> Book:
    columns = [
        text("单位", lambda item: str(item["exception"].department), width=20),
        text("指标", lambda item: _words(item["exception"].indicator) or "全部指标", width=26),
        text("开放哪种锁定", lambda item: item["exception"].get_lock_display()),
        text("状态", lambda item: item["state"].label),
        text("理由", _of("exception", "reason"), width=30),
        text("批准人", lambda item: str(item["exception"].granted_by)),
        text("批准时间", _of("exception", "granted_at"), width=18),
        text("到期", _of("exception", "expires_at"), width=18),
        text("提前锁回", _of("exception", "ended_at"), width=18),
    ]
    return Book(f"临时开放：{round}", [Sheet("exceptions", "临时开放", columns, items)])


def exemptions_book(items: Sequence[dict[str, Any]]) -> Book:
    columns = [
        text("核查", lambda item: str(item["rule"]), width=36),
        text("单位", lambda item: _words(item["exemption"].department) or "全部单位"),
        text("指标", lambda item: _words(item["exemption"].indicator) or "全部指标", width=26),
        text("起", _of("exemption", "valid_from")),
        text("止", _of("exemption", "valid_to")),
        text("理由", _of("exemption", "reason"), width=30),
        text("批准人", lambda item: _words(item["exemption"].approved_by)),
        text("有效", lambda item: "有效" if item["is_in_force"] else "失效"),
    ]
    return Book("例外名单", [Sheet("exemptions", "例外名单", columns, items)])


_LIGHTS = {"green": "绿灯", "yellow": "黄灯", "red": "红灯", "unrated": "未评"}


def _conditions(said: dict[str, Any] | None) -> str:
    if said is None:
        return "还没有生效的版本"
    lines = [f"{one['words']} → {_LIGHTS[one['state']]}" for one in said["conditions"]]
    return "；".join([*lines, f"其余 → {_LIGHTS[said['otherwise']]}"])


def _used_for(rule: LightRule) -> str:
    names = [f"{rule.get_default_for_display()}（默认）"] if rule.default_for else []
    return "、".join([*names, *(one.name for one in rule.indicators.all())])


def lights_book(rules: Sequence[dict[str, Any]], exemptions: Sequence[dict[str, Any]]) -> Book:
    """The rules in force in words, and what is exempt from them."""

    def version(name: str) -> Callable[[dict[str, Any]], Any]:
        return lambda item: getattr(item["said"]["version"], name) if item["said"] else None

    columns = [
        text("规则代码", _of("rule", "code"), width=20),
        text("规则", _of("rule", "name"), width=24),
        text("类别", lambda item: item["rule"].get_family_display()),
        text("条件", lambda item: _conditions(item["said"]), width=50),
        text("用于", lambda item: _used_for(item["rule"]), width=30),
        text("版本", version("number")),
        text("自", version("valid_from")),
        text("依据", version("authority"), width=30),
    ]
    exempt = [
        text("指标", lambda item: item["exemption"].indicator.name, width=26),
        text("起", _of("exemption", "valid_from")),
        text("止", _of("exemption", "valid_to")),
        text("状态", lambda item: "已到期" if item["has_ended"] else "豁免"),
        text("理由", _of("exemption", "reason"), width=30),
        text("依据", _of("exemption", "authority"), width=30),
        text("批准人", lambda item: str(item["exemption"].approved_by)),
        text("批准时间", _of("exemption", "approved_at"), width=18),
    ]
    sheets = [Sheet("rules", "现行规则", columns, rules), Sheet("exemptions", "豁免", exempt, exemptions)]
    return Book("红黄绿灯规则", sheets)


def light_book(rule: LightRule, versions: Sequence[dict[str, Any]], counts: Sequence[tuple[str, int]]) -> Book:
    """One rule's versions, and what it gave."""
    columns = [
        text("版本", _of("version", "number")),
        text("自", _of("version", "valid_from")),
        text("条件", _conditions, width=50),
        text("理由", _of("version", "reason"), width=30),
        text("批准依据", _of("version", "authority"), width=30),
        text("批准人", lambda item: _words(item["version"].adopted_by)),
        text("批准时间", _of("version", "adopted_at"), width=18),
    ]
    given = [text("评定", lambda line: _LIGHTS[line[0]]), text("个数", lambda line: line[1])]
    return Book(rule.name, [Sheet("versions", "各版", columns, versions), Sheet("counts", "评定结果", given, counts)])
