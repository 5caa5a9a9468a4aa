"""A department's form as a workbook: given out with what the form says, read back as the cells that were changed.

Every line carries, hidden, what it is, the texts it was given out with, and a seal over all of that: so lines may be
sorted or left out, but a line that is not ours, or no longer as we made it, is noticed. Entry cells are texts, so that
17.0 comes back as 17.0.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Final, TypeAlias

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from indicators.beside import Past
from indicators.cells import COLUMNS, Cell
from indicators.forms import RANK_BY, STATUSES, LineForm
from indicators.grid import Grid, Line
from indicators.models import Round
from lvyuan import periods
from lvyuan.accounts.models import Department
from lvyuan.imports.registry import Problem
from lvyuan.imports.table import Flaw, Head, Row, Table

SHEET: Final = "填报表"
WIDTH: Final = {"value": 16, "growth": 14, "rank_place": 8, "rank_by": 12, "note": 36, "status": 12, "reason": 28}
# What stands over an entry column; the same in a file of any language.
ENTRIES: Final = {
    "value": "本期数",
    "growth": "同比增长（%）",
    "rank_place": "位次",
    "rank_by": "位次依据",
    "note": "说明",
    "status": "数据状态",
    "reason": "修订理由",
}
KNOWN: Final = ("指标", "时期", "计量单位", "上期", "上期增长", "上年同期", "上年同期增长")
NUMBER: Final = "系统编号（勿改）"
ISSUED: Final = "发出时（勿改）："
SEAL: Final = "校验（勿改）"
HIDDEN: Final = (NUMBER, *(f"{ISSUED}{heading}" for heading in ENTRIES.values()), SEAL)
HEADINGS: Final = (*KNOWN, *ENTRIES.values(), *HIDDEN)
HEADER_LINE: Final = 4
NULL_MARKS: Final = ("NA", "…", "—", "***")
SEAL_LENGTH: Final = 40
_NOT_OURS = gettext_noop("请从填报页面重新下载表格，把数据填进去再上传")


def choices(field: str) -> dict[str, str]:
    """Code → the words that a cell shows, for the fields that are chosen from a list."""
    found: Mapping[str, Sequence[tuple[str, Any]]] = {"rank_by": RANK_BY, "status": STATUSES}
    with override(settings.LANGUAGE_CODE):  # a file has one language, whoever fills it
        return {code: str(words) for code, words in found.get(field, ()) if code}


def _number(round: Round, department: Department, code: str, period: str) -> str:
    return "|".join((round.code, department.code, code, period))


def _seal(number: str, unit: str, issued: Sequence[str]) -> str:
    texts = ["\n".join(text.split()) for text in (unit, *issued)]  # spreadsheets trim and end lines in their own way
    said = json.dumps([number, *texts], ensure_ascii=False)
    return salted_hmac("indicators.imports.form_workbook", said, algorithm="sha256").hexdigest()[:SEAL_LENGTH]


# Out


def write_form(target: IO[bytes], round: Round, department: Department, grid: Grid) -> None:
    """Writes the form as an xlsx workbook without macros; its texts are Chinese when the language is."""
    from openpyxl import Workbook
    from openpyxl.workbook.protection import WorkbookProtection

    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = SHEET
    _write_head(sheet, round, department)
    for place, line in enumerate(grid.lines, HEADER_LINE + 1):
        _write_line(sheet, place, line, round, department)
    _offer_choices(sheet, HEADER_LINE + max(len(grid.lines), 1))
    _lay_out(sheet, HEADER_LINE + len(grid.lines))
    _write_definitions(workbook.create_sheet("口径说明"), grid)
    workbook.security = WorkbookProtection(lockStructure=True)
    workbook.save(target)


def _write_head(sheet: Any, round: Round, department: Department) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill

    sheet["A1"] = f"{round} {department.name}填报表"
    sheet["A1"].font = Font(bold=True, size=14)
    due = f"应报时间：{_moment(round.due_at)}；关闭时间：{_moment(round.closes_at)}。" if round.due_at else ""
    sheet["A2"] = f"{due}下载时间：{_moment(timezone.now())}。填好后在系统的填报页面上传，只读取改动过的格。"
    sheet["A3"] = (
        "只填浅黄色的格。照原样填写，如 223.7、223.7亿元、450余亿元；没有数的填 NA、…、— 或 ***，未掌握的留空。"
    )
    for column, heading in enumerate(HEADINGS, 1):
        cell = sheet.cell(HEADER_LINE, column, heading)
        cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor="FFE5E9EF")
        cell.alignment = Alignment(wrap_text=True, vertical="center")


def _moment(moment: dt.datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else "无"


def _past(past: Past | None) -> tuple[str, str]:
    if past is None:
        return "", ""
    period = periods.label(past.period)
    level = past.level or past.rank
    return f"{level.text}（{period}）" if level else "", past.growth.text if past.growth else ""


def _may_fill(line: Line, field: str) -> bool:
    if line.lock:
        return False
    if field in ("rank_place", "rank_by"):
        return line.asks_rank
    return line.is_correction or field not in ("status", "reason")


def _write_line(sheet: Any, place: int, line: Line, round: Round, department: Department) -> None:
    from openpyxl.comments import Comment
    from openpyxl.styles import Alignment, Border, PatternFill, Protection, Side

    thin = Side(style="thin", color="FFB5BBC5")
    issued = [line.cells[field].text for field in ENTRIES]
    known = [line.indicator.name, line.obligation.period_text, line.unit]
    known += [*_past(line.beside.previous), *_past(line.beside.last_year)]
    entries = [choices(field).get(text, text) for field, text in zip(ENTRIES, issued, strict=True)]
    number = _number(round, department, line.indicator.code, line.period.code)
    hidden = [number, *issued, _seal(number, line.unit, issued)]
    for column, text in enumerate((*known, *entries, *hidden), 1):
        cell = sheet.cell(place, column)
        cell.value, cell.number_format = text or None, "@"
        if text:
            cell.data_type = "s"  # whatever it begins with
        cell.border = Border(thin, thin, thin, thin)
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for column, field in enumerate(ENTRIES, len(KNOWN) + 1):
        if _may_fill(line, field):
            cell = sheet.cell(place, column)
            cell.protection, cell.fill = Protection(locked=False), PatternFill("solid", fgColor="FFFFF9DB")
    note = Comment(_definition(line), "系统", height=180, width=320)
    sheet.cell(place, 1).comment = note


def _definition(line: Line) -> str:
    said = [line.lock.message] if line.lock else []
    if definition := line.definition:
        for name in ("definition", "formula", "scope"):
            if text := getattr(definition, name, ""):
                said.append(f"{definition._meta.get_field(name).verbose_name}：{text}")
    said.append(f"指标代码：{line.indicator.code}")
    return "\n".join(said)[:2_000]


def _offer_choices(sheet: Any, last: int) -> None:
    """Lists to choose from: strict for what must be chosen, a help for the marks of why there is no figure."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    for column, field in enumerate(ENTRIES, len(KNOWN) + 1):
        area = f"{get_column_letter(column)}{HEADER_LINE + 1}:{get_column_letter(column)}{last}"
        if field == "value":
            offered = DataValidation("list", formula1=f'"{",".join(NULL_MARKS)}"', allow_blank=True)
            offered.showErrorMessage = False  # any figure may be written
            offered.promptTitle = "没有数时"
            offered.prompt = "NA 未掌握；… 不足最小单位；— 不适用；*** 不公开。有数的直接填写。"
            offered.showInputMessage = True
        elif words := choices(field):
            offered = DataValidation("list", formula1=f'"{",".join(words.values())}"', allow_blank=True)
            offered.showErrorMessage = True
            offered.errorTitle, offered.error = "请从列表中选择", f"请选择：{'、'.join(words.values())}"
        else:
            continue
        offered.add(area)
        sheet.add_data_validation(offered)


def _lay_out(sheet: Any, last: int) -> None:
    """Widths, what is hidden, the lock, and A4 paper."""
    from openpyxl.utils import get_column_letter

    widths = [26, 14, 10, 20, 12, 20, 12, *WIDTH.values()]
    for column in range(1, len(HEADINGS) + 1):
        dimension = sheet.column_dimensions[get_column_letter(column)]
        if column <= len(widths):
            dimension.width = widths[column - 1]
        else:
            dimension.hidden = True
    shown = get_column_letter(len(widths))
    sheet.freeze_panes = f"B{HEADER_LINE + 1}"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = False  # allowed
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9  # A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{HEADER_LINE}:{HEADER_LINE}"
    sheet.print_area = f"A1:{shown}{max(last, HEADER_LINE)}"
    sheet.oddFooter.center.text = "第 &P 页，共 &N 页"


def _write_definitions(sheet: Any, grid: Grid) -> None:
    sheet.protection.sheet = True
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 28, 100
    for line in grid.lines:
        sheet.append([line.indicator.name, _definition(line)])


# Back


class WrongForm(Exception):
    """The whole file is not this form; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back: cells that differ from what was given out, each with its place; or what is wrong."""

    cells: tuple[tuple[str, Cell], ...]
    problems: tuple[Problem, ...]


def read_form(tables: Iterable[Table], round: Round, department: Department) -> Returned:
    """The changed cells of a filled form, and everything that is wrong with it at once.

    Raises WrongForm for a file that is no form of ours, or another round's or department's.
    """
    for table in tables:
        if found := _found(table):
            return _read_lines(table, *found, round, department)
    raise WrongForm(_("文件里没有系统发出的填报表，或者表头被改过。%(remedy)s。") % {"remedy": _(_NOT_OURS)})


Places: TypeAlias = Mapping[str, tuple[int, Head]]  # by heading, which cell of a row and which column of the sheet


def _found(table: Table) -> tuple[Places, Iterator[Row]] | None:
    """Where the headings stand, in the table's head or below what was taken for it, and the lines under them."""
    rows = iter(table.rows)
    if places := _places([head.path[-1] if head.path else "" for head in table.heads], table.heads):
        return places, rows
    for row in islice(rows, HEADER_LINE):
        heads = [*table.heads, *(Head(number, ()) for number in range(len(table.heads) + 1, len(row.cells) + 1))]
        if places := _places([cell if isinstance(cell, str) else "" for cell in row.cells], heads):
            return places, rows
    return None


def _places(names: Sequence[str], heads: Sequence[Head]) -> Places:
    """Empty where these are not the headings of a form."""
    found = {name: (place, heads[place]) for place, name in enumerate(names) if name in HEADINGS}
    return found if {*HIDDEN, *ENTRIES.values()} <= found.keys() else {}


def _read_lines(table: Table, places: Places, rows: Iterator[Row], round: Round, department: Department) -> Returned:
    cells: list[tuple[str, Cell]] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for row in rows:
        line = _FormLine(table, row, places)
        if (problem := line.check(round, department)) is not None:
            problems.append(problem)
            continue
        if line.code in seen:
            message = _("与第 %(line)s 行是同一项指标") % {"line": seen[line.code]}
            problems.append(line.problem(NUMBER, message, _("请删去多出的一行")))
            continue
        seen[line.code] = row.line
        for found in line.read():
            if isinstance(found, Problem):
                problems.append(found)
            else:
                cells.append(found)
    if not seen and not problems:
        raise WrongForm(_("填报表里没有一行指标。%(remedy)s。") % {"remedy": _(_NOT_OURS)})
    return Returned(tuple(cells), tuple(problems))


class _FormLine:
    """One line of a form that came back."""

    def __init__(self, table: Table, row: Row, places: Places) -> None:
        self.table, self.row, self.places = table, row, places
        self.number = self._text(NUMBER)
        self.code = self.number.split("|")[2] if self.number.count("|") == 3 else ""
        self.issued = {field: self._text(f"{ISSUED}{heading}") for field, heading in ENTRIES.items()}

    def _cell(self, heading: str) -> str | Flaw:
        place = self.places[heading][0]
        return self.row.cells[place] if place < len(self.row.cells) else ""

    def _text(self, heading: str) -> str:
        cell = self._cell(heading)
        return cell if isinstance(cell, str) else ""

    def place(self, heading: str) -> str:
        return self.table.place(self.row.line, self.places[heading][1])

    def problem(self, heading: str, message: str, remedy: str) -> Problem:
        letter = self.places[heading][1].letter if heading in self.places else ""
        return Problem(
            sheet=self.table.sheet, line=self.row.line, column=letter, message=message, remedy=remedy, group=message
        )

    def check(self, round: Round, department: Department) -> Problem | None:
        """What makes the line none of this form's. Raises WrongForm where it is another form's."""
        if not self.number:
            message = _("这一行不是系统发出的：没有系统编号")
            return self.problem(NUMBER, message, _("请删去这一行；要增加指标请联系管理员"))
        unit = self._text("计量单位") if "计量单位" in self.places else ""
        if not hmac.compare_digest(_seal(self.number, unit, list(self.issued.values())), self._text(SEAL)):
            message = _("隐藏的编号、单位或发出时的内容被改过（或系统密钥已更换）")
            return self.problem(SEAL, message, _(_NOT_OURS))
        its_round, its_department, _code, _period = self.number.split("|")
        if (its_round, its_department) != (round.code, department.code):
            said = _("这是“%(round)s”任务、“%(department)s”单位的表，这一页是%(here)s。请到那一份填报页面上传。") % {
                "round": its_round,
                "department": its_department,
                "here": f"{round} {department}",
            }
            raise WrongForm(said)
        return None

    def read(self) -> Iterator[tuple[str, Cell] | Problem]:
        """Each changed entry, or why it cannot be read."""
        for field, heading in ENTRIES.items():
            said = self._cell(heading)
            if isinstance(said, Flaw):
                yield self.problem(heading, _(said.problem), _(said.remedy))
                continue
            codes = {words: code for code, words in choices(field).items()}
            if said == choices(field).get(self.issued[field], self.issued[field]):
                continue
            text = codes.get(said, said)
            if codes and text and text not in codes.values():
                message = _("“%(text)s”不在可选的范围内") % {"text": said[:40]}
                remedy = _("请从列表中选择：%(words)s") % {"words": _("、").join(codes)}
                yield self.problem(heading, message, remedy)
                continue
            cell = Cell(indicator=self.code, field=field, text=text, seen=self.issued[field])
            if cell.typed != Cell(indicator=self.code, field=field, text=cell.seen, seen="").typed:
                yield self.place(heading), cell


assert set(ENTRIES) == set(COLUMNS) == set(LineForm.base_fields)
