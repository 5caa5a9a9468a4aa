"""The error workbook: what goes back, how it looks, and that nothing in it can run."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill

from lvyuan.imports.registry import ImportRefused
from lvyuan.imports.returned import returned_workbook
from lvyuan.imports.table import RETURNED_HEADS, Flaw, Head, Row, Table


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


def table(
    header_line: int, heads: list[str], *rows: tuple[int, list[str | Flaw]], sheet: str = "数据", **more
) -> Table:
    return Table(
        sheet=sheet,
        header_line=header_line,
        heads=[Head(number, tuple(text.split("/"))) for number, text in enumerate(heads, 1)],
        rows=[Row(line, list(cells)) for line, cells in rows],
        **more,
    )


def texts(sheet) -> list[list[object]]:
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


def opened(content: bytes):
    return openpyxl.load_workbook(io.BytesIO(content))


MESSY = [
    table(
        4,
        ["指标", "1—6月/数值", "1—6月/增长"],
        (5, ["工业总产值", "223.7", "17.1"]),
        (6, ["税收", "一百", "3"]),
        (7, ["税收", "2.5", "x"]),  # its label is merged over both rows
        above=["主要指标", "单位：亿元"],
    ),
    table(11, ["指标", "数值"], (12, ["户数", "3"]), number=2),
    table(15, ["单位", "数值"], (16, ["商务局", Flaw("公式没有算好的值", "请另存")]), (17, ["工信局", "8"]), number=3),
]


@pytest.fixture
def messy(tmp_path) -> Path:
    """Three tables on a sheet; the second is without fault."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "数据"
    rows = {
        1: ["主要指标"],
        2: ["单位：亿元"],
        3: ["指标", "1—6月", None],
        4: [None, "数值", "增长"],
        5: ["工业总产值", 223.7, 17.1],
        6: ["税收", "一百", 3],
        7: [None, 2.5, "x"],
        9: ["注：快报数"],
        10: ["户数表"],
        11: ["指标", "数值"],
        12: ["户数", 3],
        14: ["分单位"],
        15: ["单位", "数值"],
        16: ["商务局", "=1+1"],
        17: ["工信局", 8],
        19: ["填表人：某某"],
    }
    for line, cells in rows.items():
        for column, value in enumerate(cells, 1):
            sheet.cell(line, column, value)
    for area in ("A1:C1", "B3:C3", "A3:A4", "A6:A7"):
        sheet.merge_cells(area)
    sheet["A1"].font = Font(bold=True, size=18)
    sheet["B4"].fill = PatternFill("solid", fgColor="FFDDEBF7")
    sheet["B5"].number_format = sheet["B7"].number_format = "0.00"
    sheet.column_dimensions["A"].width = 31
    sheet.row_dimensions[1].height = 40
    book.create_sheet("无误").append(["不相干"])
    book.save(tmp_path / "messy.xlsx")
    return (tmp_path / "messy.xlsx").rename(tmp_path / "0123abcd")  # kept files are named by their hash


REASONS = {
    ("数据", 6): "B列：“一百”不是数。请填写数字",
    ("数据", 7): "C列：“x”不是数。请填写数字",
    ("数据", 16): "B列：公式没有算好的值。请另存",
}


def test_only_failed_rows_go_back_under_their_own_headers(messy):
    book = opened(returned_workbook(MESSY, REASONS, source=messy, suffix=".xlsx"))
    assert book.sheetnames == ["数据"]
    assert texts(book["数据"]) == [
        ["主要指标", None, None, None, None],
        ["单位：亿元", None, None, None, None],
        ["指标", "1—6月", None, None, None],
        [None, "数值", "增长", *RETURNED_HEADS],
        ["税收", "一百", 3, 6, REASONS["数据", 6]],
        [None, 2.5, "x", 7, REASONS["数据", 7]],
        [None, None, None, None, None],
        ["分单位", None, None, None, None],
        ["单位", "数值", None, *RETURNED_HEADS],
        ["商务局", None, None, 16, REASONS["数据", 16]],
        [None, None, None, None, None],
        ["填表人：某某", None, None, None, None],
    ]


def test_sheet_looks_as_it_came(messy):
    sheet = opened(returned_workbook(MESSY, REASONS, source=messy, suffix=".xlsx"))["数据"]
    assert {str(area) for area in sheet.merged_cells.ranges} == {"A1:C1", "B3:C3", "A3:A4", "A5:A6"}
    assert (sheet["A1"].font.bold, sheet["A1"].font.size, sheet.row_dimensions[1].height) == (True, 18, 40)
    assert (sheet["B4"].fill.fgColor.rgb, sheet["B6"].number_format) == ("FFDDEBF7", "0.00")
    assert sheet.column_dimensions["A"].width == 31


def test_label_stays_with_a_row_that_has_lost_its_first(messy):
    reasons = {place: reason for place, reason in REASONS.items() if place[1] == 7}
    sheet = opened(returned_workbook(MESSY, reasons, source=messy, suffix=".xlsx"))["数据"]
    assert [cell.value for cell in sheet[5]] == ["税收", 2.5, "x", 7, REASONS["数据", 7]]
    assert [row[0].value for row in sheet.iter_rows(6)] == []


def test_only_the_failed_rows_can_be_edited(messy):
    sheet = opened(returned_workbook(MESSY, REASONS, source=messy, suffix=".xlsx"))["数据"]
    assert sheet.protection.sheet
    unlocked = {cell.coordinate for row in sheet.iter_rows() for cell in row if not cell.protection.locked}
    assert unlocked == {f"{letter}{row}" for letter in "ABC" for row in (5, 6, 10)}
    assert (sheet["E5"].font.color.rgb, sheet["E5"].alignment.wrap_text) == ("FFAE2420", True)


def test_nothing_in_it_can_run(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["指标", "数值", "说明"])
    book.active.append(["甲", "x", "+cmd|' /C calc'!A0"])
    book.active.append(["乙", "x", "无"])
    book.active["C3"] = '=HYPERLINK("http://example.invalid","看")'
    book.active["A3"].hyperlink = "http://example.invalid"
    book.active.title = "数据"
    path = tmp_path / "a.xlsx"
    book.save(path)
    rows = [(2, ["甲", "x", "+cmd|' /C calc'!A0"]), (3, ["乙", "x", ""])]
    reasons = {("数据", 2): "=1+1", ("数据", 3): "坏"}
    content = returned_workbook([table(1, ["指标", "数值", "说明"], *rows)], reasons, source=path, suffix=".xlsx")
    sheet = opened(content)["数据"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert (sheet["C2"].value, sheet["C2"].quotePrefix, sheet["E2"].value, sheet["C3"].value) == (
        "+cmd|' /C calc'!A0",
        True,
        "=1+1",
        None,
    )
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert not [name for name in archive.namelist() if "vba" in name or "external" in name or "_rels/sheet" in name]
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


@pytest.mark.parametrize("suffix", [".csv", ".xls", ".json"])
def test_other_files_come_back_as_a_workbook_of_the_same_layout(tmp_path, suffix):
    content = returned_workbook(MESSY[:1], REASONS, source=tmp_path / "none", suffix=suffix)
    assert texts(opened(content)["数据"]) == [
        ["主要指标", None, None, None, None],
        ["单位：亿元", None, None, None, None],
        [None, "1—6月", "1—6月", None, None],
        ["指标", "数值", "增长", *RETURNED_HEADS],
        ["税收", "一百", 3, 6, REASONS["数据", 6]],
        ["税收", 2.5, "x", 7, REASONS["数据", 7]],
    ]


def test_digits_stay_as_written(tmp_path):
    rows = [(2, ["21.30", "007", "1e5", "12345678901234567", "-0.5", "220106"])]
    content = returned_workbook(
        [table(1, list("甲乙丙丁戊己"), *rows, sheet="")], {("", 2): "坏"}, source=tmp_path / "n", suffix=".csv"
    )
    sheet = opened(content).active
    assert [cell.value for cell in sheet[2]][:6] == ["21.30", "007", "1e5", "12345678901234567", -0.5, 220106]
    assert sheet.title == "有误的行"


def test_file_that_cannot_be_copied_comes_back_plain(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04 broken")
    content = returned_workbook(MESSY[:1], REASONS, source=path, suffix=".xlsx")
    assert texts(opened(content)["数据"])[4][0] == "税收"


def test_entities_are_never_resolved(tmp_path):
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    assert returned_workbook(MESSY[:1], REASONS, source=path, suffix=".xlsx")


def test_flawed_cell_is_blank_and_long_lists_are_cut(tmp_path, monkeypatch):
    monkeypatch.setattr("lvyuan.imports.returned.MAX_ROWS", 2)
    rows = [Row(line, [f"行{line}", Flaw("公式没有值", "请另存")]) for line in (2, 3, 4)]
    one = Table(header_line=1, heads=[Head(1, ("甲",)), Head(2, ("乙",))], rows=rows)
    reasons = {("", line): "坏" for line in (2, 3, 4)}
    sheet = opened(returned_workbook([one], reasons, source=tmp_path / "n", suffix=".csv")).active
    assert texts(sheet)[1:] == [["行2", None, 2, "坏"], ["行3", None, 3, "坏"]]


def test_nothing_to_return(tmp_path):
    with pytest.raises(ImportRefused, match="没有可以退回的行"):
        returned_workbook(MESSY, {("数据", 99): "坏"}, source=tmp_path / "n", suffix=".csv")
