"""What the corpus does not show: the rows' numbers, the digits, places and edges, the limits, and the child process.

The formats, encodings and hostile files themselves are in tests/imports/corpus (reading, hostile).
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvyuan.imports import child, reading, table
from lvyuan.imports.harmless import said_harmlessly
from lvyuan.imports.reading import formats, package, text, xlsx
from lvyuan.imports.reading.formats import Format, format_of
from lvyuan.imports.table import Cell, Flaw, Grid, Row, Table, Unreadable, row_from_json
from tests.imports import files

ROOT = Path(__file__).resolve().parents[2]
GARBLED = Flaw("含有看不见的控制字符或乱码", "请删去这个单元格的内容，重新录入")


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows_of(path: Path, report: reading.Report | None = None) -> list[Row]:
    return [row for grid in reading.read(path, path.suffix, report) for row in grid.rows]


def read(folder: Path, name: str, content: bytes | str) -> list[Row]:
    return rows_of(write(folder, name, content))


def only_grid(path: Path) -> Grid:
    """The file's only grid, its rows at hand: they cannot be taken once the file is closed."""
    grids = [replace(grid, rows=list(grid.rows)) for grid in reading.read(path, path.suffix) if isinstance(grid, Grid)]
    (grid,) = grids
    return grid


def cells(rows: list[Row]) -> list[list[Cell]]:
    return [row.cells for row in rows]


def refusal(folder: Path, name: str, content: bytes | str) -> str:
    with pytest.raises(Unreadable) as caught:
        read(folder, name, content)
    return str(caught.value)


# Texts


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path, end):
    content = end.join(["", "指标,说明", "", 'gdp,"两', '行"', ",,", "gdp,x", ""])
    assert [row.line for row in read(tmp_path, "a.csv", content)] == [2, 4, 6]


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x0b"])
@pytest.mark.parametrize(
    "place", ["{}指标,数值\ngdp,1\n", "指标,数值{}\ngdp,1\n", "指标,数值\n{}gdp,1\n", "指标,数值\ngdp,{}1"]
)
def test_csv_cells_are_trimmed(tmp_path, blank, place):
    assert cells(read(tmp_path, "a.csv", place.format(blank))) == [["指标", "数值"], ["gdp", "1"]]


def test_csv_rows_keep_the_cells_they_have(tmp_path):
    found = read(tmp_path, "a.csv", "指标,时期,数值\ngdp,2023年\ngdp,2023年,1,234.5\n")
    assert cells(found)[1:] == [["gdp", "2023年"], ["gdp", "2023年", "1", "234.5"]]


def test_csv_text_that_looks_like_a_formula_stays_text(tmp_path):
    found = read(tmp_path, "a.csv", "指标,说明\ngdp,=cmd()|' /C calc'!A0\n")
    assert cells(found)[1] == ["gdp", "=cmd()|' /C calc'!A0"]


def test_csv_blocks_are_judged_one_by_one(tmp_path, monkeypatch):
    """A record across two blocks is looked at when either needs it; clean blocks are taken as they stand."""
    monkeypatch.setattr(text, "BLOCK", 16)
    content = 'a,b\n1,2\n" 3","4\n 5"\n6,7\n8, 9\n'
    expected = [["a", "b"], ["1", "2"], ["3", "4\n 5"], ["6", "7"], ["8", "9"]]
    assert cells(read(tmp_path, "a.csv", content)) == expected


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        (["a,b", "1,2"], ","),
        (["a;b;c", "1,5;2,5;3"], ";"),
        (["标题，无分隔符", "a\tb\tc", "1,000\t2\t3", "1,000\t2\t3"], "\t"),
        (["a|b", '"x,y,z"|1', '"x,y,z"|1'], "|"),
        (["只有一列", "1"], ","),
    ],
)
def test_delimiter_is_that_of_most_lines(lines, delimiter):
    assert text.delimiter_of([f"{line}\n" for line in lines]) == delimiter


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("指标,数值\n\0gdp,1\n".encode(), "第2行含有二进制数据"),
        ("指标,数值\r绿园,1\r绿\0园,1\r".encode(), "第3行含有二进制数据"),
        ("指标,数值\n绿园\0,1\n".encode("gbk"), "第2行含有二进制数据"),
        (b"a,b\n\xff\xff", "文字编码无法识别：第2行"),
        ("指标,数值\n".encode("utf-16") + b"\x00\xd8a\x00", "第2行不是 UTF-16"),
    ],
)
def test_bytes_that_are_no_text(tmp_path, content, told):
    assert told in refusal(tmp_path, "a.csv", content)


@given(
    st.lists(st.lists(st.text("绿园gdp0123456789.,;\"' \n\u3000|=", max_size=8), min_size=2, max_size=4), max_size=6)
)
def test_csv_written_by_python_comes_back(tmp_path_factory, rows):
    """However it is quoted, every cell comes back, without blanks at its ends and the mark of harmless texts."""
    import csv

    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["指标", "数值", "说明"]] * 70 + rows)
    expected = [[said_harmlessly(cell).strip(table.STRIP) for cell in row] for row in rows]
    for row in expected:
        while row and not row[-1]:
            row.pop()
    assert cells(rows_of(path))[70:] == [row for row in expected if row]


# JSON


def test_json_numbers_keep_their_digits(tmp_path):
    content = '[{"value": 254.10, "growth": 1e400, "n": 12345678901234567890.123, "z": -0.0, "i": 17}]'
    assert cells(read(tmp_path, "a.json", content)) == [["254.10", "1e400", "12345678901234567890.123", "-0.0", "17"]]


def test_json_records_are_counted_and_may_differ(tmp_path):
    path = write(tmp_path, "a.json", '[{"a": "x"}, {}, {"b": null, "a": null}, {"b": "y"}]')
    (found,) = reading.read(path, ".json")
    assert isinstance(found, Table)
    assert (found.unit, [head.name for head in found.heads]) == ("条", ["a", "b"])
    assert list(found.rows) == [Row(1, ["x", ""]), Row(4, ["", "y"])]


@pytest.mark.parametrize("value", ['"a\\u0000b"', '"\\ud800"'])
def test_json_control_characters_are_flawed(tmp_path, value):
    ((cell,),) = cells(read(tmp_path, "a.json", f'[{{"a": {value}}}]'))
    assert cell == GARBLED


def test_json_sections_that_are_no_lists_are_told(tmp_path):
    report = reading.Report()
    rows_of(write(tmp_path, "a.json", '{"source": {}, "figures": [{"a": 1}]}'), report)
    assert report.skipped == ["source"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[{"a": 1}', "第 1 行第 10 个字符附近写法有误"),
        ("{}", "没有记录列表"),
        ('{"observations": {"a": 1}}', "没有记录列表"),
        ("17", "没有记录列表"),
        ("[]", "记录列表是空的"),
        ("[{}]", "没有任何字段"),
        ('[{"a": 1}, 2]', "第2条不是记录"),
        ('{"x": [{"a": 1}, 2]}', "“x”第2条不是记录"),
        ('{"defaults": [1], "x": [{"a": 1}]}', "defaults 不是记录"),
        ('[{"a": %s}]' % ("[" * 30 + "]" * 30), "嵌套超过 20 层"),
        ('[{"a\\u0000": 1}]', "第 1 个字段的名称含有看不见的控制字符"),
    ],
)
def test_json_refusals(tmp_path, content, told):
    assert told in refusal(tmp_path, "a.json", content)


# Numbers and their formats


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (254.1, "254.1"),
        (3480.0, "3480"),
        (3480, "3480"),
        (-6.0, "-6"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (3479.9999999999995, "3480"),
        (8.105999999999995, "8.106"),
        (-2.778400000000005, "-2.77840000000001"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (123456789012345.0, "123456789012345"),
    ],
)
def test_numbers_are_the_digits_people_see(tmp_path, number, shown):
    path = files.workbook(tmp_path / "a.xlsx", [number])
    assert cells(rows_of(path)) == [[shown]]
    assert cells(read(tmp_path, "a.xls", files.Xls([number]).bytes())) == [[shown]]
    ods = f'<table:table table:name="x">{files.ods_row(number)}</table:table>'
    assert cells(read(tmp_path, "a.ods", files.ods_bytes(ods))) == [[shown]]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_stored_number_is_read_as_its_fifteen_digits(number):
    """Whichever way it takes: as a text that is simple enough, or as a number."""
    sheet = xlsx._Book(zipfile.ZipFile(io.BytesIO(), "w"), [], [], {}, {}, is_1904=False, is_uncalculated=False)
    found = xlsx._cells(sheet, f'<c r="A1"><v>{number!r}</v></c>', "1", {})
    assert found == [table.number_cell(number)]


@pytest.mark.parametrize("value", ["1_000", "١٢", "0x10", "", "1e", "--1", "1.2.3"])
def test_what_xml_must_not_write_is_no_number(value):
    assert formats.stored_number(value) is None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("General", Format.PLAIN),
        ("G/通用格式", Format.PLAIN),
        ("0.00_);[Red](0.00)", 2),
        ("#,##0.00", 2),
        ("0.00E+00", Format.PLAIN),
        ('0.0"%"', 1),
        ("0.0\\%", 1),
        ("[$¥-804]#,##0.00", 2),
        ('0.0"亿元"', 1),
        ("0.0%", Format.PERCENT),
        ("0%;[Red]-0%", Format.PERCENT),
        ("#,##0,", Format.SCALED),
        ('0!.0,"万"', Format.SCALED),
        ("0.00,,", Format.SCALED),
        ("yyyy/m/d", Format.DATE),
        ("[$-804]yyyy年m月d日;@", Format.DATE),
        ("m/d/yy h:mm", Format.DATE),
        ('yyyy"年"m"月"', Format.YEAR_MONTH),
        ("[DBNum1][$-804]yyyy年m月;@", Format.YEAR_MONTH),
        ("mmm-yy", Format.YEAR_MONTH),
        ("e年m月", Format.YEAR_MONTH),
        ("yyyy", Format.YEAR),
        ('m"月"', Format.MONTH),
        ("h:mm", Format.TIME),
        ("[h]:mm:ss", Format.TIME),
        ("mm:ss.0", Format.TIME),
    ],
)
def test_formats(code, kind):
    assert format_of(164, code) == kind


@pytest.mark.parametrize(
    ("number", "code", "shown"),
    [
        (17, "0.0", "17.0"),
        (0, "0.00", "0.00"),
        (-3.2, "#,##0.00", "-3.20"),
        (21.37, "0.0", "21.37"),
        (17, "General", "17"),
    ],
)
def test_format_says_with_how_many_decimals_a_number_was_printed(tmp_path, number, code, shown):
    """17.0 and 17 are two prints of a figure; digits that the format hides are not lost."""
    book = openpyxl.Workbook()
    book.active.append([number])
    book.active["A1"].number_format = code
    book.save(tmp_path / "a.xlsx")
    assert cells(rows_of(tmp_path / "a.xlsx")) == [[shown]]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, Format.PLAIN),
        (9, Format.PERCENT),
        (14, Format.DATE),
        (31, Format.DATE),
        (57, Format.YEAR_MONTH),
        (46, Format.TIME),
    ],
)
def test_formats_that_every_workbook_has(number, kind):
    assert format_of(number) is kind


@pytest.mark.parametrize(
    ("serial", "is_1904", "shown"),
    [
        (1, False, "1900-01-01"),
        (59, False, "1900-02-28"),
        (61, False, "1900-03-01"),
        (45107, False, "2023-06-30"),
        (45107.3541666667, False, "2023-06-30 08:30:00"),
        (43645, True, "2023-06-30"),
        (0, True, "1904-01-01"),
    ],
)
def test_days(serial, is_1904, shown):
    assert formats.shown_number(serial, Format.DATE, is_1904=is_1904) == shown


@pytest.mark.parametrize("serial", [0.5, 60, 60.5, -1, 2958466, float("inf"), float("nan")])
def test_days_that_never_were(serial):
    assert isinstance(formats.shown_number(serial, Format.DATE), Flaw)


# Workbooks


def test_xlsx_rows_columns_and_sheet(tmp_path):
    path = files.workbook(
        tmp_path / "a.xlsx", [], [None, "指标", "数值"], [], [None, "gdp", 254.1], [None, None, None, "旁注"]
    )
    grid = only_grid(path)
    assert (grid.sheet, grid.unit) == ("数据", "行")
    assert grid.rows == [
        Row(2, ["", "指标", "数值"]),
        Row(4, ["", "gdp", "254.1"]),
        Row(5, ["", "", "", "旁注"]),
    ]


def hidden_and_merged(tmp_path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "数据"
    for row in (["甲", "乙", "丙"], [1, 2, 3], [4, 5, 6]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    book.active.merge_cells("C2:C3")
    book.active.row_dimensions[2].hidden = True
    book.active.column_dimensions["B"].hidden = True
    book.save(tmp_path / "a.xlsx")
    return tmp_path / "a.xlsx"


def hidden_and_merged_xls(tmp_path: Path) -> Path:
    import struct

    book = files.Xls(["甲", None, "丙"], [1, 2, 3], [4, 5])
    book.hidden_rows = {2}
    book.extra = [
        struct.pack("<2H", 0x007D, 12) + struct.pack("<6H", 1, 1, 2000, 0, 1, 0),
        struct.pack("<2H", 0x00E5, 18) + struct.pack("<9H", 2, 0, 0, 0, 1, 1, 2, 2, 2),
    ]
    return write(tmp_path, "a.xls", book.bytes())


def hidden_and_merged_ods(tmp_path: Path) -> Path:
    column = "<table:table-column{}/>"
    columns = "".join(map(column.format, ("", ' table:visibility="collapse"', ' table:number-columns-repeated="99"')))
    kind = 'office:value-type="string"'
    wide = f'<table:table-cell table:number-columns-spanned="2" {kind}><text:p>甲</text:p></table:table-cell>'
    tall = '<table:table-cell table:number-rows-spanned="2" office:value-type="float" office:value="3"/>'
    covered = "<table:covered-table-cell/>"
    rows = (
        files.ods_row(wide, covered, "丙")
        + files.ods_row(1, 2, tall, attributes=' table:visibility="collapse"')
        + files.ods_row(4, 5, covered)
    )
    return write(tmp_path, "a.ods", files.ods_bytes(f'<table:table table:name="数据">{columns}{rows}</table:table>'))


@pytest.mark.parametrize("make", [hidden_and_merged, hidden_and_merged_xls, hidden_and_merged_ods])
def test_what_is_hidden_and_merged(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    grid = only_grid(path)
    assert sorted(grid.merged) == [(1, 1, 1, 2), (2, 3, 3, 3)]
    assert grid.hidden_columns == {2}
    rows = list(grid.rows)
    assert [(row.line, row.cells[0], row.is_hidden) for row in rows] == [
        (1, "甲", False),
        (2, "1", True),
        (3, "4", False),
    ]
    assert rows[0].cells == ["甲", "", "丙"]
    assert len(rows[2].cells) == 2  # the covered cell says nothing


def test_sheets_that_are_hidden_or_hold_no_cells_are_told(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["指标"])
    book.create_sheet("字典").sheet_state = "hidden"
    book.create_chartsheet("图")
    book.save(tmp_path / "a.xlsx")
    report = reading.Report()
    rows_of(tmp_path / "a.xlsx", report)
    assert (report.hidden_sheets, report.skipped) == (["字典"], ["图"])


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="C2" t="inlineStr"><is><t>=cmd()</t></is></c>', "=cmd()"),
        (
            '<c r="C2" t="inlineStr"><is><t>a_x0000_b</t></is></c>',
            Flaw("含有看不见的控制字符或乱码", "请删去这个单元格的内容，重新录入"),
        ),
        ('<c r="C2" t="inlineStr"><is><t>&#x7eff;&amp;&lt;&#22253;_x000D_</t></is></c>', "绿&<园"),
        ('<c r="C2" t="d"><v>2023-06-30T00:00:00Z</v></c>', "2023-06-30"),
        ('<c r="C2" t="d"><v>30.6.2023</v></c>', Flaw("不是有效的日期", "请核对这个日期")),
        ('<c r="C2"><v>0012</v></c>', "12"),
        ('<c r="C2"><v>1_000</v></c>', Flaw("不是有限的数", "请核对这个数")),
        ("<c s='0' r='C2'><v>2&#53;4</v></c>", "254"),
        ("<c r='C2' t='inlineStr'><is><t>&amp;amp;</t></is></c>", "&amp;"),
    ],
)
def test_xlsx_cells(tmp_path, cell, expected):
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml('<c r="A2"><v>1</v></c>', cell))
    assert cells(rows_of(path))[1] == ["1", "", expected]


@pytest.mark.parametrize(
    "cell",
    [
        "<c>",
        '<c r="2A"><v>1</v></c>',
        '<c r="C3"><v>1</v></c>',
        '<c r="C2" t="inlineStr"><is><t>&unknown;</t></is></c>',
        '<c r="C2" t="s"><v>-1</v></c>',
        '<c r="C2" t="secret"><v>1</v></c>',
        "<!-- never closed",
        '<c r="C2"><v>1</v></c></row><row r="2"><c r="A2"><v>2</v></c>',
        '<c r="AAAA2"><v>2</v></c>',
    ],
)
def test_xlsx_broken_sheets(tmp_path, cell):
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml(cell))
    with pytest.raises(Unreadable, match="已损坏或不完整"):
        rows_of(path)


def test_xlsx_rows_without_numbers_are_counted(tmp_path):
    sheet = (
        f'<worksheet xmlns="{files.MAIN}"><sheetData><row><c><v>1</v></c></row><row/><row><c><v>3</v></c></row>'
        '<row r="9"/><row><c/><c><v>10</v></c></row></sheetData></worksheet>'
    )
    assert rows_of(files.raw_workbook(tmp_path / "a.xlsx", sheet)) == [
        Row(1, ["1"]),
        Row(3, ["3"]),
        Row(10, ["", "10"]),
    ]


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_xlsx_rows_may_be_cut_anywhere(tmp_path, monkeypatch, size):
    """However the unpacked bytes come, also in the midst of a character."""
    monkeypatch.setattr(xlsx, "CHUNK", size)
    monkeypatch.setattr(package, "CHUNK", size)
    path = hidden_and_merged(tmp_path)
    grid = only_grid(path)
    assert [row.cells for row in grid.rows] == [["甲", "", "丙"], ["1", "2", "3"], ["4", "5"]]
    assert (sorted(grid.merged), grid.hidden_columns) == ([(1, 1, 1, 2), (2, 3, 3, 3)], {2})


def test_xlsx_and_calamine_see_the_same(tmp_path):
    """Another program's reading of a large sheet, cell by cell."""
    from python_calamine import CalamineWorkbook

    rows = [[f"指标{n % 7}", n / 8, -n, f"{n}年&<", None, n * 1e9 / 7] for n in range(2000)]
    path = files.workbook(tmp_path / "a.xlsx", *rows)
    with CalamineWorkbook.from_path(str(path)) as book:
        expected = [
            [table.number_cell(cell) if isinstance(cell, float | int) else cell for cell in row]
            for row in book.get_sheet_by_index(0).to_python()
        ]
    assert cells(rows_of(path)) == expected


def test_damaged_workbooks_never_crash(tmp_path):
    """Any byte changed or anything cut off: rows or a refusal, nothing else."""
    contents = {
        ".xlsx": hidden_and_merged(tmp_path).read_bytes(),
        ".xls": hidden_and_merged_xls(tmp_path).read_bytes(),
        ".ods": hidden_and_merged_ods(tmp_path).read_bytes(),
    }
    outcomes = set()
    for suffix, content in contents.items():
        for place in range(0, len(content), max(len(content) // 150, 1)):
            damaged = bytearray(content)
            damaged[place] ^= 0xFF
            for broken in (bytes(damaged), content[:place]):
                try:
                    read(tmp_path, f"b{suffix}", broken)
                    outcomes.add("read")
                except Unreadable as refused:
                    assert str(refused).endswith("。")
                    outcomes.add("refused")
    assert outcomes == {"read", "refused"}


# Limits


def test_csv_trailing_empty_columns_do_not_count(tmp_path):
    assert cells(read(tmp_path, "a.csv", f"指标\ngdp{',' * 3000}\n")) == [["指标"], ["gdp"]]


@pytest.mark.parametrize("length", [2000, 2001])
def test_cell_at_its_limit(tmp_path, length):
    cell = Flaw("内容有 2001 个字，超过 2000 字的上限", "请缩短这个单元格的内容") if length > 2000 else "x" * 2000
    assert cells(read(tmp_path, "a.csv", f"指标,说明\ngdp,{'x' * length}\n"))[1] == ["gdp", cell]


def test_replacement_characters_are_flawed(tmp_path):
    assert cells(read(tmp_path, "a.csv", "指标\n绿\ufffd区\n"))[1] == [GARBLED]


def test_rows_over_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MAX_ROWS", 3000)
    assert len(read(tmp_path, "a.csv", "x\n" * 3000)) == 3000
    assert "数据超过 3000 行的上限" in refusal(tmp_path, "a.csv", "x\n" * 3001)


def test_limits_stand_where_the_messages_say():
    assert (table.MAX_ROWS, table.MAX_COLUMNS, table.MAX_CELL, table.MAX_TEXT) == (1_048_576, 1_000, 2_000, 256_000_000)
    assert (package.MAX_MEMBERS, package.MAX_UNPACKED, text.MAX_FIELD) == (2_000, 400 * 1024 * 1024, 1_000_000)


# The child process


def answer(path: Path) -> list[object]:
    target = io.BytesIO()
    child.answer(path, path.suffix, target)
    return [json.loads(line) for line in target.getvalue().splitlines()]


def test_child_writes_tables_and_rows(tmp_path):
    content = '[{"a": "绿],\\u001e[园", "b": true}, {"a": "\\u0000", "b": 17.10}]'
    opening, *rows, end, done = answer(write(tmp_path, "a.json", content))
    found = Table.from_opening(opening["table"])
    assert (found.number, found.unit, [head.name for head in found.heads]) == (1, "条", ["a", "b"])
    # A control character, here the very one that parts rows while they are encoded, is a flaw and breaks no line.
    flaw = GARBLED
    assert [row_from_json(row) for row in rows] == [Row(1, [flaw, "true"]), Row(2, [flaw, "17.10"])]
    assert end == {"end": {"rows": 2, "notes": []}}
    assert done == {"done": {"hidden_sheets": [], "skipped": []}}


def test_child_parts_rows_and_nothing_else():
    rows = [
        Row(1, ["e],[", "false],["], None, True),
        Row(2, [Flaw("p", "r"), Flaw("p", "r")], Flaw("p", "r")),
        Row(3, []),
    ]
    lines = child._lines([(row.line, row.cells, row.flaw, row.is_hidden) for row in rows]).splitlines()
    assert [row_from_json(json.loads(line)) for line in lines] == rows


def test_child_passes_refusals_on_even_after_rows(tmp_path):
    said = answer(write(tmp_path, "a.csv", '指标,数值\ngdp,1\ngdp,"2\n'))
    assert "第3行的双引号不成对" in said[-1]["refused"]


@pytest.mark.parametrize(("limit", "told"), [("MAX_TEXT", "文字总量超过 1 万字"), ("MAX_CELLS", "单元格超过 1 万个")])
def test_child_keeps_count_of_the_whole(tmp_path, monkeypatch, limit, told):
    monkeypatch.setattr(child, limit, 10_000)
    assert told in answer(write(tmp_path, "a.csv", "指标,数值\n" + "x,1\n" * 6000))[-1]["refused"]


def run(path: Path, memory: int = 1 << 30, cpu: int = 20) -> tuple[int, list[str]]:
    command = [sys.executable, "-B", "-m", "lvyuan.imports.child", str(path), path.suffix, str(memory), str(cpu)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env={"PATH": os.defpath}, check=False)
    return done.returncode, done.stdout.decode().splitlines()


def test_child_runs_without_django_and_ends_its_answer(tmp_path):
    code, lines = run(write(tmp_path, "a.csv", "指标,数值\ngdp,1\n"))
    assert (code, json.loads(lines[-1])) == (0, {"done": {"hidden_sheets": [], "skipped": []}})


def test_child_out_of_memory_says_so(tmp_path):
    code, lines = run(write(tmp_path, "a.json", json.dumps([{"a": "x" * 1000}] * 60_000)), memory=64 << 20)
    assert code == 0
    assert "超过读取时的内存上限。请拆分成几个文件再上传" in json.loads(lines[-1])["refused"]


def test_child_out_of_processor_time_is_cut_short(tmp_path):
    code, lines = run(write(tmp_path, "a.csv", ("x" * 100 + "\n") * 300_000), cpu=0)
    assert code in (-signal.SIGXCPU, -signal.SIGKILL)
    assert not lines or not lines[-1].startswith('{"done"')
