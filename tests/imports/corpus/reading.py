"""The same two figures in every format, encoding and way of writing that a reader may meet."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import openpyxl

from tests.imports import files
from tests.imports.corpus import case

HEADER = ["指标", "时期", "数值", "单位", "同比增长"]
JULY = ["规模以上工业总产值", "2023年1—7月", 254.1, "亿元", 16.2]
AUGUST = ["规模以上工业总产值", "2023年1—8月", 291.3, "亿元", 15.8]
FIGURES = (
    ("industrial_output", "220106", "2023-07.ytd", "254.1", "16.2"),
    ("industrial_output", "220106", "2023-08.ytd", "291.3", "15.8"),
)
ONLY_JULY = FIGURES[:1]
SCALED = "<的数字格式把数缩小了显示（如以千、万显示），看到的与存的不是同一个数>"
NO_RESULT = "<是公式，但文件里没有计算结果>"
ERROR = "<是公式错误（如 #DIV/0!、#N/A）>"
LOGICAL = "<是逻辑值 TRUE，不是数据>"
MOMENT = "<是时刻或时长，不是数据>"


def rows_at(sheet: str, *lines: int, first: int = 1) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """The header on line `first`, the two rows on `lines`."""
    cells = [HEADER, JULY, AUGUST]
    return tuple(
        (sheet, line, tuple(map(str, row))) for line, row in zip((first, *lines), cells[: len(lines) + 1], strict=True)
    )


PLAIN = rows_at("", 2, 3)
SHEET = rows_at("数据", 2, 3)


def text(*rows: list[object], delimiter: str = ",", end: str = "\r\n") -> str:
    return "".join(delimiter.join(map(str, row)) + end for row in rows)


TABLE = text(HEADER, JULY, AUGUST)


# Texts


@case("utf8.csv", rows=PLAIN, figures=FIGURES)
def _utf8(path: Path) -> None:
    """UTF-8 without a mark."""
    path.write_text(TABLE, encoding="utf-8", newline="")


@case("utf8_bom.csv", rows=PLAIN, figures=FIGURES)
def _utf8_bom(path: Path) -> None:
    """UTF-8 with its mark, as WPS and Excel write it."""
    path.write_text(TABLE, encoding="utf-8-sig", newline="")


@case("utf16le_bom.txt", rows=PLAIN, figures=FIGURES)
def _utf16le_bom(path: Path) -> None:
    """Excel's “Unicode 文本”: UTF-16, tabs."""
    path.write_bytes(b"\xff\xfe" + text(HEADER, JULY, AUGUST, delimiter="\t").encode("utf-16-le"))


@case("utf16be_bom.csv", rows=PLAIN, figures=FIGURES)
def _utf16be_bom(path: Path) -> None:
    """UTF-16 the other way round."""
    path.write_bytes(b"\xfe\xff" + TABLE.encode("utf-16-be"))


@case("utf16le_bare.csv", rows=PLAIN, figures=FIGURES)
def _utf16le_bare(path: Path) -> None:
    """UTF-16 without a mark: every second byte of digits and commas is zero."""
    path.write_bytes(TABLE.encode("utf-16-le"))


@case("utf16be_bare.csv", rows=PLAIN, figures=FIGURES)
def _utf16be_bare(path: Path) -> None:
    """The same, the other way round."""
    path.write_bytes(TABLE.encode("utf-16-be"))


@case("gb18030.csv", rows=(*PLAIN, ("", 4, ("注：𠮷林",))), figures=FIGURES)
def _gb18030(path: Path) -> None:
    """GB18030 with a character that GBK lacks, in a note below the table."""
    path.write_bytes((TABLE + "注：𠮷林\r\n").encode("gb18030"))


@case("gbk_tabs.tsv", rows=PLAIN, figures=FIGURES)
def _gbk_tabs(path: Path) -> None:
    """GBK, tabs, and line ends of Unix."""
    path.write_bytes(text(HEADER, JULY, AUGUST, delimiter="\t", end="\n").encode("gbk"))


@case("semicolons.csv", rows=PLAIN, figures=FIGURES)
def _semicolons(path: Path) -> None:
    """Semicolons, which stand in fewer places than commas would in a text."""
    path.write_text(text(HEADER, JULY, AUGUST, delimiter=";"), encoding="utf-8")


@case("pipes.txt", rows=PLAIN, figures=FIGURES)
def _pipes(path: Path) -> None:
    """Upright strokes, old line ends of the Mac."""
    path.write_text(text(HEADER, JULY, AUGUST, delimiter="|", end="\r"), encoding="utf-8", newline="")


@case(
    "title_with_commas.csv",
    rows=(("", 1, ("绿园区主要指标，2023年",)), ("", 2, ("单位：亿元", "%")), *rows_at("", 5, 6, first=4)),
    figures=FIGURES,
)
def _title_with_commas(path: Path) -> None:
    """Title and unit lines have other delimiters, or more of them, than the table, which is set with tabs."""
    title = "绿园区主要指标，2023年\r\n单位：亿元\t%\r\n\r\n"
    path.write_text(title + text(HEADER, JULY, AUGUST, delimiter="\t"), encoding="utf-8", newline="")


@case("separator_line.csv", rows=rows_at("", 3, 4, first=2), figures=FIGURES)
def _separator_line(path: Path) -> None:
    """Excel's own first line says which delimiter follows; it is no row."""
    path.write_text("sep=;\r\n" + text(HEADER, JULY, AUGUST, delimiter=";"), encoding="utf-8", newline="")


@case(
    "quotes.csv",
    rows=(
        ("", 1, ("指标", "时期", "数值", "说明")),
        ("", 2, ("规模以上工业总产值", "2023年1—7月", "254.10", '含“新口径”, "初步"\r\n两行')),
        ("", 4, ("规模以上工业总产值", "2023年1—8月", "291.30")),
    ),
)
def _quotes(path: Path) -> None:
    """Delimiter, quotes and a line end inside quotes; a blank row; blanks around cells; trailing delimiters."""
    path.write_text(
        '指标,时期,数值,说明\r\n规模以上工业总产值, 2023年1—7月\u3000,"254.10","含“新口径”, ""初步""\r\n两行"\r\n'
        ",,,\r\n"
        "规模以上工业总产值,2023年1—8月,291.30,,,,\r\n",
        encoding="utf-8",
        newline="",
    )


# Workbooks of today


def sheet_of(*rows: list[object]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    book.active.title = "数据"
    for row in rows:
        book.active.append(row)
    return book


@case("plain.xlsx", rows=SHEET, figures=FIGURES)
def _plain_xlsx(path: Path) -> None:
    """Texts in the cells themselves, as openpyxl writes them."""
    sheet_of(HEADER, JULY, AUGUST).save(path)


@case("shared_strings.xlsx", rows=SHEET, figures=FIGURES)
def _shared_strings(path: Path) -> None:
    """Texts in a list of their own, as Excel, WPS and LibreOffice write them."""
    texts = list(dict.fromkeys(cell for row in (HEADER, JULY, AUGUST) for cell in row if isinstance(cell, str)))
    rows = ""
    for line, row in enumerate((HEADER, JULY, AUGUST), 1):
        rows += f'<row r="{line}" spans="1:5">'
        for letter, cell in zip("ABCDE", row, strict=True):
            said = f't="s"><v>{texts.index(cell)}</v>' if isinstance(cell, str) else f"><v>{cell}</v>"
            rows += f'<c r="{letter}{line}" s="0" {said}</c>'.replace('" >', '">')
        rows += "</row>"
    strings = "".join(f"<si><t>{text}</t></si>" for text in texts)
    sheet = f'<worksheet xmlns="{files.MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    files.raw_workbook(path, sheet, shared_strings=f'<sst xmlns="{files.MAIN}">{strings}</sst>')


@case("macros.xlsm", rows=SHEET, figures=FIGURES)
def _macros(path: Path) -> None:
    """A workbook with macros, which nobody runs or reads."""
    sheet_of(HEADER, JULY, AUGUST).save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xcc\x61" * 100)


@case("written_otherwise.xlsx", rows=rows_at("数据", 2), figures=ONLY_JULY)
def _written_otherwise(path: Path) -> None:
    """Prefixed elements, single quotes, comments, CDATA, runs of text, pronunciation, cells without reference."""
    header = "".join(f"<x:c t='inlineStr'><x:is><x:t>{text}</x:t></x:is></x:c>" for text in HEADER)
    cells = (
        "<x:c t='s' r='A2'><x:v>0</x:v></x:c><x:c r='B2' t='inlineStr'>"
        "<x:is><x:r><x:rPr><x:b/></x:rPr><x:t>2023年</x:t></x:r><x:r><x:t>1—7月</x:t></x:r>"
        "<x:rPh sb='0' eb='1'><x:t>nian</x:t></x:rPh></x:is></x:c>"
        "<!-- <x:c r='C2'><x:v>999</x:v></x:c> --><x:c r='C2' cm='1'><x:v> 254.1 </x:v></x:c>"
        "<x:c r='D2' t='inlineStr'><x:is><x:t><![CDATA[亿元]]></x:t></x:is></x:c>"
        "<x:c r='E2' vm='1'><x:v>16.2</x:v><x:extLst/></x:c>"
    )
    sheet = (
        f"<?xml version='1.0'?>\n<x:worksheet xmlns:x='{files.MAIN}'><x:sheetData>\n <x:row>{header}</x:row>\n"
        f" <x:row spans='1:5'>\n{cells}</x:row><x:row r='3'/></x:sheetData></x:worksheet>"
    )
    runs = "<x:r><x:t>规模以上</x:t></x:r><x:r><x:t>工业总产值</x:t></x:r>"
    strings = f"<x:sst xmlns:x='{files.MAIN}'><x:si>{runs}</x:si></x:sst>"
    files.raw_workbook(path, sheet, shared_strings=strings)


@case(
    "formats.xlsx",
    rows=(
        ("数据", 1, ("17.1%", "90%", "17.1", "0.5", "12", "2023-06-30", "2023年6月", "2023年", "6月")),
        (
            "数据",
            2,
            (SCALED, "254.1", "2023-06-30 08:30:00"),
        ),
        ("数据", 3, (MOMENT, LOGICAL, "<是日期格式，存的数却不是有效的日期>")),
    ),
)
def _formats(path: Path) -> None:
    """Number formats decide what people see: percents, quoted percent signs, days, months, years, thousands."""
    day = 45107  # 2023-06-30
    book = sheet_of([0.171, 0.9, 17.1, 0.5, 12, day, day, day, day], [1234567, 254.1, day + 8.5 / 24], [0.5, True, 60])
    codes = {
        "A1": "0.0%", "B1": "0%", "C1": '0.0"%"', "D1": "0.0\\%", "E1": "0.00E+00", "F1": "yyyy/m/d",
        "G1": 'yyyy"年"m"月"', "H1": "yyyy", "I1": 'm"月"', "A2": '0!.0,"万"', "B2": "#,##0.00_);[Red](#,##0.00)",
        "C2": "yyyy-mm-dd hh:mm", "A3": "[h]:mm", "C3": "yyyy/m/d",
    }  # fmt: skip
    for place, code in codes.items():
        book.active[place].number_format = code
    book.save(path)


@case(
    "date1904.xlsx",
    rows=(("数据", 1, ("指标", "时期", "数值")), ("数据", 2, ("规模以上工业总产值", "2023年6月", "30.5"))),
)
def _date1904(path: Path) -> None:
    """A workbook of the Mac, whose days count from 1904."""
    book = sheet_of(["指标", "时期", "数值"], ["规模以上工业总产值", 43645, 30.5])  # 45107 - 1462
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active["B2"].number_format = 'yyyy"年"m"月"'
    book.save(path)


@case("hidden_sheets.xlsx", rows=SHEET, figures=FIGURES)
def _hidden_sheets(path: Path) -> None:
    """A chart sheet, a hidden sheet, a very hidden one and an empty one around the one with data."""
    book = sheet_of(HEADER, JULY, AUGUST)
    for title, state in (("字典", "hidden"), ("底稿", "veryHidden"), ("空表", "visible")):
        sheet = book.create_sheet(title, 0)
        sheet.sheet_state = state
        if state != "visible":
            sheet.append(["规模以上工业总产值", 999])
    book.create_chartsheet("图", 0)
    book.active = book.sheetnames.index("数据")
    book.save(path)


@case(
    "formulas.xlsx",
    rows=(
        ("数据", 1, ("指标", "时期", "数值")),
        (
            "数据", 2,
            ("254.1", NO_RESULT, ERROR, "合计", "", "254.1", "0"),
        ),
    ),
)  # fmt: skip
def _formulas(path: Path) -> None:
    """Formulas with a number, without a result, with an error, with a text, an empty text, shared; a plain 0."""
    cells = (
        '<c r="A2"><f>1+1</f><v>254.1</v></c>', '<c r="B2"><f>1+1</f></c>',
        '<c r="C2" t="e"><f>1/0</f><v>#DIV/0!</v></c>',
        '<c r="D2" t="str"><f>A1</f><v>合计</v></c>', '<c r="E2" t="str"><f>""</f><v></v></c>',
        '<c r="F2"><f t="shared" si="0"/><v>254.1</v></c>', '<c r="G2"><f>0</f><v>0</v></c>',
    )  # fmt: skip
    files.raw_workbook(path, files.sheet_xml(*cells))


@case(
    "formulas_left_open.xlsx",
    refused="没有计算结果",
    place=("数据", 2, "C"),
    rows=(
        ("数据", 1, ("指标", "时期", "数值")),
        ("数据", 2, ("规模以上工业总产值", "2023年1—7月", NO_RESULT)),
    ),
)
def _formulas_left_open(path: Path) -> None:
    """A program wrote 0 as the result of a formula and left it to Excel to calculate: that 0 is invented."""
    cells = (
        '<c r="A2" t="inlineStr"><is><t>规模以上工业总产值</t></is></c>',
        '<c r="B2" t="inlineStr"><is><t>2023年1—7月</t></is></c>',
        '<c r="C2"><f>E1*2</f><v>0</v></c>',
    )
    files.raw_workbook(path, files.sheet_xml(*cells), workbook='<calcPr calcId="1" fullCalcOnLoad="1"/>')


# Workbooks of 1997–2003


@case("plain.xls", rows=SHEET, figures=FIGURES)
def _plain_xls(path: Path) -> None:
    """Shared strings and numbers."""
    path.write_bytes(files.Xls(HEADER, JULY, AUGUST).bytes())


@case("strings_in_two_records.xls", rows=SHEET, figures=FIGURES)
def _strings_in_two_records(path: Path) -> None:
    """A text that begins in one record and ends in the next."""
    book = files.Xls(HEADER, JULY, AUGUST)
    book.split = 3 + 4 + 3 + 2  # behind 时 of 时期
    path.write_bytes(book.bytes())


@case(
    "kinds_of_cells.xls",
    rows=(
        ("数据", 1, ("2.54", "254", "-1", "17.1%", "2023年6月", "27.3", "28")),
        (
            "数据", 2,
            ("5.5", "合计", "", NO_RESULT, ERROR, LOGICAL),
        ),
    ),
)  # fmt: skip
def _kinds_of_cells(path: Path) -> None:
    """Packed numbers, percents, dates, formulas with every kind of result, errors, logical values."""
    packed = struct.pack("<2H", 0x027E, 10)

    def formula(*result: int, flags: int = 0) -> bytes:
        return files.xls_formula(bytes(result).ljust(6, b"\0") + b"\xff\xff", flags)

    book = files.Xls(
        [packed + struct.pack("<I", 254 << 2 | 3), packed + struct.pack("<I", 254 << 2 | 2),
         packed + struct.pack("<i", -1 << 2 | 2), 0.171, 45107, packed + struct.pack("<I", 2730 << 2 | 3), 28],
        [files.xls_formula(struct.pack("<d", 5.5)), formula(0), formula(3), formula(3, flags=3), formula(2, 0, 7),
         formula(1, 0, 1)],
        formats=("0.0%", 'yyyy"年"m"月"'),
        styles={(1, 4): 1, (1, 5): 2},
    )  # fmt: skip
    # The text of the second formula follows in a record of its own.
    book.rows[1].insert(
        2, files.RawRecord(struct.pack("<2H", 0x0207, 7) + struct.pack("<HB", 2, 1) + "合计".encode("utf-16-le"))
    )
    path.write_bytes(book.bytes())


# OpenDocument


def table_of(*rows: str, name: str = "数据", columns: str = "", attributes: str = "") -> str:
    return f'<table:table table:name="{name}"{attributes}>{columns}{"".join(rows)}</table:table>'


@case("plain.ods", rows=SHEET, figures=FIGURES)
def _plain_ods(path: Path) -> None:
    """As LibreOffice writes it."""
    path.write_bytes(files.ods_bytes(table_of(files.ods_row(*HEADER), files.ods_row(*JULY), files.ods_row(*AUGUST))))


@case(
    "kinds_of_cells.ods",
    rows=(
        (
            "数据", 1,
            ("17.1%", "2023-06-30", "2023年6月", "2023年", ERROR, NO_RESULT,
             LOGICAL, MOMENT, "两 行\n末", "5", "5", "",
             SCALED, "末"),
        ),
        ("数据", 5, ("甲",)), ("数据", 6, ("甲",)), ("数据", 7, ("甲",)),
    ),
)  # fmt: skip
def _kinds_of_cells_ods(path: Path) -> None:
    """Types of cells, comments, repeated cells and rows, a million blank ones, covered cells, deleted cells."""
    kind = "<table:table-cell office:value-type="
    cells = (
        f'{kind}"percentage" office:value="0.171"><text:p>17.10%</text:p></table:table-cell>',
        f'{kind}"date" office:date-value="2023-06-30"><text:p>23/6/30</text:p></table:table-cell>',
        f'{kind}"date" office:date-value="2023-06-30"><text:p>2023年6月</text:p></table:table-cell>',
        f'{kind}"date" office:date-value="2023-06-30"><text:p>2023</text:p></table:table-cell>',
        f'{kind}"string" office:string-value="" calcext:value-type="error" table:formula="of:=1/0">'
        "<text:p>#DIV/0!</text:p></table:table-cell>",
        '<table:table-cell table:formula="of:=1+1"/>',
        f'{kind}"boolean" office:boolean-value="true"><text:p>TRUE</text:p></table:table-cell>',
        f'{kind}"time" office:time-value="PT08H30M"><text:p>8:30</text:p></table:table-cell>',
        f'{kind}"string"><office:annotation><text:p>批注</text:p></office:annotation>'
        "<text:p>两<text:s/><text:span>行</text:span></text:p><text:p>末</text:p></table:table-cell>",
        f'{kind}"float" office:value="5" table:number-columns-repeated="2"><text:p>5</text:p></table:table-cell>',
        '<table:covered-table-cell/>',
        f'{kind}"float" office:value="1234567"><text:p>123.5万</text:p></table:table-cell>',
        "末",
        '<table:table-cell table:number-columns-repeated="16370"/>',
    )  # fmt: skip
    deleted = '<table:tracked-changes><table:deletion><table:table-cell office:value-type="float" office:value="9"/>'
    table = table_of(
        files.ods_row(*cells),
        '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>',
        files.ods_row("甲", attributes=' table:number-rows-repeated="3"'),
        '<table:table-row table:number-rows-repeated="1048569"><table:table-cell/></table:table-row>',
    )
    path.write_bytes(files.ods_bytes(f"{deleted}</table:deletion></table:tracked-changes>{table}"))


# JSON


def record_of(row: list[object]) -> dict[str, object]:
    return dict(zip(HEADER, row, strict=True))


RECORDS = (("", 1, tuple(map(str, JULY))), ("", 2, tuple(map(str, AUGUST))))


@case("list.json", rows=RECORDS, figures=FIGURES)
def _list(path: Path) -> None:
    """A plain list of records."""
    path.write_text(json.dumps([record_of(JULY), record_of(AUGUST)], ensure_ascii=False), encoding="utf-8")


@case(
    "sections.json",
    rows=(
        ("figures", 1, ("industrial_output", "254.10", '[{"by": "growth", "place": 1}]', "true", "亿元")),
        ("figures", 2, ("industrial_output", "291.30", "", "", "万元")),
        ("places", 1, ("长春", "亿元")),
    ),
)
def _sections(path: Path) -> None:
    """Our fixtures: sections of records, defaults for all, digits as written, records inside records."""
    path.write_text(
        '{"defaults": {"unit": "亿元"}, "source": {"name": "x"}, "figures": [{"indicator": "industrial_output", '
        '"value": 254.10, "ranks": [{"by": "growth", "place": 1}], "is_headline": true}, '
        '{"indicator": "industrial_output", "value": "291.30", "unit": "万元"}], "places": [{"name": "长春"}]}',
        encoding="utf-8",
    )


@case(
    "django.json",
    rows=(
        ("indicators.indicator", 1, ("1", "gdp", "地区生产总值")),
        ("indicators.indicator", 2, ("2", "industrial_output")),
        ("accounts.department", 1, ("7", "tjj")),
    ),
    kind="indicators",
)
def _django(path: Path) -> None:
    """What Django's dumpdata writes: model, pk, fields."""
    objects = [
        {"model": "indicators.indicator", "pk": 1, "fields": {"code": "gdp", "name": "地区生产总值"}},
        {"model": "accounts.department", "pk": 7, "fields": {"code": "tjj"}},
        {"model": "indicators.indicator", "pk": 2, "fields": {"code": "industrial_output", "name": None}},
    ]
    path.write_text(json.dumps(objects, ensure_ascii=False), encoding="gb18030")


# What people hide


@case(
    "hidden_rows.xlsx",
    rows=SHEET,
    asks=("hidden_rows:1",),
    answers={"hidden_rows:1": "ignore"},
    figures=ONLY_JULY,
)
def _hidden_rows(path: Path) -> None:
    """The second figure stands in a hidden row."""
    book = sheet_of(HEADER, JULY, AUGUST)
    book.active.row_dimensions[3].hidden = True
    book.save(path)
