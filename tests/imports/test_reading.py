"""Files into tables of texts: encodings, digits, places, and everything that must be refused in words."""

from __future__ import annotations

import datetime as dt
import json
import struct
from pathlib import Path

import openpyxl
import pytest

from lvyuan.imports import pipeline, reading, table, workbook
from lvyuan.imports.reading import read_table
from lvyuan.imports.registry import ImportRefused
from lvyuan.imports.table import Flaw, Row, Table, Unreadable
from tests.imports import files

EXPECTED = [["指标", "时期", "数值"], ["gdp", "2023年1—6月", "３．５"]]
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, name: str, content: bytes | str) -> Table:
    return read_table(write(folder, name, content), Path(name).suffix)


def refusal(folder: Path, name: str, content: bytes | str) -> str:
    with pytest.raises(Unreadable) as caught:
        read(folder, name, content)
    return str(caught.value)


def cells(found: Table) -> list[list[object]]:
    return [row.cells for row in found.rows]


# CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_csv_encodings(tmp_path, encoding):
    found = read(tmp_path, "a.csv", files.csv_bytes(*EXPECTED, encoding=encoding))
    assert [found.header, *cells(found)] == EXPECTED


def test_csv_utf_16_big_endian(tmp_path):
    content = b"\xfe\xff" + files.csv_bytes(*EXPECTED, encoding="utf-16-be")
    assert cells(read(tmp_path, "a.csv", content)) == EXPECTED[1:]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_delimiters(tmp_path, delimiter):
    content = f'指标{delimiter}说明\r\ngdp{delimiter}"一，二{delimiter}三"\r\n'
    assert cells(read(tmp_path, "a.csv", content)) == [["gdp", f"一，二{delimiter}三"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_csv_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path, end):
    content = end.join(["", "指标,说明", "", 'gdp,"两', '行"', ",,", "gdp,x", ""])
    found = read(tmp_path, "a.csv", content)
    assert (found.header_line, [row.line for row in found.rows]) == (2, [4, 6])


def test_csv_cells_are_trimmed_and_short_rows_filled(tmp_path):
    found = read(tmp_path, "a.csv", "\u3000指标 , 时期,数值\n gdp\u00a0,2023年\n")
    assert (found.header, cells(found)) == (["指标", "时期", "数值"], [["gdp", "2023年", ""]])


def test_csv_row_longer_than_the_header_is_flawed(tmp_path):
    found = read(tmp_path, "a.csv", "指标,数值\ngdp,1,234.5\n")
    assert found.rows == [
        Row(2, ["gdp", "1"], Flaw("这一行有 3 列，表头只有 2 列", "内容含分隔符的单元格请加英文双引号"))
    ]


def test_csv_text_that_looks_like_a_formula_stays_text(tmp_path):
    assert cells(read(tmp_path, "a.csv", "指标,说明\ngdp,=cmd()|' /C calc'!A0\n")) == [["gdp", "=cmd()|' /C calc'!A0"]]


# JSON


@pytest.mark.parametrize("wrap", ["%s", '{"observations": %s}'])
def test_json_numbers_keep_their_digits(tmp_path, wrap):
    content = wrap % '[{"value": 254.10, "growth": 1e400, "n": 12345678901234567890.123, "z": -0.0, "i": 17}]'
    found = read(tmp_path, "a.json", content)
    assert found.header == ["value", "growth", "n", "z", "i"]
    assert cells(found) == [["254.10", "1e400", "12345678901234567890.123", "-0.0", "17"]]


def test_json_records_are_counted_and_may_differ(tmp_path):
    found = read(tmp_path, "a.json", '[{"a": "x"}, {}, {"b": null, "a": null}, {"b": "y"}]')
    assert (found.unit, found.header) == ("条", ["a", "b"])
    assert found.rows == [Row(1, ["x", ""]), Row(4, ["", "y"])]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_json_encodings(tmp_path, encoding):
    assert cells(read(tmp_path, "a.json", '[{"指标": "绿园"}]'.encode(encoding))) == [["绿园"]]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("true", "是逻辑值 true，不是数据"),
        ("[1]", "里面还有列表或记录"),
        ('"a\\u0000b"', "含有看不见的控制字符或乱码"),
        ('"\\ud800"', "含有看不见的控制字符或乱码"),
        (json.dumps("长" * 2001), "内容有 2001 个字，超过 2000 字的上限"),
    ],
)
def test_json_values_that_are_no_text(tmp_path, value, problem):
    (row,) = read(tmp_path, "a.json", f'[{{"a": "x", "b": {value}}}]').rows
    assert row.cells[1].problem == problem


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[{"a": 1}', "第 1 行第 10 个字符附近写法有误"),
        ('[{"a": NaN}]', "JSON 里有 NaN，它不是数"),
        ('[{"a": -Infinity}]', "JSON 里有 -Infinity，它不是数"),
        ('[{"a": 1, "a": 2}]', "“a”出现了不止一次"),
        ("{}", "没有记录列表"),
        ('{"observations": {"a": 1}}', "没有记录列表"),
        ("17", "没有记录列表"),
        ("[]", "记录列表是空的"),
        ("[{}]", "没有任何字段"),
        ('[{"a": 1}, 2]', "第2条不是记录"),
        ("[" * 100_000, "嵌套层数过多"),
        ('[{"a\\u0000": 1}]', "第 1 个字段的名称含有看不见的控制字符"),
        (json.dumps([{f"c{i}": 1 for i in range(201)}]), "201 个不同的字段，超过 200 个"),
    ],
)
def test_json_refusals(tmp_path, content, told):
    assert told in refusal(tmp_path, "a.json", content)


# Workbooks


def test_xlsx_rows_columns_and_sheet(tmp_path):
    path = files.workbook(
        tmp_path / "a.xlsx", [], [None, "指标", "数值"], [], [None, "gdp", 254.1], [None, None, None, "旁注"]
    )
    found = read_table(path, ".xlsx")
    assert (found.sheet, found.header_line, found.header) == ("数据", 2, ["指标", "数值", ""])
    assert found.rows == [Row(4, ["gdp", "254.1", ""]), Row(5, ["", "", "旁注"])]
    assert found.place(4) == "工作表“数据”第4行"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (254.1, "254.1"),
        (3480.0, "3480"),
        (3480, "3480"),
        (-6.0, "-6"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (3479.9999999999995, "3480"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (123456789012345.0, "123456789012345"),
    ],
)
def test_xlsx_numbers_are_the_digits_people_see(tmp_path, number, text):
    path = files.workbook(tmp_path / "a.xlsx", ["数值"], [number])
    assert cells(read_table(path, ".xlsx")) == [[text]]


def test_xlsx_percent_format_is_read_as_shown(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["a", "b", "c", "d"])
    book.active.append([0.171, 0.9, 17.1, 0.5])
    for place, shown_as in (("A2", "0.0%"), ("B2", "0%"), ("C2", '0.0"%"'), ("D2", "0.0\\%")):
        book.active[place].number_format = shown_as
    book.save(tmp_path / "a.xlsx")
    assert cells(read_table(tmp_path / "a.xlsx", ".xlsx")) == [["17.1%", "90%", "17.1", "0.5"]]


def test_xlsx_dates_are_iso_and_other_types_flawed(tmp_path):
    row = [dt.date(2023, 6, 30), dt.datetime(2023, 6, 30, 8, 30), dt.time(8, 30), True]
    path = files.workbook(tmp_path / "a.xlsx", ["a", "b", "c", "d"], row)
    (found,) = cells(read_table(path, ".xlsx"))
    assert found[:2] == ["2023-06-30", "2023-06-30 08:30:00"]
    assert [cell.problem for cell in found[2:]] == ["是时刻或时长，不是数据", "是逻辑值 TRUE，不是数据"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('<c r="C2" t="e"><v>#N/A</v></c>', "是公式错误（如 #DIV/0!、#N/A）"),
        ('<c r="C2"><f>1/0</f></c>', "是公式，但文件里没有计算结果"),
        ('<c r="C2"><f>A1+1</f><v></v></c>', "是公式，但文件里没有计算结果"),
        ('<c r="C2"><v>1e400</v></c>', "不是有限的数"),
        ('<c r="C2"><f>1+1</f><v>2.5</v></c>', "2.5"),
        ('<c r="C2" t="str"><f>""</f><v></v></c>', ""),
        ('<c r="C2" t="inlineStr"><is><t>=cmd()</t></is></c>', "=cmd()"),
        ('<c r="C2" t="inlineStr"><is><t>a_x0000_b</t></is></c>', "含有看不见的控制字符或乱码"),
    ],
)
def test_xlsx_formulas_and_errors(tmp_path, cell, expected):
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml('<c r="A2"><v>1</v></c>', cell))
    found = cells(read_table(path, ".xlsx"))[0][2]
    assert (found.problem if isinstance(found, Flaw) else found) == expected


def test_xlsx_several_sheets_are_a_question(tmp_path):
    book = openpyxl.Workbook()
    for title in ("一季度", "空表", "上半年"):
        book.create_sheet(title)
    for title in ("一季度", "上半年"):
        book[title].append(["指标"])
    book.save(tmp_path / "a.xlsx")
    found = read_table(tmp_path / "a.xlsx", ".xlsx")
    assert found.rows == []
    assert found.questions == ["工作簿有 2 张有内容的工作表：“一季度”、“上半年”。请只保留要导入的一张，另存后再上传。"]


def test_xlsx_empty_and_hidden_sheets_do_not_count(tmp_path):
    book = openpyxl.Workbook()
    hidden = book.create_sheet("字典")
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    book.create_sheet("数据").append(["指标"])
    book["数据"].append(["gdp"])
    book.save(tmp_path / "a.xlsx")
    assert read_table(tmp_path / "a.xlsx", ".xlsx").sheet == "数据"


def test_xlsx_far_formatted_but_empty_cell_is_harmless(tmp_path):
    cell = '<c r="XFD1048576" s="0"/>'
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml('<c r="A2"><v>1</v></c>', cell))
    assert cells(read_table(path, ".xlsx")) == [["1", "", ""]]


# What is not what it says


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"MZ\x90\x00\x03\x00\x00\x00", "内容却是Windows 程序（exe）"),
        ("a.json", b"MZ\x90\x00", "内容却是Windows 程序（exe）"),
        ("a.xlsx", b"MZ\x90\x00", "内容却是Windows 程序（exe）"),
        ("a.csv", b"\x7fELF\x02", "内容却是程序"),
        ("a.csv", "指标,数值\n\0gdp,1\n".encode(), "内容却含有二进制数据"),
        ("a.json", b'[{"a": "\0"}]', "内容却含有二进制数据"),
        ("a.csv", files.csv_bytes(*EXPECTED, encoding="utf-16-le"), "内容却含有二进制数据"),
        ("a.csv", b"PK\x03\x04", "内容却是压缩包或 Office 文件"),
        ("a.csv", b"%PDF-1.7", "内容却是PDF 文件"),
        ("a.csv", b"\xef\xbb\xbf <!DOCTYPE html><table>", "内容却是网页或 XML 文件"),
        ("a.csv", b"\x89PNG\r\n\x1a\n", "内容却是图片"),
        ("a.csv", b"\xff\xff\xff", "编码无法识别"),
        ("a.csv", b"", "文件是空的（0 字节）"),
        ("a.csv", b"\r\n \r\n,,\r\n", "文件里没有任何内容"),
        ("a.csv", "指标,数值\n", "只有表头，没有数据行"),
        ("a.csv", '指标,说明\ngdp,"没有结尾\n', "第2行的双引号不成对"),
        ("a.csv", '指标\n"a"b\n', "第2行的双引号不成对"),
        ("a.xlsx", b"", "文件是空的（0 字节）"),
        ("a.xlsx", "指标,数值\n", "内容却不是工作簿"),
        ("a.xlsx", b"<html><table>", "内容却是网页或 XML 文件"),
        ("a.xlsx", OLE + b"EncryptedPackage", "旧版 Office 文件（xls、doc）或加了密码的工作簿。请"),
        ("a.xlsx", files.zip_bytes(word__document_xml="<x/>"), "没有工作簿的压缩包"),
        ("a.xlsx", files.zip_bytes(xl__workbook_bin="x"), "这是 xlsb 工作簿"),
        ("a.xlsx", files.zip_bytes(xl__workbook_xml="<x/>"), "工作簿已损坏或不完整"),
        ("a.xlsx", b"PK\x03\x04" + b"\0" * 100, "工作簿已损坏或不完整"),
    ],
)
def test_file_that_is_not_what_it_says(tmp_path, name, content, told):
    message = refusal(tmp_path, name, content)
    assert told in message
    assert message.endswith("。")


def test_xlsx_truncated(tmp_path):
    path = files.workbook(tmp_path / "a.xlsx", ["指标"], ["gdp"])
    assert "已损坏或不完整" in refusal(tmp_path, "b.xlsx", path.read_bytes()[:-200])


def test_xlsx_broken_xml(tmp_path):
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml("<c>"))
    with pytest.raises(Unreadable, match="已损坏或不完整"):
        read_table(path, ".xlsx")


def test_xlsx_broken_address(tmp_path):
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml('<c r="2A"><v>1</v></c>'))
    with pytest.raises(Unreadable, match="已损坏或不完整"):
        read_table(path, ".xlsx")


# Limits

BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("part", ["sheet", "shared_strings"])
def test_xlsx_with_xml_entities_is_refused(tmp_path, part):
    sheet = files.sheet_xml('<c r="A2"><v>&b;</v></c>', before=BOMB if part == "sheet" else "")
    parts = {"shared_strings": f'{BOMB}<sst xmlns="{files.MAIN}"><si><t>&b;</t></si></sst>'} if part != "sheet" else {}
    path = files.raw_workbook(tmp_path / "a.xlsx", sheet if parts == {} else files.sheet_xml(), **parts)
    with pytest.raises(Unreadable, match="XML 实体定义"):
        read_table(path, ".xlsx")


def test_xlsx_bomb_is_refused_before_unpacking(tmp_path):
    said, over = struct.pack("<I", 4321), struct.pack("<I", 400 * 1024 * 1024 + 1)
    content = files.zip_bytes(xl__workbook_xml="", xl__worksheets__sheet1_xml=" " * 4321)
    assert "解压后超过 400 MB" in refusal(tmp_path, "a.xlsx", content.replace(said, over))


def test_xlsx_that_lies_about_its_size_is_refused(tmp_path):
    filler = f'<sst xmlns="{files.MAIN}">{" " * 5_000_000}</sst>'
    path = files.raw_workbook(tmp_path / "a.xlsx", files.sheet_xml('<c r="A2"><v>1</v></c>'), shared_strings=filler)
    true, lie = struct.pack("<I", len(filler)), struct.pack("<I", 100)
    assert path.read_bytes().count(true) == 2  # in the member's own header and in the directory
    path.write_bytes(path.read_bytes().replace(true, lie))
    with pytest.raises(Unreadable, match="已损坏或不完整"):
        read_table(path, ".xlsx")


def test_xlsx_with_too_many_members(tmp_path):
    content = files.zip_bytes(**{f"m{i}": "" for i in range(2001)})
    assert "2001 个内部文件，超过 2000 个" in refusal(tmp_path, "a.xlsx", content)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("XFD1", "有 16384 列，超过 200 列的上限"),
        ("GS2", "有 201 列，超过 200 列的上限"),
        ("ED1048576", "的范围有 1048576 行 134 列，超过上限"),
    ],
)
def test_xlsx_far_cell_is_refused_before_it_is_loaded(tmp_path, cell, told):
    xml = files.sheet_xml('<c r="A2"><v>1</v></c>', f'<c r="{cell}"><v>1</v></c>')
    with pytest.raises(Unreadable, match=told):
        read_table(files.raw_workbook(tmp_path / "a.xlsx", xml), ".xlsx")


def test_csv_header_with_a_million_columns(tmp_path):
    assert "第1行有 1000000 列，超过 200 列" in refusal(tmp_path, "a.csv", ",".join(["x"] * 1_000_000))


def test_csv_trailing_empty_columns_do_not_count(tmp_path):
    assert cells(read(tmp_path, "a.csv", f"指标\ngdp{',' * 300}\n")) == [["gdp"]]


def test_csv_huge_cell_is_refused_with_its_row(tmp_path):
    assert "第2行有一个单元格超过 100 万字" in refusal(tmp_path, "a.csv", f"指标,说明\ngdp,{'x' * 1_000_001}\n")


def test_cell_over_its_limit_is_flawed(tmp_path):
    (row,) = read(tmp_path, "a.csv", f"指标,说明\ngdp,{'x' * 2001}\n").rows
    assert row.cells[1] == Flaw("内容有 2001 个字，超过 2000 字的上限", "请缩短这个单元格的内容")


def test_replacement_characters_are_flawed(tmp_path):
    (row,) = read(tmp_path, "a.csv", "指标\n绿\ufffd区\n").rows
    assert row.cells[0].problem == "含有看不见的控制字符或乱码"


def test_header_with_control_characters_is_refused(tmp_path):
    assert "表头（第1行）第 2 列含有看不见的控制字符" in refusal(tmp_path, "a.csv", "指标,数\x01值\ngdp,1\n")


def test_rows_over_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MAX_ROWS", 30_000)
    assert len(read(tmp_path, "a.csv", "指标\n" + "x\n" * 30_000).rows) == 30_000
    assert "数据超过 3 万行的上限" in refusal(tmp_path, "a.csv", "指标\n" + "x\n" * 30_001)


def test_text_over_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MAX_TEXT", 10_000)
    assert "文字总量超过 1 万字" in refusal(tmp_path, "a.csv", "指标\n" + "x" * 1000 + ("\n" + "x" * 1000) * 9)


# The child process


def test_child_gives_the_same_table(tmp_path):
    path = write(tmp_path, "a.json", '[{"a": "绿园", "b": true}, {"a": 17.10}]')
    assert pipeline.read(path, ".json") == read_table(path, ".json")


def test_child_passes_refusals_on(tmp_path):
    with pytest.raises(ImportRefused, match="内容却是Windows 程序"):
        pipeline.read(write(tmp_path, "a.csv", b"MZ"), ".csv")


def test_child_out_of_memory_is_a_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "MEMORY", 64 * 1024 * 1024)
    path = write(tmp_path, "a.json", json.dumps([{"a": "x" * 1000}] * 20_000))
    with pytest.raises(ImportRefused, match="超过读取时的内存上限。请拆分成几个文件再上传"):
        pipeline.read(path, ".json")


def test_child_out_of_processor_time_is_a_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "CPU_SECONDS", 0)
    with pytest.raises(ImportRefused, match="读取文件用时超过 0 秒"):
        pipeline.read(write(tmp_path, "a.csv", ("x" * 100 + "\n") * 300_000), ".csv")


def test_child_that_hangs_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "WALL_SECONDS", 0.01)
    with pytest.raises(ImportRefused, match=r"读取文件超过 0\.01 秒"):
        pipeline.read(write(tmp_path, "a.csv", "指标\ngdp\n"), ".csv")


def test_child_that_dies_is_a_refusal(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline.sys, "executable", "/bin/false")
    with pytest.raises(ImportRefused, match="读取中断"):
        pipeline.read(write(tmp_path, "a.csv", "指标\ngdp\n"), ".csv")


def test_limits_stand_where_the_messages_say() -> None:
    assert (table.MAX_ROWS, table.MAX_COLUMNS, workbook.MAX_UNPACKED) == (100_000, 200, 400 * 1024 * 1024)
    assert reading.MAX_FIELD == 1_000_000
