"""The one writer of tables into files: xlsx, csv and JSON, of the very rows that a page shows.

A view marked `exportable` answers `?format=xlsx|csv|json` (and `&table=name`) through `page_or_file` with the tables it
names; it finds, filters and authorises once for page and file. A file is Chinese whoever asks, whole, and keeps every
digit: a figure is a number where it was printed as one, and its printed words where it was not (450余亿元).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import wraps
from typing import IO, Any, Final, TypeAlias

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.forms import BaseForm
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext

from lvyuan.imports.harmless import harmless
from lvyuan.numbers import UNITS, plain
from lvyuan.ui.templatetags.figures import Figure
from lvyuan.ui.views import Missing

Value: TypeAlias = "str | int | Decimal | dt.date | Figure | None"
FORMATS: Final = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
DEMO: Final = "演示数据"
DEMO_SAID: Final = "演示数据（非真实数据，仅供试用）"
ADDRESSES: Final = "数据地址"
IN_MEMORY: Final = 1024 * 1024  # of a file before it goes to disk
SHEET_ROWS: Final = 1_048_576
CELL_LENGTH: Final = 32_767
NUMBER_DIGITS: Final = 15  # that a spreadsheet keeps of a number
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_UNFIT: Final = re.compile(r'[\x00-\x1f/\\:*?<>|"]+')  # for a file's name
_UNITS: Final = frozenset((*UNITS, "", "个月"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what stands over it, and a row's value in it.

    A column of figures whose unit is not given has a column of units beside it.
    """

    heading: str
    of: Callable[[Any], Value]
    unit: str = ""
    width: int = 12
    has_figures: bool = False

    @property
    def has_units(self) -> bool:
        return self.has_figures and not self.unit

    @property
    def headings(self) -> tuple[str, ...]:
        if self.has_units:
            return self.heading, f"{self.heading}单位"
        return (f"{self.heading}（{self.unit}）" if self.unit else self.heading,)


def text(heading: str, of: Callable[[Any], Value], width: int = 14) -> Column:
    """A column of words, dates or counts."""
    return Column(heading, of, width=width)


def figures(heading: str, of: Callable[[Any], Figure | None], unit: str = "") -> Column:
    """A column of figures, all in `unit`, or each with its own beside it."""
    return Column(heading, of, unit=unit, has_figures=True)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: its name in the address and its Chinese title. `is_apart`: written only when asked for by name."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Iterable[Any]
    is_apart: bool = False

    @property
    def headings(self) -> list[str]:
        """What stands over the columns of a file, the figures' addresses last."""
        told = [heading for column in self.columns for heading in column.headings]
        if any(column.has_figures for column in self.columns):
            told.append(ADDRESSES)
        if settings.DEMO:
            told.append(DEMO)
        return told


@dataclass(frozen=True, slots=True)
class Book:
    """What one page gives as a file: tables and what must be known to read them (label, value)."""

    title: str
    sheets: Sequence[Sheet]
    facts: Sequence[tuple[str, str]] = ()
    form: BaseForm | None = None  # the page's filter
    notes: Sequence[str] = ()


# The page or its file


def exportable(view: Any) -> Any:
    """Marks a view whose tables can be had as files; stands next to the view, inside whatever authorises.

    Everything in a file is Chinese, so the view speaks Chinese while it makes one.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = request.GET.get("format")
        if not asked:
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]
        if asked not in FORMATS:
            raise Missing(gettext("没有“%(asked)s”这种导出格式，请用 xlsx、csv 或 json。") % {"asked": asked})
        with translation.override(settings.LANGUAGE_CODE):
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]

    wrapper.is_exportable = True  # type: ignore[attr-defined]
    return wrapper


def asked_format(request: HttpRequest) -> str:
    """xlsx, csv or json; empty where a page was asked for."""
    asked = request.GET.get("format", "")
    is_exportable = request.resolver_match and getattr(request.resolver_match.func, "is_exportable", False)
    return asked if asked in FORMATS and is_exportable else ""


def page_of(request: HttpRequest, found: Any, length: int) -> Page:
    """The page of a list that was asked for; all of the list in one where it goes into a file."""
    if asked_format(request):
        return Paginator(found, max(len(found) if isinstance(found, Sequence) else found.count(), 1)).get_page(1)
    return Paginator(found, length).get_page(request.GET.get("page"))


def page_or_file(
    request: HttpRequest, template: str, context: dict[str, Any], *, book: Callable[[], Book], status: int = 200
) -> HttpResponseBase:
    """The page; or its tables as the file that the address asks for. A page that refuses stays a page."""
    wanted = asked_format(request)
    if not wanted or status != 200:
        return render(request, template, context, status=status)
    return file_response(request, book(), wanted)


def file_response(request: HttpRequest, book: Book, wanted: str) -> FileResponse:
    """The whole file or, where writing it fails, none: it is complete before its first byte goes out."""
    sheets = _asked_sheets(request, book, wanted)
    about = about_lines(request, book)
    target = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed with the answer
    try:
        write_sheets(target, sheets, about, wanted)
    except BaseException:
        target.close()
        raise
    named = [book.title, *([sheets[0].title] if len(sheets) == 1 and sheets[0].title != book.title else [])]
    return attachment(target, *named, wanted=wanted)


def attachment(target: IO[bytes], *parts: str, wanted: str) -> FileResponse:
    """A file that was written, under a Chinese name that tells its day and whether its data are invented."""
    size = target.tell()
    target.seek(0)
    name = "-".join([*parts, *([DEMO] if settings.DEMO else []), f"{timezone.localdate():%Y%m%d}"])
    response = FileResponse(
        target,
        as_attachment=True,
        filename=f"{_UNFIT.sub('_', name)[:120]}.{wanted}",
        content_type=FORMATS[wanted],
    )
    response["Content-Length"] = size
    return response


def write_sheets(target: IO[bytes], sheets: Sequence[Sheet], about: Sequence[tuple[str, str]], wanted: str) -> None:
    """Writes tables in that format; a CSV has no room for what is told about them."""
    _WRITERS[wanted](target, sheets, about)


def _asked_sheets(request: HttpRequest, book: Book, wanted: str) -> list[Sheet]:
    """The table of `?table=`; without it all of them, in a CSV the first."""
    name = request.GET.get("table")
    if name:
        found = [sheet for sheet in book.sheets if sheet.name == name]
        if not found:
            raise Missing(gettext("这一页没有“%(name)s”这张表。请从页面上的导出链接下载。") % {"name": name})
        return found
    found = [sheet for sheet in book.sheets if not sheet.is_apart]
    if not found:
        raise Missing(gettext("这一页现在没有可以导出的表。"))
    return found[:1] if wanted == "csv" else found


def about_lines(request: HttpRequest, book: Book) -> list[tuple[str, str]]:
    """What a file says about itself: which page, which choice of it, known when, by whom."""
    query = request.GET.copy()
    for name in ("format", "table", "page"):
        query.pop(name, None)
    address = request.build_absolute_uri(f"{request.path}{'?' if query else ''}{query.urlencode()}")
    lines = [("性质", DEMO_SAID)] if settings.DEMO else []
    lines += [("内容", book.title), ("页面", address), *book.facts, *_chosen(book.form)]
    if known_at := request.GET.get("known_at"):
        lines.append(("按当时已知", f"{known_at} 当日终了时已知的数据"))
    lines += [("导出时间", f"{timezone.localtime():%Y-%m-%d %H:%M}"), ("导出人", str(request.user))]
    notes = list(book.notes)
    if any(ADDRESSES in sheet.headings for sheet in book.sheets):
        notes.append("数值与页面逐位相同；“数据地址”是每个数在系统中的出处，按列的先后，以空格分开。")
    return lines + [("说明", note) for note in notes]


def _chosen(form: BaseForm | None) -> Iterator[tuple[str, str]]:
    """The filter in words."""
    for bound in form.visible_fields() if form is not None and form.is_bound else ():
        said = bound.value()
        if said in (None, "", []):
            continue
        choices = {str(code): str(label) for code, label in getattr(bound.field, "choices", ())}
        texts = [str(one) for one in (said if isinstance(said, (list, tuple)) else [said])]
        yield f"筛选：{bound.label}", "、".join(choices.get(one, one) for one in texts)


# Values


def parted(figure: Figure) -> tuple[Decimal | str, str]:
    """A figure's number and unit where it is printed as just these; otherwise its printed words, and no unit."""
    if figure.value is None:
        return figure.text, ""
    digits = figure.machine
    if figure.text == f"第{digits}位":
        return figure.value, "位"
    printed = figure.text.removeprefix("+")
    unit = printed.removeprefix(digits)
    if printed.startswith(digits) and unit in _UNITS:
        return figure.value, unit
    return figure.text, ""


def _cells(sheet: Sheet, row: Any) -> list[Value]:
    """A row as its file says it: figures as numbers or words, units beside them, addresses last. No Figure is left."""
    cells: list[Value] = []
    keys = []
    for column in sheet.columns:
        value = column.of(row)
        if not column.has_figures:
            cells.append(str(value) if _is_lazy(value) else value)
            continue
        said: Value = None
        unit = ""
        if value is not None:
            figure: Figure = value  # type: ignore[assignment]
            said, unit = parted(figure)
            keys.append(figure.key)
            if column.unit and unit not in (column.unit, ""):
                said = figure.text
        cells += [said, unit] if column.has_units else [said]
    if any(column.has_figures for column in sheet.columns):
        cells.append(" ".join(keys))
    if settings.DEMO:
        cells.append(DEMO)
    return cells


def _is_lazy(value: object) -> bool:
    return value is not None and not isinstance(value, (str, int, Decimal, dt.date))


def _as_text(value: Value) -> str:
    """Digits as they are, days and moments as 2023-08-04 and 2023-08-04 09:30."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dt.datetime):
        return f"{_local(value):%Y-%m-%d %H:%M}"
    return "" if value is None else str(value)


def _local(moment: dt.datetime) -> dt.datetime:
    return timezone.make_naive(moment) if timezone.is_aware(moment) else moment


# CSV


def _write_csv(target: IO[bytes], sheets: Sequence[Sheet], about: Sequence[tuple[str, str]]) -> None:
    with _text_layer(target, "utf-8-sig") as layer:
        lines = csv.writer(layer, lineterminator="\r\n")
        for sheet in sheets:
            lines.writerow([harmless(heading) for heading in sheet.headings])
            for row in sheet.rows:
                lines.writerow([_csv_cell(value) for value in _cells(sheet, row)])


def _csv_cell(value: Value) -> str:
    said = _as_text(value)
    return harmless(said) if isinstance(value, str) else said


class _text_layer:
    """A text file over a binary one that stays open."""

    def __init__(self, target: IO[bytes], encoding: str) -> None:
        self.layer = io.TextIOWrapper(target, encoding=encoding, newline="", write_through=False)  # type: ignore[type-var]

    def __enter__(self) -> io.TextIOWrapper:
        return self.layer

    def __exit__(self, *_: object) -> None:
        self.layer.flush()
        self.layer.detach()


# JSON


def _write_json(target: IO[bytes], sheets: Sequence[Sheet], about: Sequence[tuple[str, str]]) -> None:
    """{"about": {…}, "<table>": [{heading: text or figure}, …]}; a figure is {key, value, unit, text}."""
    with _text_layer(target, "utf-8") as layer:
        layer.write(f'{{"about": {_json(_grouped(about))}')
        for sheet in sheets:
            layer.write(f",\n{_json(sheet.name)}: [")
            for number, row in enumerate(sheet.rows):
                layer.write(",\n" if number else "\n")
                layer.write(_json({column.heading: _json_value(column, row) for column in sheet.columns}))
            layer.write("]")
        layer.write("}\n")


def _grouped(about: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Each label once."""
    told: dict[str, str] = {}
    for label, said in about:
        told[label] = f"{told[label]}\n{said}" if label in told else said
    return told


def _json_value(column: Column, row: Any) -> Any:
    value = column.of(row)
    if column.has_figures and value is not None:
        figure: Figure = value  # type: ignore[assignment]
        said, unit = parted(figure)
        number = figure.machine if isinstance(said, Decimal) else None
        return {"key": figure.key, "value": number, "unit": unit, "text": figure.text}
    return None if value is None else _as_text(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# xlsx


def _write_xlsx(target: IO[bytes], sheets: Sequence[Sheet], about: Sequence[tuple[str, str]]) -> None:
    from openpyxl import Workbook  # a page needs no workbook writer

    workbook = Workbook(write_only=True)
    pens = _Pens(workbook)
    for sheet in sheets:
        _write_sheet(workbook, pens, sheet)
    told = workbook.create_sheet(pens.title("说明"))
    told.column_dimensions["A"].width, told.column_dimensions["B"].width = 18, 90
    for label, said in about:
        told.append([pens.cell(told, label, bold=True), pens.cell(told, said)])
    workbook.save(target)


def _write_sheet(workbook: Any, pens: _Pens, sheet: Sheet) -> None:
    written = SHEET_ROWS
    for row in sheet.rows:
        if written == SHEET_ROWS:
            worksheet, written = _open_sheet(workbook, pens, sheet), 1
        worksheet.append([pens.cell(worksheet, value) for value in _cells(sheet, row)])
        written += 1
    if written == SHEET_ROWS:
        _open_sheet(workbook, pens, sheet)


def _open_sheet(workbook: Any, pens: _Pens, sheet: Sheet) -> Any:
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.properties import PageSetupProperties

    worksheet = workbook.create_sheet(pens.title(sheet.title))
    worksheet.freeze_panes = "A2"
    widths = [width for column in sheet.columns for width in ((column.width, 10)[: len(column.headings)])]
    for number, heading in enumerate(sheet.headings, 1):
        width = widths[number - 1] if number <= len(widths) else 24
        worksheet.column_dimensions[get_column_letter(number)].width = max(width, len(heading) * 2 + 2)
    worksheet.page_setup.orientation, worksheet.page_setup.paperSize = "landscape", 9  # A4
    worksheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)  # all columns on one page
    worksheet.page_setup.fitToHeight = 0
    worksheet.print_title_rows = "1:1"
    worksheet.append([pens.cell(worksheet, heading, bold=True) for heading in sheet.headings])
    return worksheet


class _Pens:
    """How values stand in the cells of one workbook: numbers with their own decimals, texts never as formulas."""

    def __init__(self, workbook: Any) -> None:
        from openpyxl.styles import Font

        self.workbook, self.bold = workbook, Font(bold=True)

    def title(self, wanted: str) -> str:
        """A name that a sheet may bear and that no other has."""
        bare = re.sub(r"[\[\]:*?/\\']", "_", _UNPRINTABLE.sub("", wanted)).strip()[:28] or "表"
        taken, number, name = set(self.workbook.sheetnames), 2, bare
        while name in taken:
            name, number = f"{bare[:27]} {number}", number + 1
        return name

    def cell(self, worksheet: Any, value: Value, *, bold: bool = False) -> Any:
        from openpyxl.cell import WriteOnlyCell

        written, number_format = _xlsx_value(value)
        if written is None:
            return None
        cell = WriteOnlyCell(worksheet, written)
        if isinstance(written, str):
            cell.data_type = "s"  # whatever it begins with
            if harmless(written) != written:
                cell.quotePrefix = True
        elif number_format:
            cell.number_format = number_format
        if bold:
            cell.font = self.bold
        return cell


def _xlsx_value(value: Value) -> tuple[Any, str]:
    """What a cell holds and how it shows: numbers that a spreadsheet keeps whole as numbers, all others as texts."""
    if isinstance(value, Decimal):
        digits = plain(value)
        places = len(digits.partition(".")[2])
        if len(digits.lstrip("-0.").replace(".", "")) > NUMBER_DIGITS:
            return digits, ""
        return value, f"0.{'0' * places}" if places else "0"
    if isinstance(value, dt.datetime):
        return _local(value), "yyyy-mm-dd hh:mm"
    if isinstance(value, dt.date):
        return value, "yyyy-mm-dd"
    if isinstance(value, str):
        said = _UNPRINTABLE.sub("", value)
        cut = "……（超出单元格上限，全文见 csv 或 JSON）"
        return (f"{said[: CELL_LENGTH - len(cut)]}{cut}" if len(said) > CELL_LENGTH else said) or None, ""
    return value, ""


_WRITERS: Final[dict[str, Callable[[IO[bytes], Sequence[Sheet], Sequence[tuple[str, str]]], None]]] = {
    "xlsx": _write_xlsx,
    "csv": _write_csv,
    "json": _write_json,
}
