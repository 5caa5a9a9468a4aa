"""The project pages as files, of the very rows that they show."""

from __future__ import annotations

from collections.abc import Sequence

from django.forms import BaseForm

from lvyuan import periods
from lvyuan.ui.export import Book, Sheet, figures, text
from projects.rows import Portfolio, ProjectRow


def projects_sheet(rows: Sequence[ProjectRow]) -> Sheet:
    """Members of a list with the state of each."""
    columns = [
        text("序号", lambda row: row.number, width=6),
        text("项目代码", lambda row: row.project.code, width=20),
        text("项目", lambda row: row.project.name, width=36),
        text("状态", lambda row: row.state_label),
        text("备注", lambda row: "未指明具体项目" if row.is_unspecified else ""),
        text("责任单位", lambda row: str(row.project.department) if row.project.department else "未录入", width=20),
    ]
    return Sheet("projects", "项目一览", columns, rows)


def starts_sheet(found: Portfolio) -> Sheet:
    """What the list's wall says, computed and reported, a line each."""
    told = [
        ("按清单计算", "清单内共", found.total),
        ("按清单计算", "已开工", found.started),
        ("按清单计算", "可能已开工", found.possible),
        ("按清单计算", "开工率", found.rate),
        ("来源报道", "项目总数", found.reported_total),
        ("来源报道", "开工", found.reported_started),
        ("来源报道", "开工率", found.reported_rate),
        ("来源报道", "与近三年平均比", found.comparison),
        ("由报道推算", "近三年平均", found.baseline),
    ]
    reported = periods.label(found.reported_period) if found.reported_period else ""
    columns = [
        text("依据", lambda line: line[0]),
        text("项目", lambda line: line[1], width=18),
        figures("数值", lambda line: line[2]),
        text("时期", lambda line: reported if line[0] == "来源报道" else f"{found.as_of:%Y-%m-%d}"),
    ]
    return Sheet("starts", "开工", columns, [line for line in told if line[2] is not None])


def portfolio_book(found: Portfolio, rows: Sequence[ProjectRow], form: BaseForm | None = None) -> Book:
    """The list's members on the page, and its start rate."""
    title = found.list.name if found.list else "重点项目"
    facts = [("截至", f"{found.as_of:%Y-%m-%d}")]
    if found.source and found.list:
        facts.append(("来源", " · ".join(part for part in (str(found.source), found.list.locator) if part)))
    notes = ["文中点名而未列入清单的项目不计。"]
    if found.unspecified:
        notes.append("来源未指明开工的是哪些项目，状态按序号排列。")
    return Book(title, [projects_sheet(rows), starts_sheet(found)], facts=facts, form=form, notes=notes)
